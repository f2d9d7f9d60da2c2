"""A queue that hangs, dies, forgets, or takes no writes: what was scheduled happens, what runs goes on."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psutil
import pytest
import redis

from service.settings import QUEUE_NAME
from tests.acceptance.installation import CONTROL, Installation, rows, titles
from tests.acceptance.test_recovery import until_created
from tests.standins.omeka_s import StandIn

Trouble = Callable[[Installation], AbstractContextManager[None]]


@contextlib.contextmanager
def client(accession: Installation) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(accession.queue.socket), socket_timeout=2.0) as found:
        yield found


def server(accession: Installation) -> psutil.Process:
    with client(accession) as found:
        return psutil.Process(int(found.info("server")["process_id"]))


@contextlib.contextmanager
def frozen(accession: Installation) -> Iterator[None]:
    process = server(accession)
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def killed(accession: Installation) -> Iterator[None]:
    process = server(accession)
    process.kill()
    process.wait()
    yield
    accession.queue.start()


@contextlib.contextmanager
def replaced(accession: Installation) -> Iterator[None]:
    accession.queue.stop()
    for file in accession.queue.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    yield
    accession.queue.start()


def told(command: str, afterwards: str) -> Trouble:
    @contextlib.contextmanager
    def trouble(accession: Installation) -> Iterator[None]:
        for index, words in enumerate((command, afterwards)):
            with client(accession) as found:
                found.execute_command(*words.split())
            if index == 0:
                yield

    return trouble


TROUBLES: dict[str, Trouble] = {
    "hangs": frozen,
    "was killed": killed,
    "is replaced by an empty one": replaced,
    "has no replicas": told("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
    "is full": told("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "is a copy of one that is away": told("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_queue_in_trouble_loses_nothing_that_was_scheduled_and_stops_nothing_that_runs(
    accession: Installation, omeka: StandIn, name: str
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    running = accession.batch(CONTROL, {"data0": json.dumps(rows(250)).encode()})
    scheduled = accession.batch({**CONTROL, "match": {}}, {"data0": json.dumps(rows(2)).encode()})
    accession.schedule(running)
    until_created(accession, running, 10)
    worker = accession.pid("worker")
    with TROUBLES[name](accession):
        accession.schedule(scheduled)
        ready = accession.client.get("/readyz")
        assert ready.status_code == 503
        assert "queue: not writable. Does Valkey (or Redis) run" in ready.text, ready.text
        until_created(accession, running, accession.counts(running)["created"] + 20)
        time.sleep(2.5)  # over a lease
        assert accession.state(scheduled) == "scheduled"
    assert accession.wait(scheduled, 30) == "complete", accession.log(scheduled)
    assert accession.wait(running, 60) == "complete", accession.log(running)
    assert accession.client.get("/readyz").status_code == 200
    assert titles(omeka.dump()) == sorted([*(f"Work {n}" for n in range(1, 251)), "Work 1", "Work 2"])
    assert accession.pid("worker") == worker
    assert accession.counts(running)["created"] == 250


def test_a_queue_that_was_emptied_forgets_nothing_that_matters(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    running = accession.batch(CONTROL, {"data0": json.dumps(rows(150)).encode()})
    accession.schedule(running)
    until_created(accession, running, 10)
    accession.freeze("worker")  # nobody hears the ring
    scheduled = accession.batch({**CONTROL, "match": {}}, {"data0": json.dumps(rows(2)).encode()})
    accession.schedule(scheduled)
    with client(accession) as found:
        found.flushall()
    accession.signal("worker", signal.SIGCONT)
    assert accession.wait(scheduled, 30) == "complete", accession.log(scheduled)
    assert accession.wait(running, 60) == "complete", accession.log(running)
    assert len(omeka.dump()["items"]) == 152


def test_a_worker_stops_in_order_although_its_queue_hangs(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(150)).encode()})
    accession.schedule(batch)
    until_created(accession, batch, 10)
    with frozen(accession):
        assert accession.terminate("worker", 20) == 0
        assert accession.state(batch) == "scheduled"
    accession.start_worker()
    assert accession.wait(batch, 60) == "complete", accession.log(batch)
    assert len(omeka.dump()["items"]) == 150


def test_what_is_no_job_in_the_queue_ends_neither_the_worker_nor_its_runs(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=20, workers=2)
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(100)).encode()})
    accession.schedule(batch)
    until_created(accession, batch, 10)
    worker = accession.pid("worker")
    with client(accession) as found:
        found.zadd(QUEUE_NAME, {b"\xff\xfe": 1})
        time.sleep(2.0)
        found.zrem(QUEUE_NAME, b"\xff\xfe")
    assert accession.wait(batch, 60) == "complete", accession.log(batch)
    assert accession.pid("worker") == worker
    assert "listening to the queue failed" in accession.output("worker")
    assert accession.run(accession.batch(CONTROL, {"data0": payload_of_one()})) == "complete"


def payload_of_one() -> bytes:
    return json.dumps(rows(1)).encode()
