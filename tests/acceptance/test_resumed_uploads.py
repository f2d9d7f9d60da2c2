"""The loop of curl in `docs/uploads.md`, as it stands there: the line breaks and the service is killed."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.installation import CONTROL, PREFIX, ROOT, Installation
from tests.ports import free_port

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
NOWHERE = {"url": "http://127.0.0.1:9", "key_identity": "none", "key_credential": "none"}
"""An upload asks no target."""


class Line:
    """The way from the client to the service: counts what goes there, and can stop or break at a place."""

    def __init__(self, port: int, stops_at: int, breaks_at: int) -> None:
        self.port = free_port()
        self.sent = 0
        self.stopped, self.go = threading.Event(), threading.Event()
        self._service, self._stops_at, self._breaks_at = port, stops_at, breaks_at
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._service)) as service:
            threading.Thread(target=_back, args=(service, client), daemon=True).start()
            try:
                self._forward(client, service)
            finally:
                # Closing alone would not wake the thread that waits for an answer, nor tell the service.
                service.shutdown(socket.SHUT_RDWR)

    def _forward(self, client: socket.socket, service: socket.socket) -> None:
        while data := client.recv(64 * 1024):
            before, self.sent = self.sent, self.sent + len(data)
            service.sendall(data)
            if before < self._breaks_at <= self.sent:
                return
            if before < self._stops_at <= self.sent:
                self.stopped.set()
                assert self.go.wait(60)
                return

    def close(self) -> None:
        self._listening.close()


def _back(service: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := service.recv(64 * 1024):
            client.sendall(data)
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, {"omeka": NOWHERE}) as installed:
        yield installed.start(worker=False)


def the_loop() -> str:
    page = (ROOT / "docs" / "uploads.md").read_text(encoding="utf-8")
    section = page.split("## A large file\n")[1].split("\n## ")[0]
    (loop,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return loop


def test_the_documented_loop_goes_on_after_a_broken_line_and_a_killed_service(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "a large file.bin"
    block = random.Random(1).randbytes(MIB)
    path.write_bytes(b"".join(number.to_bytes(8, "big") + block[8:] for number in range(96)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    batch = installation.batch(CONTROL, {})
    line = Line(installation.port, stops_at=60 * MIB, breaks_at=20 * MIB)
    values = {
        "FILE": str(path),
        "NAME": "data0",
        "BATCH": batch,
        "KEY": installation.key,
        "API": f"http://127.0.0.1:{line.port}{PREFIX}",
        "PATH": "/usr/bin:/bin",
    }
    (tmp_path / "client").mkdir()
    with subprocess.Popen(
        ["/bin/sh", "-eu", "-c", the_loop()],
        env=values,
        cwd=tmp_path / "client",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as loop:
        if not line.stopped.wait(60):
            loop.kill()
            raise AssertionError(loop.communicate())
        # 60 MiB are with the service or on their way to it: wait until it counts the last whole 16 of them.
        held = 0
        while held < 44 * MIB:
            held = int(installation.client.head(f"{PREFIX}/file/{digest}").headers["upload-offset"])
        installation.kill("service")
        line.go.set()
        installation.start_service()
        assert installation.client.head(f"{PREFIX}/file/{digest}").headers["upload-offset"] == str(held)
        out, err = loop.communicate(timeout=90)
    line.close()
    assert (loop.returncode, out, err) == (0, digest, "")
    # What was sent twice is what the service had not counted when it was killed: never the whole again.
    assert 96 * MIB < line.sent < (96 + 17 + 5) * MIB
    facts = installation.client.get(f"{PREFIX}/batch/{batch}", headers={"Accept": "application/json"}).json()
    assert [(one["name"], one["digest"], one["size"]) for one in facts["files"]] == [
        ("data0", digest, 96 * MIB)
    ]
    with installation.client.stream("GET", f"{PREFIX}/file/{digest}") as download:
        fetched = hashlib.sha256()
        for chunk in download.iter_bytes():
            fetched.update(chunk)
    assert fetched.hexdigest() == digest


def test_the_documented_loop_ends_with_the_reason_when_the_service_refuses(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"[]")
    values = {
        "FILE": str(path),
        "NAME": "data0",
        "BATCH": "x",
        "KEY": "wrong",
        "API": f"http://127.0.0.1:{installation.port}{PREFIX}",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", the_loop()],
        env=values,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The API key is unknown or was revoked")
