"""One date as people write it, without `c.` or `?`: a year, a day, a decade, a century, a season.

Texts are in lower case, with hyphens for dashes and single spaces.
"""

from __future__ import annotations

import re
from dataclasses import replace

from worker.mapping import dates_edtf
from worker.mapping import dates_words as words
from worker.mapping.dates_edtf import checked, decades, ordered, season
from worker.mapping.dates_model import DateRefused, Point, Span

_MONTH = "(?P<{0}>[^\\W\\d_]{{3,}})\\.?"
_DAY = "(?P<{0}>\\d{{1,2}})(?:st|nd|rd|th|er|\\.)?"
_YEAR = r"(?P<year>\d{4})"

_DAY_MONTH_YEAR = re.compile(
    rf"(?:the )?{_DAY.format('day')}[ -](?:of |de )?{_MONTH.format('month')},?[ -](?:de )?{_YEAR}"
)
_MONTH_DAY_YEAR = re.compile(rf"{_MONTH.format('month')} {_DAY.format('day')},? {_YEAR}")
_MONTH_YEAR = re.compile(rf"{_MONTH.format('month')},?[ -](?:of |de )?{_YEAR}")
_YEAR_MONTH_DAY = re.compile(rf"{_YEAR},? {_MONTH.format('month')}(?: {_DAY.format('day')})?")
_DAYS_MONTH_YEAR = re.compile(
    rf"{_DAY.format('day')} ?- ?{_DAY.format('to')} {_MONTH.format('month')},? {_YEAR}"
)
_MONTH_DAYS_YEAR = re.compile(
    rf"{_MONTH.format('month')} {_DAY.format('day')} ?- ?{_DAY.format('to')},? {_YEAR}"
)
_MONTHS_YEAR = re.compile(
    rf"(?:{_DAY.format('day')} )?{_MONTH.format('month')} ?[-/] ?(?:{_DAY.format('to')} )?"
    rf"{_MONTH.format('until')},? {_YEAR}"
)
_NUMERIC = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})")
_MONTH_SLASH_YEAR = re.compile(r"(\d{1,2})[/.](\d{4})")
_DECADE = re.compile(r"(?:the )?(?:(?P<part>early|mid|late)[ -]?)?(?P<year>\d{3}0)'?s")
_CENTURY = re.compile(
    r"(?:the )?(?:(?P<part>early|mid|middle|late|beginning|end|"
    r"(?P<nth>first|second|third|fourth|last|1st|2nd|3rd|4th)"
    r" (?P<piece>half|third|quarter))(?: of)?(?: the)?[ -])?"
    r"(?:(?P<number>\d{1,2})(?:st|nd|rd|th)|(?P<word>[a-z-]{5,}))[ -](?:century|cent\.?|c\.?)"
)
_SEASON = re.compile(rf"(?P<season>[^\W\d_]{{3,}})(?: of)?,? {_YEAR}")
_FIFTHS = {"early": (0, 3), "mid": (4, 6), "middle": (4, 6), "late": (7, 9)}


