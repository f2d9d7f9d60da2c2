"""What a target is asked, when, and how much at a time: an outage, quiet hours, limits over all workers.

Real processes; what came to the target, and when, is the word of the stand-in or of the proxies before it.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.acceptance.test_stores_queue import client, replaced
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Entry, Fault, FaultProxy
from worker.applying.outage import LAST_LOOK
from worker.targets.breaker import OPENS_AFTER
from worker.targets.permits import PERMIT_KEPT, PERMIT_LIFE, RENEWED

CONNECTIONS = 2
UNDER_WAY = 0.5
"""Seconds that a request may take from leaving a worker, which looked at the clock, to the target: nothing
but the machine's load."""
BORNE = 1.0
"""Seconds for which an outage is borne before the first write here."""


def until(condition: Callable[[], object], told: Callable[[], str], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def order(accession: Installation, scope: str, number: int) -> str:
    """A batch of so many records in a scope of their own."""
    control = {
        **CONTROL,
        "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": scope}},
    }
    records = [{"acno": f"{scope}{i}", "title": f"{scope} {i}"} for i in range(number)]
    return accession.batch(control, {"data0": json.dumps(records).encode()})


def wanted(**scopes: int) -> list[str]:
    return sorted(f"{scope} {i}" for scope, number in scopes.items() for i in range(number))


def standing(omeka: StandIn) -> list[str]:
    return sorted(item["o:title"] for item in omeka.dump()["items"])


def newest(accession: Installation, batch: str) -> dict[str, Any]:
    run: dict[str, Any] = accession.facts(batch)["runs"][0]
    return run


def until_created(accession: Installation, batch: str, number: int) -> None:
    until(lambda: accession.counts(batch).get("created", 0) >= number, lambda: accession.log(batch))


def until_waiting(accession: Installation, batch: str) -> dict[str, Any]:
    until(lambda: newest(accession, batch)["state"] == "waiting", lambda: accession.log(batch))
    return newest(accession, batch)


def seconds_ahead(moment: str) -> float:
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


# --- outages ----------------------------------------------------------------------------------------


@pytest.fixture
def patient(tmp_path: Path, omeka: StandIn) -> Iterator[Installation]:
    """It bears an outage for a second before the first write, and for the usual day after it."""
    targets = {"omeka": target_of(omeka, connections=CONNECTIONS)}
    settings = {"ACCESSION_OUTAGE": str(BORNE), "ACCESSION_LEASE": "1"}
    with Installation(tmp_path / "accession", targets, settings) as installation:
        yield installation.start()


def away(omeka: StandIn) -> list[dict[str, Any]]:
    """The requests that came while Omeka's database was down: it redirects to its installation page."""
    return [one for one in omeka.requests()["recent"] if one["status"] == 302]


def test_an_outage_after_the_first_write_is_waited_for(patient: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20)
    batch = order(patient, "A", 80)
    patient.schedule(batch)
    until_created(patient, batch, 10)
    omeka.knobs(database_down=True)
    down = time.monotonic()
    run = until_waiting(patient, batch)
    assert run["waiting_for"].startswith("Omeka is down: its database does not answer"), run
    assert -1.0 < seconds_ahead(run["waiting_until"]) < 10.0
    shown = patient.ok(patient.get(f"batch/{batch}"))
    assert shown.startswith("waiting\n")
    assert f"waiting-for: {run['waiting_for']}" in shown
    assert f"waiting-until: {run['waiting_until']}" in shown
    # Longer than it would be borne before the first write; and until a probe was sent.
    until(lambda: len(away(omeka)) > OPENS_AFTER + CONNECTIONS - 1, lambda: patient.log(batch))
    time.sleep(max(0.0, down + 2 * BORNE - time.monotonic()))
    assert patient.state(batch) == "waiting"
    omeka.knobs(database_down=False)
    back = time.time()
    assert patient.wait(batch) == "complete", patient.log(batch)

    # Those that opened the breaker, one under way beside them; and then probes, with pauses of at least
    # 1.5 s, 3 s, 6 s …
    asked = [one["at"] for one in away(omeka)]
    probes, pause, left = 0, 1.5, back - asked[0]
    while left > pause:
        probes, left, pause = probes + 1, left - pause, 2 * pause
    assert OPENS_AFTER < len(asked) <= OPENS_AFTER + CONNECTIONS - 1 + probes, asked
    counts = omeka.requests()
    answered = [one for one in counts["recent"] if one["method"] == "POST" and one["status"] == 200]
    assert len(answered) == 80
    assert standing(omeka) == wanted(A=80)
    assert patient.counts(batch)["created"] == 80
    log = patient.log(batch)
    assert log.index("target-down") < log.index("target-back")
    assert "waiting_for" not in newest(patient, batch)


