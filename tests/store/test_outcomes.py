"""What became of a batch over several runs."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert

from service.store import plans, runs
from service.store.blobs import Digest
from service.store.database import Database, now_ms
from service.store.failed_files import FailedFile, failed_files, failing_run, set_failed_files
from service.store.outcomes import (
    Latest,
    Spoken,
    anything_to_retry,
    counts_of,
    latest,
    made,
    not_written,
    real_runs,
    reported_runs,
    spoken_of,
    state_of,
)
from service.store.plans import Entry
from service.store.reports import read_report
from service.store.runs import Claim, RunFacts, RunOptions
from service.store.states import Ending, RunMode
from service.store.tables import operation


def entry(row: int, outcome: str | None, ordinal: int = 0, **more: Any) -> Entry:
    action = {"rejected": "reject", "unchanged": "unchanged"}.get(outcome or "", "create")
    values = {"seq": row * 10 + ordinal, "kind": "item", "action": action, "key_digest": f"k{row}", **more}
    return Entry(file="data0", row=row, ordinal=ordinal, destination="item", outcome=outcome, **values)  # type: ignore[arg-type]


def start(db: Database, mode: RunMode) -> Claim:
    run = runs.schedule_run(db, batch_id="b1", mode=mode, options=RunOptions(), key_id=1, inputs_digest="i")
    claim = runs.claim_run(db, run.id, "one", 60_000)
    assert claim is not None
    return claim


def run(
    db: Database,
    *entries: Entry,
    mode: RunMode = "import",
    ending: Ending = "finished",
    planned: bool = True,
) -> str:
    """A run that ended with these entries."""
    claim = start(db, mode)
    counts: dict[str, int] = {}
    for one in entries:
        if one.outcome is not None:
            counts[one.outcome] = counts.get(one.outcome, 0) + 1
    with runs.fenced(db, claim) as connection:
        plans.insert_entries(connection, claim.run_id, entries)
        runs.add_counts(connection, claim.run_id, counts)
        if planned:
            runs.set_phase(connection, claim, "apply", planned_at=now_ms())
    runs.end_run(db, claim, ending)
    return claim.run_id


def every(db: Database) -> list[RunFacts]:
    return runs.runs_of_batch(db, "b1")


def test_a_retry_that_mended_all_makes_the_batch_complete(database: Database, batch_id: str) -> None:
    first = run(database, entry(1, "created"), entry(2, "rejected"), entry(3, "rejected"))
    assert (state_of(database, every(database)), counts_of(database, every(database))) == (
        "complete-with-errors",
        {"created": 1, "rejected": 2},
    )
    assert list(not_written(database, [first])) == [[("data0", 2), ("data0", 3)]]
    half = run(database, entry(2, "created"), mode="retry")
    assert [one.state for one in every(database)] == ["complete", "complete-with-errors"]
    assert state_of(database, every(database)) == "complete-with-errors"
    assert counts_of(database, every(database)) == {"created": 2, "rejected": 1}
    assert list(not_written(database, [half, first])) == [[("data0", 3)]]
    assert anything_to_retry(database, every(database))
    run(database, entry(3, "created"), mode="retry")
    assert (state_of(database, every(database)), counts_of(database, every(database))) == (
        "complete",
        {"created": 3},
    )
    assert not anything_to_retry(database, every(database))


def test_what_was_refused_of_a_record_is_superseded_by_any_newer_word_about_it(
    database: Database, batch_id: str
) -> None:
    run(database, entry(1, "created"), entry(2, "rejected"), entry(2, "rejected", 1))
    run(database, entry(2, "skipped"), mode="retry")
    assert state_of(database, every(database)) == "complete"
    report = [(one.entry.row, one.entry.ordinal, one.entry.outcome) for one in read_report(database, "b1")]
    assert report == [(1, 0, "created"), (2, 0, "skipped")]


def test_what_was_written_stands_until_that_resource_is_spoken_of(database: Database, batch_id: str) -> None:
    run(database, entry(1, "created"), entry(1, "created", 1), entry(1, "rejected", 2))
    run(database, entry(1, "unchanged"), mode="retry")
    report = [(one.entry.ordinal, one.entry.outcome) for one in read_report(database, "b1")]
    assert report == [(1, "created"), (0, "unchanged")]


def test_what_was_planned_and_not_carried_out_keeps_a_batch_from_being_complete(
    database: Database, batch_id: str
) -> None:
    run(database, entry(1, "created"), entry(2, None), ending="cancelled")
    assert anything_to_retry(database, every(database))
    run(database, entry(1, "unchanged"))
    assert state_of(database, every(database)) == "complete-with-errors"
    run(database, entry(2, "created"), mode="retry")
    assert state_of(database, every(database)) == "complete"


def test_a_run_that_never_completed_its_plan_takes_nothing_back(database: Database, batch_id: str) -> None:
    assert (real_runs(every(database)), reported_runs(every(database))) == ([], [])
    dry = run(database, entry(1, None), mode="dry-run")
    assert reported_runs(every(database)) == [dry]
    stopped = run(database, entry(1, "rejected"), entry(2, None), ending="failed", planned=False)
    assert (real_runs(every(database)), reported_runs(every(database))) == ([], [stopped])
    assert [one.run_id for one in read_report(database, "b1")] == [stopped, stopped]
    good = run(database, entry(1, "created"))
    run(database, entry(1, "rejected"), entry(2, None), ending="failed", planned=False)
    assert reported_runs(every(database)) == [good]
    assert [one.run_id for one in read_report(database, "b1")] == [good]
    assert state_of(database, every(database)) == "failed"


def test_an_undo_takes_away_what_was_said_before_it(database: Database, batch_id: str) -> None:
    run(database, entry(1, "created"), entry(2, "rejected"))
    run(database, mode="undo")
    assert (real_runs(every(database)), state_of(database, every(database))) == ([], "undone")
    again = run(database, entry(1, "created"))
    assert (real_runs(every(database)), state_of(database, every(database))) == ([again], "complete")


def test_the_newest_word_about_rows_is_looked_up_for_many_at_once(database: Database, batch_id: str) -> None:
    first = run(
        database,
        entry(1, "created", outcome_id=7),
        entry(2, "rejected"),
        entry(3, "uncertain", key_digest=None),
    )
    second = run(database, entry(2, "created", outcome_id=8), mode="retry")
    ids = [second, first]

    def told(row: int, outcome: Any, **more: Any) -> Latest:
        values = {"resource_id": None, "identified": True, "unknown": False, "action": "create", **more}
        return Latest("data0", row, 0, "item", outcome=outcome, **values)

    uncertain = told(3, "uncertain", identified=False)
    assert latest(database, ids, "data0", [1, 2, 3, 4]) == [
        told(1, "created", resource_id=7),
        told(2, "created", resource_id=8),
        uncertain,
    ]
    assert [one.settled for one in latest(database, ids, "data0", [1, 2, 3])] == [True, True, False]
    assert latest(database, ids, "other", [1]) == latest(database, [], "data0", [1]) == []
    assert made(database, ids, "data0", [1, 2, 3]) == [uncertain]


def test_what_only_the_journal_knows_is_found_whatever_was_said_later(
    database: Database, batch_id: str
) -> None:
    first = run(database, entry(1, "created", key_digest=None, outcome_id=7), entry(2, None, key_digest=None))
    with database.write() as connection:
        connection.execute(
            insert(operation).values(
                run_id=first,
                key="20.1",
                seq=20,
                attempt=1,
                fence=1,
                method="create",
                kind="item",
                payload_digest="d",
                intent_at=1,
            )
        )
    second = run(database, entry(1, "rejected", key_digest=None), mode="retry")
    found = made(database, [second, first], "data0", [1, 2])
    assert [(one.row, one.outcome, one.resource_id, one.unknown) for one in found] == [
        (1, "created", 7, False),
        (2, None, None, True),
    ]


def test_failed_files_are_those_of_the_newest_run_that_ended(database: Database, batch_id: str) -> None:
    assert failing_run(every(database)) is None
    first = run(database, entry(1, "rejected"))
    claim = start(database, "retry")
    assert failing_run(every(database)) == first
    assert failing_run([one for one in every(database) if one.ended_at is None]) is None
    bytes_of = FailedFile("data0", Digest("d" * 64), 12, 1)
    for files in ([bytes_of, FailedFile("more", Digest("d" * 64), 12, 2)], [bytes_of]):
        # Done again by whoever takes the run up: what was said before is replaced as a whole.
        with runs.fenced(database, claim) as connection:
            set_failed_files(connection, claim.run_id, files)
            runs.set_phase(connection, claim, "apply", planned_at=now_ms())
    runs.end_run(database, claim, "finished")
    assert failing_run(every(database)) == claim.run_id
    assert failed_files(database, claim.run_id) == [bytes_of]
    assert failed_files(database, first) == []
    # One that stopped while it planned speaks for the batch as well; a dry run only where there is no other.
    stopped = run(database, entry(1, "rejected"), ending="failed", planned=False)
    run(database, entry(1, None), mode="dry-run")
    assert failing_run(every(database)) == stopped


def test_the_records_that_stand_under_an_identity_are_found(database: Database, batch_id: str) -> None:
    said = {"meant": "m", "scope": "s", "by": "dcterms:identifier"}
    first = run(
        database,
        entry(1, "created", **said),
        entry(2, "rejected", **said),
        entry(3, "unchanged"),  # only referred to: a load
        entry(4, "created", **said),
    )
    second = run(database, entry(4, "rejected", **said), mode="retry")
    assert spoken_of(database, [second, first], ["k1", "k2", "k3", "k4", "k5"]) == [
        Spoken("item", "s", "dcterms:identifier", "k1", "data0", 1)
    ]
    assert spoken_of(database, [], ["k1"]) == spoken_of(database, [first], []) == []


@pytest.mark.parametrize("several", [True, False])
def test_looking_up_what_earlier_runs_said_never_scans_a_plan(sqlite: Database, several: bool) -> None:
    ids = ["r1", "r2"] if several else ["r1"]
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(sqlite.engine, "before_cursor_execute", note)
    latest(sqlite, ids, "data0", [1, 2])
    made(sqlite, ids, "data0", [1, 2])
    spoken_of(sqlite, ids, ["k1", "k2"])
    list(not_written(sqlite, ids))
    event.remove(sqlite.engine, "before_cursor_execute", note)
    assert len(asked) == 3 + 3 * len(ids)
    with sqlite.engine.connect() as connection:
        steps = [
            row[3]
            for statement, parameters in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert [step for step in steps if step.startswith("SCAN")] == []
