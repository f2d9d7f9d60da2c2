"""Multipart bodies of a JSON part and a file, which goes through in pieces however large it is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread
from msgspec import Struct

PIECE = 1024 * 1024
"""Bytes of the file that are in memory at a time."""


class Form(Struct, frozen=True):
    """A part `data` (JSON), and a part of the file at `path` under the name `part`."""

    data: bytes
    part: str
    filename: str
    path: Path
    size: int
    """Bytes of the file."""
    boundary: str

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def head(self) -> bytes:
        """Everything before the bytes of the file."""
        name = _quoted(self.filename)
        return (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="data"\r\n\r\n'.encode()
            + self.data
            + f'\r\n--{self.boundary}\r\nContent-Disposition: form-data; name="{self.part}"; '
            f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        )

    @property
    def tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()

    def __len__(self) -> int:
        """Bytes of the whole body."""
        return len(self.head) + self.size + len(self.tail)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body. Raises `OSError` where the file cannot be read any more."""
        yield self.head
        with await anyio.to_thread.run_sync(self.path.open, "rb") as file:
            while piece := await anyio.to_thread.run_sync(file.read, PIECE):
                yield piece
        yield self.tail


def form(data: bytes, part: str, filename: str, path: Path) -> Form:
    """Raises `OSError` where there is no such file."""
    return Form(data, part, filename, path, path.stat().st_size, f"accession-{secrets.token_hex(16)}")


def _quoted(name: str) -> str:
    """A file name as browsers write it in a header."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
