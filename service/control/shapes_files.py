"""The keys of files, reader by reader."""

from __future__ import annotations

from dataclasses import dataclass

from service.control.keys import Key, Shape
from service.control.kinds import Kind, ListOf, MapOf, Ref, Text, Whole, Word, one_or_many
from service.control.model import Version
from service.control.shapes import BOTH, FLAG, INSTRUCTIONS, NUMBER_OR_TEXT, ON_ERROR, TEXT

_FILE = (
    Key("read", TEXT, "The reader.", required=BOTH),
    Key("required", FLAG, "Whether scheduling without it is refused.", since=1),
    Key("instructions", INSTRUCTIONS, "Instead of the root list for this file.", since=1),
    ON_ERROR,
)
_TABULAR = (
    Key("fillDown", ListOf(TEXT, least=1), "Columns whose blank cells repeat the one above.", since=1),
    Key("group", Ref("group", "an object"), "Adjacent rows that become one record.", since=1),
)
_SINGLE = Key("singleRecord", FLAG, "Whether the document itself is the one record.")
_ENCODING = Key("encoding", TEXT, "The encoding; detected when unsaid.", since=1)
_SHEET = (
    Key("sheet", NUMBER_OR_TEXT, "Its name, or its number from 1.", since=1),
    Key("headerRow", Whole(1, 10_000), "The row of the column names; 1 when unsaid.", since=1),
    Key("cells", Word(("shown", "raw"), "cells"), "The text that is shown, or the stored value.", since=1),
)
_FROM = Key("from", TEXT, "The name of a source in the settings.", since=1, required=(1,))
_SINCE = Key(
    "since",
    Text(pattern=r"last|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?", says='"last" or a date'),
    "Only what was changed after this date (`2026-05-01T12:00:00Z`), or after the `last` reading.",
    since=1,
)
OF_OMEKA_S = ("item_sets", "items", "media")
"""What of an Omeka S can be records, in the order in which they come."""
OF_OMEKA_CLASSIC = (
    "users",
    "element_sets",
    "elements",
    "item_types",
    "collections",
    "items",
    "files",
    "tags",
    "exhibits",
    "simple_pages",
)
"""The same of an Omeka Classic."""


def _resources(words: tuple[str, ...]) -> Key:
    doc = "What become records; `items` when unsaid."
    return Key("resources", ListOf(Word(words, "resource"), least=1), doc, since=1)


GROUP = Shape(
    "group",
    "Adjacent rows that agree become one record.",
    (
        Key("by", ListOf(TEXT, least=1), "The columns that agree.", since=1, required=(1,)),
        Key("rows", TEXT, "The key that gets the rows.", since=1, required=(1,)),
    ),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader: its word, the version that has it, the keys of a file that it reads."""

    name: str
    since: Version
    shape: Shape
    tabular: bool


def _reader(name: str, doc: str, *keys: Key, since: Version = 1, tabular: bool = False) -> Reader:
    every = (*_FILE, *keys, *(_TABULAR if tabular else ()))
    return Reader(name, since, Shape(f'a file read as "{name}"', doc, every), tabular)


_AT: Kind = one_or_many(TEXT)
_ALL_READERS = (
    _reader(
        "json",
        "A JSON array of objects.",
        Key("at", _AT, "Where the array stands: keys from the root, `a.b` or a list.", since=1),
        _SINGLE,
        since=0,
    ),
    _reader("jsonl", "One JSON object a line."),
    _reader(
        "csv",
        "Separated values with quotes.",
        Key(
            "separator", Text(blank=True, pattern="(?s:.)", says="one character"), "Detected when unsaid.", 1
        ),
        Key("quote", Text(pattern="(?s:.)", says="one character"), 'The quote; " when unsaid.', since=1),
        _ENCODING,
        Key("header", ListOf(Text(blank=True), least=1), "Names, for a file without a header.", since=1),
        Key("comments", TEXT, "Rows that begin with this are left out.", since=1),
        tabular=True,
    ),
    _reader(
        "tsv-with-name-row",
        "Haplo's reader of tab-separated values, without quotes.",
        Key("separator", Text(blank=True, pattern="(?s:.+)", says="a separator"), "A tab when unsaid."),
        Key("charset", TEXT, "The encoding; utf-8 when unsaid."),
        since=0,
        tabular=True,
    ),
    _reader("xlsx", "A sheet of an Excel workbook.", *_SHEET, tabular=True),
    _reader("ods", "A sheet of an OpenDocument workbook.", *_SHEET, tabular=True),
    _reader(
        "xml",
        "Any XML: `@attr`, `#text`, nested objects.",
        Key("record", TEXT, "The path of a record: element names from the root, joined by `/`.", 1, (1,)),
        Key("repeat", ListOf(TEXT), "Names of elements that are always lists.", since=1),
        Key("namespaces", MapOf(TEXT), "Prefix → URI.", since=1),
    ),
    _reader("marc", "MARC, as ISO 2709 or MARCXML.", _ENCODING),
    _reader("xml-text-of-children", "Haplo's reader: a key for each child element.", _SINGLE, since=0),
    _reader("xml-attributes", "Haplo's reader: a key for each attribute.", _SINGLE, since=0),
    _reader(
        "omeka-classic",
        "Another Omeka Classic, by a configured source.",
        _FROM,
        _resources(OF_OMEKA_CLASSIC),
        _SINCE,
    ),
    _reader("omeka-s", "Another Omeka S, by a configured source.", _FROM, _resources(OF_OMEKA_S), _SINCE),
    _reader(
        "attachment",
        "Files for media.",
        Key("archive", FLAG, "Whether it is a zip whose members are meant.", since=1),
        Key("records", FLAG, "Whether each file is a record too.", since=1),
    ),
)
READERS: dict[str, Reader] = {reader.name: reader for reader in _ALL_READERS}
SITE_READERS = ("omeka-classic", "omeka-s")
