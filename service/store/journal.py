"""The journal: what is meant is on disk before the request leaves, what came of it soon after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from service.store.database import Database, clock
from service.store.leftovers import change_given_up
from service.store.runs import Claim, fenced
from service.store.tables import batch, operation, run, stray_effect

OperationOutcome = Literal["done", "refused", "not-sent", "superseded", "uncertain"]


class Intent(Struct, frozen=True):
    """One write, about to be sent. `key` is its idempotency key: unique within the run."""

    key: str
    seq: int
    attempt: int
    method: Literal["create", "update", "delete"]
    kind: str
    payload_digest: str
    resource_id: int | None = None
    above_id: int | None = None
    pre_image: bytes | None = None


class OperationEnd(Struct, frozen=True):
    """What came of an intent."""

    key: str
    outcome: OperationOutcome
    answer_id: int | None = None
    adopted: bool = False
    saved_modified: str | None = None
    altered: bytes | None = None
    code: str | None = None
    message: str | None = None


class OpenOperation(Struct, frozen=True):
    """An intent without an outcome: whether it took effect is unknown."""

    key: str
    seq: int
    attempt: int
    method: Literal["create", "update", "delete"]
    kind: str
    payload_digest: str
    resource_id: int | None
    above_id: int | None
    fence: int
    intent_at: int
    pre_image: bytes | None


class Stray(Struct, frozen=True):
    """An answer that came to a worker which had lost the run."""

    id: int
    operation_key: str
    resource_id: int | None
    answer: bytes | None
    at: int


def record_intents(db: Database, claim: Claim, intents: Sequence[Intent]) -> None:
    """Commit the intents with full durability; only then may their requests leave."""
    if not intents:
        return
    with fenced(db, claim, durable=True) as connection:
        now = connection.execute(select(clock(connection))).scalar_one()
        connection.execute(
            insert(operation),
            [
                {
                    "run_id": claim.run_id,
                    "key": intent.key,
                    "seq": intent.seq,
                    "attempt": intent.attempt,
                    "fence": claim.fence,
                    "method": intent.method,
                    "kind": intent.kind,
                    "resource_id": intent.resource_id,
                    "payload_digest": intent.payload_digest,
                    "above_id": intent.above_id,
                    "pre_image": intent.pre_image,
                    "intent_at": now,
                    "adopted": False,
                }
                for intent in intents
            ],
        )


def record_ends(connection: Connection, claim: Claim, ends: Sequence[OperationEnd]) -> None:
    """Within `runs.fenced`, with the entries' outcomes and the ledger: what came of the intents."""
    if not ends:
        return
    now = connection.execute(select(clock(connection))).scalar_one()
    connection.execute(
        update(operation)
        .where(operation.c.run_id == claim.run_id, operation.c.key == bindparam("operation_key"))
        .values(
            outcome=bindparam("to_outcome"),
            outcome_at=now,
            answer_id=bindparam("to_answer_id"),
            adopted=bindparam("to_adopted"),
            saved_modified=bindparam("to_modified"),
            altered=bindparam("to_altered"),
            code=bindparam("to_code"),
            message=bindparam("to_message"),
        ),
        [
            {
                "operation_key": end.key,
                "to_outcome": end.outcome,
                "to_answer_id": end.answer_id,
                "to_adopted": end.adopted,
                "to_modified": end.saved_modified,
                "to_altered": end.altered,
                "to_code": end.code,
                "to_message": end.message,
            }
            for end in ends
        ],
    )


def open_operations(db: Database, run_id: str) -> list[OpenOperation]:
    """Intents without an outcome, oldest first. At most about a second of sending, so a short list."""
    with db.read() as connection:
        rows = connection.execute(
            select(*(operation.c[name] for name in OpenOperation.__struct_fields__))
            .where(operation.c.run_id == run_id, operation.c.outcome.is_(None))
            .order_by(operation.c.seq, operation.c.attempt)
        )
        return [OpenOperation(**row._mapping) for row in rows]


def has_written(db: Database, run_id: str) -> bool:
    """Whether a write of the run was answered, or may have reached the target: an intent without an outcome
    counts. What certainly was not sent, or was refused, changed nothing."""
    with db.read() as connection:
        return (
            connection.execute(
                select(operation.c.key)
                .where(
                    operation.c.run_id == run_id,
                    or_(operation.c.outcome.is_(None), operation.c.outcome.not_in(("not-sent", "refused"))),
                )
                .limit(1)
            ).first()
            is not None
        )


def slowest_answer(db: Database, run_id: str) -> float:
    """Seconds between intent and outcome of the slowest write of the run that was answered: at least as long
    as the answer took, whichever worker waited for it."""
    with db.read() as connection:
        found = connection.execute(
            select(func.max(operation.c.outcome_at - operation.c.intent_at)).where(
                operation.c.run_id == run_id,
                operation.c.outcome.in_(("done", "refused")),
                operation.c.adopted.is_(False),
            )
        ).scalar()
    return (found or 0) / 1000


