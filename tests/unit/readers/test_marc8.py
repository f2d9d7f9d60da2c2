"""MARC-8 is read by the Library of Congress's tables, and what is none is refused."""

from __future__ import annotations

import pytest
from pymarc import marc8_mapping
from pymarc.marc8 import marc8_to_unicode

from worker.readers.marc8 import NotMarc8, decode_marc8


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        (b"\xe2Ecole", "École"),
        (b"\xf0\xe2c", "ḉ"),
        (b"2\x1bb2\x1bsO", "2₂O"),
        (b"10\x1bp2\x1bs", "10²"),
        (b"\x1bga\x1bs rays", "α rays"),
        (b"\x1b(NABC\x1b(B x", "абц x"),
        (b"\x1b)N\xc1\xc2", "аб"),
        (b"\x1b(!E1\x1bsx", "łx"),
        (b"\x1b$1\x21\x30\x21\x21\x30\x22\x1b(B.", "一丁."),
        (b"\x88The \x89Times", "The Times"),
    ],
)
def test_text_is_read(data: bytes, text: str) -> None:
    assert decode_marc8(data) == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\xff", "the byte 0xFF at byte 2 stands for no character"),
        (b"a\xe2", "a diacritic at the end has no letter"),
        (b"a\x1b(", "an escape sequence at byte 2 is incomplete"),
        (b"\x1b(~a", "the character set 0x7E at byte 1 is unknown"),
        (b"\x1b$1\x21\x30", "the byte 0x21 at byte 4 stands for no character"),
    ],
)
def test_what_is_no_marc8_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(NotMarc8) as caught:
        decode_marc8(data)
    assert str(caught.value) == message


def test_every_character_of_the_latin_tables_is_as_pymarc_has_it() -> None:
    for charset in (0x42, 0x45):
        for code, (_, is_mark) in marc8_mapping.CODESETS[charset].items():
            data = bytes([code]) + (b"e" if is_mark else b"")
            if code not in (0x1B, 0x1D, 0x1E, 0x1F, 0x88, 0x89, 0x8D, 0x8E):
                assert decode_marc8(data) == marc8_to_unicode(data)
