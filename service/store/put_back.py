"""Resources that an undo has put back, or that a late write of ours has written once more: under another
number, another stamp, or both.

What earlier batches did to them is in the journal by the number and the stamp that they had. It is told
the new ones in the transaction that learns of them, so that those batches can still be undone and retried.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from service.store.database import Database
from service.store.tables import batch, ledger, operation, plan_entry, run


class PutBack(Struct, frozen=True):
    """A resource that was put back. `was`: its stamp when it stood so before; `saved`: the answer."""

    kind: str
    number: int
    now: int
    """Its number by now."""
    was: str
    modified: str
    saved: bytes
    media: tuple[tuple[int, int], ...] = ()
    """The media that came back with it: (number, number by now)."""


def put_back(connection: Connection, target: str, resources: Sequence[PutBack]) -> None:
    """Within `runs.fenced`, after `undo.mark_undone`: journal and ledger know these by what they are now."""
    for one in resources:
        if one.now != one.number:
            _renumber(connection, target, one)
        here = (*_standing(target, one.kind), _about(one.now))
        connection.execute(
            update(operation)
            .where(*here, operation.c.saved_modified == one.was)
            .values(saved_modified=one.modified)
        )
        connection.execute(
            update(ledger)
            .where(
                ledger.c.target == target,
                ledger.c.kind == one.kind,
                ledger.c.resource_id == one.now,
                ledger.c.modified == one.was,
            )
            .values(modified=one.modified, saved=zlib.compress(one.saved, 1))
        )


def written_late(db: Database, target: str, kind: str, number: int, modified: str, saved: bytes) -> None:
    """A write that had been given up for lost took effect after the newest one that the journal knows, and
    what it wrote stands: `saved`, stamped `modified`. It is ours, so an undo need not take it for another's.
    """
    with db.write() as connection:
        newest = _newest_stamp(connection, number, *_standing(target, kind))
        if newest is not None:
            put_back(connection, target, [PutBack(kind, number, number, newest, modified, saved)])


def stamp_now(db: Database, batch_id: str, kind: str, number: int) -> str | None:
    """The stamp of a resource after what this batch, or an undo of it, wrote last; None: it wrote nothing."""
    with db.read() as connection:
        runs = select(run.c.id).where(run.c.batch_id == batch_id).scalar_subquery()
        return _newest_stamp(connection, number, operation.c.kind == kind, operation.c.run_id.in_(runs))


def _newest_stamp(connection: Connection, number: int, *among: ColumnElement[bool]) -> str | None:
    """The stamp that the newest of these writes left on a resource, as far as the journal knows."""
    found: str | None = connection.execute(
        select(operation.c.saved_modified)
        .where(
            *among,
            _about(number),
            operation.c.outcome == "done",
            operation.c.saved_modified.is_not(None),
        )
        .order_by(operation.c.run_id.desc(), operation.c.seq.desc(), operation.c.attempt.desc())
        .limit(1)
    ).scalar()
    return found


def _renumber(connection: Connection, target: str, one: PutBack) -> None:
    here = (*_standing(target, one.kind), _about(one.number))
    written = connection.execute(select(operation.c.run_id, operation.c.seq).where(*here)).all()
    for column in (operation.c.answer_id, operation.c.resource_id):
        connection.execute(
            update(operation)
            .where(*_standing(target, one.kind), column == one.number)
            .values({column.name: one.now})
        )
    for run_id, seq in written:
        own = and_(plan_entry.c.seq == seq, plan_entry.c.outcome_id == one.number)
        _tell(connection, run_id, own, one.now)
        for number, now in one.media:
            # Those that were made with it: their entries follow its own.
            with_it = and_(
                plan_entry.c.seq.between(seq, seq + 10_000),
                plan_entry.c.parent_seq == seq,
                plan_entry.c.outcome_id == number,
            )
            _tell(connection, run_id, with_it, now)
    connection.execute(
        update(ledger)
        .where(ledger.c.target == target, ledger.c.kind == one.kind, ledger.c.resource_id == one.number)
        .values(resource_id=one.now)
    )
    if one.kind == "item":
        connection.execute(
            update(ledger)
            .where(ledger.c.target == target, ledger.c.part_of == one.number)
            .values(part_of=one.now)
        )


def _tell(connection: Connection, run_id: str, which: ColumnElement[bool], number: int) -> None:
    connection.execute(
        update(plan_entry).where(plan_entry.c.run_id == run_id, which).values(outcome_id=number)
    )


def _standing(target: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    """As SQL: operations that have not been taken back."""
    runs = (
        select(run.c.id).join(batch, batch.c.id == run.c.batch_id).where(batch.c.target == target)
    ).scalar_subquery()
    return (operation.c.kind == kind, operation.c.undone_by.is_(None), operation.c.run_id.in_(runs))


def _about(number: int) -> ColumnElement[bool]:
    return or_(operation.c.answer_id == number, operation.c.resource_id == number)


def numbers_now(db: Database, batch_id: str, ids: Sequence[int]) -> dict[tuple[str, int], int]:
    """(Kind, old number) → the one that it has by now, of resources that any undo on the batch's target
    put back."""
    if not ids:
        return {}
    target = select(batch.c.target).where(batch.c.id == batch_id).scalar_subquery()
    undos = (
        select(run.c.id)
        .join(batch, batch.c.id == run.c.batch_id)
        .where(batch.c.target == target, run.c.mode == "undo")
    )
    found: dict[tuple[str, int], int] = {}
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            rows = connection.execute(
                select(plan_entry.c.kind, plan_entry.c.resource_id, plan_entry.c.outcome_id).where(
                    plan_entry.c.run_id.in_(undos),
                    plan_entry.c.action == "create",
                    plan_entry.c.resource_id.in_(ids[start : start + 500]),
                    plan_entry.c.outcome_id.is_not(None),
                )
            )
            found.update({(row.kind, row.resource_id): row.outcome_id for row in rows})
    return found
