"""XML, and Haplo's two readers of it: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from tests.nasty.support import Case, check

CASES = (
    Case(
        "an empty file",
        XmlReader("list/rec"),
        b"",
        error="[file-empty] data: The file is empty (0 bytes). Export or upload it again.",
    ),
    Case("no records in an empty root", XmlReader("list/rec"), b"<list/>"),
    Case(
        "a path that leads nowhere",
        XmlReader("list/rec"),
        b"<List><rec/><rec><a/></rec></List>",
        error=(
            '[xml-no-records] data: No element is a record: "record" must name the elements from the root, '
            'separated by "/". The document has "List", "List/rec", "List/rec/a".'
        ),
    ),
    Case(
        "entities that multiply (billion laughs)",
        XmlReader("list/rec"),
        b'<!DOCTYPE list [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><list><rec>&b;</rec></list>',
        error=(
            "[xml-doctype] data, line 1: The document defines its own entities or structure (an internal "
            "DTD, <!DOCTYPE … [ … ]>), which is not read because it can be used to attack the reader. Take "
            "the DOCTYPE out."
        ),
    ),
    Case(
        "an entity that reads a file",
        XmlReader("list/rec"),
        b'<?xml version="1.0"?>\n<!DOCTYPE list [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<list><rec>&x;</rec></list>',
        error=(
            "[xml-doctype] data, line 2: The document defines its own entities or structure (an internal "
            "DTD, <!DOCTYPE … [ … ]>), which is not read because it can be used to attack the reader. Take "
            "the DOCTYPE out."
        ),
    ),
    Case(
        "a DTD elsewhere, and its entity",
        XmlReader("list/rec"),
        b'<!DOCTYPE list SYSTEM "http://127.0.0.1:9/x.dtd"><list><rec><a>caf&eacute;</a></rec><rec><a>ok</a></rec></list>',
        rows={2: {"a": "ok"}},
        bad=(
            (
                1,
                "xml-entity",
                "The record uses &eacute;, which is not defined in XML. Write the character itself, or its "
                "number (&#233;).",
            ),
        ),
    ),
    Case(
        "an entity without a DTD",
        XmlReader("list/rec"),
        b"<list><rec><a>caf&eacute;</a></rec></list>",
        error=(
            "[xml-malformed] data, line 1: This is not well-formed XML: &eacute; is not defined in XML, "
            "write the character itself."
        ),
    ),
    Case(
        "tags that do not match",
        XmlReader("list/rec"),
        b"<list>\n<rec><a>x</b></rec>\n</list>",
        error=(
            "[xml-malformed] data, line 2: This is not well-formed XML: Opening and ending tag mismatch: a "
            "line 2 and b."
        ),
    ),
    Case(
        "cut off",
        XmlReader("list/rec"),
        b"<list>\n<rec><a>x</a></rec>\n<rec><a>",
        rows={1: {"a": "x"}},
        error=(
            "[file-truncated] data, line 3: The file ends in the middle of the document. It was cut off: "
            "export or upload it again."
        ),
    ),
    Case(
        "two roots",
        XmlReader("list/rec"),
        b"<list><rec/></list><list/>",
        error=(
            "[xml-malformed] data, line 1: This is not well-formed XML: Extra content at the end of the "
            "document."
        ),
    ),
    Case(
        "an ampersand",
        XmlReader("list/rec"),
        b"<list>\n<rec><a>Smith & Sons</a></rec></list>",
        error=(
            "[xml-malformed] data, line 2: This is not well-formed XML: & stands alone. Write &amp; for it."
        ),
    ),
    Case(
        "Latin-1 without a declaration",
        XmlReader("list/rec"),
        b"<list>\n<rec><a>caf\xe9</a></rec></list>",
        error=(
            "[undecodable] data, line 2: A character here is not in the encoding that the document "
            "declares (UTF-8 if it declares none). Correct the declaration in its first line, or save it "
            "as UTF-8."
        ),
    ),
    Case(
        "cp1252 declared",
        XmlReader("list/rec"),
        b'<?xml version="1.0" encoding="windows-1252"?><list><rec><a>\x93x\x94</a></rec></list>',
        rows={1: {"a": "“x”"}},
    ),
    Case(
        "an encoding that does not exist",
        XmlReader("list/rec"),
        b'<?xml version="1.0" encoding="klingon"?><list/>',
        error=(
            '[unknown-encoding] data, line 1: The document declares the encoding "klingon", which is not '
            "understood. Save it as UTF-8."
        ),
    ),
    Case(
        "UTF-16",
        XmlReader("list/rec"),
        '<?xml version="1.0" encoding="UTF-16"?><list><rec><a>é</a></rec></list>'.encode("utf-16"),
        rows={1: {"a": "é"}},
    ),
    Case(
        "a text of more than ten megabytes",
        XmlReader("list/rec"),
        lambda: b"<list><rec><a>" + b"x" * 11_000_000 + b"</a></rec></list>",
        error="[record-too-large] data, line 1: The document has a text of more than 10 million characters.",
    ),
    Case(
        "nesting of a thousand levels",
        XmlReader("list/rec"),
        b"<list><rec>" + b"<a>" * 1_000 + b"</a>" * 1_000 + b"</rec></list>",
        error="[record-too-large] data, line 1: The document nests more than 256 levels deep.",
    ),
    Case(
        "a control character",
        XmlReader("list/rec"),
        b"<list><rec><a>x&#1;</a></rec></list>",
        error=(
            "[xml-malformed] data, line 1: A control character stands here, which XML cannot hold. Take it "
            "out."
        ),
    ),
    Case(
        "attributes, mixed text, comments, CDATA",
        XmlReader("list/rec", repeat=("k",)),
        b'<list><rec id="1"><t>The <i>Big</i> <!-- no -->Book</t><k>one</k><c><![CDATA[<b>]]></c><e/>'
        b"</rec></list>",
        rows={1: {"@id": "1", "t": {"i": "Big", "#text": "The Big Book"}, "k": ["one"], "c": "<b>", "e": ""}},
    ),
    Case(
        "names of several namespaces",
        XmlReader("oai:list/oai:rec", namespaces=(("oai", "urn:oai"), ("dc", "urn:dc"))),
        b'<list xmlns="urn:oai" xmlns:d="urn:dc" xmlns:o="urn:o"><rec><d:title xml:lang="en">T</d:title>'
        b"<o:title>U</o:title></rec></list>",
        rows={1: {"dc:title": {"@xml:lang": "en", "#text": "T"}, "title": "U"}},
    ),
    Case(
        "HTML",
        XmlReader("list/rec"),
        b"<!doctype html><html><body>404</body></html>",
        error=(
            "[other-format] data: This is not XML but an HTML page, often the login or error page of the "
            "system it was exported from. Export the records again."
        ),
    ),
    Case(
        "JSON",
        XmlReader("list/rec"),
        b'[{"a": 1}]',
        error='[other-format] data: This is not XML but a JSON array. Read it with "read": "json".',
    ),
    Case(
        "text",
        XmlReader("list/rec"),
        b"Dear colleague",
        error="[xml-malformed] data, line 1: This is not well-formed XML: Start tag expected, '<' not found.",
    ),
    Case(
        "records of Haplo, text of children",
        XmlChildrenReader(),
        b"<root> <v/> <v> <x>PING</x> <y>PONG</y> </v> <v> <hello>world</hello> </v> </root>",
        rows={1: {}, 2: {"x": "PING", "y": "PONG"}, 3: {"hello": "world"}},
    ),
    Case(
        "one record of Haplo, text of children",
        XmlChildrenReader(single_record=True),
        b"<root> <x>PING2</x> <y>PONG2</y> </root>",
        rows={1: {"x": "PING2", "y": "PONG2"}},
    ),
    Case(
        "records of Haplo, attributes",
        XmlAttributesReader(),
        b'<root> <v/> <something a="b" def="abc"/> <else hello="world"></else> </root>',
        rows={1: {}, 2: {"a": "b", "def": "abc"}, 3: {"hello": "world"}},
    ),
    Case(
        "one record of Haplo, attributes",
        XmlAttributesReader(single_record=True),
        b'<root a="b2" def="abc2"/>',
        rows={1: {"a": "b2", "def": "abc2"}},
    ),
    Case("no records of Haplo", XmlAttributesReader(), b"<root></root>"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
