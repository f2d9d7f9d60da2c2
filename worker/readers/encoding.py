"""In which encoding a text file is written, and its lines.

Order: byte order mark, UTF-8 (the whole file is checked: that costs a tenth of a second per 100 MB),
what the control file declares, a guess over 256 KB that is reported as one. A byte that does not fit
stops the file and names its line: text that was decoded wrongly is worse than none.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import chardet
from chardet import EncodingEra

from worker.errors import FileUnreadable
from worker.readers.base import LONGEST_RECORD, MEGABYTE

SAMPLE = 256 * 1024

_BOMS: tuple[tuple[bytes, str, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_HIDDEN_IN_ASCII = ("utf-16", "utf-32", "utf-7", "iso2022", "hz")
"""Declared encodings that UTF-8 must not be tried before: their bytes may all be valid UTF-8."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """`codec` is Python's name; `bom` the bytes before the text; `fact` says how it was found."""

    codec: str
    bom: bytes
    fact: str
    guessed: bool = False
    option: str = "encoding"
    """The key of the control file that names the encoding; "" where there is none (JSON is UTF-8)."""

    @property
    def remedy(self) -> str:
        return (
            f'Name the encoding of the file with "{self.option}", or save it as UTF-8.'
            if self.option
            else "Save the file as UTF-8."
        )


@dataclass(frozen=True, slots=True)
class _Utf8Check:
    """Outcome of reading the whole file as UTF-8. `bad_at` is the offset of the first byte that is not."""

    bad_at: int | None
    beyond_ascii: bool


def detect_encoding(path: Path, file: str, declared: str | None = None, option: str = "encoding") -> Encoding:
    """Raises `FileUnreadable` for an unknown declared encoding and for damaged UTF-8.

    `option` is the key of the control file that declares the encoding; "": it can only be Unicode.
    """
    return replace(_detect(path, file, declared, option), option=option)


def _detect(path: Path, file: str, declared: str | None, option: str) -> Encoding:
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    for bom, codec, name in _BOMS:
        if head.startswith(bom):
            return Encoding(codec, bom, f"Read as {name}, by its byte order mark.")
    codec = _codec(declared, file) if declared is not None else ""
    if codec.startswith(_HIDDEN_IN_ASCII):
        return Encoding(codec, b"", f"Read as {declared}, as the control file says.")
    wide = _wide_without_bom(head)
    if wide is not None:
        fact = f"Read as {wide.upper()} without a byte order mark, guessed from its zero bytes."
        return Encoding(wide, b"", fact, guessed=True)
    check = _check_utf8(path)
    if check.bad_at is None:
        if codec and codec != "utf-8" and check.beyond_ascii:
            return Encoding(
                "utf-8", b"", f"Read as UTF-8, which it is, though the control file says {declared}."
            )
        return Encoding("utf-8", b"", "Read as UTF-8.")
    if codec and codec != "utf-8":
        return Encoding(codec, b"", f"Read as {declared}, as the control file says.")
    utf8 = Encoding("utf-8", b"", "Read as UTF-8.", option=option)
    if declared is not None or not option:
        raise undecodable(path, file, utf8)
    return _guess(path, file, check)


def _codec(name: str, file: str) -> str:
    """Python's name of an encoding; Java's `x-MacRoman` and the like are understood."""
    for candidate in (name, name.removeprefix("x-").removeprefix("X-")):
        try:
            info = codecs.lookup(candidate)
            "".encode(candidate)
        except (LookupError, ValueError):
            continue
        return info.name
    raise FileUnreadable(
        "unknown-encoding",
        f'There is no encoding called "{name}". Names are, for example, utf-8, windows-1252, iso-8859-1, '
        "utf-16.",
        file,
    )


def _wide_without_bom(head: bytes) -> str | None:
    """UTF-16 without a mark: in Western text every other byte is zero."""
    sample = head[:2048]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > half * 0.6 and sample[0::2].count(0) < half * 0.1:
        return "utf-16-le"
    if sample[0::2].count(0) > half * 0.6 and sample[1::2].count(0) < half * 0.1:
        return "utf-16-be"
    return None


def _check_utf8(path: Path) -> _Utf8Check:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    beyond_ascii = False
    with path.open("rb") as stream:
        while chunk := stream.read(MEGABYTE):
            pending = len(decoder.getstate()[0])
            if not pending and chunk.isascii():
                offset += len(chunk)
                continue
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                bad_at = offset - pending + error.start
                return _Utf8Check(
                    bad_at, beyond_ascii or not (chunk[: max(error.start - pending, 0)]).isascii()
                )
            beyond_ascii = True
            offset += len(chunk)
    pending = len(decoder.getstate()[0])
    return _Utf8Check(offset - pending if pending else None, beyond_ascii)


