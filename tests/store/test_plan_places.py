"""Where in a plan names and problems are met, and the entries that are found by it."""

from __future__ import annotations

from service.store import plan_copy, plan_groups, plan_pages, plan_places, plans, runs
from service.store.database import Database
from service.store.plan_groups import Group
from service.store.plan_pages import Section
from service.store.plan_places import BLOCK, Place
from service.store.runs import Claim
from tests.store.support import analyze, claimed, entry, uses


def note(db: Database, claim: Claim, *places: Place) -> None:
    with runs.fenced(db, claim) as connection:
        plan_groups.add_groups(connection, claim.run_id, [Group("resource", "update", "item", 1)], places)


def places(action: str, *blocks: int, name: str = "dcterms:title") -> list[Place]:
    return [Place("name", name, action, block) for block in blocks]


def found(db: Database, section: Section, after: int = 0) -> list[int]:
    return [one.seq for chunk in plan_pages.chunks(db, section, after) for one in chunk]


def test_places_are_noted_once_and_read_in_order(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    note(database, claim, *places("update", 9, 2, 4), *places("create", 1))
    note(database, claim, *places("update", 2, 3), *places("update", 5, name="dcterms:date"))
    run_id = claim.run_id
    assert plan_places.has_places(database, run_id)
    assert plan_places.blocks(database, run_id, ("name", "dcterms:title"), "update", 0, 10) == [2, 3, 4, 9]
    assert plan_places.blocks(database, run_id, ("name", "dcterms:title"), "update", 3, 2) == [3, 4]
    assert plan_places.blocks(database, run_id, ("problem", "dcterms:title"), "update", 0, 10) == []
    with runs.fenced(database, claim) as connection:
        plan_groups.clear_groups(connection, run_id)
    assert not plan_places.has_places(database, run_id)


def test_a_run_that_takes_a_plan_over_takes_its_places_too(database: Database, batch_id: str) -> None:
    dry = claimed(database, batch_id)
    note(database, dry, *places("update", 2, 4))
    runs.end_run(database, dry, "finished")
    real = claimed(database, batch_id, mode="import")
    plan_copy.copy_plan(database, real, dry.run_id)
    assert plan_places.blocks(database, real.run_id, ("name", "dcterms:title"), "update", 0, 10) == [2, 4]


def test_entries_are_found_by_their_blocks_and_only_those_are_read(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    last = 12 * BLOCK
    with runs.fenced(database, claim) as connection:
        actions: tuple[plans.Action, ...] = ("update", "create")
        entries = [entry(n, action=actions[n % 2]) for n in range(1, last + 1)]
        plans.insert_entries(connection, claim.run_id, entries)
    everything = Section(claim.run_id, "update")
    assert found(database, everything) == list(range(2, last + 1, 2))
    assert found(database, everything, 700) == list(range(702, last + 1, 2))
    narrowed = Section(claim.run_id, "update", ("name", "dcterms:title"))
    # Of a plan that was made before there were places, all of it may be meant.
    assert found(database, narrowed) == list(range(2, last + 1, 2))
    note(database, claim, *places("update", 0, 3, 4, 5, 12), *places("create", 7))
    expected = [n for n in range(2, last + 1, 2) if n // BLOCK in (0, 3, 4, 5, 12)]
    assert found(database, narrowed) == expected
    assert found(database, narrowed, 4 * BLOCK + 10) == [n for n in expected if n > 4 * BLOCK + 10]
    assert found(database, narrowed, last) == []


def test_pages_of_a_plan_go_by_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    with runs.fenced(database, claim) as connection:
        actions: tuple[plans.Action, ...] = ("unchanged", "unchanged", "unchanged", "update")
        plans.insert_entries(
            connection, claim.run_id, [entry(n, action=actions[n % 4]) for n in range(1, 2001)]
        )
    note(database, claim, *places("update", *range(31)), *places("update", 4, name="dcterms:date"))
    analyze(database)
    index = "ix_plan_entry_action"
    lite = database.engine.dialect.name == "sqlite"
    for before, seqs in ((None, "seq>?"), (1200, "seq>? AND seq<?")):
        uses(
            database,
            lambda before=before: plan_pages.read_entries(
                database, Section(claim.run_id, "update"), 900, before
            ),
            f"{index} (run_id=? AND action=? AND {seqs})" if lite else index,
        )
    where = ("name", "dcterms:title")
    uses(
        database,
        lambda: plan_places.blocks(database, claim.run_id, where, "update", 4, 20),
        "(run_id=? AND type=? AND name=? AND action=? AND block>?)" if lite else "pk_plan_place",
    )
    uses(
        database,
        lambda: plan_places.has_places(database, claim.run_id),
        "(run_id=? AND type=? AND name=? AND action=? AND block=?)" if lite else "pk_plan_place",
    )
