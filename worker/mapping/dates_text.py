"""Dates as people write them.

The text is tried as ISO 8601 and EDTF first, then as one date, then as several. Each helper takes a text
in which dashes are hyphens and case and spaces are normal, and answers None where it is not its business.
"""

from __future__ import annotations

import re

from worker.mapping import dates_edtf
from worker.mapping import dates_words as words
from worker.mapping.dates_atoms import Atoms
from worker.mapping.dates_edtf import ordered
from worker.mapping.dates_model import DateRefused, DateValue, Point, Several, Span

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | {"’": "'", "\u00a0": " "})
_ABBREVIATED = re.compile(r"(?P<marks>(?:c\.?|ca\.?|circa|\?|\s)*)(?P<digits>\d{1,2})(?P<trail>\??)")


def parse(text: str, order: str | None) -> DateValue:
    """Raises `DateRefused`, whose message shows `text`."""
    edtf = dates_edtf.parse(text)
    if edtf is not None:
        return edtf
    plain = " ".join(text.translate(_DASHES).casefold().split())
    unbracketed = _unbracketed(plain)
    if unbracketed is not None:
        again = dates_edtf.parse(unbracketed.upper())
        if again is not None:
            return again
        plain = unbracketed
    reader = _Reader(text, order)
    value = reader.whole(plain)
    if value is None:
        raise reader.refusal(plain)
    return value


def _unbracketed(text: str) -> str | None:
    """A date in brackets is one that the cataloguer supplied; a date all the same."""
    if text[:1] == "[" and text[-1:] == "]" and text.count("[") == 1:
        return text[1:-1].strip()
    return None


