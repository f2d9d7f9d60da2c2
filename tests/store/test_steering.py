"""What people wish of a run, and what it makes of its state."""

from __future__ import annotations

from service.store.database import Database
from service.store.runs import (
    Wishes,
    claim_run,
    end_run,
    release_run,
    renew_lease,
    run_facts,
    unclaimed_runs,
)
from service.store.steering import request_cancel, request_pause, request_resume
from tests.store.support import claimed

MINUTE = 60_000


def state(db: Database, run_id: str) -> str:
    facts = run_facts(db, run_id)
    assert facts is not None
    return facts.state


def test_a_pause_is_heard_holds_no_worker_and_ends_with_the_wish(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    assert request_pause(database, claim.run_id) is None
    assert renew_lease(database, claim, MINUTE) == Wishes(cancel=False, pause=True)
    assert state(database, claim.run_id) == "running"
    release_run(database, claim)
    assert state(database, claim.run_id) == "paused"
    assert claim_run(database, claim.run_id, "two", MINUTE) is None
    assert unclaimed_runs(database) == []
    assert request_pause(database, claim.run_id) == "paused"
    assert request_resume(database, claim.run_id) is None
    assert state(database, claim.run_id) == "scheduled"
    assert unclaimed_runs(database) == [claim.run_id]
    again = claim_run(database, claim.run_id, "two", MINUTE)
    assert again is not None
    assert request_resume(database, claim.run_id) == "not-paused"
    end_run(database, again, "finished")
    assert request_pause(database, claim.run_id) == request_resume(database, claim.run_id) == "ended"


def test_a_run_whose_worker_died_while_it_was_being_paused_is_paused(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id, lease=-1)
    assert state(database, claim.run_id) == "interrupted"
    assert request_pause(database, claim.run_id) is None
    assert state(database, claim.run_id) == "paused"
    assert unclaimed_runs(database) == []


def test_a_cancel_outranks_a_pause(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    request_pause(database, claim.run_id)
    release_run(database, claim)
    assert request_cancel(database, claim.run_id)
    # A worker has begun it, so one has to end it.
    assert unclaimed_runs(database) == [claim.run_id]
    assert request_pause(database, claim.run_id) == request_resume(database, claim.run_id) == "cancelling"
    last = claim_run(database, claim.run_id, "two", MINUTE)
    assert last is not None
    assert renew_lease(database, last, MINUTE) == Wishes(cancel=True, pause=False)
    end_run(database, last, "cancelled")
    assert state(database, claim.run_id) == "cancelled"
