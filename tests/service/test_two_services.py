"""Two services on one database: what both are asked for at once happens once."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store import keys, runs
from service.store.database import Database
from tests.service.conftest import CONTROL, DATA, PREFIX, Bell


def test_one_batch_scheduled_at_two_services_at_once_is_one_run_and_a_refusal(
    tmp_path: Path, database: Database
) -> None:
    key = keys.create_key(database, "tests")
    targets = {"tate": {"url": "https://tate.example.org"}}
    settings = Settings(data_dir=tmp_path, database_url=database.url, targets=targets, default_target="tate")  # type: ignore[arg-type]
    others = [Database(database.url) for _ in range(2)]
    bell = Bell()
    clients = [TestClient(create_app(settings, other, bell)) for other in others]
    for client in clients:
        client.auth = ("haplo", key.secret)
    control = json.dumps(CONTROL).encode()

    def post(client: TestClient, path: str, **arguments: object) -> str:
        answer = client.post(f"{PREFIX}/{path}", **arguments)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return answer.text

    digest = post(clients[0], "control", files={"file": ("c.json", control)})
    for _ in range(5):
        batch = post(clients[0], "batch", data={"control": digest})
        form = {"batch": batch, "name": "data0"}
        post(clients[1], "file", data=form, files={"file": ("d.json", DATA)})
        barrier = threading.Barrier(4)

        def schedule(
            number: int, barrier: threading.Barrier = barrier, batch: str = batch
        ) -> tuple[int, str]:
            barrier.wait()
            answer = clients[number % 2].post(f"{PREFIX}/schedule", data={"batch": batch})
            return answer.status_code, answer.text

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(schedule, range(4)))
        (run,) = runs.runs_of_batch(database, batch)
        assert [status for status, _ in answers] == [200, 409, 409, 409]
        assert all(run.id in text for status, text in answers if status == 409)
        assert [rung for rung in bell.rung if rung == ("run", run.id)] == [("run", run.id)]
    for other in others:
        other.dispose()
