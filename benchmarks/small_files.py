"""Uploading many small files through the running service, beside writing each and waiting for the disk."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import Aim, Bench, Comparison, Effort, Growth, Row, growth_fact, interleaved, timed
from tests.acceptance.installation import PREFIX, Installation

FILE_BYTES = 4096
FILES_A_CALL = 250
CONTROL = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "files": {"scans/*": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}


@dataclass(frozen=True, slots=True)
class Size:
    files: int
    rounds: int


SIZES: dict[Effort, Size] = {"full": Size(10_000, 5), "quick": Size(2_000, 3), "tiny": Size(20, 1)}


def measure(bench: Bench, installation: Installation) -> list[Row]:
    """Files a second, and how far the service grows meanwhile."""
    size = SIZES[bench.effort]
    trial = Trial(installation, bench.folder / "small", size.files)
    trial.upload(-1)  # what is made once, such as the store's folders, belongs to no round
    trial.growths.clear()
    found = interleaved(
        bench,
        {"uploads": trial.upload, "write and fsync": trial.write_and_sync},
        rounds=size.rounds,
        at_most=240,
    )
    what = f"{size.files:,} files of 4 KiB"
    return [
        Comparison(
            "uploads",
            what,
            size.files,
            "files",
            found["uploads"],
            "write and fsync",
            found["write and fsync"],
            Aim("speed", 0.5),
        ),
        *growth_fact("uploads", f"growth of the service by {what}", trial.growths, 50),
    ]


@dataclass
class Trial:
    """Each round has contents of its own, so that each file is stored anew."""

    installation: Installation
    folder: Path
    files: int
    growths: list[float | None] = field(default_factory=list)

    def contents(self, number: int) -> list[bytes]:
        source = random.Random(number)
        return [source.randbytes(FILE_BYTES) for _ in range(self.files)]

    def write_and_sync(self, number: int) -> float:
        contents = self.contents(number)
        self.folder.mkdir()
        try:
            return timed(lambda: _write_each(self.folder, contents))
        finally:
            shutil.rmtree(self.folder)

    def upload(self, number: int) -> float:
        contents = self.contents(number)
        batch = self.installation.batch(CONTROL, {})
        bodies = list(_bodies(batch, contents))
        answers: list[str] = []
        growth = Growth(self.installation.pid("service"))
        seconds = timed(lambda: self._post(bodies, answers))
        self.growths.append(growth.so_far())
        if "\n".join(answers).split("\n") != [hashlib.sha256(data).hexdigest() for data in contents]:
            raise ValueError("the service answered other digests than those of the files")
        return seconds

    def _post(self, bodies: Sequence[bytes], answers: list[str]) -> None:
        """As `curl` does it with several calls: one after the other, over one connection."""
        login = base64.b64encode(f"haplo:{self.installation.key}".encode()).decode()
        headers = {
            "Authorization": f"Basic {login}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.port, timeout=300)
        with contextlib.closing(connection):
            for body in bodies:
                connection.request("POST", f"{PREFIX}/file", body, headers)
                response = connection.getresponse()
                text = response.read().decode()
                if response.status != 200:
                    raise ValueError(f"the service answered {response.status}: {text}")
                answers.append(text)


BOUNDARY = "small-files-follow"


def _bodies(batch: str, contents: Sequence[bytes]) -> Iterator[bytes]:
    """The forms of the calls, made before anything is timed."""
    for start in range(0, len(contents), FILES_A_CALL):
        parts = [_part('name="batch"', batch.encode())]
        for place, data in enumerate(contents[start : start + FILES_A_CALL], start):
            parts.append(_part('name="name"', b"scans/%d.tif" % place))
            parts.append(_part(f'name="file"; filename="{place}.tif"', data))
        yield b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _part(disposition: str, data: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def _write_each(folder: Path, contents: Sequence[bytes]) -> None:
    for place, data in enumerate(contents):
        with (folder / str(place)).open("xb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())
