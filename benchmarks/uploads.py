"""Uploading through the running service: a large file, beside hashing and writing it; and many small ones."""

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from benchmarks import small_files
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
Way: TypeAlias = Literal["POST", "PUT"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True, slots=True)
class Size:
    mebibytes: int
    rounds: int


SIZES: dict[Effort, Size] = {"full": Size(256, 5), "quick": Size(64, 3), "tiny": Size(2, 1)}
TARGET = {"url": "http://127.0.0.1:9", "key_identity": "none", "key_credential": "none"}
"""Nobody listens there, and an upload asks no target."""


def measure(bench: Bench) -> list[Row]:
    """MB a second of `POST …/file` and `PUT …/file/DIGEST`, files a second of many small ones, and how far
    the service grows meanwhile."""
    size = SIZES[bench.effort]
    path = _write_random(bench.folder / "large.bin", size.mebibytes)
    with Installation(bench.folder / "uploads", {"omeka": TARGET}) as installation:
        installation.start(worker=False)
        rows = _large(bench, installation, path, size)
        path.unlink()
        return [*rows, *small_files.measure(bench, installation)]


def _large(bench: Bench, installation: Installation, path: Path, size: Size) -> list[Row]:
    hashed, hash_it = hasher(path)
    trial = Trial(installation, installation.batch(CONTROL, {}), path)
    for way in WAYS:
        trial.upload(way, -1)  # what is loaded once, and kept, is not growth
        trial.growths[way].clear()
    found = interleaved(
        bench,
        {
            **{way: partial(trial.upload, way) for way in WAYS},
            hashed: lambda _: timed(hash_it),
            "write and fsync": lambda _: write_and_sync(path, installation.folder / "written.bin"),
        },
        rounds=size.rounds,
        at_most=240,
    )
    rows: list[Row] = []
    for way in WAYS:
        what = f"{size.mebibytes} MiB by {way}"
        row = partial(Comparison, "uploads", what, size.mebibytes * BLOCK / MB, "MB", found[way])
        rows.append(row(beside=hashed, theirs=found[hashed]))
        rows.append(row(beside="write and fsync", theirs=found["write and fsync"]))
        rows += growth_fact("uploads", f"growth of the service by {what}", trial.growths[way], 50)
    return rows


@dataclass
class Trial:
    """Uploads of one file, each time with other bytes, so that each is stored anew."""

    installation: Installation
    batch: str
    path: Path
    growths: dict[Way, list[float | None]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def upload(self, way: Way, number: int) -> float:
        with self.path.open("r+b") as file:
            file.write(f"{way} {number}".ljust(16).encode())
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        growth = Growth(self.installation.pid("service"))
        answers: list[str] = []
        send = partial(self._put, digest) if way == "PUT" else partial(self._post, f"data{number}")
        seconds = timed(lambda: answers.append(send()))
        self.growths[way].append(growth.so_far())
        if answers != [digest]:
            raise ValueError(f"the service answered {answers}, the file's digest is {digest}")
        return seconds

    def _put(self, digest: str) -> str:
        return self._send(("PUT", f"{PREFIX}/file/{digest}"), {}, b"", b"")

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
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._send(("POST", f"{PREFIX}/file"), headers, head, tail)

    def _send(self, call: tuple[str, str], headers: Mapping[str, str], head: bytes, tail: bytes) -> str:
        """The answer's text. `call`: method and path; `head` and `tail` go before and after the file."""
        login = base64.b64encode(f"haplo:{self.installation.key}".encode()).decode()
        length = str(len(head) + self.path.stat().st_size + len(tail))
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.port, timeout=300)
        with contextlib.closing(connection), self.path.open("rb") as file:
            connection.putrequest(*call)
            for name, value in {
                "Authorization": f"Basic {login}",
                **headers,
                "Content-Length": length,
            }.items():
                connection.putheader(name, value)
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
