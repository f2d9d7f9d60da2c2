"""The whole of a control file: the root, matches, files, mappings."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from service.control.model import (
    AttachmentReader,
    Budget,
    Control,
    CsvReader,
    Destination,
    Element,
    FileSpec,
    Group,
    JsonLinesReader,
    JsonReader,
    MappingTable,
    MarcReader,
    Match,
    RecordProcessor,
    Replace,
    SheetReader,
    SiteReader,
    Source,
    Term,
    TsvReader,
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from service.control.parse import parse_control
from service.control.words import IDENTITIES, RESOURCE_KINDS
from tests.unit.control.making import compiled, said, told, version_1, warned

ITEM = Destination("item", "item")
IDENTIFIER = Term("dcterms:identifier")


def test_the_root() -> None:
    control = compiled(
        version_1(
            visibility="public",
            sites=["main", 3],
            target="ours",
            onError="stop",
            onConflict="keep",
            maxErrors=5,
            maxRemovals="2.5 %",
            templates="enforce",
            comment="spring import",
            **{"$schema": "https://example.org/schema/control-1.json"},
        )
    )
    assert control == Control(
        version=1,
        model="omeka",
        files=(FileSpec("data0", "json", JsonReader(), required=True, pointer="/files/data0"),),
        instructions=control.instructions,
        match={"item": Match(ITEM, (IDENTIFIER,), inputs=(Source("id"),), pointer="/match/item")},
        target="ours",
        visibility="public",
        sites=("main", 3),
        on_error="stop",
        on_conflict="keep",
        max_errors=Budget(5, percent=False),
        max_removals=Budget(2.5, percent=True),
        templates="enforce",
        comment="spring import",
        features=frozenset({"conflicts", "templates"}),
    )


def test_what_is_unsaid() -> None:
    control = compiled({key: given for key, given in version_1().items() if key != "visibility"})
    unsaid = (control.visibility, control.sites, control.on_error, control.max_errors, control.max_removals)
    assert unsaid == (
        "private",
        (),
        "reject",
        Budget(10, percent=True),
        Budget(10, percent=True),
    )


def test_a_control_travels_between_processes() -> None:
    control = compiled(version_1({"expression": "a.b", "name": "dcterms:title"}))
    assert pickle.loads(pickle.dumps(control)) == control


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"[]", ["a control file is an object, not a list."]),
        (b'"x"', ['a control file is an object, not the text "x".']),
        (
            b"{}",
            [
                'the control file needs "dataImportControlFileVersion", which must be 0 or 1.',
                'the control file needs "model", which must be one of "omeka", "omeka-s", "omeka-classic".',
                'the control file needs "files", which must be an object.',
                'the control file needs "instructions", which must be a list.',
            ],
        ),
    ],
)
def test_what_is_no_control_file(data: bytes, messages: list[str]) -> None:
    assert said(data) == messages


@pytest.mark.parametrize(
    ("root", "messages"),
    [
        (
            {"dataImportControlFileVersion": 2},
            ["/dataImportControlFileVersion: there is no version 2; say 1, or 0 for Haplo's."],
        ),
        (
            {"dataImportControlFileVersion": "1"},
            ['/dataImportControlFileVersion: must be 0 or 1, not the text "1".'],
        ),
        (
            {"model": "haplo:person"},
            ['/model: unknown model "haplo:person". Allowed: omeka, omeka-classic, omeka-s.'],
        ),
        (
            {"visibilty": "public"},
            ['/visibilty: unknown key "visibilty" in the control file: did you mean "visibility"?'],
        ),
        ({"files": {}}, ["/files: must have at least 1 entry."]),
        ({"maxErrors": "many"}, ['/maxErrors: must be a count or a percentage such as "10%", not "many".']),
        ({"maxErrors": "101%"}, ['/maxErrors: must be at most 100%, not "101%".']),
        ({"maxErrors": -1}, ["/maxErrors: must be a whole number of 0 or more, not -1."]),
        (
            {"sites": "main"},
            ["/sites: must be a list, each element a text or a whole number of 1 or more, not the text"],
        ),
        ({"sites": [0]}, ["/sites/0: must be a whole number of 1 or more, not 0."]),
        ({"recordProcessor": "omeka-site"}, ['/recordProcessor: unknown recordProcessor "omeka-site"']),
        ({"instructions": None}, ["/instructions: must be a list of instructions, not null."]),
        (
            {"comment": "TODO say what"},
            ['/comment: "TODO say what" is still to be decided; put the right value here.'],
        ),
        (
            {"mapping": {"TODO": {"a": "b"}}},
            ['/mapping/TODO: the key "TODO" is still to be decided; put the right one here.'],
        ),
    ],
)
def test_what_is_wrong_with_the_root_is_told(root: dict[str, Any], messages: list[str]) -> None:
    got = told(**root)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


def test_duplicate_keys_are_told_with_their_lines() -> None:
    (problem,) = parse_control(b'{\n "model": "omeka",\n "model": "omeka-s"\n}').problems[:1]
    assert str(problem) == "line 3: /model: the key stands twice in one object; the first is in line 2."
    assert (problem.code, problem.pointer, problem.line) == ("duplicate-key", "/model", 3)


def test_problems_know_their_lines() -> None:
    data = (
        b'{\n"dataImportControlFileVersion": 1, "model": "omeka",\n'
        b'"files": {"a": {"read": "jsn"}},\n"instructions": []\n}'
    )
    assert [str(problem) for problem in parse_control(data).problems] == [
        'line 3: /files/a/read: unknown reader "jsn": did you mean "json"?'
    ]


# --- match ----------------------------------------------------------------------------------------


def matched(**keys: Any) -> Match:
    return compiled(version_1(match={"item": keys})).match["item"]


def test_match() -> None:
    made = matched(
        source="no",
        filters=[{"replace": {"pattern": " ", "with": ""}}],
        by="dcterms:identifier",
        scope="tate",
        where={"item-set": "Tate", "template": 3},
        notFound="skip",
        found="reject",
        gone="create",
        duplicates="merge",
        absent="unpublish",
    )
    assert made == Match(
        ITEM,
        (IDENTIFIER,),
        inputs=(Source("no"),),
        filters=(Replace(" ", ""),),
        scope="tate",
        where=(("item-set", "Tate"), ("template", 3)),
        not_found="skip",
        found="reject",
        gone="create",
        duplicates="merge",
        absent="unpublish",
        pointer="/match/item",
    )


def test_match_by_several_together_or_alternatives() -> None:
    together = matched(source=["a", "b"], by=["dcterms:identifier", "Dublin Core:Source"])
    assert (together.by, together.any_of) == ((IDENTIFIER, Element("Dublin Core", "Source")), False)
    assert together.inputs == (Source("a"), Source("b"))
    either = matched(by={"any": ["dcterms:identifier", "bibo:isbn"]})
    assert (either.by, either.any_of, either.inputs) == ((IDENTIFIER, Term("bibo:isbn")), True, ())


@pytest.mark.parametrize(
    ("match", "messages"),
    [
        ({"item": {"source": "a"}}, ['/match/item: match needs "by", which must be a text or a list,']),
        (
            {"itm": {"by": "dcterms:identifier"}},
            ['/match/itm: unknown destination "itm": did you mean "item"?'],
        ),
        (
            {"geolocation": {"by": "dcterms:identifier"}},
            [
                '/match/geolocation: a "geolocation" has no match; only '
                f"{', '.join((*RESOURCE_KINDS, *IDENTITIES))} have."
            ],
        ),
        (
            {"asset": {"by": "dcterms:identifier", "absent": "delete", "where": {"class": "dctype:Image"}}},
            [
                '/match/asset/where: "where" narrows a search, and everything of this kind is listed anyway '
                '("asset").',
                '/match/asset/absent: "absent" removes resources; remove these by hand, or with an undo '
                '("asset").',
                '/match/asset/by: a "asset" is known by name, each at most once.',
            ],
        ),
        (
            {"item": {"by": "dcterms:identifer"}},
            ['/match/item/by: unknown term "dcterms:identifer": did you mean'],
        ),
        ({"item": {"by": []}}, ["/match/item/by: must have at least 1 element."]),
        (
            {"item": {"by": ["dcterms:title", "dcterms:title"]}},
            ['/match/item/by/1: "dcterms:title" stands twice in "by".'],
        ),
        (
            {"item": {"by": ["dcterms:title", "dcterms:date"], "source": "a"}},
            ['/match/item/source: "by" names 2 properties, but "source" names 1 keys; name 2.'],
        ),
        (
            {"item": {"by": {"any": ["dcterms:title", "dcterms:date"]}, "source": ["a", "b"]}},
            ['/match/item/source: alternatives have one identifier, but "source" names 2 keys; name 1.'],
        ),
        (
            {"item": {"by": "dcterms:identifier", "filters": ["trim"]}},
            ['/match/item/filters: "filters" are for the identifier: say "source" or "expression" too.'],
        ),
        (
            {"item": {"by": "dcterms:identifier", "source": "a", "expression": "b"}},
            ['/match/item: "source" and "expression" exclude each other; keep one.'],
        ),
        (
            {"item": {"by": "dcterms:identifier", "onMissing": "x"}},
            ['/match/item/onMissing: unknown key "onMissing" in match'],
        ),
        (
            {"item": {"by": "dcterms:identifier", "absent": "remove"}},
            ['/match/item/absent: unknown absent "remove".'],
        ),
        (
            {"item": {"by": "dcterms:identifier", "where": {"set": 1}}},
            ['/match/item/where/set: unknown key "set" in where'],
        ),
    ],
)
def test_what_is_wrong_with_a_match_is_told(match: dict[str, Any], messages: list[str]) -> None:
    got = told(match=match)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "reader"),
    [
        ({"read": "json"}, JsonReader()),
        ({"read": "json", "at": "response.docs"}, JsonReader(("response", "docs"))),
        ({"read": "json", "at": ["a.b", "c"]}, JsonReader(("a.b", "c"))),
        ({"read": "json", "singleRecord": True}, JsonReader(single_record=True)),
        ({"read": "jsonl"}, JsonLinesReader()),
        ({"read": "csv"}, CsvReader()),
        (
            {
                "read": "csv",
                "separator": ";",
                "quote": "'",
                "encoding": "Latin1",
                "header": ["a", "b"],
                "comments": "#",
            },
            CsvReader(";", "'", "iso8859-1", ("a", "b"), "#"),
        ),
        ({"read": "tsv-with-name-row", "charset": "windows-1252"}, TsvReader("\t", "cp1252")),
        (
            {"read": "xlsx", "sheet": "Register", "headerRow": 3, "cells": "raw"},
            SheetReader("xlsx", "Register", 3, "raw"),
        ),
        ({"read": "ods", "sheet": 2}, SheetReader("ods", 2)),
        (
            {
                "read": "xml",
                "record": "/m:collection/m:mods",
                "repeat": ["m:name"],
                "namespaces": {"m": "http://www.loc.gov/mods/v3"},
            },
            XmlReader("m:collection/m:mods", ("m:name",), (("m", "http://www.loc.gov/mods/v3"),)),
        ),
        ({"read": "marc", "encoding": "utf-8"}, MarcReader("utf-8")),
        ({"read": "xml-text-of-children", "singleRecord": True}, XmlChildrenReader(single_record=True)),
        ({"read": "xml-attributes"}, XmlAttributesReader()),
        ({"read": "omeka-classic", "from": "old-site"}, SiteReader("omeka-classic", "old-site")),
        ({"read": "omeka-s", "from": "other"}, SiteReader("omeka-s", "other")),
        (
            {"read": "attachment", "archive": True, "records": True},
            AttachmentReader(archive=True, records=True),
        ),
    ],
)
def test_readers(keys: dict[str, Any], reader: object) -> None:
    (file,) = compiled(version_1(files={"data0": keys})).files
    assert file == FileSpec(
        "data0",
        keys["read"],
        reader,
        required=not isinstance(reader, SiteReader),
        pointer="/files/data0",  # type: ignore[arg-type]
    )


def test_files_stand_in_their_order_with_what_is_theirs() -> None:
    album = {
        "read": "xlsx",
        "fillDown": ["Album"],
        "group": {"by": ["Album"], "rows": "photos"},
        "onError": "drop",
    }
    files = {
        "photos": album,
        "artists": {"read": "csv", "instructions": [{"action": "new", "destination": "item:artist"}]},
        "scans/**": {"read": "attachment"},
        "DEFAULT": {"read": "json"},
        "comment": "photographs first",
    }
    made = compiled(version_1(files=files)).files
    assert [(file.pattern, file.required) for file in made] == [
        ("photos", True),
        ("artists", True),
        ("scans/**", False),
        ("DEFAULT", False),
    ]
    assert (made[0].fill_down, made[0].group, made[0].on_error) == (
        ("Album",),
        Group(("Album",), "photos"),
        "drop",
    )
    assert made[0].instructions is None
    assert [type(one).__name__ for one in made[1].instructions or ()] == ["New"]
    assert (made[2].is_glob, made[3].is_default) == (True, True)


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        ({"a": {}}, ['/files/a: a file needs "read", the name of a reader.']),
        ({"a": {"read": "excel"}}, ['/files/a/read: unknown reader "excel": did you mean "xlsx"?']),
        (
            {"a": {"read": "json", "encoding": "utf-8"}},
            ['/files/a/encoding: unknown key "encoding" in a file read as "json"'],
        ),
        (
            {"a": {"read": "json", "fillDown": ["x"]}},
            ['/files/a/fillDown: unknown key "fillDown" in a file read as "json"'],
        ),
        (
            {"a": {"read": "json", "at": "a..b"}},
            ['/files/a/at: "a..b" is no path: keys from the root, joined by dots.'],
        ),
        (
            {"a": {"read": "json", "at": "a", "singleRecord": True}},
            ['/files/a/singleRecord: "singleRecord" takes the document itself; it excludes "at".'],
        ),
        ({"a": {"read": "csv", "separator": "||"}}, ['/files/a/separator: must be one character, not "||".']),
        (
            {"a": {"read": "csv", "separator": '"'}},
            ["/files/a: separator and quote must differ, and neither may be"],
        ),
        (
            {"a": {"read": "csv", "encoding": "utf8x"}},
            ['/files/a/encoding: "utf8x" is no encoding; utf-8 and'],
        ),
        (
            {"a": {"read": "csv", "encoding": "base64"}},
            ['/files/a/encoding: "base64" is no encoding; utf-8 and'],
        ),
        ({"a": {"read": "csv", "header": ["x", "x"]}}, ['/files/a/header/1: the column "x" stands twice.']),
        ({"a": {"read": "xml"}}, ['/files/a: a file read as "xml" needs "record", which must be a text.']),
        ({"a": {"read": "xml", "record": "a//b"}}, ['/files/a/record: "" is no name of an XML element.']),
        (
            {"a": {"read": "xml", "record": "m:mods"}},
            ['/files/a/record: the prefix "m" is not declared: add "namespaces"'],
        ),
        (
            {"a": {"read": "omeka-s"}},
            ['/files/a: a file read as "omeka-s" needs "from", which must be a text.'],
        ),
        (
            {"a": {"read": "xlsx", "headerRow": 0}},
            ["/files/a/headerRow: must be a whole number of 1 or more, not 0."],
        ),
        (
            {"a": {"read": "csv", "group": {"by": []}}},
            ["/files/a/group/by: must have", '/files/a/group: group needs "rows"'],
        ),
        (
            {"../a": {"read": "json"}},
            ['/files/..~1a: "../a" can be no name of a file: it has a segment "..".'],
        ),
        (
            {"": {"read": "json"}},
            ['/files/: "" can be no name of a file: it has 0 characters, 1 to 255 are allowed.'],
        ),
        (
            {"a\tb": {"read": "json"}},
            ['/files/a\tb: "a\ufffdb" can be no name of a file: it holds a control character.'],
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(files: dict[str, Any], messages: list[str]) -> None:
    got = told(files=files)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


# --- mapping and record processors ----------------------------------------------------------------


def test_mappings() -> None:
    tables = {
        "rights": {"PD": "Public domain", "": None, "n": 0},
        "sets": {"using": "id", "types": ["item-set"], "values": {"A": 12, "B": "13"}},
    }
    assert compiled(version_1(mapping=tables)).mappings == {
        "rights": MappingTable(
            "rights", {"PD": "Public domain", "": None, "n": 0}, pointer="/mapping/rights"
        ),
        "sets": MappingTable("sets", {"A": 12, "B": "13"}, "id", ("item-set",), "/mapping/sets"),
    }


@pytest.mark.parametrize(
    ("tables", "messages"),
    [
        ({"a": {"x": ["y"]}}, ["/mapping/a/x: must be a text, a number, true, false or null, not a list."]),
        (
            {"a": {"using": "behaviour", "values": {}}},
            ['/mapping/a/using: "behaviour" is not taken over: Omeka\'s resources have no'],
        ),
        ({"a": {"values": {"x": "y"}}}, ['/mapping/a: a mapping needs "using", which must be one of']),
        (
            {"a": {"using": "id", "values": {"x": "y"}}},
            ['/mapping/a/values/x: must be the number of a resource, not "y".'],
        ),
        (
            {"a": {"using": "title", "types": ["std:type:book"], "values": {}}},
            ['/mapping/a/types/0: "std:type:book" is a type of Haplo; say item, item-set, media, a class or'],
        ),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told(tables: dict[str, Any], messages: list[str]) -> None:
    got = told(mapping=tables)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


CLASSIC = {"model": "omeka-s", "files": {"old": {"read": "omeka-classic", "from": "old"}}}


def test_a_record_processor_needs_no_instructions() -> None:
    control = version_1(
        **CLASSIC,
        recordProcessor={
            "name": "omeka-classic-site",
            "html": "strip",
            "typeMap": {"Still Image": "dctype:StillImage"},
        },
    )
    del control["instructions"]
    made = compiled(control)
    assert made.record_processor == RecordProcessor(
        "omeka-classic-site",
        html="strip",
        type_map={"Still Image": "dctype:StillImage"},
        pointer="/recordProcessor",
    )
    assert made.instructions != ()
    (file,) = made.files
    assert file.reader == SiteReader(
        "omeka-classic",
        "old",
        ("item_types", "collections", "items", "exhibits"),
        preset=made.record_processor,
    )
    assert made.match["item-set"].scope == "old"


def test_what_a_control_file_says_itself_comes_before_what_its_record_processor_says() -> None:
    own = {"source": "id", "by": "dcterms:source", "scope": "mine"}
    made = compiled(version_1(**CLASSIC, recordProcessor="omeka-classic-site", match={"item": own}))
    assert (made.match["item"].scope, made.match["item-set"].scope) == ("mine", "old")
    assert made.instructions[-1].pointer.startswith("/instructions")  # its own are run after the preset's


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ({"model": "omeka"}, "must know into what"),
        (
            {
                "model": "omeka-classic",
                "recordProcessor": {"name": "omeka-classic-site", "simplePages": "about"},
            },
            'writes no pages: leave "simplePages" out',
        ),
        ({"files": {"data0": {"read": "json"}}}, '"files" needs an entry of the reader "omeka-classic"'),
    ],
)
def test_a_record_processor_that_cannot_be_carried_out_is_refused(root: dict[str, Any], said: str) -> None:
    control = version_1(**{"recordProcessor": "omeka-classic-site", "match": {}, **CLASSIC, **root})
    del control["instructions"]
    parsed = parse_control(json.dumps(control).encode())
    assert any(said in str(one) for one in parsed.problems)


def test_what_has_not_changed_is_not_taken_for_gone() -> None:
    files = {"old": {"read": "omeka-s", "from": "old", "since": "last"}}
    match = {"item": {"source": "o:id", "by": "dcterms:identifier", "absent": "delete"}}
    (problem,) = told(files=files, match=match)
    assert problem.startswith('/files/old: "since" reads only what has changed, so "absent" of "item" would')
    assert told(files={"old": {"read": "omeka-s", "from": "old"}}, match=match) == []


@pytest.mark.parametrize("since", ["yesterday", "2026-02-31", "2026-01-01T25:00:00Z"])
def test_since_is_a_date_or_the_last_reading(since: str) -> None:
    files = {"old": {"read": "omeka-s", "from": "old", "since": since}}
    assert [one.startswith("/files/old/since: ") for one in told(files=files)] == [True]


# --- warnings -------------------------------------------------------------------------------------


def test_a_sound_file_has_no_warnings() -> None:
    assert warned(version_1()) == []


def test_what_is_seldom_meant_is_warned_of() -> None:
    control = version_1(
        {"action": "new", "destination": "item-set"},
        {"action": "if-exists", "source": "a"},
        match={"item": {"by": "dcterms:identifier"}, "item:artist": {"by": "dcterms:identifier"}},
        files={"data0": {"read": "json"}, "scans/*": {"read": "attachment", "instructions": []}},
    )
    del control["visibility"]
    assert warned(control) == [
        '/instructions/2: "if-exists" without "then" and "else" does nothing.',
        '/instructions/1: "item-set" has no identity, so running this twice creates everything twice;'
        ' give it a "match".',
        "nothing says whether item, item-set will be public: they are created private, on no site."
        ' Say "visibility".',
        '/match/item:artist: no "new", "load" or "link" uses the match of "item:artist".',
        "/files/scans~1*: attachments are no records, so these instructions are never run;"
        ' "records": true makes them.',
    ]


def test_a_file_that_does_nothing_is_warned_of() -> None:
    assert warned(version_1(instructions=[], match={})) == [
        "/instructions: there are no instructions, so nothing will be done."
    ]
