"""Values: types, links, tables, filters, and what goes together."""

from __future__ import annotations

from typing import Any

import pytest

from service.control.model import (
    Annotation,
    BooleanType,
    Constant,
    DateFilter,
    DatetimeType,
    Destination,
    Expression,
    FieldName,
    Find,
    Format,
    Link,
    MappedReference,
    MappingTable,
    OmekaType,
    PlainType,
    Prefix,
    Replace,
    SimpleFilter,
    Source,
    Split,
    Suffix,
    Term,
    ValueMap,
    ValueSpec,
)
from service.control.names_used import names_used
from service.control.pictures import names_pictures
from tests.unit.control.making import compiled, only, told, version_1, warned

ARTIST = {"item:artist": {"source": "aid", "by": "dcterms:identifier", "scope": "artists"}}


def value(**keys: Any) -> ValueSpec:
    made: ValueSpec = only({"source": "a", "name": "dcterms:title", **keys}).value
    return made


def wrong(*, root: dict[str, Any] | None = None, **keys: Any) -> list[str]:
    return told({"source": "a", "name": "dcterms:title", **keys}, **(root or {}))


def test_the_whole_way_of_a_value() -> None:
    made = value(
        split="; ",
        escape="\\",
        brackets=True,
        mapInputValue={"x": "y", "": None},
        unmapped="reject",
        filters=["trim"],
        default="none",
        blank="clear",
        language={"source": "lang"},
        public=False,
        annotation={"dcterms:source": {"expression": "ref"}, "dcterms:type": "note", "comment": "why"},
        unique=True,
    )
    assert made == ValueSpec(
        Source("a"),
        split=Split("; ", "\\", brackets=True),
        map=ValueMap({"x": "y", "": None}, unmapped="reject"),
        filters=(SimpleFilter("trim"),),
        has_default=True,
        default="none",
        blank="clear",
        language=Source("lang"),
        public=False,
        annotations=(
            Annotation(
                Term("dcterms:source"),
                ValueSpec(Expression("ref"), pointer="/instructions/1/annotation/dcterms:source"),
            ),
            Annotation(
                Term("dcterms:type"),
                ValueSpec(Constant("note"), pointer="/instructions/1/annotation/dcterms:type"),
            ),
        ),
        unique=True,
        pointer="/instructions/1",
    )


@pytest.mark.parametrize(
    ("keys", "spec"),
    [
        ({}, PlainType("literal")),
        ({"type": "html"}, PlainType("html")),
        ({"type": "uri", "label": "Tate"}, PlainType("uri")),
        ({"type": "resource"}, PlainType("resource")),
        ({"type": "integer"}, PlainType("integer")),
        (
            {"type": "boolean", "trueValue": "yes", "falseValue": ["no", ""]},
            BooleanType(("yes",), ("no", "")),
        ),
        ({"trueValue": ["Y"]}, BooleanType(("Y",))),
        ({"dateFormat": "dd/MM/yyyy"}, DatetimeType("dd/MM/yyyy")),
        (
            {"type": "datetime", "dateFormat": "yyyy-MM-dd'T'HH:mm", "timeZone": "Europe/London"},
            DatetimeType("yyyy-MM-dd'T'HH:mm", "Europe/London"),
        ),
        ({"type": "numeric:interval"}, OmekaType("numeric:interval")),
        ({"type": "customvocab:Our Materials"}, OmekaType("customvocab:Our Materials")),
        (
            {"type": "valuesuggest:lc:subjects", "label": {"source": "b"}},
            OmekaType("valuesuggest:lc:subjects"),
        ),
        ({"type": "geography:coordinates"}, OmekaType("geography:coordinates")),
    ],
)
def test_types(keys: dict[str, Any], spec: object) -> None:
    assert value(**keys).type == spec


@pytest.mark.parametrize(
    ("name", "spec"),
    [("public", BooleanType()), ("featured", BooleanType()), ("item-set", PlainType())],
)
def test_a_field_has_its_own_type(name: str, spec: object) -> None:
    assert only({"source": "a", "name": name}).value.type == spec


