"""`fillDown` and `group`: what makes records of the rows of a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Set
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from service.control.model import Group
from worker.errors import FileUnreadable
from worker.mapping.problems import Unconvertible
from worker.readers.base import BadRow, Item, Reading, count, quoted_list, shorten
from worker.readers.header import is_blank
from worker.readers.numbers import RowNumbers
from worker.records import Json, Row

_LARGEST_GROUP = 10_000
"""Rows of one record. More means that the columns of `by` do not tell records apart."""


def shaped(reading: Reading, fill_down: tuple[str, ...], group: Group | None) -> Reading:
    """The reading with blank cells filled and rows grouped. Raises `FileUnreadable` for an unknown column."""
    named = (*fill_down, *(group.by if group else ()))
    missing = [name for name in named if reading.columns is not None and name not in reading.columns]
    if missing:
        assert reading.columns is not None
        raise FileUnreadable(
            "column-missing",
            f"There is no column {quoted_list(missing)}, which the control file names. The columns are "
            f"{quoted_list(reading.columns)}.",
            reading.file,
        )
    if fill_down:
        reading = FilledReading(reading, fill_down)
    return GroupedReading(reading, group) if group is not None else reading


class FilledReading(Reading):
    """In the given columns, a blank cell has the value of the row above it."""

    def __init__(self, inner: Reading, columns: tuple[str, ...]) -> None:
        super().__init__(inner.file)
        self._inner = inner
        self._columns = columns
        self._filled = 0
        self.facts = inner.facts
        self.columns = inner.columns

    def __iter__(self) -> Iterator[Item]:
        above: dict[str, Json] = {}
        broken: BadRow | None = None
        for item in self._inner:
            if isinstance(item, BadRow):
                broken = item
                yield item
                continue
            blank = [name for name in self._columns if is_blank(item.fields.get(name))]
            above.update({name: item.fields[name] for name in self._columns if name not in blank})
            if broken is not None and blank:
                message = (
                    f"{quoted_list(blank)} should be filled from the row above, "
                    f"but that row ({broken.number}) could not be read."
                )
                yield self._bad(item.number, "fill-down-broken", message)
                continue
            broken = None
            filled = {name: above[name] for name in blank if name in above}
            self._filled += len(filled)
            yield Row(item.file, item.number, {**item.fields, **filled}) if filled else item

    def notes(self) -> tuple[str, ...]:
        filled = (f"{count(self._filled, 'blank cell')} filled from the row above.",) if self._filled else ()
        return (*self._inner.notes(), *filled)


class GroupedFields(dict[str, Json]):
    """The fields of a grouped record. `differing`: columns that are not at the top because rows differ.

    Each with the first row and one that has something else. To read such a column at the top is an error
    that names the rows: nothing would be found there, and nobody told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.differing: dict[str, tuple[int, int]] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """Raises `Unconvertible` for a column that is not the same in all rows."""
        if key in self.differing:
            first, second = self.differing[key]
            raise Unconvertible(
                "group-column-differs",
                f"“{shorten(key)}” is not the same in all rows of the group: rows {first} and {second} "
                "differ. Read it with a for-each over the rows, or make the rows agree.",
            )
        return super().get(key, default)


