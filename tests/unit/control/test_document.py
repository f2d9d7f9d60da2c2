"""Any bytes are read, or refused with the place and the reason."""

from __future__ import annotations

import pytest

from service.control.document import DEEPEST, MOST_BYTES, MOST_VALUES, read_document


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Line 1, column 1: The control file is empty."),
        (b" \n\t", "Line 2, column 2: The control file is empty."),
        (b"[1,2", 'Line 1, column 5: Expected "," or "]", found the end of the file.'),
        (b'{"a":1,\n}', 'Line 2, column 1: A comma before "}" is not JSON: take it out.'),
        (b"[1,]", 'Line 1, column 4: A comma before "]" is not JSON: take it out.'),
        (
            b"{'a':1}",
            "Line 1, column 2: Expected a key in double quotes, found ' (JSON wants straight double quotes).",
        ),
        (
            "{“a”: 1}".encode(),
            "Line 1, column 2: Expected a key in double quotes, found “ (JSON wants straight double quotes).",
        ),
        (
            b'{"a":1 // one\n}',
            'Line 1, column 8: Expected "," or "}", found a comment (JSON has none; use a "comment" key).',
        ),
        (b'{"a" 1}', 'Line 1, column 6: Expected ":" after the key, found "1".'),
        (b'{"a": tru}', 'Line 1, column 7: Expected a value, found "tru".'),
        (b'{"a": "b', "Line 1, column 7: A text is not closed: the double quote is missing."),
        (
            b'{"a": "x\ny"}',
            "Line 1, column 9: A text may not hold a line break; write it as an escape, or close the quote.",
        ),
        (
            b'{"a": "x\x00y"}',
            "Line 1, column 9: A text may not hold the control character U+0000;"
            " write it as an escape, or close the quote.",
        ),
        (
            b'{"a": "c:\\dir"}',
            'Line 1, column 10: "\\d" is no escape in JSON; a backslash itself is written twice.',
        ),
        (b"{} {}", 'Line 1, column 4: Found "{" after the end of the document.'),
        (b"[01]", 'Line 1, column 3: Expected "," or "]", found "1".'),
        (b"[" * 70, f"Line 1, column {DEEPEST + 1}: Nested deeper than {DEEPEST} levels."),
        (b'\xff\xfe{\x00"\x00', "The control file is UTF-16; save it as UTF-8."),
        (
            b'{\n"a": "caf\xe9"}',
            "The control file is not UTF-8: byte 0xe9 at line 2, byte 10. Save it as UTF-8.",
        ),
    ],
)
def test_what_is_not_json_is_told_with_its_place(data: bytes, message: str) -> None:
    document = read_document(data)
    assert document.root is None
    assert [flaw.message for flaw in document.flaws] == [message]


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b'{"a": NaN}', ["Line 1, column 7: NaN is not JSON."]),
        (
            b"[Infinity, -Infinity]",
            ["Line 1, column 2: Infinity is not JSON.", "Line 1, column 12: -Infinity is not JSON."],
        ),
        (b"[1e999]", ["Line 1, column 2: A number is too large to be held."]),
        (b"[" + b"9" * 400 + b"]", ["Line 1, column 2: A number is too large to be held."]),
        (
            b'{"a": "\\ud800"}',
            ["Line 1: A text holds NUL or half of a surrogate pair, which is no character."],
        ),
        (
            b'{"a\\u0000": 1}',
            ["Line 1: A text holds NUL or half of a surrogate pair, which is no character."],
        ),
        (
            b'{"a": {"b": 1,\n"b": 2}}',
            ["/a/b: the key stands twice in one object; the first is in line 1."],
        ),
    ],
)
def test_what_can_be_read_past_is_collected(data: bytes, messages: list[str]) -> None:
    document = read_document(data)
    assert document.root is not None
    assert [flaw.message for flaw in document.flaws] == messages


def test_a_document_keeps_values_lines_and_pointers() -> None:
    data = b'\xef\xbb\xbf{"a/b": [1,\n -2.5e1, true, null],\r\n "c~": {"d": "\\u00e9\\ud83d\\ude00"}}'
    root = read_document(data).root
    assert root is not None
    assert root.plain() == {"a/b": [1, -25.0, True, None], "c~": {"d": "é😀"}}
    assert [(node.pointer, node.line) for node in root.walk()] == [
        ("", 1),
        ("/a~1b", 1),
        ("/a~1b/0", 1),
        ("/a~1b/1", 2),
        ("/a~1b/2", 2),
        ("/a~1b/3", 2),
        ("/c~0", 3),
        ("/c~0/d", 3),
    ]
    assert root.find("/c~0/d").plain() == "é😀"
    assert root.find("/c~0/nothing/here").pointer == "/c~0"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b" " * (MOST_BYTES + 1), "The control file has 4,194,305 bytes; at most 4,194,304 are read."),
        (
            b"[" + b"0," * MOST_VALUES + b"0]",
            "Line 1, column 800000: The control file holds more than 400,000 values.",
        ),
        (b'"' + b'\\"' * 1_000_000, "Line 1, column 1: A text is not closed: the double quote is missing."),
        (b'{"a":' * 400_000, "Line 1, column 321: Nested deeper than 64 levels."),
    ],
    ids=["bytes", "values", "escapes", "depth"],
)
def test_large_files_are_refused_or_read_in_linear_time(data: bytes, message: str) -> None:
    assert [flaw.message for flaw in read_document(data).flaws] == [message]
