"""What became of a batch's records over all its runs: of each (file, row, ordinal) the newest word counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, or_, select

from service.store.database import Database
from service.store.plans import NOT_WRITTEN, WRITING, Action, Outcome
from service.store.reports import standing
from service.store.runs import RunFacts
from service.store.states import FAULTS, BatchState, batch_state
from service.store.summary import OUTCOMES
from service.store.tables import operation, plan_entry

REAL = ("import", "retry")
"""Modes of runs that may write what the data say."""


class Latest(Struct, frozen=True):
    """What is known of one resource of a record. `outcome` None: it was planned, and not carried out."""

    file: str
    row: int
    ordinal: int
    kind: str
    action: Action
    outcome: Outcome | None
    resource_id: int | None
    identified: bool
    """Whether it has an identity, by which another run knows it again."""
    unknown: bool
    """A write of it was sent, and nobody knows whether it took effect."""

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be done about it."""
        return self.outcome is not None and self.outcome not in NOT_WRITTEN


# --- which runs count ---------------------------------------------------------------------------


def real_runs(runs: Sequence[RunFacts]) -> list[str]:
    """Of a batch's runs, newest first, the ids of those whose outcomes stand: imports and retries since its
    last undo ended. A run that never completed its plan has written nothing, and says nothing of records."""
    return [run.id for run in since_undo(runs) if run.mode in REAL and run.planned_at is not None]


def reported_runs(runs: Sequence[RunFacts]) -> list[str]:
    """The runs that tell what became of records: the real ones; else the newest import, though it stopped
    while it planned; else the newest dry run."""
    begun = [run for run in since_undo(runs) if run.started_at is not None]
    stopped = [run.id for run in begun if run.mode in REAL]
    dry = [run.id for run in begun if run.mode == "dry-run"]
    return real_runs(runs) or stopped[:1] or dry[:1]


def since_undo(runs: Sequence[RunFacts]) -> Iterator[RunFacts]:
    """Of a batch's runs, newest first, those after its last undo."""
    for run in runs:
        if run.mode == "undo" and run.ending == "finished" and not run.options.dry_run:
            return
        yield run


def state_of(db: Database, runs: Sequence[RunFacts]) -> BatchState:
    """The state of a batch with these runs, newest first. A run that mended some of the records that an
    earlier one left does not make the others good."""
    # An undo that only showed its plan leaves the batch as it was.
    telling = [run for run in runs if not (run.options.dry_run and run.ending is not None)]
    state = batch_state([run.state for run in telling])
    if state not in ("complete", "complete-with-errors"):
        return state
    ids = real_runs(runs)
    if len(ids) < 2:
        return state
    kept = _kept(runs, ids)
    if kept:
        return "complete-with-errors" if kept["faulty"] else "complete"
    return "complete-with-errors" if _any(db, ids, FAULTS) else "complete"


def counts_of(db: Database, runs: Sequence[RunFacts]) -> Mapping[str, int]:
    """How many resources of the batch have each outcome, by the newest word about each."""
    ids = real_runs(runs)
    if not ids:
        return {}
    if len(ids) == 1:
        counts = next(run.counts for run in runs if run.id == ids[0])
        return {name: n for name, n in counts.items() if name in OUTCOMES and n}
    kept = _kept(runs, ids)
    if kept:
        return {name: n for name, n in kept.items() if name in OUTCOMES}
    with db.read() as connection:
        rows = connection.execute(
            select(plan_entry.c.outcome, func.count())
            .where(
                plan_entry.c.run_id.in_(ids),
                plan_entry.c.outcome.is_not(None),
                plan_entry.c.action != "complete",
                *standing(ids),
            )
            .group_by(plan_entry.c.outcome)
        )
        return {row[0]: row[1] for row in rows}


def _kept(runs: Sequence[RunFacts], ids: Sequence[str]) -> Mapping[str, int]:
    """What was known of the batch when its records were removed; nothing while they are there."""
    return next(run.of_batch for run in runs if run.id == ids[0])


def anything_to_retry(db: Database, runs: Sequence[RunFacts]) -> bool:
    ids = real_runs(runs)
    return bool(ids) and _any(db, ids, NOT_WRITTEN)