def went_on_and_met_it(log: str) -> bool:
    return "target-down" in log.partition("Going on with import")[2]


def test_a_worker_that_takes_over_in_an_outage_waits_on(patient: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20)
    batch = order(patient, "A", 60)
    patient.schedule(batch)
    until_created(patient, batch, 10)
    omeka.knobs(database_down=True)
    until_waiting(patient, batch)
    patient.kill("worker")
    patient.start_worker("second")
    until(lambda: went_on_and_met_it(patient.log(batch)), lambda: patient.log(batch))
    # As long as it takes a run that has written nothing to give up, its last look included.
    met = time.monotonic()
    while time.monotonic() < met + BORNE + LAST_LOOK + 2.0:
        assert patient.state(batch) in {"waiting", "running"}, patient.log(batch)
        time.sleep(0.1)
    assert patient.state(batch) == "waiting", patient.log(batch)
    omeka.knobs(database_down=False)
    assert patient.wait(batch) == "complete", patient.log(batch)
    assert standing(omeka) == wanted(A=60)
    assert patient.counts(batch)["created"] == 60


def test_an_outage_before_the_first_write_fails_the_run_with_nothing_written(
    patient: Installation, omeka: StandIn
) -> None:
    omeka.knobs(database_down=True)
    batch = order(patient, "A", 5)
    assert patient.run(batch) == "failed"
    run = newest(patient, batch)
    assert run["code"] == "target-down"
    assert run["reason"].startswith("Omeka is down: its database does not answer")
    assert run["reason"].endswith(
        "It did not come back within 1 s. Nothing was written. "
        "Schedule the batch again once the target is back."
    )
    assert omeka.requests()["writes"] == 0
    omeka.knobs(database_down=False)
    assert patient.run(batch) == "complete", patient.log(batch)
    assert standing(omeka) == wanted(A=5)


# --- quiet hours ------------------------------------------------------------------------------------


