"""A window that moves over a JSON text of any length: values are scanned in it, structure is walked."""

from __future__ import annotations

import json
import re
from typing import IO

from worker.errors import FileUnreadable
from worker.readers.base import LONGEST_RECORD, MEGABYTE, shorten
from worker.readers.json_values import Decoder, may_hold_unfit_text, plain_words, unfit_text
from worker.records import Json

_SPACE = re.compile(r"[ \t\n\r]*")
_NEAR_END = 16
"""The longest token but a string that the end of the window may cut: `-Infinity`, `\\ud83d\\ude00`."""


class JsonWindow:
    """Reads `stream` in pieces of a megabyte. After `value()`, `raw` is the text that it was made of."""

    def __init__(self, stream: IO[str], file: str, decoder: Decoder) -> None:
        self._stream = stream
        self._file = file
        self.decoder = decoder
        self._text = ""
        self._index = 0
        self._start = 0
        self._lines_before = 0
        self._ended = False
        self._suspicious = False
        self._more()

    @property
    def raw(self) -> str:
        return self._text[self._start : self._index]

    @property
    def line(self) -> int:
        return self._line_at(self._index)

    def peek(self) -> str:
        """The next character that is no white space, not consumed; "" at the end."""
        if self._index < len(self._text) and (char := self._text[self._index]) > " ":
            return char  # mostly; the pattern takes longer to say so
        while True:
            match = _SPACE.match(self._text, self._index)
            assert match is not None  # the pattern matches nothing at all, too
            self._index = match.end()
            if self._index < len(self._text):
                return self._text[self._index]
            if self._ended:
                return ""
            self._more()

    def take(self, wanted: str, otherwise: str) -> str:
        """Consumes one of the characters `wanted`. Raises `FileUnreadable` saying `otherwise`."""
        char = self.peek()
        if char == "" or char not in wanted:
            raise self.broken(otherwise, self._index)
        self._index += 1
        return char

    def value(self) -> Json:
        """The value that begins at the next character. Raises `FileUnreadable`."""
        self.peek()
        while True:
            try:
                value, end = self.decoder.scan(self._text, self._index)
            except json.JSONDecodeError as error:
                if self._ended or not self._may_be_cut(error):
                    unclosed = error.msg.startswith("Unterminated")
                    at = len(self._text) if unclosed else error.pos
                    raise self.broken(plain_words(error), at) from None
            except RecursionError:
                raise self._too_deep() from None
            except ValueError:
                raise FileUnreadable(
                    "json-malformed",
                    "A number here has thousands of digits. Write it as text, in quotation marks.",
                    self._file,
                    self.line,
                ) from None
            else:
                if self._is_whole(end):
                    self._start, self._index = self._index, end
                    if self._suspicious and self.decoder.fault is None and may_hold_unfit_text(self.raw):
                        self.decoder.fault = unfit_text(value)
                    return value
            if len(self._text) - self._index > LONGEST_RECORD:
                raise FileUnreadable(
                    "record-too-large",
                    f"The record that begins here is longer than {LONGEST_RECORD // MEGABYTE} million "
                    "characters.",
                    self._file,
                    self.line,
                )
            self._more()

    def skip(self) -> None:
        """Passes over the next value, whatever its size; what it is made of is checked all the same."""
        closing: list[str] = []
        while True:
            char = self.peek()
            opened = char in ("{", "[") and not self._fits()
            if opened:
                self._index += 1
                closing.append("}" if char == "{" else "]")
            elif char not in ("{", "["):
                self.value()
            if not self._next_member(closing, opened):
                return

    def _fits(self) -> bool:
        """Passes over the next value if all of it lies in the window; what is wrong with it shows later."""
        try:
            _, end = self.decoder.scan(self._text, self._index)
        except RecursionError:
            raise self._too_deep() from None
        except ValueError:
            return False
        if not self._is_whole(end):
            return False
        self._index = end
        return True

    def _is_whole(self, end: int) -> bool:
        """Whether a value that seems to end here does: a number may go on beyond the window (`0.`, `1e+`)."""
        left = len(self._text) - end
        return self._ended or left > 2 or (left > 0 and self._text[end] not in ".eE")

    def _next_member(self, closing: list[str], opened: bool) -> bool:
        """Steps to the next value, out of containers that end; False when all have ended."""
        while closing:
            if self.peek() == closing[-1]:
                self._index += 1
                closing.pop()
                opened = False
                continue
            if not opened:
                self.take(",", f"a comma or {closing[-1]} is missing")
            if closing[-1] == "}":
                self.name()
            return True
        return False

    def name(self) -> str:
        """The name of a member of an object, and the colon behind it."""
        if self.peek() != '"':
            raise self.broken("a name in double quotation marks is missing", self._index)
        name = self.value()
        self.take(":", "a colon is missing after a name")
        assert isinstance(name, str)  # it began with a quotation mark
        return name

    def broken(self, what: str, position: int) -> FileUnreadable:
        """The error for text that is no JSON, naming the line and showing the place."""
        if self._ended and position >= len(self._text.rstrip()):
            return FileUnreadable(
                "file-truncated",
                "The file ends in the middle of the JSON text. It was cut off: export or upload it again.",
                self._file,
                self._line_at(len(self._text.rstrip())),
            )
        near = shorten(self._text[max(0, position - 20) : position + 20], 60)
        return FileUnreadable(
            "json-malformed", f"This is not JSON: {what}, near «{near}».", self._file, self._line_at(position)
        )

    def _too_deep(self) -> FileUnreadable:
        return FileUnreadable(
            "json-too-deep",
            "The value that begins here nests hundreds of levels deep.",
            self._file,
            self.line,
        )

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        return error.pos >= len(self._text) - _NEAR_END or error.msg.startswith("Unterminated string")

    def _line_at(self, index: int) -> int:
        return self._lines_before + self._text.count("\n", 0, index) + 1

    def _more(self) -> None:
        """Moves the window on: what was consumed goes, as much again as remains comes."""
        kept = self._text[self._index :]
        self._lines_before += self._text.count("\n", 0, self._index)
        added = self._stream.read(max(MEGABYTE, len(kept)))
        self._ended = not added
        self._text = kept + added
        self._index = self._start = 0
        self._suspicious = may_hold_unfit_text(self._text)