def _any(db: Database, ids: Sequence[str], outcomes: Sequence[str]) -> bool:
    """Whether a resource has one of these outcomes, or was planned and not carried out."""
    wanted: tuple[ColumnElement[bool], ...] = (
        plan_entry.c.outcome.in_(outcomes),
        and_(plan_entry.c.outcome.is_(None), plan_entry.c.action.in_(WRITING)),
    )
    with db.read() as connection:
        return any(
            connection.execute(
                select(plan_entry.c.seq).where(plan_entry.c.run_id.in_(ids), one, *standing(ids)).limit(1)
            ).first()
            is not None
            for one in wanted
        )


# --- the newest word ----------------------------------------------------------------------------


def latest(db: Database, ids: Sequence[str], file: str, rows: Sequence[int]) -> list[Latest]:
    """What these runs say of these records of a file. Rows that none of them speaks of are absent."""
    return _about(db, ids, file, rows, [plan_entry.c.action != "complete", *standing(ids)])


def made(db: Database, ids: Sequence[str], file: str, rows: Sequence[int]) -> list[Latest]:
    """What these runs made of these records without an identity, or may have made: all of them, for what a
    later run said of the record does not take it away."""
    there = plan_entry.c.outcome.in_(("created", "altered", "uncertain"))
    return _about(db, ids, file, rows, [plan_entry.c.key_digest.is_(None), or_(there, _write_open())])


class Spoken(Struct, frozen=True):
    """A record that a run wrote, or found as it should be, under an identity."""

    kind: str
    scope: str
    by: str
    key_digest: str
    file: str
    row: int


def spoken_of(db: Database, ids: Sequence[str], digests: Sequence[str]) -> list[Spoken]:
    """The records of these runs that stand under these identities (not those that only referred to them)."""
    if not ids or not digests:
        return []
    columns = [plan_entry.c[name] for name in Spoken.__struct_fields__]
    with db.read() as connection:
        rows = connection.execute(
            select(*columns).where(
                plan_entry.c.run_id.in_(ids),
                plan_entry.c.key_digest.in_(digests),
                plan_entry.c.meant.is_not(None),
                plan_entry.c.outcome.in_(("created", "updated", "unchanged", "altered")),
                *standing(ids),
            )
        )
        return [Spoken(row[0], row[1] or "", row[2] or "", *tuple(row)[3:]) for row in rows]


def _write_open() -> ColumnElement[bool]:
    return (
        select(operation.c.key)
        .where(
            operation.c.run_id == plan_entry.c.run_id,
            operation.c.seq == plan_entry.c.seq,
            operation.c.outcome.is_(None),
        )
        .exists()
    )


def _about(
    db: Database,
    ids: Sequence[str],
    file: str,
    rows: Sequence[int],
    conditions: Sequence[ColumnElement[bool]],
) -> list[Latest]:
    if not ids or not rows:
        return []
    with db.read() as connection:
        found = connection.execute(
            select(
                plan_entry.c.file,
                plan_entry.c.row,
                plan_entry.c.ordinal,
                plan_entry.c.kind,
                plan_entry.c.action,
                plan_entry.c.outcome,
                func.coalesce(plan_entry.c.outcome_id, plan_entry.c.resource_id),
                plan_entry.c.key_digest.is_not(None),
                _write_open(),
            )
            .where(
                plan_entry.c.run_id.in_(ids),
                plan_entry.c.file == file,
                plan_entry.c.row.in_(rows),
                *conditions,
            )
            .order_by(plan_entry.c.row, plan_entry.c.ordinal, plan_entry.c.run_id)
        )
        return [
            Latest(
                file=row[0],
                row=row[1],
                ordinal=row[2],
                kind=row[3],
                action=row[4],
                outcome=row[5],
                resource_id=row[6],
                identified=bool(row[7]),
                unknown=bool(row[8]),
            )
            for row in found
        ]


def not_written(db: Database, ids: Sequence[str], page: int = 2000) -> Iterator[list[tuple[str, int]]]:
    """(file, row) of each resource that was rejected, failed or is uncertain, in pages, repeats included."""
    for run_id in ids:
        for outcome in NOT_WRITTEN:
            after = 0
            while True:
                with db.read() as connection:
                    rows = connection.execute(
                        select(plan_entry.c.seq, plan_entry.c.file, plan_entry.c.row)
                        .where(
                            plan_entry.c.run_id == run_id,
                            plan_entry.c.outcome == outcome,
                            plan_entry.c.seq > after,
                            *standing(ids),
                        )
                        .order_by(plan_entry.c.seq)
                        .limit(page)
                    ).all()
                if not rows:
                    break
                yield [(row.file, row.row) for row in rows]
                after = rows[-1].seq
