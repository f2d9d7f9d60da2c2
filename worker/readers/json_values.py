"""JSON text into values, nothing lost: repeated names, numbers as they are written, what is no text.

The C scanner of the standard library is used rather than orjson or ijson: it tells where a value ends
(so records can be given back byte for byte), lets repeated names be seen and numbers keep their text,
and on big arrays is quicker than `ijson.items`.
"""

from __future__ import annotations

import json
import json.scanner
import re
from collections.abc import Iterator

from worker.records import Json

if getattr(json.scanner, "c_make_scanner", None) is None:  # pragma: no cover - not so in CPython
    raise ImportError(
        "JSON cannot be read at speed: this Python lacks the C scanner of its json module (_json)."
    )

_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class Number(float):
    """A number whose JSON text is not what Python would write for it: `1998.10`, `1e5`, 20 digits.

    It counts and compares as a float; `str()` gives the text of the file, so an accession number that
    somebody wrote as a number keeps its nought.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Number], tuple[str]]:
        return Number, (self.text,)


class Decoder:
    """Scans single values. What is wrong with a value as a record stands in `fault` after each scan.

    `fault` is `(code, message)`; the scan itself fails only where the text is no JSON.
    """

    def __init__(self) -> None:
        self.fault: tuple[str, str] | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=self._float, parse_constant=self._constant
        )

    def scan(self, text: str, index: int) -> tuple[Json, int]:
        """The value that begins at `index`, and where it ends. Raises `json.JSONDecodeError`."""
        self.fault = None
        value: Json
        value, end = self._decoder.raw_decode(text, index)
        return value, end

    def _object(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        members = dict(pairs)
        if len(members) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    self.fault = (
                        "row-duplicate-key",
                        f'The name "{name}" stands twice in one object, and only one of its values could '
                        "be kept. Make it a list, or give one of them another name.",
                    )
                    break
                seen.add(name)
        return members

    def _float(self, text: str) -> float:
        value = float(text)
        if repr(value) == text:
            return value
        if value in (float("inf"), float("-inf")):
            self.fault = (
                "row-number",
                f"The number {text} is too large. Write it as text, in quotation marks.",
            )
        return Number(text)

    def _constant(self, text: str) -> None:
        self.fault = ("row-number", f"{text} is no JSON value. Write null where there is no number.")


def may_hold_unfit_text(text: str) -> bool:
    """Whether some escape in the text could be a NUL or half of a surrogate pair: then look closely."""
    return _ESCAPED.search(text) is not None


def unfit_text(value: Json) -> tuple[str, str] | None:
    """`(code, message)` for a text that no database and no Omeka can hold: NUL, half a surrogate pair."""
    for text in _texts(value):
        found = _UNFIT.search(text)
        if found is None:
            continue
        if found.group() == "\x00":
            return "row-nul", "A text holds a NUL character (\\u0000), which Omeka cannot store. Take it out."
        return (
            "row-surrogate",
            f"A text holds half of a character (\\u{ord(found.group()):04x} without its other half). "
            "The export has cut an emoji or a rare letter in two: correct the text.",
        )
    return None


def _texts(value: Json) -> Iterator[str]:
    """Every text in a value, names included. No recursion: values may nest deeply."""
    waiting: list[Json] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, dict):
            waiting.extend(current)
            waiting.extend(current.values())


_PLAIN = {
    "Expecting value": "a value is missing",
    "Expecting property name enclosed in double quotes": "a name in double quotation marks is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Invalid control character at": "a line break or another control character stands in a text",
    "Invalid \\escape": "a backslash stands before a character that it does not go with",
    "Invalid \\uXXXX escape": "\\u stands without four digits",
    "Unterminated string starting at": "a text is not closed",
}


def plain_words(error: json.JSONDecodeError) -> str:
    """What the scanner complains of, for a person."""
    return _PLAIN.get(error.msg.rstrip(": "), error.msg)


def kind_of(value: Json) -> str:
    """What a value is, for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
