"""The service as its users meet it, on a real database and a real blob folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store import keys, runs, tables
from service.store.database import Database, now_ms
from service.store.migrate import upgrade
from service.store.plan_groups import Group, add_groups
from service.store.plan_places import Place
from service.store.plans import Entry, insert_entries

PREFIX = "/api/haplo-data-import-batch"

CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "visibility": "private",
    "match": {"item": {"source": "id", "by": "dcterms:identifier", "scope": "tests"}},
    "files": {"data0": {"read": "json"}, "more/*": {"read": "json", "required": False}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}
UNMATCHED = {name: value for name, value in CONTROL.items() if name != "match"}
DATA = b'[{"id": "a1", "title": "One"}, {"id": "a2", "title": "Two"}]'


@dataclass
class Bell:
    """Remembers who rang for what."""

    rung: list[tuple[str, str]] = field(default_factory=list)
    works: bool = True
    answer: Callable[[str], None] | None = None
    """Called with a task's id, as a worker would be."""

    async def ring_run(self, run_id: str) -> None:
        self.rung.append(("run", run_id))

    async def ring_task(self, task_id: str) -> None:
        self.rung.append(("task", task_id))
        if self.answer is not None:
            self.answer(task_id)

    async def reachable(self) -> bool:
        return self.works

    async def aclose(self) -> None:
        pass


@dataclass
class House:
    """A running service, and the ways into it."""

    settings: Settings
    db: Database
    bell: Bell
    client: TestClient
    app: Any
    key: keys.NewKey

    def with_key(self, *scopes: keys.Scope, target: str | None = None) -> TestClient:
        """A client with a new key of these scopes (all when none is named)."""
        new = keys.create_key(self.db, "other", scopes or keys.SCOPES, target)
        client = TestClient(self.app)
        client.auth = ("haplo", new.secret)
        return client

    def anonymous(self) -> TestClient:
        return TestClient(self.app)

    def control(self, control: Any = None) -> str:
        body = json.dumps(CONTROL if control is None else control).encode()
        answer = self.client.post(f"{PREFIX}/control", files={"file": ("control.json", body)})
        assert answer.status_code == 200, answer.text
        return answer.text

    def batch(self, control: Any = None, **fields: str) -> str:
        answer = self.client.post(f"{PREFIX}/batch", data={"control": self.control(control), **fields})
        assert answer.status_code == 200, answer.text
        return answer.text

    def filled(self, control: Any = None, data: bytes = DATA, **fields: str) -> str:
        """A batch with its file."""
        batch = self.batch(control, **fields)
        answer = self.client.post(
            f"{PREFIX}/file", data={"batch": batch, "name": "data0"}, files={"file": ("data.json", data)}
        )
        assert answer.status_code == 200, answer.text
        return batch

    def schedule(self, batch: str, mode: str = "import") -> str:
        """The run's identifier."""
        answer = self.client.post(
            f"{PREFIX}/schedule",
            data={"batch": batch, "mode": mode},
            headers={"Accept": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["run"])

    # What a worker would do, through the worker's side of the store.

    def claim(self, run_id: str) -> runs.Claim:
        claim = runs.claim_run(self.db, run_id, "worker-1", 60_000)
        assert claim is not None
        return claim

    def finish(
        self,
        run_id: str,
        ending: Any = "finished",
        *,
        entries: list[Entry] | None = None,
        groups: list[Group] | None = None,
        places: list[Place] | None = None,
        counts: dict[str, int] | None = None,
    ) -> None:
        claim = self.claim(run_id)
        with runs.fenced(self.db, claim) as connection:
            insert_entries(connection, run_id, entries or [])
            add_groups(connection, run_id, groups or [], places or [])
            runs.add_counts(connection, run_id, counts or {})
            runs.set_phase(connection, claim, "apply", planned_at=now_ms(), records_total=len(entries or []))
        runs.end_run(self.db, claim, ending)

    def wrote(self, run_id: str) -> None:
        """As if the run had meant to send a write."""
        with self.db.write() as connection:
            connection.execute(
                insert(tables.operation).values(
                    run_id=run_id,
                    key="1.1",
                    seq=1,
                    attempt=1,
                    fence=1,
                    method="create",
                    kind="item",
                    payload_digest="0" * 64,
                    intent_at=now_ms(),
                )
            )

    def took_effect(self, run_id: str) -> None:
        """As if the run had created a resource."""
        self.wrote(run_id)
        with self.db.write() as connection:
            connection.execute(
                update(tables.operation)
                .where(tables.operation.c.run_id == run_id)
                .values(outcome="done", outcome_at=now_ms(), answer_id=7)
            )

    def at(self, batch: str, ms: int) -> None:
        """Set when the batch was made."""
        with self.db.write() as connection:
            connection.execute(update(tables.batch).where(tables.batch.c.id == batch).values(created_at=ms))

    def blob_files(self) -> list[str]:
        """Every file in the blob folder but the locks of incoming folders."""
        root = self.settings.blobs
        return sorted(
            str(path.relative_to(root))
            for path in root.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "accession.db"
    db = Database(f"sqlite:///{path}")
    upgrade(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.dispose()
    return path


@pytest.fixture
def make_house(tmp_path: Path, migrated: Path) -> Iterator[Callable[..., House]]:
    """A function that starts a service with further settings."""
    stops: list[Callable[[], None]] = []

    def make(**more: Any) -> House:
        data = tmp_path / "data"
        data.mkdir()
        shutil.copy(migrated, data / "accession.db")
        targets = {
            "tate": {"url": "https://tate.example.org", "key_identity": "id", "key_credential": "geheim"},
            "other": {"url": "https://other.example.org/api"},
        }
        settings = Settings(**{"data_dir": data, "targets": targets, "default_target": "tate", **more})
        db = Database(settings.database, busy_wait=1.0)
        bell = Bell()
        app = create_app(settings, db, bell)
        key = keys.create_key(db, "tests")
        client = TestClient(app)
        client.auth = ("haplo", key.secret)
        client.__enter__()
        stops.append(db.dispose)
        stops.append(lambda: client.__exit__(None, None, None))
        return House(settings, db, bell, client, app, key)

    yield make
    for stop in reversed(stops):
        stop()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()
