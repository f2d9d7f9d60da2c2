from __future__ import annotations

from collections.abc import Sequence

import pytest

from service.store.database import Database
from tests.unit.planning.standing import BY, LATER, THEN, Runs, Site
from worker.records import Kind, identity_digest
from worker.stopping import StoppedError


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def several(sqlite: Database, site: Site) -> Runs:
    return Runs(sqlite, site)


def current(several: Runs, ids: Sequence[int], kind: Kind = "item") -> list[int]:
    """What a new run finds standing, after it was compared with what does."""
    found = several.carry_out(lambda: several.reads.current(kind, ids))
    for number, saved in found.items():
        assert saved == several.site.standing[kind][number]
    return sorted(found)


def test_resources_are_read_a_hundred_a_request_and_kept_for_later_runs(several: Runs, site: Site) -> None:
    for number in range(1, 251):
        site.put(number)
    assert current(several, range(1, 251)) == [*range(1, 251)]
    assert site.asked == ["list item", "read 100 item", "read 100 item", "read 50 item"]
    site.asked.clear()
    assert current(several, range(1, 251)) == [*range(1, 251)]
    assert site.asked == ["list item"]


def test_what_moved_is_read_again_and_only_that(several: Runs, site: Site) -> None:
    for number in (1, 2, 3):
        site.put(number, "a")
    current(several, [1, 2, 3])
    site.put(2, "b", modified=LATER)
    site.asked.clear()
    assert current(several, [1, 2, 3]) == [1, 2, 3]
    assert site.asked == ["list item", "read 1 item"]


def test_what_is_not_listed_is_absent_and_not_asked_for(several: Runs, site: Site) -> None:
    site.put(1)
    assert current(several, [1, 9]) == [1]
    assert site.asked == ["list item", "read 1 item"]


def test_what_was_edited_after_the_listing_is_read_once_in_that_run(several: Runs, site: Site) -> None:
    site.put(1, "a")

    def edit(what: str) -> None:
        if what == "read 1 item" and site.standing["item"][1].modified == THEN:
            site.put(1, "b", modified=LATER)

    site.meanwhile = edit

    def twice() -> None:
        for _ in range(2):
            (saved,) = several.reads.current("item", [1]).values()
            assert saved.modified == LATER

    several.carry_out(twice)
    assert site.asked == ["list item", "read 1 item"]


def test_the_copy_of_the_ledger_serves_where_nobody_has_edited_since(several: Runs, site: Site) -> None:
    several.wrote(site.put(1, "A1"), "A1")
    several.wrote(site.put(2, "A2"), "A2")
    site.put(2, "A2", modified=LATER)
    assert current(several, [1, 2]) == [1, 2]
    assert site.asked == ["list item", "read 1 item"]


def test_a_copy_whose_link_leads_to_nothing_any_more_is_read_again_once(several: Runs, site: Site) -> None:
    site.put(1, links=[2])
    several.wrote(site.put(3, "A3", links=[2, 8]), "A3")
    site.put(2)
    site.put(8, kind="media")
    assert current(several, [1, 3]) == [1, 3]
    # Omeka takes the links away without a stamp.
    site.remove(2)
    site.put(1)
    site.put(3, "A3", links=[8])
    site.asked.clear()
    assert current(several, [1, 3]) == [1, 3]
    assert site.asked == ["list item", "list item-set", "list media", "read 2 item"]
    site.asked.clear()
    assert current(several, [1, 3]) == [1, 3]
    assert site.asked == ["list item", "list item-set", "list media"]


def test_gone_is_what_neither_listing_nor_read_finds_asked_once_a_run(several: Runs, site: Site) -> None:
    site.put(1)

    def ask() -> None:
        assert several.reads.gone("item", [1, *range(2, 152)]) == frozenset(range(2, 152))
        assert several.reads.gone("item", [5, 6, 200]) == frozenset({5, 6, 200})

    several.carry_out(ask)
    assert site.asked == ["list item", "read 100 item", "read 50 item", "read 1 item"]


def test_what_the_listing_had_missed_is_in_it_once_it_was_found(several: Runs, site: Site) -> None:
    site.put(1)

    def ask() -> None:
        several.reads.listing("item")
        site.put(7, "a", modified=LATER)
        assert several.reads.gone("item", [7]) == frozenset()
        assert several.reads.listing("item") == {1: THEN, 7: LATER}
        assert several.reads.current("item", [7])[7] == site.standing["item"][7]

    several.carry_out(ask)
    assert site.asked == ["list item", "read 1 item"]


def test_who_bears_an_identity_is_told_by_what_stands_there_now(several: Runs, site: Site) -> None:
    site.put(1, "A1")
    site.put(2, "a1")
    site.put(3, "B", "A1")
    found = several.carry_out(
        lambda: several.reads.bear("item", identity_digest(("A1",)), (BY,), [1, 2, 3, 4])
    )
    assert found == [1, 3]


def test_a_run_that_is_to_stop_reads_no_further(several: Runs, site: Site) -> None:
    for number in range(1, 301):
        site.put(number)

    def stop(what: str) -> None:
        if what.startswith("read"):
            several.context.stop.set("cancel")

    site.meanwhile = stop
    with pytest.raises(StoppedError):
        current(several, range(1, 301))
    assert site.asked == ["list item", "read 100 item"]