@pytest.mark.parametrize(
    ("link", "made"),
    [
        (
            {"to": "item:artist"},
            Link(Destination("item:artist", "item"), (Term("dcterms:identifier"),), "artists"),
        ),
        (
            {"to": "item:artist", "scope": ""},
            Link(Destination("item:artist", "item"), (Term("dcterms:identifier"),), ""),
        ),
        (
            {"to": "item-set", "by": ["dcterms:title", "dcterms:date"]},
            Link(Destination("item-set", "item-set"), (Term("dcterms:title"), Term("dcterms:date"))),
        ),
        ({"to": "item", "by": "id"}, Link(Destination("item", "item"), by_number=True)),
    ],
)
def test_links(link: dict[str, Any], made: Link) -> None:
    root = {"match": {**version_1()["match"], **ARTIST}}
    spec = only({"source": "a", "name": "dcterms:creator", "link": link}, **root).value
    assert spec.type == PlainType("resource")
    assert spec.link == Link(made.to, made.by, made.scope, made.by_number, pointer="/instructions/1/link")


def test_a_link_takes_alternatives_from_its_match() -> None:
    match = {"item": {"source": "i", "by": {"any": ["dcterms:identifier", "bibo:isbn"]}}}
    spec = only({"source": "a", "name": "dcterms:relation", "link": {"to": "item"}}, match=match).value
    assert (spec.link.by, spec.link.any_of) == ((Term("dcterms:identifier"), Term("bibo:isbn")), True)


def test_otherwise_inherits_what_it_leaves_out() -> None:
    made = only(
        {
            "source": "id",
            "name": "dcterms:creator",
            "split": ";",
            "filters": ["upper"],
            "type": "resource",
            "link": {"to": "item:artist"},
            "otherwise": {"source": "mda", "type": "literal", "language": "en"},
        },
        match=ARTIST,
        instructions=[
            {"action": "new", "destination": "item:artist"},
            {
                "source": "id",
                "destination": "item:artist",
                "name": "dcterms:creator",
                "split": ";",
                "filters": ["upper"],
                "type": "resource",
                "link": {"to": "item:artist"},
                "otherwise": {"source": "mda", "type": "literal", "language": "en"},
            },
        ],
    ).value
    assert made.otherwise == ValueSpec(
        Source("mda"),
        split=Split(";"),
        filters=(SimpleFilter("upper"),),
        language="en",
        pointer="/instructions/1/otherwise",
    )


def test_what_an_otherwise_inherits_and_cannot_use_falls_away() -> None:
    made = value(type="uri", label="Tate", otherwise={"type": "literal"})
    assert made.otherwise is not None
    assert (made.label, made.otherwise.label, made.otherwise.type) == ("Tate", None, PlainType())


def test_an_item_set_may_be_created() -> None:
    made = only({"source": "s", "name": "item-set", "otherwise": "create"}).value
    assert (made.create_missing, made.otherwise) == (True, None)


def test_tables_by_name() -> None:
    tables = {
        "rights": {"PD": "Public domain"},
        "sets": {"using": "title", "types": ["item-set"], "values": {"a": "A"}},
    }
    assert value_with(tables, mapInputValue="rights").map == ValueMap({"PD": "Public domain"})
    assert value_with(tables, refMapping="sets").type == MappedReference(
        MappingTable("sets", {"a": "A"}, "title", ("item-set",), "/mapping/sets")
    )


def value_with(tables: dict[str, Any], **keys: Any) -> ValueSpec:
    made: ValueSpec = only({"source": "a", "name": "dcterms:rights", **keys}, mapping=tables).value
    return made


def test_attachments_are_found_by() -> None:
    control = compiled(
        version_1(
            {"action": "new", "destination": "media"},
            {"source": "f", "destination": "media", "name": "file", "findBy": "stem", "ignoreCase": True},
        )
    )
    assert control.instructions[2].value.find == Find("stem", ignore_case=True)  # type: ignore[union-attr]
    assert control.instructions[2].name == FieldName("file")  # type: ignore[union-attr]


