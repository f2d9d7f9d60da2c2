"""What is concluded from looks at the target after the answer to a create was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from service.store.plans import Entry
from tests.unit.planning.given import identity, standing
from worker.applying.outgoing import Outgoing
from worker.applying.reconcile import Finding, Found, GivenUp, Reconciler, Several
from worker.records import Draft, Identity, Kind
from worker.targets.base import Operation, OperationKey, Saved


class Target:
    """Holds what a test gives it; a payload is what the title is."""

    def __init__(self, *resources: Saved) -> None:
        self.resources = {one.id: one for one in resources}
        self.listed: list[tuple[Kind, int]] = []

    async def ids_above(self, kind: Kind, above: int) -> list[int]:
        self.listed.append((kind, above))
        return [number for number, one in self.resources.items() if number > above and one.kind == kind]

    async def read(self, kind: Kind, ids: Sequence[int]) -> list[Saved]:
        return [self.resources[one] for one in ids]

    def same_as(self, payload: bytes, saved: Saved) -> bool:
        return saved.title == payload.decode()

    def bears(self, saved: Saved, identity: Identity) -> bool:
        return saved.title is not None and saved.title.startswith(identity.values[0])


class Journal:
    """A context whose journal explains some ids."""

    target = "omeka"

    def __init__(self, *explained: int) -> None:
        self.explained = explained
        self.db = self

    async def run(self, _: Any, target: str, kind: str, ids: Sequence[int]) -> set[int]:
        assert (target, kind) == ("omeka", "item")
        return {one for one in ids if one in self.explained}


def titled(number: int, title: str, **more: Any) -> Saved:
    return standing(number, {"dcterms:title": [title]}, **more)


def lost(seq: int, title: str, name: str = "", above: int = 10, **more: Any) -> Outgoing:
    """A create whose answer was lost; `name`: its identity."""
    entry = Entry(seq, "data0", seq, 0, "item", "item", "create")
    request = Operation(OperationKey(f"{seq}.1"), "create", "item", None, title.encode())
    draft = Draft("item", "item", 0, identity=identity(name) if name else None)
    return Outgoing(entry, (), draft, request, 1, above, **more)


def reconciler(target: Target, *explained: int, delays: Sequence[float] = (0, 0), slowest: float = 0) -> Any:
    return Reconciler(Journal(*explained), target, delays, lambda: slowest)  # type: ignore[arg-type]


def look(
    target: Target,
    *unknown: Outgoing,
    explained: Collection[int] = (),
    answered: Collection[int] = (),
    in_flight: Collection[bytes] = (),
    looks: int = 1,
) -> tuple[list[Finding], list[int]]:
    """What that many looks found, and what is still unknown."""
    looking = reconciler(target, *explained)
    for one in unknown:
        looking.add(one)
    found: list[Finding] = []
    for _ in range(looks):
        found.extend(asyncio.run(looking.look(lambda: answered, in_flight)))
    return found, list(looking.seqs)


def test_by_its_identity_it_is_found_whatever_else_stands_in_it() -> None:
    now = titled(12, "K1 and what somebody added")
    one = lost(1, "K1", "K1")
    assert look(Target(titled(11, "Another"), now), one) == ([Found(one, now)], [])


def test_without_one_it_is_found_by_its_content() -> None:
    now = titled(12, "Work 1")
    one = lost(1, "Work 1")
    assert look(Target(titled(11, "Work 1, by hand"), now), one) == ([Found(one, now)], [])


def test_only_among_numbers_above_the_highest_that_stood_before_it_was_meant() -> None:
    one = lost(1, "Work 1", above=12)
    assert look(Target(titled(12, "Work 1")), one) == ([], [1])


def test_whatever_the_clocks_say() -> None:
    """The target's clock may be anything: it is never compared with ours."""
    for moment in ("1970-01-01 00:00:00", "2099-12-31 23:59:59"):
        now = titled(12, "Work 1", modified=moment)
        one = lost(1, "Work 1")
        assert look(Target(now), one) == ([Found(one, now)], [])


def test_what_an_answer_explains_is_not_taken_for_it() -> None:
    target = Target(titled(11, "Work 1"), titled(12, "Work 1"))
    one = lost(1, "Work 1")
    assert look(target, one, explained=[11], answered=[12]) == ([], [1])
    assert look(target, one, explained=[11]) == ([Found(one, target.resources[12])], [])
    assert look(target, one, answered=[12]) == ([Found(one, target.resources[11])], [])


def test_as_many_alike_as_were_sent_alike_are_theirs() -> None:
    target = Target(titled(11, "Same"), titled(12, "Same"))
    three = [lost(1, "Same"), lost(2, "Same"), lost(3, "Same")]
    found, left = look(target, *three)
    assert [
        (one.outgoing.entry.seq, one.saved.id) for one in found if isinstance(one, Found) and one.saved
    ] == [
        (1, 11),
        (2, 12),
    ]
    assert left == [3], "the third is still looked for"


