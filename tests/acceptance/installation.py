"""A whole installation of Accession, in processes of its own, as a user would have it.

Queue, service and workers on free ports of loopback, in a data folder that the test gives; its
targets are stand-ins. Everything is driven through HTTP, and every process ends with the test.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2

from service.store.database import Database
from service.store.keys import SCOPES, create_key
from service.store.migrate import upgrade
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PREFIX = "/api/haplo-data-import-batch"
HASTE = {
    # What takes seconds in production takes tenths of them here; the behaviour is the same.
    "ACCESSION_LEASE": "2",
    "ACCESSION_SWEEP": "0.3",
    "ACCESSION_LOOK_AGAIN": "[0.1, 0.4, 1.0]",
    "ACCESSION_OUTAGE": "2",
    "ACCESSION_LOG_LEVEL": "info",
}


@dataclass
class Installation:
    """`targets`: name → the environment's settings of that target (url, key_identity, key_credential …)."""

    folder: Path
    targets: Mapping[str, Mapping[str, object]]
    settings: Mapping[str, str] = field(default_factory=dict)
    database_url: str = ""
    sources: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60.0)
        self._configure(self.targets)

    def _configure(self, targets: Mapping[str, Mapping[str, object]], file: str = "accession.toml") -> None:
        config = ["[targets]"]
        for name, target in targets.items():
            config.append(f"[targets.{name}]")
            config.extend(f"{key} = {_toml(value)}" for key, value in target.items())
        for name, source in self.sources.items():
            config.append(f"[sources.{name}]")
            config.extend(f"{key} = {_toml(value)}" for key, value in source.items())
        (self.folder / file).write_text("\n".join(config), encoding="utf-8")

    # --- processes --------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ACCESSION_", "OMEKA_")) and name != "PYTEST_CURRENT_TEST"
        }
        own = {
            "ACCESSION_CONFIG": str(self.folder / "accession.toml"),
            "ACCESSION_DATA_DIR": str(self.folder / "data"),
            "ACCESSION_PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
        }
        if self.database_url:
            own |= {"ACCESSION_DATABASE_URL": self.database_url, "ACCESSION_SECRET_KEY": "for tests"}
        return {**inherited, **HASTE, **own, **self.settings}

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run an `accession` command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            env=self.environment,
            cwd=self.folder,
            check=check,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _start(self, name: str, *arguments: str, **environment: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._processes[name] = subprocess.Popen(
            [sys.executable, *arguments],
            env={**self.environment, **environment},
            cwd=self.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        log.close()

    def start(self, *, worker: bool = True) -> Installation:
        """Bring everything up: queue, migrated database, service, one worker; and make an admin key."""
        self.start_queue()
        # As `accession migrate` and `accession keys create` do, without a process for each.
        db = Database(self.database_url or f"sqlite:///{self.folder / 'data' / 'accession.db'}")
        upgrade(db)
        self.key = create_key(db, "tests", SCOPES).secret
        db.dispose()
        self.client.auth = ("haplo", self.key)
        self.start_service()
        if worker:
            self.start_worker()
        return self

    def start_queue(self) -> None:
        from service.embedded_queue import EmbeddedQueue
        from service.settings import Settings

        self.queue = EmbeddedQueue(Settings(data_dir=self.folder / "data"))
        self.queue.start()

    def start_service(self) -> None:
        self._start("service", "-m", "service.cli", "service")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the service did not get ready:\n{self.output('service')}")

    def start_worker(
        self, name: str = "worker", targets: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        """`targets`: where this worker is to have settings of its own for them."""
        if targets is None:
            self._start(name, "-m", "worker.main")
            return
        self._configure(targets, f"{name}.toml")
        self._start(name, "-m", "worker.main", ACCESSION_CONFIG=str(self.folder / f"{name}.toml"))

    def point_to(self, targets: Mapping[str, Mapping[str, object]]) -> None:
        """Change the targets in the settings, and start service and worker anew with them."""
        self.terminate("worker")
        self.terminate("service")
        self._configure(targets)
        self.start_service()
        self.start_worker()

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str, timeout: float = 30) -> int:
        """End a process as an administrator would; its exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout)

    def signal(self, name: str, number: signal.Signals) -> None:
        self._processes[name].send_signal(number)

    def freeze(self, name: str) -> None:
        """Stop a process (SIGSTOP) in a moment in which it does not hold the database. (One that does keeps
        everybody from SQLite as long as it is frozen; that is a trouble of its own.)"""
        deadline = time.monotonic() + 30
        while True:
            self.signal(name, signal.SIGSTOP)
            if self.database_url or self._database_is_free():
                return
            self.signal(name, signal.SIGCONT)
            assert time.monotonic() < deadline, "the database is never free"
            time.sleep(0.01)

    def _database_is_free(self) -> bool:
        path = self.folder / "data" / "accession.db"
        with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            connection.execute("ROLLBACK")
        return True

    def output(self, name: str) -> str:
        """What a process wrote on its standard streams."""
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop_workers(self) -> None:
        for name in [name for name in self._processes if name != "service"]:
            self.terminate(name)

    def stop(self) -> None:
        for name in list(self._processes):
            process = self._processes.pop(name)
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.queue.stop()
        self.client.close()

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- the API ----------------------------------------------------------------------------------

    def post(self, path: str, **arguments: Any) -> httpx2.Response:
        return self.client.post(f"{PREFIX}/{path}", **arguments)

    def get(self, path: str, **parameters: object) -> httpx2.Response:
        return self.client.get(f"{PREFIX}/{path}", params={k: str(v) for k, v in parameters.items()})

    def batch(self, control: object, files: Mapping[str, bytes | Path], **parameters: str) -> str:
        """The first three steps; the batch's identifier."""
        digest = self.ok(self.post("control", files={"file": ("control.json", _bytes(control))}))
        batch = self.ok(self.post("batch", data={"control": digest, **parameters}))
        for name, content in files.items():
            with content.open("rb") if isinstance(content, Path) else io.BytesIO(_bytes(content)) as file:
                self.ok(self.post("file", data={"batch": batch, "name": name}, files={"file": (name, file)}))
        return batch

    def schedule(self, batch: str, mode: str = "import", **options: str | list[str]) -> None:
        assert self.ok(self.post("schedule", data={"batch": batch, "mode": mode, **options})) == "SCHEDULED"

    def wait(self, batch: str, seconds: float = 60) -> str:
        """Until no run of the batch is active; its state then."""
        deadline = time.monotonic() + seconds
        active = {"scheduled", "running", "waiting", "interrupted", "paused"}
        while (state := self.state(batch)) in active:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"still {state} after {seconds} s\n{self.log(batch)}\n{self.output('worker')}"
                )
            time.sleep(0.05)
        return state

    def run(self, batch: str, mode: str = "import", **options: str | list[str]) -> str:
        """Schedule and wait; the state at the end."""
        self.schedule(batch, mode, **options)
        return self.wait(batch)

    def state(self, batch: str) -> str:
        return self.ok(self.get(f"batch/{batch}")).splitlines()[0]

    def facts(self, batch: str) -> dict[str, Any]:
        answer = self.client.get(f"{PREFIX}/batch/{batch}", headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        facts: dict[str, Any] = answer.json()
        return facts

    def counts(self, batch: str) -> dict[str, int]:
        """The counts of the newest run."""
        counts: dict[str, int] = self.facts(batch)["runs"][0]["counts"]
        return counts

    def log(self, batch: str) -> str:
        return self.ok(self.get(f"batch/{batch}/log"))

    def report(self, batch: str) -> list[dict[str, Any]]:
        answer = self.client.get(f"{PREFIX}/batch/{batch}/report", headers={"accept": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    @staticmethod
    def ok(answer: httpx2.Response) -> str:
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return answer.text


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    return json.dumps(value)


def _bytes(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def target_of(standin: Any, url: str | None = None, **more: object) -> dict[str, object]:
    """The settings of a target that is a stand-in (or a proxy before it, at `url`), of either kind."""
    if hasattr(standin, "api_key"):
        return {"kind": "omeka-classic", "url": url or standin.url, "key": standin.api_key, **more}
    return {
        "url": url or standin.url,
        "key_identity": standin.key_identity,
        "key_credential": standin.key_credential,
        **more,
    }


def rows(number: int, **more: object) -> list[dict[str, object]]:
    """Simple records with an identifier."""
    return [{"acno": f"A{i:05}", "title": f"Work {i}", **more} for i in range(1, number + 1)]


CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "visibility": "public",
    "sites": [],
    "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": "tests"}},
    "files": {"data0": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}


def titles(dump: Mapping[str, Any]) -> list[str]:
    """The titles of all items in a stand-in's dump, sorted."""
    return sorted(str(item["o:title"]) for item in dump["items"])
