"""What is read from a source for a batch: page by page, until it is a file of the batch like any other.

A page is stored before its row is written, and its row says where reading goes on: whoever takes the run up
goes on from there. When the last one has come, one transaction makes the file of the batch, changes what the
run was made of accordingly, and lets the pages go.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from service.store.batches import files_within, inputs_digest
from service.store.blobs import Digest, Stored
from service.store.database import Database, clock
from service.store.held import hold_within
from service.store.runs import Claim, fenced
from service.store.tables import batch, batch_file, run, source_page, source_pull


class Pull(Struct, frozen=True):
    """The reading of one source for one batch. `file`: the name of the entry of the control file.

    `since`, `mark`: ISO 8601; `since` "" where everything is read, `mark` "" where none can be gone on from.
    `resources`: what is read, by the words of its API. `failed`: pages that could not be read.
    """

    batch_id: str
    file: str
    source: str
    since: str
    mark: str
    resources: str
    failed: int
    ended: bool


class StoredPage(Struct, frozen=True):
    number: int
    digest: Digest
    position: str
    failed: bool


def pull_of(db: Database, batch_id: str, file: str) -> Pull | None:
    with db.read() as connection:
        row = connection.execute(
            select(source_pull).where(source_pull.c.batch_id == batch_id, source_pull.c.file == file)
        ).one_or_none()
    if row is None:
        return None
    return Pull(
        row.batch_id,
        row.file,
        row.source,
        row.since,
        row.mark,
        row.resources,
        row.failed,
        row.ended_at is not None,
    )


def begin_pull(db: Database, claim: Claim, pull: Pull) -> None:
    with fenced(db, claim) as connection:
        connection.execute(
            insert(source_pull).values(
                batch_id=pull.batch_id,
                file=pull.file,
                source=pull.source,
                since=pull.since,
                mark=pull.mark,
                resources=pull.resources,
                failed=0,
            )
        )


def pages_of(db: Database, pull: Pull) -> list[StoredPage]:
    """In their order."""
    with db.read() as connection:
        rows = connection.execute(
            select(source_page)
            .where(source_page.c.batch_id == pull.batch_id, source_page.c.file == pull.file)
            .order_by(source_page.c.number)
        )
        return [StoredPage(row.number, Digest(row.digest), row.position, row.failed) for row in rows]


def add_pages(
    db: Database, claim: Claim, pull: Pull, pages: Sequence[StoredPage], sizes: dict[Digest, int]
) -> None:
    """Pages that have come, all or none. Their bytes (digest → size) are in the store."""
    with fenced(db, claim) as connection:
        hold_within(connection, sizes)
        connection.execute(
            insert(source_page),
            [
                {
                    "batch_id": pull.batch_id,
                    "file": pull.file,
                    "number": page.number,
                    "digest": page.digest,
                    "position": page.position,
                    "failed": page.failed,
                }
                for page in pages
            ],
        )


def end_pull(db: Database, claim: Claim, pull: Pull, stored: Stored, failed: int) -> None:
    """What has come, put together, is a file of the batch from now on; and the run was made from it."""
    with fenced(db, claim, durable=True) as connection:
        hold_within(connection, {stored.digest: stored.size})
        owner = select(run.c.key_id).where(run.c.id == claim.run_id).scalar_subquery()
        connection.execute(
            insert(batch_file).values(
                batch_id=pull.batch_id,
                name=pull.file,
                digest=stored.digest,
                filename=f"{pull.file}.jsonl",
                size=stored.size,
                key_id=owner,
                at=clock(connection),
            )
        )
        whose = (source_pull.c.batch_id == pull.batch_id, source_pull.c.file == pull.file)
        connection.execute(
            update(source_pull).where(*whose).values(failed=failed, ended_at=clock(connection))
        )
        connection.execute(
            delete(source_page).where(
                source_page.c.batch_id == pull.batch_id, source_page.c.file == pull.file
            )
        )
        control = connection.execute(
            select(batch.c.control_digest).where(batch.c.id == pull.batch_id)
        ).scalar_one()
        digest = inputs_digest(Digest(control), files_within(connection, pull.batch_id))
        connection.execute(update(run).where(run.c.id == claim.run_id).values(inputs_digest=digest))


def marks(db: Database, target: str, source: str, resources: str) -> list[tuple[str, str]]:
    """(mark, batch) of the readings of a source for this target that lacked no page, newest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(source_pull.c.mark, source_pull.c.batch_id)
            .join(batch, batch.c.id == source_pull.c.batch_id)
            .where(
                batch.c.target == target,
                source_pull.c.source == source,
                source_pull.c.resources == resources,
                source_pull.c.mark != "",
                source_pull.c.failed == 0,
                source_pull.c.ended_at.is_not(None),
            )
            .order_by(source_pull.c.mark.desc())
        )
        return [(row.mark, row.batch_id) for row in rows]
