"""Of the runs that want one scope, one goes at a time; which, and what the others are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from service.store import tables
from service.store.database import Database
from service.store.runs import (
    Claim,
    RunFacts,
    RunOptions,
    claim_run,
    end_run,
    release_run,
    run_facts,
    schedule_run,
    unclaimed_runs,
)
from service.store.scopes import Scope, next_runs
from service.store.steering import request_cancel, request_pause, request_resume
from tests.store.support import batch_of, uses

T = TypeVar("T")

MINUTE = 60_000


def schedule(db: Database, batch: str, *names: str, at: int = 0, target: str = "omeka") -> str:
    """A run of another batch, with these scopes. `at`: when it was scheduled; the clock is too coarse."""
    batch_of(db, batch, target)
    run_id = schedule_run(
        db,
        batch_id=batch,
        mode="import",
        options=RunOptions(),
        key_id=1,
        inputs_digest="i",
        scopes=[Scope(target, name) for name in names],
    ).id
    if at:
        with db.write() as connection:
            connection.execute(update(tables.run).where(tables.run.c.id == run_id).values(scheduled_at=at))
    return run_id


def claim(db: Database, run_id: str, lease: int = MINUTE) -> Claim:
    claimed = claim_run(db, run_id, "one", lease)
    assert claimed is not None
    return claimed


def facts(db: Database, run_id: str) -> RunFacts:
    found = run_facts(db, run_id)
    assert found is not None
    return found


def held(db: Database) -> list[tuple[str, str]]:
    with db.read() as connection:
        rows = connection.execute(
            select(tables.run_scope.c.run_id, tables.run_scope.c.scope).where(tables.run_scope.c.held)
        )
        return sorted((row[0], row[1]) for row in rows)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    barrier = threading.Barrier(len(calls))

    def call(one: Callable[[], T]) -> T:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def test_who_has_a_scope_keeps_others_from_it_until_it_ends(database: Database, batch_id: str) -> None:
    first = schedule(database, "b2", "tate", at=1)
    second = schedule(database, "b3", "tate", at=2)
    assert facts(database, second).state == "waiting"
    assert unclaimed_runs(database) == [first]
    assert claim_run(database, second, "two", MINUTE) is None

    held_claim = claim(database, first)
    waiting = facts(database, second)
    assert (waiting.state, waiting.owner, waiting.started_at) == ("waiting", None, None)
    assert waiting.waiting_for == (
        f"Another run has the scope “tate”: run {first} of batch b2, which is running."
    )
    assert claim_run(database, second, "two", MINUTE) is None

    # Given back, and with a dead worker, it is still the one.
    release_run(database, held_claim)
    assert claim_run(database, second, "two", MINUTE) is None
    dead = claim(database, first, lease=-1)
    assert "interrupted" in (facts(database, second).waiting_for or "")
    assert claim_run(database, second, "two", MINUTE) is None
    assert unclaimed_runs(database) == [first]

    end_run(database, claim(database, first), "finished")
    assert dead.fence == 2
    assert held(database) == []
    assert next_runs(database, first) == [second]
    assert (facts(database, second).state, facts(database, second).waiting_for) == ("scheduled", None)
    assert claim(database, second).fence == 1
    assert held(database) == [(second, "tate")]


def test_a_run_takes_all_its_scopes_or_none(database: Database, batch_id: str) -> None:
    one = schedule(database, "b2", "a", at=1)
    holder = claim(database, one)
    both = schedule(database, "b3", "a", "b", at=2)
    other = schedule(database, "b4", "c", at=3)
    assert claim_run(database, both, "two", MINUTE) is None
    assert held(database) == [(one, "a")]
    claim(database, other)
    end_run(database, holder, "failed", "target-down", "away")
    claim(database, both)
    assert held(database) == sorted([(both, "a"), (both, "b"), (other, "c")])


def test_whoever_came_first_is_not_overtaken(database: Database, batch_id: str) -> None:
    one = schedule(database, "b2", "a", at=1)
    holder = claim(database, one)
    early = schedule(database, "b3", "a", "b", at=2)
    late = schedule(database, "b4", "b", at=3)
    # Nobody holds b, but the run before wants it.
    assert claim_run(database, late, "two", MINUTE) is None
    assert facts(database, late).waiting_for == (
        f"Another run was scheduled for the scope “b” before this one: run {early} of batch b3."
    )
    end_run(database, holder, "finished")
    assert next_runs(database, one) == [early]
    # Who is paused before it began lets others pass, and comes after them.
    assert request_pause(database, early) is None
    assert facts(database, early).state == "paused"
    assert next_runs(database, early) == [late]
    claim(database, late)
    assert request_resume(database, early) is None
    assert facts(database, early).state == "waiting"
    assert "run " + late in (facts(database, early).waiting_for or "")


def test_a_paused_run_keeps_its_scopes_and_says_so_to_who_waits(database: Database, batch_id: str) -> None:
    first = schedule(database, "b2", "", at=1)
    second = schedule(database, "b3", "", at=2)
    held_claim = claim(database, first)
    assert request_pause(database, first) is None
    assert facts(database, first).state == "running"  # until its worker has heard it
    release_run(database, held_claim)
    assert facts(database, first).state == "paused"
    assert facts(database, second).waiting_for == (
        f"Another run has the scope without a name: run {first} of batch b2, which is paused: it has to be"
        " resumed or cancelled first."
    )
    assert claim_run(database, second, "two", MINUTE) is None
    assert unclaimed_runs(database) == []
    # It has begun, so a worker has to end it; then the other goes on.
    assert request_cancel(database, first)
    assert unclaimed_runs(database) == [first]
    end_run(database, claim(database, first), "cancelled")
    assert unclaimed_runs(database) == [second]


def test_a_run_that_waits_can_be_cancelled_and_paused(database: Database, batch_id: str) -> None:
    claim(database, schedule(database, "b2", "a", at=1))
    second, third = schedule(database, "b3", "a", at=2), schedule(database, "b4", "a", at=3)
    assert request_pause(database, second) is None
    assert facts(database, second).state == "paused"
    assert request_cancel(database, second)
    assert facts(database, second).state == "cancelled"
    assert "b2" in (facts(database, third).waiting_for or "")
    assert next_runs(database, second) == []


def test_scopes_of_other_targets_and_runs_without_any_are_no_matter(
    database: Database, batch_id: str
) -> None:
    claim(database, schedule(database, "b2", "a", at=1))
    claim(database, schedule(database, "b3", "a", at=2, target="elsewhere"))
    claim(database, schedule(database, "b4", at=3))
    claim(database, schedule(database, "b5", at=4))


def test_the_database_itself_refuses_a_second_holder(database: Database, batch_id: str) -> None:
    claim(database, schedule(database, "b2", "a", at=1))
    second = schedule(database, "b3", "a", at=2)
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(
            update(tables.run_scope).where(tables.run_scope.c.run_id == second).values(held=True)
        )


def test_of_many_claims_of_runs_on_one_scope_exactly_one_succeeds(database: Database, batch_id: str) -> None:
    for n in range(8):
        # Scheduled in the same moment: neither is before the other but by its number.
        names = [("x", "y"), ("y", "x"), ("y",), ("x", "z")]
        ids = [schedule(database, f"r{n}{i}", *each, at=n + 1) for i, each in enumerate(names)]
        ended: list[str] = []
        while left := [one for one in ids if one not in ended]:
            claims = at_once(
                [lambda one=one: claim_run(database, one, "w", MINUTE) for one in left for _ in range(2)]
            )
            made = [one for one in claims if one is not None]
            assert made
            taken = held(database)
            assert len(taken) == len({scope for _, scope in taken})
            assert {one for one, _ in taken} == {one.run_id for one in made}
            assert len(made) == len({one.run_id for one in made})
            for one in made:
                end_run(database, one, "finished")
                ended.append(one.run_id)
        assert sorted(ended) == sorted(ids)


def test_claims_that_race_past_the_look_are_refused_by_the_index(
    database: Database, batch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where two transactions look at the same moment, and neither sees the other.
    monkeypatch.setattr("service.store.scopes.obstacles", lambda *_: {})
    for n in range(5):
        ids = [schedule(database, f"r{n}{i}", "x", "y") for i in range(3)]
        claims = [
            one
            for one in at_once([lambda one=one: claim_run(database, one, "w", MINUTE) for one in ids])
            if one is not None
        ]
        assert len(claims) == 1
        end_run(database, claims[0], "finished")
        for one in ids:
            request_cancel(database, one)


def test_a_run_whose_batch_is_deleted_is_in_nobodys_way(database: Database, batch_id: str) -> None:
    schedule(database, "b2", "a", at=1)
    second = schedule(database, "b3", "a", at=2)
    with database.write() as connection:
        connection.execute(tables.batch.delete().where(tables.batch.c.id == "b2"))
    claim(database, second)


def test_looking_for_who_is_in_the_way_walks_through_no_table(database: Database, batch_id: str) -> None:
    one = schedule(database, "b2", "a", at=1)
    second = schedule(database, "b3", "a", at=2)
    with database.write() as connection:
        rows = [{"run_id": one, "target": "omeka", "scope": f"s{n}", "held": False} for n in range(500)]
        connection.execute(insert(tables.run_scope), rows)
    uses(database, lambda: facts(database, second), "run_scope_scope", table="run_scope")
