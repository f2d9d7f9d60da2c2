"""Numbers as a spreadsheet program shows them: Excel's number formats, as far as cataloguers meet them.

Done: `General`, digits (`0 # ?`), thousands, scaling, percent, exponents, fractions, literal text,
currency, sections for negative, zero and text, conditions. Dates and times are given as ISO 8601, as
precise as the format shows them (`yyyy` → 1999), rather than in the order of somebody's country.
`General` shows 15 digits, which is what the program keeps; in a narrow column it would show fewer.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

BUILT_IN: dict[int, str] = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0',
    6: '"$"#,##0',
    7: '"$"#,##0.00',
    8: '"$"#,##0.00',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    37: "#,##0;-#,##0",
    38: "#,##0;-#,##0",
    39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00",
    41: '#,##0;-#,##0;"-"',
    42: '"$"#,##0;-"$"#,##0;"-"',
    43: '#,##0.00;-#,##0.00;"-"',
    44: '"$"#,##0.00;-"$"#,##0.00;"-"',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}
"""Excel's numbered formats. The currency sign of 5–8 and 42–44 is the program's; `$` by default."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<ampm>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"^(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)$")
_DATE_LETTERS = frozenset("ymdhsYMDHS")
_ELAPSED = re.compile(r"^(h+|m+|s+)$", re.IGNORECASE)
_DAYS_TO_9999 = 2_958_466


@dataclass(frozen=True, slots=True)
class _Token:
    """`kind`: text, digit (0 # ?), point, comma, percent, exponent, slash, date, elapsed, at, general."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a format. `kinds`: which of y, mo, d, h, mi, s it shows, if it is a date or a time."""

    tokens: tuple[_Token, ...]
    condition: tuple[str, Decimal] | None
    present: frozenset[str]
    kinds: frozenset[str]

    def has(self, kind: str) -> bool:
        return kind in self.present

    @property
    def is_date(self) -> bool:
        return bool(self.kinds)


def _section(tokens: list[_Token], condition: tuple[str, Decimal] | None) -> _Section:
    kept = _without_spare_commas(tokens)
    dates = [token for token in kept if token.kind in ("date", "elapsed")]
    return _Section(kept, condition, frozenset(token.kind for token in kept), _date_kinds(dates))


