"""Which reader a file wants, and with which options: by its content, then by its name."""

from __future__ import annotations

import json
from pathlib import Path, PurePath

import ijson
from msgspec import Struct

from service.control.model import (
    CsvReader,
    JsonLinesReader,
    JsonReader,
    MarcReader,
    ReaderSpec,
    SheetReader,
    TsvReader,
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from service.control.suggest import nearest
from worker.errors import Fatal, FileUnreadable
from worker.generating.given import GivenData
from worker.generating.xml_records import find_records, is_marc
from worker.readers.base import shorten
from worker.readers.csv import detect_layout
from worker.readers.sniff import binary_kind, head_of, text_kind
from worker.records import Json

READERS = ("csv", "json", "jsonl", "marc", "ods", "tsv-with-name-row", "xlsx", "xml")
"""Those that a control file can be made for; `GivenData.reader` may also be one of Haplo's for XML."""
_HAPLO_XML = ("xml-attributes", "xml-text-of-children")
_LINES = (".jsonl", ".ndjson", ".jsonlines")
_MOST_EVENTS = 200_000
"""Parts of a JSON document that are looked at for the array of records."""


class Detected(Struct, frozen=True):
    """A reader as the control language writes it (`options` without `read`), and as it is opened."""

    name: str
    spec: ReaderSpec
    options: dict[str, Json]
    facts: tuple[str, ...] = ()


def detect(data: GivenData) -> Detected:
    """Raises `FileUnreadable` for a file that no reader takes, `Fatal` for a reader that does not exist."""
    if data.reader is not None and data.reader not in (*READERS, *_HAPLO_XML):
        close = nearest(data.reader, (*READERS, *_HAPLO_XML))
        advice = f'did you mean "{close}"?' if close else f"there are {', '.join((*READERS, *_HAPLO_XML))}."
        raise Fatal(
            "unknown-reader", f'No control file can be made with the reader "{data.reader}": {advice}'
        )
    return _options(data.reader or _by_content(data), data)


def _by_content(data: GivenData) -> str:
    head = head_of(data.path)
    if not head:
        raise FileUnreadable("file-empty", "The file is empty (0 bytes). Export it again.", data.name)
    binary = binary_kind(data.path, head)
    if binary is not None:
        for reader in ("xlsx", "ods"):
            if f'"read": "{reader}"' in binary:
                return reader
        raise FileUnreadable("other-format", f"This is {binary}.", data.name)
    kind = text_kind(head)
    if kind is None:
        return "csv"
    if kind.startswith("a JSON"):
        return "json"
    if kind.startswith("JSON"):
        return "jsonl" if _is_json_lines(data) else "json"
    if kind.startswith("XML"):
        return "marc" if is_marc(data.path, data.name) else "xml"
    if kind.startswith("MARC"):
        return "marc"
    raise FileUnreadable("other-format", f"This is {kind}.", data.name)


def _is_json_lines(data: GivenData) -> bool:
    """Whether the first line that is not blank is an object of its own, and not all there is."""
    if PurePath(data.name).suffix.lower() in _LINES:
        return True
    with data.path.open(encoding="utf-8-sig", errors="replace") as stream:
        lines = (line for line in iter(lambda: stream.readline(1 << 24), "") if not line.isspace())
        first, second = next(lines, ""), next(lines, "")
    try:
        return isinstance(json.loads(first), dict) and second.lstrip().startswith("{")
    except ValueError:
        return False


def _options(reader: str, data: GivenData) -> Detected:
    match reader:
        case "json":
            return _json(data)
        case "jsonl":
            return Detected("jsonl", JsonLinesReader(), {})
        case "csv":
            return _csv(data)
        case "tsv-with-name-row":
            return Detected("tsv-with-name-row", TsvReader(), {})
        case "xlsx":
            return Detected("xlsx", SheetReader("xlsx"), {})
        case "ods":
            return Detected("ods", SheetReader("ods"), {})
        case "xml-attributes":
            return Detected(reader, XmlAttributesReader(), {})
        case "xml-text-of-children":
            return Detected(reader, XmlChildrenReader(), {})
        case "marc":
            return Detected("marc", MarcReader(), {})
        case _:
            return _xml(data)


def _csv(data: GivenData) -> Detected:
    """The separator where it is no comma, the encoding where it is not UTF-8: so that both can be seen."""
    layout = detect_layout(CsvReader(), data.path, data.name)
    options: dict[str, Json] = {}
    if layout.separator != "," and not layout.separator_line:
        options["separator"] = layout.separator
    if layout.encoding.guessed:
        options["encoding"] = layout.encoding.codec
    spec = CsvReader(
        separator=layout.separator if "separator" in options else None,
        encoding=layout.encoding.codec if "encoding" in options else None,
    )
    return Detected("csv", spec, options, (layout.encoding.fact, layout.fact))


def _xml(data: GivenData) -> Detected:
    found = find_records(data.path, data.name)
    options: dict[str, Json] = {"record": found.record}
    if found.repeat:
        options["repeat"] = list(found.repeat)
    fact = f"Each {found.record} is read as a record."
    return Detected("xml", XmlReader(found.record, found.repeat), options, (fact,))


# --- where the records of a JSON document stand ------------------------------------------------------


def _json(data: GivenData) -> Detected:
    if _first_char(data.path) != "{":
        return Detected("json", JsonReader(), {})
    arrays = _arrays_of_objects(data.path)
    if not arrays:
        fact = "The document has no array of objects, so it is read as one record."
        return Detected("json", JsonReader(single_record=True), {"singleRecord": True}, (fact,))
    path, count = max(arrays.items(), key=lambda each: each[1])
    dotted = not any("." in name for name in path)
    at: Json = ".".join(path) if dotted else list(path)
    shown = shorten(" / ".join(path))
    others = [" / ".join(other) for other in arrays if other != path]
    beside = f" Other arrays there: {', '.join(map(shorten, others[:5]))}." if others else ""
    fact = f"The records stand in {shown} (at least {count}).{beside}"
    return Detected("json", JsonReader(at=path), {"at": at}, (fact,))


def _first_char(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        return stream.read(4096).lstrip()[:1]


def _arrays_of_objects(path: Path) -> dict[tuple[str, ...], int]:
    """Paths of arrays that are in no other array → how many objects were seen in them."""
    found: dict[tuple[str, ...], int] = {}
    keys: list[str] = []
    arrays = objects = 0
    with path.open("rb") as stream:
        try:
            for seen, (event, value) in enumerate(ijson.basic_parse(stream)):
                if seen > _MOST_EVENTS:
                    break
                if event == "map_key" and not arrays:
                    keys[-1:] = [str(value)]
                elif event == "start_map":
                    if arrays == 1 and not objects:
                        found[tuple(keys)] = found.get(tuple(keys), 0) + 1
                    if arrays:
                        objects += 1
                    else:
                        keys.append("")
                elif event == "end_map":
                    if arrays:
                        objects -= 1
                    else:
                        keys.pop()
                elif event == "start_array":
                    arrays += 1
                elif event == "end_array":
                    arrays -= 1
        except (ijson.JSONError, UnicodeDecodeError):
            pass  # the reader tells what is wrong, and where
    return found
