"""What is sent, and what no longer is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest

from service.settings import load_settings
from service.store.database import Database
from service.store.plans import Entry
from service.store.runs import Claim
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing, operation
from worker.applying.pace import Pace
from worker.applying.sending import FRESH, Aged, Sender
from worker.context import RunContext, RunLog
from worker.records import Draft
from worker.stopping import Stop, StoppedError
from worker.targets.base import HELD, Adapter, Answer, Done, NotDone, Operation, Saved
from worker.targets.limits import Limiter

ENTRY = Entry(1, "data0", 1, 0, "item", "item", "update", resource_id=7)
STOOD = Saved("item", 7, "2026-11-22 10:00:00", True, "One", {})


class Target:
    """Takes everything, and remembers it."""

    def __init__(self) -> None:
        self.sent: list[Operation] = []

    async def carry_out(self, group: Sequence[Operation]) -> list[Answer]:
        self.sent.extend(group)
        return [Done(STOOD) for _ in group]

    def differences(self, payload: bytes, saved: Saved) -> tuple[Any, ...]:
        return ()


class Hesitant(Target):
    """Holds the first one back, as when the lease ran out while it waited for its turn."""

    def __init__(self, context: RunContext) -> None:
        super().__init__()
        self._context = context
        self.asked = 0

    async def carry_out(self, group: Sequence[Operation]) -> list[Answer]:
        self.asked += 1
        if self.asked == 1:
            self._context.held_until = time.monotonic() + 0.2
            return [NotDone(HELD, "Not sent.") for _ in group]
        return await super().carry_out(group)


def update(**more: Any) -> Outgoing:
    request = operation(ENTRY, 1, "update", 7, b"{}")
    return Outgoing(ENTRY, (), Draft("item", "item", 0), request, 1, before=STOOD, **more)


def make(database: Database) -> tuple[RunContext, Target, Sender]:
    context = RunContext(database, Claim("run", 1, "test"), "omeka", RunLog("run", 0), Stop())
    target = Target()
    adapter = cast(Adapter, target)
    outage = Outage(context, load_settings(outage=1.0), Limiter("omeka", 1))
    return context, target, Sender(context, adapter, outage, Pace(1))


def test_a_worker_that_was_frozen_sends_nothing_before_it_hears_whose_the_run_is(sqlite: Database) -> None:
    async def script(then: str) -> list[Operation]:
        context, target, sender = make(sqlite)
        context.held_until = time.monotonic() - 1.0
        sending = asyncio.create_task(sender.send(update()))
        await asyncio.sleep(0.15)
        assert target.sent == []
        if then == "lost":
            context.stop.set("lost")
            with pytest.raises(StoppedError):
                await sending
        else:
            context.held_until = time.monotonic() + 60.0
            await sending
        return target.sent

    assert asyncio.run(script("lost")) == []
    assert asyncio.run(script("held")) == [update().operation]


def test_what_was_read_too_long_ago_is_not_sent(sqlite: Database) -> None:
    context, target, sender = make(sqlite)
    del context
    old = update(read_at=time.monotonic() - FRESH - 1.0)
    assert asyncio.run(sender.send(old)) == Aged(old)
    assert target.sent == []
    # A create was not read at all.
    new = msgspec.structs.replace(old, before=None)
    asyncio.run(sender.send(new))
    assert target.sent == [new.operation]


def test_what_was_held_back_is_no_outage_and_is_looked_at_anew_before_it_is_sent(sqlite: Database) -> None:
    async def script(read_at: float) -> tuple[Any, Hesitant]:
        context, _, _ = make(sqlite)
        target = Hesitant(context)
        # An outage that may last no time at all: waiting for the target would end the run.
        sender = Sender(
            context,
            cast(Adapter, target),
            Outage(context, load_settings(outage=0.0), Limiter("omeka", 1)),
            Pace(1),
        )
        return await sender.send(update(read_at=read_at)), target

    answer, target = asyncio.run(script(time.monotonic()))
    assert (len(target.sent), target.asked) == (1, 2)
    assert not isinstance(answer, Aged)
