"""`accession start`: one command for everything, from nothing to an orderly end."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.acceptance.installation import CONTROL, HASTE, PREFIX, ROOT, rows, titles
from tests.ports import free_port
from tests.standins.omeka_s import StandIn

pytestmark = pytest.mark.slow


class Started:
    """One `accession start` on a data folder; the folder may see several, one after the other."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "data"
        self.folder = folder
        self.port = free_port()
        self.settings = {"ACCESSION_DATA_DIR": str(self.data), "ACCESSION_PORT": str(self.port), **settings}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **HASTE, "PYTHONPATH": str(ROOT), **self.settings}

    def launch(self) -> subprocess.Popen[bytes]:
        with (self.folder / "start.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "start"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def up(self) -> Started:
        (self.data / "run" / "url").unlink(missing_ok=True)
        process = self.launch()
        until(lambda: (self.data / "run" / "url").exists() or process.poll() is not None)
        assert process.poll() is None, self.said()
        return self

    def refused(self) -> tuple[int, str]:
        """Exit code and words of a start that is expected to end by itself."""
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "start"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stderr

    def said(self) -> str:
        return (self.folder / "start.log").read_text(encoding="utf-8")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def key(self) -> str:
        return (self.data / "initial-key").read_text(encoding="utf-8").strip()

    def pid(self, name: str) -> int:
        return int((self.data / "run" / f"{name}.lock").read_text(encoding="ascii"))

    def client(self) -> httpx2.Client:
        url = (self.data / "run" / "url").read_text(encoding="utf-8").strip()
        return httpx2.Client(base_url=url + PREFIX, auth=("haplo", self.key()), timeout=30.0)

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this data folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                told = [*process.cmdline(), process.environ().get("ACCESSION_DATA_DIR", "")]
                if process.status() != psutil.STATUS_ZOMBIE and any(str(self.data) in word for word in told):
                    found.append(process)
        return found


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def cleared(found: Started) -> Iterator[Started]:
    yield found
    if found.process is not None and found.process.poll() is None:
        found.end()
    for process in found.processes():  # of a test that killed their supervisor
        with contextlib.suppress(psutil.Error):
            process.kill()
            process.wait()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Not started yet; whatever is left of it is ended with the test."""
    with cleared(Started(tmp_path)) as found:
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Started from nothing, for tests that leave it running."""
    with cleared(Started(tmp_path_factory.mktemp("running"))) as found:
        yield found.up()


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def test_from_nothing_to_an_answer_with_the_key_that_the_first_start_left(running: Started) -> None:
    left = running.data / "initial-key"
    assert left.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"acc_[A-Za-z0-9_-]{43}\n", left.read_text(encoding="utf-8"))
    assert running.key() not in running.said()  # it is no terminal
    with running.client() as client:
        assert client.get("/batch").status_code == 200
        assert client.get("/batch", auth=("haplo", "acc_" + "x" * 43)).status_code == 401
    assert running.data.stat().st_mode & 0o777 == 0o700


def test_the_first_key_is_shown_on_a_terminal_and_made_only_once(started: Started) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "start"],
        cwd=started.folder,
        env=started.environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = ""
    while "is ready at" not in shown:
        shown += os.read(ours, 4096).decode()
    first = started.key()
    process.terminate()
    with contextlib.suppress(OSError):  # the terminal is gone once the last process has closed it
        while os.read(ours, 4096):
            pass
    os.close(ours)
    assert process.wait(60) == 0
    assert f"It is: {first}" in shown

    (started.data / "initial-key").unlink()
    started.up()
    assert not (started.data / "initial-key").exists()
    with httpx2.Client(base_url=f"http://127.0.0.1:{started.port}{PREFIX}", auth=("haplo", first)) as client:
        assert client.get("/batch").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_worker_service_and_queue_in_this_order(
    started: Started, number: signal.Signals
) -> None:
    started.up()
    assert started.end(number) == 0
    stopped = re.findall(r"^The (\w+) has stopped\.$", started.said(), re.MULTILINE)
    assert stopped == ["worker", "service", "queue"]
    assert started.processes() == []
    assert "killed" not in started.said()


