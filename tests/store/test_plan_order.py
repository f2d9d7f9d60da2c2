"""The plan while it is decided, put in order, and taken over by another run."""

from __future__ import annotations

from collections import Counter

import pytest

from service.store import links, plan_copy, plan_groups, plans, runs
from service.store.database import Database
from service.store.links import KeyRow, LinkRow
from service.store.plan_groups import Group
from service.store.plans import Entry
from service.store.runs import Claim, FenceLostError
from tests.store.support import analyze, claimed, entry, keep, known, seqs, uses


def waiting(seq: int, row: int, **more: object) -> Entry:
    return entry(seq, row=row, pending=True, draft=b"{}", **more)


# --- what waits -----------------------------------------------------------------------------------


def test_a_page_of_what_waits_ends_with_a_whole_record(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        waiting(1, 1),
        entry(2, row=2),
        *(waiting(n, 3, ordinal=n - 3) for n in range(3, 7)),
        waiting(7, 4),
        waiting(8, 3, file="data1"),
    )
    pages = []
    after = 0
    while page := plans.pending(database, claim.run_id, after, 2):
        pages.append(seqs(page))
        after = page[-1].seq
    assert pages == [[1, 3, 4, 5, 6], [7, 8]]
    assert plans.pending(database, "another", 0, 10) == []