def test_more_alike_than_were_sent_are_named_and_none_is_chosen() -> None:
    target = Target(titled(11, "Same"), titled(12, "Same"), titled(13, "Same"))
    two = [lost(1, "Same"), lost(2, "Same")]
    assert look(target, *two) == ([Several(one, (11, 12, 13)) for one in two], [])


def test_of_one_identity_there_is_one() -> None:
    one = lost(1, "K1", "K1")
    assert look(Target(titled(11, "K1"), titled(12, "K1")), one) == ([Several(one, (11, 12))], [])


def test_one_listing_serves_all() -> None:
    target = Target(titled(11, "Work 1"), titled(12, "Work 2"), titled(13, "K3"))
    unknown = [lost(1, "Work 1", above=10), lost(2, "Work 2", above=11), lost(3, "K3", "K3", above=12)]
    found, left = look(target, *unknown)
    assert sorted(one.outgoing.entry.seq for one in found) == [1, 2, 3]
    assert (left, target.listed) == ([], [("item", 10)])


# --- how long -------------------------------------------------------------------------------------


def test_it_is_looked_for_as_often_as_the_settings_say_before_it_is_given_up() -> None:
    one = lost(1, "Work 1")
    looking = reconciler(Target(), delays=(0, 0, 0, 0))
    looking.add(one)
    assert [asyncio.run(looking.look(tuple, ())) for _ in range(4)] == [[], [], [], [GivenUp(one)]]


def test_each_look_comes_when_it_is_due_and_not_before() -> None:
    looking = reconciler(Target(), delays=(1, 5, 15, 60))
    looking.add(lost(1, "Work 1"))
    since = looking._unknown[1].since
    for looks, delay in enumerate((1, 5, 15, 60)):
        looking._unknown[1].looks = looks
        looking._unknown[1].since = since = time.monotonic()
        assert asyncio.run(looking.look(tuple, ())) == []
        assert looking._unknown[1].looks == looks, "it is not due"
        assert looking.next_look() == pytest.approx(since + delay - time.monotonic(), abs=0.5)
        looking._unknown[1].since = time.monotonic() - delay
        assert looking.next_look() == 0.0


def test_the_last_look_waits_thrice_as_long_as_the_slowest_answer_took() -> None:
    looking = reconciler(Target(), delays=(0, 0.1), slowest=40)
    looking.add(lost(1, "Work 1"))
    assert asyncio.run(looking.look(tuple, ())) == []
    assert looking.next_look() == pytest.approx(120, abs=1)


def test_what_is_not_there_yet_is_found_by_a_later_look() -> None:
    target, one = Target(), lost(1, "Work 1")
    looking = reconciler(target, delays=(0, 0, 0))
    looking.add(one)
    assert asyncio.run(looking.look(tuple, ())) == []
    target.resources[11] = titled(11, "Work 1")
    assert asyncio.run(looking.look(tuple, ())) == [Found(one, target.resources[11])]


def test_one_that_was_left_by_another_worker_is_looked_for_at_once() -> None:
    looking = reconciler(Target(), delays=(1, 5))
    looking.add(lost(1, "Work 1"), look_at_once=True)
    assert looking.next_look() == 0.0


# --- what is under way ----------------------------------------------------------------------------


def test_one_like_another_under_way_is_looked_for_when_that_was_answered() -> None:
    now = titled(11, "Same")
    one = lost(1, "Same")
    assert look(Target(now), one, in_flight=[b"Same"]) == ([], [1])
    assert look(Target(now), one, in_flight=[b"Another"]) == ([Found(one, now)], [])
    named = lost(2, "Same", "Same")
    assert look(Target(now), named, in_flight=[b"Same"]) == ([Found(named, now)], [])


def test_one_whose_request_cannot_be_told_is_looked_for_when_nothing_is_under_way() -> None:
    """What others make meanwhile must not be named as what it could be."""
    target = Target(titled(11, "Work 1"))
    one = lost(1, "Work 1, otherwise", told=False)
    assert look(target, one, in_flight=[b"Another"]) == ([], [1])
    assert target.listed == []
    assert look(target, one) == ([Several(one, (11,))], [])


def test_one_whose_request_cannot_be_told_comes_after_those_that_can() -> None:
    target = Target(titled(11, "Work 1"), titled(12, "Work 2"), titled(13, "K3"))
    untold, told, named = lost(1, "?", told=False), lost(2, "Work 2"), lost(3, "K3", "K3", told=False)
    found, _ = look(target, untold, told, named)
    assert found == [
        Found(named, target.resources[13]),
        Found(told, target.resources[12]),
        Several(untold, (11,)),
    ]


def test_one_whose_request_cannot_be_told_is_given_up_when_nothing_came() -> None:
    one = lost(1, "Work 1, otherwise", told=False)
    assert look(Target(), one, looks=2) == ([GivenUp(one)], [])