class _Reader:
    """Reads one text; keeps what is needed to say why it cannot."""

    def __init__(self, shown: str, order: str | None) -> None:
        self.shown = shown
        self.atoms = Atoms(shown, order)

    def refusal(self, text: str) -> DateRefused:
        for again in words.AGAIN.finditer(text):
            if not re.search(r"\d{4}", text[: again.start()]):
                continue
            return DateRefused(
                "date-two-events",
                f"“{self.shown}” speaks of more than one event (“{text[again.start() :].strip()}”). "
                "Cut it first, with a `replace` filter or regex_extract(), and give each date a property.",
            )
        return DateRefused(
            "date-not-understood",
            f"“{self.shown}” is not understood as a date. If it is one, describe its form in `formats` or "
            "put it right with `mapInputValue`; if it says that there is none, add it to `none`.",
        )

    def whole(self, text: str) -> DateValue | None:
        event = words.EVENT.match(text)
        if event:
            value = self.whole(text[event.end() :])
            return _marked(value, False, event["unsure"] is not None)
        copyright_sign = words.COPYRIGHT.match(text)
        if copyright_sign:
            return self.span(text[copyright_sign.end() :])
        span = self.span(text)
        return span if span is not None else self.several(text)

    def several(self, text: str) -> DateValue | None:
        match = re.fullmatch(r"(.+?) \(or (.+)\)", text)
        if match:
            text = f"{match[1]} or {match[2]}"
        for pattern, kind in ((r"\s+or\s+", "one"), (r"\s+and\s+|\s*&\s*|\s*[,;]\s*(?:and )?", "all")):
            parts = re.split(pattern, text)
            if len(parts) < 2 or len(parts) > 20:
                continue
            spans: list[Span] = []
            for part in parts:
                span = self.span(part) or self.borrowing(part, parts[-1])
                if span is None and spans and kind == "one":
                    span = self.shortened(part, spans[-1])
                if span is None:
                    break
                spans.append(span)
            else:
                unsure_all = re.match(r"\?\s*\d", text) is not None and kind == "one"
                marked = tuple(dict.fromkeys(span.marked(False, unsure_all) for span in spans))
                return marked[0] if len(marked) == 1 else Several("one" if kind == "one" else "all", marked)
        return None

    def shortened(self, part: str, before: Span) -> Span | None:
        """The second year of `1860 or 63`."""
        last = before.last
        match = _ABBREVIATED.fullmatch(part)
        if match is None or last is None or last.month is not None or not match["digits"]:
            return None
        return Span.of(self.completed(match, last))

    def completed(self, match: re.Match[str], before: Point) -> Point:
        digits = match["digits"]
        size = 10 ** len(digits)
        year = before.year // size * size + int(digits)
        if year <= before.year:
            raise DateRefused("date-backwards", f"“{self.shown}” ends before it begins.")
        approximate = "c" in match["marks"]
        return Point(year, None, None, "", approximate, "?" in match["marks"] or bool(match["trail"]))

    def span(self, text: str) -> Span | None:
        """One date or one stretch of time, with its marks."""
        text = text.strip()
        open_end = self.open_ended(text)
        if open_end is not None:
            return open_end
        bare, approximate, uncertain = _without_marks(text)
        if not bare:
            return None
        span = (self.open_ended(bare) if bare != text else None) or self.unmarked(bare)
        return None if span is None else span.marked(approximate, uncertain)

    def open_ended(self, text: str) -> Span | None:
        for pattern, before in ((words.OR_BEFORE, True), (words.OR_AFTER, False)):
            match = pattern.search(text)
            if match and match.start() > 0:
                span = self.span(text[: match.start()])
                if span is None:
                    return None
                return Span(None, span.last) if before else Span(span.first, None)
        for pattern, before in ((words.BEFORE, True), (words.AFTER, False)):
            match = pattern.match(text)
            if match and match.end() > 0:
                if words.FROM_TO.fullmatch(text) and match[0].startswith("from"):
                    return None
                span = self.span(text[match.end() :])
                if span is None:
                    return None
                by = match[0].startswith(
                    ("by", "until", "till", "up to", "not after", "no later", "not later")
                )
                since = match[0].startswith(("since", "from", "not before", "no earlier", "not earlier"))
                if before:
                    return Span(None, span.last if by else span.first)
                return Span(span.first if since else span.last, None)
        return None

    def unmarked(self, text: str) -> Span | None:
        point = self.atoms.read(text)
        if point is not None:
            return point
        if match := words.BETWEEN.fullmatch(text) or words.FROM_TO.fullmatch(text):
            return self.stretch(match[1], match[2])
        return self.dashed(text)

    def dashed(self, text: str) -> Span | None:
        """Two dates with a dash between; the second may be the last digits of a year."""
        dashes = [match.start() for match in re.finditer("-", text)]
        for at in dashes if len(dashes) <= 5 else ():
            first, second = text[:at].strip(), text[at + 1 :].strip()
            if first and second:
                found = self.stretch(first, second)
                if found is not None:
                    return found
        return None

    def stretch(self, first: str, second: str) -> Span | None:
        begin = self.simple(first) or self.shorthand(first)
        if begin is None or begin.first is None:
            begin = self.borrowing(first, second)
            if begin is None or begin.first is None:
                return None
        match = _ABBREVIATED.fullmatch(second)
        last = begin.last
        if match and last is not None and begin.single and last.month is None:
            return ordered(begin.first, self.completed(match, last), self.shown)
        end = self.simple(second) or self.shorthand(second)
        if end is None or end.last is None:
            return None
        return ordered(begin.first, end.last, self.shown)

    def borrowing(self, first: str, second: str) -> Span | None:
        """The beginning of `300–200 BC` and of `17th–18th century`, whose last word stands at the end."""
        if re.fullmatch(r"\d{1,4}", first):
            era = words.BEFORE_CHRIST.search(second) or words.ANNO_DOMINI.search(second)
            return self.simple(f"{first} {era[0].strip()}") if era else None
        if re.search(r"(?:st|nd|rd|th)$", first) and re.search(r"(?:century|cent\.?|c\.?)$", second):
            return self.simple(f"{first} century")
        return None

    def shorthand(self, text: str) -> Span | None:
        """An end that is itself two or a few years: `1924–5` in `1924–5 to 1937`."""
        bare, approximate, uncertain = _without_marks(text)
        match = re.fullmatch(r"(\d{4})-(\d{1,2})", bare)
        if match is None:
            return None
        first = Point(int(match[1]))
        digits = _ABBREVIATED.fullmatch(match[2])
        assert digits is not None
        return Span(first, self.completed(digits, first)).marked(approximate, uncertain)

    def simple(self, text: str) -> Span | None:
        """A date with its marks, but no stretch."""
        iso = dates_edtf.parse(text.upper())
        if isinstance(iso, Span):
            return iso
        bare, approximate, uncertain = _without_marks(text)
        span = self.atoms.read(bare)
        return None if span is None else span.marked(approximate, uncertain)


def _without_marks(text: str) -> tuple[str, bool, bool]:
    """The text without `c.` and `?` before and after it; whether it is approximate, and uncertain."""
    approximate = uncertain = False
    while match := words.LEADING_MARK.match(text):
        approximate |= match["circa"] is not None
        uncertain |= match["unsure"] is not None
        text = text[match.end() :]
    while match := words.TRAILING_MARK.search(text):
        approximate |= match["circa"] is not None
        uncertain |= match["unsure"] is not None
        text = text[: match.start()]
    return text, approximate, uncertain


def _marked(value: DateValue | None, approximate: bool, uncertain: bool) -> DateValue | None:
    if value is None or not (approximate or uncertain):
        return value
    if isinstance(value, Span):
        return value.marked(approximate, uncertain)
    return Several(value.kind, tuple(span.marked(approximate, uncertain) for span in value.spans))
