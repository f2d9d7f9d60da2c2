"""The header of a table: names of columns, and what rows of another length become. For CSV and sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from worker.errors import FileUnreadable
from worker.readers.base import count, quoted_list, shorten
from worker.records import Json


@dataclass(frozen=True, slots=True)
class Header:
    """Column names in order. Columns without a name are let be as long as nothing stands in them.

    `line` is where the header stands (0: the names were given by the control file).
    """

    names: tuple[str, ...]
    line: int
    unnamed: tuple[int, ...]
    place: Callable[[int], str]
    """What a person calls a column, by its index from 0: `5` in a CSV, `E` in a sheet."""
    unit: str = "line"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name)

    @property
    def fact(self) -> str:
        where = f"named in {self.unit} {self.line}" if self.line else "named by the control file"
        return f"{count(len(self.columns), 'column')}, {where}: {quoted_list(self.columns)}."


def make_header(
    cells: Sequence[str], line: int, file: str, place: Callable[[int], str], unit: str = "line"
) -> Header:
    """Names are trimmed. Raises `FileUnreadable` for a repeated name and for a header without any."""
    names = tuple(" ".join(cell.split()) for cell in cells)
    places: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name:
            places.setdefault(name, []).append(index)
    if not places:
        raise unreadable("header-blank", "The header row names no column.", file, line, unit)
    repeated = {name: at for name, at in places.items() if len(at) > 1}
    if repeated:
        listed = "; ".join(
            f'"{shorten(name)}" (columns {", ".join(place(index) for index in at)})'
            for name, at in repeated.items()
        )
        raise unreadable(
            "header-duplicate",
            f"Several columns have the same name, so a value could not be told from another: {listed}. "
            "Give each its own name in the header.",
            file,
            line,
            unit,
        )
    while names and not names[-1]:
        names = names[:-1]
    unnamed = tuple(index for index, name in enumerate(names) if not name)
    return Header(names, line, unnamed, place, unit)


def is_blank(cell: Json) -> bool:
    """Nothing, or nothing but white space. 0 and false are something."""
    return cell is None or (isinstance(cell, str) and (not cell or cell.isspace()))


def unreadable(code: str, message: str, file: str, number: int, unit: str) -> FileUnreadable:
    """The error at a line of a file, or at a row of a sheet."""
    if unit == "line" or not number:
        return FileUnreadable(code, message, file, number or None)
    return FileUnreadable(code, f"Row {number}: {message[:1].lower()}{message[1:]}", file)


class TooLong(Exception):
    """A row has values beyond the last column. The message is for the person."""


@dataclass(slots=True)
class Fitting:
    """Puts the cells of a row under their names, and remembers what was not as the header said."""

    header: Header
    file: str
    blank: Json = ""
    """What a cell is that is not there."""
    short_rows: int = 0
    first_short: int = 0
    _width: int = field(init=False)

    def __post_init__(self) -> None:
        self._width = len(self.header.names)

    def fields(self, cells: Sequence[Json], number: int) -> dict[str, Json]:
        """Raises `TooLong`, and `FileUnreadable` for a value in a column without a name."""
        if len(cells) != self._width:
            cells = self._fit(cells, number)
        fields = dict(zip(self.header.names, cells, strict=True))
        if self.header.unnamed:
            self._check_unnamed(cells, number)
            del fields[""]
        return fields

    def _fit(self, cells: Sequence[Json], number: int) -> list[Json]:
        beyond = [cell for cell in cells[self._width :] if not is_blank(cell)]
        if beyond:
            raise TooLong(
                f"This row has {count(len(cells), 'cell')}, but the header names "
                f"{count(self._width, 'column')}: "
                f"«{shorten(str(beyond[0]), 40)}» stands beyond the last one."
            )
        if len(cells) < self._width:
            self.short_rows += 1
            self.first_short = self.first_short or number
        return [*cells[: self._width], *[self.blank] * (self._width - len(cells))]

    def _check_unnamed(self, cells: Sequence[Json], number: int) -> None:
        for index in self.header.unnamed:
            if not is_blank(cells[index]):
                raise unreadable(
                    "header-blank",
                    f"Column {self.header.place(index)} has no name in the header, but "
                    f"«{shorten(str(cells[index]), 40)}» "
                    "stands in it. Give the column a name, or empty it.",
                    self.file,
                    number,
                    self.header.unit,
                )

    def notes(self) -> list[str]:
        if not self.short_rows:
            return []
        rows = count(self.short_rows, "row")
        return [
            f"{rows} shorter than the header; the missing cells were read as empty (first: "
            f"{self.first_short}). If a line break inside a cell broke them, put the cell in quotation "
            "marks."
        ]
