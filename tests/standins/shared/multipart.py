"""Multipart bodies, as PHP takes them apart: while they come, files straight to disk."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .storage import Spool


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body."""

    name: str
    content: Spool


@dataclass
class Form:
    """The parts of a body: plain fields by name, and files in their order with the name of their part."""

    fields: dict[str, bytes] = field(default_factory=dict)
    files: list[tuple[str, Upload]] = field(default_factory=list)


class FormReader:
    """Takes a body a piece at a time. What is no multipart ends the form: what came before it counts."""

    def __init__(self, boundary: str) -> None:
        self.form = Form()
        self._header = [b"", b""]
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._filename: str | None = None
        self._content = Spool()
        self._broken = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._collect(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._collect(1, data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._part_begins,
                "on_part_data": lambda data, start, end: self._content.write(data[start:end]),
                "on_part_end": self._part_ends,
            },
        )

    def write(self, chunk: bytes) -> None:
        """The next piece of the body."""
        if self._broken:
            return
        try:
            self._parser.write(chunk)
        except FormParserError:
            self._broken = True

    def _collect(self, place: int, piece: bytes) -> None:
        self._header[place] += piece

    def _header_ends(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = [b"", b""]

    def _part_begins(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = _text(options.get(b"name"))
        filename = options.get(b"filename")
        self._filename = None if filename is None else _text(filename)
        self._content = Spool()

    def _part_ends(self) -> None:
        if self._filename is None:
            self.form.fields[self._name] = self._content.read()
        else:
            self.form.files.append((self._name, Upload(self._filename, self._content)))


def reader(method: str, content_type: str) -> FormReader | None:
    """What takes the body of such a request; None where PHP makes no form of it."""
    if method != "POST" or not content_type.strip().lower().startswith("multipart/form-data"):
        return None
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    return FormReader(boundary[1]) if boundary is not None else None


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
