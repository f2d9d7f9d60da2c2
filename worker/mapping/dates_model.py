"""What a date text means, before it is written in one of the forms that a target takes."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from typing import Literal


class DateRefused(ValueError):
    """The text is not one date. `code` is stable; the message shows the text and says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def month_length(year: int, month: int) -> int:
    """Days of a month, proleptic Gregorian, for any year (the calendar repeats every 400)."""
    return calendar.monthrange(year % 400 + 400, month)[1]


@dataclass(frozen=True, slots=True)
class Point:
    """A year, a month or a day; years as ISO 8601 counts them (0 is 1 BC)."""

    year: int
    month: int | None = None
    day: int | None = None
    time: str = ""
    """`T…` with or without an offset, as it stood."""
    approximate: bool = False
    uncertain: bool = False
    soft: bool = False
    """Written as approximate, but vague by nature ("early 1840s") rather than by a `c.`: never widened."""

    def iso(self) -> str:
        text = f"{self.year:05d}" if self.year < 0 else f"{self.year:04d}"
        if self.month is not None:
            text += f"-{self.month:02d}"
            if self.day is not None:
                text += f"-{self.day:02d}{self.time}"
        return text

    def edtf(self) -> str:
        text = self.iso()
        if abs(self.year) > 9999:
            text = f"Y{self.year}"
        return text + mark(self.approximate or self.soft, self.uncertain)

    def plain(self) -> Point:
        return replace(self, approximate=False, uncertain=False, soft=False)

    def marked(self, approximate: bool, uncertain: bool) -> Point:
        if not approximate and not uncertain:
            return self
        return replace(
            self,
            approximate=self.approximate or approximate,
            uncertain=self.uncertain or uncertain,
        )

    def begins(self) -> tuple[int, int, int]:
        return (self.year, self.month or 1, self.day or 1)

    def ends(self) -> tuple[int, int, int]:
        month = self.month or 12
        return (self.year, month, self.day or month_length(self.year, month))


def mark(approximate: bool, uncertain: bool) -> str:
    if approximate:
        return "%" if uncertain else "~"
    return "?" if uncertain else ""


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` to `last`, both included; None is open on that side."""

    first: Point | None
    last: Point | None
    mask: str = ""
    """`192X`: how EDTF writes this span shorter than by its ends."""
    season: bool = False

    @classmethod
    def of(cls, point: Point) -> Span:
        return cls(point, point)

    @property
    def single(self) -> bool:
        return self.first == self.last and not self.mask

    def edtf(self, between: str = "/") -> str:
        if self.mask and self.first is not None:
            return self.mask + mark(self.first.approximate or self.first.soft, self.first.uncertain)
        if self.single and self.first is not None:
            return self.first.edtf()
        if between == "/":
            first = self.first.edtf() if self.first else ".."
            last = self.last.edtf() if self.last else ".."
            return f"{first}/{last}"
        return (self.first.edtf() if self.first else "") + ".." + (self.last.edtf() if self.last else "")

    def marked(self, approximate: bool, uncertain: bool) -> Span:
        if not approximate and not uncertain:
            return self
        return replace(
            self,
            first=self.first and self.first.marked(approximate, uncertain),
            last=self.last and self.last.marked(approximate, uncertain),
        )

    def hull(self) -> Span:
        return self


@dataclass(frozen=True, slots=True)
class Several:
    """One of several dates ("1786 or 1800"), or all of them ("1831 and 1834")."""

    kind: Literal["one", "all"]
    spans: tuple[Span, ...]

    def edtf(self) -> str:
        members = ",".join(_member(span) for span in self.spans)
        return f"[{members}]" if self.kind == "one" else f"{{{members}}}"

    def hull(self) -> Span:
        firsts = [span.first for span in self.spans]
        lasts = [span.last for span in self.spans]
        first = None if None in firsts else min((p for p in firsts if p), key=Point.begins)
        last = None if None in lasts else max((p for p in lasts if p), key=Point.ends)
        return Span(first, last, season=any(span.season for span in self.spans))


def _member(span: Span) -> str:
    return span.edtf("..")


DateValue = Span | Several
