"""What an undo put back, and did not link again: it was cancelled, or failed, before it came to that."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from sqlalchemy import ColumnElement, and_, or_, select

from service.store.database import Database
from service.store.plans import COLUMNS, Entry
from service.store.runs import runs_of_batch
from service.store.tables import plan_entry


def is_put_back() -> ColumnElement[bool]:
    """As SQL: entries of an undo whose resource is created again, or was by an earlier undo that did not
    come to its end."""
    before = and_(plan_entry.c.action == "unchanged", plan_entry.c.before.is_not(None))
    return or_(plan_entry.c.action == "create", before)


def left_unlinked(db: Database, batch_id: str, apart_from: str = "") -> str | None:
    """The newest undo of the batch, if it left such resources; `apart_from`: a run that does not count.

    One that was planned took over what those before it had left.
    """
    undos = (
        one.id
        for one in runs_of_batch(db, batch_id)
        if one.mode == "undo" and one.id != apart_from and one.planned_at and not one.options.dry_run
    )
    newest = next(undos, None)
    if newest is None:
        return None
    of_run = plan_entry.c.run_id == newest
    there = and_(of_run, is_put_back(), plan_entry.c.outcome_id.is_not(None))
    with db.read() as connection:
        for wanted in (and_(of_run, _waiting()), there):
            if connection.execute(select(plan_entry.c.seq).where(wanted).limit(1)).first() is None:
                return None
    return newest


def undos_since_written(db: Database, batch_id: str, apart_from: str) -> list[str]:
    """The undos of the batch since it was imported last, newest first, without that run."""
    since = takewhile(lambda one: one.mode not in ("import", "retry"), runs_of_batch(db, batch_id))
    return [one.id for one in since if one.mode == "undo" and one.id != apart_from]


def media_put_back(db: Database, undo_run: str, after: int, limit: int) -> Sequence[Entry]:
    """A page of the media that an undo has created again, by itself and not with their items."""
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS)
            .where(
                plan_entry.c.run_id == undo_run,
                plan_entry.c.seq > after,
                plan_entry.c.kind == "media",
                plan_entry.c.action == "create",
                plan_entry.c.outcome_id.is_not(None),
                plan_entry.c.before.is_not(None),
            )
            .order_by(plan_entry.c.seq)
            .limit(limit)
        )
        return [Entry(**row._mapping) for row in rows]


def waiting_to_be_linked(db: Database, run_id: str, after: int, limit: int) -> Sequence[Entry]:
    """A page of the run's entries that were to bring links back and did not, those over `after`."""
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS)
            .where(plan_entry.c.run_id == run_id, plan_entry.c.seq > after, _waiting())
            .order_by(plan_entry.c.seq)
            .limit(limit)
        )
        return [Entry(**row._mapping) for row in rows]


def _waiting() -> ColumnElement[bool]:
    return and_(plan_entry.c.action == "complete", plan_entry.c.outcome.is_(None))