class _Seen:
    """Where each group began. On disk (SQLite's temporary database), so memory does not grow with them."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def first(self, key: str, number: int) -> int:
        """The row in which the group began: `number` if it begins there."""
        self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, number))
        row = self._database.execute("SELECT row FROM seen WHERE key = ?", (key,)).fetchone()
        return int(row[0])

    def close(self) -> None:
        self._database.close()


def _key(row: Row, group: Group) -> str:
    """What rows of one group have in common."""
    return "\x1f".join(str(row.fields.get(name, "")).strip() for name in group.by)


@dataclass(slots=True)
class _Open:
    """The group that is being gathered, and bad rows in or after it. `fault`: why it can be no record."""

    key: str | None = None
    rows: list[Row] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    fault: tuple[str, str] | None = None

    @property
    def ends_badly(self) -> bool:
        """Whether a bad row came after the last one that surely belongs to the group."""
        return bool(self.bad) and (not self.rows or self.bad[-1].number > self.rows[-1].number)


def _beside(gathered: _Open | None) -> tuple[str, str] | None:
    """The fault of a group beside which a row could not be read: that row may have been part of it."""
    if gathered is None or not gathered.bad:
        return None
    number = gathered.bad[-1].number
    return (
        "group-broken",
        f"Row {number}, which may belong to this group, could not be read. Correct that row first.",
    )


class GroupedReading(Reading):
    """Adjacent rows that agree in `by` are one record, numbered as its first row.

    Columns that are equal in all its rows stand at the top; every row stands, whole, in the list named
    by `rows`. A group that comes again later is rejected, and so is one with a row that could not be read.
    """

    def __init__(self, inner: Reading, group: Group) -> None:
        super().__init__(inner.file)
        self._inner = inner
        self._group = group
        self._groups = 0
        self.facts = inner.facts
        self.columns = inner.columns
        if inner.columns is not None and group.rows in inner.columns:
            raise FileUnreadable(
                "column-taken",
                f'"group" puts the rows into "{group.rows}", but a column has that name. Choose another.',
                inner.file,
            )

    def __iter__(self) -> Iterator[Item]:
        with closing(_Seen()) as seen:
            yield from self._records(seen)

    def _records(self, seen: _Seen) -> Iterator[Item]:
        gathered: _Open | None = None
        for item in self._inner:
            if isinstance(item, BadRow):
                if gathered is None:
                    gathered = _Open()
                gathered.bad.append(item)
                continue
            key = _key(item, self._group)
            if not key.strip("\x1f"):
                yield self._nameless(item)
                continue
            if gathered is None or gathered.key != key:
                if gathered is not None:
                    yield from self._finished(gathered)
                again = self._again(seen.first(key, item.number), item.number, key)
                behind = gathered is not None and gathered.ends_badly
                gathered = _Open(key, fault=again or (_beside(gathered) if behind else None))
            gathered.rows.append(item)
            if len(gathered.rows) > _LARGEST_GROUP:
                raise self._too_large(gathered.rows[0].number)
        if gathered is not None:
            yield from self._finished(gathered)

    def _nameless(self, row: Row) -> BadRow:
        return self._bad(
            row.number,
            "group-blank",
            f"This row has nothing in {quoted_list(self._group.by)}, so it belongs to no record. "
            '"fillDown" can take it from the row above.',
        )

    def _finished(self, gathered: _Open) -> Iterator[Item]:
        """The record, then the rows in it that could not be read: one of those may have been its own."""
        if gathered.rows:
            if gathered.bad and gathered.fault is None:
                gathered.fault = _beside(gathered)
            yield self._record(gathered)
        yield from gathered.bad

    def _too_large(self, number: int) -> FileUnreadable:
        return FileUnreadable(
            "group-too-large",
            f"More than {_LARGEST_GROUP:,} rows agree in {quoted_list(self._group.by)}, from row {number} "
            "on. Name columns that tell records apart.",
            self.file,
        )

    def _again(self, first: int, number: int, key: str) -> tuple[str, str] | None:
        if first == number:
            return None
        shown = shorten(key.replace("\x1f", " + "))
        return (
            "group-again",
            f"The group «{shown}» began in row {first} and comes again here. Sort the table by "
            f"{quoted_list(self._group.by)}.",
        )

    def _record(self, gathered: _Open) -> Item:
        self._groups += 1
        first = gathered.rows[0]
        if gathered.fault is not None:
            return self._bad(first.number, *gathered.fault)
        fields = GroupedFields()
        for name, value in first.fields.items():
            other = next((row for row in gathered.rows if row.fields.get(name) != value), None)
            if other is None:
                fields[name] = value
            else:
                fields.differing[name] = (first.number, other.number)
        fields[self._group.rows] = [dict(row.fields) for row in gathered.rows]
        return Row(self.file, first.number, fields)

    def notes(self) -> tuple[str, ...]:
        return (*self._inner.notes(), f"{count(self._groups, 'record')} made of the rows.")


def expand_groups(reading: Reading, group: Group, numbers: Set[int]) -> Set[int]:
    """The numbers of all rows of the groups that begin in these rows, and these themselves."""
    wanted = RowNumbers(numbers)
    key: str | None = None
    inside = False
    for item in reading:
        if isinstance(item, BadRow):
            if inside:
                wanted.add(item.number)
            continue
        here = _key(item, group)
        if here != key:
            key, inside = here, item.number in numbers
        if inside:
            wanted.add(item.number)
    return wanted
