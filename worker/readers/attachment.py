"""Attachments as records: one a file, with what its name and its bytes tell."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path, PurePosixPath

from service.control.model import AttachmentReader
from worker.attachments import archive
from worker.readers.base import BlobSource, Item, Reading
from worker.readers.outlet import Outlet
from worker.records import Json, Row

_CHUNK = 256 * 1024


class AttachmentReading(Reading):
    """The files in a zip, in its order, or the one file. Each has been read once when its row is there."""

    def __init__(self, spec: AttachmentReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._blob = blob
        self._members = archive.members(blob.path, file) if spec.archive else None
        self.columns = ("path", "name", "stem", "extension", "folder", "size", "digest")

    def __iter__(self) -> Iterator[Item]:
        if self._members is None:
            with self._blob.path.open("rb") as stream:
                pieces = iter(lambda: stream.read(_CHUNK), b"")
                yield self._row(1, self.file, self._blob.size, _digest(pieces))
            return
        for number, member in enumerate(self._members, start=1):
            try:
                digest = _digest(archive.chunks(self._blob.path, member.spelt))
            except archive.DAMAGED:
                message = f"“{member.name}” is damaged in the zip. Make the zip again."
                yield self._bad(number, "attachment-damaged", message, member.name)
                continue
            yield self._row(number, member.name, member.size, digest)

    def _row(self, number: int, path: str, size: int, digest: str) -> Row:
        name = PurePosixPath(path)
        fields: dict[str, Json] = {
            "path": path,
            "name": name.name,
            "stem": name.stem,
            "extension": name.suffix.removeprefix(".").lower(),
            "folder": "" if str(name.parent) == "." else str(name.parent),
            "size": size,
            "digest": digest,
        }
        return Row(self.file, number, fields)


def _digest(pieces: Iterator[bytes]) -> str:
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()


def excerpt_attachments(spec: AttachmentReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The files of these numbers, in a zip where they came in one."""
    if not spec.archive:
        if 1 in numbers:
            with path.open("rb") as stream:
                yield from iter(lambda: stream.read(_CHUNK), b"")
        return
    outlet = Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as packed:
        for number, member in enumerate(archive.members(path, path.name), start=1):
            if number not in numbers:
                continue
            with packed.open(member.name, "w", force_zip64=True) as stream:
                for piece in archive.chunks(path, member.spelt):
                    stream.write(piece)
                    yield outlet.take()
    yield outlet.take()