def general(value: float) -> str:
    """A number without a format: up to 15 digits, no exponent where they suffice."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    text = format(value, ".15g")
    if "e" not in text:
        return text
    plain = format(Decimal(text), "f")
    return plain if len(plain.strip("-").replace(".", "")) <= 21 else text.upper()


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """The number as the format shows it."""
    if code == "General":
        return general(value)
    sections = _sections(code)
    section, number = _choose(sections, value)
    if section is None or section.has("general"):
        return _around_general(section, number)
    if section.is_date:
        return _date(section, value, from_1904=from_1904)
    return _number(section, number)


@lru_cache(maxsize=1024)
def is_date(code: str) -> bool:
    """Whether numbers of this format are dates or times."""
    return any(section.is_date for section in _sections(code))


@lru_cache(maxsize=1024)
def is_general(code: str) -> bool:
    """Whether numbers of this format are shown as they are kept, so that 1998.10 is 1998.1."""
    return all(section.has("general") or section.has("at") for section in _sections(code))


@lru_cache(maxsize=1024)
def _sections(code: str) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    tokens: list[_Token] = []
    condition: tuple[str, Decimal] | None = None
    for match in _TOKEN.finditer(code):
        if match.group() == ";":
            sections.append(_section(tokens, condition))
            tokens, condition = [], None
        elif (found := _CONDITION.match(match["bracket"] or "")) is not None:
            condition = (found[1], Decimal(found[2]))
        else:
            token = _token(match)
            if token is not None:
                tokens.append(token)
    sections.append(_section(tokens, condition))
    return tuple(sections)


def _token(match: re.Match[str]) -> _Token | None:
    kind = match.lastgroup
    text = match[kind] if kind else ""
    match kind:
        case "quoted" | "escaped":
            return _Token("text", text)
        case "space":
            return _Token("text", " ")
        case "fill":
            return None
        case "bracket":
            return _bracket(text)
        case "general" | "ampm" | "exponent":
            return _Token("date" if kind == "ampm" else kind, text)
        case _:
            return _single(text)


def _bracket(text: str) -> _Token | None:
    """`[h]` is elapsed time, `[$€-407]` a currency; colours and countries are not shown."""
    if _ELAPSED.match(text):
        return _Token("elapsed", text.lower())
    if text.startswith("$"):
        return _Token("text", text[1:].partition("-")[0])
    return None


def _single(char: str) -> _Token:
    kinds = {".": "point", ",": "comma", "%": "percent", "/": "slash", "@": "at"}
    if char in "0#?":
        return _Token("digit", char)
    if char in _DATE_LETTERS:
        return _Token("date", char.lower())
    return _Token(kinds.get(char, "text"), char)


def _without_spare_commas(tokens: list[_Token]) -> tuple[_Token, ...]:
    """A comma that is not beside digits is text (`d mmmm, yyyy`)."""
    digits = any(token.kind == "digit" for token in tokens)
    return tuple(token if token.kind != "comma" or digits else _Token("text", token.text) for token in tokens)


def _choose(sections: tuple[_Section, ...], value: float) -> tuple[_Section | None, float]:
    """The section for a number, and the number that it shows (a section of its own drops the sign)."""
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or _holds(section.condition, value):
                return section, value
        return None, value
    numeric = sections[:3]
    if value < 0 and len(numeric) > 1:
        return numeric[1], -value
    if value == 0 and len(numeric) > 2:
        return numeric[2], value
    return numeric[0], value


def _holds(condition: tuple[str, Decimal], value: float) -> bool:
    operator, limit = condition
    number = Decimal(repr(value))
    return {
        "<": number < limit,
        "<=": number <= limit,
        ">": number > limit,
        ">=": number >= limit,
        "=": number == limit,
        "<>": number != limit,
    }[operator]


def _around_general(section: _Section | None, value: float) -> str:
    if section is None:
        return general(value)
    pieces = [general(value) if token.kind == "general" else token.text for token in section.tokens]
    return "".join(pieces).strip()


# --- numbers ----------------------------------------------------------------------------------------


def _number(section: _Section, value: float) -> str:
    tokens = list(section.tokens)
    if not section.has("digit"):
        sign = "-" if value < 0 and section.has("at") else ""
        return (
            sign
            + "".join(general(abs(value)) if token.kind == "at" else token.text for token in tokens).strip()
        )
    number = Decimal(format(value, ".15g"))
    number *= Decimal(100) ** sum(1 for token in tokens if token.kind == "percent")
    if section.has("slash"):
        return _fraction(tokens, number)
    if section.has("exponent"):
        return _scientific(tokens, number)
    last = max(index for index, token in enumerate(tokens) if token.kind == "digit")
    while last + 1 < len(tokens) and tokens[last + 1].kind == "comma":
        del tokens[last + 1]
        number /= 1000
    return _signed(_placed(tokens, abs(number)), number)


def _signed(text: str, number: Decimal) -> str:
    return f"-{text}" if number < 0 and any(char in "123456789" for char in text) else text


def _placed(tokens: list[_Token], number: Decimal) -> str:
    """The digits of a number that is not negative, in the places that the format has for them."""
    point = next((index for index, token in enumerate(tokens) if token.kind == "point"), None)
    whole_tokens = tokens if point is None else tokens[:point]
    rest = [] if point is None else tokens[point + 1 :]
    decimals = sum(1 for token in rest if token.kind == "digit")
    rounded = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    whole, _, fraction = format(rounded, "f").partition(".")
    text = _whole(whole_tokens, whole.lstrip("0"))
    return (text + _decimals(rest, fraction, has_point=point is not None)).strip()


def _whole(tokens: list[_Token], digits: str) -> str:
    grouped = any(token.kind == "comma" for token in tokens)
    places = [index for index, token in enumerate(tokens) if token.kind == "digit"]
    pieces: list[str] = []
    remaining = digits
    count = 0
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.kind != "digit":
            pieces.append("" if token.kind == "comma" else token.text)
            continue
        wanted = len(remaining) if index == places[0] else 1
        taken = remaining[len(remaining) - wanted :] if wanted else ""
        remaining = remaining[: len(remaining) - wanted] if wanted else remaining
        if not taken:
            taken = {"0": "0", "?": " "}.get(token.text, "")
        for digit in reversed(taken):
            if grouped and count and count % 3 == 0 and digit.isdigit():
                pieces.append(",")
            pieces.append(digit)
            count += digit.isdigit()
    return "".join(reversed(pieces))


def _decimals(tokens: list[_Token], digits: str, *, has_point: bool) -> str:
    places = [token.text for token in tokens if token.kind == "digit"]
    while places and places[-1] in "#?" and digits.endswith("0") and len(digits) == len(places):
        places.pop()
        digits = digits[:-1]
    pieces = ["." if has_point else ""]
    left = list(digits)
    for token in tokens:
        if token.kind == "digit":
            pieces.append(left.pop(0) if left else "")
        else:
            pieces.append(token.text)
    return "".join(pieces)


def _scientific(tokens: list[_Token], number: Decimal) -> str:
    at = next(index for index, token in enumerate(tokens) if token.kind == "exponent")
    mantissa, after = tokens[:at], tokens[at + 1 :]
    exponent = number.adjusted() if number else 0
    point = next((index for index, token in enumerate(mantissa) if token.kind == "point"), len(mantissa))
    step = max(1, sum(1 for token in mantissa[:point] if token.kind == "digit"))
    exponent -= exponent % step
    text = _placed(mantissa, abs(number).scaleb(-exponent))
    width = sum(1 for token in after if token.kind == "digit" and token.text == "0")
    sign = "-" if exponent < 0 else "+" if tokens[at].text.endswith("+") else ""
    return _signed(f"{text}E{sign}{abs(exponent):0{max(width, 1)}d}", number)


def _fraction(tokens: list[_Token], number: Decimal) -> str:
    at = next(index for index, token in enumerate(tokens) if token.kind == "slash")
    after = "".join(token.text for token in tokens[at + 1 :] if token.kind in ("digit", "text")).strip()
    before = "".join(token.text for token in tokens[:at])
    size = abs(Fraction(number))
    mixed = " " in before.strip()
    whole = int(size) if mixed else 0
    part = size - whole
    if after.isdigit() and int(after):
        part = Fraction(round(part * int(after)), 1)
        numerator, denominator = int(part), int(after)
    else:
        part = part.limit_denominator(10 ** max(1, len(after)) - 1)
        numerator, denominator = part.numerator, part.denominator
    if mixed and numerator == denominator:
        whole, numerator = whole + 1, 0
    pieces = [str(whole)] if mixed and (whole or not numerator) else []
    if numerator or not mixed:
        pieces.append(f"{numerator}/{denominator}")
    return _signed(" ".join(pieces), number)


# --- dates ------------------------------------------------------------------------------------------


def _date(section: _Section, value: float, *, from_1904: bool) -> str:
    kinds = section.kinds
    if section.has("elapsed"):
        return _elapsed(value, seconds="s" in kinds)
    shows_time = bool(kinds & {"h", "mi", "s"})
    moment = moment_of(value if shows_time else math.floor(value), from_1904=from_1904)
    return general(value) if moment is None else iso(moment, kinds)


def _date_kinds(tokens: list[_Token]) -> frozenset[str]:
    """Which of y, mo, d, h, mi, s are shown. `m` after an hour or before a second is the minute."""
    runs: list[str] = []
    for token in tokens:
        letter = "ampm" if "/" in token.text else token.text[0]
        if not runs or runs[-1] != letter:
            runs.append(letter)
    kinds: set[str] = set()
    for index, letter in enumerate(runs):
        before = next((run for run in reversed(runs[:index]) if run != "ampm"), "")
        behind = runs[index + 1] if index + 1 < len(runs) else ""
        if letter == "m":
            kinds.add("mi" if before == "h" or behind == "s" else "mo")
        elif letter != "ampm":
            kinds.add(letter)
    return frozenset(kinds)


def _elapsed(value: float, *, seconds: bool) -> str:
    total = round(abs(value) * 86400)
    sign = "-" if value < 0 else ""
    text = f"{sign}{total // 3600}:{total // 60 % 60:02d}"
    return f"{text}:{total % 60:02d}" if seconds else text


def moment_of(value: float, *, from_1904: bool = False) -> datetime | None:
    """The date and time that a serial number stands for; None where it stands for none.

    Excel's 1900 calendar counts a 29 February 1900 that never was: numbers before it are a day off.
    """
    if value < 0 or value >= _DAYS_TO_9999 or (not from_1904 and 60 <= value < 61):
        return None
    if from_1904:
        epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - a wall-clock time without a zone, as in the sheet
    elif value < 60:
        epoch = datetime(1899, 12, 31)  # noqa: DTZ001
    else:
        epoch = datetime(1899, 12, 30)  # noqa: DTZ001
    return epoch + timedelta(seconds=round(value * 86400))


def iso(moment: datetime, kinds: frozenset[str]) -> str:
    """ISO 8601, as precise as the kinds that are shown."""
    has_time = "h" in kinds or "mi" in kinds or "s" in kinds
    has_date = bool(kinds & {"y", "mo", "d"})
    time = moment.strftime("%H:%M:%S" if "s" in kinds else "%H:%M")
    if not has_date:
        return time if "h" in kinds else moment.strftime("%M:%S")
    if has_time:
        return f"{moment:%Y-%m-%d}T{time}"
    if kinds == {"y"}:
        return f"{moment:%Y}"
    if kinds == {"y", "mo"}:
        return f"{moment:%Y-%m}"
    return f"{moment:%Y-%m-%d}"