def _guess(path: Path, file: str, check: _Utf8Check) -> Encoding:
    bad_at = check.bad_at or 0
    with path.open("rb") as stream:
        stream.seek(max(0, bad_at - 1024))
        sample = stream.read(SAMPLE)
        stream.seek(bad_at)
        byte = stream.read(1)
    as_utf8 = sample.decode("utf-8", "replace")
    broken = as_utf8.count("\ufffd")
    sound = sum(1 for char in as_utf8 if char > "\x7f") - broken
    line = _line_of_offset(path, bad_at)
    if (check.beyond_ascii and sound >= broken) or sound > 4 * broken:
        raise FileUnreadable(
            "undecodable",
            f"The file is UTF-8, but the byte 0x{byte.hex().upper()} here does not belong there. Correct "
            'the line, or name the encoding with "encoding".',
            file,
            line,
        )
    codec = _best_guess(sample)
    return Encoding(
        codec,
        b"",
        f"Read as {codec}, guessed: line {line} is not UTF-8 (byte 0x{byte.hex().upper()}). "
        'Say "encoding" in the control file to be sure.',
        guessed=True,
    )


def _best_guess(sample: bytes) -> str:
    """chardet's first choice, unless the most common encoding by far is nearly as likely."""
    era = EncodingEra.MODERN_WEB
    if b"\r" in sample and b"\n" not in sample:
        era |= EncodingEra.LEGACY_MAC
    found = [
        (str(codecs.lookup(result["encoding"]).name), result["confidence"])
        for result in chardet.detect_all(sample, encoding_era=era, prefer_superset=True)
        if result["encoding"] is not None
    ]
    if not found:
        return "cp1252"
    best, confidence = found[0]
    western = dict(found).get("cp1252", 0.0)
    return "cp1252" if western >= 0.4 * confidence else best


def _line_of_offset(path: Path, offset: int) -> int:
    """The number of the line of a byte of a file in which line breaks are single bytes."""
    line = 1
    last = b""
    with path.open("rb") as stream:
        while offset > 0 and (chunk := stream.read(min(MEGABYTE, offset))):
            offset -= len(chunk)
            line += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
            if last == b"\r" and chunk[:1] == b"\n":
                line -= 1
            last = chunk[-1:]
    return line


def open_text(path: Path, encoding: Encoding, errors: str = "strict") -> io.TextIOWrapper:
    """The text after the byte order mark, line ends as they are. A lone `\\r` ends a line, too."""
    raw = path.open("rb", buffering=256 * 1024)
    raw.seek(len(encoding.bom))
    return io.TextIOWrapper(raw, encoding=encoding.codec, errors=errors, newline="")


def undecodable(path: Path, file: str, encoding: Encoding) -> FileUnreadable:
    """The error for a file that broke `encoding`: finds the byte and its line by decoding once more."""
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    line = 1
    byte = last = ""
    for chunk in _chunks(path, len(encoding.bom)):
        whole = decoder.getstate()[0] + chunk
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            good = whole[: error.start].decode(encoding.codec, "replace")
            line += _breaks(last + good)
            byte = f"0x{whole[error.start : error.start + 1].hex().upper()}"
            break
        text = last + text
        last = "\r" if text.endswith("\r") else ""
        line += _breaks(text.removesuffix("\r"))
    what = f"The byte {byte} here" if byte else "The end of the file"
    guess = " That encoding was a guess." if encoding.guessed else ""
    message = f"{what} is no {encoding.codec} text.{guess} {encoding.remedy}"
    return FileUnreadable("undecodable", message, file, line)


def _chunks(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(64 * 1024):
            yield chunk


def _breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class Lines:
    """The lines of a text file with their ends; `number` is that of the last one given, from 1.

    Raises `FileUnreadable` for a byte that does not fit the encoding and for a line without an end.
    """

    def __init__(self, path: Path, file: str, encoding: Encoding) -> None:
        self._path = path
        self._file = file
        self._encoding = encoding
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        with open_text(self._path, self._encoding) as stream:
            readline = stream.readline
            while True:
                try:
                    line = readline(LONGEST_RECORD)
                except UnicodeDecodeError:
                    raise undecodable(self._path, self._file, self._encoding) from None
                if not line:
                    return
                self.number += 1
                if len(line) >= LONGEST_RECORD:
                    raise FileUnreadable(
                        "record-too-large",
                        f"This line is longer than {LONGEST_RECORD // MEGABYTE} million characters. "
                        "Are its line ends missing?",
                        self._file,
                        self.number,
                    )
                yield line
