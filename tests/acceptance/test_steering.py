"""Cancel, pause and resume are heard within a second or one request to the target, whatever is being done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.store import journal, runs
from service.store.database import Database
from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene, journal_is_true, outcomes
from tests.acceptance.test_surveys import by_hand
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

CONNECTIONS = 2
HEARD = 4.0
"""Seconds. It takes one, but the machine may be busy; what would be waited for otherwise is far longer."""


def payload(number: int) -> bytes:
    return json.dumps(rows(number)).encode()


def steer(accession: Installation, batch: str, verb: str) -> None:
    assert accession.post(f"batch/{batch}/{verb}").status_code == 200


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_state(accession: Installation, batch: str, state: str, seconds: float = 60) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    until(lambda: accession.state(batch) == state, seconds)
    return time.monotonic() - began


def until_created(accession: Installation, batch: str, number: int) -> None:
    until(lambda: accession.counts(batch).get("created", 0) >= number)


@pytest.fixture
def steered(tmp_path: Path, omeka: StandIn) -> Any:
    """An installation whose target takes two requests at a time."""
    targets = {"omeka": target_of(omeka, connections=CONNECTIONS)}
    with Installation(tmp_path / "accession", targets) as installation:
        yield installation.start()


# --- while writing ------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_writing_to_a_slow_target_stops_after_the_requests_under_way(
    steered: Installation, omeka: StandIn, verb: str, state: str
) -> None:
    batch = steered.batch(CONTROL, {"data0": payload(60)})
    omeka.knobs(delay_ms=300, workers=CONNECTIONS)
    steered.schedule(batch)
    until_created(steered, batch, 6)
    steer(steered, batch, verb)
    time.sleep(0.6)  # by then it was heard
    answered = omeka.requests()["total"]
    assert until_state(steered, batch, state, 10) < HEARD
    time.sleep(1.0)
    # At most those that were under way were answered since.
    assert omeka.requests()["total"] <= answered + CONNECTIONS
    # What the target has is what the journal says.
    assert len(omeka.dump()["items"]) == steered.counts(batch)["created"] < 60
    if verb == "pause":
        omeka.knobs(delay_ms=0)
        steer(steered, batch, "resume")
        assert steered.wait(batch) == "complete", steered.log(batch)
        assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 61))
        assert omeka.requests()["counts"]["POST /api/items"] == 60
        assert steered.counts(batch)["created"] == 60


def test_a_request_that_takes_long_is_awaited_and_nothing_follows(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy
) -> None:
    # Four senders, and the target takes one request at a time: three wait for their turn.
    targets = {"omeka": target_of(omeka, proxy.url, connections=4)}
    with Installation(tmp_path / "accession", targets) as accession:
        accession.start()
        hold = Fault("hold", method="POST", path="/api/items", nth=5, times=0, seconds=2.5)
        proxy.add(hold)
        batch = accession.batch(CONTROL, {"data0": payload(40)})
        accession.schedule(batch)
        until(lambda: hold.done >= 2)
        sent = omeka.requests()["writes"]
        steer(accession, batch, "pause")
        until_state(accession, batch, "paused", 2.5 + HEARD)
        writes = omeka.requests()["writes"]
        assert writes <= sent + 4
        assert len(omeka.dump()["items"]) == accession.counts(batch)["created"] == writes
        proxy.clear()
        steer(accession, batch, "resume")
        assert accession.wait(batch) == "complete", accession.log(batch)
        assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 41))


def test_a_run_that_is_paused_many_times_writes_what_one_writes_that_is_not(
    steered: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=15, workers=CONNECTIONS)
    batch = steered.batch(CONTROL, {"data0": payload(400)})
    steered.schedule(batch)
    for number in (5, 40, 80, 120):  # long before its end: it is not to end before it has heard
        until_created(steered, batch, number)
        steer(steered, batch, "pause")
        until_state(steered, batch, "paused")
        before = omeka.requests()["total"]
        again = steered.post(f"batch/{batch}/pause")
        assert again.status_code == 409
        assert "paused" in again.text
        time.sleep(0.8)  # sweeps pass it by
        assert omeka.requests()["total"] == before
        steer(steered, batch, "resume")
    assert steered.wait(batch) == "complete", steered.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 401))
    assert omeka.requests()["counts"]["POST /api/items"] == 400


@pytest.mark.parametrize("mode", ["import", "undo"])
@pytest.mark.parametrize(("moment", "sent"), [(1, False), (1, True), (4, False), (6, True), (9, False)])
def test_updates_deletions_and_circles_and_their_undo_rest_at_any_write(
    scenes: Callable[..., Scene], undisturbed: Any, mode: str, moment: int, sent: bool
) -> None:
    scene = scenes()
    batch = scene.import_all()
    if mode == "undo":
        assert scene.shop.run(batch).ending == "finished"
        scene.site.tick()
    run_id = scene.shop.schedule(batch, mode)
    paused = scene.shop.run_pausing(run_id, moment, sent=sent)
    about = f"moment {moment}, sent {sent}\n{scene.shop.log(run_id)}"
    if moment < 9:
        assert paused, about
    if paused:
        assert journal.open_operations(scene.shop.db, run_id) == [], about
        assert runs.claim_run(scene.shop.db, run_id, "another", 1) is None
        scene.shop.resume(run_id)
    assert scene.shop.take_over(run_id).ending == "finished", about
    same(scene.state(), undisturbed[0 if mode == "import" else 1], about)
    assert outcomes(scene.shop, run_id) == undisturbed[2 if mode == "import" else 3], about
    journal_is_true(scene.shop, run_id)


def test_a_run_that_is_resumed_before_it_was_given_back_goes_on_without_a_sweep(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy
) -> None:
    targets = {"omeka": target_of(omeka, proxy.url, connections=CONNECTIONS)}
    with Installation(tmp_path / "accession", targets, {"ACCESSION_SWEEP": "3600"}) as accession:
        accession.start()
        hold = Fault("hold", method="POST", path="/api/items", nth=3, times=2, seconds=3.0)
        proxy.add(hold)
        batch = accession.batch(CONTROL, {"data0": payload(16)})
        accession.schedule(batch)
        until(lambda: hold.done == 2)
        steer(accession, batch, "pause")
        time.sleep(1.0)  # heard, but requests are still awaited
        assert accession.state(batch) == "running"
        steer(accession, batch, "resume")
        assert accession.wait(batch, 30) == "complete", accession.log(batch)
        assert "Paused by a person" in accession.log(batch)
        assert omeka.requests()["counts"]["POST /api/items"] == 16
        assert len(omeka.dump()["items"]) == 16


def test_a_paused_run_survives_its_workers_death_and_can_then_be_resumed(
    steered: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=CONNECTIONS)
    batch = steered.batch(CONTROL, {"data0": payload(80)})
    steered.schedule(batch)
    until_created(steered, batch, 5)
    steer(steered, batch, "pause")
    until_state(steered, batch, "paused")
    steered.kill("worker")
    steered.start_worker()
    time.sleep(1.0)
    assert steered.state(batch) == "paused"
    # And one whose worker dies between the wish and the rest.
    steer(steered, batch, "resume")
    until_created(steered, batch, 20)
    steer(steered, batch, "pause")
    steered.kill("worker")
    steered.start_worker()
    until_state(steered, batch, "paused")
    time.sleep(1.0)
    assert steered.state(batch) == "paused"
    steer(steered, batch, "resume")
    assert steered.wait(batch) == "complete", steered.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 81))
    assert omeka.requests()["counts"]["POST /api/items"] == 80


def test_a_paused_run_that_has_written_is_cancelled_by_a_worker(
    steered: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=CONNECTIONS)
    batch = steered.batch(CONTROL, {"data0": payload(80)})
    steered.schedule(batch)
    until_created(steered, batch, 5)
    steer(steered, batch, "pause")
    until_state(steered, batch, "paused")
    before = omeka.requests()["writes"]
    steer(steered, batch, "cancel")
    assert until_state(steered, batch, "cancelled") < HEARD
    assert omeka.requests()["writes"] == before == steered.counts(batch)["created"]
    assert steered.post(f"batch/{batch}/resume").status_code == 409
    # The batch is free again, and brings the rest.
    assert steered.run(batch) == "complete"
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 81))


def test_a_run_whose_worker_died_is_cancelled_by_the_next_and_sends_nothing_more(
    steered: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=CONNECTIONS)
    batch = steered.batch(CONTROL, {"data0": payload(200)})
    steered.schedule(batch)
    until_created(steered, batch, 5)
    steered.kill("worker")
    until_state(steered, batch, "interrupted")
    before = omeka.requests()["writes"]
    steer(steered, batch, "cancel")
    steered.start_worker()
    until_state(steered, batch, "cancelled", 10)
    assert omeka.requests()["writes"] == before


# --- while something else is done ---------------------------------------------------------------


def test_a_run_rests_while_it_plans_and_plans_again_when_it_is_resumed(
    steered: Installation, omeka: StandIn
) -> None:
    batch = steered.batch(CONTROL, {"data0": payload(30_000)})
    steered.schedule(batch, "dry-run")
    until(lambda: steered.counts(batch).get("planned"))
    steer(steered, batch, "pause")
    assert until_state(steered, batch, "paused", 20) < HEARD
    assert steered.counts(batch)["read"] < 30_000
    steer(steered, batch, "resume")
    assert steered.wait(batch, 90) == "dry-run", steered.log(batch)
    counts = steered.counts(batch)
    assert (counts["read"], counts["action:create"]) == (30_000, 30_000)
    assert omeka.requests()["writes"] == 0


AWAY = {
    "the proof of the key": Fault("delay", path="/api/users", times=0, seconds=20),
    "the look at vocabularies": Fault("delay", path="/api/properties", times=0, seconds=20),
    "the listing": Fault("delay", method="GET", path="/api/items", times=0, seconds=20),
    "the survey": Fault("delay", method="GET", path="/api/items.*property", times=0, seconds=20),
    "a target that says later": Fault(
        "answer", path="/api/users", times=0, status=503, headers={"Retry-After": "25"}
    ),
    "a target that takes no write": Fault("answer", method="POST", path="/api/items", times=0, status=503),
}


@pytest.mark.parametrize(
    ("what", "verb", "state"),
    [
        ("the proof of the key", "cancel", "cancelled"),
        ("the look at vocabularies", "pause", "paused"),
        ("the listing", "cancel", "cancelled"),
        ("the survey", "pause", "paused"),
        ("a target that says later", "cancel", "cancelled"),
        ("a target that takes no write", "pause", "paused"),
        ("a target that takes no write", "cancel", "cancelled"),
    ],
)
def test_it_is_heard_while_the_target_is_slow_or_away(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy, what: str, verb: str, state: str
) -> None:
    settings = {"ACCESSION_OUTAGE": "60", "ACCESSION_OUTAGE_AFTER_WRITE": "60"}
    targets = {"omeka": target_of(omeka, proxy.url)}
    with Installation(tmp_path / "accession", targets, settings) as accession:
        accession.start()
        omeka.seed(items=by_hand(1, 900))
        fault = replace(AWAY[what])  # it counts
        proxy.add(fault)
        batch = accession.batch(CONTROL, {"data0": payload(5)})
        accession.schedule(batch)
        until(lambda: fault.done)  # the proxy notes it in its log when it is over
        time.sleep(1.2)
        assert accession.state(batch) in ("running", "waiting"), what
        steer(accession, batch, verb)
        assert until_state(accession, batch, state, 20) < HEARD, what
        if verb == "pause":
            proxy.clear()
            steer(accession, batch, "resume")
            assert accession.wait(batch, 90) == "complete", accession.log(batch)
            assert len(omeka.dump()["items"]) == 6


def test_cancelling_a_scheduled_run_that_no_worker_has_begun_ends_it_at_once(
    steered: Installation, omeka: StandIn
) -> None:
    steered.terminate("worker")
    batch = steered.batch(CONTROL, {"data0": payload(5)})
    steered.schedule(batch)
    assert steered.state(batch) == "scheduled"
    steer(steered, batch, "cancel")
    assert steered.state(batch) == "cancelled"


def test_a_paused_run_keeps_no_worker_from_others(tmp_path: Path, omeka: StandIn) -> None:
    targets = {"omeka": target_of(omeka, connections=CONNECTIONS)}
    with Installation(tmp_path / "accession", targets, {"ACCESSION_WORKERS_JOBS": "1"}) as accession:
        accession.start()
        omeka.knobs(delay_ms=20, workers=CONNECTIONS)
        controls = [
            {**CONTROL, "match": {"item": {**CONTROL["match"]["item"], "scope": f"s{n}"}}} for n in range(7)
        ]
        sizes = [400] * 6 + [60]  # none ends before it has heard
        batches = [
            accession.batch(one, {"data0": payload(size)}) for one, size in zip(controls, sizes, strict=True)
        ]
        for batch in batches[:-1]:
            accession.schedule(batch)
            until_created(accession, batch, 3)
            steer(accession, batch, "pause")
            until_state(accession, batch, "paused")
        # More runs rest than one worker has places; the next begins all the same.
        assert accession.run(batches[-1]) == "complete"
        db = Database(f"sqlite:///{accession.folder / 'data' / 'accession.db'}")
        owners = [runs.runs_of_batch(db, one)[0].owner for one in batches[:-1]]
        db.dispose()
        assert owners == [None] * 6


def test_pausing_and_resuming_from_a_shell(steered: Installation, omeka: StandIn) -> None:
    steered.terminate("worker")
    batch = steered.batch(CONTROL, {"data0": payload(5)})
    steered.schedule(batch)
    key = steered.folder / "key"
    key.write_text(steered.key)
    at = ["--url", f"http://127.0.0.1:{steered.port}", "--key-file", str(key)]
    assert steered.command("pause", batch, *at).stdout == "PAUSING\n"
    assert steered.state(batch) == "paused"
    refused = steered.command("pause", batch, *at, check=False)
    assert refused.returncode == 1
    assert "is paused already" in refused.stderr
    assert steered.command("resume", batch, *at).stdout == "RESUMING\n"
    assert steered.command("cancel", batch, *at).stdout == "CANCELLING\n"
    assert steered.state(batch) == "cancelled"
