"""What a fresh Omeka Classic holds: Dublin Core, Item Type Metadata, and its item types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from tests.standins.shared.php import Json

from .model import TYPES, Row


@cache
def _document() -> dict[str, list[Json]]:
    document: dict[str, list[Json]] = json.loads(Path(__file__).with_name("standard.json").read_bytes())
    return document


def rows() -> Iterator[Row]:
    """Fresh rows with the ids of a real installation."""
    for table, shown in _document().items():
        for row in shown:
            yield msgspec.convert(row, TYPES[table])
