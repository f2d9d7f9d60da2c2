"""Figures of the whole installation: what waits for a worker, what is kept."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, select

from service.store.database import Database
from service.store.held import GONE
from service.store.runs import unclaimed_runs
from service.store.tables import batch, blob, run
from service.store.tasks import unclaimed_tasks


class Figures(Struct, frozen=True):
    """`waiting_runs`, `waiting_tasks`: that no worker has taken; `active_runs`: that have not ended.
    `files` are distinct ones, `file_bytes` their sizes together."""

    waiting_runs: int
    waiting_tasks: int
    active_runs: int
    batches: int
    files: int
    file_bytes: int


def figures(db: Database) -> Figures:
    waiting_runs, waiting_tasks = len(unclaimed_runs(db)), len(unclaimed_tasks(db))
    with db.read() as connection:
        active = connection.execute(select(func.count()).where(run.c.active_batch.is_not(None))).scalar_one()
        batches = connection.execute(select(func.count()).select_from(batch)).scalar_one()
        files, size = connection.execute(
            select(func.count(), func.coalesce(func.sum(blob.c.size), 0)).where(blob.c.created_at != GONE)
        ).one()
    return Figures(waiting_runs, waiting_tasks, active, batches, files, int(size))
