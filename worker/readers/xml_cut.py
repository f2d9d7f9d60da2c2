"""Records cut out of an XML document byte for byte: expat knows the offset of every element."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from worker.readers.xml_source import CHUNK
from worker.readers.xml_stream import Namer, Wanted


def cut_records(path: Path, wanted: Wanted, name: Namer, numbers: Set[int]) -> Iterator[bytes]:
    """The document with these records only, each byte for byte, in the envelope of the first record."""
    cuts = _Cuts(wanted, name, numbers)
    with path.open("rb") as stream, path.open("rb") as copy:
        while chunk := stream.read(CHUNK):
            cuts.feed(chunk)
            yield from cuts.take(copy)
        cuts.feed(b"", final=True)
        yield from cuts.take(copy)
    yield cuts.closing


def _bytes_between(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    stream.seek(start)
    while start < end:
        piece = stream.read(min(CHUNK, end - start))
        start += len(piece)
        yield piece


class _Cuts:
    """Follows a document by expat and notes the offsets of the envelope's beginning and of the records."""

    def __init__(self, wanted: Wanted, name: Namer, numbers: Set[int]) -> None:
        self._wanted = wanted
        self._name = name
        self._numbers = numbers
        self._parser = expat.ParserCreate(namespace_separator="\x1f")
        self._parser.namespace_prefixes = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.DefaultHandler = self._other
        self._parser.XmlDeclHandler = self._declaration
        self._chain: list[str] = []
        self._written: list[str] = []
        self._inside = 0
        self._found = 0
        self._start = 0
        self._ended = False
        self._pending: list[tuple[int, int]] = []
        self._open: list[str] | None = None
        self._codec = "utf-8"
        self._first = b""

    @property
    def closing(self) -> bytes:
        """The end tags of what is open around the records."""
        return "".join(f"</{name}>" for name in reversed(self._open or [])).encode(self._codec)

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        if not self._first:
            self._first = chunk[:2]
            if self._first in (b"\xff\xfe", b"\xfe\xff"):
                self._codec = "utf-16-le" if self._first == b"\xff\xfe" else "utf-16-be"
        self._parser.Parse(chunk, final)
        if final:
            self._finish(self._parser.CurrentByteIndex)

    def take(self, document: BinaryIO) -> Iterator[bytes]:
        """The stretches of the document that have become known since the last call."""
        for start, end in self._pending:
            yield from _bytes_between(document, start, end)
            if start:
                yield "\n".encode(self._codec)
        self._pending.clear()

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and self._codec == "utf-8":
            self._codec = encoding

    def _begin(self, qualified: str, attributes: object) -> None:
        at = self._parser.CurrentByteIndex
        self._finish(at)
        if self._inside:
            self._inside += 1
            return
        uri, _, rest = qualified.partition("\x1f") if "\x1f" in qualified else ("", "", qualified)
        local, _, prefix = rest.partition("\x1f")
        self._chain.append(self._name(f"{{{uri}}}{local}" if uri else local))
        if self._wanted(self._chain):
            if self._open is None:
                self._open = list(self._written)
                self._pending.append((0, at))
            self._found += 1
            self._start = at
            self._inside = 1
        else:
            self._written.append(f"{prefix}:{local}" if prefix else local)

    def _end(self, qualified: str) -> None:
        self._finish(self._parser.CurrentByteIndex)
        if self._inside > 1:
            self._inside -= 1
            return
        self._chain.pop()
        if self._inside:
            self._inside = 0
            self._ended = True
        else:
            self._written.pop()

    def _other(self, data: str) -> None:
        self._finish(self._parser.CurrentByteIndex)

    def _finish(self, at: int) -> None:
        """The record that ended with the last event reaches up to here."""
        if self._ended:
            self._ended = False
            if self._found in self._numbers:
                self._pending.append((self._start, at))