def test_a_thumbnail_is_a_file_where_it_says_how_that_is_found() -> None:
    thumbnail = {"source": "f", "name": "thumbnail"}
    by_name = compiled(version_1(thumbnail))
    by_file = compiled(version_1({**thumbnail, "findBy": "path"}))
    assert by_name.instructions[1].value.find is None  # type: ignore[union-attr]
    assert by_file.instructions[1].value.find == Find("path")  # type: ignore[union-attr]
    assert [names_pictures(one) for one in (by_name, by_file)] == [False, True]
    assert "assets" in names_used(by_file).coming
    assert "assets" not in names_used(by_name).coming
    assert told({**thumbnail, "ignoreCase": True}) == [
        '/instructions/1/ignoreCase: "ignoreCase" has no effect on a "thumbnail" without "findBy", which '
        "makes it a file."
    ]
    classic = told({**thumbnail, "findBy": "path"}, model="omeka-classic")
    assert any("thumbnail" in one for one in classic)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("collapse-space", SimpleFilter("collapse-space")),
        ("haplo:to-upper-case", SimpleFilter("upper")),
        ("haplo:to-lower-case", SimpleFilter("lower")),
        ("haplo:to-string", SimpleFilter("to-string")),
        ("haplo:fix-up-url", SimpleFilter("fix-up-url")),
        ("haplo:string-to-ref", SimpleFilter("string-to-ref")),
        ({"replace": {"pattern": "(a)(b)", "with": "\\2\\1"}}, Replace("(a)(b)", "\\2\\1")),
        ({"prefix": "N "}, Prefix("N ")),
        ({"suffix": ""}, Suffix("")),
        ({"format": "{value} ({unit}) {{x}}"}, Format((Source("value"), " (", Source("unit"), ") {x}"))),
        ("date", DateFilter()),
        (
            {
                "date": {
                    "order": "dmy",
                    "formats": ["dd.MM.yyyy"],
                    "circa": 10,
                    "none": ["n.d."],
                    "to": "interval",
                }
            },
            DateFilter("dmy", ("dd.MM.yyyy",), 10, ("n.d.",), "interval"),
        ),
    ],
)
def test_filters(given: Any, made: object) -> None:
    assert value(filters=[given]).filters == (made,)


AT = "/instructions/1"


