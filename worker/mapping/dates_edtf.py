"""ISO 8601 dates and EDTF as input: read, checked against the calendar, written back canonically."""

from __future__ import annotations

import re

from worker.mapping.dates_model import DateRefused, DateValue, Point, Several, Span, month_length

_POINT = re.compile(
    r"(?P<year>[+-]?\d{4}|Y-?\d{5,12})"
    r"(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?"
    r"(?P<time>[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"(?P<mark>[?~%])?"
)
_MASK = re.compile(r"(?P<digits>-?\d{2,3})(?P<unknown>[Xxu]{1,2}|-{1,2})(?P<mark>[?~%])?")
_COMPACT = re.compile(r"(1[0-9]|20)(\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")

SEASONS = frozenset({21, 22, 23, 24})


def parse(text: str) -> DateValue | None:
    """The date, or None where the text is not written in these notations."""
    if text[:1] == "[" and text[-1:] == "]":
        return _several("one", text[1:-1])
    if text[:1] == "{" and text[-1:] == "}":
        return _several("all", text[1:-1])
    if text.count("/") == 1:
        return _interval(text)
    return _span(text)


def _several(kind: str, inner: str) -> Several | None:
    spans: list[Span] = []
    for member in inner.split(","):
        member = member.strip()
        if ".." in member:
            first, _, last = member.partition("..")
            ends = [_span(end) if end else None for end in (first, last)]
            if any(end is None and text for end, text in zip(ends, (first, last), strict=True)):
                return None
            spans.append(_between(ends[0], ends[1], member))
        else:
            span = _span(member)
            if span is None:
                return None
            spans.append(span)
    if len(spans) < 2 and not (spans and ".." in inner):
        return None
    return Several("one" if kind == "one" else "all", tuple(spans))


def _interval(text: str) -> Span | None:
    first, _, last = text.partition("/")
    if not re.search(r"\d{4}|\.\.", first + last) or (len(first) < 4 and first not in ("", "..")):
        return None
    ends: list[Span | None] = []
    for end in (first, last):
        if end in ("", ".."):
            ends.append(None)
            continue
        span = _span(end)
        if span is None:
            return None
        ends.append(span)
    if ends == [None, None]:
        return None
    return _between(ends[0], ends[1], text)


def _between(begin: Span | None, end: Span | None, text: str) -> Span:
    return ordered(begin.first if begin else None, end.last if end else None, text)


def ordered(first: Point | None, last: Point | None, text: str) -> Span:
    if first is not None and last is not None and first.begins() > last.ends():
        raise DateRefused("date-backwards", f"“{text}” ends before it begins.")
    return Span(first, last)


def _span(text: str) -> Span | None:
    if match := _COMPACT.fullmatch(text):
        numbers = [int(part) for part in match.groups()]
        return Span.of(checked(Point(numbers[0] * 100 + numbers[1], numbers[2], numbers[3]), text))
    if match := _MASK.fullmatch(text):
        return _masked(match)
    match = _POINT.fullmatch(text)
    if match is None:
        return None
    mark = match["mark"] or ""
    approximate, uncertain = mark in ("~", "%"), mark in ("?", "%")
    year = int(match["year"].removeprefix("Y"))
    month = int(match["month"]) if match["month"] else None
    if month is not None and month in SEASONS and match["day"] is None and not match["time"]:
        if abs(year) % 100 < month:  # `1920-21` is a span of two years to everybody but EDTF
            return None
        return season(year, month, approximate, uncertain)
    if month is not None and month > 12 and match["day"] is None:
        return None
    day = int(match["day"]) if match["day"] else None
    time = (match["time"] or "").replace(" ", "T")
    if time and day is None:
        return None
    point = Point(year, month, day, time, approximate, uncertain)
    return Span.of(checked(point, text))


def season(year: int, number: int, approximate: bool = False, uncertain: bool = False) -> Span:
    point = Point(year, None, None, "", approximate, uncertain)
    sign = "-" if year < 0 else ""
    return Span(point, point, f"{sign}{abs(year):04d}-{number}", season=True)


def _masked(match: re.Match[str]) -> Span | None:
    digits, unknown, mark = match["digits"], match["unknown"], match["mark"] or ""
    if len(digits.lstrip("-")) + len(unknown) != 4:
        return None
    return decades(int(digits), len(unknown), mark in ("~", "%"), mark in ("?", "%"), digits[0] == "-")


def decades(
    leading: int, places: int, approximate: bool = False, uncertain: bool = False, negative: bool = False
) -> Span:
    """The years that begin with these digits: 192 and one place are the 1920s."""
    size = 10**places
    low = abs(leading) * size
    first, last = (-(low + size - 1), -low) if negative else (low, low + size - 1)
    mask = f"{'-' if negative else ''}{abs(leading):0{4 - places}d}{'X' * places}"
    return Span(
        Point(first, None, None, "", approximate, uncertain),
        Point(last, None, None, "", approximate, uncertain),
        mask,
    )


def checked(point: Point, text: str) -> Point:
    """The point, if the calendar and the clock have it."""
    if point.month is not None and not 1 <= point.month <= 12:
        raise DateRefused("date-impossible", f"“{text}”: there is no month {point.month}.")
    if (
        point.day is not None
        and point.month is not None
        and not 1 <= point.day <= month_length(point.year, point.month)
    ):
        raise DateRefused(
            "date-impossible", f"“{text}”: month {point.month} of {point.year} has no day {point.day}."
        )
    if point.time:
        numbers = [int(part) for part in re.findall(r"\d{2}", point.time)[:3]]
        limits = (23, 59, 59)
        has_seconds = point.time[6:7] == ":"
        if any(n > limit for n, limit in zip(numbers[: 3 if has_seconds else 2], limits, strict=False)):
            raise DateRefused("date-impossible", f"“{text}”: there is no such time of day.")
    return point
