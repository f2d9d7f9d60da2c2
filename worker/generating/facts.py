"""What the sampled values of one name are: addresses, dates, numbers … and how several stand in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from msgspec import Struct

from worker.mapping.dates import DateOptions, Order, Target, compile_date
from worker.mapping.dates_model import DateRefused
from worker.records import Json

ValueKind = Literal["empty", "address", "image", "boolean", "number", "iso-date", "date", "text"]

_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_IMAGE = re.compile(r"\.(?:jpe?g|png|gif|tiff?|webp|jp2|bmp)(?:$|[?#])|/full/[^/]+/\d", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_BOOLEAN = frozenset({"true", "false", "yes", "no", "ja", "nein", "oui", "non", "si", "sí", "nee"})
_ISO_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ][\d:.Z+-]+)?)?)?")
_SLASHED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_SEPARATORS = ("||", "|", ";")
_LONG_PIECE = 90
"""Characters; pieces longer than this are sentences, and what stands between them is punctuation."""


class Facts(Struct, frozen=True):
    """`share` is the part of the records that have a value; `distinct` counts different ones."""

    kind: ValueKind
    filled: int
    distinct: int
    share: float
    unique: bool
    """At least two, in every record one, and no two alike."""
    constant: str | None
    """The one value of all records, of at least three."""
    separator: str | None
    """What stands between several values in one cell, with the blank that follows it everywhere."""
    in_brackets: bool
    """Whether it stands in brackets as well, where it separates nothing."""
    samples: tuple[str, ...]


def facts_of(values: Sequence[str], rows: Sequence[int], records: int, booleans: int = 0) -> Facts:
    """Of the values of one name in so many records."""
    distinct = list(dict.fromkeys(values))
    places = len(set(rows))
    constant = len(distinct) == 1 and places == records and records >= 3
    kind = _kind(values, booleans)
    separator = _separator(values) if kind == "text" else None
    return Facts(
        kind=kind,
        filled=places,
        distinct=len(distinct),
        share=places / records if records else 0.0,
        unique=records > 1 and len(values) == places == records == len(distinct),
        constant=distinct[0] if constant else None,
        separator=separator,
        in_brackets=separator is not None and any(_in_brackets(value, separator) for value in values),
        samples=tuple(distinct[:3]),
    )


def _kind(values: Sequence[str], booleans: int) -> ValueKind:
    if not values:
        return "empty"
    if booleans == len(values) or all(value.casefold() in _BOOLEAN for value in values):
        return "boolean"
    if all(_ADDRESS.fullmatch(value) for value in values):
        return "image" if all(_IMAGE.search(value) for value in values) else "address"
    if all(_is_iso_date(value) for value in values):
        return "iso-date"
    if all(_NUMBER.fullmatch(value) for value in values):
        return "number"
    return "date" if _are_dates(values) else "text"


def _is_iso_date(value: str) -> bool:
    return bool(_ISO_DATE.fullmatch(value)) and 1000 <= int(value[:4]) <= 2100


def _are_dates(values: Sequence[str]) -> bool:
    """At least nine in ten read as dates; what is wholly in doubt (`01/02/1999`) reads as one as well."""
    good = sum(1 for value in values if read_date(value) or _SLASHED.fullmatch(value))
    return good >= 0.9 * len(values) and any(char.isdigit() for value in values for char in value)


# --- several in one cell ----------------------------------------------------------------------------


def _separator(values: Sequence[str]) -> str | None:
    for separator in _SEPARATORS:
        having = [value for value in values if separator in value]
        if not having:
            continue
        pieces = [piece.strip() for value in having for piece in outside_brackets(value, separator)]
        full = [piece for piece in pieces if piece]
        if not full or sorted(map(len, full))[len(full) // 2] > _LONG_PIECE:
            continue
        spaced = all(
            piece.startswith(" ") for value in having for piece in value.split(separator)[1:] if piece
        )
        return f"{separator} " if spaced and separator == ";" else separator
    return None


def outside_brackets(value: str, separator: str) -> list[str]:
    """The pieces of a text; what stands in brackets is left together."""
    pieces, depth, begin, at = [], 0, 0, 0
    while at < len(value):
        if value[at] in "([{":
            depth += 1
        elif value[at] in ")]}":
            depth = max(0, depth - 1)
        elif not depth and value.startswith(separator, at):
            pieces.append(value[begin:at])
            begin = at + len(separator)
            at = begin
            continue
        at += 1
    return [*pieces, value[begin:]]


def _in_brackets(value: str, separator: str) -> bool:
    return len(outside_brackets(value, separator)) < len(value.split(separator))


# --- dates -------------------------------------------------------------------------------------------


@cache
def _reader(to: Target, order: Order | None) -> Callable[[str], str | None]:
    return compile_date(DateOptions(order=order, to=to))


def read_date(text: str, to: Target = "edtf", order: Order | None = None) -> bool:
    """Whether the date filter makes something of the text (that there is no date counts as well)."""
    try:
        _reader(to, order)(text)
    except DateRefused:
        return False
    return True


def order_of(values: Sequence[str]) -> Literal["dmy", "mdy", "either", "none"]:
    """How dates of three numbers are meant: shown by a number above 12, if there is one. "none": no such."""
    found = [match for value in values if (match := _SLASHED.fullmatch(value))]
    if not found:
        return "none"
    days_first = any(int(match[1]) > 12 for match in found)
    months_first = any(int(match[2]) > 12 for match in found)
    if days_first and not months_first:
        return "dmy"
    return "mdy" if months_first and not days_first else "either"


def date_filter(values: Sequence[str], to: Target) -> dict[str, Json] | None:
    """The filter that reads every sampled value so; None where there is none."""
    order = order_of(values)
    known: Order | None = order if order in ("dmy", "mdy") else None
    if order == "either" and not all(read_date(value, to) for value in values):
        if not all(read_date(value, to, "dmy") for value in values):
            return None
        return _as_filter("TODO: dmy or mdy?", to)
    if not all(read_date(value, to, known) for value in values):
        return None
    return _as_filter(known, to)


def _as_filter(order: str | None, to: Target) -> dict[str, Json]:
    options: dict[str, Json] = {} if order is None else {"order": order}
    return {"date": options if to == "edtf" else {**options, "to": to}}