def test_no_request_comes_in_quiet_hours_that_begin_in_the_middle(tmp_path: Path, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=60)
    zone = "Pacific/Chatham"  # far from here, and not by whole hours
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka)}) as accession:
        accession.start(worker=False)
        batch = order(accession, "A", 700)
        accession.schedule(batch)
        begins = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=14)
        ends = begins + timedelta(seconds=3)
        local = [moment.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S") for moment in (begins, ends)]
        pace = [{"from": local[0], "to": local[1], "quiet": True}]
        accession.start_worker("worker", {"omeka": target_of(omeka, time_zone=zone, pace=pace)})
        run = until_waiting(accession, batch)
        assert run["waiting_for"].startswith(f"Quiet hours of omeka until {local[1][:5]}"), run
        assert zone in run["waiting_for"]
        assert abs((datetime.fromisoformat(run["waiting_until"]) - ends).total_seconds()) < 1.0
        assert 0 < run["counts"]["created"] < 700
        assert accession.wait(batch) == "complete", accession.log(batch)
        log = accession.log(batch)
    came = [one["at"] for one in omeka.requests()["recent"]]
    assert [at for at in came if begins.timestamp() + UNDER_WAY <= at < ends.timestamp()] == []
    assert [at for at in came if at < begins.timestamp()] != []
    assert [at for at in came if at >= ends.timestamp()] != []
    assert log.index("target-quiet") < log.index("quiet-over")
    assert standing(omeka) == wanted(A=700)


# --- over all workers -------------------------------------------------------------------------------


class Pair:
    """Two workers that carry out one run each, and a proxy for either, which tells them apart."""

    def __init__(self, accession: Installation, omeka: StandIn, limits: dict[str, object]) -> None:
        self.accession = accession
        self.omeka = omeka
        self.one, self.other = FaultProxy(omeka.url), FaultProxy(omeka.url)
        self._limits = limits

    def start(self, *numbers: int) -> list[str]:
        """Start both, and give each a run of so many records, in the scopes A and B: the batches."""
        for name, proxy in (("one", self.one), ("other", self.other)):
            self.start_worker(name, proxy)
        batches = [order(self.accession, scope, number) for scope, number in zip("AB", numbers, strict=True)]
        self.schedule(batches[0], deaf="other")
        self.schedule(batches[1], deaf="one")
        return batches

    def start_worker(self, name: str, proxy: FaultProxy) -> None:
        """Returns when it listens."""
        self.accession.start_worker(name, {"omeka": target_of(self.omeka, proxy.url, **self._limits)})
        until(lambda: "is ready" in self.accession.output(name), lambda: self.accession.output(name))

    def schedule(self, batch: str, deaf: str) -> None:
        """Schedule it so that the one of the two takes it that is not deaf."""
        self._freeze(deaf)
        self.accession.schedule(batch)
        until(lambda: self.accession.state(batch) != "scheduled", lambda: self.accession.log(batch))
        self.accession.signal(deaf, signal.SIGCONT)

    def _freeze(self, name: str) -> None:
        """Not while it writes to the database: nobody else could."""
        path = self.accession.folder / "data" / "accession.db"
        while True:
            self.accession.signal(name, signal.SIGSTOP)
            with contextlib.closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as database:
                try:
                    database.execute("BEGIN IMMEDIATE")
                    database.execute("ROLLBACK")
                except sqlite3.OperationalError:
                    self.accession.signal(name, signal.SIGCONT)
                    time.sleep(0.02)
                else:
                    return

    def both_write(self, *batches: str) -> None:
        """Wait until both do."""
        until(
            lambda: posts(self.one) and posts(self.other),
            lambda: "".join(self.accession.log(batch) for batch in batches),
        )

    def complete(self, *batches: str) -> None:
        for batch in batches:
            assert self.accession.wait(batch) == "complete", self.accession.log(batch)

    def came(self) -> list[float]:
        """When requests came, of either."""
        return sorted(entry.at for proxy in (self.one, self.other) for entry in proxy.log)


def posts(proxy: FaultProxy) -> list[Entry]:
    return [entry for entry in proxy.log if entry.method == "POST"]


@contextlib.contextmanager
def pair(folder: Path, omeka: StandIn, **limits: object) -> Iterator[Pair]:
    with Installation(folder / "accession", {"omeka": target_of(omeka, **limits)}) as accession:
        accession.start(worker=False)
        found = Pair(accession, omeka, limits)
        with found.one, found.other:
            yield found
            accession.stop_workers()


def test_two_workers_share_the_connections_of_a_target(tmp_path: Path, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=30)
    with pair(tmp_path, omeka, connections=CONNECTIONS) as two:
        batches = two.start(120, 60)
        two.both_write(*batches)
        two.complete(*batches)
        # Both at the same time, each in its turn.
        assert posts(two.one)[0].at < posts(two.other)[-1].at
        assert posts(two.other)[0].at < posts(two.one)[-1].at
    assert omeka.requests()["most_at_a_time"] == CONNECTIONS
    assert standing(omeka) == wanted(A=120, B=60)


def test_the_permits_of_a_worker_that_was_killed_fall_to_the_other(tmp_path: Path, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20)
    with pair(tmp_path, omeka, connections=CONNECTIONS) as two:
        # What the first worker sends is carried out, but it never hears of it: it has all permits.
        hold = Fault("hold", method="POST", times=0, seconds=60.0)
        two.one.add(hold)
        first, second = (order(two.accession, scope, 20) for scope in ("A", "B"))
        two.accession.schedule(first)
        two.start_worker("one", two.one)
        until(lambda: hold.done == CONNECTIONS, lambda: two.accession.log(first))
        two.start_worker("other", two.other)
        two.schedule(second, deaf="one")
        time.sleep(1.0)
        assert two.other.log == []
        killed = time.time()
        two.accession.kill("one")
        until(lambda: two.other.log, lambda: two.accession.log(second))
        # Renewed at most so long before.
        assert two.other.log[0].at - killed > PERMIT_LIFE - 2 * RENEWED
        assert two.other.log[0].at - killed < PERMIT_LIFE + 5.0
        two.complete(second, first)
        assert two.accession.counts(first)["created"] == 20
    assert omeka.requests()["most_at_a_time"] <= CONNECTIONS
    assert standing(omeka) == wanted(A=20, B=20)


def test_connections_hold_although_the_queue_is_emptied_again_and_again(
    tmp_path: Path, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=40)
    with pair(tmp_path, omeka, connections=CONNECTIONS) as two:
        batches = two.start(170, 90)
        two.both_write(*batches)
        with client(two.accession) as queue:
            for _ in range(8):
                queue.flushall()
                time.sleep(0.2)
        assert two.accession.state(batches[1]) == "running"
        two.complete(*batches)
    assert omeka.requests()["most_at_a_time"] == CONNECTIONS
    assert standing(omeka) == wanted(A=170, B=90)


def test_connections_hold_while_the_queue_is_away_and_when_it_comes_back_empty(
    tmp_path: Path, omeka: StandIn
) -> None:
    omeka.knobs(delay_ms=40)
    with pair(tmp_path, omeka, connections=CONNECTIONS) as two:
        batches = two.start(200, 120)
        two.both_write(*batches)
        with replaced(two.accession):
            # What one of them had over its share is given back.
            time.sleep(PERMIT_KEPT + 0.5)
            sofar = omeka.requests()["most_at_a_time"]
            omeka.reset_requests()
            two.one.clear()
            two.other.clear()
            two.both_write(*batches)
        two.complete(*batches)
    assert sofar <= CONNECTIONS + 1
    assert omeka.requests()["most_at_a_time"] == CONNECTIONS
    assert standing(omeka) == wanted(A=200, B=120)


def test_two_workers_share_the_requests_a_second_of_a_target(tmp_path: Path, omeka: StandIn) -> None:
    rate = 25.0
    with pair(tmp_path, omeka, connections=4, requests_per_second=rate) as two:
        batches = two.start(40, 40)
        two.both_write(*batches)
        two.complete(*batches)
    came = sorted(one["at"] for one in omeka.requests()["recent"])
    assert len(came) > 80
    # They leave evenly; what was under way may come together. In no time more than may leave in it.
    for i, sooner in enumerate(came):
        for j in range(i + 1, len(came)):
            assert j - i + 1 <= rate * (came[j] - sooner + UNDER_WAY) + 1, (sooner, came[j])
    assert standing(omeka) == wanted(A=40, B=40)


@pytest.mark.parametrize("status", [429, 503])
def test_what_the_target_asked_of_one_worker_is_kept_by_the_other(
    tmp_path: Path, omeka: StandIn, status: int
) -> None:
    omeka.knobs(delay_ms=20)
    asked = 2.0
    with pair(tmp_path, omeka, connections=CONNECTIONS) as two:
        batches = two.start(400, 300)
        two.both_write(*batches)
        two.one.add(Fault("answer", method="POST", status=status, headers={"retry-after": f"{asked:.0f}"}))
        runs = [until_waiting(two.accession, batch) for batch in batches]
        asks = f"The target asks to be left alone for 2 s ({status})."
        # Of the first worker one sender has it from the target itself.
        assert runs[0]["waiting_for"] in {asks, f"The target is too busy ({status})."}
        assert runs[1]["waiting_for"] == asks
        two.complete(*batches)
        (told,) = [entry.at for entry in two.one.log if entry.fault == "answer"]
        came = two.came()
    assert [at for at in came if told + UNDER_WAY < at < told + asked] == []
    assert came[-1] > told + asked
    assert standing(omeka) == wanted(A=400, B=300)
