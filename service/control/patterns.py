"""What is checked of expressions, regular expressions and date patterns: that they can be read.

Nothing is kept compiled; `worker.mapping` compiles the text once for a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jmespath
import re2
from jmespath.exceptions import JMESPathError, ParseError
from jmespath.functions import Functions
from jmespath.lexer import Lexer

from service.control.functions import FUNCTIONS
from service.control.suggest import nearest

LONGEST_EXPRESSION = 4_000
LONGEST_PATTERN = 4_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a text cannot be read; `function`: because of how a function is named or called."""

    message: str
    function: bool = False


# --- expressions ----------------------------------------------------------------------------------


def _builtin_arities() -> dict[str, tuple[int, int | None]]:
    arities: dict[str, tuple[int, int | None]] = {}
    for name, entry in Functions.FUNCTION_TABLE.items():
        signature = entry["signature"]
        variadic = bool(signature and signature[-1].get("variadic"))
        arities[name] = (len(signature), None if variadic else len(signature))
    return arities


ARITIES: dict[str, tuple[int, int | None]] = _builtin_arities() | {
    function.name: (function.least, function.most) for function in FUNCTIONS.values()
}
"""Each function of an expression: the least and the most arguments (None: any number)."""


def expression_faults(text: str) -> list[Fault]:
    """Everything that is wrong with a JMESPath expression; empty when it can be run."""
    if not text.strip():
        return [Fault("the expression is empty")]
    if len(text) > LONGEST_EXPRESSION:
        return [Fault(f"the expression has {len(text)} characters; at most {LONGEST_EXPRESSION} are allowed")]
    loose = _loose_literal(text)
    if loose is not None:
        return [loose]
    try:
        parsed = jmespath.compile(text).parsed
    except ParseError as error:
        return [_syntax_fault(error, text)]
    except RecursionError:
        return [Fault("the expression is nested too deeply")]
    except (JMESPathError, ValueError) as error:
        return [Fault(f"the expression cannot be read: {_one_line(str(error))}")]
    return [
        *_slice_faults(parsed),
        *(fault for name, given in _calls(parsed) for fault in _call_faults(name, given)),
    ]


def _loose_literal(text: str) -> Fault | None:
    """Backticks hold JSON. The library takes anything there, with a deprecation; a quote was meant."""

    try:
        for _ in _StrictLexer().tokenize(text):
            pass
    except _LooseLiteral as loose:
        return Fault(
            f"character {loose.start + 1}: `{loose.literal}` is not JSON;"
            f" a text stands in single quotes: '{loose.literal}'"
        )
    except (JMESPathError, ValueError):
        return None
    return None


class _StrictLexer(Lexer):
    _position: int

    def _consume_literal(self) -> dict[str, Any]:
        start = self._position
        literal = self._consume_until("`").replace("\\`", "`").lstrip()  # type: ignore[attr-defined]
        try:
            value = json.loads(literal)
        except ValueError:
            raise _LooseLiteral(start, literal[:40]) from None
        return {"type": "literal", "value": value, "start": start, "end": self._position}


class _LooseLiteral(Exception):
    """A signal out of the lexer."""

    def __init__(self, start: int, literal: str) -> None:
        super().__init__(literal)
        self.start = start
        self.literal = literal


def _syntax_fault(error: ParseError, text: str) -> Fault:
    position = min(int(error.lex_position or 0), len(text))
    if position >= len(text):
        return Fault("the expression ends too early")
    return Fault(f"the expression cannot be read at character {position + 1}: {_one_line(text[position:])!r}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:40]


def _tree(parsed: object) -> Iterator[dict[str, Any]]:
    todo = [parsed]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            yield node
            todo.extend(reversed(node.get("children", [])))


def _calls(parsed: object) -> Iterator[tuple[str, int]]:
    """Name and number of arguments of each function in a syntax tree."""
    for node in _tree(parsed):
        if node.get("type") == "function_expression":
            yield str(node["value"]), len(node["children"])


def _slice_faults(parsed: object) -> Iterator[Fault]:
    for node in _tree(parsed):
        if node.get("type") == "slice" and node["children"][2:3] == [0]:
            yield Fault("a slice with the step 0 goes nowhere")


def _call_faults(name: str, given: int) -> Iterator[Fault]:
    arity = ARITIES.get(name)
    if arity is None:
        close = nearest(name, ARITIES)
        advice = f': did you mean "{close}"?' if close else f". There are: {', '.join(sorted(ARITIES))}."
        yield Fault(f'unknown function "{name[:40]}"{advice}', function=True)
        return
    least, most = arity
    if given < least or (most is not None and given > most):
        wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        yield Fault(f'the function "{name}" takes {wanted} arguments, here are {given}', function=True)


# --- regular expressions --------------------------------------------------------------------------


def pattern_fault(pattern: str) -> str | None:
    """Why RE2 does not take a regular expression; None when it does."""
    if len(pattern) > LONGEST_PATTERN:
        return f"the pattern has {len(pattern)} characters; at most {LONGEST_PATTERN} are allowed"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0] if error.args else ""
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        hint = ""
        if any(part in pattern for part in ("(?=", "(?!", "(?<=", "(?<!", "\\1")):
            hint = " (look-around and back-references do not exist in linear-time expressions)"
        return f"the pattern cannot be read: {_one_line(detail)}{hint}"
    return None


