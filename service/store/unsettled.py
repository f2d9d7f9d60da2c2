"""Ended runs that left something behind: writes whose outcome is unknown, answers that came too late.

A run that a person cancelled, or that failed, ends at once; what its last writes did is found out after that,
under a claim of its own. So is an answer that comes to a worker which had lost a run that has ended since.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, exists, or_, select, update

from service.store import scopes
from service.store.database import Database, clock
from service.store.leftovers import SETTLE, late_answers_open
from service.store.runs import Claim, OpenStraysError, fenced
from service.store.tables import run, stray_effect


def _unsettled() -> Any:
    late = exists().where(stray_effect.c.run_id == run.c.id, stray_effect.c.resolved_at.is_(None))
    return and_(run.c.ended_at.is_not(None), or_(run.c.phase == SETTLE, late))


def unsettled_runs(db: Database) -> list[str]:
    """Ids of the ended runs that somebody should look into now, oldest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(run.c.id)
            .where(_unsettled(), run.c.lease_until < clock(connection))
            .order_by(run.c.ended_at)
        )
        return [str(row[0]) for row in rows]


def claim_unsettled(db: Database, run_id: str, owner: str, lease_ms: int) -> Claim | None:
    """Take the run to find out what it left; None if there is nothing, or somebody else does."""
    with db.write(durable=True) as connection:
        now = clock(connection)
        fence = connection.execute(
            update(run)
            .where(run.c.id == run_id, _unsettled(), run.c.lease_until < now)
            .values(fence=run.c.fence + 1, owner=owner, lease_until=now + lease_ms)
            .returning(run.c.fence)
        ).scalar()
    return None if fence is None else Claim(run_id, fence, owner, ended=True)


def settled(db: Database, claim: Claim) -> None:
    """All is accounted for. Raises `OpenStraysError` when another answer came meanwhile."""
    with fenced(db, claim, durable=True) as connection:
        if late_answers_open(connection, claim.run_id):
            raise OpenStraysError(claim.run_id)
        connection.execute(update(run).where(run.c.id == claim.run_id).values(lease_until=0))
        connection.execute(
            update(run).where(run.c.id == claim.run_id, run.c.phase == SETTLE).values(phase="done")
        )
        scopes.free(connection, claim.run_id)


def look_later(db: Database, claim: Claim, rest_ms: int) -> None:
    """The target does not answer: nobody needs to try before that. Harmless when the claim is lost."""
    with db.write(durable=True) as connection:
        connection.execute(
            update(run)
            .where(run.c.id == claim.run_id, run.c.fence == claim.fence)
            .values(lease_until=clock(connection) + rest_ms)
        )
