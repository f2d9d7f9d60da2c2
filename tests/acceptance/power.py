"""Power cuts: a run in a process that goes dark, on a disk that keeps only what was synchronised."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

from msgspec import Struct

from service.settings import Settings
from service.store.database import Database
from tests.acceptance.workshop import DEAD, Shop, carry_out
from tests.standins.disk import Event, Recording, cut_back, read_log
from worker import job
from worker.targets import registry
from worker.targets.base import Adapter

NEVER = 1_000_000


@dataclass(frozen=True)
class Moment:
    """When the power goes: right before the `number`th sync of the database, right before the `number`th
    write leaves (`sent`), or once that was answered (`answered`)."""

    what: Literal["sync", "sent", "answered"]
    number: int


class Sent(Struct, frozen=True):
    """A mark in the log: this write leaves now."""

    key: str


@dataclass(frozen=True)
class Darkness:
    """A run up to the cut, or to its end (`went_dark` is False then)."""

    went_dark: bool
    events: Sequence[Event]

    @property
    def sent(self) -> list[str]:
        """The keys of the operations whose requests have left."""
        return [event[1].key for event in self.events if event[0] == "mark"]

    @property
    def syncs(self) -> int:
        return sum(event[0] == "sync" for event in self.events)


def run_until_dark(
    shop: Shop, run_id: str, moment: Moment | None, landed: random.Random | None = None
) -> Darkness:
    """Carry a run out in a process of its own until the power goes, and cut the shop's disk back to what was
    synchronised by then. `landed`: of what was not, parts may have reached the disk all the same."""
    shop.close()
    log = shop.folder.with_name(f"{shop.folder.name}.events")
    log.unlink(missing_ok=True)
    dark = shop.elsewhere(_until_dark, run_id, log, shop.folder, moment or Moment("sync", NEVER))
    events = read_log(log)
    if dark:
        cut_back(events).restore(shop.folder, landed=landed)
    return Darkness(dark, events)


def _until_dark(
    settings: Settings, database: str, run_id: str, log: Path, folder: Path, moment: Moment
) -> None:
    def before_sync(number: int) -> None:
        if moment == Moment("sync", number):
            os._exit(DEAD)

    def make(*arguments: Any) -> Adapter:
        return _Watched(registry.make_adapter(*arguments), recording, moment)  # type: ignore[return-value]

    with Recording(log, folder, before_sync) as recording, mock.patch.object(job, "make_adapter", make):
        db = Database(database)
        asyncio.run(carry_out(settings, db, run_id))
        db.dispose()


class _Watched:
    """An adapter whose writes are marked in the log before they leave."""

    def __init__(self, adapter: Adapter, recording: Recording, moment: Moment) -> None:
        self._adapter = adapter
        self._recording = recording
        self._moment = moment
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def carry_out(self, group: Any) -> Any:
        self._count += 1
        number = self._count
        for operation in group:
            self._recording.mark(Sent(operation.key))
        if self._moment == Moment("sent", number):
            os._exit(DEAD)
        answers = await self._adapter.carry_out(group)
        if self._moment == Moment("answered", number):
            os._exit(DEAD)
        return answers
