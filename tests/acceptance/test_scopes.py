"""Runs that write to one scope go one after the other, by themselves; others go side by side."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.acceptance.test_steering import steer, until, until_created, until_state
from tests.acceptance.test_surveys import by_hand, reads
from tests.standins.omeka_s import StandIn


def control(scope: str) -> dict[str, Any]:
    return {**CONTROL, "match": {"item": {**CONTROL["match"]["item"], "scope": scope}}}


def payload(number: int) -> bytes:
    return json.dumps(rows(number)).encode()


def waiting_for(accession: Installation, batch: str) -> str:
    return str(accession.facts(batch)["runs"][0].get("waiting_for", ""))


def run_of(accession: Installation, batch: str) -> str:
    return str(accession.facts(batch)["runs"][0]["run"])


def imported_at_once(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=10, workers=4)
    accession.start_worker("second")
    batches = [accession.batch(CONTROL, {"data0": payload(60)}) for _ in range(3)]
    for batch in batches:
        accession.schedule(batch)
    first, second, third = batches
    until_created(accession, first, 1)
    assert [accession.state(one) for one in batches] == ["running", "waiting", "waiting"]
    assert waiting_for(accession, second) == waiting_for(accession, third)
    holder = f"run {run_of(accession, first)} of batch {first}"
    assert waiting_for(accession, second) == (
        f"Another run has the scope “tests”: {holder}, which is running."
    )
    for batch in batches:
        assert accession.wait(batch) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 61))
    assert accession.counts(first)["created"] == 60
    for batch in (second, third):
        counts = accession.counts(batch)
        assert (counts["unchanged"], counts.get("created", 0)) == (60, 0)
    ends = [accession.facts(one)["runs"][0] for one in batches]
    assert ends[0]["ended"] <= ends[1]["started"] <= ends[1]["ended"] <= ends[2]["started"]
    accession.terminate("second")


def test_imports_into_one_scope_at_once_end_as_if_one_after_the_other(
    accession: Installation, omeka: StandIn
) -> None:
    imported_at_once(accession, omeka)


def test_the_same_holds_on_postgresql(tmp_path: Path, omeka: StandIn, postgresql_url: str) -> None:
    targets = {"omeka": target_of(omeka)}
    with Installation(tmp_path / "accession", targets, database_url=postgresql_url) as accession:
        accession.start()
        imported_at_once(accession, omeka)


def dry_runs(folder: Path, *, at_once: bool) -> dict[str, int]:
    """The requests of two dry runs, the first that a target's scope ever meets."""
    with StandIn() as omeka, Installation(folder, {"omeka": target_of(omeka)}) as accession:
        omeka.seed(items=by_hand(250))
        accession.start()
        accession.start_worker("second")
        omeka.reset_requests()
        omeka.knobs(delay_ms=30, workers=4)
        batches = [accession.batch(CONTROL, {"data0": payload(300)}) for _ in range(2)]
        for batch in batches:
            accession.schedule(batch, "dry-run")
            if not at_once:
                accession.wait(batch)
        for batch in batches:
            assert accession.wait(batch) == "dry-run"
            assert accession.counts(batch)["action:create"] == 50
        return reads(omeka)


def test_two_first_surveys_of_a_scope_ask_for_its_pages_once(tmp_path: Path) -> None:
    at_once = dry_runs(tmp_path / "at once", at_once=True)
    assert at_once["items page"] == 3
    assert at_once == dry_runs(tmp_path / "in turn", at_once=False)


def test_runs_of_different_scopes_go_side_by_side(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    batches = [accession.batch(control(name), {"data0": payload(120)}) for name in ("one", "two")]
    for batch in batches:
        accession.schedule(batch)
    for batch in batches:
        until_created(accession, batch, 3)
    assert [accession.state(one) for one in batches] == ["running", "running"]
    for batch in batches:
        assert accession.wait(batch) == "complete"
        assert accession.counts(batch)["created"] == 120


def test_who_waits_keeps_no_worker_and_can_be_steered(tmp_path: Path, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    targets = {"omeka": target_of(omeka)}
    with Installation(tmp_path / "accession", targets, {"ACCESSION_WORKERS_JOBS": "1"}) as accession:
        accession.start()
        first = accession.batch(CONTROL, {"data0": payload(100)})
        accession.schedule(first)
        until_created(accession, first, 3)
        steer(accession, first, "pause")
        until_state(accession, first, "paused")
        others = [accession.batch(CONTROL, {"data0": payload(2)}) for _ in range(7)]
        for batch in others:
            accession.schedule(batch)
        elsewhere = accession.batch(control("elsewhere"), {"data0": payload(2)})
        assert accession.run(elsewhere) == "complete"
        time.sleep(1.0)  # sweeps pass them by
        assert {accession.state(one) for one in others} == {"waiting"}
        assert waiting_for(accession, others[-1]) == (
            f"Another run has the scope “tests”: run {run_of(accession, first)} of batch {first}, which is"
            " paused: it has to be resumed or cancelled first."
        )
        assert "started" not in accession.facts(others[0])["runs"][0]
        steer(accession, others[0], "cancel")
        assert accession.state(others[0]) == "cancelled"
        steer(accession, others[1], "pause")
        assert accession.state(others[1]) == "paused"
        steer(accession, first, "resume")
        for batch in (first, *others[2:]):
            assert accession.wait(batch) == "complete"
        assert accession.state(others[1]) == "paused"
        steer(accession, others[1], "resume")
        assert accession.wait(others[1]) == "complete"
        assert len(omeka.dump()["items"]) == 100 + 2
        assert sum(accession.counts(one).get("created", 0) for one in others[1:]) == 0


@pytest.mark.parametrize("end", ["kill", "cancel"])
def test_a_scope_is_free_when_its_run_has_ended_not_when_its_worker_has(
    accession: Installation, omeka: StandIn, end: str
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    first = accession.batch(CONTROL, {"data0": payload(100)})
    second = accession.batch(CONTROL, {"data0": payload(100)})
    accession.schedule(first)
    until_created(accession, first, 5)
    accession.schedule(second)
    if end == "cancel":
        steer(accession, first, "cancel")
    else:
        accession.kill("worker")
        until_state(accession, first, "interrupted")
        assert "which is interrupted" in waiting_for(accession, second)
        accession.start_worker()
    until(lambda: accession.state(second) != "waiting")
    assert accession.wait(first) == ("cancelled" if end == "cancel" else "complete")
    assert accession.wait(second) == "complete", accession.log(second)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 101))
    before = accession.facts(first)["runs"][0]["ended"]
    assert before <= accession.facts(second)["runs"][0]["started"]


def test_whoever_waits_begins_at_once_when_the_scope_is_free_not_at_the_next_sweep(
    tmp_path: Path, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    targets = {"omeka": target_of(omeka)}
    with Installation(tmp_path / "accession", targets, {"ACCESSION_SWEEP": "3600"}) as accession:
        accession.start()
        batches = [accession.batch(CONTROL, {"data0": payload(30)}) for _ in range(3)]
        for batch in batches:
            accession.schedule(batch)
        for batch in batches:
            assert accession.wait(batch) == "complete"
