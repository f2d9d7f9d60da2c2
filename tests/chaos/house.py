"""An installation whose processes die, and a script of somebody's that goes on calling it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx2
import redis

from service.store.database import Database
from service.store.keys import SCOPES, create_key
from service.store.migrate import upgrade
from tests.acceptance.installation import PREFIX, Installation
from tests.ports import free_port

PATIENCE = 90.0
"""Seconds within which everything must be over."""
LEASE = 1.0
SETTINGS = {
    "ACCESSION_LEASE": str(LEASE),
    "ACCESSION_SWEEP": "0.25",
    # The last look comes later than any answer of a round.
    "ACCESSION_LOOK_AGAIN": "[0.1, 0.4, 1.5]",
    "ACCESSION_OUTAGE": "60",
}
_JSON = {"accept": "application/json"}
ACTIVE = frozenset({"scheduled", "running", "waiting", "interrupted", "paused"})


class House(Installation):
    """Every process of it may be ended and started again."""

    def open(self, db: Database, services: int = 1) -> None:
        """Everything up, on a database that exists. Of the services, the first one is struck."""
        self.database = db.url
        self.steered = ""
        """The batch that was scheduled last: the one that is steered."""
        self.workers: list[str] = []
        self.clients = [self.client]
        self.states: set[str] = set()
        """Every state that a batch was seen in."""
        self._named = 0
        self.start_queue()
        upgrade(db)
        self.key = create_key(db, "chaos", SCOPES).secret
        self.client.auth = ("haplo", self.key)
        self.client.timeout = httpx2.Timeout(10.0)
        self.start_service()
        self.clients += [self._another_service(n) for n in range(2, services + 1)]
        self.new_worker()

    def stop(self) -> None:
        for client in self.clients[1:]:
            client.close()
        super().stop()

    def _another_service(self, number: int) -> httpx2.Client:
        port = free_port()
        self._start(f"service{number}", "-m", "service.cli", "service", ACCESSION_PORT=str(port))
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{port}",
            auth=("haplo", self.key),
            timeout=10.0,
        )

    # --- what is done to it -----------------------------------------------------------------------

    def new_worker(self) -> None:
        self._named += 1
        self.workers.append(f"worker{self._named}")
        self.start_worker(self.workers[-1])

    def end_worker(self, how: signal.Signals) -> None:
        """End the newest worker, if one runs."""
        if self.workers:
            self._end(self.workers.pop(), how)

    def another_worker(self) -> None:
        """Instead of the newest one, which is killed."""
        self.end_worker(signal.SIGKILL)
        self.new_worker()

    def end_service(self) -> None:
        self._end("service", signal.SIGKILL)

    def service_again(self) -> None:
        """Start it and wait for nothing: whoever calls, waits."""
        if "service" not in self._processes:
            self._start("service", "-m", "service.cli", "service")

    def end_queue(self) -> None:
        pid = self.queue._pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def queue_again(self) -> None:
        self.queue.start()

    def flush_queue(self) -> None:
        with suppress(redis.RedisError, OSError), self.queue._client() as client:
            client.flushall()

    def _end(self, name: str, how: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            process.send_signal(how)
            process.wait(30)

    # --- the script --------------------------------------------------------------------------------

    def insist(self, method: str, path: str, **arguments: Any) -> httpx2.Response:
        """Call until the service answers something other than that it is away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx2.TransportError):
                answer = self.client.request(method, f"{PREFIX}/{path}", **arguments)
                if answer.status_code != 503:
                    assert answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
                    return answer
            assert time.monotonic() < deadline, f"the service is away:\n{self.output('service')[-4000:]}"
            time.sleep(0.05)

    def upload(self, control: object, files: Mapping[str, object]) -> str:
        """The first three steps, each as often as it takes; the batch."""
        content = json.dumps(control).encode()
        digest = self.ok(self.insist("POST", "control", files={"file": ("control.json", content)}))
        batch = self.ok(self.insist("POST", "batch", data={"control": digest}))
        for name, one in files.items():
            data = {"batch": batch, "name": name}
            part = {"file": (name, one if isinstance(one, bytes) else json.dumps(one).encode())}
            self.ok(self.insist("POST", "file", data=data, files=part))
        return batch

    def begin(self, batch: str, mode: str, through: int = 0, may: str = "", plan: str = "") -> str:
        """Schedule a run, once: its identifier. `through`: which service; `may`: the code of a refusal that
        is possible: then there is no run, and "" is returned."""
        known = len(self.status(batch)["runs"])
        self.steered = batch
        while True:
            answer = self._schedule(self.clients[through], batch, mode, plan)
            runs = self.status(batch)["runs"]
            if answer is not None and answer.status_code == 200:
                assert len(runs) == known + 1, "what was answered 200 is lost"
            elif answer is not None and answer.status_code != 503:
                code = _code(answer)
                assert may and code == may, f"schedule: {answer.status_code} {answer.text}"
                assert len(runs) == known, f"refused as {code}, and scheduled"
                return ""
            if len(runs) > known:
                return str(runs[0]["run"])

    def begin_twice(self, batch: str, mode: str) -> None:
        """Schedule a run through two services in the same moment: there is one, the other call is refused."""
        known = len(self.status(batch)["runs"])
        self.steered = batch
        while True:
            with ThreadPoolExecutor(len(self.clients)) as callers:
                calls = [callers.submit(self._schedule, one, batch, mode) for one in self.clients]
                answers = [one.result() for one in calls]
            told = [one for one in answers if one is not None and one.status_code != 503]
            runs = len(self.status(batch)["runs"]) - known
            said = [f"{one.status_code} {one.text}" for one in told]
            assert runs <= 1, f"{runs} runs of one batch, scheduled twice: {said}"
            taken = [one for one in told if one.status_code == 200]
            assert len(taken) <= runs, said
            assert all(_code(one) == "batch-active" for one in told if one not in taken), said
            if runs:
                return

    def _schedule(
        self, client: httpx2.Client, batch: str, mode: str, plan: str = ""
    ) -> httpx2.Response | None:
        """None: nobody answered."""
        form = {"batch": batch, "mode": mode} | ({"plan": plan} if plan else {})
        with suppress(httpx2.TransportError):
            return client.post(f"{PREFIX}/schedule", data=form, headers=_JSON)
        return None

    def steer(self, batch: str, verb: str) -> str:
        """Pause, resume or cancel what the batch does. The code of the refusal, if it makes no sense."""
        answer = self.insist("POST", f"batch/{batch}/{verb}", headers=_JSON)
        if answer.status_code == 200:
            return ""
        assert answer.status_code == 409, f"{verb}: {answer.status_code} {answer.text}"
        return _code(answer)

    def status(self, batch: str) -> dict[str, Any]:
        answer = self.insist("GET", f"batch/{batch}", headers=_JSON)
        assert answer.status_code == 200, answer.text
        facts: dict[str, Any] = answer.json()
        self.states.add(facts["state"])
        return facts

    def ended(self, batch: str) -> dict[str, Any]:
        """Wait until no run of the batch is active; what is told of it then."""
        deadline = time.monotonic() + PATIENCE
        while (facts := self.status(batch))["state"] in ACTIVE:
            assert time.monotonic() < deadline, f"still {facts['state']} after {PATIENCE:g} s"
            time.sleep(0.05)
        return facts


def _code(answer: httpx2.Response) -> str:
    """Of a refusal."""
    return str(answer.json()["errors"][0]["code"])
