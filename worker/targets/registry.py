"""The adapters by kind of target."""

from __future__ import annotations

from typing import assert_never

from service.settings import TargetSettings
from worker.attachments.contents import Contents
from worker.targets.base import Adapter
from worker.targets.http import Caller, Patience, TargetHttp
from worker.targets.limits import Limiter
from worker.targets.omeka_classic.adapter import OmekaClassicAdapter
from worker.targets.omeka_classic.answers import outage as omeka_classic_outage
from worker.targets.omeka_s.adapter import OmekaSAdapter
from worker.targets.omeka_s.answers import outage as omeka_s_outage


def make_adapter(
    name: str,
    settings: TargetSettings,
    limiter: Limiter,
    patience: Patience | None = None,
    caller: Caller | None = None,
    contents: Contents | None = None,
) -> Adapter:
    """The adapter of a configured target. `limiter` is that target's, shared by all runs of the process;
    `caller`: for whom it is; `contents`: the bytes of files that are to be sent."""
    match settings.kind:
        case "omeka-s":
            keys = {
                "key_identity": settings.key_identity.get_secret_value(),
                "key_credential": settings.key_credential.get_secret_value(),
            }
            outage = omeka_s_outage
        case "omeka-classic":
            keys = {"key": settings.key.get_secret_value()}
            outage = omeka_classic_outage
        case _:
            assert_never(settings.kind)
    http = TargetHttp(settings.api, keys, limiter, settings.timeout, patience, caller=caller, outage=outage)
    if settings.kind == "omeka-s":
        return OmekaSAdapter(name, settings, http, contents)
    return OmekaClassicAdapter(name, settings, http, contents)
