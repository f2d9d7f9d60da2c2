"""PostgreSQL that goes away in the middle of the work and comes back: all wait, and go on by themselves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from service.app import OPERATIONS
from tests.acceptance.installation import CONTROL, PREFIX, Installation, rows, target_of, titles
from tests.acceptance.test_recovery import payload, until_created
from tests.conftest import PostgreSQL
from tests.standins.omeka_s import StandIn

GONE = 6.0
"""Seconds without a database: three leases."""


@pytest.fixture
def installed(tmp_path: Path, omeka: StandIn, own_postgresql: PostgreSQL) -> Iterator[Installation]:
    targets = {"omeka": target_of(omeka)}
    with Installation(tmp_path / "accession", targets, database_url=own_postgresql.url) as accession:
        yield accession.start()


def answers(accession: Installation, batch: str) -> Iterator[tuple[str, httpx2.Response]]:
    """Every call that needs the database, as text and as JSON; the admin page too."""
    calls = [(one.method, one.path) for one in OPERATIONS if one.needs_schema]
    for method, path in [*calls, ("GET", "/admin/batches/{batch_id}/log")]:
        where = path.format(batch_id=batch, task_id=batch, name="omeka", digest="0" * 64)
        for accept in ("text/plain", "application/json"):
            body = {"data": {"batch": batch}} if method == "POST" else {}
            answer = accession.client.request(method, where, headers={"accept": accept}, **body)
            yield f"{method} {where}", answer


def follow(accession: Installation, batch: str) -> Iterator[str]:
    """Every line of the log, as it comes, until the run has ended."""
    with accession.client.stream("GET", f"{PREFIX}/batch/{batch}/log?follow=true") as lines:
        yield from lines.iter_lines()


def all_are_told(accession: Installation, batch: str, secret: str) -> None:
    for call, answer in answers(accession, batch):
        assert answer.status_code == 503, (call, answer.text)
        assert answer.headers["retry-after"] == "10"
        bodiless = call.startswith("HEAD ")
        assert bodiless or "What was answered 200 before is safe" in answer.text, call
        for leak in ("psycopg", "SELECT", "Traceback", secret, "sqlalche"):
            assert leak not in answer.text, call
    ready = accession.client.get("/readyz")
    assert (ready.status_code, "database: unreachable" in ready.text) == (503, True)
    assert accession.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_database_that_is_away_for_longer_than_a_lease_holds_an_import_up_and_nothing_else(
    installed: Installation, omeka: StandIn, own_postgresql: PostgreSQL, how: str
) -> None:
    accession = installed
    omeka.knobs(delay_ms=15, workers=2)
    batch = accession.batch(CONTROL, {"data0": payload(300)})
    accession.schedule(batch)
    until_created(accession, batch, 30)
    processes = [accession.pid(name) for name in ("service", "worker")]
    followed: list[str] = []
    following = threading.Thread(target=lambda: followed.extend(follow(accession, batch)))
    following.start()
    while not followed:
        time.sleep(0.01)
    gone = time.monotonic()
    own_postgresql.stop(how)
    all_are_told(accession, batch, own_postgresql.url.partition("host=")[2] or "host=")
    time.sleep(max(0.0, gone + GONE - time.monotonic()))
    own_postgresql.start()
    assert accession.wait(batch, 60) == "complete", accession.log(batch)
    assert titles(omeka.dump()) == sorted(f"Work {n}" for n in range(1, 301))
    assert accession.counts(batch)["created"] == 300
    assert [accession.pid(name) for name in ("service", "worker")] == processes
    following.join(20)
    assert [line for line in followed if line] == accession.log(batch).splitlines()
    assert "internal-error" not in accession.log(batch)
    assert "Unexpected error" not in accession.output("service")
    again = accession.batch(CONTROL, {"data0": payload(300)})
    assert accession.run(again) == "complete"
    assert accession.counts(again)["unchanged"] == 300


def test_a_database_that_goes_while_a_plan_is_made_is_waited_for(
    installed: Installation, omeka: StandIn, own_postgresql: PostgreSQL
) -> None:
    accession = installed
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(15_000)).encode()})
    accession.schedule(batch, "dry-run")
    while not accession.counts(batch).get("planned"):
        time.sleep(0.01)
    own_postgresql.stop("immediate")
    time.sleep(1.0)
    own_postgresql.start()
    assert accession.wait(batch, 60) == "dry-run", accession.log(batch)
    counts = accession.counts(batch)
    assert (counts["read"], counts["action:create"], counts["planned"]) == (15_000, 15_000, 15_000)


def test_no_call_fails_after_a_restart_of_an_idle_database(
    installed: Installation, omeka: StandIn, own_postgresql: PostgreSQL
) -> None:
    """The connections that the service and the worker had are dead, which nobody is to notice."""
    accession = installed
    batch = accession.batch(CONTROL, {"data0": payload(3)})
    own_postgresql.stop("fast")
    own_postgresql.start()
    assert [call for call, answer in answers(accession, batch) if answer.status_code >= 500] == []
    last = accession.batch(CONTROL, {"data0": payload(3)})
    assert accession.run(last) == "complete", accession.log(last)
    assert len(omeka.dump()["items"]) == 3


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(
    installed: Installation, omeka: StandIn, own_postgresql: PostgreSQL
) -> None:
    accession = installed
    accession.terminate("worker")
    batch = accession.batch(CONTROL, {"data0": rows(3)})
    accession.schedule(batch)
    own_postgresql.stop("fast")
    accession.start_worker("late")
    deadline = time.monotonic() + 30
    while "waiting for the database: " not in (said := accession.output("late")):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    for leak in ("psycopg", "SELECT", "Traceback", "postgresql"):
        assert leak not in said
    own_postgresql.start()
    assert accession.wait(batch) == "complete", accession.log(batch)
    assert len(omeka.dump()["items"]) == 3


def test_a_worker_that_waits_for_a_database_can_be_stopped(
    installed: Installation, own_postgresql: PostgreSQL
) -> None:
    accession = installed
    own_postgresql.stop("fast")
    accession.start_worker("late")
    deadline = time.monotonic() + 30
    while "waiting for the database: " not in accession.output("late"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert accession.terminate("late", timeout=5) != 0
    own_postgresql.start()