def superseded_operations(db: Database, run_id: str, *, refused: bool = False) -> list[OpenOperation]:
    """Creates that were given up for lost and sent again: their twins are looked for at the end. `refused`:
    also those that the target refused."""
    ended = ["superseded", "refused"] if refused else ["superseded"]
    with db.read() as connection:
        rows = connection.execute(
            select(*(operation.c[name] for name in OpenOperation.__struct_fields__))
            .where(
                operation.c.run_id == run_id,
                operation.c.method == "create",
                operation.c.outcome.in_(ended),
            )
            .order_by(operation.c.seq, operation.c.attempt)
        )
        return [OpenOperation(**row._mapping) for row in rows]


def changes_given_up(db: Database, run_id: str) -> list[OpenOperation]:
    """Changes that were given up for lost and that no other write of their entry carried out: the target may
    have made them in part. By entry, the newest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(*(operation.c[name] for name in OpenOperation.__struct_fields__))
            .where(operation.c.run_id == run_id, change_given_up())
            .order_by(operation.c.seq, operation.c.attempt.desc())
        )
        return [OpenOperation(**row._mapping) for row in rows]


def times_given_up(db: Database, run_id: str, seq: int, method: str) -> int:
    """How many writes of this method, of this entry, were given up for lost."""
    with db.read() as connection:
        return connection.execute(
            select(func.count())
            .select_from(operation)
            .where(
                operation.c.run_id == run_id,
                operation.c.seq == seq,
                operation.c.method == method,
                operation.c.outcome == "superseded",
            )
        ).scalar_one()


def attempts(db: Database, run_id: str, seqs: Sequence[int]) -> dict[int, int]:
    """How often each of these entries was meant to be sent; entries never meant are absent."""
    if not seqs:
        return {}
    with db.read() as connection:
        rows = connection.execute(
            select(operation.c.seq, func.max(operation.c.attempt))
            .where(operation.c.run_id == run_id, operation.c.seq.in_(seqs))
            .group_by(operation.c.seq)
        )
        return {row[0]: row[1] for row in rows}


def journaled_ids(db: Database, target: str, kind: str, ids: Sequence[int]) -> set[int]:
    """Which of these ids some operation on this target has answered with: they are explained already."""
    found: set[int] = set()
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            rows = connection.execute(
                select(operation.c.answer_id)
                .join(run, run.c.id == operation.c.run_id)
                .join(batch, batch.c.id == run.c.batch_id)
                .where(
                    operation.c.kind == kind,
                    operation.c.answer_id.in_(ids[start : start + 500]),
                    batch.c.target == target,
                )
            )
            found.update(row[0] for row in rows)
    return found


# --- answers that came too late -----------------------------------------------------------------


def record_stray(
    db: Database, run_id: str, operation_key: str, resource_id: int | None, answer: bytes | None
) -> None:
    """Keep an answer that came after the fence was lost.

    Without the fence, on purpose: it is all that may still be written.
    """
    with db.write(durable=True) as connection:
        connection.execute(
            insert(stray_effect).values(
                run_id=run_id,
                operation_key=operation_key,
                resource_id=resource_id,
                answer=answer,
                at=clock(connection),
            )
        )


def open_strays(db: Database, run_id: str) -> list[Stray]:
    with db.read() as connection:
        rows = connection.execute(
            select(*(stray_effect.c[name] for name in Stray.__struct_fields__))
            .where(stray_effect.c.run_id == run_id, stray_effect.c.resolved_at.is_(None))
            .order_by(stray_effect.c.id)
        )
        return [Stray(**row._mapping) for row in rows]


class RecordedOperation(Struct, frozen=True):
    """An operation as the journal holds it now."""

    seq: int
    attempt: int
    method: Literal["create", "update", "delete"]
    kind: str
    payload_digest: str
    above_id: int | None
    outcome: OperationOutcome | None
    answer_id: int | None
    saved_modified: str | None


def recorded_operation(db: Database, run_id: str, key: str) -> RecordedOperation | None:
    with db.read() as connection:
        row = connection.execute(
            select(*(operation.c[name] for name in RecordedOperation.__struct_fields__)).where(
                operation.c.run_id == run_id, operation.c.key == key
            )
        ).first()
    return None if row is None else RecordedOperation(**row._mapping)


StrayResolution = Literal["adopted", "removed", "moot"]


def resolve_stray(connection: Connection, stray_id: int, resolution: StrayResolution) -> None:
    """Within `runs.fenced`: say what became of a late answer."""
    connection.execute(
        update(stray_effect)
        .where(stray_effect.c.id == stray_id)
        .values(resolved_at=clock(connection), resolution=resolution)
    )
