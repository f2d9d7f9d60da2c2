"""What every reader is made of: the source of bytes, the rows that cannot be rows, and the reading itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from worker.records import Row

MEGABYTE = 1024 * 1024

LONGEST_FIELD = 16 * MEGABYTE
"""Characters of one CSV cell. A forgotten quotation mark swallows the rest of a file: here it stops."""
LONGEST_RECORD = 64 * MEGABYTE
"""Characters of one record of a text format (a JSON element, a line of JSON Lines, a CSV row)."""
RAW_SHOWN = 400
"""Characters of a bad row that are kept to be shown; `excerpt` gives the whole record."""


class BlobSource(Protocol):
    """A stored file: a local path that is only read, and its size in bytes."""

    @property
    def path(self) -> Path: ...

    @property
    def size(self) -> int: ...


class BadRow(Struct, frozen=True):
    """A record that stands in the file but cannot be handed on without guessing: a rejected record.

    `number` is counted as in `Row`. `raw` is the beginning of the record as it stands in the file.
    """

    file: str
    number: int
    code: str
    message: str
    raw: str = ""


Item: TypeAlias = "Row | BadRow"


class Reading(ABC):
    """One pass over one file. Iterate it once; `notes()` is complete when the iteration has ended.

    The constructor opens the file and settles what must be settled before the first row (encoding,
    separator, header), so a file of another kind fails there. Memory does not grow with the file.

    Raises `FileUnreadable`, from the constructor or in the iteration, when the whole file cannot be read.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.facts: tuple[str, ...] = ()
        """How the file is read, as sentences for the log: what was detected, and what was guessed."""
        self.columns: tuple[str, ...] | None = None
        """The names of the columns of a tabular file; None where records name their own keys."""

    @abstractmethod
    def __iter__(self) -> Iterator[Item]:
        """The records in the order of the file."""

    def notes(self) -> tuple[str, ...]:
        """What a person should know after the last row: what was skipped, filled in or looks doubtful."""
        return ()

    def _bad(self, number: int, code: str, message: str, raw: str = "") -> BadRow:
        return BadRow(self.file, number, code, message, shorten(raw, RAW_SHOWN))


def shorten(text: str, limit: int = 60) -> str:
    """The beginning of a text, for a message: control characters made visible, an ellipsis where cut."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else _visible(char) for char in shown)


def _visible(char: str) -> str:
    return {"\n": "⏎", "\r": "⏎", "\t": "⇥", "\u00a0": " "}.get(char, f"\\u{ord(char):04x}")


def quoted_list(names: list[str] | tuple[str, ...], limit: int = 12) -> str:
    """Names for a message: `"a", "b" and 3 more`."""
    shown = ", ".join(f'"{shorten(name, 40)}"' for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 row`, `2 rows`, `12,000 rows`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
