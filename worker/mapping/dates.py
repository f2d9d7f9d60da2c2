"""The `date` filter: what a cataloguer would call a date → EDTF, an ISO interval or a timestamp.

Anything that a person could read in two ways, and anything that speaks of two events, is refused with
a sentence that says so. `docs/dates.md` lists the shapes. EDTF is that of ISO 8601-2:2019
(https://www.loc.gov/standards/datetime/), written at the lowest level that says it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, assert_never

from worker.mapping import dates_text
from worker.mapping.dates_model import DateRefused, DateValue, Point, Span, month_length
from worker.mapping.javadates import JavaDateError, compile_java_pattern

__all__ = ["DateOptions", "DateRefused", "Order", "Target", "compile_date"]

Order = Literal["dmy", "mdy", "ymd"]
Target = Literal["edtf", "interval", "timestamp"]

LONGEST = 200
"""Characters; a longer text is no date, and nothing below need fear it."""

_REMEMBERED = 4096

NO_DATE = frozenset(
    {
        "n.d.",
        "n.d",
        "nd",
        "s.d.",
        "s.d",
        "no date",
        "not dated",
        "undated",
        "date not known",
        "date unknown",
        "not known",
        "unknown",
        "unknown date",
        "sine dato",
        "ohne datum",
        "o. d.",
        "o.d.",
        "o.j.",
        "sans date",
        "[n.d.]",
        "[s.d.]",
        "[no date]",
        "[undated]",
        "?",
        "-",
        "–",
    }
)
"""Texts that say that there is no date; the filter's `none` adds to them. Compared without case."""


@dataclass(frozen=True, slots=True)
class DateOptions:
    """The parameters of the filter; `circa` is in years to each side, used where `to` is `interval`."""

    order: Order | None = None
    formats: tuple[str, ...] = ()
    circa: int = 5
    none: tuple[str, ...] = ()
    to: Target = "edtf"


def compile_date(options: DateOptions) -> Callable[[str], str | None]:
    """A function text → date, or None where the text says that there is none.

    The function raises `DateRefused`. Compiling raises `JavaDateError` for a format that is none.
    """
    formats = tuple(compile_java_pattern(pattern) for pattern in options.formats)
    none = NO_DATE | {text.casefold().strip() for text in options.none}
    render = _renderer(options)
    known: dict[str, str | None] = {}

    def read(text: str) -> DateValue:
        for pattern in formats:
            try:
                moment = pattern.parse(text)
            except JavaDateError:
                continue
            return Span.of(Point(moment.year, moment.month, moment.day, moment.time_text()))
        return dates_text.parse(text, options.order)

    def convert(text: str) -> str | None:
        if text in known:
            return known[text]
        trimmed = " ".join(text.split())
        if not trimmed or trimmed.casefold() in none:
            return None
        if len(trimmed) > LONGEST:
            raise DateRefused("date-not-understood", f"{trimmed[:60]}… is too long to be a date.")
        result = render(read(trimmed), trimmed)
        if len(known) < _REMEMBERED:
            known[text] = result
        return result

    return convert


def _renderer(options: DateOptions) -> Callable[[DateValue, str], str]:
    match options.to:
        case "edtf":
            return lambda value, text: value.edtf()
        case "interval":
            return lambda value, text: _interval(value, options.circa, text)
        case "timestamp":
            return _timestamp
        case _:  # pragma: no cover
            assert_never(options.to)


def _interval(value: DateValue, circa: int, text: str) -> str:
    """`start/end` as the interval type of Omeka S takes it: both ends, the end not before the start."""
    span = value.hull()
    if span.season:
        raise DateRefused(
            "date-no-interval", f"“{text}” names a season, which has no exact months to make an interval of."
        )
    if span.first is None or span.last is None:
        side = "beginning" if span.first is None else "end"
        raise DateRefused(
            "date-no-interval", f'“{text}” has no {side}; an interval needs both. Use "to": "edtf".'
        )
    if span.first.time and span.first == span.last:
        raise DateRefused("date-no-interval", f"“{text}” is one moment, and an interval takes time.")
    return f"{_widened(span.first, -circa).iso()}/{_widened(span.last, circa).iso()}"


def _widened(point: Point, years: int) -> Point:
    if not point.approximate or not years:
        return point.plain()
    year = point.year + years
    day = point.day
    if point.month is not None and day is not None:
        day = min(day, month_length(year, point.month))
    return Point(year, point.month, day)


def _timestamp(value: DateValue, text: str) -> str:
    if isinstance(value, Span) and value.single and not value.season and value.first is not None:
        return value.first.plain().iso()
    raise DateRefused(
        "date-no-timestamp",
        f'“{text}” is more than one moment, and a timestamp is one. Use "to": "interval" or "edtf".',
    )
