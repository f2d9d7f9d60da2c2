"""The zip that a workbook is: looked over before anything in it is unpacked, then read part by part.

Sheets are streamed in this process rather than loaded by a library in a guarded child: the sizes that
the archive declares are checked first (Python's zipfile never unpacks more than an entry declares), and
what is held in memory is one row at a time, so there is no moment at which a bomb could go off.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from worker.errors import FileUnreadable
from worker.readers.base import MEGABYTE
from worker.readers.xml_source import Document, check_document

LARGEST_UNPACKED = 4096 * MEGABYTE
LARGEST_RATIO = 200
"""Unpacked to packed bytes. Sheets are around 10 to 40; zip bombs around 1,000."""
_SMALL = 16 * MEGABYTE
"""What an entry may unpack to whatever its ratio."""
_MOST_ENTRIES = 10_000

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError)


class Package:
    """A workbook file that has passed the checks. `file` is its logical name."""

    def __init__(self, path: Path, file: str) -> None:
        """Raises `FileUnreadable` for a damaged archive and for a bomb."""
        self.path = path
        self.file = file
        with self.guarded(), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        self.names = frozenset(entry.filename for entry in entries)
        _check_sizes(entries, path.stat().st_size, file)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turns what a damaged archive raises into a `FileUnreadable`."""
        try:
            yield
        except _ZIP_ERRORS:
            raise FileUnreadable(
                "sheet-damaged",
                "The workbook is damaged or was cut off. Open it in the spreadsheet program, save it again "
                "and upload that.",
                self.file,
            ) from None

    def open(self, name: str) -> IO[bytes]:
        """A part of the package. The archive is closed with it."""
        with zipfile.ZipFile(self.path) as archive:
            try:
                return archive.open(name)
            except RuntimeError as error:  # encrypted, or packed in a way that is not known here
                raise zipfile.BadZipFile(str(error)) from None

    def document(self, name: str) -> Document:
        """An XML part. Raises `FileUnreadable` if it is missing or has an internal DTD."""
        if name not in self.names:
            raise FileUnreadable(
                "sheet-damaged",
                f"The workbook lacks its part {name}. Save it again and upload that.",
                self.file,
            )
        with self.guarded():
            return check_document(lambda: self.open(name), self.file)


def _check_sizes(entries: list[zipfile.ZipInfo], packed: int, file: str) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    worst = max(
        (entry.file_size / max(entry.compress_size, 1) for entry in entries if entry.file_size > _SMALL),
        default=0.0,
    )
    ratio = max(worst, unpacked / max(packed, 1) if unpacked > _SMALL else 0.0)
    if unpacked > LARGEST_UNPACKED or ratio > LARGEST_RATIO or len(entries) > _MOST_ENTRIES:
        raise FileUnreadable(
            "zip-bomb",
            f"The workbook would unpack to {unpacked / MEGABYTE:,.0f} MB, {unpacked / max(packed, 1):,.0f} "
            "times its size. That is no ordinary workbook, and it is not opened. Save the sheet as CSV "
            "and upload that.",
            file,
        )
