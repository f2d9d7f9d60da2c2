"""Reader `json`: an array of objects, the array at a path (`at`), or one object (`singleRecord`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from pathlib import Path
from typing import IO

from service.control.model import JsonReader
from worker.errors import FileUnreadable
from worker.readers.base import BlobSource, Item, Reading, quoted_list, shorten
from worker.readers.encoding import Encoding, detect_encoding, open_text, undecodable
from worker.readers.json_values import Decoder, kind_of
from worker.readers.json_window import JsonWindow
from worker.readers.sniff import refuse_other_kinds
from worker.records import Row

_NAMES_SHOWN = 20


class JsonReading(Reading):
    """Rows are the elements of the array, counted from 1."""

    def __init__(self, spec: JsonReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._spec = spec
        self._path = blob.path
        self._encoding = json_encoding(blob.path, file)
        self.facts = (self._encoding.fact,)

    def __iter__(self) -> Iterator[Item]:
        with open_text(self._path, self._encoding) as stream:
            try:
                yield from self._items(stream)
            except UnicodeDecodeError:
                raise undecodable(self._path, self.file, self._encoding) from None

    def _items(self, stream: IO[str]) -> Iterator[Item]:
        decoder = Decoder()
        window = JsonWindow(stream, self.file, decoder)
        for number in _records(window, self._spec, self.file):
            value = window.value()
            if decoder.fault is not None:
                yield self._bad(number, *decoder.fault, window.raw)
            elif isinstance(value, dict):
                yield Row(self.file, number, value)
            elif self._spec.single_record:
                raise _not_there(
                    window, self.file, f'"singleRecord" wants one object, but here is {kind_of(value)}'
                )
            else:
                message = (
                    f"This element is {kind_of(value)}, but a record is an object with names and values."
                )
                yield self._bad(number, "row-not-an-object", message, window.raw)


def json_encoding(path: Path, file: str) -> Encoding:
    """JSON is UTF-8; UTF-16 is understood, anything else is refused rather than guessed."""
    refuse_other_kinds(path, file, "JSON", allow=("a JSON", "JSON"))
    return detect_encoding(path, file, option="")


def excerpt_json(spec: JsonReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """A JSON document of the same shape that holds only these records, each byte for byte."""
    encoding = json_encoding(path, path.name)
    with open_text(path, encoding) as stream:
        window = JsonWindow(stream, path.name, Decoder())
        yield encoding.bom
        before, after = "[\n", "\n]\n"
        for name in reversed(spec.at):
            before, after = f"{{{json.dumps(name, ensure_ascii=False)}: {before}", f"{after.rstrip()}}}\n"
        if spec.single_record:
            before, after = before.replace("[\n", ""), after.replace("\n]", "")
        yield before.encode(encoding.codec)
        first = True
        for number in _records(window, spec, path.name):
            window.value()
            if number in numbers:
                yield (window.raw if first else ",\n" + window.raw).encode(encoding.codec)
                first = False
        yield after.encode(encoding.codec)


def _records(window: JsonWindow, spec: JsonReader, file: str) -> Iterator[int]:
    """Stands before each record and gives its number; the caller takes the value. Then checks the rest."""
    for depth, name in enumerate(spec.at):
        _enter(window, spec.at[: depth + 1], name, file)
    if spec.single_record:
        if window.peek() != "{":
            _complain_of_single(window, file)
        yield 1
    else:
        yield from _elements(window, spec, file)
    for name in reversed(spec.at):
        _leave(window, name, file)
    if window.peek():
        raise _trailing(window, spec, file)


def _elements(window: JsonWindow, spec: JsonReader, file: str) -> Iterator[int]:
    if window.peek() != "[":
        _complain_of_array(window, spec, file)
    window.take("[", "")
    if window.peek() == "]":
        window.take("]", "")
        return
    number = 0
    while True:
        number += 1
        yield number
        if window.take(",]", f"a comma or ] is missing after element {number}") == "]":
            return


def _enter(window: JsonWindow, path: tuple[str, ...], wanted: str, file: str) -> None:
    """Into the member `wanted` of the object that begins here."""
    if window.peek() != "{":
        kind = kind_of(window.value())
        where = "/".join(path[:-1]) or "the file"
        raise _not_there(window, file, f'"at" looks for "{wanted}" in {where}, but that is {kind}')
    window.take("{", "")
    seen: list[str] = []
    first = True
    while window.peek() != "}":
        if not first:
            window.take(",", "a comma or } is missing")
        first = False
        name = window.name()
        if name == wanted:
            return
        if len(seen) < _NAMES_SHOWN:
            seen.append(name)
        window.skip()
    names = f"The names there are {quoted_list(seen)}" if seen else "There is nothing in it"
    raise _not_there(window, file, f'"at" looks for "{"/".join(path)}", but there is no "{wanted}". {names}')


def _leave(window: JsonWindow, entered: str, file: str) -> None:
    """The rest of the object whose member `entered` was read."""
    while window.take(",}", "a comma or } is missing") == ",":
        if window.name() == entered:
            raise _not_there(
                window, file, f'The name "{entered}", which "at" goes into, stands twice in one object'
            )
        window.skip()


def _not_there(window: JsonWindow, file: str, what: str) -> FileUnreadable:
    return FileUnreadable("json-no-records", f"{what}.", file, window.line)


def _complain_of_single(window: JsonWindow, file: str) -> None:
    kind = "an array" if window.peek() == "[" else kind_of(window.value())
    hint = ' Take "singleRecord" away to read every element as a record' if kind == "an array" else ""
    raise _not_there(window, file, f'"singleRecord" wants one object, but here is {kind}.{hint}'.rstrip("."))


def _complain_of_array(window: JsonWindow, spec: JsonReader, file: str) -> None:
    line = window.line
    if window.peek() != "{":
        kind = kind_of(window.value())
        raise _not_there(window, file, f"Records stand in a JSON array, but here is {kind}")
    lists = _lists_in(window)
    if spec.at:
        inside = f"The arrays in it are {quoted_list(lists)}." if lists else "There is no array in it."
        message = f'"at" leads to one object, not to an array. {inside}'
    elif window.peek() in ("{", "["):
        message = 'This looks like JSON Lines, one record a line. Read it with "read": "jsonl".'
    else:
        name = (
            f'Name the array with "at": {" or ".join(quoted_list([each]) for each in lists[:5])}. '
            if lists
            else ""
        )
        message = (
            f"The file is one object, not an array of records. {name}If the whole file is one record, say "
            '"singleRecord": true.'
        )
    raise FileUnreadable("json-not-an-array", message, file, line)


def _lists_in(window: JsonWindow) -> list[str]:
    """Which members of the object that begins here are arrays: what `at` should have said."""
    window.take("{", "")
    lists: list[str] = []
    first = True
    while window.peek() != "}":
        if not first:
            window.take(",", "a comma or } is missing")
        first = False
        name = window.name()
        if window.peek() == "[" and len(lists) < _NAMES_SHOWN:
            lists.append(name)
        window.skip()
    window.take("}", "")
    return lists


def _trailing(window: JsonWindow, spec: JsonReader, file: str) -> FileUnreadable:
    line = window.line
    begins = window.peek()
    if spec.single_record and begins == "{":
        message = 'More records follow the first: this is JSON Lines. Read it with "read": "jsonl".'
    else:
        what = shorten(begins, 10)
        message = (
            f"Something follows the end of the JSON text («{what}»). Two exports in one file? Separate them."
        )
    return FileUnreadable("json-malformed", message, file, line)
