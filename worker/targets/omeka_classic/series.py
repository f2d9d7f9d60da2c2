"""Numbers of Omeka Classic's kinds told apart: item 5, collection 5 and file 5 are three records. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from worker.records import Kind

_APART = 10**12
_PLACES: Mapping[Kind, int] = {"item": 0, "item-set": 1, "media": 2}


def key(kind: Kind, number: int) -> int:
    """A number that no record of another kind has."""
    return number + _APART * _PLACES.get(kind, 9)


def number(key: int, kind: Kind) -> int | None:
    """The number of a record of that kind; None where the key is of another."""
    return key % _APART if key // _APART == _PLACES.get(kind, 9) else None


def renumbered(numbers: Mapping[int, int], kind: Kind, old: int) -> int:
    """The number of a record by now; `numbers` holds keys."""
    now = number(numbers.get(key(kind, old), key(kind, old)), kind)
    assert now is not None, "what is put back is of the kind that it was"
    return now
