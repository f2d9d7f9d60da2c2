"""The records of a run that were not written, as bytes in the format they came in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.blobs import Digest
from service.store.database import Database, clock
from service.store.outcomes import REAL, since_undo
from service.store.runs import RunFacts
from service.store.tables import blob, failed_file


class FailedFile(Struct, frozen=True):
    """`name` is the logical name of the input file; `records` how many of it are in the bytes."""

    name: str
    digest: Digest
    size: int
    records: int


def set_failed_files(connection: Connection, run_id: str, files: Sequence[FailedFile]) -> None:
    """Within `runs.fenced`: these and no others. The bytes are in the store already; a worker that died
    before this line has left nothing but bytes that the next one finds there."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(delete(failed_file).where(failed_file.c.run_id == run_id))
    for file in files:
        connection.execute(
            dialect.insert(blob)
            .values(digest=file.digest, size=file.size, created_at=clock(connection))
            .on_conflict_do_nothing()
        )
        connection.execute(
            insert(failed_file).values(
                run_id=run_id, name=file.name, digest=file.digest, size=file.size, records=file.records
            )
        )


def failed_files(db: Database, run_id: str) -> list[FailedFile]:
    """By name."""
    with db.read() as connection:
        rows = connection.execute(
            select(failed_file.c.name, failed_file.c.digest, failed_file.c.size, failed_file.c.records)
            .where(failed_file.c.run_id == run_id)
            .order_by(failed_file.c.name)
        )
        return [FailedFile(row.name, row.digest, row.size, row.records) for row in rows]


def failing_run(runs: Sequence[RunFacts]) -> str | None:
    """Of a batch's runs, newest first, the one whose failed files stand for the batch: the newest import or
    retry that has ended (it knew what those before it had left), else the newest dry run."""
    ended = [run for run in since_undo(runs) if run.ended_at is not None and run.started_at is not None]
    real = [run.id for run in ended if run.mode in REAL]
    return next(iter(real or [run.id for run in ended if run.mode == "dry-run"]), None)