def test_a_second_start_on_the_same_folder_is_refused_and_the_first_goes_on(running: Started) -> None:
    assert running.process is not None
    code, words = running.refused()
    assert code == 1
    assert f"already running on the data folder {running.data} (process {running.process.pid})" in words
    assert "Traceback" not in words
    with running.client() as client:
        assert client.get("/batch").status_code == 200


def test_after_kill_9_of_the_supervisor_the_next_start_takes_over(started: Started) -> None:
    started.up()
    orphans = {name: started.pid(name) for name in ("service", "worker")}
    assert started.end(signal.SIGKILL) == -signal.SIGKILL

    started.up()

    for name, orphan in orphans.items():
        assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE
        assert (
            f"The {name} of an earlier start still runs (process {orphan}); it is stopped." in started.said()
        )
        assert started.pid(name) != orphan
    with started.client() as client:
        assert client.get("/batch").status_code == 200
    assert started.end() == 0
    assert started.processes() == []


@pytest.mark.parametrize("name", ["service", "worker"])
def test_what_crashes_is_started_again(running: Started, name: str) -> None:
    killed = running.pid(name)
    os.kill(killed, signal.SIGKILL)
    with running.client() as client:
        # The supervisor holds the socket: a request meanwhile waits, it is not refused.
        assert client.get("/batch").status_code == 200
    until(lambda: running.pid(name) != killed)
    assert f"The {name} ended (by SIGKILL); started again in 0.5 s." in running.said()


def test_a_queue_that_dies_comes_back(running: Started) -> None:
    (queue,) = [process for process in running.processes() if "valkey" in process.name()]
    queue.kill()
    until(lambda: "The queue does not answer; it is started again." in running.said())
    url = (running.data / "run" / "url").read_text(encoding="utf-8").strip()
    until(lambda: httpx2.get(f"{url}/readyz").status_code == 200)


def settings_of(standin: StandIn) -> dict[str, str]:
    return {
        "OMEKA_URL": standin.url,
        "OMEKA_KEY_IDENTITY": standin.key_identity,
        "OMEKA_KEY_CREDENTIAL": standin.key_credential,
    }


def upload(client: httpx2.Client, number: int) -> str:
    """The four steps; the identifier of a batch that is being imported."""
    digest = client.post("/control", files={"file": ("control.json", dumped(CONTROL))}).text
    batch = client.post("/batch", data={"control": digest}).text
    data = {"file": ("data.json", dumped(rows(number)))}
    assert client.post("/file", data={"batch": batch, "name": "data0"}, files=data).status_code == 200
    assert client.post("/schedule", data={"batch": batch}).text == "SCHEDULED"
    return batch


def dumped(document: object) -> bytes:
    return json.dumps(document).encode()


def test_an_import_that_runs_at_the_stop_goes_on_at_the_next_start(
    started: Started, standin: StandIn
) -> None:
    standin.knobs(delay_ms=50.0, workers=1)
    started.settings |= settings_of(standin)
    started.up()
    with started.client() as client:
        batch = upload(client, 60)
        # Somebody who follows the log does not hold up the end.
        with client.stream("GET", f"/batch/{batch}/log", params={"follow": "true"}) as following:
            assert any(" created " in line for line in following.iter_lines()), started.said()
            assert started.end() == 0
        assert 0 < len(standin.dump()["items"]) < 60
        assert "killed" not in started.said()

        started.up()
        state = ""
        while not state.startswith("complete"):
            state = client.get(f"/batch/{batch}", params={"wait": "5"}).text.splitlines()[0]
            assert state in {"scheduled", "running", "interrupted", "complete"}
    assert titles(standin.dump()) == sorted(f"Work {number}" for number in range(1, 61))


