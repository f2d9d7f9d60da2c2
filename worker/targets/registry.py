"""The adapters by kind of target."""

from __future__ import annotations

from typing import assert_never

from service.settings import TargetSettings
from worker.targets.base import Adapter
from worker.targets.http import Caller, Patience, TargetHttp
from worker.targets.limits import Limiter
from worker.targets.omeka_s.adapter import Files, OmekaSAdapter
from worker.targets.omeka_s.answers import outage


def make_adapter(
    name: str,
    settings: TargetSettings,
    limiter: Limiter,
    patience: Patience | None = None,
    caller: Caller | None = None,
    files: Files | None = None,
) -> Adapter:
    """The adapter of a configured target. `limiter` is that target's, shared by all runs of the process;
    `caller`: for whom it is; `files`: where bytes are that it may have to send."""
    match settings.kind:
        case "omeka-s":
            keys = {
                "key_identity": settings.key_identity.get_secret_value(),
                "key_credential": settings.key_credential.get_secret_value(),
            }
            http = TargetHttp(
                settings.api, keys, limiter, settings.timeout, patience, caller=caller, outage=outage
            )
            return OmekaSAdapter(name, settings, http, files)
        case _:
            assert_never(settings.kind)
