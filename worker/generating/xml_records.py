"""Where the records of an XML document stand: the element that comes again and again, and holds others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lxml import etree
from msgspec import Struct

from worker.errors import FileUnreadable
from worker.readers.sniff import head_of
from worker.readers.xml_source import CHUNK, open_document
from worker.readers.xml_stream import is_element, namer

_LOOKED_AT = 2 * 1024 * 1024
"""Bytes of the document; what is a record shows within them."""
_MARC = b"http://www.loc.gov/MARC21/slim"


class FoundRecords(Struct, frozen=True):
    """`record`: the path from the root. `repeat`: names that were seen twice or more within one parent."""

    record: str
    repeat: tuple[str, ...]


def is_marc(path: Path, name: str) -> bool:
    """Whether an XML document holds MARC records, bare or in a response of OAI-PMH."""
    head = head_of(path, 64 * 1024)
    return _MARC in head and b"leader" in head and open_document(path, name).root != "mods"


def find_records(path: Path, name: str) -> FoundRecords:
    """Raises `FileUnreadable`: no XML, or nothing in it that could be records."""
    top = _top(path, name)
    short = namer({})
    parents, steps = top, [short(str(top.tag))]
    while True:
        children = Counter(str(child.tag) for child in parents if is_element(child))
        if not children:
            break
        tag, count = max(children.items(), key=lambda each: (each[1], _weight(parents, each[0])))
        first = parents.find(tag)
        if first is None or not (len(first) or first.attrib):
            break
        steps.append(short(tag))
        if count > 1 or not len(first):
            return FoundRecords("/".join(steps), _repeated(parents, tag))
        parents = first
    raise FileUnreadable(
        "xml-no-records",
        "No element of this document comes twice, so it does not show what a record is. Say it with "
        '"record": the names of elements from the root, joined by /.',
        name,
    )


def _weight(parent: etree._Element, tag: str) -> int:
    """How much stands in the children of this name: the list rather than the envelope's other parts."""
    return sum(1 for child in parent.iterchildren(tag) for _ in child.iter())


def _repeated(parent: etree._Element, tag: str) -> tuple[str, ...]:
    """Names that come twice within one element of a record: lists also in records where they come once."""
    short = namer({})
    found: dict[str, None] = {}
    for record in parent.iterchildren(tag):
        for element in record.iter():
            if is_element(element):
                names = Counter(short(str(child.tag)) for child in element if is_element(child))
                found.update(dict.fromkeys(name for name, count in names.items() if count > 1))
    return tuple(sorted(found))


def _top(path: Path, name: str) -> etree._Element:
    """The root with what stands in the first megabytes. What is malformed later, the reader tells."""
    document = open_document(path, name)
    parser = etree.XMLPullParser(
        events=("start",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )
    root: etree._Element | None = None
    fed = 0
    try:
        with document.open() as stream:
            while fed < _LOOKED_AT and (chunk := stream.read(CHUNK)):
                parser.feed(chunk)
                fed += len(chunk)
                for _, element in parser.read_events():
                    if root is None and isinstance(element, etree._Element):
                        root = element
    except etree.XMLSyntaxError as error:
        if root is None or not len(root):
            line = error.lineno or None
            raise FileUnreadable("xml-malformed", "This is not well-formed XML.", name, line) from None
    if root is None:
        raise FileUnreadable("xml-malformed", "This XML has no element.", name)
    return root
