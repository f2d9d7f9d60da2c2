"""Date patterns as Java writes them (`dd/MM/yyyy HH:mm`), as Haplo's `dateFormat` takes them.

Reads whole texts only and refuses what no calendar has. The letters are those of
`service.control.patterns`; case is ignored, names of months are known in several languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.control.patterns import DatePatternError, date_pattern
from worker.mapping.dates_model import month_length
from worker.mapping.dates_words import MONTHS

_NUMBERS = {"d": "day", "H": "hour", "h": "hour12", "m": "minute", "s": "second"}

_DAY_NAMES = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun)\\.?"
_OFFSET = r"Z|[+-]\d{2}(?::?\d{2})?"


class JavaDateError(ValueError):
    """The pattern is none, or the text does not follow it; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text gave; parts that the pattern does not have are None."""

    year: int
    month: int | None
    day: int | None
    hour: int | None
    minute: int | None
    second: int | None
    fraction: str
    offset: timedelta | None
    zone: ZoneInfo | None = None
    """Of a pattern with the name of a zone (`z`)."""

    def time_text(self, zone: ZoneInfo | None = None) -> str:
        """`T12:30+01:00`: as precise as the pattern was; "" where it has no time."""
        if self.hour is None or self.day is None or self.month is None:
            return ""
        text = f"T{self.hour:02d}:{self.minute or 0:02d}"
        if self.second is not None:
            text += f":{self.second:02d}"
            if self.fraction:
                text += f".{self.fraction}"
        offset = self.offset
        zone = self.zone or zone
        if offset is None and zone is not None:
            local = datetime(
                self.year, self.month, self.day, self.hour, self.minute or 0, self.second or 0, tzinfo=zone
            )
            offset = local.utcoffset()
        return text if offset is None else text + _offset_text(offset)

    def iso(self, zone: ZoneInfo | None = None) -> str:
        text = f"{self.year:04d}"
        if self.month is not None:
            text += f"-{self.month:02d}"
            if self.day is not None:
                text += f"-{self.day:02d}{self.time_text(zone)}"
        return text


def _offset_text(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


class JavaPattern:
    """A compiled pattern."""

    def __init__(self, pattern: str, regex: re.Pattern[str], two_digit_year: bool) -> None:
        self.pattern = pattern
        self._regex = regex
        self._two_digit_year = two_digit_year

    def parse(self, text: str) -> Moment:
        """Raises `JavaDateError`."""
        match = self._regex.fullmatch(text.strip()) if len(text) <= 200 else None
        if match is None:
            raise JavaDateError(f"“{text[:100]}” does not follow the pattern “{self.pattern}”.")
        found = match.groupdict()
        year = int(found["year"])
        if self._two_digit_year and len(found["year"]) == 2:
            year = _century(year)
        month = _month(found)
        moment = Moment(
            year,
            month,
            int(found["day"]) if found.get("day") else None,
            _hour(found),
            int(found["minute"]) if found.get("minute") else None,
            int(found["second"]) if found.get("second") else None,
            found.get("fraction") or "",
            _offset(found.get("offset")),
            _zone(found.get("zone")),
        )
        _check(moment, text)
        return moment


def _century(year: int) -> int:
    """As Java's SimpleDateFormat: within 80 years before and 20 after now.

    The pivot must not move while a run goes on or between two runs, so it stands still: 1950–2049.
    """
    return 2000 + year if year < 50 else 1900 + year


def _month(found: dict[str, str]) -> int | None:
    if found.get("month"):
        return int(found["month"])
    name = found.get("monthname")
    if not name:
        return None
    number = MONTHS.get(name.casefold().rstrip("."))
    if number is None:
        raise JavaDateError(f"“{name}” is no month.")
    return number


def _hour(found: dict[str, str]) -> int | None:
    if found.get("hour"):
        return int(found["hour"])
    if not found.get("hour12"):
        return None
    hour = int(found["hour12"])
    if not 0 <= hour <= 12:
        raise JavaDateError(f"There is no hour {hour} on a clock of twelve.")
    afternoon = (found.get("half") or "am").casefold() == "pm"
    return hour % 12 + (12 if afternoon else 0)


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    if text in ("Z", "z"):
        return timedelta(0)
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -span if text[0] == "-" else span


def _zone(name: str | None) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise JavaDateError(
            f"“{name}” is no time zone that is known; write it as Europe/London, or as an offset."
        ) from None


def _check(moment: Moment, text: str) -> None:
    month, day = moment.month, moment.day
    if month is not None and not 1 <= month <= 12:
        raise JavaDateError(f"“{text}”: there is no month {month}.")
    if day is not None and month is not None and not 1 <= day <= month_length(moment.year, month):
        raise JavaDateError(f"“{text}”: month {month} of {moment.year} has no day {day}.")
    if (moment.hour or 0) > 23 or (moment.minute or 0) > 59 or (moment.second or 0) > 59:
        raise JavaDateError(f"“{text}”: there is no such time of day.")
    if moment.hour is not None and not 1 <= moment.year <= 9999:
        raise JavaDateError(f"“{text}”: a time of day needs a year from 1 to 9999.")


def compile_java_pattern(pattern: str) -> JavaPattern:
    """Raises `JavaDateError` where the pattern has unknown letters, no year, or a part twice."""
    try:
        pieces = date_pattern(pattern)
    except DatePatternError as error:
        raise JavaDateError(str(error)) from None
    parts: list[str] = []
    groups: set[str] = set()
    for at, piece in enumerate(pieces):
        if not piece.letter:
            parts.append(r"\s+" if piece.text.isspace() else re.escape(piece.text))
            continue
        adjacent = at + 1 < len(pieces) and bool(pieces[at + 1].letter)
        group, regex = _field(piece.letter, piece.length, adjacent)
        if group and group in groups:
            raise JavaDateError(f"The pattern “{pattern}” has {group} twice.")
        groups.add(group)
        parts.append(regex)
    short_year = any(piece.letter in ("y", "u") and piece.length == 2 for piece in pieces)
    return JavaPattern(pattern, re.compile("".join(parts), re.IGNORECASE), short_year)


def _field(letter: str, count: int, adjacent: bool) -> tuple[str, str]:
    """Group name and regular expression of a letter that stands `count` times."""
    digits = f"\\d{{{count}}}" if adjacent else r"\d{1,2}"
    match letter:
        case "y" | "u":
            width = {1: r"\d{1,4}", 2: r"\d{2}", 3: r"\d{3,4}"}.get(count, r"\d{4}")
            return "year", f"(?P<year>{width})"
        case "M" | "L" if count >= 3:
            return "monthname", r"(?P<monthname>[^\W\d_]+\.?)"
        case "M" | "L":
            return "month", f"(?P<month>{digits})"
        case "S":
            return "fraction", rf"(?P<fraction>\d{{{min(count, 9)}}})"
        case "a":
            return "half", "(?P<half>am|pm)"
        case "E":
            return "", _DAY_NAMES
        case "z":
            return "zone", r"(?P<zone>[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)"
        case "X" | "x" | "Z":
            return "offset", f"(?P<offset>{_OFFSET})"
        case _:
            name = _NUMBERS[letter]
            return name, f"(?P<{name}>{digits})"
