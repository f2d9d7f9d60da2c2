"""Measurements of runs while they go on, and what charts make of them: of a run, of a target, of a month.

A worker measures every few seconds, ever more seldom the longer a run takes, so that a run of a day has about
a thousand rows. They are removed with the run's log.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import BigInteger

from service.store.batches import seen
from service.store.database import Database, clock
from service.store.keys import Key
from service.store.runs import Claim, fenced
from service.store.summary import OUTCOMES
from service.store.tables import batch, run, run_count, run_sample

DAY_MS = 86_400_000


class Measured(NamedTuple):
    """What a worker measured since the last time: over `took_ms`, so many `requests`. `latency_ms`: what an
    answer of the target takes lately; `at_once`: how many requests it is sent at a time."""

    took_ms: int
    requests: int
    latency_ms: int | None
    at_once: int | None


class Sample(Struct, frozen=True):
    """A measurement of a run. `at` in ms since 1970 UTC; `read`, `done`: records so far."""

    at: int
    took_ms: int
    read: int
    done: int
    requests: int
    latency_ms: int | None
    at_once: int | None


class Pace(Struct, frozen=True):
    """How a target bore what was asked of it in the time that begins `at` (ms since 1970 UTC)."""

    at: int
    requests: int
    latency_ms: float | None


class Day(Struct, frozen=True):
    """What imports and retries that ended on a day (UTC) did. `at`: its beginning, ms since 1970."""

    at: int
    runs: int
    counts: dict[str, int]


def record_sample(db: Database, claim: Claim, measured: Measured) -> None:
    """Keep a measurement of the run. Raises `FenceLostError` when it is another's."""
    with fenced(db, claim) as connection:
        counts = _counts(connection, claim.run_id)
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(
            dialect.insert(run_sample)
            .values(
                run_id=claim.run_id,
                at=clock(connection),
                read=counts.get("read", 0),
                done=sum(counts.get(name, 0) for name in OUTCOMES),
                **measured._asdict(),
            )
            .on_conflict_do_nothing()  # two in one millisecond: one is enough
        )


def _counts(connection: Connection, run_id: str) -> dict[str, int]:
    rows = connection.execute(select(run_count.c.name, run_count.c.n).where(run_count.c.run_id == run_id))
    return {row.name: row.n for row in rows}


def samples_of_run(db: Database, run_id: str) -> list[Sample]:
    """In the order of time."""
    with db.read() as connection:
        rows = connection.execute(
            select(run_sample).where(run_sample.c.run_id == run_id).order_by(run_sample.c.at)
        )
        return [
            Sample(row.at, row.took_ms, row.read, row.done, row.requests, row.latency_ms, row.at_once)
            for row in rows
        ]


def pace_of_target(db: Database, target: str, since: int, each: int) -> list[Pace]:
    """What runs asked of the target since that moment, in pieces of `each` ms; times without are left out."""
    piece = (run_sample.c.at // each).label("piece")
    with db.read() as connection:
        rows = connection.execute(
            select(
                piece,
                cast(func.sum(run_sample.c.requests), BigInteger).label("requests"),
                func.avg(run_sample.c.latency_ms).label("latency"),
            )
            .join(run, run.c.id == run_sample.c.run_id)
            .join(batch, batch.c.id == run.c.batch_id)
            .where(run_sample.c.at >= since, batch.c.target == target)
            .group_by(piece)
            .order_by(piece)
        )
        return [
            Pace(row.piece * each, int(row.requests), float(row.latency) if row.latency is not None else None)
            for row in rows
        ]


def days(db: Database, key: Key, since: int) -> list[Day]:
    """What imports for targets that the key may see did, oldest day first; days without are left out."""
    day = (run.c.ended_at // DAY_MS).label("day")
    ended = [run.c.ended_at >= since, run.c.mode.in_(("import", "retry")), *seen(key)]
    with db.read() as connection:
        runs = connection.execute(
            select(day, func.count().label("n"))
            .select_from(run)
            .join(batch, batch.c.id == run.c.batch_id)
            .where(*ended)
            .group_by(day)
        ).all()
        counted = connection.execute(
            select(day, run_count.c.name, cast(func.sum(run_count.c.n), BigInteger).label("n"))
            .select_from(run)
            .join(batch, batch.c.id == run.c.batch_id)
            .join(run_count, run_count.c.run_id == run.c.id)
            .where(*ended, run_count.c.name.in_(OUTCOMES))
            .group_by(day, run_count.c.name)
        ).all()
    counts: dict[int, dict[str, int]] = {}
    for row in counted:
        counts.setdefault(row.day, {})[row.name] = int(row.n)
    return [Day(row.day * DAY_MS, row.n, counts.get(row.day, {})) for row in sorted(runs)]
