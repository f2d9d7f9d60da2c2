"""The place of an item on a map, from what a record gives to its `geolocation`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from worker.mapping.geography import coordinates
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, checked_unicode
from worker.mapping.types import whole_number
from worker.records import Place

_EXPONENT = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?[eE][+-]?\d{1,2}")
DEEPEST = 30
"""The highest zoom that a map may be asked for."""


def place_of(fields: Mapping[str, Any]) -> Place | UnsetType | None:
    """UNSET: nothing is said; None: the item is to have no place.

    Raises `Unconvertible` for words about a place without the point that it is.
    """
    point = fields.get("point")
    if point is not None:
        latitude, longitude = map(float, point.split(","))
        texts = (_text(fields, "address"), _text(fields, "label"))
        return Place(latitude, longitude, fields.get("zoom"), *texts)
    said = [word for word in ("address", "label") if fields.get(word)]
    if said:
        raise Unconvertible(
            "place-without-point",
            f"The place has {' and '.join(said)} (“{shown(fields[said[0]])}”) and no point: a map needs "
            "latitude and longitude.",
        )
    return None if "point" in fields else UNSET


def _text(fields: Mapping[str, Any], word: str) -> str | None:
    """ "" where it is cleared, None where it is not named."""
    return (fields[word] or "") if word in fields else None


def point(text: str) -> str:
    """A value of `point`: `latitude,longitude`. Raises `Unconvertible`."""
    # A number that is very small is a text with an exponent by now.
    plain = _EXPONENT.sub(lambda number: f"{Decimal(number[0]):f}", checked_unicode(text).strip())
    return coordinates(plain)


def zoom(piece: Any) -> int:
    """A value of `zoom`. Raises `Unconvertible`."""
    found = int(whole_number(as_text(piece) or ""))
    if not 0 <= found <= DEEPEST:
        raise Unconvertible("not-an-integer", f"“{shown(piece)}” is no zoom of a map (0 to {DEEPEST}).")
    return found
