"""Values of Omeka S's geography and geometry types: well-known text (WKT) and pairs of coordinates."""

from __future__ import annotations

import re
from collections.abc import Callable

from worker.mapping.problems import Unconvertible

LONGEST = 1_000_000

_NUMBER = r"[+-]?(?:\d{1,15}(?:\.\d{1,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?"
_PAIR = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:\.\d+)?")
_TOKEN = re.compile(rf"\s*(?:([A-Z]+)|({_NUMBER})|([(),]))")
_SRID = re.compile(r"SRID\s*=\s*\d{1,6}\s*;\s*")

_DEPTH = {
    "POINT": 0,
    "LINESTRING": 1,
    "MULTIPOINT": 1,
    "POLYGON": 2,
    "MULTILINESTRING": 2,
    "MULTIPOLYGON": 3,
}
"""How deeply lists of points nest in each kind of geometry."""


def converter(name: str) -> Callable[[str], str] | None:
    """The judge of a type by its name; None where the name is none of these."""
    return {
        "geography": lambda text: wkt(text, on_earth=True),
        "geometry": lambda text: wkt(text, on_earth=False),
        "geometry:geography": lambda text: wkt(text, on_earth=True),
        "geometry:geometry": lambda text: wkt(text, on_earth=False),
        "geography:coordinates": coordinates,
        "geometry:coordinates": position,
        "geometry:position": lambda text: position(text, whole=True),
    }.get(name)


def coordinates(text: str) -> str:
    """`latitude,longitude` in degrees, as the type saves it; raises `Unconvertible`."""
    match = _PAIR.fullmatch(text)
    if match and _DECIMAL.fullmatch(match[1]) and _DECIMAL.fullmatch(match[2]):
        latitude, longitude = match[1].lstrip("+"), match[2].lstrip("+")
        if abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180:
            return f"{latitude},{longitude}"
        if abs(float(latitude)) <= 180 and abs(float(longitude)) <= 90:
            raise Unconvertible(
                "not-coordinates", f"“{text[:100]}” has a latitude over 90; is the longitude given first?"
            )
        raise Unconvertible(
            "not-coordinates", f"“{text[:100]}” lies beyond 90 degrees of latitude or 180 of longitude."
        )
    raise Unconvertible(
        "not-coordinates",
        f"“{text[:100]}” is no pair latitude,longitude in decimal degrees (as 51.4908,-0.1272).",
    )


def position(text: str, whole: bool = False) -> str:
    """`x,y` of a plane; raises `Unconvertible`."""
    match = _PAIR.fullmatch(text)
    if match and (not whole or (match[1].isdigit() and match[2].isdigit())):
        return f"{match[1].lstrip('+')},{match[2].lstrip('+')}"
    kind = "whole numbers" if whole else "numbers"
    raise Unconvertible("not-coordinates", f"“{text[:100]}” is no pair x,y of {kind} (as 120,45).")


def wkt(text: str, on_earth: bool) -> str:
    """Well-known text in capitals, as the type saves it; raises `Unconvertible`."""
    canonical = text.strip().replace("  ", " ").upper()
    body = canonical
    srid = _SRID.match(body)
    if srid:
        body = body[srid.end() :]
    try:
        if len(canonical) > LONGEST:
            raise _NotWktError(f"it has more than {LONGEST} characters")
        _Reader(body, on_earth).whole()
    except _NotWktError as reason:
        raise Unconvertible(
            "not-wkt",
            f"“{text[:100]}” is no well-known text (as POINT(2.29 48.85), longitude first): {reason}.",
        ) from None
    return canonical


class _NotWktError(ValueError):
    pass


class _Reader:
    def __init__(self, text: str, on_earth: bool) -> None:
        self.text = text
        self.at = 0
        self.on_earth = on_earth

    def whole(self) -> None:
        self.geometry(0)
        if self.text[self.at :].strip():
            raise _NotWktError(f"something stands behind its end: {self.text[self.at :].strip()[:20]}")

    def geometry(self, depth: int) -> None:
        word = self.take(1)
        if word == "GEOMETRYCOLLECTION" and depth < 5:
            self.list_of(lambda: self.geometry(depth + 1))
        elif word in _DEPTH:
            if _DEPTH[word] == 0:
                self.expect("(")
                self.point()
                self.expect(")")
            else:
                self.lists(_DEPTH[word], loose=word == "MULTIPOINT")
        else:
            raise _NotWktError(f"“{word[:20]}” is no kind of geometry")

    def lists(self, depth: int, loose: bool = False) -> None:
        if depth == 1:
            self.list_of(self.loose_point if loose else self.point)
        else:
            self.list_of(lambda: self.lists(depth - 1))

    def list_of(self, member: Callable[[], None]) -> None:
        self.expect("(")
        member()
        while (sign := self.take(3)) == ",":
            member()
        if sign != ")":
            raise _NotWktError("a bracket is not closed")

    def loose_point(self) -> None:
        before = self.at
        if self.take(3, optional=True) == "(":
            self.point()
            self.expect(")")
        else:
            self.at = before
            self.point()

    def point(self) -> None:
        longitude, latitude = float(self.take(2)), float(self.take(2))
        if self.on_earth and (abs(longitude) > 180 or abs(latitude) > 90):
            raise _NotWktError(f"{longitude:g} {latitude:g} is not on the earth (longitude comes first)")

    def expect(self, sign: str) -> None:
        if self.take(3) != sign:
            raise _NotWktError(f"a “{sign}” is missing")

    def take(self, group: int, optional: bool = False) -> str:
        """The next token, which must be a word (1), a number (2) or a sign (3)."""
        match = _TOKEN.match(self.text, self.at)
        if match is None or not match[group]:
            if optional:
                return ""
            what = {1: "a kind of geometry", 2: "a number", 3: "a bracket or comma"}[group]
            raise _NotWktError(f"{what} is missing at character {self.at + 1}")
        self.at = match.end()
        return str(match[group])
