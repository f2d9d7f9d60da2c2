"""What is kept no longer, found and removed: `accession gc`, and the workers once a day.

It runs beside a living installation, several at a time too, and may die anywhere: each part is first marked
as no longer there in a transaction that finds it unused, and goes then. A dry run finds the same and marks
nothing.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from sqlalchemy import delete, func, select

from service.store import garbage_bytes, garbage_rows, garbage_runs
from service.store.blobs import BlobStore, Digest
from service.store.database import Database, clock
from service.store.garbage_rows import MovedError, Size, Stop
from service.store.held import GRACE
from service.store.removed import Lost
from service.store.retention import Retention, cutoff, shown_days
from service.store.tables import task

Kind = Literal[
    "abandoned",
    "batches",
    "reports",
    "undo",
    "dry-runs",
    "left-over",
    "workings",
    "checks",
    "files",
    "uploads",
    "parts",
    "unknown-files",
]
"""`left-over`: begun to be removed before; `workings`: what a run needs only while it is active; `files`:
bytes of batches that are done with; `uploads`: of none; `parts`: of uploads that were not ended;
`unknown-files`: bytes that the database does not know."""

SETTINGS: dict[Kind, str] = {
    "abandoned": "batches",
    "batches": "batches",
    "reports": "reports",
    "undo": "undo",
    "dry-runs": "dry_runs",
    "checks": "uploads",
    "uploads": "uploads",
    "parts": "uploads",
}
"""By which setting (`ACCESSION_RETENTION_…`) a kind goes; the others follow from what has gone already."""


class Line(Struct, frozen=True):
    """What goes of a kind: `n` of them, with so many `rows` and `bytes`. `days`: of the setting, or 0."""

    kind: Kind
    n: int
    rows: int
    bytes: int
    days: float


class _Tally:
    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._n: dict[Kind, int] = {}
        self._size: dict[Kind, Size] = {}

    def add(self, kind: Kind, n: int, size: Size) -> None:
        self._n[kind] = self._n.get(kind, 0) + n
        self._size[kind] = self._size.get(kind, Size()) + size

    def lines(self) -> list[Line]:
        found = []
        for kind in (*SETTINGS, "left-over", "workings", "files", "unknown-files"):
            size = self._size.get(kind, Size())
            if self._n.get(kind):
                found.append(Line(kind, self._n[kind], size.rows, size.bytes, days_of(self._retention, kind)))
        return found


def days_of(retention: Retention, kind: Kind) -> float:
    return float(getattr(retention, SETTINGS[kind])) if kind in SETTINGS else 0.0


def _never() -> bool:
    return False


def collect(
    db: Database,
    blobs: BlobStore,
    retention: Retention,
    *,
    dry_run: bool = False,
    unknown_files: bool = False,
    stop: Stop = _never,
) -> list[Line]:
    """Remove everything that is kept no longer, or only find it; what goes, by kind.

    `unknown_files`: also bytes in the store that the database does not know. (One that was restored from a
    backup does not know what was uploaded since, so a person has to ask for that.) `stop`: asked between two
    transactions; what is left goes the next time. Raises `StoreUnavailableError`.
    """
    with db.read() as connection:
        now: int = connection.execute(select(clock(connection))).scalar_one()
    tally = _Tally(retention)
    gone = garbage_bytes.Parting({}, set(), set())
    for going in garbage_runs.find(db, retention, now):
        if stop():
            break
        _batch(db, retention, going, tally, gone, dry_run=dry_run, stop=stop)
    for going in garbage_rows.workings(db):
        _workings(db, going, tally, gone, dry_run=dry_run, stop=stop)
    _checks(db, retention, now, tally, dry_run=dry_run)
    _files(db, blobs, retention, now, tally, gone, dry_run=dry_run, stop=stop)
    _parts(blobs, retention, now, tally, dry_run=dry_run, stop=stop)
    if unknown_files:
        _unknown(db, blobs, retention, now, tally, dry_run=dry_run, stop=stop)
    return tally.lines()


def _batch(
    db: Database,
    retention: Retention,
    going: garbage_runs.Going,
    tally: _Tally,
    gone: garbage_bytes.Parting,
    *,
    dry_run: bool,
    stop: Stop,
) -> None:
    size = garbage_rows.measure(db, going)
    n = len(going.runs) if going.reason == "dry-runs" else 1
    try:
        if not dry_run:
            if going.reason != "left-over":
                garbage_rows.mark(db, going, _why(retention, going.reason))
            garbage_rows.clear(db, going, stop)
    except MovedError:
        return
    tally.add(going.reason, n, size)
    _note(gone, going)


def _note(gone: garbage_bytes.Parting, going: garbage_runs.Going) -> None:
    gone.runs.update(run_id for run_id, _ in going.runs)
    if going.reason == "abandoned":
        gone.deleted.add(going.batch_id)
    elif going.reason in ("batches", "reports", "undo"):
        state: Lost = "reduced" if going.reason == "reports" else "removed"
        gone.batches[going.batch_id] = state


def _why(retention: Retention, reason: Kind) -> str:
    name = SETTINGS[reason]
    since = "after it ended" if reason == "dry-runs" else "after the batch was last used"
    return f"{shown_days(days_of(retention, reason))} {since} (ACCESSION_RETENTION_{name.upper()})"


def _workings(
    db: Database,
    going: garbage_runs.Going,
    tally: _Tally,
    gone: garbage_bytes.Parting,
    *,
    dry_run: bool,
    stop: Stop,
) -> None:
    if going.runs[0][0] in gone.runs or stop():
        return  # counted with its run
    size = garbage_rows.measure_workings(db, going)
    try:
        if not dry_run:
            garbage_rows.clear_workings(db, going, stop)
    except MovedError:
        return
    tally.add("workings", 1, size)


def _checks(db: Database, retention: Retention, now: int, tally: _Tally, *, dry_run: bool) -> None:
    """Answers of checks, and of looks at targets."""
    before = cutoff(now, retention.uploads)
    if before is None:
        return
    old = (task.c.ended_at.is_not(None), task.c.ended_at < min(before, now - GRACE))
    with db.read() as connection:
        n, size = connection.execute(
            select(
                func.count(),
                func.sum(func.length(task.c.arguments) + func.coalesce(func.length(task.c.result), 0)),
            )
            .select_from(task)
            .where(*old)
        ).one()
    if not n:
        return
    if not dry_run:
        while True:
            with db.write() as connection:
                some = select(task.c.id).where(*old).limit(garbage_rows.SLICE)
                if connection.execute(delete(task).where(task.c.id.in_(some))).rowcount < garbage_rows.SLICE:
                    break
    tally.add("checks", n, Size(n, int(size)))


def _files(
    db: Database,
    blobs: BlobStore,
    retention: Retention,
    now: int,
    tally: _Tally,
    gone: garbage_bytes.Parting,
    *,
    dry_run: bool,
    stop: Stop,
) -> None:
    for page in garbage_bytes.unused(db, blobs, retention, now, gone):
        if stop():
            return
        if not dry_run:
            page = garbage_bytes.mark(db, blobs, page, retention, now)
            page = [one for one in page if not stop() and _remove(db, blobs, one.digest)]
        for one in page:
            tally.add("files" if one.of_batch else "uploads", 1, Size(0, one.size))


def _parts(
    blobs: BlobStore, retention: Retention, now: int, tally: _Tally, *, dry_run: bool, stop: Stop
) -> None:
    """Uploads that nobody goes on with. Those that are written to at this moment stay."""
    before = cutoff(now, retention.uploads)
    if before is None:
        return
    for part in blobs.parts.listed():
        if stop():
            return
        if part.written_at < min(before, now - GRACE) and (dry_run or blobs.parts.remove(part)):
            tally.add("parts", 1, Size(0, part.size))


def _remove(db: Database, blobs: BlobStore, digest: Digest) -> bool:
    with garbage_rows.breath():
        return garbage_bytes.remove(db, blobs, digest)


def _unknown(
    db: Database,
    blobs: BlobStore,
    retention: Retention,
    now: int,
    tally: _Tally,
    *,
    dry_run: bool,
    stop: Stop,
) -> None:
    for page in garbage_bytes.unknown(db, blobs, retention, now):
        if stop():
            return
        if not dry_run:
            garbage_bytes.adopt(db, page)
            page = [one for one in page if not stop() and _remove(db, blobs, one.digest)]
        for one in page:
            tally.add("unknown-files", 1, Size(0, one.size))
