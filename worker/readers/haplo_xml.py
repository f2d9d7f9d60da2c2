"""Readers `xml-text-of-children` and `xml-attributes`: Haplo's. The root's children are the records.

With `singleRecord` the root itself is the one record. Keys are local names; of children of one name
the last counts, as there.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

from service.control.model import XmlAttributesReader, XmlChildrenReader
from worker.readers.base import BlobSource, Item, Reading
from worker.readers.xml import UndefinedEntity, all_text, wanted_path
from worker.readers.xml_cut import cut_records
from worker.readers.xml_source import open_document
from worker.readers.xml_stream import Selection, XmlRecords, is_element, namer
from worker.records import Json, Row


class HaploXmlReading(Reading):
    """Row numbers count the records from 1."""

    def __init__(self, spec: XmlChildrenReader | XmlAttributesReader, blob: BlobSource, file: str) -> None:
        super().__init__(file)
        self._spec = spec
        self._document = open_document(blob.path, file)
        self.facts = (self._document.fact,)

    def __iter__(self) -> Iterator[Item]:
        name = namer({})
        records = XmlRecords(self._document, self.file, Selection(wanted_path(_record(self._spec)), name))
        for element in records:
            number = records.found
            try:
                if isinstance(self._spec, XmlAttributesReader):
                    fields: dict[str, Json] = {
                        name(str(key)): str(text) for key, text in element.attrib.items()
                    }
                else:
                    fields = {name(str(child.tag)): all_text(child) for child in element if is_element(child)}
            except UndefinedEntity as error:
                yield self._bad(number, "xml-entity", str(error))
            else:
                yield Row(self.file, number, fields)


def _record(spec: XmlChildrenReader | XmlAttributesReader) -> str:
    return "*" if spec.single_record else "*/*"


def excerpt_haplo_xml(
    spec: XmlChildrenReader | XmlAttributesReader, path: Path, numbers: Set[int]
) -> Iterator[bytes]:
    """The document with these records only, each byte for byte."""
    open_document(path, path.name)
    yield from cut_records(path, wanted_path(_record(spec)), namer({}), numbers)
