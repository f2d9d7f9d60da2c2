"""The first records of a file, read by the reader that a run would use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Struct

from service.control.model import SheetReader
from worker.errors import FileUnreadable
from worker.generating.detecting import Detected, detect
from worker.generating.given import GivenData
from worker.readers import BadRow, Reading, open_reader
from worker.readers.base import count
from worker.records import Json, Row

_HEADER_ROWS = 12
"""So far down a sheet the row of the names is looked for, below titles and legends."""


class Sample(Struct, frozen=True):
    """What was read: the reader with its options, the rows, and what a person should know."""

    reader: Detected
    rows: tuple[Row, ...]
    columns: tuple[str, ...] | None
    """Of a table; None where records name their own keys."""
    whole: bool
    """Whether these are all rows of the file."""
    notes: tuple[str, ...]


def take_sample(data: GivenData) -> Sample:
    """Raises `FileUnreadable` as the readers do, and where there is no record at all."""
    reader = detect(data)
    if isinstance(reader.spec, SheetReader):
        return _sheet(reader, reader.spec, data)
    return _read(reader, data)


def _read(reader: Detected, data: GivenData) -> Sample:
    reading = open_reader(reader.spec, data, data.name)
    rows, bad, whole = _rows(reading, data.rows)
    if not rows:
        said = f" The first: {bad[0].message}" if bad else " Export it again, with its records."
        raise FileUnreadable("no-records", f"The file has no record that can be read.{said}", data.name)
    told = (fact for fact in reading.facts if not fact.endswith("as the control file says."))
    notes = list(dict.fromkeys((*reader.facts, *told)))
    if bad:
        notes.append(
            f"{count(len(bad), 'record')} of {len(rows) + len(bad)} cannot be read and would be rejected. "
            f"The first is {bad[0].number}: {bad[0].message}"
        )
    return Sample(reader, tuple(rows), reading.columns, whole, tuple(notes))


def _rows(reading: Reading, wanted: int) -> tuple[list[Row], list[BadRow], bool]:
    items = iter(reading)
    rows: list[Row] = []
    bad: list[BadRow] = []
    try:
        for item in islice(items, max(1, wanted)):
            if isinstance(item, Row):
                rows.append(item)
            else:
                bad.append(item)
        whole = next(items, None) is None
    finally:
        if isinstance(items, Iterator) and hasattr(items, "close"):
            items.close()
    return rows, bad, whole


# --- sheets: where the names stand ------------------------------------------------------------------


def _sheet(reader: Detected, spec: SheetReader, data: GivenData) -> Sample:
    """Row 1 as the header, unless a row below it names more columns."""
    try:
        first: Sample | None = _read(reader, data)
        fault: FileUnreadable | None = None
    except FileUnreadable as error:
        if error.code in ("other-format", "sheet-missing", "sheet-damaged", "zip-bomb"):
            raise
        first, fault = None, error
    if first is not None and len(first.columns or ()) > 2:
        return first
    for row in range(2, _HEADER_ROWS + 1):
        options: dict[str, Json] = {**reader.options, "headerRow": row}
        header = SheetReader(spec.format, spec.sheet, row, spec.cells)
        fact = f"Row {row} is taken for the names of the columns."
        there = msgspec.structs.replace(reader, spec=header, options=options, facts=(*reader.facts, fact))
        try:
            sample = _read(there, data)
        except FileUnreadable:
            continue
        if len(sample.columns or ()) > max(1, len(first.columns or ()) if first else 0):
            return sample
    if first is None:
        assert fault is not None
        raise fault
    return first
