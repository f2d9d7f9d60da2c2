"""Values of Omeka S's NumericDataTypes module: judged as it judges, written as it will save them.

The module takes some values and saves others (`2020-02-30` becomes 1 March, `Z` becomes `+00:00`). Those
it would change into another date are refused here; those it would only write differently are written so.
"""

from __future__ import annotations

import re

from worker.mapping.dates_model import month_length
from worker.mapping.problems import Unconvertible

LARGEST = 2**53 - 1
"""Largest whole number that the module takes, since browsers must hold it."""

_FIRST_YEAR, _LAST_YEAR = -292_277_022_656, 292_277_026_595

_TIMESTAMP = re.compile(
    r"(?P<year>-?\d{4,12})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"
    r"(?P<offset>Z|[+-]\d\d(?::\d\d)?)?)?)?)?"
)
_DURATION = re.compile(r"P(?!$)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?")
_SECONDS = {"Y": 31_536_000, "D": 86_400, "H": 3_600, "S": 1}

Instant = tuple[int, int, int, int, int, int]


def timestamp(text: str) -> str:
    """ISO 8601, from a year to a second; raises `Unconvertible`."""
    return _point(text, "numeric-timestamp", text)[0]


def _point(text: str, code: str, whole: str) -> tuple[str, Instant, Instant]:
    """The canonical text, and the first and last instant of what it names."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise Unconvertible(
            code,
            f"“{whole[:100]}” is no ISO 8601 date (as 1920, 1920-05 or 1920-05-12T10:30). "
            'A `date` filter makes one, with "to": "timestamp" or "to": "interval".',
        )
    year, month, day, hour, minute, second = (
        int(match[name]) if match[name] else None
        for name in ("year", "month", "day", "hour", "minute", "second")
    )
    assert year is not None
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise Unconvertible(code, f"“{whole[:100]}”: the year is beyond what Omeka S can count.")
    last_month = month or 12
    if not 1 <= last_month <= 12 or not 1 <= (day or 1) <= month_length(year, last_month):
        raise Unconvertible(code, f"“{whole[:100]}”: there is no such day in the calendar.")
    if (hour or 0) > 23 or (minute or 0) > 59 or (second or 0) > 59:
        raise Unconvertible(code, f"“{whole[:100]}”: there is no such time of day.")
    canonical = match[0]
    offset = match["offset"]
    if offset:
        full = "+00:00" if offset == "Z" else offset if ":" in offset else f"{offset}:00"
        if int(full[1:3]) > 23 or int(full[4:6]) > 59:
            raise Unconvertible(code, f"“{whole[:100]}”: there is no such offset.")
        canonical = canonical.removesuffix(offset) + full
    first = (year, month or 1, day or 1, hour or 0, minute or 0, second or 0)
    last = (
        year,
        last_month,
        day or month_length(year, last_month),
        23 if hour is None else hour,
        59 if minute is None else minute,
        59 if second is None else second,
    )
    return canonical, first, last


def interval(text: str) -> str:
    """`start/end`, both ISO 8601, the start before the end; raises `Unconvertible`."""
    points = text.split("/")
    if len(points) != 2:
        raise Unconvertible(
            "numeric-interval",
            f'“{text[:100]}” is no interval (as 1840/1845). A `date` filter with "to": "interval" makes one.',
        )
    begin, first, _ = _point(points[0].strip(), "numeric-interval", text)
    end, _, last = _point(points[1].strip(), "numeric-interval", text)
    if first >= last:
        raise Unconvertible("numeric-interval", f"“{text[:100]}” does not end after it begins.")
    return f"{begin}/{end}"


def duration(text: str) -> str:
    """ISO 8601 without fractions, weeks or signs (`P1Y6M`, `PT90M`); raises `Unconvertible`."""
    if len(text) > 200 or not _DURATION.fullmatch(text):
        raise Unconvertible(
            "numeric-duration",
            f"“{text[:100]}” is no duration (as P1Y6M or PT1H30M; no fractions, no weeks, no signs).",
        )
    date, _, time = text.removeprefix("P").partition("T")
    seconds = 0
    for part, months in ((date, 2_592_000), (time, 60)):
        for number, unit in re.findall(r"(\d+)([YMDHS])", part):
            seconds += int(number) * (months if unit == "M" else _SECONDS[unit])
    if seconds > LARGEST:
        raise Unconvertible("numeric-duration", f"“{text[:100]}” is longer than Omeka S can count.")
    return text


def integer(text: str) -> str:
    """A whole number that a browser can hold; raises `Unconvertible`."""
    if len(text) > 40 or not re.fullmatch(r"[+-]?\d+", text):
        raise Unconvertible("not-an-integer", f"“{text[:100]}” is no whole number.")
    number = int(text)
    if abs(number) > LARGEST:
        raise Unconvertible(
            "not-an-integer", f"“{text[:100]}” is beyond ±{LARGEST}, the largest whole number Omeka S takes."
        )
    return str(number)
