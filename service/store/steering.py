"""What people wish of a run: that it ends, rests, goes on. Durable; its worker hears it by the heartbeat."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, select, update

from service.store import scopes
from service.store.database import Database, clock
from service.store.tables import run

Hindrance = Literal["ended", "cancelling", "paused", "not-paused"]
"""Why a wish makes no sense of the run as it is."""


def request_cancel(db: Database, run_id: str) -> bool:
    """Ask for the end of an active run. One that nobody has begun ends at once. False: it had ended already.

    A pause is over with it: a worker takes the run to end it.
    """
    with db.write(durable=True) as connection:
        now = clock(connection)
        asked = connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.ended_at.is_(None))
            .values(cancel_requested_at=now, pause_requested_at=None)
        ).rowcount
        # Nobody has started it: there is nobody who could end it but us. (The fence moves, so a claim
        # in the same moment finds an ended run.)
        ended = connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.ended_at.is_(None), run.c.started_at.is_(None))
            .values(ended_at=now, ending="cancelled", phase="done", active_batch=None, fence=run.c.fence + 1)
        ).rowcount
        if ended:
            scopes.free(connection, run_id)
    return asked > 0


def request_pause(db: Database, run_id: str) -> Hindrance | None:
    """Ask that an active run rests until it is resumed. None: it was not asked before."""
    with db.write(durable=True) as connection:
        asked = connection.execute(
            update(run)
            .where(
                run.c.id == run_id,
                run.c.ended_at.is_(None),
                run.c.cancel_requested_at.is_(None),
                run.c.pause_requested_at.is_(None),
            )
            .values(pause_requested_at=clock(connection))
        ).rowcount
        return None if asked else _hindrance(connection, run_id)


def request_resume(db: Database, run_id: str) -> Hindrance | None:
    """Ask that a paused run goes on. None: it was paused, or was to be."""
    with db.write(durable=True) as connection:
        asked = connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.ended_at.is_(None), run.c.pause_requested_at.is_not(None))
            .values(pause_requested_at=None)
        ).rowcount
        return None if asked else _hindrance(connection, run_id)


def _hindrance(connection: Connection, run_id: str) -> Hindrance:
    row = connection.execute(
        select(run.c.ended_at, run.c.cancel_requested_at, run.c.pause_requested_at).where(run.c.id == run_id)
    ).one_or_none()
    if row is None or row.ended_at is not None:
        return "ended"
    if row.cancel_requested_at is not None:
        return "cancelling"
    return "paused" if row.pause_requested_at is not None else "not-paused"
