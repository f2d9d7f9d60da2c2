"""Ended runs that left something: found, taken by one worker at a time, and done with."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from sqlalchemy import update

from service.store import journal, runs, unsettled
from service.store.database import Database
from service.store.journal import Intent, OperationEnd
from service.store.runs import Claim, FenceLostError, OpenStraysError, RunOptions
from service.store.scopes import Scope, next_runs
from service.store.tables import run
from tests.store.support import batch_of

LEASE = 60_000
INTENT = Intent(key="1.1", seq=1, attempt=1, method="create", kind="item", payload_digest="d", above_id=0)


def begun(db: Database, batch_id: str, scopes: Sequence[Scope] = ()) -> Claim:
    facts = runs.schedule_run(
        db,
        batch_id=batch_id,
        mode="import",
        options=RunOptions(),
        key_id=1,
        inputs_digest="",
        scopes=scopes,
    )
    claim = runs.claim_run(db, facts.id, "one", LEASE)
    assert claim is not None
    return claim


def ended(db: Database, batch_id: str, outcome: str | None, ending: str = "cancelled") -> Claim:
    claim = begun(db, batch_id)
    journal.record_intents(db, claim, [INTENT])
    if outcome is not None:
        with runs.fenced(db, claim) as connection:
            journal.record_ends(connection, claim, [OperationEnd("1.1", outcome)])  # type: ignore[arg-type]
    runs.end_run(db, claim, ending)  # type: ignore[arg-type]
    return claim


@pytest.mark.parametrize(
    ("outcome", "ending", "left"),
    [
        (None, "cancelled", True),
        (None, "failed", True),
        ("superseded", "failed", True),
        # The last listing of a run that comes to its end has seen to that.
        ("superseded", "finished", False),
        ("done", "cancelled", False),
        ("refused", "failed", False),
        ("not-sent", "cancelled", False),
    ],
)
def test_a_run_that_ends_in_the_middle_leaves_what_is_not_known(
    database: Database, batch_id: str, outcome: str | None, ending: str, left: bool
) -> None:
    claim = ended(database, batch_id, outcome, ending)
    assert unsettled.unsettled_runs(database) == [claim.run_id] * left
    facts = runs.run_facts(database, claim.run_id)
    assert facts is not None
    assert facts.phase == ("settle" if left else "done")
    assert facts.ending == ending


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_a_run_that_is_left_ends_at_once_though_a_late_answer_is_open(
    database: Database, batch_id: str, ending: Literal["cancelled", "failed"]
) -> None:
    """It may have been left before it had a way to the target: who looks into it makes one."""
    claim = begun(database, batch_id)
    journal.record_intents(database, claim, [INTENT])
    with runs.fenced(database, claim) as connection:
        journal.record_ends(connection, claim, [OperationEnd("1.1", "done", answer_id=7)])
    journal.record_stray(database, claim.run_id, "1.1", 8, b"{}")
    runs.end_run(database, claim, ending)
    facts = runs.run_facts(database, claim.run_id)
    assert facts is not None
    assert (facts.ending, facts.phase) == (ending, "settle")
    assert unsettled.unsettled_runs(database) == [claim.run_id]


def test_one_worker_at_a_time_looks_into_it(database: Database, batch_id: str) -> None:
    run_id = ended(database, batch_id, None).run_id
    with ThreadPoolExecutor(8) as pool:
        claims = list(
            pool.map(lambda n: unsettled.claim_unsettled(database, run_id, f"w{n}", LEASE), range(8))
        )
    assert sum(claim is not None for claim in claims) == 1
    assert unsettled.unsettled_runs(database) == []


def test_who_lost_it_writes_nothing_more(database: Database, batch_id: str) -> None:
    first = ended(database, batch_id, None)
    with pytest.raises(FenceLostError), runs.fenced(database, first):
        pass
    slow = unsettled.claim_unsettled(database, first.run_id, "slow", LEASE)
    assert slow is not None
    unsettled.look_later(database, slow, -1000)
    quick = unsettled.claim_unsettled(database, first.run_id, "quick", LEASE)
    assert quick is not None
    with pytest.raises(FenceLostError):
        unsettled.settled(database, slow)
    unsettled.look_later(database, slow, -1000)
    assert unsettled.unsettled_runs(database) == [], "the claim of the other stands"
    assert runs.renew_lease(database, quick, LEASE) == (False, False), "a cancel was heard long ago"
    unsettled.settled(database, quick)
    facts = runs.run_facts(database, first.run_id)
    assert facts is not None
    assert (facts.phase, facts.state) == ("done", "cancelled")


def test_a_late_answer_makes_any_ended_run_unsettled_until_it_is_accounted_for(
    database: Database, batch_id: str
) -> None:
    run_id = ended(database, batch_id, "done", "finished").run_id
    journal.record_stray(database, run_id, "1.1", 7, None)
    assert unsettled.unsettled_runs(database) == [run_id]
    claim = unsettled.claim_unsettled(database, run_id, "one", LEASE)
    assert claim is not None
    with pytest.raises(OpenStraysError):
        unsettled.settled(database, claim)
    (stray,) = journal.open_strays(database, run_id)
    with runs.fenced(database, claim) as connection:
        journal.resolve_stray(connection, stray.id, "moot")
    unsettled.settled(database, claim)
    assert unsettled.unsettled_runs(database) == []


def test_no_other_run_of_the_batch_begins_before(database: Database, batch_id: str) -> None:
    first = ended(database, batch_id, None)
    facts = runs.schedule_run(
        database, batch_id=batch_id, mode="undo", options=RunOptions(), key_id=1, inputs_digest=""
    )
    assert runs.claim_run(database, facts.id, "one", LEASE) is None
    claim = unsettled.claim_unsettled(database, first.run_id, "one", LEASE)
    assert claim is not None
    unsettled.settled(database, claim)
    assert runs.claim_run(database, facts.id, "one", LEASE) is not None


def test_its_scopes_are_held_until_it_is_known_what_it_did(database: Database, batch_id: str) -> None:
    scope = [Scope("omeka", "tate")]
    earlier = begun(database, batch_id, scope)
    journal.record_intents(database, earlier, [INTENT])
    runs.end_run(database, earlier, "cancelled")
    batch_of(database, "b2", "omeka")
    other = runs.schedule_run(
        database,
        batch_id="b2",
        mode="import",
        options=RunOptions(),
        key_id=1,
        inputs_digest="",
        scopes=scope,
    )
    # What was on its way might still arrive, and be made once more by whoever comes next.
    assert runs.claim_run(database, other.id, "two", LEASE) is None
    waiting = runs.run_facts(database, other.id)
    assert waiting is not None
    assert waiting.waiting_for == (
        f"Run {earlier.run_id} of batch {batch_id} had the scope “tate” and has ended; what its last writes "
        "did is being found out."
    )
    claim = unsettled.claim_unsettled(database, earlier.run_id, "one", LEASE)
    assert claim is not None
    with runs.fenced(database, claim) as connection:
        journal.record_ends(connection, claim, [OperationEnd("1.1", "not-sent")])
    unsettled.settled(database, claim)
    assert next_runs(database, earlier.run_id) == [other.id]
    assert runs.claim_run(database, other.id, "two", LEASE) is not None


def test_records_that_were_removed_by_policy_stay_removed(database: Database, batch_id: str) -> None:
    run_id = ended(database, batch_id, "done", "finished").run_id
    with database.write() as connection:
        connection.execute(update(run).where(run.c.id == run_id).values(phase="removed"))
    journal.record_stray(database, run_id, "1.1", 7, None)
    claim = unsettled.claim_unsettled(database, run_id, "one", LEASE)
    assert claim is not None
    (stray,) = journal.open_strays(database, run_id)
    with runs.fenced(database, claim) as connection:
        journal.resolve_stray(connection, stray.id, "moot")
    unsettled.settled(database, claim)
    facts = runs.run_facts(database, run_id)
    assert facts is not None
    assert facts.phase == "removed"
