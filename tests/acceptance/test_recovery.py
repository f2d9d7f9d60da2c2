"""Whatever dies, whenever: the import ends in a true state, nothing lost, nothing twice."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.installation import CONTROL, Installation, rows, target_of, titles
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

ANONYMOUS = {**CONTROL, "match": {}}
"""The same without a match: every record is a create that nothing but its content tells apart."""


def payload(number: int) -> bytes:
    return json.dumps(rows(number)).encode()


def created_at_least(accession: Installation, batch: str, number: int) -> bool:
    return accession.counts(batch).get("created", 0) >= number


def until_created(accession: Installation, batch: str, number: int) -> None:
    until(lambda: created_at_least(accession, batch, number), accession, batch)


def until(condition: Callable[[], bool], accession: Installation, batch: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, accession.log(batch)
        time.sleep(0.02)


def test_a_worker_killed_at_ten_random_moments_leaves_exactly_500_items(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=10, workers=2)
    chance = random.Random(500)
    batch = accession.batch(CONTROL, {"data0": payload(500)})
    accession.schedule(batch)
    for _ in range(10):
        time.sleep(chance.uniform(0.05, 0.8))
        accession.kill("worker")
        accession.start_worker()
    assert accession.wait(batch, 100) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 501))
    assert accession.counts(batch)["created"] == 500


def test_records_without_identity_survive_a_killed_worker_too(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=10, workers=2)
    # Every record thrice the same: only their number can tell.
    data = [record for record in rows(40) for _ in range(3)]
    batch = accession.batch(ANONYMOUS, {"data0": json.dumps(data).encode()})
    accession.schedule(batch)
    for number in (10, 50, 90):
        until_created(accession, batch, number)
        accession.kill("worker")
        accession.start_worker()
    assert accession.wait(batch, 100) == "complete", accession.log(batch)
    assert Counter(titles(omeka.dump())) == {f"Work {n}": 3 for n in range(1, 41)}


def test_a_create_whose_answer_is_lost_is_adopted_not_repeated(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    proxy.add(Fault("answer_lost", method="POST", path="/api/items", nth=7, times=3))
    batch = troubled.batch(CONTROL, {"data0": payload(40)})
    assert troubled.run(batch) == "complete", troubled.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 41))
    assert omeka.requests()["counts"]["POST /api/items"] == 40
    assert "adopted" in troubled.log(batch)


def test_a_create_that_never_arrived_is_sent_again_once_it_was_looked_for(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    proxy.add(Fault("drop_before", method="POST", path="/api/items", nth=5, times=2))
    batch = troubled.batch(ANONYMOUS, {"data0": payload(20)})
    assert troubled.run(batch) == "complete", troubled.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 21))
    assert omeka.requests()["counts"]["POST /api/items"] == 20


def test_a_create_that_arrives_after_it_was_sent_again_leaves_no_twin(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy
) -> None:
    omeka.knobs(delay_ms=40, workers=2)
    # It reaches the target when it was given up for lost and was sent again.
    given_up = threading.Event()
    proxy.add(Fault("delay", method="POST", path="/api/items", nth=3, until=given_up))
    targets = {"omeka": target_of(omeka, proxy.url, timeout=0.7)}
    with Installation(tmp_path / "accession", targets) as accession:
        accession.start()
        batch = accession.batch(CONTROL, {"data0": payload(300)})
        accession.schedule(batch)
        until(lambda: "superseded" in accession.log(batch), accession, batch)
        given_up.set()
        assert accession.wait(batch) == "complete", accession.log(batch)
        assert omeka.requests()["counts"]["POST /api/items"] == 301
        assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 301))
        assert "twin-removed" in accession.log(batch)


def test_an_answer_that_makes_no_sense_is_looked_into(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    proxy.add(
        Fault("act_then_500", method="POST", path="/api/items", nth=3),
        Fault("cut_body", method="POST", path="/api/items", nth=5),
        Fault("answer", method="POST", path="/api/items", nth=7, status=500),
    )
    batch = troubled.batch(CONTROL, {"data0": payload(20)})
    assert troubled.run(batch) == "complete", troubled.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 21))


def test_a_run_happens_although_the_queue_was_stopped_and_emptied(
    accession: Installation, omeka: StandIn
) -> None:
    accession.terminate("worker")
    batch = accession.batch(CONTROL, {"data0": payload(5)})
    accession.queue.stop()
    accession.schedule(batch)
    for file in accession.queue.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    accession.start_queue()
    accession.start_worker()
    assert accession.wait(batch) == "complete"
    assert len(omeka.dump()["items"]) == 5


def test_a_running_import_does_not_notice_that_the_queue_went_away(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=10, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(200)})
    accession.schedule(batch)
    until_created(accession, batch, 10)
    accession.queue.stop()
    time.sleep(0.5)
    accession.start_queue()
    assert accession.wait(batch, 60) == "complete", accession.log(batch)
    assert len(omeka.dump()["items"]) == 200
    # And the worker hears the bell again without having been started anew.
    second = accession.batch(ANONYMOUS, {"data0": payload(2)})
    assert accession.run(second) == "complete"


def test_a_worker_that_is_told_to_stop_gives_its_run_back_and_the_next_goes_on(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(200)})
    accession.schedule(batch)
    until_created(accession, batch, 20)
    assert accession.terminate("worker") == 0
    assert accession.state(batch) == "scheduled"
    written = accession.counts(batch)["created"]
    # Given back in order: whatever was sent was answered and written down.
    assert len(omeka.dump()["items"]) == written < 200
    accession.start_worker()
    assert accession.wait(batch, 60) == "complete"
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 201))


def test_when_a_worker_is_told_to_stop_another_goes_on_at_once_not_at_its_next_sweep(
    tmp_path: Path, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    settings = {"ACCESSION_SWEEP": "3600", "ACCESSION_LEASE": "600"}
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka)}, settings) as accession:
        accession.start()
        batch = accession.batch(CONTROL, {"data0": payload(120)})
        accession.start_worker("second")
        until_ready(accession, "second")
        accession.schedule(batch)
        until_created(accession, batch, 10)
        first = str(accession.facts(batch)["runs"][0]["worker"])
        name = "worker" if f":{accession.pid('worker')}:" in first else "second"
        assert accession.terminate(name) == 0
        assert accession.counts(batch)["created"] < 120
        assert accession.wait(batch, 60) == "complete"
        assert accession.facts(batch)["runs"][0].get("worker") != first
        assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 121))


def until_ready(accession: Installation, worker: str) -> None:
    """Until its first sweep is over, too."""
    deadline = time.monotonic() + 30
    while "is ready" not in accession.output(worker):
        assert time.monotonic() < deadline, accession.output(worker)
        time.sleep(0.02)
    time.sleep(0.5)


def test_a_worker_that_was_frozen_past_its_lease_sends_nothing_more(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(300)})
    accession.schedule(batch)
    until_created(accession, batch, 20)
    accession.freeze("worker")
    accession.start_worker("second")
    until_created(accession, batch, 60)
    accession.signal("worker", signal.SIGCONT)
    assert accession.wait(batch, 90) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 301))
    accession.kill("second")


def test_a_run_that_was_killed_while_planning_plans_again(accession: Installation, omeka: StandIn) -> None:
    data = json.dumps(rows(20_000)).encode()
    batch = accession.batch(CONTROL, {"data0": data})
    accession.schedule(batch, "dry-run")
    while not accession.counts(batch).get("planned"):
        time.sleep(0.01)
    accession.kill("worker")
    accession.start_worker()
    assert accession.wait(batch, 90) == "dry-run"
    counts = accession.counts(batch)
    assert (counts["read"], counts["action:create"]) == (20_000, 20_000)
    plan = accession.ok(accession.get(f"batch/{batch}/plan?details=none"))
    assert "  dcterms:title       20000  e.g. data0:1 [A00001]: Work 1\n" in plan
    assert omeka.requests()["writes"] == 0


def test_the_same_holds_on_postgresql(tmp_path: Path, omeka: StandIn, postgresql_url: str) -> None:
    omeka.knobs(delay_ms=10, workers=2)
    targets = {"omeka": target_of(omeka)}
    with Installation(tmp_path / "accession", targets, database_url=postgresql_url) as accession:
        accession.start()
        batch = accession.batch(CONTROL, {"data0": payload(150)})
        assert accession.run(batch, "dry-run") == "dry-run"
        accession.schedule(batch)
        for number in (20, 80):
            until_created(accession, batch, number)
            accession.kill("worker")
            accession.start_worker()
        assert accession.wait(batch, 90) == "complete", accession.log(batch)
        assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 151))
        again = accession.batch(CONTROL, {"data0": payload(150)})
        assert accession.run(again) == "complete"
        assert accession.counts(again)["unchanged"] == 150
