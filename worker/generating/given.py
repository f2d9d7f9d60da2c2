"""What the generator is given, and what it gives."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class GivenData(Struct, frozen=True):
    """A data file to start from.

    `name` is what a person calls it (`artworks.csv`; the logical name and the scope are made of it), `path`
    where it lies, `size` its length in bytes. `reader` says how to read it where the content is not to
    decide: the name of a reader of the control language. `rows` are looked at.
    """

    name: str
    path: Path
    size: int
    reader: str | None = None
    rows: int = 200


class Generated(Struct, frozen=True):
    """A control file to go on from, and what a person should know about it, as sentences."""

    text: str
    notes: tuple[str, ...] = ()
