"""Reader `marc`: ISO 2709 and MARCXML, told apart by content.

A record is `{"leader": "…", "001": "…", "007": ["…"], "245": [{"ind1": "1", "ind2": "0", "a": ["…"]}]}`:
control fields are text (those that may repeat, 006 and 007, lists of texts), data fields lists of
objects, subfields lists of texts.

ISO 2709 is taken apart by its terminators rather than by the lengths that it states: lengths are often
wrong in the files of the world (counted in characters, not bytes), terminators are not.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path

from lxml import etree

from service.control.model import MarcReader
from worker.errors import FileUnreadable
from worker.readers.base import MEGABYTE, BlobSource, Item, Reading, count
from worker.readers.marc8 import NotMarc8, decode_marc8
from worker.readers.sniff import head_of, refuse_other_kinds
from worker.readers.xml import UndefinedEntity, all_text
from worker.readers.xml_cut import cut_records
from worker.readers.xml_source import open_document
from worker.readers.xml_stream import Names, Selection, XmlRecords, is_element, namer
from worker.records import Json, Row

_RECORD_END, _FIELD_END, _SUBFIELD = b"\x1d", b"\x1e", b"\x1f"
_PADDING = b"\r\n \t\x00\x1a"
_LONGEST = 4 * MEGABYTE
_LEADER = 24
_REPEATABLE_CONTROLS = ("006", "007")
_NAMESPACES = {"marc": "http://www.loc.gov/MARC21/slim"}


def is_marc_record(chain: Names) -> bool:
    """A `record` of the MARC namespace anywhere, or one without a namespace in a `collection` or alone."""
    return chain[-1] == "marc:record" or (chain[-1] == "record" and list(chain[:-1]) in ([], ["collection"]))


_MARCXML = Selection(is_marc_record, namer(_NAMESPACES), ["record"])


class MarcFault(Exception):
    """A record that is no MARC record. The message is for the person."""


class MarcReading(Reading):
    """Row numbers count the records from 1."""

    def __init__(self, spec: MarcReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._path = blob.path
        self._declared = spec.encoding
        self._encodings: Counter[str] = Counter()
        self._document = open_document(blob.path, file) if is_xml(blob.path, file) else None
        carrier = "MARC (ISO 2709)" if self._document is None else f"MARCXML in {self._document.encoding}"
        self.facts = (f"Read as {carrier}.",)

    def __iter__(self) -> Iterator[Item]:
        if self._document is not None:
            records = XmlRecords(self._document, self.file, _MARCXML)
            for element in records:
                try:
                    yield Row(self.file, records.found, fields_of_element(element))
                except (MarcFault, UndefinedEntity) as error:
                    yield self._bad(records.found, "marc-record", str(error))
            return
        for number, raw in enumerate(split_records(self._path, self.file), 1):
            try:
                yield Row(self.file, number, self._fields(raw))
            except MarcFault as error:
                yield self._bad(number, "marc-record", str(error), raw.decode("ascii", "replace"))

    def _fields(self, raw: bytes) -> dict[str, Json]:
        codec = codec_of(raw, self._declared)
        fields = fields_of_record(raw, codec)
        self._encodings[codec] += 1
        return fields

    def notes(self) -> tuple[str, ...]:
        notes = [f"{count(number, 'record')} in {name}." for name, number in self._encodings.most_common()]
        return tuple(notes)


def is_xml(path: Path, file: str) -> bool:
    """Which carrier a file is. Raises `FileUnreadable` for what is neither."""
    refuse_other_kinds(path, file, "MARC", allow=("XML", "MARC"))
    head = head_of(path).removeprefix(codecs.BOM_UTF8).lstrip(_PADDING)
    if head.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return True
    if not head[:5].isdigit():
        raise FileUnreadable(
            "other-format",
            "This is not MARC: a record begins with its length in five digits (ISO 2709), and MARCXML with "
            "<. MARC as lines of text (.mrk) must be converted first.",
            file,
        )
    return False


def split_records(path: Path, file: str) -> Iterator[bytes]:
    """The records with their terminators. What pads a file between records is left out."""
    rest = b""
    number = 0
    with path.open("rb") as stream:
        while chunk := stream.read(MEGABYTE // 4):
            *whole, rest = (rest + chunk).split(_RECORD_END)
            for record in whole:
                number += 1
                yield record.removeprefix(codecs.BOM_UTF8).lstrip(_PADDING) + _RECORD_END
            if len(rest) > _LONGEST:
                raise FileUnreadable(
                    "record-too-large",
                    f"Record {number + 1} does not end within {_LONGEST // MEGABYTE} MB. Is this MARC (ISO "
                    "2709)?",
                    file,
                )
    if rest.strip(_PADDING):
        raise FileUnreadable(
            "file-truncated",
            f"The file ends in the middle of record {number + 1}. It was cut off: export or upload it again.",
            file,
        )


def codec_of(raw: bytes, declared: str | None) -> str:
    """What the record is written in: as declared, as its leader says, or UTF-8 where it plainly is that."""
    if declared is not None:
        return "MARC-8" if declared.lower() in ("marc-8", "marc8") else declared
    if raw[9:10] == b"a" or raw.isascii():
        return "UTF-8" if raw[9:10] == b"a" else "MARC-8"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "MARC-8"
    return "UTF-8 (though their leaders say MARC-8)"


def fields_of_record(raw: bytes, codec: str) -> dict[str, Json]:
    """Raises `MarcFault`."""
    directory, *fields = raw.removesuffix(_RECORD_END).split(_FIELD_END)
    entries = directory[_LEADER:]
    if len(directory) < _LEADER or len(entries) % 12 or not directory.isascii():
        raise MarcFault("The record's leader and directory are damaged. Export it again.")
    if fields and not fields[-1]:
        fields.pop()
    places = [(entry[7:12], entry[:3].decode()) for entry in _twelves(entries)]
    if len(places) != len(fields) or not all(start.isdigit() for start, _ in places):
        raise MarcFault(
            f"The record's directory lists {count(len(places), 'field')}, but it has {len(fields)}. Export "
            "it again."
        )
    order = sorted(range(len(places)), key=lambda index: int(places[index][0]))
    contents: dict[int, bytes] = {index: fields[position] for position, index in enumerate(order)}
    record: dict[str, Json] = {"leader": directory[:_LEADER].decode()}
    for index, (_, tag) in enumerate(places):
        if tag.startswith("00"):
            _add_control(record, tag, _decode(contents[index], codec, tag))
        else:
            _add_data(record, tag, _data_field(contents[index], codec, tag))
    return record


def _twelves(entries: bytes) -> Iterator[bytes]:
    for start in range(0, len(entries), 12):
        yield entries[start : start + 12]


def _data_field(content: bytes, codec: str, tag: str) -> dict[str, Json]:
    indicators, *subfields = content.split(_SUBFIELD)
    if len(indicators) != 2:
        raise MarcFault(f"Field {tag} does not begin with two indicators.")
    field: dict[str, Json] = {"ind1": chr(indicators[0]), "ind2": chr(indicators[1])}
    for subfield in subfields:
        if subfield:
            _add_subfield(field, _decode(subfield[:1], codec, tag), _decode(subfield[1:], codec, tag))
    return field


def _decode(data: bytes, codec: str, tag: str) -> str:
    try:
        if codec == "MARC-8":
            return decode_marc8(data)
        return data.decode(codec.partition(" ")[0])
    except NotMarc8 as error:
        raise MarcFault(
            f'Field {tag} is no MARC-8, which the leader says it is: {error}. Say "encoding" if you know it.'
        ) from None
    except LookupError:
        raise MarcFault(f'There is no encoding called "{codec}".') from None
    except UnicodeDecodeError as error:
        byte = data[error.start : error.start + 1].hex().upper()
        raise MarcFault(
            f'Field {tag} is no {codec}: it holds the byte 0x{byte}. Say "encoding" if you know it.'
        ) from None


def fields_of_element(element: etree._Element) -> dict[str, Json]:
    """The same of a MARCXML record. Raises `MarcFault`, `UndefinedEntity`."""
    name = namer({})
    record: dict[str, Json] = {}
    for child in element:
        if not is_element(child):
            continue
        kind = name(str(child.tag))
        tag = str(child.get("tag", ""))
        if kind == "leader":
            record["leader"] = all_text(child)
        elif kind == "controlfield" and tag:
            _add_control(record, tag, all_text(child))
        elif kind == "datafield" and tag:
            field: dict[str, Json] = {
                "ind1": str(child.get("ind1", " ")),
                "ind2": str(child.get("ind2", " ")),
            }
            for subfield in child:
                if is_element(subfield):
                    _add_subfield(field, str(subfield.get("code", "")), all_text(subfield))
            _add_data(record, tag, field)
        else:
            raise MarcFault(f"The element <{kind}> is no field of a MARC record, or lacks its tag.")
    return record


def _add_control(record: dict[str, Json], tag: str, text: str) -> None:
    if tag in _REPEATABLE_CONTROLS:
        _append(record, tag, text)
    elif tag in record:
        raise MarcFault(f"The control field {tag} stands twice, but a record has one.")
    else:
        record[tag] = text


def _add_data(record: dict[str, Json], tag: str, field: dict[str, Json]) -> None:
    _append(record, tag, field)


def _add_subfield(field: dict[str, Json], code: str, text: str) -> None:
    if len(code) != 1:
        raise MarcFault("A subfield has no code.")
    _append(field, code, text)


def _append(members: dict[str, Json], name: str, value: Json) -> None:
    present = members.setdefault(name, [])
    assert isinstance(present, list)  # texts are set once, and under other names
    present.append(value)


def excerpt_marc(spec: MarcReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The records byte for byte; MARCXML in its envelope."""
    if is_xml(path, path.name):
        open_document(path, path.name)
        yield from cut_records(path, is_marc_record, namer(_NAMESPACES), numbers)
        return
    for number, raw in enumerate(split_records(path, path.name), 1):
        if number in numbers:
            yield raw
