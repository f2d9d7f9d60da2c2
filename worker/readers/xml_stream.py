"""Records out of an XML document of any length, without trust in it.

lxml reads the records: no entity is resolved, no DTD loaded, nothing fetched, and libxml2's own limits
(10 million characters a text, 256 levels) hold. What lies before the record at hand is dropped after
every 64 KB, whatever it was, so memory is bounded by the longest record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from worker.errors import FileUnreadable
from worker.readers.base import LONGEST_RECORD, MEGABYTE, quoted_list
from worker.readers.xml_source import CHUNK, Document

_XML = "http://www.w3.org/XML/1998/namespace"
_PATHS_SHOWN = 8

_CUT = "The file ends in the middle of the document. It was cut off: export or upload it again."
_LARGE = "The document has a text of more than 10 million characters."
_ENCODING = (
    "A character here is not in the encoding that the document declares (UTF-8 if it declares none). "
    "Correct the declaration in its first line, or save it as UTF-8."
)
_FAULTS = (
    ("depth", "record-too-large", "The document nests more than 256 levels deep."),
    ("huge", "record-too-large", _LARGE),
    ("limit", "record-too-large", _LARGE),
    ("encoding", "undecodable", _ENCODING),
    ("invalid bytes", "undecodable", _ENCODING),
    ("premature end", "file-truncated", _CUT),
    ("no element found", "file-truncated", _CUT),
    ("not terminated", "file-truncated", _CUT),
    ("entityref", "xml-malformed", "This is not well-formed XML: & stands alone. Write &amp; for it."),
    (
        "invalid xmlchar",
        "xml-malformed",
        "A control character stands here, which XML cannot hold. Take it out.",
    ),
    (
        "pcdata invalid char",
        "xml-malformed",
        "A control character stands here, which XML cannot hold. Take it out.",
    ),
)
"""Words in libxml2's messages (lower case), our code, and what a person is told."""

Names: TypeAlias = Sequence[str]
Wanted: TypeAlias = Callable[[Names], bool]
"""Whether the element at the end of this chain of names, from the root, is a record."""
Namer: TypeAlias = Callable[[str], str]


def namer(namespaces: Mapping[str, str]) -> Namer:
    """Names of tags and attributes as the control file writes them, from lxml's `{uri}local`.

    Names in the given namespaces (prefix → URI) bear their prefix; all others are local names.
    """
    prefixes = {uri: prefix for prefix, uri in namespaces.items()}
    prefixes.setdefault(_XML, "xml")
    known: dict[str, str] = {}

    def name(tag: str) -> str:
        found = known.get(tag)
        if found is None:
            uri, _, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
            prefix = prefixes.get(uri, "")
            found = known[tag] = f"{prefix}:{local}" if prefix else local
        return found

    return name


def is_element(node: etree._Element) -> bool:
    """Not so for comments and references to entities, which stand among an element's children, too."""
    return isinstance(node.tag, str)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which elements are records. `local`: their local names, if known: other elements cost less then.

    `required`: that nothing is a record is an error. `at_start`: records are given when they begin, with
    their attributes only, and may be of any size.
    """

    wanted: Wanted
    name: Namer
    local: Sequence[str] = ()
    required: bool = True
    at_start: bool = False


class XmlRecords:
    """The records of a document, in order. An element is only whole until the next one is asked for."""

    def __init__(self, document: Document, file: str, selection: Selection) -> None:
        self._document = document
        self._file = file
        self._selection = selection
        self._wanted = selection.wanted
        self._name = selection.name
        self._root: etree._Element | None = None
        self._inside = 0
        self._paths: dict[str, None] = {}
        self.found = 0

    def __iter__(self) -> Iterator[etree._Element]:
        """Raises `FileUnreadable`: no XML, too long a record, nothing that is a record."""
        parser = etree.XMLPullParser(
            events=("start", "end"),
            tag=self._tags(),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_pis=True,
        )
        with self._document.open() as stream:
            try:
                while chunk := stream.read(CHUNK):
                    parser.feed(chunk)
                    yield from self._records(parser)
                    self._prune(len(chunk))
                root = parser.close()
            except etree.XMLSyntaxError as error:
                raise self._broken(error, parser.feed_error_log) from None
            yield from self._records(parser)
        if self._selection.required and not self.found and len(root):
            raise self._nothing()

    def _tags(self) -> list[str] | None:
        local = self._selection.local
        return [f"{{*}}{each}" for each in (*local, self._document.root)] if local else None

    def _records(self, parser: etree.XMLPullParser) -> Iterator[etree._Element]:
        event = "start" if self._selection.at_start else "end"
        for action, element in parser.read_events():
            assert isinstance(element, etree._Element)  # so it is for "start" and "end"
            if self._root is None:
                self._root = element
            if action == event and self._wanted(self._chain(element)):
                self.found += 1
                self._inside = 0
                yield element
            elif not self.found and len(self._paths) < _PATHS_SHOWN:
                self._paths["/".join(self._chain(element))] = None

    def _chain(self, element: etree._Element) -> list[str]:
        chain = [self._name(str(element.tag))]
        parent = element.getparent()
        while parent is not None:
            chain.append(self._name(str(parent.tag)))
            parent = parent.getparent()
        chain.reverse()
        return chain

    def _prune(self, fed: int) -> None:
        """Drops every element that has ended, except within a record that has only begun."""
        element = self._root
        chain: list[str] = []
        while element is not None:
            chain.append(self._name(str(element.tag)))
            if not self._selection.at_start and self._wanted(chain):
                self._inside += fed
                break
            if not self.found and len(self._paths) < _PATHS_SHOWN:
                self._paths["/".join(chain)] = None
            if not len(element):
                break
            del element[:-1]
            element = element[-1] if is_element(element[-1]) else None
        if self._inside > LONGEST_RECORD:
            raise FileUnreadable(
                "record-too-large",
                f"Record {self.found + 1} is longer than {LONGEST_RECORD // MEGABYTE} million bytes.",
                self._file,
            )

    def _broken(self, error: etree.XMLSyntaxError, log: etree._ListErrorLog) -> FileUnreadable:
        line, message = error.lineno or None, str(error.msg or "")
        if "no element found" in message and len(log):  # the parser had stopped before
            line, message = log[0].line or None, log[0].message
        message = re.sub(r",? line \d+, column \d+.*", "", message).strip()
        for words, code, plain in _FAULTS:
            if words in message.lower():
                return FileUnreadable(code, plain, self._file, line)
        undefined = re.match(r"Entity '(.*)' not defined", message)
        if undefined is not None:
            message = f"&{undefined[1]}; is not defined in XML, write the character itself"
        return FileUnreadable("xml-malformed", f"This is not well-formed XML: {message}.", self._file, line)

    def _nothing(self) -> FileUnreadable:
        return FileUnreadable(
            "xml-no-records",
            f'No element is a record: "record" must name the elements from the root, separated by "/". '
            f"The document has {quoted_list(list(self._paths), _PATHS_SHOWN)}.",
            self._file,
        )
