"""Reads of the target from the planning thread, which itself is no coroutine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio.from_thread

from worker.applying import standing
from worker.applying.outage import Outage
from worker.records import Kind
from worker.targets.base import Adapter, Saved


class TargetReads:
    def __init__(self, adapter: Adapter, outage: Outage) -> None:
        self._adapter = adapter
        self._outage = outage

    def listing(self, kind: Kind) -> Mapping[int, str]:
        return anyio.from_thread.run(self._outage.patiently, lambda: self._adapter.listing(kind))

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        found = anyio.from_thread.run(standing.read, self._adapter, self._outage, kind, ids)
        return {saved.id: saved for saved in found}

    def with_media(self, saved: Saved) -> Saved:
        """An item that knows its media."""
        return anyio.from_thread.run(self._outage.patiently, lambda: self._adapter.with_media(saved))

    def prepare_updates(self) -> None:
        anyio.from_thread.run(self._outage.patiently, self._adapter.prepare_updates)
