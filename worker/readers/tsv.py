"""Reader `tsv-with-name-row`: Haplo's. The first line names the values; no quoting, no empty values."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

from service.control.model import TsvReader
from worker.errors import FileUnreadable
from worker.readers.base import BlobSource, Item, Reading, count
from worker.readers.csv import separator_name
from worker.readers.encoding import Encoding, Lines, detect_encoding
from worker.readers.header import Fitting, Header, TooLong, make_header
from worker.readers.sniff import refuse_other_kinds
from worker.records import Row


class TsvReading(Reading):
    """Row numbers are line numbers. A cell that is empty is no key of its record, as Haplo has it."""

    def __init__(self, spec: TsvReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._path = blob.path
        self._separator = spec.separator
        self._encoding, self._header = _open(spec, blob.path, file)
        self._fitting = Fitting(self._header, file)
        self._blank = 0
        self.columns = self._header.columns
        separated = f"Separated by {separator_name(spec.separator)}."
        self.facts = (self._encoding.fact, separated, self._header.fact)

    def __iter__(self) -> Iterator[Item]:
        lines = Lines(self._path, self.file, self._encoding)
        for line in lines:
            number = lines.number
            text = line.rstrip("\r\n")
            if not text.strip():
                self._blank += 1
            elif "\x00" in text:
                message = "This row holds a NUL character, which Omeka cannot store. Take it out."
                yield self._bad(number, "row-nul", message, text)
            elif number != self._header.line:
                try:
                    fields = self._fitting.fields(text.split(self._separator), number)
                except TooLong as error:
                    yield self._bad(number, "row-too-long", str(error), text)
                else:
                    yield Row(self.file, number, {name: value for name, value in fields.items() if value})

    def notes(self) -> tuple[str, ...]:
        return (f"{count(self._blank, 'blank row')} skipped.",) if self._blank else ()


def _open(spec: TsvReader, path: Path, file: str) -> tuple[Encoding, Header]:
    refuse_other_kinds(path, file, "a table separated by tabs")
    encoding = detect_encoding(path, file, spec.charset, "charset")
    lines = Lines(path, file, encoding)
    for line in lines:
        if line.strip():
            names = line.rstrip("\r\n").split(spec.separator)
            return encoding, make_header(names, lines.number, file, lambda index: str(index + 1))
    raise FileUnreadable("header-blank", "The file holds nothing but blank lines.", file)


def excerpt_tsv(spec: TsvReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The line of names and these lines, byte for byte."""
    encoding, header = _open(spec, path, path.name)
    yield encoding.bom
    lines = Lines(path, path.name, encoding)
    for line in lines:
        if lines.number in numbers or lines.number == header.line:
            yield line.encode(encoding.codec)
