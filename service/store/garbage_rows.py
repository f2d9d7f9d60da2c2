"""The rows of batches and runs, measured, marked as no longer there, and removed in slices.

The mark is one transaction, which holds the batch: no run is active, none can be scheduled meanwhile, and
it was not used since it was judged. After it nobody counts on the rows. So a process may die anywhere: what
is left of them goes the next time. A run that is scheduled between two slices (an undo of what is being
reduced) has what it needs; the rest waits for its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from service.store.batches import BatchMissingError, lock_idle
from service.store.database import Database, clock
from service.store.garbage_runs import Going, Level
from service.store.outcomes import counts_of, real_runs, state_of
from service.store.removed import CODE
from service.store.runs import OF_BATCH, RunActiveError, runs_of_batch
from service.store.tables import (
    batch,
    batch_file,
    failed_file,
    kept_file,
    log_line,
    operation,
    plan_entry,
    plan_group,
    plan_key,
    plan_link,
    plan_place,
    report_group,
    report_line,
    run,
    run_count,
    run_sample,
    stray_effect,
)

SLICE = 250
"""Rows a transaction: on SQLite none lasts over 50 ms."""

Stop = Callable[[], bool]


class Size(Struct, frozen=True):
    """`bytes`: of texts, drafts, representations and earlier states; what is around them is not counted."""

    rows: int = 0
    bytes: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.rows + other.rows, self.bytes + other.bytes)


class MovedError(Exception):
    """The batch has been used since it was judged: it stays this time."""


# --- which rows -----------------------------------------------------------------------------------


def _rows(run_id: str, level: Level) -> list[tuple[Table, ColumnElement[bool]]]:
    """Tables, and which rows of them go with this level. What is left out of them stays."""
    of_run = {table.name: table.c.run_id == run_id for table in _ALL}
    rows: list[tuple[Table, ColumnElement[bool]]] = [
        (plan_link, of_run["plan_link"]),
        (plan_key, of_run["plan_key"]),
        (plan_group, of_run["plan_group"]),
        (plan_place, of_run["plan_place"]),
        (report_group, of_run["report_group"]),
        (report_line, of_run["report_line"]),
        (log_line, and_(of_run["log_line"], log_line.c.code != CODE)),
        (run_sample, of_run["run_sample"]),
    ]
    if level == "removed":
        resolved = stray_effect.c.resolved_at.is_not(None)
        rows += [
            (operation, of_run["operation"]),
            (stray_effect, and_(of_run["stray_effect"], resolved)),
            (kept_file, of_run["kept_file"]),
        ]
    return rows


_ALL = (
    plan_link,
    plan_key,
    plan_group,
    plan_place,
    report_group,
    report_line,
    operation,
    stray_effect,
    log_line,
    run_sample,
    kept_file,
)


def _entry_stays(level: Level) -> ColumnElement[bool]:
    """Without what is in `_SLIM`."""
    return _needed_by_undo() if level == "reduced" else _renumbers()


def _needed_by_undo() -> ColumnElement[bool]:
    """An entry about which something was written, or a media that was made with one."""
    return or_(
        *(
            exists().where(operation.c.run_id == plan_entry.c.run_id, operation.c.seq == seq)
            for seq in (plan_entry.c.seq, plan_entry.c.parent_seq)
        )
    )


def _renumbers() -> ColumnElement[bool]:
    """An entry of an undo that created something again: by it all undos know what number that has now."""
    undo = exists().where(run.c.id == plan_entry.c.run_id, run.c.mode == "undo")
    return and_(undo, plan_entry.c.action == "create", plan_entry.c.outcome_id.is_not(None))


_SLIM = ("draft", "before", "changes", "problems")
"""Of an entry that stays: what nothing needs any more."""


# --- measuring ------------------------------------------------------------------------------------


def measure(db: Database, going: Going) -> Size:
    """What goes with it, beside the bytes of its files."""
    size = Size()
    for run_id, level in going.runs:
        for table, condition in _rows(run_id, level):
            size += _size(
                db, table, condition, [column.name for column in table.columns if _large(column.type)]
            )
        of_run = plan_entry.c.run_id == run_id
        size += _size(db, plan_entry, and_(of_run, ~_entry_stays(level)), ("identifier", "message", *_SLIM))
        size += Size(0, _size(db, plan_entry, and_(of_run, _entry_stays(level)), _SLIM).bytes)
    return size


def _large(type_: object) -> bool:
    return isinstance(type_, LargeBinary | Text)


def _size(db: Database, table: Table, condition: ColumnElement[bool], names: Sequence[str]) -> Size:
    lengths: ColumnElement[int] = literal(0)
    for name in names:
        lengths = lengths + func.coalesce(func.length(table.c[name]), 0)
    with db.read() as connection:
        row = connection.execute(
            select(func.count(), func.coalesce(func.sum(lengths), 0)).select_from(table).where(condition)
        ).one()
    return Size(row[0], int(row[1]))


# --- removing -------------------------------------------------------------------------------------


def mark(db: Database, going: Going, why: str) -> None:
    """From now on nobody counts on what goes. A batch that never ran is gone at once.

    Raises `MovedError`. `why`: the setting, in words, for the log.
    """
    kept = _counts(db, going)
    try:
        with db.write(durable=True) as connection:
            lock_idle(connection, going.batch_id)
            _refuse_moved(connection, going)
            if not going.runs:
                connection.execute(delete(batch).where(batch.c.id == going.batch_id))
                return
            for run_id, level in going.runs:
                _mark_run(connection, run_id, level, why)
            for (run_id, name), n in kept.items():
                connection.execute(insert(run_count).values(run_id=run_id, name=name, n=n))
    except (BatchMissingError, RunActiveError) as error:
        raise MovedError(going.batch_id) from error


def _mark_run(connection: Connection, run_id: str, level: Level, why: str) -> None:
    last = connection.execute(select(func.max(log_line.c.seq)).where(log_line.c.run_id == run_id)).scalar()
    what = "report, plan, log and files" if level == "reduced" else "report, plan, log, files and journal"
    left = "It can still be undone." if level == "reduced" else "Its counts are kept."
    connection.execute(
        insert(log_line).values(
            run_id=run_id,
            seq=(last or 0) + 1,
            at=clock(connection),
            level="info",
            code=CODE,
            message=f"The {what} of this run were removed {why}. {left}",
        )
    )
    connection.execute(delete(failed_file).where(failed_file.c.run_id == run_id))
    phase = "reducing" if level == "reduced" else "removing"
    connection.execute(update(run).where(run.c.id == run_id).values(phase=phase))


def _counts(db: Database, going: Going) -> Mapping[tuple[str, str], int]:
    """What only the rows of several runs tell: the counts of the batch, to be kept with its newest run."""
    runs = runs_of_batch(db, going.batch_id)
    ids = real_runs(runs)
    marked = {run_id for run_id, _ in going.runs}
    if len(ids) < 2 or ids[0] not in marked or any(one.of_batch for one in runs):
        return {}
    counts = {(ids[0], f"{OF_BATCH}{name}"): n for name, n in counts_of(db, runs).items()}
    counts[ids[0], f"{OF_BATCH}faulty"] = int(state_of(db, runs) == "complete-with-errors")
    return counts


def _refuse_moved(connection: Connection, going: Going) -> None:
    """Raises `MovedError` when the batch was used since, or another run may ask for its journal.

    (Whoever corrects it refers to it, and waits for the transaction that holds it.)
    """
    moments = [
        connection.execute(statement).scalar() or 0
        for statement in (
            select(batch.c.created_at).where(batch.c.id == going.batch_id),
            select(func.max(batch_file.c.at)).where(batch_file.c.batch_id == going.batch_id),
            select(func.max(func.coalesce(run.c.ended_at, run.c.scheduled_at))).where(
                run.c.batch_id == going.batch_id
            ),
        )
    ]
    reader = connection.execute(
        select(run.c.id)
        .join(batch, batch.c.id == run.c.batch_id)
        .where(batch.c.target == going.target, run.c.ended_at.is_(None), run.c.scheduled_at <= going.activity)
        .limit(1)
    ).first()
    corrected = connection.execute(
        select(batch.c.id).where(batch.c.corrects == going.batch_id).limit(1)
    ).first()
    alone = bool(going.runs) or corrected is None
    if max(moments) != going.activity or reader is not None or not alone:
        raise MovedError(going.batch_id)


def clear(db: Database, going: Going, stop: Stop) -> None:
    """Remove what was marked, in slices. Raises `MovedError` when a run has begun: the rest goes later."""
    for run_id, level in going.runs:
        # First the entries: by the journal they are told apart.
        after: int | None = 0
        while after is not None and not stop():
            with breath():
                after = _clear_entries(db, going.batch_id, run_id, level, after)
        for table, condition in _rows(run_id, level):
            _clear_table(db, going.batch_id, table, condition, stop)
        if stop():
            return
        with db.write() as connection:
            done = {"reducing": "reduced", "removing": "removed"}
            for begun, phase in done.items():
                connection.execute(
                    update(run).where(run.c.id == run_id, run.c.phase == begun).values(phase=phase)
                )


@contextmanager
def breath() -> Iterator[None]:
    """A pause after the block, as long as it took: SQLite has one writer, and who waits asks now and then."""
    began = time.monotonic()
    yield
    time.sleep(time.monotonic() - began)


def _clear_table(
    db: Database, batch_id: str, table: Table, condition: ColumnElement[bool], stop: Stop
) -> None:
    more = True
    while more and not stop():
        with breath():
            more = _clear_slice(db, batch_id, table, condition)


_FOLLOWS_RUN = {
    "plan_link": "seq",
    "plan_key": "seq",
    "plan_group": "name",
    "plan_place": "name",
    "report_group": "id",
    "report_line": "seq",
    "operation": "key",
    "stray_effect": "id",
    "log_line": "seq",
    "run_sample": "at",
    "kept_file": "digest",
}
"""By what rows of a run are taken: the database has an order of them by that (or there are few)."""


def _clear_slice(db: Database, batch_id: str, table: Table, condition: ColumnElement[bool]) -> bool:
    """Remove some rows; whether there may be more."""
    column = table.c[_FOLLOWS_RUN[table.name]]
    with db.write() as connection:
        _hold(connection, batch_id)
        some = connection.execute(select(column).where(condition).limit(SLICE)).scalars().all()
        if some:
            connection.execute(delete(table).where(condition, column.in_(some)))
    return len(some) == SLICE


def _clear_entries(db: Database, batch_id: str, run_id: str, level: Level, after: int) -> int | None:
    """Remove or slim the next entries; the last one that was looked at, None at the end."""
    with db.write() as connection:
        _hold(connection, batch_id)
        seqs = (
            connection.execute(
                select(plan_entry.c.seq)
                .where(plan_entry.c.run_id == run_id, plan_entry.c.seq > after)
                .order_by(plan_entry.c.seq)
                .limit(SLICE)
            )
            .scalars()
            .all()
        )
        if not seqs:
            return None
        here = and_(plan_entry.c.run_id == run_id, plan_entry.c.seq.between(seqs[0], seqs[-1]))
        connection.execute(delete(plan_entry).where(here, ~_entry_stays(level)))
        connection.execute(update(plan_entry).where(here).values(dict.fromkeys(_SLIM)))
    return int(seqs[-1])


def _hold(connection: Connection, batch_id: str) -> None:
    try:
        lock_idle(connection, batch_id)
    except (BatchMissingError, RunActiveError) as error:
        raise MovedError(batch_id) from error


# --- what is only needed while a run is active ----------------------------------------------------


def workings(db: Database) -> list[Going]:
    """Links and identities of real runs that have ended: they were settled, and nothing reads them again."""
    with db.read() as connection:
        rows = connection.execute(
            select(run.c.id, run.c.batch_id, batch.c.target)
            .join(batch, batch.c.id == run.c.batch_id)
            .where(
                run.c.ended_at.is_not(None),
                run.c.mode != "dry-run",
                or_(*(exists().where(table.c.run_id == run.c.id) for table in _WORKINGS)),
            )
            .order_by(run.c.id)
        ).all()
        return [Going("left-over", row.batch_id, row.target, 0, ((row.id, "reduced"),)) for row in rows]


_WORKINGS = (plan_link, plan_key)


def measure_workings(db: Database, going: Going) -> Size:
    size = Size()
    for run_id, _ in going.runs:
        for table in _WORKINGS:
            size += _size(db, table, table.c.run_id == run_id, ())
    return size


def clear_workings(db: Database, going: Going, stop: Stop) -> None:
    """Raises `MovedError` when a run of the batch has begun."""
    for run_id, _ in going.runs:
        for table in _WORKINGS:
            _clear_table(db, going.batch_id, table, table.c.run_id == run_id, stop)
