"""Values side by side, as long as there is room: what stays, comes and goes, and where two differ. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from typing import Literal

from markupsafe import escape
from msgspec import Struct

from service.api.lines import one_line
from service.api.plan_entries import PropertyChange

MOST_LETTERS = 3000
"""Characters of a value that are shown; the download has all."""
FOLDED = 320
"""A longer value is folded."""
BEGINNING = 140
"""Characters of a folded value that are seen."""
MOST_STAYING = 20
"""Values of a property that stay and are shown."""
_AROUND = 420

Manner = Literal["changed", "added", "removed"]

_MARKS = re.compile(
    r"(?: @[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)?(?: \^\^\S+)?(?: \(private\))?(?: \(annotated: [^()]*\))?\Z"
)
"""What is written behind a value: language, data type, whether it is private, annotations."""
_MOST_ADDRESS = 2000
_ADDRESS = re.compile(r"https?://[^\s“”<>\"]+")


class Room:
    """How much still has a place on a page: `size` bytes of HTML, `around` of them round each line."""

    def __init__(self, size: int, around: int = _AROUND) -> None:
        self._left = size
        self._around = around

    def take(self, *texts: str) -> bool:
        """Whether a line with these has a place. The first that has none ends it."""
        # A folded value's beginning stands twice.
        wanted = self._around + sum(len(escape(text).encode("utf-8", "replace")) * 5 // 4 for text in texts)
        self._left = self._left - wanted if wanted <= self._left else -1
        return self._left >= 0


class Value(Struct, frozen=True):
    """One value. `url`: where it leads, if it is an address of the web; `text` begins with that then."""

    start: str
    """What it has in common with its counterpart, at its beginning …"""
    middle: str
    """… what it has of its own …"""
    end: str = ""
    """… and what is the same again."""
    marks: str = ""
    url: str = ""
    href: str = ""
    """A file of the batch that the value names."""
    left_out: int = 0
    """Characters that are not shown."""

    @property
    def text(self) -> str:
        return f"{self.start}{self.middle}{self.end}"

    @property
    def is_long(self) -> bool:
        return len(self.text) > FOLDED

    @property
    def beginning(self) -> str:
        """As much as shows where it differs."""
        place = max(0, len(self.start) - BEGINNING // 3)
        part = self.text[place : place + BEGINNING]
        return f"{'…' if place else ''}{part}…"


class Line(Struct, frozen=True):
    """One value now and then; None: there is none."""

    manner: Manner
    before: Value | None
    after: Value | None


class Side(Struct, frozen=True):
    """A property or field. `staying`: values that stay; `stays`, how many there are; `left_out`: values that
    change and are not shown."""

    name: str
    lines: tuple[Line, ...]
    staying: tuple[Value, ...] = ()
    stays: int = 0
    left_out: int = 0


Files = Mapping[str, str]
"""Names of the batch's files → where each is downloaded."""


def side_by_side(change: PropertyChange, room: Room, files: Files) -> Side | None:
    """None where nothing of it has a place."""
    pairs = [*change.changed, *zip_longest(change.removed, change.added)]
    lines = []
    for before, after in pairs:
        if not room.take(change.property, _shortened(before or ""), _shortened(after or "")):
            break
        lines.append(_line(before, after, files))
    if not lines:
        return None
    stays = _staying(change)
    staying = []
    for text in stays[:MOST_STAYING]:
        if not room.take(_shortened(text)):
            break
        staying.append(_value(text, files))
    name = one_line(change.property[:255])
    return Side(name, tuple(lines), tuple(staying), len(stays), len(pairs) - len(lines))


def _staying(change: PropertyChange) -> list[str]:
    """Values that are the same before and after. Of long ones only the place where they differ may be known:
    then it is the long ones that do not stay."""
    going = Counter([*change.removed, *(before for before, _ in change.changed)])
    coming = Counter([*change.added, *(after for _, after in change.changed)])
    left = Counter(change.before) - going & Counter(change.after) - coming
    same = [value for value in dict.fromkeys(change.before) for _ in range(left[value])]
    many = len(change.before) - len(change.removed) - len(change.changed)
    surplus = max(0, len(same) - max(0, many))
    cut = [place for place, value in enumerate(same) if value.endswith("…")][:surplus]
    return [value for place, value in enumerate(same) if place not in cut]


def _shortened(text: str) -> str:
    return text[:MOST_LETTERS]


def _line(before: str | None, after: str | None, files: Files) -> Line:
    if before is None or after is None:
        was = None if before is None else _value(before, files)
        becomes = None if after is None else _value(after, files)
        return Line("added" if was is None else "removed", was, becomes)
    same = _common(_shortened(before), _shortened(after))
    return Line("changed", _value(before, files, same), _value(after, files, same))


def _common(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their beginning and at their end, in whole words."""
    most = min(len(one), len(other))
    first = next((n for n in range(most) if one[n] != other[n]), most)
    while first and not _between_words(one, other, first):
        first -= 1
    last = next((n for n in range(most - first) if one[-1 - n] != other[-1 - n]), most - first)
    while last and not (_between_words(one, other, len(one) - last, len(other) - last)):
        last -= 1
    return first, last


def _between_words(one: str, other: str, place: int, place_there: int | None = None) -> bool:
    there = place if place_there is None else place_there
    return all(
        at in (0, len(text)) or not (text[at - 1].isalnum() and text[at].isalnum())
        for text, at in ((one, place), (other, there))
    )


def _value(text: str, files: Files, same: tuple[int, int] = (0, 0)) -> Value:
    shown = _shortened(text)
    first, last = same
    start, middle, end = shown[:first], shown[first : len(shown) - last], shown[len(shown) - last :]
    marks = ""
    found = _MARKS.search(shown)
    if found is not None and found.start() and shown == text:
        # Marks that differ are a part of the difference.
        if last >= len(found[0]):
            end, marks = end[: len(end) - len(found[0])], found[0]
        elif same == (0, 0):
            middle, marks = middle[: len(middle) - len(found[0])], found[0]
    address = _ADDRESS.match(text)
    return Value(
        start=_visible(start),
        middle=_visible(middle),
        end=_visible(end),
        marks=_visible(marks),
        url=address[0] if address is not None and len(address[0]) <= _MOST_ADDRESS else "",
        href=files.get(text, ""),
        left_out=len(text) - len(shown),
    )


def _visible(text: str) -> str:
    """With its line breaks, and everything else that would steer what shows it as an escape."""
    return "\n".join(map(one_line, text.split("\n")))
