"""Reader `jsonl`: one JSON object a line. A line that is no JSON is a rejected record, not the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from pathlib import Path

from service.control.model import JsonLinesReader
from worker.errors import FileUnreadable
from worker.readers.base import BadRow, BlobSource, Item, Reading, count, shorten
from worker.readers.encoding import Lines
from worker.readers.json import json_encoding
from worker.readers.json_values import Decoder, kind_of, may_hold_unfit_text, plain_words, unfit_text
from worker.records import Json, Row


class JsonLinesReading(Reading):
    """Row numbers are line numbers. Blank lines are skipped and counted."""

    def __init__(self, spec: JsonLinesReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._path = blob.path
        self._blank = 0
        self._rows = 0
        if blob.size == 0:
            return
        self._encoding = json_encoding(blob.path, file)
        self.facts = (self._encoding.fact,)
        self._empty = False

    def __iter__(self) -> Iterator[Item]:
        if not self.facts:
            return
        decoder = Decoder()
        lines = Lines(self._path, self.file, self._encoding)
        for line in lines:
            if line.isspace():
                self._blank += 1
                continue
            self._rows += 1
            yield self._item(decoder, line, lines.number)

    def _item(self, decoder: Decoder, line: str, number: int) -> Item:
        try:
            value, end = decoder.scan(line, len(line) - len(line.lstrip(" \t\n\r")))
        except json.JSONDecodeError as error:
            if self._rows == 1:
                raise self._no_json_lines(line, plain_words(error)) from None
            return self._not_json(number, line, error)
        except RecursionError:
            return self._bad(number, "row-too-deep", "This record nests hundreds of levels deep.", line)
        except ValueError:
            message = "A number here has thousands of digits. Write it as text, in quotation marks."
            return self._bad(number, "row-number", message, line)
        if line[end:].strip(" \t\n\r"):
            return self._after(number, line, end)
        return self._checked(decoder, value, number, line)

    def _checked(self, decoder: Decoder, value: Json, number: int, line: str) -> Item:
        fault = decoder.fault
        if fault is None and may_hold_unfit_text(line):
            fault = unfit_text(value)
        if fault is not None:
            return self._bad(number, *fault, line)
        if not isinstance(value, dict):
            if self._rows == 1 and isinstance(value, list):
                raise self._no_json_lines(line, "")
            message = f"This line is {kind_of(value)}, but a record is an object with names and values."
            return self._bad(number, "row-not-an-object", message, line)
        return Row(self.file, number, value)

    def _not_json(self, number: int, line: str, error: json.JSONDecodeError) -> BadRow:
        position = error.pos
        near = shorten(line[max(0, position - 20) : position + 20].strip(), 60)
        broken = position >= len(line.rstrip()) or error.msg.startswith("Unterminated")
        hint = " The line was cut off." if broken else ""
        return self._bad(
            number, "row-not-json", f"This line is not JSON: {plain_words(error)}, near «{near}».{hint}", line
        )

    def _after(self, number: int, line: str, end: int) -> BadRow:
        near = shorten(line[end : end + 30].strip(), 30)
        message = f"Something follows the record on this line: «{near}». Write one record a line."
        return self._bad(number, "row-not-json", message, line)

    def _no_json_lines(self, line: str, what: str) -> FileUnreadable:
        if line.lstrip().startswith(("[", "{")):
            message = (
                "The first line is no whole record: this is JSON over several lines. "
                'Read it with "read": "json".'
            )
        else:
            message = f"This is not JSON Lines: {what}, near «{shorten(line.strip(), 40)}»."
        return FileUnreadable("json-malformed", message, self.file, 1)

    def notes(self) -> tuple[str, ...]:
        notes = [] if self._rows else ["The file holds no record."]
        if self._blank:
            notes.append(f"{count(self._blank, 'blank line')} skipped.")
        return tuple(notes)


def excerpt_json_lines(path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The lines of these records, byte for byte."""
    encoding = json_encoding(path, path.name)
    yield encoding.bom
    lines = Lines(path, path.name, encoding)
    for line in lines:
        if lines.number in numbers:
            yield line.encode(encoding.codec)
