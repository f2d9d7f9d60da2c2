"""What the database knows of a round: what is still open, and all of it for who looks for a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import select

from service.store.database import Database
from service.store.leftovers import SETTLE
from service.store.logs import read_log
from service.store.said import GRAVE
from service.store.tables import operation, plan_entry, report_group, report_line, run, stray_effect


def left_open(db: Database) -> list[str]:
    """Writes without an outcome, late answers that nobody looked at, runs that have not ended."""
    with db.read() as connection:
        writes = connection.execute(select(operation.c.key).where(operation.c.outcome.is_(None)))
        strays = connection.execute(select(stray_effect.c.id).where(stray_effect.c.resolved_at.is_(None)))
        runs = connection.execute(select(run.c.id).where(run.c.ended_at.is_(None)))
        looked_into = connection.execute(select(run.c.id).where(run.c.phase == SETTLE))
        return [
            *(f"the write {one[0]} has no outcome" for one in writes),
            *(f"nobody has looked at the late answer {one[0]}" for one in strays),
            *(f"the run {one[0]} has not ended" for one in runs),
            *(f"what the run {one[0]} left is not found out" for one in looked_into),
        ]


def told_otherwise(db: Database) -> list[str]:
    """Where reports in groups say something else than the entries do."""
    with db.read() as connection:
        lines = connection.execute(select(report_line).where(report_line.c.name.startswith("g"))).all()
        groups = connection.execute(select(report_group)).all()
        entries = connection.execute(
            select(plan_entry.c.run_id, plan_entry.c.seq, plan_entry.c.outcome).where(
                plan_entry.c.action != "complete", plan_entry.c.outcome.in_(GRAVE)
            )
        )
        bad = {(row.run_id, row.seq, row.outcome) for row in entries}
    counted = {(row.run_id, row.id): row.n for row in groups}
    weights = {(row.run_id, row.id): row.weight for row in groups}
    there = Counter((row.run_id, row.name) for row in lines)
    told = {(row.run_id, row.seq, weights.get((row.run_id, row.name), "none")) for row in lines}
    told = {one for one in told if one[2] != "note"}
    return [
        *(
            f"a group has {n}, and {there[key]} entries are in it: {key}"
            for key, n in counted.items()
            if n != there[key]
        ),
        *(f"a group is not there: {key}" for key in there if key not in counted),
        *(f"the report does not tell of {one}" for one in sorted(bad - told)),
        *(f"the report tells of {one}" for one in sorted(told - bad)),
    ]


def began_and_ended(db: Database, run_id: str) -> tuple[int, int]:
    """When a run that has ended was claimed first, and when it ended (ms since 1970)."""
    with db.read() as connection:
        columns = select(run.c.started_at, run.c.ended_at).where(run.c.id == run_id)
        began, ended = connection.execute(columns).one()
        return int(began), int(ended)


def journal(db: Database, history: Sequence[str]) -> str:
    """What was done, run by run what was meant and what came of it, and the logs."""
    return "\n".join([*history, "", *_runs(db)])


def _runs(db: Database) -> Iterator[str]:
    with db.read() as connection:
        for row in connection.execute(select(run).order_by(run.c.scheduled_at)):
            yield (
                f"run {row.id} of batch {row.batch_id}: {row.mode}, {row.phase}, ending {row.ending},"
                f" fence {row.fence}"
            )
            meant = select(operation).where(operation.c.run_id == row.id).order_by(operation.c.intent_at)
            for one in connection.execute(meant):
                yield (
                    f"  {one.key} {one.method} {one.kind} {one.resource_id or ''} fence {one.fence}"
                    f" → {one.outcome} {one.answer_id or ''} {'adopted ' if one.adopted else ''}"
                    f"{one.code or ''} {one.message or ''}"
                )
            for line in read_log(db, row.id):
                yield f"  {line.at} {line.level} {line.code} {line.identifier or ''} {line.message}"
