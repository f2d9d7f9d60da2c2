"""Which batches and runs are kept no longer. Nothing is removed here.

What an undo needs decides. A batch of which something stands in the target (or may stand: it is not known
of every write whether it took effect) is kept whole, then reduced to what its undo needs, and removed only
when the settings say that it can be undone no longer. And the journal of a batch is needed by others:

- the undo of an earlier batch names the later ones that changed the same: so it stays while a batch that
  wrote before it, on the same target, can be undone;
- a run that lost an answer looks among the resources above the highest that stood there before, and those
  that a journal explains are not its own: so it stays while a run is active, on the same target, that was
  scheduled before the batch was last used. Of a run that is scheduled later that highest is asked later,
  and all that the old journal could explain stood in the target by then, below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Row, and_, func, or_, select

from service.store.batches import corrected_by
from service.store.database import Database
from service.store.removed import lost_of
from service.store.retention import Retention, cutoff
from service.store.runs import RunOptions
from service.store.tables import batch, batch_file, operation, run, stray_effect
from service.store.undo import anything_stands

PAGE = 500

Level = Literal["reduced", "removed"]
Reason = Literal["abandoned", "batches", "reports", "undo", "dry-runs", "left-over"]
"""`abandoned`: a batch that was never run; `left-over`: the rest of what was begun to be removed."""


class Going(Struct, frozen=True):
    """What of a batch goes: all of it if it has no runs, else the rows of these runs (id → level)."""

    reason: Reason
    batch_id: str
    target: str
    activity: int
    """When the batch was last used, ms: as long as it is that, what was found of it holds."""
    runs: tuple[tuple[str, Level], ...]


class _Run(Struct, frozen=True):
    id: str
    mode: str
    preview: bool
    phase: str
    ending: str | None
    planned: bool
    scheduled_at: int
    ended_at: int | None

    @property
    def shows(self) -> bool:
        """Whether it only makes a plan."""
        return self.mode == "dry-run" or self.preview

    @property
    def real(self) -> bool:
        return self.mode in ("import", "retry")


class _Batch(Struct, frozen=True):
    id: str
    target: str
    activity: int
    runs: tuple[_Run, ...]
    """Oldest first."""

    @property
    def written(self) -> list[str]:
        return [one.id for one in self.runs if one.real]


def find(db: Database, retention: Retention, now: int) -> list[Going]:
    """Everything that goes now, of all batches that nothing is being done with."""
    return _Search(db, retention, now).carry_out()


class _Search:
    def __init__(self, db: Database, retention: Retention, now: int) -> None:
        self._db = db
        self._dry_runs = cutoff(now, retention.dry_runs)
        self._batches = cutoff(now, retention.batches)
        self._reports = cutoff(now, retention.reports)
        self._undo = cutoff(now, retention.undo)
        self._active_since = _active_since(db)
        self._expired: list[_Batch] = []
        self._oldest: dict[str, str] = {}
        """Target → the oldest run of batches on it that can be undone for longer."""

    def carry_out(self) -> list[Going]:
        found = [going for one in _all(self._db) if (going := self._judge(one)) is not None]
        expired = self._undo_no_longer()
        for one in self._expired:
            if one in expired:
                found.append(_whole(one, "undo"))
            elif (going := self._lesser(one)) is not None:
                found.append(going)
        return found

    def _judge(self, one: _Batch) -> Going | None:
        lost = lost_of([(run.mode, run.phase) for run in one.runs])
        begun = [(run.id, _level(run)) for run in one.runs if run.phase in ("reducing", "removing")]
        if (
            any(run.ended_at is None for run in one.runs)
            or self._read_by_others(one)
            or _strays(self._db, one)
        ):
            self._stays(one, lost == "removed")
            return None
        if begun:
            self._stays(one, lost == "removed")
            return Going("left-over", one.id, one.target, one.activity, tuple(begun))
        if lost == "removed":
            return None
        old = self._batches is not None and one.activity < self._batches
        if not one.runs:
            alone = old and not corrected_by(self._db, one.id)
            return Going("abandoned", one.id, one.target, one.activity, ()) if alone else None
        expired = self._undo is not None and one.activity < self._undo
        if (old or expired) and not _stands(self._db, one):
            return _whole(one, "batches") if old else self._lesser(one)
        if expired:
            self._expired.append(one)
            return None
        self._stays(one, removed=False)
        return self._lesser(one)

    def _read_by_others(self, one: _Batch) -> bool:
        since = self._active_since.get(one.target)
        return since is not None and since <= one.activity

    def _stays(self, one: _Batch, removed: bool) -> None:
        if one.written and not removed:
            first = self._oldest.get(one.target)
            self._oldest[one.target] = min(one.written[0], first or one.written[0])

    def _undo_no_longer(self) -> list[_Batch]:
        """Of those whose time is over, all that no batch needs whose time is not."""
        left = list(self._expired)
        while True:
            needed = [one for one in left if one.written[-1] > self._oldest.get(one.target, "~")]
            if not needed:
                return left
            for one in needed:
                self._stays(one, removed=False)
            left = [one for one in left if one not in needed]

    def _lesser(self, one: _Batch) -> Going | None:
        """What goes of a batch that can still be undone."""
        whole = lost_of([(run.mode, run.phase) for run in one.runs]) is None
        if whole and self._reports is not None and one.activity < self._reports and one.written:
            runs = tuple((run.id, _reduced(run)) for run in one.runs if run.phase == "done")
            return Going("reports", one.id, one.target, one.activity, runs)
        old = [
            run
            for run in one.runs
            if run.shows and run.phase == "done" and self._dry_runs is not None
            if run.ended_at is not None and run.ended_at < self._dry_runs and not _shown_last(one, run)
        ]
        if not old:
            return None
        return Going("dry-runs", one.id, one.target, one.activity, tuple((run.id, "removed") for run in old))


def _shown_last(one: _Batch, run: _Run) -> bool:
    """Whether this dry run is what is known of the batch, or may be imported (`plan=`)."""
    if run.preview:
        return False
    if any(later.real and later.planned and later.scheduled_at > run.scheduled_at for later in one.runs):
        return False
    dry = [other for other in one.runs if other.mode == "dry-run" and other.ended_at is not None]
    finished = [other for other in dry if other.ending == "finished"]
    return run in (*dry[-1:], *finished[-1:])


def _whole(one: _Batch, reason: Reason) -> Going:
    runs = tuple((run.id, "removed") for run in one.runs if run.phase != "removed")
    return Going(reason, one.id, one.target, one.activity, runs)  # type: ignore[arg-type]


def _reduced(run: _Run) -> Level:
    return "reduced" if run.real else "removed"


def _level(run: _Run) -> Level:
    return "reduced" if run.phase == "reducing" else "removed"


def _stands(db: Database, one: _Batch) -> bool:
    """Whether something of it stands in the target, or may."""
    if anything_stands(db, one.id):
        return True
    with db.read() as connection:
        unknown = connection.execute(
            select(operation.c.key)
            .where(
                operation.c.run_id.in_([run.id for run in one.runs]),
                operation.c.undone_by.is_(None),
                or_(operation.c.outcome.is_(None), operation.c.outcome == "uncertain"),
            )
            .limit(1)
        ).first()
    return unknown is not None


def _strays(db: Database, one: _Batch) -> bool:
    """Whether late answers are still to be looked at."""
    with db.read() as connection:
        found = connection.execute(
            select(stray_effect.c.id)
            .where(
                stray_effect.c.run_id.in_([run.id for run in one.runs]), stray_effect.c.resolved_at.is_(None)
            )
            .limit(1)
        ).first()
    return found is not None


def _active_since(db: Database) -> dict[str, int]:
    """Target → when the first of its active runs was scheduled."""
    with db.read() as connection:
        rows = connection.execute(
            select(batch.c.target, func.min(run.c.scheduled_at))
            .join(run, run.c.batch_id == batch.c.id)
            .where(run.c.ended_at.is_(None))
            .group_by(batch.c.target)
        )
        return {row[0]: row[1] for row in rows}


def _all(db: Database) -> Iterator[_Batch]:
    after = ""
    while True:
        with db.read() as connection:
            page = connection.execute(
                select(batch.c.id, batch.c.target, batch.c.created_at)
                .where(batch.c.id > after)
                .order_by(batch.c.id)
                .limit(PAGE)
            ).all()
            ids = [row.id for row in page]
            of_batch = and_(run.c.batch_id.in_(ids))
            rows = connection.execute(select(run).where(of_batch).order_by(run.c.id)).all()
            files = connection.execute(
                select(batch_file.c.batch_id, func.max(batch_file.c.at))
                .where(batch_file.c.batch_id.in_(ids))
                .group_by(batch_file.c.batch_id)
            ).all()
        if not page:
            return
        runs: dict[str, list[Row[tuple[object, ...]]]] = {}
        for row in rows:
            runs.setdefault(row.batch_id, []).append(row)
        brought: dict[str, int] = {row[0]: row[1] for row in files}
        for row in page:
            yield _batch(row, runs.get(row.id, []), brought.get(row.id, 0))
        after = ids[-1]


def _batch(row: Row[tuple[str, str, int]], runs: Sequence[Row[tuple[object, ...]]], brought: int) -> _Batch:
    found = tuple(
        _Run(
            id=one.id,
            mode=one.mode,
            preview=msgspec.json.decode(one.options, type=RunOptions).dry_run,
            phase=one.phase,
            ending=one.ending,
            planned=one.planned_at is not None,
            scheduled_at=one.scheduled_at,
            ended_at=one.ended_at,
        )
        for one in runs
    )
    moments = [row.created_at, brought, *(one.ended_at or one.scheduled_at for one in found)]
    return _Batch(row.id, row.target, max(moments), found)