class Atoms:
    """Reads the dates of one text; `shown` is that text for messages, `order` decides 01/02/1999."""

    def __init__(self, shown: str, order: str | None) -> None:
        self.shown = shown
        self.order = order

    def read(self, text: str) -> Span | None:
        """The date, or None where the text is none of these. Raises `DateRefused`."""
        text = re.sub(rf"^(?:{words.WEEKDAYS})\.?,? (?=\S)", "", text)
        text = re.sub(r"^(?:in|on|during|anno|im jahr|en) (?=\S)", "", text)
        for reader in (
            self._year,
            self._named_month,
            self._numeric,
            self._decade,
            self._century,
            self._season,
            self._named_range,
        ):
            span = reader(text)
            if span is not None:
                return span
        return None

    def _year(self, text: str) -> Span | None:
        if re.fullmatch(r"\d{4}", text):
            return Span.of(Point(int(text)))
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            value = dates_edtf.parse(text)
            return value if isinstance(value, Span) else None
        if match := re.fullmatch(r"(\d{2,3})(x{1,2}|-{1,2}|_{1,2}|\.{2})", text):
            places = len(match[2])
            return decades(int(match[1]), places) if len(match[1]) + places == 4 else None
        for pattern, before_christ in ((words.BEFORE_CHRIST, True), (words.ANNO_DOMINI, False)):
            era = pattern.search(text)
            if era and re.fullmatch(r"\d{1,4}", text[: era.start()]):
                year = int(text[: era.start()])
                if year == 0:
                    return None
                return Span.of(Point(1 - year if before_christ else year))
        era = words.ANNO_DOMINI_FIRST.match(text)
        if era and re.fullmatch(r"\d{1,4}", text[era.end() :]):
            return Span.of(Point(int(text[era.end() :])))
        return None

    def _named_month(self, text: str) -> Span | None:
        for pattern in (_DAY_MONTH_YEAR, _MONTH_DAY_YEAR, _MONTH_YEAR, _YEAR_MONTH_DAY):
            match = pattern.fullmatch(text)
            if match is None:
                continue
            month = words.MONTHS.get(match["month"])
            if month is None:
                continue
            day = match.groupdict().get("day")
            return Span.of(checked(Point(int(match["year"]), month, int(day) if day else None), self.shown))
        return None

    def _named_range(self, text: str) -> Span | None:
        for pattern in (_DAYS_MONTH_YEAR, _MONTH_DAYS_YEAR, _MONTHS_YEAR):
            match = pattern.fullmatch(text)
            if match is None:
                continue
            names = match.groupdict()
            month, until = (
                words.MONTHS.get(names["month"]),
                words.MONTHS.get(names.get("until") or names["month"]),
            )
            if month is None or until is None:
                continue
            year = int(names["year"])
            day, to = names.get("day"), names.get("to")
            if pattern is _MONTHS_YEAR and (day is None) != (to is None):
                return None
            first = checked(Point(year, month, int(day) if day else None), self.shown)
            last = checked(Point(year, until, int(to) if to else None), self.shown)
            return ordered(first, last, self.shown)
        return None

    def _numeric(self, text: str) -> Span | None:
        if match := _NUMERIC.fullmatch(text):
            first, _, second, third = match.groups()
            if len(first) == 4 and len(third) <= 2:
                return Span.of(checked(Point(int(first), int(second), int(third)), self.shown))
            if len(third) == 4 and len(first) <= 2:
                return Span.of(self.day_and_month(int(first), int(second), int(third)))
            if len(first) <= 2 and len(third) <= 2:
                raise DateRefused(
                    "date-two-digit-year",
                    f"“{self.shown}” has a year of two digits. Say how it is read in `formats`, as in "
                    '["dd/MM/yy"].',
                )
            return None
        if match := _MONTH_SLASH_YEAR.fullmatch(text):
            return Span.of(checked(Point(int(match[2]), int(match[1])), self.shown))
        if match := re.fullmatch(r"(\d{4})/(\d{1,2})", text):
            return self.slashed(int(match[1]), match[2])
        return None

    def slashed(self, year: int, second: str) -> Span | None:
        if len(second) == 2 and int(second) > 12 and int(second) > year % 100:
            return Span(Point(year), Point(year // 100 * 100 + int(second)))
        if self.order == "ymd" and 1 <= int(second) <= 12:
            return Span.of(Point(year, int(second)))
        raise DateRefused(
            "date-ambiguous",
            f"“{self.shown}” may be a month or a span of two years. Say which in `formats` "
            '(["yyyy/MM"]) or write the years in full with a `replace` filter.',
        )

    def day_and_month(self, first: int, second: int, year: int) -> Point:
        order = self.order
        if order in (None, "ymd"):
            if first > 12 or first == second:
                order = "dmy"
            elif second > 12:
                order = "mdy"
            else:
                raise DateRefused(
                    "date-ambiguous",
                    f"“{self.shown}” is ambiguous: day or month first? Say so with "
                    '"order": "dmy" or "order": "mdy" in the date filter.',
                )
        day, month = (first, second) if order == "dmy" else (second, first)
        return checked(Point(year, month, day), self.shown)

    def _decade(self, text: str) -> Span | None:
        match = _DECADE.fullmatch(text)
        if match is None:
            return None
        year = int(match["year"])
        if match["part"] is None:
            if year % 100 == 0:
                raise DateRefused(
                    "date-ambiguous",
                    f"“{self.shown}” may be the ten years from {year} or the whole century. Write "
                    f"“{year}–{year + 9}” or “{year // 100 + 1}th century”.",
                )
            return decades(year // 10, 1)
        low, high = _FIFTHS[match["part"]]
        return _soft(match["part"], Point(year + low), Point(year + high))

    def _century(self, text: str) -> Span | None:
        era = words.BEFORE_CHRIST.search(text)
        match = _CENTURY.fullmatch(text[: era.start()] if era else text)
        if match is None:
            return None
        number = int(match["number"]) if match["number"] else words.ORDINALS.get(match["word"], 0)
        if not 1 <= number <= 21:
            return None
        if era:
            return decades(number - 1, 2, negative=True) if match["part"] is None else None
        start = (number - 1) * 100
        if match["part"] is None:
            return decades(number - 1, 2)
        if match["piece"]:
            return _piece(start, match["nth"], match["piece"])
        part = {"middle": "mid", "beginning": "early", "end": "late"}.get(match["part"], match["part"])
        low, high = {"early": (0, 33), "mid": (34, 66), "late": (67, 99)}[part]
        return _soft(part, Point(start + low), Point(start + high))

    def _season(self, text: str) -> Span | None:
        match = _SEASON.fullmatch(text)
        number = words.SEASONS.get(match["season"]) if match else None
        return season(int(match["year"]), number) if match and number else None


def _piece(start: int, nth: str, piece: str) -> Span | None:
    count = {"half": 2, "third": 3, "quarter": 4}[piece]
    index = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3}.get(
        nth, count - 1
    )
    if index >= count:
        return None
    bounds = [round(100 * step / count) for step in range(count + 1)]
    return Span(Point(start + bounds[index]), Point(start + bounds[index + 1] - 1))


def _soft(part: str, first: Point, last: Point) -> Span:
    """The side of an early, middle or late part that nobody can draw sharply is approximate."""
    return Span(replace(first, soft=part != "early"), replace(last, soft=part != "late"))