@contextlib.contextmanager
def half_an_upload(started: Started, batch: str) -> Iterator[None]:
    """A client that has sent the first two megabytes of a file, and holds on."""
    head = (
        f'--x\r\nContent-Disposition: form-data; name="batch"\r\n\r\n{batch}\r\n'
        '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nother\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    token = base64.b64encode(f"haplo:{started.key()}".encode()).decode()
    request = (
        f"POST {PREFIX}/file HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n{head}"
    )
    with socket.create_connection(("127.0.0.1", started.port)) as client:
        client.sendall(request.encode() + b"x" * 2_000_000)
        until(lambda: any(size > 1_000_000 for size in incoming(started)))
        yield


def incoming(started: Started) -> list[int]:
    """The sizes of the files that are on their way into the blob store."""
    folder = started.data / "blobs" / "incoming"
    return [path.stat().st_size for path in folder.glob("*/*") if path.is_file()]


def test_after_kill_9_of_everything_the_next_start_clears_up_and_goes_on(
    started: Started, standin: StandIn
) -> None:
    standin.knobs(delay_ms=50.0, workers=1)
    started.settings |= settings_of(standin)
    started.up()
    control = {**CONTROL, "files": {"data0": {"read": "json"}, "other": {"read": "json"}}}
    with started.client() as client:
        batch = upload(client, 60)
        digest = client.post("/control", files={"file": ("control.json", dumped(control))}).text
        another = client.post("/batch", data={"control": digest}).text
        until(lambda: len(standin.dump()["items"]) > 5)
        with half_an_upload(started, another):
            for process in started.processes():
                process.kill()
            assert started.end(signal.SIGKILL) == -signal.SIGKILL
            until(lambda: started.processes() == [])
    assert len(standin.dump()["items"]) < 60
    assert len(incoming(started)) == 1
    for part in (started.data / "queue" / "appendonlydir").glob("*.incr.aof"):
        os.truncate(part, part.stat().st_size * 2 // 3)  # cut off where it was being written

    started.up()
    assert incoming(started) == []
    with started.client() as client:
        state = ""
        while not state.startswith("complete"):
            state = client.get(f"/batch/{batch}", params={"wait": "5"}).text.splitlines()[0]
            assert state in {"scheduled", "running", "interrupted", "complete"}
        counts = client.get(f"/batch/{batch}", headers={"accept": "application/json"}).json()["runs"][0][
            "counts"
        ]
        assert counts["created"] == 60
        assert client.get(f"/batch/{another}").text.splitlines()[0] == "uploading"
    assert titles(standin.dump()) == sorted(f"Work {number}" for number in range(1, 61))
    assert started.end() == 0
    assert started.processes() == []


def test_a_data_folder_with_a_very_long_path_works(tmp_path: Path) -> None:
    deep = tmp_path / ("long-" * 20) / ("path-" * 20)
    deep.mkdir(parents=True)
    started = Started(deep).up()
    with started.client() as client:
        assert client.get("/batch").status_code == 200
    assert started.end() == 0
    assert started.processes() == []


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"ACCESSION_HOST": "0.0.0.0"}, 3, "Settings: host: 0.0.0.0 is reachable from other machines"),
        ({"ACCESSION_DATABASE_URL": "postgresql+psycopg://nowhere/x"}, 3, "Settings: secret_key: required"),
        ({"ACCESSION_PORT": "eighty"}, 3, "Settings: port: "),
        ({"OMEKA_URL": "omeka"}, 3, "not a web address"),
        ({"ACCESSION_DATA_DIR": "/dev/null/data"}, 1, "The data folder /dev/null/data cannot be used"),
    ],
)
def test_a_start_that_cannot_be_says_why_in_one_line(
    started: Started, settings: dict[str, str], code: int, words: str
) -> None:
    started.settings |= settings
    found, said = started.refused()
    assert found == code
    assert words in said
    assert "Traceback" not in said


def test_a_taken_port_is_told(started: Started) -> None:
    with socket.create_server(("127.0.0.1", started.port)):
        code, said = started.refused()
    assert code == 1
    assert f"Cannot listen on 127.0.0.1 port {started.port}: Address already in use" in said
    assert started.processes() == []
