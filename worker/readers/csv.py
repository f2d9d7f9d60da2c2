"""Reader `csv`: as people have it. Encoding, separator and header are detected, and said."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from service.control.model import CsvReader
from worker.errors import FileUnreadable
from worker.readers.base import (
    LONGEST_FIELD,
    LONGEST_RECORD,
    MEGABYTE,
    BlobSource,
    Item,
    Reading,
    count,
    shorten,
)
from worker.readers.encoding import Encoding, Lines, detect_encoding, open_text
from worker.readers.header import Fitting, Header, TooLong, make_header
from worker.readers.sniff import refuse_other_kinds
from worker.records import Row

_SAMPLE = 64 * 1024
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

csv.field_size_limit(LONGEST_FIELD)  # of the process: nothing else here reads CSV


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file is written. `separator_line`: it begins with Excel's `sep=;` line."""

    encoding: Encoding
    separator: str
    quote: str
    comments: str | None
    separator_line: bool
    fact: str


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a row, the line it begins in, and its text as it stands in the file.

    `fault`: why the cells cannot be trusted, `(code, message)`.
    """

    number: int
    cells: list[str]
    raw: str
    fault: tuple[str, str] | None = None

    @property
    def blank(self) -> bool:
        return self.fault is None and not any(cell and not cell.isspace() for cell in self.cells)


@dataclass(slots=True)
class Records:
    """The rows of the file, header and blank ones included, comments left out and counted."""

    layout: Layout
    path: Path
    file: str
    comments: int = 0
    _begins: int = 0
    _raw: list[str] = field(default_factory=list)
    _size: int = 0

    def __iter__(self) -> Iterator[Record]:
        layout = self.layout
        reader = csv.reader(
            self._lines(),
            delimiter=layout.separator,
            quotechar=layout.quote or None,
            quoting=_quoting(layout.quote),
            strict=True,
        )
        raw = self._raw
        while True:
            raw.clear()
            fault = None
            cells: list[str] = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = self._fault(str(error))
            text = raw[0] if len(raw) == 1 else "".join(raw)
            if "\x00" in text:
                fault = ("row-nul", "This row holds a NUL character, which Omeka cannot store. Take it out.")
            yield Record(self._begins, cells, text, fault)

    def _lines(self) -> Iterator[str]:
        lines = Lines(self.path, self.file, self.layout.encoding)
        comments = self.layout.comments
        raw = self._raw
        for line in lines:
            if not raw:
                if comments and line.startswith(comments):
                    self.comments += 1
                    continue
                if self.layout.separator_line and lines.number == 1:
                    continue
                self._begins = lines.number
                self._size = 0
            self._size += len(line)
            if self._size > LONGEST_RECORD:
                raise self._swallowed(f"more than {LONGEST_RECORD // MEGABYTE} million characters")
            raw.append(line)
            yield line

    def _fault(self, error: str) -> tuple[str, str]:
        if "field limit" in error:
            raise self._swallowed(f"a cell of more than {LONGEST_FIELD // MEGABYTE} million characters")
        if "unexpected end of data" in error:
            raise FileUnreadable(
                "quote-unclosed",
                "A quotation mark that opens in this row is never closed, so everything after it would be "
                'one cell. Close it, or say "quote": "" if quotation marks are ordinary text in this file.',
                self.file,
                self._begins,
            )
        return (
            "row-quotes",
            "A cell goes on after its closing quotation mark. A quotation mark inside a quoted cell is "
            'written twice (""); say "quote": "" if quotation marks are ordinary text in this file.',
        )

    def _swallowed(self, what: str) -> FileUnreadable:
        return FileUnreadable(
            "record-too-large",
            f"The row that begins here has {what}. A quotation mark that is not closed does this.",
            self.file,
            self._begins,
        )


class CsvReading(Reading):
    """Row numbers are the lines in which the rows begin; the header is usually line 1."""

    def __init__(self, spec: CsvReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._path = blob.path
        self._layout = detect_layout(spec, blob.path, file)
        self._given = spec.header
        self._header = read_header(self._layout, blob.path, file, spec.header)
        self._fitting = Fitting(self._header, file)
        self._records = Records(self._layout, blob.path, file)
        self._blank = 0
        self.columns = self._header.columns
        self.facts = (self._layout.encoding.fact, self._layout.fact, self._header.fact)

    def __iter__(self) -> Iterator[Item]:
        header_line = self._header.line
        fields = self._fitting.fields
        for record in self._records:
            number = record.number
            if record.blank:
                self._blank += 1
            elif record.fault is not None:
                yield self._bad(number, *record.fault, record.raw)
            elif number != header_line:
                try:
                    yield Row(self.file, number, fields(record.cells, number))
                except TooLong as error:
                    hint = " A separator inside a cell needs quotation marks around the cell."
                    yield self._bad(number, "row-too-long", f"{error}{hint}", record.raw)

    def notes(self) -> tuple[str, ...]:
        notes = self._fitting.notes()
        if self._blank:
            notes.append(f"{count(self._blank, 'blank row')} skipped.")
        if self._records.comments:
            notes.append(f"{count(self._records.comments, 'comment row')} skipped.")
        return tuple(notes)


def _quoting(quote: str) -> Literal[0, 3]:
    return csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE


def read_header(layout: Layout, path: Path, file: str, given: tuple[str, ...] | None) -> Header:
    """The given names, or the first row that is not blank."""
    if given is not None:
        return make_header(given, 0, file, _place)
    for record in Records(layout, path, file):
        if record.fault is not None:
            raise FileUnreadable(
                "header-blank", f"The header cannot be read. {record.fault[1]}", file, record.number
            )
        if not record.blank:
            return make_header(record.cells, record.number, file, _place)
    raise FileUnreadable("header-blank", "The file holds nothing but blank rows.", file)


def _place(index: int) -> str:
    return str(index + 1)


def detect_layout(spec: CsvReader, path: Path, file: str) -> Layout:
    refuse_other_kinds(path, file, "CSV")
    encoding = detect_encoding(path, file, spec.encoding)
    with open_text(path, encoding, errors="replace") as stream:  # the reading itself names the line
        sample = stream.read(_SAMPLE)
    first = sample.splitlines()[0] if sample else ""
    separator_line = first.lower().startswith("sep=") and len(first) == 5
    if spec.separator is not None:
        separator, fact = (
            spec.separator,
            f"Separated by {separator_name(spec.separator)}, as the control file says.",
        )
    elif separator_line:
        separator, fact = first[4], f"Separated by {separator_name(first[4])}, as its first line says."
    else:
        separator, fact = _detect_separator(sample, spec)
    return Layout(encoding, separator, spec.quote, spec.comments, separator_line, fact)


def separator_name(separator: str) -> str:
    return _SEPARATORS.get(separator, f'"{shorten(separator)}"')


def _detect_separator(sample: str, spec: CsvReader) -> tuple[str, str]:
    best, best_score = ",", 0.0
    lines = sample.splitlines(keepends=True)
    if len(sample) == _SAMPLE and len(lines) > 1:
        lines.pop()
    if spec.comments:
        lines = [line for line in lines if not line.startswith(spec.comments)]
    for separator in _SEPARATORS:
        score = _score(lines[:500], separator, spec)
        if score > best_score:
            best, best_score = separator, score
    if best_score == 0:
        return best, "No separator was found: the file has one column."
    return best, f"Separated by {separator_name(best)}, guessed from the first lines."


def _score(lines: list[str], separator: str, spec: CsvReader) -> float:
    """How well the separator fits: rows as wide as the header (or the given one), the wider the better."""
    quote = spec.quote or None
    widths: list[int] = []
    try:
        rows = csv.reader(lines, delimiter=separator, quotechar=quote, quoting=_quoting(spec.quote))
        widths.extend(len(cells) for cells in rows if any(cell.strip() for cell in cells))
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    wanted = len(spec.header) if spec.header else widths[0]
    if wanted < 2:
        return 0.0
    share = sum(1 for width in widths if width == wanted) / len(widths)
    return share * share * math.log2(wanted)


def excerpt_csv(spec: CsvReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The header and these rows as they stand in the file: encoding, separator, quotation and line ends."""
    layout = detect_layout(spec, path, path.name)
    header = read_header(layout, path, path.name, spec.header)
    codec = layout.encoding.codec
    yield layout.encoding.bom
    if layout.separator_line:
        yield next(iter(Lines(path, path.name, layout.encoding))).encode(codec)
    for record in Records(layout, path, path.name):
        if record.number in numbers or record.number == header.line:
            yield record.raw.encode(codec)
