"""The plan of one run, taken over by another."""

from __future__ import annotations

from sqlalchemy import Insert, Table, func, insert, literal, select

from service.store.database import Database
from service.store.runs import Claim, fenced
from service.store.tables import (
    plan_entry,
    plan_group,
    plan_key,
    plan_link,
    plan_place,
    report_group,
    report_line,
    run,
)

SLICE = 1000
"""Entries a transaction."""


def copy_plan(db: Database, claim: Claim, plan: str) -> None:
    """Give the claimed run the entries, links and identities of another run's plan, and what is said of them,
    in slices."""
    last = 0
    while True:
        with db.read() as connection:
            seqs = (
                select(plan_entry.c.seq)
                .where(plan_entry.c.run_id == plan, plan_entry.c.seq > last)
                .order_by(plan_entry.c.seq)
                .limit(SLICE)
                .subquery()
            )
            end = connection.execute(select(func.max(seqs.c.seq))).scalar()
        if end is None:
            break
        with fenced(db, claim) as connection:
            for table in (plan_entry, plan_link, plan_key, report_line):
                connection.execute(_copy(table, plan, claim.run_id, (last, end)))
        last = end
    with fenced(db, claim) as connection:
        for table in (plan_group, plan_place, report_group):
            connection.execute(_copy(table, plan, claim.run_id, None))


def _copy(table: Table, plan: str, to: str, seqs: tuple[int, int] | None) -> Insert:
    names = [column.name for column in table.columns]
    values = [literal(to) if name == "run_id" else table.c[name] for name in names]
    rows = select(*values).where(table.c.run_id == plan)
    if seqs is not None:
        rows = rows.where(table.c.seq > seqs[0], table.c.seq <= seqs[1])
    return insert(table).from_select(names, rows)


def records_read(db: Database, plan: str) -> int:
    """How many records the run that made the plan has read."""
    with db.read() as connection:
        return connection.execute(select(run.c.records_total).where(run.c.id == plan)).scalar() or 0
