from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import update

from service.store import journal, logs, plans, runs
from service.store.database import Database
from service.store.journal import Intent, OperationEnd
from service.store.logs import LogLine
from service.store.migrate import upgrade
from service.store.runs import (
    Claim,
    FenceLostError,
    OpenStraysError,
    RunActiveError,
    RunOptions,
    Wishes,
    claim_run,
    end_run,
    release_run,
    renew_lease,
    run_facts,
    runs_of_batch,
    schedule_run,
    unclaimed_runs,
)
from service.store.steering import request_cancel
from service.store.tables import operation
from tests.store.conftest import fill

MINUTE = 60_000


def schedule(db: Database, batch_id: str) -> str:
    return schedule_run(
        db, batch_id=batch_id, mode="import", options=RunOptions(limit=3), key_id=1, inputs_digest="i"
    ).id


def claim(db: Database, run_id: str, owner: str = "one", lease: int = MINUTE) -> Claim:
    claimed = claim_run(db, run_id, owner, lease)
    assert claimed is not None
    return claimed


def intent(key: str, seq: int = 1) -> Intent:
    return Intent(key=key, seq=seq, attempt=1, method="create", kind="item", payload_digest="d", above_id=7)


def state(db: Database, run_id: str) -> str:
    facts = run_facts(db, run_id)
    assert facts is not None
    return facts.state


def test_a_batch_has_one_active_run(database: Database, batch_id: str) -> None:
    first = schedule(database, batch_id)
    with pytest.raises(RunActiveError) as caught:
        schedule(database, batch_id)
    assert caught.value.run_id == first
    assert [facts.id for facts in runs_of_batch(database, batch_id)] == [first]


def test_two_services_that_schedule_at_once_make_one_run(database: Database, batch_id: str) -> None:
    barrier = threading.Barrier(4)

    def attempt(_: int) -> str | None:
        barrier.wait()
        try:
            return schedule(database, batch_id)
        except RunActiveError:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(attempt, range(4)) if one is not None]
    assert len(made) == 1
    assert [facts.id for facts in runs_of_batch(database, batch_id)] == made


def test_of_many_claims_at_once_exactly_one_succeeds(database: Database, batch_id: str) -> None:
    for round_number in range(10):
        run_id = schedule(database, batch_id)
        barrier = threading.Barrier(4)

        def attempt(number: int, run_id: str = run_id, barrier: threading.Barrier = barrier) -> Claim | None:
            barrier.wait()
            return claim_run(database, run_id, f"worker {number}", MINUTE)

        with ThreadPoolExecutor(4) as pool:
            claims = [one for one in pool.map(attempt, range(4)) if one is not None]
        assert len(claims) == 1, f"round {round_number}"
        assert claims[0].fence == 1
        end_run(database, claims[0], "finished")


def test_a_lease_that_ran_out_can_be_claimed_and_the_old_owner_writes_nothing_more(
    database: Database, batch_id: str
) -> None:
    run_id = schedule(database, batch_id)
    old = claim(database, run_id, "old", lease=-1)
    assert state(database, run_id) == "interrupted"
    assert unclaimed_runs(database) == [run_id]
    new = claim(database, run_id, "new")
    assert (old.fence, new.fence) == (1, 2)
    assert unclaimed_runs(database) == []

    attempts: list[Callable[[], object]] = [
        lambda: renew_lease(database, old, MINUTE),
        lambda: journal.record_intents(database, old, [intent("1.1")]),
        lambda: plans.clear_plan(database, old),
        lambda: end_run(database, old, "finished"),
        lambda: runs.set_waiting(database, old, "why", 1),
    ]
    for attempt in attempts:
        with pytest.raises(FenceLostError):
            attempt()
    release_run(database, old)  # harmless
    assert state(database, run_id) == "running"
    assert journal.open_operations(database, run_id) == []