@pytest.mark.parametrize(
    ("keys", "messages"),
    [
        (
            {"type": "text"},
            [f'{AT}/type: "text" is a type of Haplo. Here: `literal`, the type of every property.'],
        ),
        (
            {"type": "numeric:timestmp"},
            [f'{AT}/type: unknown type "numeric:timestmp": did you mean "numeric:timestamp"?'],
        ),
        ({"type": "customvocab:"}, [f'{AT}/type: "customvocab:" needs a name behind the colon.']),
        ({"type": "resource:item"}, [f'{AT}/type: say "resource", and what it is in its "link".']),
        ({"type": "datetime"}, [f'{AT}: the type "datetime" needs "dateFormat", such as "dd/MM/yyyy".']),
        (
            {"type": "uri", "dateFormat": "yyyy"},
            [f'{AT}/dateFormat: "dateFormat" belongs to the type "datetime", not to "uri".'],
        ),
        ({"dateFormat": "MM"}, [f'{AT}/dateFormat: "MM" has no year (yyyy).']),
        ({"dateFormat": "yyyy 'of"}, [f"{AT}/dateFormat: a single quote in the date pattern is not closed."]),
        (
            {"dateFormat": "yyyy", "timeZone": "Europe/Londn"},
            [f'{AT}/timeZone: unknown time zone "Europe/Londn": did you mean "Europe/London"?'],
        ),
        ({"label": "x"}, [f'{AT}/label: "label" belongs to the type "uri", or to a suggester\'s.']),
        ({"type": "integer", "language": "en"}, [f"{AT}/language: a value of this type has no language."]),
        (
            {"language": "in English"},
            [f'{AT}/language: "in English" is no language tag such as en or pt-BR.'],
        ),
        ({"escape": "\\"}, [f'{AT}/escape: "escape" has no effect without "split".']),
        ({"unmapped": "drop"}, [f'{AT}/unmapped: "unmapped" has no effect without "mapInputValue".']),
        (
            {"mapInputValue": {}, "mapInputValueDefault": "x", "unmapped": "drop"},
            [f'{AT}/unmapped: "unmapped" has no effect beside "mapInputValueDefault".'],
        ),
        ({"mapInputValue": "rigths"}, [f'{AT}/mapInputValue: unknown mapping "rigths".']),
        ({"refMapping": "sets"}, [f'{AT}/refMapping: unknown mapping "sets".']),
        (
            {"findBy": "stem"},
            [f'{AT}/findBy: "findBy" belongs to the names "file" and "thumbnail", not to "dcterms:title".'],
        ),
        (
            {"otherwise": "create"},
            [f'{AT}/otherwise: "otherwise": "create" makes item sets; "dcterms:title" needs a value.'],
        ),
        ({"otherwise": {}}, [f"{AT}/otherwise: it says nothing, so it would fail in the same way."]),
        (
            {"otherwise": {"name": "dcterms:date"}},
            [f'{AT}/otherwise/name: unknown key "name" in a value. Allowed: '],
        ),
        (
            {"name": "tags", "language": "en"},
            [f'{AT}/language: "language" belongs to properties, not to "tags".'],
        ),
        (
            {"name": "public", "type": "literal"},
            [f'{AT}/type: "public" takes no value of the type "literal", only boolean.'],
        ),
        (
            {"annotation": {"Source": "x"}},
            [f'{AT}/annotation/Source: "Source" is no term such as dcterms:title.'],
        ),
        (
            {"annotation": {"dcterms:source": {"type": "uri"}}},
            [f'{AT}/annotation/dcterms:source: an annotation needs "source", "expression" or "value".'],
        ),
        ({"link": {"by": "id"}}, [f'{AT}/link: link needs "to", which must be a text.']),
        (
            {"link": {"to": "item:artist"}},
            [f'{AT}/link/to: nothing says by what "item:artist" is found: give it a "match", or'],
        ),
        (
            {"type": "literal", "link": {"to": "item"}},
            [f'{AT}/link: "link" belongs to the type "resource", not to "literal".'],
        ),
        ({"onUpdate": "append", "of": "ours"}, [f'{AT}/of: "of" says what "replace" replaces.']),
        (
            {"name": "tags", "of": "language"},
            [f'{AT}/of: "of": "language" belongs to properties, not to "tags".'],
        ),
        (
            {"filters": "trim"},
            [f"{AT}/filters: must be a list, each element a filter, by name or as an object, not the text"],
        ),
        ({"filters": ["trm"]}, [f'{AT}/filters/0: unknown filter "trm": did you mean "trim"?']),
        (
            {"filters": ["replace"]},
            [f'{AT}/filters/0: the filter "replace" has parameters: write {{"replace": …}}.'],
        ),
        (
            {"filters": [{"trim": True}]},
            [f'{AT}/filters/0/trim: the filter "trim" has no parameters: write "trim".'],
        ),
        (
            {"filters": [{}]},
            [f"{AT}/filters/0: an object of one filter with its parameters is needed, one of replace, "],
        ),
        ({"filters": [{"prefix": 1}]}, [f"{AT}/filters/0/prefix: must be a text, not 1."]),
        (
            {"filters": ["haplo:username-to-ref"]},
            [
                f'{AT}/filters/0: the filter "haplo:username-to-ref" is not taken over: '
                "Omeka's users have no user names; the field owner takes an e-mail address."
            ],
        ),
        (
            {"filters": [{"replace": {"pattern": "a(?=b)", "with": ""}}]},
            [
                f"{AT}/filters/0/replace/pattern: the pattern cannot be read: invalid perl operator: (?="
                " (look-around and back-references do not exist in linear-time expressions)."
            ],
        ),
        (
            {"filters": [{"replace": {"pattern": "a", "with": "\\1"}}]},
            [f"{AT}/filters/0/replace/with: \\1 names a group, but the pattern has 0."],
        ),
        (
            {"filters": [{"date": {"formats": ["YYYY"]}}]},
            [f"{AT}/filters/0/date/formats/0: the letter Y means nothing in a date"],
        ),
        (
            {"filters": [{"format": "{value"}]},
            [f'{AT}/filters/0/format: a brace in "{{value" is not closed or empty;'],
        ),
    ],
)
def test_what_does_not_fit_is_told(keys: dict[str, Any], messages: list[str]) -> None:
    got = wrong(**keys)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (" ", "must be a text, but it is blank."),
        ("a[", "the expression ends too early."),
        ("a = b", "the expression cannot be read at character 3: '= b'."),
        ("`abc`", "character 1: `abc` is not JSON; a text stands in single quotes: 'abc'."),
        ("splt(a, ',')", 'unknown function "splt": did you mean "split"?'),
        ("split(a)", 'the function "split" takes 2 arguments, here are 1.'),
        ("concat()", 'the function "concat" takes 1 or more arguments, here are 0.'),
        ("a[::0]", "a slice with the step 0 goes nowhere."),
        ("(" * 3_000, "the expression is nested too deeply."),
        ("a" * 4_001, "the expression has 4001 characters; at most 4000 are allowed."),
    ],
)
def test_expressions_are_checked(expression: str, message: str) -> None:
    assert told({"expression": expression, "name": "dcterms:title"}) == [f"{AT}/expression: {message}"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dcterms:titel", 'unknown term "dcterms:titel": did you mean "dcterms:title"?'),
        ("title", 'unknown name "title": did you mean "dcterms:title"?'),
        ("Date Created", 'unknown name "Date Created": did you mean "dcterms:created"?'),
        ("itemset", 'unknown name "itemset": did you mean "item-set"?'),
        ("file", '"file" is a name of "asset" and "media", not of "item".'),
        (
            "zzz",
            'unknown name "zzz". A destination "item" has public, featured, class, template, item-set, site,'
            " owner, tags, thumbnail or a term such as dcterms:title.",
        ),
        (
            "a b",
            'unknown name "a b". A destination "item" has public, featured, class, template, item-set,'
            " site, owner, tags, thumbnail or a term such as dcterms:title.",
        ),
        (":x", '":x" is no term such as dcterms:title.'),
    ],
)
def test_names_are_checked(name: str, message: str) -> None:
    assert told({"source": "a", "name": name}) == [f"{AT}/name: {message}"]


