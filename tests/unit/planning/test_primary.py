"""Which media of an item is its primary one: what is sent, and whose choice stands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from service.store.ledger import LedgerKey, LedgerRow
from worker.planning.merge import Unmergeable
from worker.planning.primary import Choice, Wanted, choose, held
from worker.planning.values import Footing
from worker.targets.base import Saved

KEY = LedgerKey("omeka", "item", "", "dcterms:identifier")


def item(primary: int | None, *media: int) -> Saved:
    return Saved("item", 1, "2026-01-01 00:00:00", True, "One", {}, media, primary=primary)


def row(footing: Footing) -> LedgerRow:
    packed = msgspec.json.encode(footing)
    return LedgerRow(KEY, "d", "A1", 1, "m", b"{}", "2026-01-01 00:00:00", "run", "1.1", footing=packed)


def chosen(
    wanted: Wanted,
    now: Saved,
    before: Saved | None = None,
    on_conflict: Any = "overwrite",
    footing: Footing | None = None,
) -> Choice:
    found = choose(wanted, now, row(footing or Footing()), before, on_conflict)
    assert isinstance(found, Choice)
    return found


@pytest.mark.parametrize(
    ("wanted", "now", "sent"),
    [
        (Wanted(0, (5, 6)), item(5, 5, 6), 0),
        (Wanted(5, (5, 6)), item(5, 5, 6), 0),
        (Wanted(6, (5, 6)), item(5, 5, 6), 6),
        (Wanted(6, (5, 6)), item(6, 5, 6), 0),
        (Wanted(5, (5, 6)), item(6, 5, 6), 5),
        # Whether 5 was chosen or only comes first, nobody knows: so the order alone would not do.
        (Wanted(6, (6, 5)), item(5, 5, 6), 6),
        (Wanted(5, (6, 5)), item(5, 5, 6), 5),
        (Wanted(6, (6, 5)), item(6, 5, 6), 6),
        # A new one, and of an item that has none: the first is it without a word.
        (Wanted(-9, (5, -9)), item(5, 5), -9),
        (Wanted(-9, (-9,)), item(None), 0),
        (Wanted(-9, (-8, -9)), item(None), -9),
    ],
)
def test_only_what_makes_a_difference_is_sent(wanted: Wanted, now: Saved, sent: int) -> None:
    assert chosen(wanted, now).sent == sent


@pytest.mark.parametrize(
    ("wanted", "now", "sent"),
    [
        (Wanted(0, (5, -9), {6: -9}), item(6, 5, 6), -9),
        (Wanted(0, (-9, 6), {5: -9}), item(5, 5, 6), 0),
        (Wanted(-9, (-9, 6), {5: -9}), item(5, 5, 6), 0),
        (Wanted(6, (-9, 6), {5: -9}), item(5, 5, 6), 6),
    ],
)
def test_what_takes_the_place_of_a_chosen_one_is_chosen(wanted: Wanted, now: Saved, sent: int) -> None:
    assert chosen(wanted, now).sent == sent


BEFORE, NOW, WANTED = item(5, 5, 6, 7), item(6, 5, 6, 7), Wanted(7, (5, 6, 7))
MARK = held(NOW)[0].mark


def test_what_somebody_has_chosen_since_is_overwritten_and_told() -> None:
    found = chosen(WANTED, NOW, BEFORE)
    assert (found.sent, [one.theirs for one in found.conflicts]) == (7, [("media 6",)])


def test_what_is_kept_goes_on_being_an_edit() -> None:
    """Also after the ledger has taken the item over as it stands now."""
    before, footing = BEFORE, Footing(added={"dcterms:title": ("their title",)})
    for _ in range(2):
        found = chosen(WANTED, NOW, before, "keep", footing)
        assert (found.sent, len(found.conflicts)) == (0, 1)
        assert found.footing.added == {"dcterms:title": ("their title",), "primary": (MARK,)}
        before, footing = NOW, found.footing


def test_a_conflict_that_is_to_be_refused() -> None:
    found = choose(WANTED, NOW, row(Footing()), BEFORE, "reject")
    assert isinstance(found, Unmergeable)
    assert found.code == "conflict"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (item(5, 5, 6, 7), item(6, 6, 5, 7)),  # turned round, and none was chosen
        (item(None), item(5, 5, 7)),  # came since
        (item(6, 5, 6, 7), item(5, 5, 7)),  # what was chosen is gone
    ],
)
def test_what_nobody_has_chosen_is_no_conflict(before: Saved, now: Saved) -> None:
    found = chosen(Wanted(7, now.media_ids), now, before)
    assert (found.sent, found.conflicts) == (7, ())
