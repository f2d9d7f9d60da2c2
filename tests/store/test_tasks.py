"""Tasks and what is known of targets, on both databases."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import update

from service.store import statuses, tables, tasks
from service.store.database import Database
from service.store.keys import create_key
from service.store.tasks import TargetCheck, TaskFailure


def test_a_task_is_claimed_once_and_answered_once(database: Database) -> None:
    key = create_key(database, "a").key
    made = tasks.create_task(database, key, "target-check", target="tate")
    assert tasks.unclaimed_tasks(database) == [made.id]
    claim = tasks.claim_task(database, made.id, 60_000)
    assert claim is not None
    assert claim.attempt == 1
    assert tasks.claim_task(database, made.id, 60_000) is None
    assert tasks.unclaimed_tasks(database) == []
    result = TargetCheck(ok=True, message="Good.", version="4.1.1")
    assert tasks.end_task(database, claim, result) is True
    facts = tasks.task_facts(database, made.id)
    assert msgspec.json.decode(facts.result or b"", type=TargetCheck) == result
    assert tasks.end_task(database, claim, result) is False
    assert tasks.claim_task(database, made.id, 60_000) is None


def test_a_task_whose_worker_died_goes_to_another_whose_answer_counts(database: Database) -> None:
    key = create_key(database, "a").key
    made = tasks.create_task(database, key, "target-check", target="tate")
    dead = tasks.claim_task(database, made.id, -1)
    other = tasks.claim_task(database, made.id, 60_000)
    assert dead is not None
    assert other is not None
    assert tasks.end_task(database, dead, TargetCheck(ok=False, message="Too late.")) is False
    assert tasks.end_task(database, other, TargetCheck(ok=True, message="Mine.")) is True


def test_a_task_that_kills_its_workers_is_given_up(database: Database) -> None:
    key = create_key(database, "a").key
    made = tasks.create_task(database, key, "target-check", target="tate")
    for _ in range(tasks.MOST_ATTEMPTS):
        assert tasks.claim_task(database, made.id, -1) is not None
    assert tasks.claim_task(database, made.id, 1000) is None
    assert tasks.unclaimed_tasks(database) == []
    assert tasks.give_up_tasks(database) == 1
    facts = tasks.task_facts(database, made.id)
    assert facts.failed is True
    failure = msgspec.json.decode(facts.result or b"", type=TaskFailure)
    assert [failure.code, failure.cause] == ["task-given-up", "worker"]
    assert tasks.give_up_tasks(database) == 0


def test_a_key_sees_the_tasks_of_its_target_and_its_own(database: Database) -> None:
    key = create_key(database, "a").key
    bound = create_key(database, "b", target="other").key
    made = tasks.create_task(database, key, "target-check", target="tate")
    assert tasks.task_facts(database, made.id, key) == made
    with pytest.raises(tasks.TaskMissingError):
        tasks.task_facts(database, made.id, bound)
    with database.write() as connection:
        connection.execute(update(tables.task).values(key_id=bound.id))
    assert tasks.task_facts(database, made.id, bound).id == made.id


def test_what_became_of_data_is_shown_to_the_key_that_brought_them_only(database: Database) -> None:
    key = create_key(database, "a").key
    other = create_key(database, "b").key
    for kind in ("control-check", "control-new"):
        made = tasks.create_task(database, key, kind, target="tate")
        assert tasks.task_facts(database, made.id, key) == made
        with pytest.raises(tasks.TaskMissingError):
            tasks.task_facts(database, made.id, other)


def test_the_last_look_at_a_target_counts(database: Database) -> None:
    for ok, message in ((False, "Down."), (True, "Up.")):
        statuses.record_status(
            database, target="tate", address="https://t.example.org/api", ok=ok, message=message
        )
    found = statuses.target_statuses(database)
    assert list(found) == ["tate"]
    assert (found["tate"].ok, found["tate"].message, found["tate"].version) == (True, "Up.", None)
