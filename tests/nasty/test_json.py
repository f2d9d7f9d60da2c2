"""JSON: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from service.control.model import (
    JsonReader,
)
from tests.nasty.support import Case, check

CASES = (
    Case(
        "an empty file",
        JsonReader(),
        b"",
        error="[file-empty] data: The file is empty (0 bytes). Export or upload it again.",
    ),
    Case("an empty array", JsonReader(), b"[]"),
    Case(
        "a byte order mark",
        JsonReader(),
        b'\xef\xbb\xbf[{"a": 1}]',
        rows={1: {"a": 1}},
        facts=("Read as UTF-8, by its byte order mark.",),
    ),
    Case(
        "UTF-16 with a byte order mark, as PowerShell writes it",
        JsonReader(),
        '\ufeff[{"a": "é"}]'.encode("utf-16-le"),
        rows={1: {"a": "é"}},
        facts=("Read as UTF-16, by its byte order mark.",),
    ),
    Case(
        "UTF-16 without a byte order mark",
        JsonReader(),
        '[{"a": "é"}]'.encode("utf-16-le"),
        rows={1: {"a": "é"}},
        facts=("Read as UTF-16-LE without a byte order mark, guessed from its zero bytes.",),
    ),
    Case(
        "cp1252",
        JsonReader(),
        b'[{"a": "x"},\n{"a": "caf\xe9"}]',
        error="[undecodable] data, line 2: The byte 0xE9 here is no utf-8 text. Save the file as UTF-8.",
    ),
    Case(
        "a name twice in an object",
        JsonReader(),
        b'[{"t": "a", "t": "b"}, {"o": {"x": 1, "x": 2}}, {"ok": 1}]',
        rows={3: {"ok": 1}},
        bad=(
            (
                1,
                "row-duplicate-key",
                'The name "t" stands twice in one object, and only one of its values could be kept. Make '
                "it a list, or give one of them another name.",
            ),
            (
                2,
                "row-duplicate-key",
                'The name "x" stands twice in one object, and only one of its values could be kept. Make '
                "it a list, or give one of them another name.",
            ),
        ),
    ),
    Case(
        "NaN and Infinity",
        JsonReader(),
        b'[{"a": NaN}, {"a": -Infinity}, {"a": 1e999}, {"a": 1}]',
        rows={4: {"a": 1}},
        bad=(
            (1, "row-number", "NaN is no JSON value. Write null where there is no number."),
            (2, "row-number", "-Infinity is no JSON value. Write null where there is no number."),
            (3, "row-number", "The number 1e999 is too large. Write it as text, in quotation marks."),
        ),
    ),
    Case(
        "half a surrogate pair",
        JsonReader(),
        b'[{"a": "\\ud83d\\ude00"}, {"a": "\\ud83d"}, {"\\udc00": 1}]',
        rows={1: {"a": "😀"}},
        bad=(
            (
                2,
                "row-surrogate",
                "A text holds half of a character (\\ud83d without its other half). The export has cut an "
                "emoji or a rare letter in two: correct the text.",
            ),
            (
                3,
                "row-surrogate",
                "A text holds half of a character (\\udc00 without its other half). The export has cut an "
                "emoji or a rare letter in two: correct the text.",
            ),
        ),
    ),
    Case(
        "NUL in a text",
        JsonReader(),
        b'[{"a": "x\\u0000y"}, {"a": "\\\\u0000"}]',
        rows={2: {"a": "\\u0000"}},
        bad=(
            (1, "row-nul", "A text holds a NUL character (\\u0000), which Omeka cannot store. Take it out."),
        ),
    ),
    Case(
        "a raw line break in a text",
        JsonReader(),
        b'[\n{"a": "x\ny"}]',
        error=(
            "[json-malformed] data, line 2: This is not JSON: a line break or another control character "
            'stands in a text, near «{"a": "x⏎y"}]».'
        ),
    ),
    Case(
        "a trailing comma",
        JsonReader(),
        b'[{"a": 1},\n]',
        rows={1: {"a": 1}},
        error="[json-malformed] data, line 2: This is not JSON: a value is missing, near «]».",
    ),
    Case(
        "single quotation marks",
        JsonReader(),
        b"[{'a': 1}]",
        error=(
            "[json-malformed] data, line 1: This is not JSON: a name in double quotation marks is missing, "
            "near «{'a': 1}]»."
        ),
    ),
    Case(
        "a missing comma between elements",
        JsonReader(),
        b'[{"a": 1}\n {"a": 2}]',
        rows={1: {"a": 1}},
        error=(
            "[json-malformed] data, line 2: This is not JSON: a comma or ] is missing after element 1, "
            'near «[{"a": 1}⏎ {"a": 2}]».'
        ),
    ),
    Case(
        "cut off in the middle",
        JsonReader(),
        b'[\n{"a": 1},\n{"a": "tw',
        rows={1: {"a": 1}},
        error=(
            "[file-truncated] data, line 3: The file ends in the middle of the JSON text. It was cut off: "
            "export or upload it again."
        ),
    ),
    Case(
        "cut off after an element",
        JsonReader(),
        b'[\n{"a": 1}\n',
        rows={1: {"a": 1}},
        error=(
            "[file-truncated] data, line 3: The file ends in the middle of the JSON text. It was cut off: "
            "export or upload it again."
        ),
    ),
    Case(
        "something after the end",
        JsonReader(),
        b'[{"a": 1}]\n[{"a": 2}]',
        rows={1: {"a": 1}},
        error=(
            "[json-malformed] data, line 2: Something follows the end of the JSON text («[»). Two exports "
            "in one file? Separate them."
        ),
    ),
    Case(
        "elements that are no objects",
        JsonReader(),
        b'[1, "x", null, [1], true, {"a": 1}]',
        rows={6: {"a": 1}},
        bad=(
            (
                1,
                "row-not-an-object",
                "This element is a number, but a record is an object with names and values.",
            ),
            (
                2,
                "row-not-an-object",
                "This element is text, but a record is an object with names and values.",
            ),
            (
                3,
                "row-not-an-object",
                "This element is null, but a record is an object with names and values.",
            ),
            (
                4,
                "row-not-an-object",
                "This element is a list, but a record is an object with names and values.",
            ),
            (
                5,
                "row-not-an-object",
                "This element is true or false, but a record is an object with names and values.",
            ),
        ),
    ),
    Case(
        "JSON Lines",
        JsonReader(),
        b'{"a": 1}\n{"a": 2}\n',
        error=(
            "[json-not-an-array] data, line 1: This looks like JSON Lines, one record a line. Read it with "
            '"read": "jsonl".'
        ),
    ),
    Case(
        "an object that holds the array",
        JsonReader(),
        b'{"total": 2, "items": [{"a": 1}], "more": []}',
        error=(
            "[json-not-an-array] data, line 1: The file is one object, not an array of records. Name the "
            'array with "at": "items" or "more". If the whole file is one record, say "singleRecord": true.'
        ),
    ),
    Case(
        "an object with nothing to read",
        JsonReader(),
        b'{"total": 2}',
        error=(
            "[json-not-an-array] data, line 1: The file is one object, not an array of records. If the "
            'whole file is one record, say "singleRecord": true.'
        ),
    ),
    Case(
        "at that is not there",
        JsonReader(at=("data", "items")),
        b'{"data": {"item": [], "count": 3}}',
        error=(
            '[json-no-records] data, line 1: "at" looks for "data/items", but there is no "items". The '
            'names there are "item", "count".'
        ),
    ),
    Case(
        "at that is no array",
        JsonReader(at=("data",)),
        b'{"data": {"items": []}}',
        error=(
            '[json-not-an-array] data, line 1: "at" leads to one object, not to an array. The arrays in it '
            'are "items".'
        ),
    ),
    Case(
        "at past other content",
        JsonReader(at=("data", "items")),
        b'{"x": [1, {"y": [2]}], "data": {"n": 1, "items": [{"a": 1}], "z": {}}, "end": [[]]}',
        rows={1: {"a": 1}},
    ),
    Case(
        "a broken text after the array of at",
        JsonReader(at=("items",)),
        b'{"items": [{"a": 1}],\n"end": [}',
        rows={1: {"a": 1}},
        error="[json-malformed] data, line 2: This is not JSON: a value is missing, near «}».",
    ),
    Case(
        "singleRecord on an array",
        JsonReader(single_record=True),
        b'[{"a": 1}]',
        error=(
            '[json-no-records] data, line 1: "singleRecord" wants one object, but here is an array. Take '
            '"singleRecord" away to read every element as a record.'
        ),
    ),
    Case(
        "singleRecord on JSON Lines",
        JsonReader(single_record=True),
        b'{"a": 1}\n{"a": 2}',
        rows={1: {"a": 1}},
        error=(
            "[json-malformed] data, line 2: More records follow the first: this is JSON Lines. Read it "
            'with "read": "jsonl".'
        ),
    ),
    Case(
        "nesting of ten thousand levels",
        JsonReader(),
        b'[{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}]",
        error="[json-too-deep] data, line 1: The value that begins here nests hundreds of levels deep.",
    ),
    Case(
        "a number of five thousand digits",
        JsonReader(),
        b'[{"a": ' + b"9" * 5_000 + b"}]",
        error=(
            "[json-malformed] data, line 1: A number here has thousands of digits. Write it as text, in "
            "quotation marks."
        ),
    ),
    Case(
        "numbers whose text matters",
        JsonReader(),
        b'[{"a": 1998.10, "b": 1e5, "c": 12345678901234567890123, "d": -0.50, "e": 1.5}]',
        rows={1: {"a": 1998.1, "b": 100000.0, "c": 12345678901234567890123, "d": -0.5, "e": 1.5}},
    ),
    Case(
        "gzip",
        JsonReader(),
        gzip.compress(b'[{"a": 1}]', mtime=0),
        error=(
            "[other-format] data: This is not JSON but a gzip archive. Unpack it and upload the file inside."
        ),
    ),
    Case(
        "HTML",
        JsonReader(),
        b"<!DOCTYPE html>\n<html><body>Please log in</body></html>",
        error=(
            "[other-format] data: This is not JSON but an HTML page, often the login or error page of the "
            "system it was exported from. Export the records again."
        ),
    ),
    Case(
        "CSV",
        JsonReader(),
        b"id,title\n1,x\n",
        error="[json-malformed] data, line 1: This is not JSON: a value is missing, near «id,title⏎1,x⏎».",
    ),
    Case(
        "names like paths and code",
        JsonReader(),
        b'[{"../../etc/passwd": "=cmd()", "__proto__": {}, "": "x", "a.b": "<script>"}]',
        rows={1: {"../../etc/passwd": "=cmd()", "__proto__": {}, "": "x", "a.b": "<script>"}},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
