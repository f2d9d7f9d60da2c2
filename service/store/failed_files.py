"""The records of a run that were not written, as bytes in the format they came in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from service.store.blobs import Digest
from service.store.database import Database
from service.store.held import hold_within
from service.store.outcomes import REAL, since_undo
from service.store.runs import RunFacts
from service.store.tables import failed_file


class FailedFile(Struct, frozen=True):
    """`name` is the logical name of the input file; `records` how many of it are in the bytes."""

    name: str
    digest: Digest
    size: int
    records: int


def set_failed_files(connection: Connection, run_id: str, files: Sequence[FailedFile]) -> None:
    """Within `runs.fenced`: these and no others. The bytes are in the store already; a worker that died
    before this line has left nothing but bytes that the next one finds there."""
    connection.execute(delete(failed_file).where(failed_file.c.run_id == run_id))
    hold_within(connection, {file.digest: file.size for file in files})
    for file in files:
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
