"""Reader `xml`: elements at a path are records; attributes are `@name`, text is `#text`."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

from lxml import etree

from service.control.model import XmlReader
from worker.readers.base import BlobSource, Item, Reading
from worker.readers.xml_cut import cut_records
from worker.readers.xml_source import open_document
from worker.readers.xml_stream import Namer, Selection, Wanted, XmlRecords, is_element, namer
from worker.records import Json, Row


class XmlReading(Reading):
    """Row numbers count the records from 1.

    An element without attributes and children is its text. Any other is an object: `@name` for an
    attribute, the children's names, `#text`. A name that comes again, or stands in `repeat`, is a list.
    Where text and elements are mixed, `#text` is all the text in reading order.
    """

    def __init__(self, spec: XmlReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._spec = spec
        self._document = open_document(blob.path, file)
        self.facts = (self._document.fact,)

    def __iter__(self) -> Iterator[Item]:
        name = namer(dict(self._spec.namespaces))
        converter = Converter(name, frozenset(self._spec.repeat))
        last = self._spec.record.rpartition("/")[2].rpartition(":")[2]
        local = [] if last == "*" else [last]
        selection = Selection(wanted_path(self._spec.record), name, local)
        records = XmlRecords(self._document, self.file, selection)
        for element in records:
            number = records.found
            try:
                fields = converter.record(element)
            except UndefinedEntity as error:
                yield self._bad(number, "xml-entity", str(error))
            else:
                yield Row(self.file, number, fields)


def wanted_path(record: str) -> Wanted:
    """Elements at exactly this path from the root; `*` stands for any name."""
    steps = record.strip("/").split("/")
    length = len(steps)
    if "*" not in steps:
        return lambda chain: len(chain) == length and list(chain) == steps
    return lambda chain: (
        len(chain) == length and all(step in ("*", name) for step, name in zip(steps, chain, strict=True))
    )


class UndefinedEntity(Exception):
    """A record refers to an entity that XML does not know; its character cannot be told."""


class Converter:
    """Elements into values."""

    def __init__(self, name: Namer, repeat: frozenset[str]) -> None:
        self._name = name
        self._repeat = repeat

    def record(self, element: etree._Element) -> dict[str, Json]:
        """Raises `UndefinedEntity`."""
        value = self._value(element)
        return value if isinstance(value, dict) else {"#text": value} if value else {}

    def _value(self, element: etree._Element) -> str | dict[str, Json]:
        if not len(element):
            text = element.text or ""
            if not element.attrib:
                return text
            leaf = self._attributes(element)
            if text.strip():
                leaf["#text"] = text
            return leaf
        return self._branch(element)

    def _branch(self, element: etree._Element) -> str | dict[str, Json]:
        members = self._attributes(element)
        text = [element.text or ""]
        children = 0
        for child in element:
            if is_element(child):
                children += 1
                self._add(members, self._name(str(child.tag)), self._value(child))
            else:
                refuse_entity(child)
            text.append(child.tail or "")
        own = "".join(text)
        if not children and not members:
            return own
        if own.strip():
            members["#text"] = all_text(element) if children else own
        return members

    def _attributes(self, element: etree._Element) -> dict[str, Json]:
        return {f"@{self._name(str(name))}": str(value) for name, value in element.attrib.items()}

    def _add(self, members: dict[str, Json], name: str, value: str | dict[str, Json]) -> None:
        if name not in members:
            members[name] = [value] if name in self._repeat else value
            return
        present = members[name]
        if isinstance(present, list):
            present.append(value)
        else:
            members[name] = [present, value]


def refuse_entity(node: etree._Element) -> None:
    """Raises `UndefinedEntity` if the node is a reference to an entity rather than a comment."""
    if node.tag is etree.Entity:
        raise UndefinedEntity(
            f"The record uses {node.text}, which is not defined in XML. Write the character itself, or its "
            "number (&#233;)."
        )


def all_text(element: etree._Element) -> str:
    """The text of an element and of everything in it but comments, in reading order."""
    pieces = [element.text or ""]
    for child in element:
        if is_element(child):
            pieces.append(all_text(child))
        else:
            refuse_entity(child)
        pieces.append(child.tail or "")
    return "".join(pieces)


def excerpt_xml(spec: XmlReader, path: Path, numbers: Set[int]) -> Iterator[bytes]:
    """The document with these records only, each byte for byte."""
    open_document(path, path.name)
    yield from cut_records(path, wanted_path(spec.record), namer(dict(spec.namespaces)), numbers)
