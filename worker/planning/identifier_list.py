"""A list of identifiers that was uploaded to choose records: a CSV, or one a line."""

from __future__ import annotations

from pathlib import Path

from service.control.model import CsvReader
from worker.errors import FileUnreadable
from worker.readers.base import count
from worker.readers.csv import Record, Records, detect_layout
from worker.records import normal_identity

MOST = 1_000_000
"""Identifiers of one list; they are held in memory while a run is planned."""
_HEADER = "identifier"
_FORMULA = ("=", "+", "-", "@")
"""Before such a cell the report as CSV puts a `'`; who cuts a list out of it need not take that away."""


def read_identifiers(path: Path, file: str) -> frozenset[str]:
    """The identifiers in the form in which they are compared: those of the column `identifier`, else of the
    only column.

    Raises `FileUnreadable` for a file that is no list: several columns and none of that name, or empty.
    """
    layout = detect_layout(CsvReader(), path, file)
    found: set[str] = set()
    column: int | None = None
    first = True
    for record in Records(layout, path, file):
        if record.blank:
            continue
        if record.fault is not None:
            raise FileUnreadable(record.fault[0], record.fault[1], file, record.number)
        if first:
            first = False
            column = _column(record)
            if column is not None:
                continue
        if column is None and len(record.cells) > 1:
            raise FileUnreadable(
                "identifiers-unclear",
                "The list has several columns, and none is called “identifier”. Name the column so, or give"
                " the identifiers alone, one a line (in quotation marks where they hold a separator).",
                file,
                record.number,
            )
        cell = record.cells[column or 0] if len(record.cells) > (column or 0) else ""
        found.update(_forms(normal_identity(cell)))
        if len(found) > MOST:
            text = f"It lists more than {count(MOST, 'identifier')}. Choose by rows, or in several runs."
            raise FileUnreadable("identifiers-too-many", text, file)
    if not found:
        raise FileUnreadable("identifiers-none", "It lists no identifier.", file)
    return frozenset(found)


def _column(record: Record) -> int | None:
    names = [cell.strip().casefold() for cell in record.cells]
    return names.index(_HEADER) if _HEADER in names else None


def _forms(cell: str) -> tuple[str, ...]:
    if not cell:
        return ()
    return (cell, cell[1:]) if cell.startswith("'") and cell[1:].startswith(_FORMULA) else (cell,)
