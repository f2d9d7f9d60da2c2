"""Forms, read in one pass: files go to the blob store while they are hashed, fields to memory.

Both form encodings are taken everywhere. The body is collected to pieces of 1 MiB, and each is parsed,
hashed and written in a thread, so that memory stays flat and the event loop free whatever the size.
Nothing is kept until the caller commits: a body that breaks off leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from anyio.to_thread import run_sync
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, QuerystringParser, parse_options_header
from starlette.requests import Request

from service.errors import ApiError, bad_parameter, refusal, shown
from service.store.blobs import BlobStore, Digest, Incoming

FILE = "file"
"""The only parameter that may be large: its bytes never stand in memory."""

FLUSH = 1024 * 1024
MOST_OPEN = 32
"""Files of a form that are not synchronised yet: each is an open one, of which a process may have few."""
MOST_HEADERS = 16
MOST_HEADER_BYTES = 8 * 1024
MOST_NAME_BYTES = 1024
_PLAIN_TRANSFER = {b"", b"7bit", b"8bit", b"binary"}


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes, each with the setting that a person would change."""

    file: int
    file_setting: str
    fields: int
    parts: int


@dataclass(frozen=True, slots=True)
class TextPart:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes in the store's waiting room, hashed; `incoming.commit()` keeps them."""

    name: str
    filename: str
    digest: Digest
    incoming: Incoming


Part: TypeAlias = "TextPart | FilePart"


@dataclass(frozen=True, slots=True)
class Form:
    """The parts of a form in the order in which they came."""

    parts: Sequence[Part]

    def texts(self, name: str) -> list[str]:
        return [part.value for part in self.parts if isinstance(part, TextPart) and part.name == name]

    @property
    def files(self) -> list[FilePart]:
        return [part for part in self.parts if isinstance(part, FilePart)]


BeforeFile: TypeAlias = Callable[[Form], None]
"""Called in a thread with the parts so far before the first file is taken in: the moment to refuse it."""


@asynccontextmanager
async def read_form(
    request: Request,
    limits: Limits,
    blobs: BlobStore | None = None,
    before_file: BeforeFile | None = None,
) -> AsyncIterator[Form]:
    """The request's form; files that were not committed when the block ends are gone.

    Without `blobs` a `file` is a field like any other. Raises `ApiError` (400, 413, 415),
    `StoreUnavailableError`, and `ClientDisconnect` for a body that breaks off.
    """
    collector = _Collector(limits, blobs, before_file)
    try:
        decoder = _decoder(request, collector)
        async for piece in _pieces(request):
            if decoder is None:
                raise _unknown_type(request)
            await run_sync(_feed, decoder, piece)
        if decoder is not None:
            await run_sync(_close, decoder)
        yield Form(tuple(collector.parts))
    finally:
        with suppress(OSError):
            await run_sync(collector.discard)


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        if chunk:
            waiting.append(chunk)
            size += len(chunk)
        if size >= FLUSH:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if size:
        yield b"".join(waiting)


_Decoder: TypeAlias = "_Multipart | _UrlEncoded"


def _decoder(request: Request, collector: _Collector) -> _Decoder | None:
    """By the content type; None when there is none, which is right only for an empty body."""
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type == b"multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise refusal(400, "body-malformed", "The Content-Type multipart/form-data has no boundary.")
        return _Multipart(boundary, collector)
    if content_type == b"application/x-www-form-urlencoded":
        return _UrlEncoded(collector)
    if content_type == b"":
        return None
    raise _unknown_type(request)


def _unknown_type(request: Request) -> ApiError:
    found = request.headers.get("content-type", "")
    return refusal(
        415,
        "body-type",
        f"A body of the type {shown(found)} cannot be read: send a form, multipart/form-data (curl -F) or"
        " application/x-www-form-urlencoded (curl -d).",
    )


def _feed(decoder: _Decoder, piece: bytes) -> None:
    try:
        decoder.feed(piece)
    except FormParserError as error:
        raise refusal(
            400, "body-malformed", f"The form cannot be read: {error}. Nothing was kept."
        ) from error


def _close(decoder: _Decoder) -> None:
    decoder.close()


