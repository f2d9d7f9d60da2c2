"""Uploading one large file through the running service, beside hashing it and beside writing it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import random
import secrets
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.artworks import CONTROL
from benchmarks.measuring import (
    MB,
    Bench,
    Comparison,
    Effort,
    Growth,
    Row,
    growth_fact,
    interleaved,
    timed,
)
from tests.acceptance.installation import PREFIX, Installation

BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    mebibytes: int
    rounds: int


SIZES: dict[Effort, Size] = {"full": Size(256, 5), "quick": Size(64, 3), "tiny": Size(2, 1)}
TARGET = {"url": "http://127.0.0.1:9", "key_identity": "none", "key_credential": "none"}
"""Nobody listens there, and an upload asks no target."""


def measure(bench: Bench) -> list[Row]:
    """MB a second of `POST …/file`, and how far the service grows meanwhile."""
    size = SIZES[bench.effort]
    path = _write_random(bench.folder / "large.bin", size.mebibytes)
    hashed, hash_it = hasher(path)
    with Installation(bench.folder / "upload", {"omeka": TARGET}) as installation:
        installation.start(worker=False)
        trial = Trial(installation, installation.batch(CONTROL, {}), path)
        trial.upload(-1)  # what is loaded once, and kept, is not growth
        trial.growths.clear()
        found = interleaved(
            bench,
            {
                "upload": trial.upload,
                hashed: lambda _: timed(hash_it),
                "write and fsync": lambda _: write_and_sync(path, installation.folder / "written.bin"),
            },
            rounds=size.rounds,
            at_most=240,
        )
    amount = size.mebibytes * BLOCK / MB
    row = partial(Comparison, "upload", f"{size.mebibytes} MiB", amount, "MB", found["upload"])
    return [
        row(beside=hashed, theirs=found[hashed]),
        row(beside="write and fsync", theirs=found["write and fsync"]),
        *growth_fact("upload", "growth of the service meanwhile", trial.growths, 50),
    ]


@dataclass
class Trial:
    """Uploads of one file, each time with other bytes, so that each is stored anew."""

    installation: Installation
    batch: str
    path: Path
    growths: list[float | None] = field(default_factory=list)

    def upload(self, number: int) -> float:
        with self.path.open("r+b") as file:
            file.write(number.to_bytes(8, "big", signed=True))
        growth = Growth(self.installation.pid("service"))
        answers: list[str] = []
        seconds = timed(lambda: answers.append(self._post(f"data{number}")))
        self.growths.append(growth.so_far())
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if answers != [digest]:
            raise ValueError(f"the service answered {answers}, the file's digest is {digest}")
        return seconds

    def _post(self, name: str) -> str:
        """As `curl -F` does it, but for `sendfile`: what is measured is the service and not its client."""
        boundary = secrets.token_hex(16)
        fields = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in (("batch", self.batch), ("name", name))
        )
        disposition = 'form-data; name="file"; filename="large.bin"'
        head = f"{fields}--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        login = base64.b64encode(f"haplo:{self.installation.key}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.port, timeout=300)
        with contextlib.closing(connection), self.path.open("rb") as file:
            connection.putrequest("POST", f"{PREFIX}/file")
            connection.putheader("Authorization", f"Basic {login}")
            connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
            connection.putheader("Content-Length", str(len(head) + self.path.stat().st_size + len(tail)))
            connection.endheaders(head)
            connection.sock.sendfile(file)
            connection.sock.sendall(tail)
            response = connection.getresponse()
            text = response.read().decode()
        if response.status != 200:
            raise ValueError(f"the service answered {response.status}: {text}")
        return text


def hasher(path: Path) -> tuple[str, Callable[[], object]]:
    """The name of what hashes the file here, and the call."""
    program = shutil.which("sha256sum")
    if program is not None:
        return "sha256sum", lambda: subprocess.run([program, path], check=True, stdout=subprocess.DEVNULL)

    def hash_it() -> None:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    return "hashlib.sha256", hash_it


def write_and_sync(path: Path, to: Path) -> float:
    """Seconds of writing as many bytes to a new file and waiting until they are on disk."""
    size = path.stat().st_size
    with path.open("rb") as file:
        block = file.read(BLOCK)

    def write() -> None:
        with to.open("wb", buffering=0) as file:
            for _ in range(size // BLOCK):
                file.write(block)
            os.fsync(file.fileno())

    try:
        return timed(write)
    finally:
        to.unlink()


def _write_random(path: Path, mebibytes: int) -> Path:
    block = random.Random(0).randbytes(BLOCK)
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(number.to_bytes(8, "big") + block[8:])
    return path
