"""Measurements of runs, and what charts ask of them, on both databases."""

from __future__ import annotations

import pytest

from service.store import runs
from service.store.controls import ControlFilter, list_controls
from service.store.database import Database, now_ms
from service.store.figures import figures
from service.store.keys import Key
from service.store.samples import (
    DAY_MS,
    Measured,
    days,
    pace_of_target,
    record_sample,
    samples_of_run,
)
from service.store.troubles import troubles_of
from tests.store.support import batch_of, claimed, uses

ALL = Key(1, "nightly", "p", frozenset(), None, 0, None, None)
OTHERS = Key(1, "nightly", "p", frozenset(), "other", 0, None, None)
PIECE = 900_000


def test_what_was_measured_is_told_by_run_by_target_and_by_day(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    record_sample(database, claim, Measured(5000, 3, None, 2))
    with runs.fenced(database, claim) as connection:
        runs.add_counts(connection, claim.run_id, {"read": 9, "created": 6, "failed": 2, "action:create": 9})
    record_sample(database, claim, Measured(5000, 9, 80, 2))
    first, second = samples_of_run(database, claim.run_id)
    assert (first.read, first.done, first.requests, first.latency_ms) == (0, 0, 3, None)
    assert (second.read, second.done, second.requests, second.latency_ms) == (9, 8, 9, 80)
    paces = pace_of_target(database, "omeka", now_ms() - DAY_MS, PIECE)
    assert sum(one.requests for one in paces) == 12
    assert [one.at % PIECE for one in paces] == [0] * len(paces)
    assert paces[-1].latency_ms == 80.0
    assert pace_of_target(database, "other", 0, PIECE) == []
    assert days(database, ALL, 0) == [], "it has not ended"
    runs.end_run(database, claim, "finished")
    (day,) = days(database, ALL, now_ms() - DAY_MS)
    assert (day.at % DAY_MS, day.runs, day.counts) == (0, 1, {"created": 6, "failed": 2})
    assert days(database, OTHERS, 0) == []
    with pytest.raises(runs.FenceLostError):
        record_sample(database, claim, Measured(1, 1, None, None))


def test_a_targets_troubles_and_the_figures_of_all(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    runs.end_run(database, claim, "failed", "target-away", "It did not answer.")
    waiting = claimed(database, batch_of(database, "b2"), mode="import")
    runs.set_waiting(database, waiting, "The target is away.", now_ms() + 60_000)
    assert [(one.batch_id, one.code, one.message) for one in troubles_of(database, "omeka")] == [
        ("b2", None, "The target is away."),
        (batch_id, "target-away", "It did not answer."),
    ]
    assert troubles_of(database, "other") == []
    found = figures(database)
    assert (found.active_runs, found.waiting_runs, found.batches, found.files, found.file_bytes) == (
        1,
        0,
        2,
        1,
        1,
    )
    assert list_controls(database, ALL, ControlFilter(), 10) == []


def test_no_chart_walks_through_all_measurements(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    is_sqlite = database.engine.dialect.name == "sqlite"
    of_run = "sqlite_autoindex_run_sample_1" if is_sqlite else "pk_run_sample"
    uses(database, lambda: samples_of_run(database, claim.run_id), of_run, table="run_sample")
    # With the few rows of a test PostgreSQL goes by the runs of the target instead, which is as good.
    of_time = "ix_run_sample_at" if is_sqlite else "pk_run_sample"
    uses(database, lambda: pace_of_target(database, "omeka", 1, PIECE), of_time, table="run_sample")
