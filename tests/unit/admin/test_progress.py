"""How far a run is, said as a person would ask."""

from __future__ import annotations

from typing import Any

import msgspec

from service.admin.progress import Meter, Progress, progress
from service.admin.words import duration, outcome_parts, plan_parts, plural, size, when
from service.store.runs import RunFacts, RunOptions

NOW = 1_800_000_000_000
RUN = RunFacts(
    id="r",
    batch_id="b",
    mode="import",
    state="running",
    phase="plan",
    ending=None,
    code=None,
    reason=None,
    key_id=1,
    key_label="k",
    options=RunOptions(),
    inputs_digest="",
    scheduled_at=NOW - 20_000,
    started_at=NOW - 10_000,
    planned_at=None,
    ended_at=None,
    owner="w",
    waiting_for=None,
    waiting_until=None,
    cancel_requested=False,
    requests=0,
    bytes_sent=0,
    records_total=None,
    counts={},
)


def run(**more: Any) -> RunFacts:
    return msgspec.structs.replace(RUN, **more)


def test_while_it_reads_nobody_knows_how_many_there_are() -> None:
    found = progress(run(counts={"read": 1200}), NOW)
    assert found == Progress("Reading and comparing (nothing is written yet)", 1200, None, 120.0, None)
    assert (found.words, found.rate_words, found.left_words, found.percent) == (
        "1,200 records",
        "120 a second",
        "–",
        None,
    )


def test_while_it_writes_it_tells_how_long_yet() -> None:
    counts = {"read": 400, "planned": 400, "action:create": 300, "created": 80, "unchanged": 15, "failed": 5}
    writing = run(phase="apply", planned_at=NOW - 40_000, counts=counts, records_total=400)
    found = progress(writing, NOW)
    assert found == Progress("Writing into Omeka", 100, 400, 2.5, 120_000)
    assert (found.words, found.rate_words, found.left_words, found.percent) == (
        "100 of 400 records",
        "2.5 a second",
        "about 2 min 0 s",
        25.0,
    )


def test_the_pace_is_that_of_the_last_seconds_once_somebody_watches() -> None:
    meter = Meter()
    assert meter.rate("apply", 100, NOW) is None
    assert meter.rate("apply", 104, NOW + 1_000) is None
    assert meter.rate("apply", 110, NOW + 2_000) == 5.0
    for second in range(3, 60):
        rate = meter.rate("apply", 110, NOW + second * 1_000)
    assert rate == 0.0, "it stands still"
    assert meter.rate("plan", 7, NOW + 60_000) is None, "another stage counts anew"


def test_a_wait_is_explained_and_has_no_pace() -> None:
    waiting = run(state="waiting", waiting_for="The target answered 503.", waiting_until=NOW + 12_400)
    found = progress(waiting, NOW)
    assert found is not None
    assert found.waits == "The target answered 503. Next try in 12 s."
    assert found.rate is None
    late = progress(msgspec.structs.replace(waiting, waiting_until=NOW - 5), NOW)
    assert late is not None
    assert late.waits == "The target answered 503. Next try now."
    scope = progress(run(state="waiting", waiting_for="Another import has it"), NOW)
    assert scope is not None
    assert scope.waits == "Another import has it."


def test_each_stage_has_its_words() -> None:
    stages = {
        "Waiting for a worker": {"state": "scheduled", "started_at": None},
        "Paused": {"state": "paused", "pause_requested": True},
        "Being paused": {"pause_requested": True},
        "Being cancelled": {"cancel_requested": True},
        "Its worker went away; another one takes over soon": {"state": "interrupted"},
        "Taking back in Omeka": {"mode": "undo", "planned_at": NOW},
        "Finding out what is to be taken back (nothing is written yet)": {"mode": "undo"},
    }
    for words, more in stages.items():
        found = progress(run(**more), NOW)
        assert found is not None
        assert found.stage == words
    assert progress(run(state="complete"), NOW) is None


def test_numbers_are_said_as_people_say_them() -> None:
    assert [duration(ms) for ms in (-5, 400, 12_000, 192_000, 7_500_000, 273_600_000)] == [
        "0.0 s",
        "0.4 s",
        "12 s",
        "3 min 12 s",
        "2 h 5 min",
        "3 days 4 h",
    ]
    assert [size(n) for n in (1, 812, 12_345, 12_345_678, 5 * 10**12)] == [
        "1 byte",
        "812 bytes",
        "12.3 kB",
        "12.3 MB",
        "5.0 TB",
    ]
    assert when(NOW) == "15 Jan 2027, 08:00"
    assert [plural(n, "record") for n in (0, 1, 70_000)] == ["0 records", "1 record", "70,000 records"]


def test_counts_become_parts_of_a_bar() -> None:
    counts = {"read": 9, "created": 2, "rejected": 1, "action:create": 3, "action:reject": 1}
    assert outcome_parts(counts) == [(2, "good", "created"), (1, "bad", "rejected")]
    assert plan_parts(counts) == [(3, "good", "to create"), (1, "bad", "rejected")]
