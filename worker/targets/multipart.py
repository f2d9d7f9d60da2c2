"""A request body of several parts, of which none is held in memory as a whole."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from urllib.parse import quote

import anyio.to_thread
from msgspec import Struct

Chunks = Callable[[], Iterator[bytes]]
"""Gives all bytes of a file, from the beginning, each time it is called. Blocking."""


class FilePart(Struct, frozen=True):
    """A file of a form. `name`: of the field; `size`: in bytes, exactly what `chunks` gives."""

    name: str
    filename: str
    media_type: str
    size: int
    chunks: Chunks


class Form:
    """`multipart/form-data`: one field of text, then files. The same form gives the same bytes each time."""

    def __init__(self, field: str, text: bytes, files: Sequence[FilePart]) -> None:
        self._boundary = f"accession-{secrets.token_hex(16)}"
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'
        self._first = head.encode("ascii") + text + b"\r\n"
        self._files = tuple((self._head(one), one) for one in files)
        self._last = f"--{self._boundary}--\r\n".encode("ascii")

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        files = sum(len(head) + one.size + 2 for head, one in self._files)
        return len(self._first) + files + len(self._last)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises `OSError` where a file is not as long as it was, and what its `chunks` raise."""
        yield self._first
        for head, one in self._files:
            yield head
            sent = 0
            parts = await anyio.to_thread.run_sync(one.chunks)
            while chunk := await anyio.to_thread.run_sync(partial(next, parts, b"")):
                sent += len(chunk)
                yield chunk
            if sent != one.size:
                raise OSError(f"{one.filename} has {sent} bytes, not {one.size}")
            yield b"\r\n"
        yield self._last

    def _head(self, one: FilePart) -> bytes:
        lines = (
            f"--{self._boundary}",
            f'Content-Disposition: form-data; name="{one.name}"; filename="{_quoted(one.filename)}"',
            f"Content-Type: {one.media_type or 'application/octet-stream'}",
        )
        return "\r\n".join((*lines, "", "")).encode()


def _quoted(name: str) -> str:
    """A file name within quotation marks, as browsers write it: UTF-8, with what would end it in percents."""
    return "".join(quote(char) if char in '"\r\n' else char for char in name)
