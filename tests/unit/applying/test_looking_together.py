"""One look serves all lost writes: what it finds of one that is not due yet, and what it leaves open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from service.store.plans import Entry
from tests.unit.planning.given import NOW, THEN, standing
from worker.applying.outgoing import Outgoing
from worker.applying.reconcile import SHARED, Finding, Found, GivenUp, Reconciler, Several, unexplained
from worker.records import Draft, Kind
from worker.targets.base import Difference, Operation, OperationKey, Saved


class Target:
    """A payload is the title of what it makes. `meanwhile`: what happens during a listing."""

    def __init__(self, *resources: Saved, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.resources = {one.id: one for one in resources}
        self.meanwhile = meanwhile
        self.asked: list[tuple[str, int] | tuple[int, ...]] = []

    async def ids_above(self, kind: Kind, above: int) -> list[int]:
        self.asked.append((kind, above))
        found = sorted(one for one in self.resources if one > above)
        self.meanwhile()
        return found

    async def read(self, kind: Kind, ids: Sequence[int]) -> list[Saved]:
        self.asked.append(tuple(ids))
        return [self.resources[one] for one in ids if one in self.resources]

    def same_as(self, payload: bytes, saved: Saved) -> bool:
        return saved.title == payload.decode()

    def differences(self, payload: bytes, saved: Saved) -> tuple[Difference, ...]:
        return () if self.same_as(payload, saved) else (Difference("dcterms:title", "", ""),)


class Journal:
    """Stands for context and database: whatever is asked for is in no journal."""

    target = "omeka"

    @property
    def db(self) -> Journal:
        return self

    async def run(self, *_: object) -> set[int]:
        return set()


def titled(number: int, title: str, modified: str = THEN) -> Saved:
    return standing(number, {"dcterms:title": [title]}, modified=modified)


def lost(seq: int, title: str, above: int = 0, *, changes: Saved | None = None, deletes: int = 0) -> Outgoing:
    method: Any = "update" if changes else "delete" if deletes else "create"
    number = changes.id if changes else deletes or None
    operation = Operation(OperationKey(f"{seq}.1"), method, "item", number, title.encode())
    entry = Entry(seq, "data0", seq, 0, "item", "item", method)
    return Outgoing(entry, (), Draft("item", "item", 0), operation, 1, above, before=changes)


def looking(
    target: Target, due: Outgoing, *early: Outgoing, delays: Sequence[float] = (60, 60)
) -> Reconciler:
    reconciler = Reconciler(cast(Any, Journal()), cast(Any, target), delays, lambda: 0.0)
    reconciler.add(due, look_at_once=True)
    for one in early:
        reconciler.add(one)
    return reconciler


def look(reconciler: Reconciler, in_flight: Collection[bytes] = ()) -> list[Finding]:
    return asyncio.run(reconciler.look(tuple, in_flight))


def test_one_listing_finds_what_is_due_and_what_is_not() -> None:
    target = Target(titled(7, "One"), titled(8, "Two"))
    one, two = lost(1, "One", above=6), lost(2, "Two", above=5)
    reconciler = looking(target, one, two)
    assert look(reconciler) == [Found(one, titled(7, "One")), Found(two, titled(8, "Two"))]
    assert (len(reconciler), target.asked) == (0, [("item", 5), (7, 8)])


def test_what_is_not_due_and_not_found_has_not_been_looked_for() -> None:
    one, two = lost(1, "One"), lost(2, "Two")
    reconciler = looking(Target(), one, two, delays=(60,))
    assert look(reconciler) == [GivenUp(one)]
    for _ in range(5):
        assert look(reconciler) == []
    assert list(reconciler.seqs) == [2]


def test_of_several_that_could_be_one_that_is_not_due_nothing_is_said_yet() -> None:
    two = lost(2, "Two")
    reconciler = looking(Target(titled(7, "Two"), titled(8, "Two"), titled(9, "One")), lost(1, "One"), two)
    assert [type(one) for one in look(reconciler)] == [Found]
    assert list(reconciler.seqs) == [2]
    again = looking(Target(titled(7, "Two"), titled(8, "Two")), two)
    assert look(again) == [Several(two, (7, 8))]


def test_two_alike_are_both_found_though_only_one_is_due() -> None:
    """Were the other left out of sight, there would be one too many of what could be the first."""
    reconciler = looking(Target(titled(7, "One"), titled(8, "One")), lost(1, "One"), lost(2, "One"))
    assert [type(one) for one in look(reconciler)] == [Found, Found]


def test_what_may_be_made_by_a_request_under_way_is_not_taken_before_it_is_due_either() -> None:
    two = lost(2, "Two")
    reconciler = looking(Target(titled(7, "Two")), lost(1, "One"), two)
    assert look(reconciler, [b"Two"]) == []
    assert list(reconciler.seqs) == [1, 2]


def test_one_reading_finds_changes_that_are_due_and_that_are_not() -> None:
    now = titled(8, "New", NOW)
    changed, open_, moved = (lost(seq, "New", changes=titled(seq + 6, "Old")) for seq in (2, 3, 4))
    deleted, there = lost(5, "", deletes=11), lost(6, "", deletes=12)
    target = Target(titled(7, "Old"), now, titled(9, "Old"), titled(10, "Somebody's", NOW), titled(12, "Old"))
    due = lost(1, "New", changes=titled(7, "Old"))
    reconciler = looking(target, due, changed, open_, moved, deleted, there)
    assert look(reconciler) == [Found(changed, now), Found(deleted, None)]
    assert (list(reconciler.seqs), target.asked) == ([1, 3, 4, 6], [(7, 8, 9, 10, 11, 12)])


def test_nothing_is_asked_while_nothing_is_due() -> None:
    target = Target(titled(7, "One"))
    reconciler = Reconciler(cast(Any, Journal()), cast(Any, target), (60,), lambda: 0.0)
    reconciler.add(lost(1, "One"))
    assert (look(reconciler), target.asked) == ([], [])


def test_as_long_as_others_are_sent_a_look_waits_for_enough_of_them() -> None:
    reconciler = looking(Target(), lost(1, "One"))
    assert reconciler.next_look(others=True) == 0.0  # the first, at once
    look(reconciler)
    reconciler.add(lost(2, "Two"), look_at_once=True)
    for _ in range(SHARED - 1):
        reconciler.note_sent()
    assert reconciler.next_look(others=True) is None
    assert reconciler.next_look() == 0.0
    reconciler.note_sent()
    assert reconciler.next_look(others=True) == 0.0


def test_what_is_answered_during_the_listing_is_not_read() -> None:
    answered: list[int] = []
    target = Target(titled(7, "One"), meanwhile=lambda: answered.append(7))
    found = asyncio.run(unexplained(cast(Any, Journal()), cast(Any, target), "item", 0, lambda: answered))
    assert (found, target.asked) == ([], [("item", 0)])