def test_a_prefix_that_is_nearly_one_of_omekas_is_a_warning() -> None:
    control = version_1({"source": "a", "name": "dc:title"}, {"source": "b", "name": "fooaf:name"})
    assert warned(control) == [
        f'{AT}/name: "dc:title": did you mean "dcterms:title"? The target decides.',
        '/instructions/2/name: "fooaf:name": did you mean "foaf:name"? The target decides.',
    ]


@pytest.mark.parametrize(
    ("model", "name", "messages"),
    [
        ("omeka-s", "tags", [f'{AT}/name: the name "tags" does not exist in the model "omeka-s".']),
        (
            "omeka-s",
            "Item Type Metadata:Text",
            [
                f'{AT}/name: "Item Type Metadata:Text" is no term; elements in full exist in the model'
                ' "omeka-classic" only.'
            ],
        ),
        (
            "omeka-classic",
            "template",
            [f'{AT}/name: the name "template" does not exist in the model "omeka-classic".'],
        ),
        ("omeka-classic", "Scripto:Transcription", []),
        ("omeka", "template", []),
    ],
)
def test_names_belong_to_models(model: str, name: str, messages: list[str]) -> None:
    assert told({"source": "a", "name": name}, model=model) == messages


def test_a_link_by_an_identity_of_several_parts_is_refused() -> None:
    match = {"item": {"source": ["a", "b"], "by": ["dcterms:identifier", "dcterms:source"]}}
    link = {"source": "x", "name": "dcterms:relation", "link": {"to": "item"}}
    assert told(link, match=match) == [
        '/instructions/1/link/to: "item" is known by dcterms:identifier and dcterms:source together, and a'
        ' link has one value: say with "by" which single property finds it.'
    ]