def test_a_transaction_that_lost_the_fence_leaves_nothing(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    old = claim(database, run_id, "old", lease=-1)
    claim(database, run_id, "new")
    line = LogLine(run_id, 1, 0, "info", "code", "message")
    with pytest.raises(FenceLostError), runs.fenced(database, old) as connection:
        logs.append_lines(connection, [line])
    assert logs.read_log(database, run_id) == []


def test_a_run_that_was_given_back_is_scheduled_again(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    release_run(database, claim(database, run_id))
    assert state(database, run_id) == "scheduled"
    assert unclaimed_runs(database) == [run_id]
    assert claim(database, run_id, "next").fence == 2


def test_a_heartbeat_hears_the_wish_to_cancel(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    assert renew_lease(database, held, MINUTE) == Wishes(cancel=False, pause=False)
    assert request_cancel(database, run_id)
    assert renew_lease(database, held, MINUTE) == Wishes(cancel=True, pause=False)
    end_run(database, held, "cancelled")
    assert state(database, run_id) == "cancelled"
    assert not request_cancel(database, run_id)


def test_cancelling_a_run_that_nobody_began_ends_it_and_frees_the_batch(
    database: Database, batch_id: str
) -> None:
    run_id = schedule(database, batch_id)
    assert request_cancel(database, run_id)
    assert state(database, run_id) == "cancelled"
    assert claim_run(database, run_id, "late", MINUTE) is None
    assert schedule(database, batch_id) != run_id


def test_a_run_is_not_final_while_a_stray_is_open(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    journal.record_stray(database, run_id, "1.1", 12, b"{}")
    with pytest.raises(OpenStraysError):
        end_run(database, held, "finished")
    (stray,) = journal.open_strays(database, run_id)
    assert (stray.operation_key, stray.resource_id) == ("1.1", 12)
    with runs.fenced(database, held) as connection:
        journal.resolve_stray(connection, stray.id, "removed")
    end_run(database, held, "finished")
    assert state(database, run_id) == "complete"


def test_a_finished_import_with_a_rejected_record_is_complete_with_errors(
    database: Database, batch_id: str
) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    with runs.fenced(database, held) as connection:
        runs.add_counts(connection, run_id, {"created": 2, "rejected": 1}, 5, 100)
        runs.add_counts(connection, run_id, {"created": 1, "unchanged": 0}, 1, 10)
    end_run(database, held, "finished")
    facts = run_facts(database, run_id)
    assert facts is not None
    assert (facts.state, facts.counts, facts.requests, facts.bytes_sent, facts.options) == (
        "complete-with-errors",
        {"created": 3, "rejected": 1},
        6,
        110,
        RunOptions(limit=3),
    )


def test_an_intent_is_open_until_its_end_is_written(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    journal.record_intents(database, held, [intent("1.1", 1), intent("2.1", 2)])
    with runs.fenced(database, held) as connection:
        journal.record_ends(connection, held, [OperationEnd("1.1", "done", answer_id=31)])
    (still,) = journal.open_operations(database, run_id)
    assert (still.key, still.seq, still.above_id, still.fence) == ("2.1", 2, 7, 1)
    assert journal.journaled_ids(database, "omeka", "item", [30, 31, 32]) == {31}
    assert journal.journaled_ids(database, "elsewhere", "item", [31]) == set()
    assert journal.attempts(database, run_id, [1, 2, 3]) == {1: 1, 2: 1}
    assert runs.ever_wrote(database, batch_id)


def test_the_slowest_answer_is_the_one_that_a_write_waited_for_longest(
    database: Database, batch_id: str
) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    assert journal.slowest_answer(database, run_id) == 0.0
    ends = [
        (OperationEnd("1.1", "done", answer_id=31), 2500),
        (OperationEnd("2.1", "refused"), 4000),
        # Not answered at all, or found by looking: that tells nothing of how long answers take.
        (OperationEnd("3.1", "done", answer_id=32, adopted=True), 60_000),
        (OperationEnd("4.1", "superseded"), 90_000),
        (OperationEnd("5.1", "not-sent"), 90_000),
    ]
    journal.record_intents(database, held, [intent(end.key, seq) for seq, (end, _) in enumerate(ends, 1)])
    with runs.fenced(database, held) as connection:
        journal.record_ends(connection, held, [end for end, _ in ends])
        for end, later in ends:
            connection.execute(
                update(operation)
                .where(operation.c.run_id == run_id, operation.c.key == end.key)
                .values(outcome_at=operation.c.intent_at + later)
            )
    assert journal.slowest_answer(database, run_id) == 4.0


def test_how_often_a_write_was_given_up_is_counted_for_each_entry_and_method(
    database: Database, batch_id: str
) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    intents = [
        msgspec.structs.replace(intent(f"1.{n}"), attempt=n, method="delete" if n == 4 else "create")
        for n in range(1, 6)
    ]
    journal.record_intents(database, held, [*intents, intent("2.1", 2)])
    with runs.fenced(database, held) as connection:
        ended = [OperationEnd(f"1.{n}", "superseded") for n in (1, 2, 4)]
        journal.record_ends(connection, held, [*ended, OperationEnd("1.3", "not-sent")])
    assert journal.times_given_up(database, run_id, 1, "create") == 2
    assert journal.times_given_up(database, run_id, 1, "delete") == 1
    assert journal.times_given_up(database, run_id, 2, "create") == 0


def test_the_log_is_read_by_level_and_from_a_line_on(database: Database, batch_id: str) -> None:
    run_id = schedule(database, batch_id)
    held = claim(database, run_id)
    lines = [
        LogLine(run_id, 1, 5, "debug", "a", "one"),
        LogLine(run_id, 2, 6, "info", "b", "two", "data0", 3, "A1"),
        LogLine(run_id, 3, 7, "error", "c", "three"),
    ]
    with runs.fenced(database, held) as connection:
        logs.append_lines(connection, lines)
    assert logs.last_seq(database, run_id) == 3
    assert logs.read_log(database, run_id, wanted=logs.LineFilter("debug")) == lines
    assert logs.read_log(database, run_id) == lines[1:]
    assert logs.read_log(database, run_id, after=2) == lines[2:]
    assert logs.read_batch_log(database, batch_id, after=(run_id, 2)) == lines[2:]


def test_a_lease_runs_out_by_the_clock_of_the_database_where_machines_may_disagree(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database(postgresql_url)
    upgrade(db)
    fill(db)
    run_id = schedule(db, "b1")
    held = claim(db, run_id)
    # A worker on a machine that is a day ahead.
    monkeypatch.setattr(
        "service.store.database.now_ms", lambda: time.time_ns() // 1_000_000 + 24 * 60 * MINUTE
    )
    assert claim_run(db, run_id, "ahead", MINUTE) is None
    assert unclaimed_runs(db) == []
    renew_lease(db, held, -1)
    ahead = claim(db, run_id, "ahead")
    monkeypatch.undo()
    assert claim_run(db, run_id, "behind", MINUTE) is None
    renew_lease(db, ahead, -1)
    assert unclaimed_runs(db) == [run_id], "its lease is no day longer for that"
    db.dispose()
