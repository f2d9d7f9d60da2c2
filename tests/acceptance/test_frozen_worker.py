"""A worker that was frozen for twice its lease sends nothing more: not a write, not even a read.

Two workers, each with a proxy of its own on the way to the target, so that their requests are told apart.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.store.database import Database
from service.store.tables import operation, run, stray_effect
from tests.acceptance.installation import Installation, target_of
from tests.acceptance.test_updates import by_identifier, control, data, works
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy, Kind

LEASE = 1.0
NUMBER = 30
ANSWERED = 6
"""Writes that are answered before: by then the worker means some more ahead than it can send at once."""
STILL = 0.3
"""Seconds without a further write after which a worker whose writes all wait sends no other."""
MOST = 6
"""Connections over all workers. The first had no time to climb to so many: enough are left for the second."""
WORDS = {"POST": "created", "PATCH": "updated", "DELETE": "deleted"}


def until(condition: Callable[[], object], accession: Installation, batch: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, accession.log(batch)
        time.sleep(0.02)


def to_do(accession: Installation, method: str) -> str:
    """A batch whose run sends `NUMBER` writes of that method, and no other."""
    if method != "POST":
        first = accession.batch(control(), data(works(NUMBER + 1)))
        assert accession.run(first) == "complete", accession.log(first)
    if method == "PATCH":
        return accession.batch(
            control(), data([{**one, "title": f"{one['title']}, later"} for one in works(NUMBER)])
        )
    if method == "DELETE":
        gone = {**control(absent="delete"), "maxRemovals": "100%"}
        batch = accession.batch(gone, data(works(NUMBER + 1)[NUMBER:]))
        assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
        return batch
    return accession.batch(control(), data(works(NUMBER)))


def wanted(method: str) -> dict[str, str]:
    """Identifier → title, as the site is to stand in the end."""
    if method == "DELETE":
        return {str(one["acno"]): str(one["title"]) for one in works(NUMBER + 1)[NUMBER:]}
    later = ", later" if method == "PATCH" else ""
    count = NUMBER + 1 if method == "PATCH" else NUMBER
    return {
        str(one["acno"]): f"{one['title']}{later if number < NUMBER else ''}"
        for number, one in enumerate(works(count))
    }


def recorded(accession: Installation, batch: str) -> tuple[list[Any], list[Any]]:
    """Operations and late answers of the import of a batch."""
    db = Database(f"sqlite:///{accession.folder / 'data' / 'accession.db'}")
    with db.read() as connection:
        imports = select(run.c.id).where(run.c.batch_id == batch, run.c.mode == "import")
        run_id = connection.execute(imports).scalar_one()
        operations = connection.execute(select(operation).where(operation.c.run_id == run_id)).all()
        strays = connection.execute(select(stray_effect).where(stray_effect.c.run_id == run_id)).all()
    db.dispose()
    return list(operations), list(strays)


CASES: list[Any] = [
    # What is under way while the first worker is frozen: it acted before or only after that, or its answer
    # never comes.
    ("POST", "delay"),
    ("POST", "answer_lost"),
    ("PATCH", "hold"),
    ("DELETE", "delay"),
    *[
        pytest.param(*case, marks=pytest.mark.full)
        for case in (
            ("POST", "hold"),
            ("PATCH", "delay"),
            ("PATCH", "answer_lost"),
            ("DELETE", "hold"),
            ("DELETE", "answer_lost"),
        )
    ],
]


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_a_frozen_worker_sends_nothing_after_its_fence_was_taken(
    tmp_path: Path, omeka: StandIn, method: str, kind: Kind
) -> None:
    def through(proxy: FaultProxy) -> dict[str, dict[str, object]]:
        return {"omeka": target_of(omeka, proxy.url, connections=MOST)}

    with FaultProxy(omeka.url) as of_first, FaultProxy(omeka.url) as of_second:
        settings = {"ACCESSION_LEASE": str(LEASE)}
        with Installation(tmp_path / "accession", through(of_first), settings) as accession:
            accession.start()
            batch = to_do(accession, method)
            accession.terminate("worker")
            of_first.clear()
            woken, finish = threading.Event(), threading.Event()
            path = "/api/items"
            # After a few every write of the first worker waits; and one of the second's, so that the run
            # still goes on when the first wakes.
            of_first.add(Fault(kind, method=method, path=path, nth=ANSWERED + 1, times=0, until=woken))
            of_second.add(Fault("hold", method=method, path=path, nth=NUMBER // 2, until=finish))

            accession.start_worker("first", through(of_first))
            accession.schedule(batch)
            until(lambda: writes(of_first, method) > ANSWERED, accession, batch)
            under_way = as_many_as_it_sends(of_first, method) - ANSWERED
            accession.freeze("first")
            frozen, sent = time.monotonic(), len(of_first.log)
            assert writes(of_first, method) == ANSWERED + under_way
            assert 1 <= under_way < MOST

            accession.start_worker("second", through(of_second))
            until(lambda: accession.counts(batch).get(WORDS[method], 0) == NUMBER - 1, accession, batch)
            time.sleep(max(0.0, frozen + 2 * LEASE - time.monotonic()))
            # What was under way is answered in the moment in which it wakes.
            woken.set()
            time.sleep(0.2)
            accession.signal("first", signal.SIGCONT)
            until(lambda: "belongs to another worker now" in accession.output("first"), accession, batch)
            assert of_first.log[sent:] == []

            finish.set()
            assert accession.wait(batch) == "complete", accession.log(batch)
            assert of_first.log[sent:] == []
            counts = accession.counts(batch)
            log = accession.log(batch)
        items = omeka.dump()["items"]
        assert {one: item["o:title"] for one, item in by_identifier({"items": items}).items()} == wanted(
            method
        )
        assert len(items) == len(wanted(method)), log
        assert counts[WORDS[method]] == NUMBER
        operations, strays = recorded(accession, batch)
        assert [one for one in operations if one.outcome not in ("done", "superseded", "not-sent")] == []
        assert [one for one in strays if one.resolved_at is None] == []
        if (method, kind) == ("DELETE", "delay"):
            # They came to a target in which the second worker had deleted the same: nothing came of them.
            late = [one.status for one in of_first.log if one.fault is not None]
            assert (late, strays) == ([404] * under_way, [])
        elif kind != "answer_lost":
            assert len(strays) == under_way
        if (method, kind) == ("PATCH", "delay"):
            assert log.count("by a request that had been given up for lost") == under_way, log
        if (method, kind) == ("POST", "delay"):
            assert log.count("this twin was removed") == under_way
            assert {one.resolution for one in strays} <= {"removed", "moot"}


def as_many_as_it_sends(proxy: FaultProxy, method: str) -> int:
    """How many writes came, those that are answered and those that wait, once there comes no other."""
    seen = 0
    while (now := writes(proxy, method)) > seen:
        seen = now
        time.sleep(STILL)
    return seen


def writes(proxy: FaultProxy, method: str) -> int:
    return sum(one.method == method for one in proxy.log)