@dataclass(slots=True)
class _Collector:
    """Receives parts from either decoder, piece by piece; runs in threads, one at a time."""

    limits: Limits
    blobs: BlobStore | None
    before_file: BeforeFile | None
    parts: list[Part] = field(default_factory=list)
    _name: str = ""
    _filename: str = ""
    _incoming: Incoming | None = None
    _open: list[Incoming] = field(default_factory=list)
    _text: bytearray = field(default_factory=bytearray)
    _text_bytes: int = 0

    def begin(self, name: bytes, filename: bytes) -> None:
        if len(self.parts) >= self.limits.parts:
            raise refusal(
                413,
                "too-large",
                f"More than {self.limits.parts} parameters in one request (ACCESSION_MAX_FORM_PARTS)."
                " Send them in several.",
            )
        self._name = _utf8(name, "The name of a parameter")
        self._filename = clean_filename(filename)
        self._text.clear()
        if self._name == FILE and self.blobs is not None:
            if self.before_file is not None:
                self.before_file(Form(tuple(self.parts)))
                self.before_file = None
            self._incoming = self.blobs.begin()

    def data(self, data: memoryview) -> None:
        if self._incoming is None:
            self._text_bytes += data.nbytes
            if self._text_bytes > self.limits.fields:
                raise refusal(
                    413,
                    "too-large",
                    f"{self._name}: the parameters other than {FILE} are larger than"
                    f" {self.limits.fields:,} bytes together (ACCESSION_MAX_FORM_BYTES).",
                    self._name,
                )
            self._text += data
            return
        if self._incoming.size + data.nbytes > self.limits.file:
            raise refusal(
                413,
                "too-large",
                f"{FILE}: {self._filename or 'the file'} is larger than {self.limits.file:,} bytes"
                f" ({self.limits.file_setting}). Split it, or have the setting raised. Nothing was kept.",
                FILE,
            )
        self._incoming.write(data)

    def end(self) -> None:
        if self._incoming is not None:
            incoming = self._incoming
            self.parts.append(FilePart(self._name, self._filename, incoming.end(), incoming))
            self._incoming = None
            self._open.append(incoming)
            if len(self._open) >= MOST_OPEN and self.blobs is not None:
                self.blobs.sync(self._open)
                self._open.clear()
            return
        value = _utf8(bytes(self._text), f"The parameter {self._name}")
        self.parts.append(TextPart(self._name, value))

    def discard(self) -> None:
        if self._incoming is not None:
            self._incoming.discard()
        for part in self.parts:
            if isinstance(part, FilePart):
                part.incoming.discard()


class _Multipart:
    """`multipart/form-data` to the collector."""

    def __init__(self, boundary: bytes, collector: _Collector) -> None:
        self._collector = collector
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": collector.end,
                    "on_end": self._on_end,
                },
                max_header_count=MOST_HEADERS,
                max_header_size=MOST_HEADER_BYTES,
            )
        except FormParserError as error:
            raise refusal(400, "body-malformed", f"The form cannot be read: {error}.") from error

    def feed(self, data: bytes) -> None:
        if not self._ended:  # what follows the last boundary means nothing
            self._parser.write(data)

    def close(self) -> None:
        if not self._ended:
            raise refusal(
                400,
                "body-malformed",
                "The form breaks off before its last boundary: the upload was cut. Nothing was kept."
                " Send it again.",
            )

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(
            self._headers.get(b"content-disposition", b"").decode("latin-1")
        )
        if disposition != b"form-data" or not options.get(b"name"):
            raise refusal(400, "body-malformed", "A part of the form has no name (Content-Disposition).")
        transfer = self._headers.get(b"content-transfer-encoding", b"").strip().lower()
        if transfer not in _PLAIN_TRANSFER:
            name = options[b"name"].decode("utf-8", "replace")
            raise bad_parameter(
                name, f"{name} has a Content-Transfer-Encoding. Send the bytes as they are.", "body-malformed"
            )
        self._collector.begin(options[b"name"], options.get(b"filename", b""))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._collector.data(memoryview(data)[start:end])

    def _on_end(self) -> None:
        self._ended = True


class _UrlEncoded:
    """`application/x-www-form-urlencoded` to the collector, decoding as it comes."""

    def __init__(self, collector: _Collector) -> None:
        self._collector = collector
        self._name = bytearray()
        self._begun = False
        self._pending = b""
        self._parser = QuerystringParser(
            {
                "on_field_start": self._on_start,
                "on_field_name": self._on_name,
                "on_field_data": self._on_data,
                "on_field_end": self._on_end,
            }
        )

    def feed(self, data: bytes) -> None:
        self._parser.write(data)

    def close(self) -> None:
        self._parser.finalize()

    def _on_start(self) -> None:
        self._name.clear()
        self._pending = b""
        self._begun = False

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        if len(self._name) > MOST_NAME_BYTES:
            raise refusal(400, "body-malformed", "The name of a parameter is far too long. Is this a form?")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._begin()
        encoded = self._pending + data[start:end]
        # An escape (%E4) may be cut by the end of a piece: what may be the half of one waits for the rest.
        cut = encoded.rfind(b"%", max(0, len(encoded) - 2))
        self._pending = b"" if cut < 0 else encoded[cut:]
        self._collector.data(memoryview(_decoded(encoded if cut < 0 else encoded[:cut])))

    def _on_end(self) -> None:
        self._begin()
        if self._pending:
            self._collector.data(memoryview(_decoded(self._pending)))
        self._collector.end()

    def _begin(self) -> None:
        if not self._begun:
            self._collector.begin(_decoded(bytes(self._name)), b"")
            self._begun = True


def _decoded(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", b" "))


def _utf8(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise refusal(
            400, "body-malformed", f"{what} is not UTF-8: {shown(data.decode('latin-1'))}."
        ) from None


_FOLDERS = re.compile(r".*[/\\]")


def clean_filename(raw: bytes) -> str:
    """The file's own name as its sender knows it: for reading only, never part of a path of ours."""
    name = _FOLDERS.sub("", raw.decode("utf-8", "replace"))
    return "".join(character for character in name if character.isprintable())[:255]
