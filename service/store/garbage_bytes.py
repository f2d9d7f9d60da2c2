"""Bytes that nothing needs any more. How they go while others come: see `held`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.control.chosen import is_list
from service.store.blobs import BlobStore, Digest, Listed
from service.store.database import Database
from service.store.held import GONE, GRACE
from service.store.removed import Lost, lost_of
from service.store.retention import Retention, cutoff
from service.store.tables import (
    batch,
    batch_file,
    blob,
    control_file,
    failed_file,
    kept_file,
    run,
    source_page,
    upload,
)

PAGE = 200


class Unused(Struct, frozen=True):
    """Bytes that go. `of_batch`: some batch was made of them once."""

    digest: Digest
    size: int
    of_batch: bool


class Parting(Struct, frozen=True):
    """What goes in the same pass, and may not have gone yet: batches → what is lost of them; runs."""

    batches: dict[str, Lost]
    deleted: set[str]
    """Batches that go altogether."""
    runs: set[str]


NOTHING = Parting({}, set(), set())


class _Ages(Struct, frozen=True):
    """What was last brought before these moments (ms) goes if nothing uses it; None: it stays."""

    uploads: int | None
    controls: int | None
    latest: int
    """What nobody keeps for himself goes at once, but for `GRACE`."""

    def of(self, *, named: bool, control: bool, uploaded: bool) -> int | None:
        if control:
            return self.controls
        if named:
            return self.latest if self.uploads is None else self.uploads
        return self.uploads if uploaded else self.latest


def _ages(retention: Retention, now: int) -> _Ages:
    latest = now - GRACE

    def age(days: float) -> int | None:
        found = cutoff(now, days)
        return None if found is None else min(found, latest)

    return _Ages(age(retention.uploads), age(retention.batches), latest)


def unused(
    db: Database, blobs: BlobStore, retention: Retention, now: int, parting: Parting = NOTHING
) -> Iterator[list[Unused]]:
    """All bytes that go, in pages. `parting`: what is looked at as if it had gone."""
    ages = _ages(retention, now)
    after = ""
    while True:
        with db.read() as connection:
            page = connection.execute(
                select(blob.c.digest, blob.c.size, blob.c.created_at)
                .where(blob.c.digest > after)
                .order_by(blob.c.digest)
                .limit(PAGE)
            ).all()
            found = _unused(connection, blobs, [(row[0], row[1], row[2]) for row in page], ages, parting)
        if not page:
            return
        after = page[-1].digest
        if found:
            yield found


def _unused(
    connection: Connection,
    blobs: BlobStore,
    rows: Sequence[tuple[str, int, int]],
    ages: _Ages,
    parting: Parting,
) -> list[Unused]:
    """Which of these bytes (digest, size, last brought) nothing needs, by what the transaction sees."""
    digests = [row[0] for row in rows]
    needed, named = _uses(connection, digests, parting)
    controls, uploaded = (
        set(connection.execute(select(table.c.digest).where(table.c.digest.in_(digests))).scalars())
        for table in (control_file, upload)
    )
    found = []
    for digest, size, brought in rows:
        is_named = digest in named
        if digest in needed:
            continue
        if brought == GONE:
            # Who marked it may have died; else it only stays known because old batches name it.
            there = blobs.size(Digest(digest))
            if there is None and is_named:
                continue
            found.append(Unused(Digest(digest), there or 0, is_named))
            continue
        age = ages.of(named=is_named, control=digest in controls, uploaded=digest in uploaded)
        if age is not None and brought < age:
            found.append(Unused(Digest(digest), size, is_named))
    return found


def _uses(connection: Connection, digests: Sequence[str], parting: Parting) -> tuple[set[str], set[str]]:
    """Which of these digests batches need, and which ones they (or what is left of them) name."""
    uses: list[tuple[str, str, str]] = []
    for digest, batch_id in connection.execute(
        select(batch.c.control_digest, batch.c.id).where(batch.c.control_digest.in_(digests))
    ):
        uses.append((digest, batch_id, "control"))
    for digest, batch_id, name in connection.execute(
        select(batch_file.c.digest, batch_file.c.batch_id, batch_file.c.name).where(
            batch_file.c.digest.in_(digests)
        )
    ):
        uses.append((digest, batch_id, "list" if is_list(name) else "file"))
    lost = _lost(connection, sorted({batch_id for _, batch_id, _ in uses}))
    needed = set()
    for digest, batch_id, use in uses:
        state = parting.batches.get(batch_id, lost.get(batch_id))
        # An undo reads the control file, and the lists of what it is about.
        if batch_id in parting.deleted or state == "removed" or (state == "reduced" and use == "file"):
            continue
        needed.add(digest)
    for table in (failed_file, kept_file):
        for digest, run_id in connection.execute(
            select(table.c.digest, table.c.run_id).where(table.c.digest.in_(digests))
        ):
            if run_id not in parting.runs:
                needed.add(digest)
    for digest, batch_id in connection.execute(
        select(source_page.c.digest, source_page.c.batch_id).where(source_page.c.digest.in_(digests))
    ):
        if batch_id not in parting.deleted:
            needed.add(digest)
    return needed, {digest for digest, batch_id, _ in uses if batch_id not in parting.deleted}


def _lost(connection: Connection, batch_ids: Sequence[str]) -> dict[str, Lost | None]:
    runs: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for start in range(0, len(batch_ids), 500):
        for row in connection.execute(
            select(run.c.batch_id, run.c.mode, run.c.phase).where(
                run.c.batch_id.in_(batch_ids[start : start + 500])
            )
        ):
            runs[row.batch_id].append((row.mode, row.phase))
    return {batch_id: lost_of(found) for batch_id, found in runs.items()}


# --- removing -------------------------------------------------------------------------------------


def mark(
    db: Database, blobs: BlobStore, page: Sequence[Unused], retention: Retention, now: int
) -> list[Unused]:
    """Those of these bytes that are still unused, from now on marked as no longer there."""
    ages = _ages(retention, now)
    with db.write(durable=True) as connection:
        rows = connection.execute(
            select(blob.c.digest, blob.c.size, blob.c.created_at)
            .where(blob.c.digest.in_([one.digest for one in page]))
            .order_by(blob.c.digest)
            .with_for_update()
        ).all()
        found = _unused(connection, blobs, [(row[0], row[1], row[2]) for row in rows], ages, NOTHING)
        digests = [one.digest for one in found]
        # Nobody finds them any more for having brought them, nor a control file by its name.
        for table in (control_file, upload):
            connection.execute(delete(table).where(table.c.digest.in_(digests)))
        connection.execute(update(blob).where(blob.c.digest.in_(digests)).values(created_at=GONE))
    return found


def remove(db: Database, blobs: BlobStore, digest: Digest) -> bool:
    """Remove marked bytes; False when somebody has brought them again meanwhile.

    The bytes go within the transaction that holds their row, though that is an effect outside the database:
    only so nobody can find them there, and build on that, in between. It is one call, of one file. Should
    the transaction not be committed, the mark stays, and the next time they are removed again.
    """
    with db.write() as connection:
        brought = connection.execute(
            select(blob.c.created_at).where(blob.c.digest == digest).with_for_update()
        ).scalar()
        if brought != GONE:
            return False
        blobs.delete(digest)
        named = or_(
            *(
                exists().where(column == blob.c.digest)
                for column in (
                    batch.c.control_digest,
                    batch_file.c.digest,
                    failed_file.c.digest,
                    kept_file.c.digest,
                    source_page.c.digest,
                    upload.c.digest,
                    control_file.c.digest,
                )
            )
        )
        connection.execute(delete(blob).where(blob.c.digest == digest, ~named))
    return True


# --- bytes that no row knows ----------------------------------------------------------------------


def unknown(db: Database, blobs: BlobStore, retention: Retention, now: int) -> Iterator[list[Listed]]:
    """Bytes in the store that the database does not know, and that were not brought lately."""
    days = retention.uploads
    latest = min(now - GRACE, cutoff(now, days) or now)
    page: list[Listed] = []
    for one in blobs.listed():
        if one.written_at < latest:
            page.append(one)
        if len(page) == PAGE:
            yield _not_known(db, page)
            page = []
    yield _not_known(db, page)


def _not_known(db: Database, page: Sequence[Listed]) -> list[Listed]:
    with db.read() as connection:
        known = set(
            connection.execute(
                select(blob.c.digest).where(blob.c.digest.in_([one.digest for one in page]))
            ).scalars()
        )
    return [one for one in page if one.digest not in known]


def adopt(db: Database, page: Sequence[Listed]) -> None:
    """Make them known, as marked. What somebody holds at this moment is known already, and stays."""
    with db.write(durable=True) as connection:
        dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
        for one in sorted(page, key=lambda one: one.digest):
            connection.execute(
                dialect.insert(blob)
                .values(digest=one.digest, size=one.size, created_at=GONE)
                .on_conflict_do_nothing()
            )
