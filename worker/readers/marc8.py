"""MARC-8, the character encoding of MARC records before Unicode, by the Library of Congress's code tables.

The tables are pymarc's. Its converter is not used because it writes what it does not know to standard
error and puts a blank in its place; here that is an error, so a record is never silently wrong.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from pymarc import marc8_mapping

_ESCAPE = 0x1B
_BASIC_LATIN = 0x42
_ANSEL = 0x45
_EAST_ASIAN = 0x31
_CUSTOM = {ord("s"): _BASIC_LATIN, ord("g"): 0x67, ord("b"): 0x62, ord("p"): 0x70}
_G0, _G1, _MULTIBYTE = b"(,", b")-", ord("$")
_NON_FILING = ("\x98", "\x9c")
"""Marks around an article that is not sorted by; they stand for no text."""


class NotMarc8(ValueError):
    """The bytes are no MARC-8. The message names the first that is not."""


@dataclass(slots=True)
class _Conversion:
    data: bytes
    at: int = 0
    g0: int = _BASIC_LATIN
    g1: int = _ANSEL
    text: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def run(self) -> str:
        while self.at < len(self.data):
            if self.data[self.at] == _ESCAPE:
                self._escape()
            else:
                self._character()
        if self.marks:
            raise NotMarc8("a diacritic at the end has no letter")
        return unicodedata.normalize("NFC", "".join(self.text))

    def _escape(self) -> None:
        """A sequence that chooses another set of characters."""
        rest = self.data[self.at + 1 : self.at + 5]
        if rest and rest[0] in _CUSTOM:
            self.g0 = _CUSTOM[rest[0]]
            self.at += 2
            return
        length = 0
        multibyte = rest[:1] == bytes([_MULTIBYTE])
        length += multibyte
        second = rest[length : length + 1]
        length += bool(second and second in _G0 + _G1)
        length += rest[length : length + 1] == b"!"
        if length >= len(rest) or not length:
            raise NotMarc8(f"an escape sequence at byte {self.at + 1} is incomplete")
        if second and second in _G1:
            self.g1 = rest[length]
        else:
            self.g0 = rest[length]
        if rest[length] not in marc8_mapping.CODESETS:
            raise NotMarc8(f"the character set 0x{rest[length]:02X} at byte {self.at + 1} is unknown")
        self.at += length + 2

    def _character(self) -> None:
        first = self.data[self.at]
        charset = self.g0 if first < 0x80 else self.g1
        if first == 0x20:
            self._put(" ", is_mark=False)
            self.at += 1
            return
        width = 3 if charset == _EAST_ASIAN else 1
        code = int.from_bytes(self.data[self.at : self.at + width], "big")
        table = marc8_mapping.CODESETS[charset]
        high = 0x808080 if width == 3 else 0x80
        found = table.get(code) or table.get(code ^ high)
        if found is None and code in marc8_mapping.ODD_MAP:
            found = (marc8_mapping.ODD_MAP[code], 0)
        if found is None:
            raise NotMarc8(f"the byte 0x{first:02X} at byte {self.at + 1} stands for no character")
        point, is_mark = found
        self._put(chr(point), is_mark=bool(is_mark))
        self.at += width

    def _put(self, char: str, *, is_mark: bool) -> None:
        """Marks stand before their letter in MARC-8 and after it in Unicode."""
        if is_mark:
            self.marks.append(char)
        elif char not in _NON_FILING:
            self.text.append(char)
            self.text.extend(self.marks)
            self.marks.clear()


def decode_marc8(data: bytes) -> str:
    """The text in NFC. Raises `NotMarc8`."""
    if data.isascii() and _ESCAPE not in data:
        return data.decode("ascii")
    return _Conversion(data).run()
