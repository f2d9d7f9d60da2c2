"""What is concluded from a look at the target after the answer to an update or a deletion was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from service.store.plans import Entry
from tests.unit.planning.given import NOW, THEN, standing
from worker.applying.outgoing import Outgoing
from worker.applying.reconcile import Finding, Found, GivenUp, Reconciler
from worker.records import Draft, Kind
from worker.targets.base import Difference, Operation, OperationKey, Saved


class Target:
    """Holds what a test gives it; a payload is what the title shall be."""

    def __init__(self, *resources: Saved) -> None:
        self.resources = {one.id: one for one in resources}
        self.reads: list[tuple[Kind, tuple[int, ...]]] = []

    async def read(self, kind: Kind, ids: Sequence[int]) -> list[Saved]:
        self.reads.append((kind, tuple(ids)))
        return [self.resources[one] for one in ids if one in self.resources]

    def differences(self, payload: bytes, saved: Saved) -> tuple[Difference, ...]:
        meant = payload.decode()
        return () if saved.title == meant else (Difference("dcterms:title", meant, str(saved.title)),)


def titled(number: int, title: str, modified: str = THEN) -> Saved:
    return standing(number, {"dcterms:title": [title]}, modified=modified)


def lost(seq: int, method: Any, number: int, title: str = "New", before: Saved | None = None) -> Outgoing:
    entry = Entry(seq, "data0", seq, 0, "item", "item", method)
    operation = Operation(OperationKey(f"{seq}.1"), method, "item", number, title.encode())
    return Outgoing(entry, (), Draft("item", "item", 0), operation, 1, before=before)


def look(target: Target, *unknown: Outgoing, looks: int = 1, delays: Sequence[float] = (0, 0, 0)) -> Any:
    """What several looks found, and what is still unknown."""
    reconciler = Reconciler(None, target, delays, lambda: 0.0)  # type: ignore[arg-type]
    for one in unknown:
        reconciler.add(one)
    found: list[Finding] = []
    for _ in range(looks):
        found.extend(asyncio.run(reconciler.look(tuple, ())))
    return found, list(reconciler.seqs)


def test_an_update_whose_effect_is_there_took_effect() -> None:
    before, now = titled(7, "Old"), titled(7, "New", NOW)
    one = lost(1, "update", 7, before=before)
    assert look(Target(now), one) == ([Found(one, now)], [])


def test_an_update_that_may_be_under_way_is_looked_for_before_it_is_sent_again() -> None:
    before = titled(7, "Old")
    one = lost(1, "update", 7, before=before)
    assert look(Target(before), one, looks=2) == ([], [1])
    assert look(Target(before), one, looks=3) == ([GivenUp(one)], [])


def test_a_resource_that_moved_otherwise_is_compared_anew_at_once() -> None:
    one = lost(1, "update", 7, before=titled(7, "Old"))
    assert look(Target(titled(7, "Somebody's", NOW)), one) == ([GivenUp(one)], [])


def test_an_update_of_what_is_gone_is_given_up_at_once() -> None:
    one = lost(1, "update", 7, before=titled(7, "Old"))
    assert look(Target(), one) == ([GivenUp(one)], [])


def test_a_deletion_took_effect_once_its_resource_is_gone() -> None:
    one = lost(1, "delete", 7)
    assert look(Target(), one) == ([Found(one, None)], [])


def test_a_deletion_that_may_be_under_way_is_looked_for_before_it_is_sent_again() -> None:
    one = lost(1, "delete", 7)
    there = titled(7, "Old")
    assert look(Target(there), one, looks=2) == ([], [1])
    assert look(Target(there), one, looks=3) == ([GivenUp(one)], [])


def test_all_that_is_due_is_read_at_once() -> None:
    target = Target(titled(7, "New", NOW))
    unknown = [lost(1, "update", 7, before=titled(7, "Old")), lost(2, "delete", 8), lost(3, "delete", 9)]
    found, left = look(target, *unknown)
    assert [one.outgoing.entry.seq for one in found] == [1, 2, 3]
    assert (left, target.reads) == ([], [("item", (7, 8, 9))])


@pytest.mark.parametrize("method", ["update", "delete"])
def test_nothing_is_looked_for_before_it_is_time(method: str) -> None:
    target = Target()
    assert look(target, lost(1, method, 7), delays=(60, 60)) == ([], [1])
    assert target.reads == []
