"""The groups of a plan: counted with it, read by one small query, cleared with it."""

from __future__ import annotations

import pytest

from service.store import plan_groups, plans, runs
from service.store.database import Database
from service.store.plan_groups import Group, read_groups
from service.store.plans import EntryFilter
from service.store.runs import Claim, FenceLostError
from tests.store.support import claimed, entry, explained


def add(db: Database, claim: Claim, *groups: Group) -> None:
    with runs.fenced(db, claim) as connection:
        plan_groups.add_groups(connection, claim.run_id, groups)


def test_groups_add_up_and_keep_their_first_example(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    add(
        database,
        claim,
        Group("changed", "update", "dcterms:title", 3, "data0:1: Old → New"),
        Group("problem", "warning", "gone", 1, "data0:2: Gone."),
    )
    add(
        database,
        claim,
        Group("added", "update", "dcterms:title", 2, "data0:9: More"),
        Group("changed", "update", "dcterms:title", 4, "data0:8: Older → Newer"),
    )
    add(database, claim)
    assert read_groups(database, claim.run_id) == [
        Group("changed", "update", "dcterms:title", 7, "data0:1: Old → New"),
        Group("added", "update", "dcterms:title", 2, "data0:9: More"),
        Group("problem", "warning", "gone", 1, "data0:2: Gone."),
    ]
    assert read_groups(database, "another") == []


def test_a_plan_that_is_made_anew_counts_anew(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    with runs.fenced(database, claim) as connection:
        plans.insert_entries(connection, claim.run_id, [entry(n) for n in range(1, 8)])
    add(database, claim, Group("resource", "create", "item", 7))
    plans.clear_plan(database, claim, slice_size=3)
    assert read_groups(database, claim.run_id) == []
    assert plans.read_plan(database, claim.run_id) == []


def test_who_lost_the_run_counts_nothing_more(database: Database, batch_id: str) -> None:
    old = claimed(database, batch_id, lease=-1)
    new = runs.claim_run(database, old.run_id, "two", 60_000)
    assert new is not None
    add(database, new, Group("resource", "create", "item", 1))
    with pytest.raises(FenceLostError):
        add(database, old, Group("resource", "create", "item", 1))
    with pytest.raises(FenceLostError):
        plans.clear_plan(database, old)
    assert read_groups(database, old.run_id) == [Group("resource", "create", "item", 1)]


def test_the_summary_of_a_plan_reads_its_groups_by_the_run(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    plan = explained(database, lambda: read_groups(database, claim.run_id))
    if database.engine.dialect.name == "sqlite":
        assert plan == "SEARCH plan_group USING INDEX sqlite_autoindex_plan_group_1 (run_id=?)"
    else:
        assert "Index Scan" in plan
        assert "pk_plan_group" in plan
        assert "Seq Scan" not in plan
    assert "plan_entry" not in plan


def test_a_section_of_a_plan_is_read_in_order_from_the_index_of_actions(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    with runs.fenced(database, claim) as connection:
        actions: tuple[plans.Action, ...] = ("unchanged", "unchanged", "unchanged", "update")
        plans.insert_entries(
            connection, claim.run_id, [entry(n, action=actions[n % 4]) for n in range(1, 2001)]
        )
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    wanted = EntryFilter(actions=("update",))
    plan = explained(
        database, lambda: plans.read_plan(database, claim.run_id, after=900, limit=50, wanted=wanted)
    )
    if database.engine.dialect.name == "sqlite":
        assert plan == (
            "SEARCH plan_entry USING INDEX ix_plan_entry_action (run_id=? AND action=? AND seq>?)"
        )
    else:
        assert "ix_plan_entry_action" in plan
        assert "Sort" not in plan
        assert "Seq Scan" not in plan
