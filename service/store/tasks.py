"""Tasks: what needs a target or a reader is asked for by the service and done by a worker.

As with runs, the database is the truth: a task is committed before anybody rings, claimed by a lease, and
claimed again by another worker when that runs out.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, insert, or_, select, true, update

from service.store.database import Database, clock
from service.store.ids import new_id
from service.store.keys import Key
from service.store.tables import task

TaskKind = Literal["target-check", "target-model", "control-check", "control-new"]

_ABOUT_TARGETS: tuple[TaskKind, ...] = ("target-check", "target-model")

MOST_ATTEMPTS = 3
"""How many workers may take up a task before it is given up: one that kills its worker must not go on."""


class TargetCheck(Struct, frozen=True):
    """What a look at a target found (the result of `target-check`). `message` is for a person."""

    ok: bool
    message: str
    version: str | None = None
    code: str | None = None


Cause = Literal["asked", "target", "worker"]


class TaskFailure(Struct, frozen=True):
    """Why a task has no result of its kind (the result of every failed task). `message` is for a person.

    `cause`: what it was asked to do makes no sense; the target could not be asked; a worker could not do it.
    """

    code: str
    message: str
    cause: Cause


class TaskFacts(Struct, frozen=True):
    """A task as others see it. `result` is JSON: None until it ended, then of the kind's own type
    (`TargetCheck`, `TargetModel`, `ControlCheck`, `NewControl`), or a `TaskFailure` if it `failed`."""

    id: str
    kind: TaskKind
    target: str | None
    arguments: bytes
    key_id: int
    created_at: int
    attempts: int
    ended_at: int | None
    failed: bool | None
    result: bytes | None


class TaskClaim(NamedTuple):
    """The right to carry a task out until the lease ends. `attempt` tells apart who answers."""

    task: TaskFacts
    attempt: int


class TaskMissingError(Exception):
    """No such task, or none that this key may see."""


def create_task(
    db: Database, key: Key, kind: TaskKind, *, target: str | None = None, arguments: bytes = b"{}"
) -> TaskFacts:
    """Commit a task, durably. The caller rings."""
    with db.write(durable=True) as connection:
        row = connection.execute(
            insert(task)
            .values(
                id=new_id(),
                kind=kind,
                target=target,
                arguments=arguments,
                key_id=key.id,
                created_at=clock(connection),
                lease_until=0,
                attempts=0,
            )
            .returning(task)
        ).one()
    return _facts(row)


def task_facts(db: Database, task_id: str, key: Key | None = None) -> TaskFacts:
    """Raises `TaskMissingError`. A key sees its own tasks, and those about a target that it may see.

    What a control file makes of data is shown to the key that brought them, as the data themselves.
    """
    seen: list[ColumnElement[bool]] = []
    if key is not None:
        may_see = true() if key.target is None else task.c.target == key.target
        seen = [or_(task.c.key_id == key.id, and_(task.c.kind.in_(_ABOUT_TARGETS), may_see))]
    with db.read() as connection:
        row = connection.execute(select(task).where(task.c.id == task_id, *seen)).one_or_none()
    if row is None:
        raise TaskMissingError(task_id)
    return _facts(row)


# --- the worker's side --------------------------------------------------------------------------


def claim_task(db: Database, task_id: str, lease_ms: int) -> TaskClaim | None:
    """Take the task if nobody holds it; None otherwise, and when it has ended or was given up."""
    with db.write(durable=True) as connection:
        now = clock(connection)
        row = connection.execute(
            update(task)
            .where(
                task.c.id == task_id,
                task.c.ended_at.is_(None),
                task.c.lease_until < now,
                task.c.attempts < MOST_ATTEMPTS,
            )
            .values(attempts=task.c.attempts + 1, lease_until=now + lease_ms)
            .returning(task)
        ).one_or_none()
    return None if row is None else TaskClaim(_facts(row), row.attempts)


def end_task(db: Database, claim: TaskClaim, result: Struct, *, failed: bool = False) -> bool:
    """Keep the result as JSON. False when another worker has taken the task over: then nothing is kept."""
    with db.write(durable=True) as connection:
        ended = connection.execute(
            update(task)
            .where(task.c.id == claim.task.id, task.c.ended_at.is_(None), task.c.attempts == claim.attempt)
            .values(
                ended_at=clock(connection), failed=failed, result=msgspec.json.encode(result), lease_until=0
            )
        ).rowcount
    return ended > 0


def unclaimed_tasks(db: Database) -> list[str]:
    """Ids of tasks that a worker should hold and none does, oldest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(task.c.id)
            .where(
                task.c.ended_at.is_(None),
                task.c.lease_until < clock(connection),
                task.c.attempts < MOST_ATTEMPTS,
            )
            .order_by(task.c.created_at)
        )
        return [str(row.id) for row in rows]


def give_up_tasks(db: Database) -> int:
    """End the tasks that no worker survived; how many. The sweeper's."""
    lost = msgspec.json.encode(
        TaskFailure("task-given-up", "Several workers broke off while doing this. See their log.", "worker")
    )
    with db.write(durable=True) as connection:
        now = clock(connection)
        return connection.execute(
            update(task)
            .where(task.c.ended_at.is_(None), task.c.lease_until < now, task.c.attempts >= MOST_ATTEMPTS)
            .values(ended_at=now, failed=True, result=lost)
        ).rowcount


def _facts(row: Row[Any]) -> TaskFacts:
    return TaskFacts(
        id=row.id,
        kind=row.kind,
        target=row.target,
        arguments=row.arguments,
        key_id=row.key_id,
        created_at=row.created_at,
        attempts=row.attempts,
        ended_at=row.ended_at,
        failed=row.failed,
        result=row.result,
    )
