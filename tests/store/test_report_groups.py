"""What is said of the entries of a run, in groups: counted with them, exactly once, and found again."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from service.store import plans, runs, tables
from service.store.database import Database
from service.store.migrate import downgrade, upgrade
from service.store.plan_copy import copy_plan
from service.store.plans import Entry, EntryOutcome
from service.store.report_groups import ReportGroup, read_report_group, read_report_groups
from service.store.run_reports import (
    Reported,
    RowFilter,
    read_rows,
    rows_named,
    rows_numbered,
    rows_of_record,
)
from service.store.runs import Claim, FenceLostError
from service.store.said import Said, Weight, ended, now, planned
from tests.store.support import analyze, batch_of, claimed, entry, explained, keep, known, uses
from worker.records import identity_digest

WEIGHTS: tuple[Weight, ...] = ("rejected", "failed", "uncertain", "altered", "note")


def problem(code: str, message: str, value: str = "", severity: str = "reject", pointer: str = "") -> Any:
    return {"severity": severity, "code": code, "message": message, "pointer": pointer, "value": value}


def rejected(seq: int, *problems: Any, **more: Any) -> Entry:
    first = next((one for one in problems if one["severity"] != "warning"), problems[0])
    given = {
        "action": "reject",
        "outcome": "rejected",
        "problems": json.dumps(problems).encode(),
        "code": first["code"],
        "message": first["message"],
    }
    return entry(seq, **{**given, **more})


def undated(seq: int, value: str, **more: Any) -> Entry:
    found = problem(
        "date-not-understood", "This is not understood as a date.", value, pointer="/instructions/3"
    )
    return rejected(seq, found, **more)


def groups(db: Database, run_id: str) -> list[tuple[str, str, int, str]]:
    """(weight, code, how many, message) of all, counted once more from their entries."""
    found = [one for weight in WEIGHTS for one in read_report_groups(db, run_id, weight, limit=1000)]
    for one in found:
        rows = read_rows(db, run_id, RowFilter(group=one.id), limit=10_000)
        assert len(rows) == one.n, one
    return [(one.weight, one.code, one.n, one.message) for one in found]


def end(db: Database, claim: Claim, *outcomes: EntryOutcome) -> None:
    with runs.fenced(db, claim) as connection:
        plans.set_outcomes(connection, claim.run_id, outcomes)


def numbers(rows: Sequence[Reported]) -> list[int]:
    return [one.seq for one in rows]


def test_entries_of_which_the_same_is_said_are_one_group(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    late = problem("late", "It comes “one” too late.", severity="warning")
    later = problem("late", "It comes “two” too late.", severity="warning")
    keep(database, claim, undated(1, "about 1820"), undated(2, "?"), entry(3))
    keep(
        database,
        claim,
        undated(4, "17th c."),
        rejected(5, problem("gone", "Item 7 is gone."), problem("gone", "Item 8 is gone.")),
        rejected(6, problem("gone", "Item 12 is gone."), late),
        entry(7, problems=json.dumps([later]).encode(), code="late", message="It comes “two” too late."),
    )
    assert groups(database, claim.run_id) == [
        ("rejected", "date-not-understood", 3, "This is not understood as a date."),
        ("rejected", "gone", 2, "Item 7 is gone."),
        ("note", "late", 2, "It comes “one” too late."),
    ]
    first, second = read_report_groups(database, claim.run_id, "rejected", limit=2)
    assert first == ReportGroup(
        first.id,
        "rejected",
        "date-not-understood",
        "/instructions/3",
        "This is not understood as a date.",
        "about 1820",
        True,
        3,
    )
    assert (second.alike, second.value) == (False, "")
    assert read_report_group(database, claim.run_id, first.id) == first
    assert read_report_group(database, "another", first.id) is None
    assert read_report_groups(database, claim.run_id, "failed", limit=10) == []


def test_groups_are_read_a_page_at_a_time(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    entries = [rejected(n, problem(f"code-{n % 7}", "No.")) for n in range(1, 31)]
    keep(database, claim, *entries)
    seen: list[ReportGroup] = []
    after = None
    while page := read_report_groups(database, claim.run_id, "rejected", limit=2, after=after):
        seen += page
        after = (page[-1].n, page[-1].id)
    assert [one.n for one in seen] == [5, 5, 4, 4, 4, 4, 4]
    assert sorted(one.code for one in seen) == [f"code-{n}" for n in range(7)]


def test_what_came_of_an_entry_takes_the_place_of_what_was_said_of_it_before(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id, mode="import")
    noted = problem("otherwise-used", "The other value was used.", "x", "warning")
    keep(
        database,
        claim,
        entry(1, problems=json.dumps([noted]).encode(), code="otherwise-used", message=noted["message"]),
        entry(2),
        entry(3),
    )
    lost = "The answer of the target was lost, and a resource could be this record: 7."
    end(database, claim, EntryOutcome(1, "uncertain", None, "uncertain", lost), EntryOutcome(2, "created", 5))
    assert groups(database, claim.run_id) == [
        ("uncertain", "uncertain", 1, lost),
        ("note", "otherwise-used", 1, "The other value was used."),
    ]
    # Its answer came after all; what planning had noticed is still true.
    end(database, claim, EntryOutcome(1, "created", 7))
    assert groups(database, claim.run_id) == [
        ("note", "otherwise-used", 1, "The other value was used."),
    ]
    refused = "dcterms:title is required."
    for _ in range(2):  # as after an answer that was lost
        end(database, claim, EntryOutcome(3, "rejected", None, "target-validation", refused))
    end(database, claim, EntryOutcome(2, "failed", 5, "target-validation", refused))
    assert groups(database, claim.run_id) == [
        ("rejected", "target-validation", 1, refused),
        ("failed", "target-validation", 1, refused),
        ("note", "otherwise-used", 1, "The other value was used."),
    ]


def test_what_completes_another_entry_is_told_of_that_one_only(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(database, claim, entry(1), *(entry(n, action="complete", completes=1) for n in (2, 3)))
    no = EntryOutcome(2, "rejected", None, "target-gone", "Gone.", reported=False)
    main = EntryOutcome(1, "failed", 5, "target-gone", "Its links could not be written: Gone.")
    end(database, claim, no, no, main, main)
    assert groups(database, claim.run_id) == [
        ("failed", "target-gone", 1, "Its links could not be written: Gone."),
    ]


def test_a_transaction_that_fails_counts_nothing(database: Database, batch_id: str) -> None:
    old = claimed(database, batch_id, lease=-1)
    keep(database, old, undated(1, "?"))

    def killed(claim: Claim) -> None:
        with runs.fenced(database, claim) as connection:
            plans.insert_entries(connection, claim.run_id, [undated(2, "?")])
            plans.set_outcomes(connection, claim.run_id, [EntryOutcome(1, "failed", None, "no", "No.")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed(old)
    new = runs.claim_run(database, old.run_id, "two", 60_000)
    assert new is not None
    with pytest.raises(FenceLostError):
        keep(database, old, undated(2, "?"))
    keep(database, new, undated(2, "?"))
    assert groups(database, new.run_id) == [
        ("rejected", "date-not-understood", 2, "This is not understood as a date."),
    ]


def test_entries_that_are_decided_anew_are_counted_anew(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(database, claim, *(undated(n, "?") for n in range(1, 8)))
    with runs.fenced(database, claim) as connection:
        plans.replace_entries(connection, claim.run_id, [1, 2, 3], [entry(1), undated(2, "??")])
    assert [one[2] for one in groups(database, claim.run_id)] == [5]
    with runs.fenced(database, claim) as connection:
        plans.replace_entries(connection, claim.run_id, [2, 4, 5, 6, 7], [])
    assert groups(database, claim.run_id) == []


def test_a_plan_that_is_made_anew_says_everything_anew(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(database, claim, *(undated(n, "?", identifier=f"A{n}") for n in range(1, 8)))
    plans.clear_plan(database, claim, slice_size=3)
    assert groups(database, claim.run_id) == []
    with database.read() as connection:
        assert connection.execute(select(tables.report_line)).all() == []
    keep(database, claim, undated(1, "?", identifier="A1"))
    assert [one[2] for one in groups(database, claim.run_id)] == [1]


def test_a_plan_that_is_imported_takes_its_report_along(database: Database, batch_id: str) -> None:
    dry = claimed(database, batch_id)
    keep(database, dry, undated(1, "?", identifier="A1"), entry(2), undated(3, "?"))
    runs.end_run(database, dry, "finished")
    claim = claimed(database, batch_id, mode="import")
    copy_plan(database, claim, dry.run_id)
    assert groups(database, claim.run_id) == groups(database, dry.run_id)
    assert numbers(rows_named(database, [claim.run_id], "A1", 10)) == [1]


def test_nothing_that_a_message_holds_is_refused_by_a_database(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    half = rejected(1, problem("odd", "A\x00B", "\x00", pointer="/a\x00"))
    keep(database, claim, rejected(1, problem("odd", "A")), entry(2))
    with runs.fenced(database, claim) as connection:
        shown = Entry(**{**{n: getattr(half, n) for n in Entry.__struct_fields__}, "message": "A", "seq": 3})
        plans.insert_entries(connection, claim.run_id, [shown])
        long = rejected(4, problem("odd", "x" * 5000, "y" * 5000))
        plans.insert_entries(connection, claim.run_id, [long])
    assert sorted((one[2], len(one[3])) for one in groups(database, claim.run_id)) == [
        (1, 1),
        (1, 6),
        (1, 2000),
    ]


def test_records_are_found_by_identifier_and_by_row(database: Database, batch_id: str) -> None:
    first = claimed(database, batch_id, mode="import")
    many = known(2, "Ä 1", key_digest=identity_digest(("A", "B + C")), identifier="A + B + C")
    keep(
        database,
        first,
        known(1, "T12977", key_digest=identity_digest(("T12977",))),
        many,
        undated(3, "?", identifier="T12978"),
        entry(4, row=3, file="data1"),
    )
    runs.end_run(database, first, "finished")
    second = claimed(database, batch_id, mode="retry")
    keep(database, second, undated(1, "?", row=3, identifier="T12978"))
    ids = [first.run_id, second.run_id]

    def named(text: str) -> list[tuple[str, int]]:
        return [(one.run_id, one.seq) for one in rows_named(database, ids, text, 10)]

    assert named(" T12977 ") == [(first.run_id, 1)]
    assert named("T12978") == [(second.run_id, 1), (first.run_id, 3)]
    assert named("t12978") == named("T1297") == named("") == []
    by_row = [
        (one.run_id, one.seq) for one in rows_numbered(database, ids, ["data0", "data1", "data2"], 3, 10)
    ]
    assert by_row == [(second.run_id, 1), (first.run_id, 3), (first.run_id, 4)]
    of_record = [(one.run_id, one.seq) for one in rows_of_record(database, ids, "data0", 3, 10)]
    assert of_record == [(second.run_id, 1), (first.run_id, 3)]
    exact = known(5, "x", key_digest=identity_digest(("A", "B")), identifier="A + B", row=5)
    keep(database, second, exact)
    assert named("A + B") == [(second.run_id, 5)]


def in_order(
    db: Database, query: Callable[[], object], index: str, conditions: str, *, table: str = "plan_"
) -> None:
    """A query follows an index from where it begins: it neither sorts nor passes over what another question
    is about. `conditions`: what of the index it uses."""
    uses(db, query, index, table=table)
    plan = explained(db, query, table=table)
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    if db.is_sqlite:
        assert f"{index} ({conditions})" in plan, plan
    else:
        filters = [line.strip() for line in plan.splitlines() if "Filter:" in line]
        assert all("action" in line and "complete" in line and " AND " not in line for line in filters), plan


def test_no_question_about_a_run_looks_through_it(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    batch_of(database, "b2")
    other = claimed(database, "b2", mode="import")
    outcomes: tuple[Any, ...] = (None, "created", "rejected", "unchanged")
    entries = [
        undated(n, "?", identifier=f"A{n}")
        if n % 4 == 2
        else known(n, f"K{n}", outcome=outcomes[n % 4], file=f"data{n % 3}")
        for n in range(1, 3001)
    ]
    keep(database, claim, *entries)
    keep(database, other, *entries)
    analyze(database)
    run_id = claim.run_id
    group = read_report_groups(database, run_id, "rejected", limit=1)[0].id
    of_entry = "sqlite_autoindex_plan_entry_1" if database.is_sqlite else "pk_plan_entry"
    of_line = "sqlite_autoindex_report_line_1" if database.is_sqlite else "pk_report_line"
    asked = {
        RowFilter(): (of_entry, "run_id=? AND seq>?"),
        RowFilter(outcome="created"): ("ix_plan_entry_outcome", "run_id=? AND outcome=? AND seq>?"),
        RowFilter(open=True): ("ix_plan_entry_outcome", "run_id=? AND outcome=? AND seq>?"),
        RowFilter(group=group): (of_line, "run_id=? AND name=? AND seq>?"),
    }
    for wanted, (index, conditions) in asked.items():
        query = functools.partial(read_rows, database, run_id, wanted, after=900, limit=50)
        in_order(database, query, index, conditions, table="report_" if wanted.group else "plan_")
    planned_to = functools.partial(read_rows, database, run_id, RowFilter(to="create"), after=900, limit=50)
    uses(database, planned_to, "ix_plan_entry_")
    ids = [run_id, other.run_id]
    uses(database, lambda: rows_named(database, ids, "A6", 50), "ix_plan_entry_key", of_line)
    uses(database, lambda: rows_numbered(database, ids, ["data0", "data1"], 9, 50), "ix_plan_entry_row")
    uses(database, lambda: rows_of_record(database, ids, "data0", 9, 50), "ix_plan_entry_row")
    for after in (None, (700, "g")):
        following = functools.partial(read_report_groups, database, run_id, "rejected", limit=20, after=after)
        conditions = "run_id=? AND weight=?" + (" AND n<?" if after else "")
        uses(database, following, "ix_report_group_weight", table="report_")
        plan = explained(database, following, table="report_")
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
    by_key = "sqlite_autoindex_report_group_1" if database.is_sqlite else "Index Cond"
    uses(database, lambda: read_report_group(database, run_id, group), by_key, table="report_")


def test_runs_from_before_get_their_groups_when_the_database_is_migrated(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id, mode="import")
    noted = problem("otherwise-used", "The other value was used.", "x", "warning")
    keep(
        database,
        claim,
        undated(1, "about 1820", identifier="A1"),
        rejected(2, problem("gone", "Item 7 is gone."), problem("gone", "Item 9 is gone."), noted),
        entry(3, problems=json.dumps([noted]).encode(), code="otherwise-used", message=noted["message"]),
        entry(4, action="unpublish", code="absent", message="No record mentions it any more."),
        entry(5),
        entry(6),
        entry(7, action="complete", completes=6),
    )
    end(
        database,
        claim,
        EntryOutcome(3, "created", 3),
        EntryOutcome(4, "unpublished", 4),
        EntryOutcome(5, "rejected", None, "target-validation", "dcterms:title is “required”."),
        EntryOutcome(6, "failed", 6, "target-gone", "Gone."),
        EntryOutcome(7, "rejected", None, "target-gone", "Gone.", reported=False),
    )
    before = groups(database, claim.run_id), _tables(database)
    downgrade(database, "0007")
    upgrade(database)
    assert (groups(database, claim.run_id), _tables(database)) == before
    assert sorted(one[:3] for one in before[0]) == [
        ("failed", "target-gone", 1),
        ("note", "absent", 1),
        ("note", "otherwise-used", 2),
        ("rejected", "date-not-understood", 1),
        ("rejected", "gone", 1),
        ("rejected", "target-validation", 1),
    ]


def _tables(db: Database) -> list[list[Any]]:
    with db.read() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table))))
            for table in (tables.report_group, tables.report_line)
        ]


def test_an_entry_says_what_came_of_it_first_then_what_planning_noticed() -> None:
    noted = problem("otherwise-used", "The other value was used.", "x", "warning")
    data = json.dumps([noted]).encode()
    note = Said("note", "otherwise-used", "The other value was used.", "", "x")
    assert planned(data, "create", "otherwise-used", noted["message"]) == [note]
    assert now(data, "create", "created", "otherwise-used", noted["message"]) == [note]
    refused = Said("rejected", "target-validation", "No.", late=True)
    assert now(data, "create", "rejected", "target-validation", "No.") == [refused, note]
    assert now(None, "create", "rejected", "target-validation", "No.") == [refused]
    assert now(None, "create", "created", None, None) == []
    assert now(None, "skip", "skipped", "absent", "Kept.") == [Said("note", "absent", "Kept.")]
    assert ended("created", None, None) is None
