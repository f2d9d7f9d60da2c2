"""The adapters by kind of target."""

from __future__ import annotations

from typing import assert_never

from service.settings import TargetSettings
from worker.stopping import Stop
from worker.targets.base import Adapter
from worker.targets.http import Patience, TargetHttp
from worker.targets.limits import Limiter
from worker.targets.omeka_s.adapter import OmekaSAdapter


def make_adapter(
    name: str,
    settings: TargetSettings,
    limiter: Limiter,
    patience: Patience | None = None,
    stop: Stop | None = None,
) -> Adapter:
    """The adapter of a configured target. `limiter` is that target's, shared by all runs of the process;
    `stop` that of the run that it works for."""
    match settings.kind:
        case "omeka-s":
            keys = {
                "key_identity": settings.key_identity.get_secret_value(),
                "key_credential": settings.key_credential.get_secret_value(),
            }
            http = TargetHttp(settings.api, keys, limiter, settings.timeout, patience, stop)
            return OmekaSAdapter(name, settings, http)
        case _:
            assert_never(settings.kind)
