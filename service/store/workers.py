"""The workers that were seen lately."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database, clock
from service.store.tables import worker_heartbeat

FORGOTTEN_AFTER_MS = 24 * 3600 * 1000


class WorkerFacts(Struct, frozen=True):
    """A worker process. Times in ms since 1970 UTC."""

    id: str
    host: str
    pid: int
    version: str
    started_at: int
    beat_at: int


def beat(db: Database, worker_id: str, *, host: str, pid: int, version: str) -> None:
    """Say that the worker lives; forget those not heard of for a day."""
    with db.write() as connection:
        now = clock(connection)
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(
            dialect.insert(worker_heartbeat)
            .values(id=worker_id, host=host, pid=pid, version=version, started_at=now, beat_at=now)
            .on_conflict_do_update(index_elements=[worker_heartbeat.c.id], set_={"beat_at": now})
        )
        connection.execute(
            delete(worker_heartbeat).where(worker_heartbeat.c.beat_at < now - FORGOTTEN_AFTER_MS)
        )


def list_workers(db: Database) -> list[WorkerFacts]:
    """All that were heard of within a day, newest first."""
    with db.read() as connection:
        rows = connection.execute(select(worker_heartbeat).order_by(worker_heartbeat.c.started_at.desc()))
        return [WorkerFacts(**row._mapping) for row in rows]