def test_entries_take_the_place_of_others_and_nothing_else_moves(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    before = [waiting(n, n) for n in range(1, 1203)]
    keep(database, claim, *before)
    now = [known(n, str(n), row=n) for n in range(2, 1202)]
    with runs.fenced(database, claim) as connection:
        plans.replace_entries(connection, claim.run_id, seqs(before[1:1201]), now[:-1])
    kept = plans.read_plan(database, claim.run_id, limit=2000)
    assert kept == [before[0], *now[:-1], before[1201]]


def test_what_sends_nothing_keeps_no_draft(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    actions: tuple[plans.Action, ...] = (*plans.WRITING, "unchanged", "skip", "reject")
    keep(database, claim, *(entry(n, action=one, draft=b"{}") for n, one in enumerate(actions, 1)))
    with runs.fenced(database, claim) as connection:
        plans.forget_drafts(connection, claim.run_id)
    kept = plans.entries_by_seq(database, claim.run_id, range(1, len(actions) + 1))
    assert [kept[n].action for n in kept if kept[n].draft is not None] == list(plans.WRITING)


# --- counts ---------------------------------------------------------------------------------------


def test_a_tally_counts_what_is_planned_and_what_is_settled_already(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        entry(1),
        entry(2),
        entry(3, action="update"),
        entry(4, action="unchanged", outcome="unchanged"),
        entry(5, action="reject", outcome="rejected"),
        entry(6, action="skip", outcome="skipped"),
        entry(7, action="complete", completes=1),
        entry(8, action="delete", outcome="rejected"),
    )
    assert plans.tally(database, claim.run_id) == Counter(
        {
            "planned": 7,
            "action:create": 2,
            "action:update": 1,
            "action:unchanged": 1,
            "action:reject": 1,
            "action:skip": 1,
            "action:delete": 1,
            "unchanged": 1,
            "rejected": 2,
            "skipped": 1,
        }
    )
    assert plans.tally(database, "another") == Counter()


def test_records_are_counted_once_however_many_resources_of_theirs_are_rejected(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        *(entry(n, row=1, ordinal=n, action="reject") for n in range(1, 4)),
        entry(4, row=2, action="reject"),
        entry(5, row=2, file="data1", action="reject"),
        entry(6, row=3),
    )
    assert plans.rejected_records(database, claim.run_id) == 3
    assert plans.rejected_records(database, "another") == 0


# --- order ----------------------------------------------------------------------------------------


def test_entries_are_written_by_depth_and_what_travels_with_another_is_not_listed(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        entry(1),
        entry(2, kind="media", parent_seq=1),
        entry(3, kind="media", parent_seq=1, depth=1),
        entry(4),
        entry(5, action="unchanged", outcome="unchanged"),
        entry(6, action="complete", completes=1),
        entry(7, action="delete", depth=9),
    )
    with runs.fenced(database, claim) as connection:
        plans.set_depths(connection, claim.run_id, [(1, 2), (4, 1)])
        plans.set_depth_of_completing(connection, claim.run_id, 3)
    order: list[tuple[int, int]] = []
    after = (-1, 0)
    while page := plans.todo(database, claim.run_id, after, 2):
        order += [(one.depth, one.seq) for one in page]
        after = order[-1]
    assert order == [(1, 3), (1, 4), (2, 1), (3, 6), (9, 7)]
    assert {n: seqs(one) for n, one in plans.children(database, claim.run_id, [1, 4]).items()} == {1: [2]}


def test_the_plan_s_own_state_is_the_first_that_bears_an_identity_and_was_not_refused(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    entries = [
        known(1, "a", action="reject"),
        known(2, "a"),
        known(3, "a", action="update", completes=2),
        known(4, "a", scope="other"),
        known(5, "b"),
    ]
    keep(database, claim, *entries)
    assert plans.planned_keys(database, claim.run_id, ["a"]) == {
        ("item", "tate", "dcterms:identifier", "a"): entries[1],
        ("item", "other", "dcterms:identifier", "a"): entries[3],
    }
    assert plans.planned_keys(database, claim.run_id, []) == {}


# --- a plan taken over ----------------------------------------------------------------------------


def whole(db: Database, claim: Claim) -> list[Entry]:
    """The plan of a run, the entries of `complete` too."""
    return list(plans.entries_by_seq(db, claim.run_id, range(1, 3000)).values())


def test_a_plan_is_taken_over_whole_with_its_links_identities_and_groups(
    database: Database, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_copy, "SLICE", 3)
    dry = claimed(database, batch_id)
    keep(
        database,
        dry,
        *(known(n, str(n), draft=b"{}", changes=b"[]", problems=b"[]") for n in range(1, 8)),
        entry(20, action="complete", completes=1, depth=4),
        entry(21, action="reject", outcome="rejected", code="no", message="No."),
    )
    link = LinkRow(3, 0, "item", "tate", False, "dcterms:identifier", "1", None, 1)
    key = KeyRow(21, "", "tate", "dcterms:title", "k", False)
    group = Group("resource", "create", "item", 7)
    with runs.fenced(database, dry) as connection:
        links.insert_links(connection, dry.run_id, [link])
        links.insert_keys(connection, dry.run_id, [key])
        plan_groups.add_groups(connection, dry.run_id, [group])
        runs.set_phase(connection, dry, "plan", records_total=8)
    runs.end_run(database, dry, "finished")
    real = claimed(database, batch_id, mode="import")
    plan_copy.copy_plan(database, real, dry.run_id)
    assert whole(database, real) == whole(database, dry)
    assert len(whole(database, real)) == 9
    assert links.links_of(database, real.run_id, [3]) == {3: [link]}
    assert links.keys_among(database, real.run_id, "tate", ["k"]) == [key]
    assert plan_groups.read_groups(database, real.run_id) == [group]
    assert (plan_copy.records_read(database, dry.run_id), plan_copy.records_read(database, "no")) == (8, 0)


def test_who_lost_the_run_takes_no_plan_over(database: Database, batch_id: str) -> None:
    dry = claimed(database, batch_id)
    keep(database, dry, entry(1))
    runs.end_run(database, dry, "finished")
    old = claimed(database, batch_id, lease=-1, mode="import")
    assert runs.claim_run(database, old.run_id, "two", 60_000) is not None
    with pytest.raises(FenceLostError):
        plan_copy.copy_plan(database, old, dry.run_id)
    assert whole(database, old) == []


# --- how ------------------------------------------------------------------------------------------


def test_the_queries_of_a_plan_use_their_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        *(known(n, str(n), pending=n % 50 == 0, row=n // 2, draft=b"{}") for n in range(1, 2001)),
    )
    analyze(database)
    run_id = claim.run_id
    uses(database, lambda: plans.pending(database, run_id, 500, 5), "ix_plan_entry_pending")
    uses(database, lambda: plans.todo(database, run_id, (0, 500), 50), "ix_plan_entry_todo")
    uses(database, lambda: plans.planned_keys(database, run_id, ["5", "6"]), "ix_plan_entry_key")
    uses(database, lambda: plans.tally(database, run_id), "plan_entry")
    uses(database, lambda: plans.entries_by_seq(database, run_id, [5, 6]), "plan_entry")
