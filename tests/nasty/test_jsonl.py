"""JSON Lines: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    JsonLinesReader,
)
from tests.nasty.support import Case, check

CASES = (
    Case("an empty file", JsonLinesReader(), b"", notes=("The file holds no record.",)),
    Case(
        "blank lines and Windows line ends",
        JsonLinesReader(),
        b'{"a": 1}\r\n\r\n{"a": 2}\r\n',
        rows={1: {"a": 1}, 3: {"a": 2}},
        notes=("1 blank line skipped.",),
    ),
    Case(
        "lines that are no JSON among good ones",
        JsonLinesReader(),
        b'{"a": 1}\n{"a": \nnothing\n{"a": 2} {"a": 3}\n{"a": 4}\n',
        rows={1: {"a": 1}, 5: {"a": 4}},
        bad=(
            (
                2,
                "row-not-json",
                'This line is not JSON: a value is missing, near «{"a":». The line was cut off.',
            ),
            (3, "row-not-json", "This line is not JSON: a value is missing, near «nothing»."),
            (
                4,
                "row-not-json",
                'Something follows the record on this line: «{"a": 3}». Write one record a line.',
            ),
        ),
    ),
    Case(
        "a last line that was cut off",
        JsonLinesReader(),
        b'{"a": 1}\n{"a": "tw',
        rows={1: {"a": 1}},
        bad=(
            (
                2,
                "row-not-json",
                'This line is not JSON: a text is not closed, near «{"a": "tw». The line was cut off.',
            ),
        ),
    ),
    Case(
        "a JSON array",
        JsonLinesReader(),
        b'[\n{"a": 1},\n{"a": 2}\n]',
        error=(
            "[json-malformed] data, line 1: The first line is no whole record: this is JSON over several "
            'lines. Read it with "read": "json".'
        ),
    ),
    Case(
        "a JSON array on one line",
        JsonLinesReader(),
        b'[{"a": 1}, {"a": 2}]\n',
        error=(
            "[json-malformed] data, line 1: The first line is no whole record: this is JSON over several "
            'lines. Read it with "read": "json".'
        ),
    ),
    Case(
        "JSON over several lines",
        JsonLinesReader(),
        b'{\n "a": 1\n}',
        error=(
            "[json-malformed] data, line 1: The first line is no whole record: this is JSON over several "
            'lines. Read it with "read": "json".'
        ),
    ),
    Case(
        "lines that are no objects",
        JsonLinesReader(),
        b'{"a": 1}\n[1]\n"x"\n7\n',
        rows={1: {"a": 1}},
        bad=(
            (2, "row-not-an-object", "This line is a list, but a record is an object with names and values."),
            (3, "row-not-an-object", "This line is text, but a record is an object with names and values."),
            (
                4,
                "row-not-an-object",
                "This line is a number, but a record is an object with names and values.",
            ),
        ),
    ),
    Case(
        "what JSON allows and Omeka does not",
        JsonLinesReader(),
        b'{"a": "\\u0000"}\n{"a": "\\ud83d"}\n{"a": NaN}\n{"a": 1, "a": 2}\n',
        bad=(
            (1, "row-nul", "A text holds a NUL character (\\u0000), which Omeka cannot store. Take it out."),
            (
                2,
                "row-surrogate",
                "A text holds half of a character (\\ud83d without its other half). The export has cut an "
                "emoji or a rare letter in two: correct the text.",
            ),
            (3, "row-number", "NaN is no JSON value. Write null where there is no number."),
            (
                4,
                "row-duplicate-key",
                'The name "a" stands twice in one object, and only one of its values could be kept. Make '
                "it a list, or give one of them another name.",
            ),
        ),
    ),
    Case(
        "a deep line",
        JsonLinesReader(),
        b'{"a": 1}\n' + b"[" * 5_000 + b"]" * 5_000 + b"\n",
        rows={1: {"a": 1}},
        bad=((2, "row-too-deep", "This record nests hundreds of levels deep."),),
    ),
    Case(
        "a byte that is no UTF-8",
        JsonLinesReader(),
        b'{"a": 1}\n{"a": "\xff"}\n',
        error="[undecodable] data, line 2: The byte 0xFF here is no utf-8 text. Save the file as UTF-8.",
    ),
    Case(
        "a text of ten megabytes",
        JsonLinesReader(),
        lambda: b'{"a": "' + b"x" * 10_000_000 + b'"}\n{"a": "y"}\n',
        rows={1: {"a": "x" * 10_000_000}, 2: {"a": "y"}},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
