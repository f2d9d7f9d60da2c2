"""What xlsx and ods have in common: rows of cells under a header."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from service.control.model import SheetReader
from worker.errors import FileUnreadable
from worker.readers.base import Item, Reading, count, quoted_list, shorten
from worker.readers.header import Fitting, Header, TooLong, is_blank, make_header
from worker.records import Json, Row

MOST_COLUMNS = 16_384
MOST_ROWS = 1_048_576
"""The size of a sheet in Excel; LibreOffice's are no longer."""


@dataclass(slots=True)
class SheetRow:
    """A row as the sheet has it. `number` is what the spreadsheet program shows beside it."""

    number: int
    cells: list[Json]
    hidden: bool = False
    plain_numbers: frozenset[int] = frozenset()
    """Columns whose number is shown as it is kept: noughts at either end are gone."""
    errors: tuple[tuple[int, str], ...] = ()
    """Columns that show an error, and which."""
    unknown: tuple[int, ...] = ()
    """Columns with a formula whose result is not in the file."""

    @property
    def blank(self) -> bool:
        return not self.unknown and all(is_blank(cell) for cell in self.cells)


class Sheet(Protocol):
    """A sheet of a workbook. `merged` is complete when the rows have been read."""

    name: str
    others: list[str]
    """The other sheets of the workbook."""
    merged: list[tuple[int, int, str]]
    """Merged cells: first row, last row, and the range as a person writes it (`B1:C1`)."""

    def rows(self) -> Iterator[SheetRow]: ...


def column_name(index: int) -> str:
    """`A` for 0, `AA` for 26."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def choose_sheet(wanted: str | int | None, names: list[str], hidden: Collection[str], file: str) -> int:
    """The index of the sheet: by name, by number from 1, or the first that is not hidden."""
    if wanted is None:
        return next((index for index, name in enumerate(names) if name not in hidden), 0)
    if isinstance(wanted, int) and 1 <= wanted <= len(names):
        return wanted - 1
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    called = f"number {wanted}" if isinstance(wanted, int) else f'called "{shorten(wanted)}"'
    raise FileUnreadable(
        "sheet-missing", f"There is no sheet {called}. The workbook has {quoted_list(names)}.", file
    )


@dataclass(slots=True)
class _Seen:
    """What is counted while the rows go by."""

    blank: int = 0
    hidden: int = 0
    above: int = 0
    errors: int = 0
    first_error: str = ""
    numbers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Columns of identities → how many of their cells are plain numbers, and the first as it was read."""


class SheetReading(Reading):
    """Row numbers are the program's. What is read is what a person sees; `identity` are the columns by
    which records are known again: numbers there are warned of."""

    def __init__(self, spec: SheetReader, sheet: Sheet, file: str, identity: Collection[str] = ()) -> None:
        super().__init__(file)
        self._sheet = sheet
        self._identity = frozenset(identity)
        self._raw = spec.cells == "raw"
        self._seen = _Seen()
        self._rows = sheet.rows()
        self._header = self._find_header(spec)
        self._fitting = Fitting(self._header, file, None if self._raw else "")
        self.columns = self._header.columns
        others = f" Other sheets, not read: {quoted_list(sheet.others)}." if sheet.others else ""
        self.facts = (f'Sheet "{shorten(sheet.name)}".{others}', self._header.fact)

    def __iter__(self) -> Iterator[Item]:
        seen = self._seen
        for row in self._rows:
            if row.blank:
                seen.blank += 1
            else:
                yield self._item(row)

    def _find_header(self, spec: SheetReader) -> Header:
        """The header at `headerRow`. Raises `FileUnreadable` where nothing stands there."""
        sheet = self._sheet
        for row in self._rows:
            if row.blank:
                continue
            if row.number == spec.header_row:
                names = ["" if cell is None else str(cell) for cell in row.cells]
                return make_header(names, row.number, self.file, column_name, "row")
            if row.number > spec.header_row:
                raise FileUnreadable(
                    "header-blank",
                    f"Row {spec.header_row}, where the header should stand, is empty. The first row after "
                    f'it with anything in it is {row.number}: say "headerRow": {row.number} if the header '
                    "stands there.",
                    self.file,
                )
            self._seen.above += 1
        raise FileUnreadable(
            "header-blank",
            f'The sheet "{shorten(sheet.name)}" has nothing in row {spec.header_row} or below it.',
            self.file,
        )

    def _item(self, row: SheetRow) -> Item:
        self._watch(row)
        try:
            cells = row.cells if self._raw else ["" if cell is None else cell for cell in row.cells]
            fields = self._fitting.fields(cells, row.number)
        except TooLong as error:
            return self._bad(row.number, "row-too-long", str(error), _raw(row))
        if row.unknown:
            cell = f"{column_name(row.unknown[0])}{row.number}"
            message = (
                f"The cell {cell} holds a formula whose result is not in the file. Open the workbook in the "
                "spreadsheet program and save it again: that works the formulas out."
            )
            return self._bad(row.number, "cell-no-result", message, _raw(row))
        return Row(self.file, row.number, fields)

    def _watch(self, row: SheetRow) -> None:
        seen = self._seen
        seen.hidden += row.hidden
        for index, error in row.errors:
            seen.errors += 1
            seen.first_error = seen.first_error or f"{error} in {column_name(index)}{row.number}"
        if not self._identity:
            return
        for index in row.plain_numbers:
            name = self._header.names[index] if index < len(self._header.names) else ""
            if name in self._identity:
                number, first = seen.numbers.get(name, (0, f"{row.cells[index]} in row {row.number}"))
                seen.numbers[name] = (number + 1, first)

    def notes(self) -> tuple[str, ...]:
        seen = self._seen
        notes = []
        for name, (number, first) in seen.numbers.items():
            notes.append(
                f'The column "{shorten(name)}", by which records are known again, holds numbers in '
                f"{count(number, 'row')} (first: {first}). A spreadsheet takes noughts off a number (007, "
                "1998.10): compare them with the originals, and format the column as text."
            )
        if seen.errors:
            notes.append(
                f"{count(seen.errors, 'cell')} with an error (first: {seen.first_error}), read as that text."
            )
        if seen.hidden:
            notes.append(f"{count(seen.hidden, 'hidden row')} read like the others.")
        if seen.above:
            notes.append(f"{count(seen.above, 'row')} above the header left out.")
        if seen.blank:
            notes.append(f"{count(seen.blank, 'blank row')} skipped.")
        return (*notes, *self._merged())

    def _merged(self) -> list[str]:
        line = self._header.line
        header = [place for first, last, place in self._sheet.merged if first <= line <= last]
        body = [place for first, last, place in self._sheet.merged if last > line and first != line]
        notes = []
        if header:
            notes.append(
                f"Merged cells in the header: {_some(header)}. Only the first column of each has the name."
            )
        if body:
            notes.append(
                f'Merged cells: {_some(body)}. The value stands in the first cell of each only; "fillDown" '
                "repeats it."
            )
        return notes


def _some(places: list[str]) -> str:
    return ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")


def _raw(row: SheetRow) -> str:
    return "\t".join("" if cell is None else str(cell) for cell in row.cells)
