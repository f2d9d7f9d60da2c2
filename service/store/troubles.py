"""What went wrong with a target lately: runs that it, or what was asked of it, stopped."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import or_, select

from service.store.database import Database
from service.store.tables import batch, run


class Trouble(Struct, frozen=True):
    """A run that stopped (`ended_at`, ms since 1970 UTC), or waits (None). `message` is for a person."""

    batch_id: str
    comment: str
    run_id: str
    mode: str
    scheduled_at: int
    ended_at: int | None
    code: str | None
    message: str


def troubles_of(db: Database, target: str, limit: int = 10) -> list[Trouble]:
    """Newest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(run, batch.c.comment)
            .join(batch, batch.c.id == run.c.batch_id)
            .where(
                batch.c.target == target,
                or_(run.c.ending == "failed", run.c.ended_at.is_(None) & run.c.waiting_for.is_not(None)),
            )
            .order_by(run.c.scheduled_at.desc(), run.c.id.desc())
            .limit(limit)
        )
        return [
            Trouble(
                batch_id=row.batch_id,
                comment=row.comment,
                run_id=row.id,
                mode=row.mode,
                scheduled_at=row.scheduled_at,
                ended_at=row.ended_at,
                code=row.code,
                message=row.reason or row.waiting_for or "",
            )
            for row in rows
        ]