def pattern_groups(pattern: str) -> int:
    """The number of groups of a pattern that was checked."""
    return int(re2.compile(pattern).groups)


def replacement_fault(replacement: str, groups: int) -> str | None:
    r"""`\1` … `\9` must name groups of the pattern; `\\` is a backslash."""
    position = replacement.find("\\")
    while position >= 0:
        after = replacement[position + 1 : position + 2]
        if after.isdigit() and after.isascii():
            if int(after) > groups:
                return f"\\{after} names a group, but the pattern has {groups}"
        elif after != "\\":
            return f"\\{after} means nothing here; write \\\\ for a backslash, \\1 for the first group"
        position = replacement.find("\\", position + 2)
    return None


# --- date patterns --------------------------------------------------------------------------------

DATE_LETTERS = {
    "y": "year",
    "u": "year",
    "M": "month (MM 04, MMM Apr, MMMM April)",
    "L": "month",
    "d": "day",
    "E": "day of the week",
    "a": "AM or PM",
    "H": "hour, 0-23",
    "h": "hour, 1-12",
    "m": "minute",
    "s": "second",
    "S": "fraction of a second",
    "z": "name of a time zone",
    "Z": "offset, +0100",
    "X": "offset, Z or +01:00",
    "x": "offset, +01:00",
}
"""The letters of Java's date patterns that have a meaning here."""


@dataclass(frozen=True, slots=True)
class DatePiece:
    """A run of one pattern letter (`letter`, `length`), or literal `text` (`letter` is "")."""

    letter: str
    length: int
    text: str = ""


class DatePatternError(ValueError):
    """The message says what is wrong, for a person."""


def date_pattern(pattern: str) -> tuple[DatePiece, ...]:
    """Java's `SimpleDateFormat` pattern in pieces; raises DatePatternError."""
    pieces: list[DatePiece] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "'":
            at, text = _quoted_text(pattern, at)
            pieces.append(DatePiece("", 0, text))
            continue
        end = at
        while end < len(pattern) and pattern[end] == char:
            end += 1
        if char.isascii() and char.isalpha():
            pieces.append(_letters(char, end - at))
        else:
            pieces.append(DatePiece("", 0, pattern[at:end]))
        at = end
    if not any(piece.letter in ("y", "u") for piece in pieces):
        raise DatePatternError(f'"{pattern[:60]}" has no year (yyyy)')
    return tuple(pieces)


def _letters(char: str, length: int) -> DatePiece:
    if char not in DATE_LETTERS:
        known = ", ".join(f"{letter} {meaning}" for letter, meaning in DATE_LETTERS.items())
        hint = {"Y": " (the year is yyyy)", "D": " (the day is dd)"}.get(char, "")
        raise DatePatternError(f"the letter {char} means nothing in a date pattern{hint}. Letters: {known}")
    return DatePiece(char, length)


def _quoted_text(pattern: str, at: int) -> tuple[int, str]:
    """Text in single quotes from `at`; two of them are one. Returns where it ends, and the text."""
    if pattern[at + 1 : at + 2] == "'":
        return at + 2, "'"
    text = ""
    position = at + 1
    while position < len(pattern):
        if pattern[position] == "'":
            if pattern[position + 1 : position + 2] != "'":
                return position + 1, text
            position += 1
        text += pattern[position]
        position += 1
    raise DatePatternError("a single quote in the date pattern is not closed")
