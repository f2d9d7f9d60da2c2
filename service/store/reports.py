"""What became of the records of a batch: of each resource the newest word of its runs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, or_, select

from service.store.database import Database
from service.store.plans import COLUMNS, NOT_WRITTEN, Entry, EntryFilter, conditions
from service.store.tables import plan_entry, run


class ReportRow(Struct, frozen=True):
    """The latest that is known of one resource of a batch."""

    run_id: str
    entry: Entry


def standing(run_ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """As SQL: no newer run of these says something of the same resource.

    A record is planned whole: what a run could not write of it is superseded by whatever a newer run says of
    the record, though it may have become fewer resources. What was written stands until that resource itself
    is spoken of.
    """
    if len(run_ids) < 2:
        return []
    newer = plan_entry.alias("newer")
    return [
        ~select(newer.c.seq)
        .where(
            newer.c.run_id.in_(run_ids),
            newer.c.run_id > plan_entry.c.run_id,
            newer.c.file == plan_entry.c.file,
            newer.c.row == plan_entry.c.row,
            or_(
                newer.c.ordinal == plan_entry.c.ordinal,
                plan_entry.c.outcome.in_(NOT_WRITTEN),
                plan_entry.c.outcome.is_(None),
            ),
        )
        .exists()
    ]


def read_report(
    db: Database,
    batch_id: str,
    *,
    after: tuple[str, int] = ("", 0),
    limit: int = 500,
    wanted: EntryFilter | None = None,
) -> list[ReportRow]:
    """A page of a batch's report: of each (file, row, ordinal) the entry of its newest real run.

    A run that never completed its plan counts only where there is none that did; a batch that has only dry
    runs reports the newest of these. `after` is (run id, seq) of the last row seen.
    """
    with db.read() as connection:
        runs = connection.execute(
            select(run.c.id, run.c.mode, run.c.planned_at)
            .where(run.c.batch_id == batch_id, run.c.started_at.is_not(None))
            .order_by(run.c.id)
        ).all()
        began = [row for row in runs if row.mode in ("import", "retry")]
        real = [row.id for row in began if row.planned_at is not None] or [row.id for row in began][-1:]
        relevant = real or [row.id for row in runs if row.mode == "dry-run"][-1:]
        if not relevant:
            return []
        statement = select(plan_entry.c.run_id, *COLUMNS).where(
            plan_entry.c.run_id.in_(relevant),
            plan_entry.c.action != "complete",
            or_(
                plan_entry.c.run_id > after[0],
                and_(plan_entry.c.run_id == after[0], plan_entry.c.seq > after[1]),
            ),
            *conditions(wanted),
            *standing(relevant),
        )
        rows = connection.execute(statement.order_by(plan_entry.c.run_id, plan_entry.c.seq).limit(limit))
        return [
            ReportRow(row.run_id, Entry(**{name: row._mapping[name] for name in Entry.__struct_fields__}))
            for row in rows
        ]
