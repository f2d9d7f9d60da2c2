"""Haplo's files: the same instructions, its own rules."""

from __future__ import annotations

from typing import Any

import pytest

from service.control.model import (
    Assign,
    BooleanType,
    Collected,
    DatetimeType,
    Destination,
    FieldName,
    JsonReader,
    Load,
    LoadKey,
    MappedReference,
    MappingTable,
    New,
    Part,
    PseudoValue,
    SimpleFilter,
    Source,
    Term,
    ValueMap,
    ValueSpec,
)
from tests.unit.control.making import compiled, parsed, said, version_0, version_1, warned

ITEM = Destination("item", "item")


def test_a_version_0_file_parses_to_the_same_classes() -> None:
    control = compiled(
        version_0(
            {
                "source": "type",
                "destination": "item",
                "name": "dcterms:type",
                "multivalue": True,
                "mapInputValue": {"a": "A"},
                "mapInputValueDefault": "?",
                "filters": ["haplo:to-upper-case"],
            },
            {"source": "d", "destination": "item", "name": "dcterms:date", "dateFormat": "dd/MM/yyyy"},
            {"source": "p", "destination": "item", "name": "public", "trueValue": "Y"},
            {"source": "s", "destination": "item", "name": "dcterms:isPartOf", "refMapping": "sets"},
            {"source": "n", "destination": "value:person-name", "name": "last"},
            {
                "action": "field-structured",
                "structured": "value:person-name",
                "destination": "item",
                "name": "dcterms:creator",
            },
            mapping={"sets": {"types": ["item-set"], "using": "title", "values": {"T": "Tate"}}},
        )
    )
    table = MappingTable("sets", {"T": "Tate"}, "title", ("item-set",), "/mapping/sets")
    person = PseudoValue("person-name")

    def value(number: int, given: Any, **keys: Any) -> ValueSpec:
        return ValueSpec(given, trim=False, skip_falsy=True, pointer=f"/instructions/{number}", **keys)

    def assign(number: int, name: Any, spec: ValueSpec, where: Any = ITEM, **keys: Any) -> Assign:
        return Assign(where, name, spec, pointer=f"/instructions/{number}", **keys)

    mapped = value(
        1,
        Source("type"),
        map=ValueMap({"a": "A"}, has_default=True, default="?"),
        filters=(SimpleFilter("upper"),),
    )
    assert (control.version, control.files[0].reader, control.files[0].required) == (0, JsonReader(), False)
    assert control.instructions == (
        New(ITEM, pointer="/instructions/0"),
        assign(1, Term("dcterms:type"), mapped, multivalue=True, on_update="append"),
        assign(2, Term("dcterms:date"), value(2, Source("d"), type=DatetimeType("dd/MM/yyyy"))),
        assign(3, FieldName("public"), value(3, Source("p"), type=BooleanType(("Y",)))),
        assign(4, Term("dcterms:isPartOf"), value(4, Source("s"), type=MappedReference(table))),
        assign(5, Part("last"), value(5, Source("n")), person),
        assign(6, Term("dcterms:creator"), value(6, Collected(person))),
    )


def test_loading_by_ref() -> None:
    control = compiled(
        version_0(
            instructions=[
                {
                    "source": "r",
                    "destination": "load:by-ref",
                    "name": "ref",
                    "filters": ["haplo:string-to-ref"],
                },
                {
                    "action": "load",
                    "destination": "item",
                    "using": "load:by-ref",
                    "otherwise": [{"action": "new", "destination": "item"}],
                },
            ]
        )
    )
    assert control.instructions[1] == Load(
        ITEM,
        LoadKey("load:by-ref", "ref", None),
        otherwise=(New(ITEM, pointer="/instructions/1/otherwise/0"),),
        pointer="/instructions/1",
    )


FIELD = {"source": "a", "destination": "item", "name": "dcterms:title"}


@pytest.mark.parametrize(
    ("keys", "at", "key"),
    [
        ({**FIELD, "language": "en"}, "/instructions/1/language", "language"),
        ({**FIELD, "comment": "x"}, "/instructions/1/comment", "comment"),
        ({**FIELD, "otherwise": {"source": "b"}}, "/instructions/1/otherwise", "otherwise"),
        (
            {"expression": "a", "destination": "item", "name": "dcterms:title"},
            "/instructions/1/expression",
            "expression",
        ),
        ({"action": "new", "destination": "item", "set": {}}, "/instructions/1/set", "set"),
    ],
)
def test_a_key_of_version_1_is_refused_by_name(keys: dict[str, Any], at: str, key: str) -> None:
    assert said(version_0(keys)) == [
        f'{at}: "{key}" belongs to version 1 of the language: set "dataImportControlFileVersion" to 1,'
        " or take it out."
    ]


@pytest.mark.parametrize(
    ("control", "messages"),
    [
        (
            version_0({"action": "skip", "message": "x"}),
            ['/instructions/1/action: the action "skip" belongs to version 1: set'],
        ),
        (
            version_0(files={"a": {"read": "csv"}}),
            ['/files/a/read: the reader "csv" belongs to version 1: set'],
        ),
        (version_0(files={"a*": {"read": "json"}}), ['/files/a*: globs such as "a*" belong to version 1.']),
        (version_0(visibility="public"), ['/visibility: "visibility" belongs to version 1 of the language']),
        (
            version_0({**FIELD, "filters": ["trim"]}),
            ['/instructions/1/filters/0: the filter "trim" belongs to version 1.'],
        ),
        (
            version_0({**FIELD, "filters": [{"prefix": "x"}]}),
            ["/instructions/1/filters/0: filters with parameters belong"],
        ),
        (
            version_0({**FIELD, "mapInputValue": "t"}),
            ["/instructions/1/mapInputValue: tables by name belong to version 1."],
        ),
        (
            version_0({"action": "new", "destination": "item:artist"}),
            ['/instructions/1/destination: labels such as "item:artist" belong to version 1; say "item".'],
        ),
        (
            version_0({"source": "a", "name": "dcterms:title"}),
            ['/instructions/1: "field" needs "destination"'],
        ),
        (version_0({"action": "load", "destination": "item"}), ['/instructions/1: "load" needs "using"']),
        (version_0(model="haplo:person"), ['/model: unknown model "haplo:person".']),
        (
            version_0({**FIELD, "filters": ["haplo:code-to-ref"]}),
            ['/instructions/1/filters/0: the filter "haplo:code-to-ref"'],
        ),
        (
            version_0({**FIELD, "qualifier": "x"}),
            ['/instructions/1/qualifier: "qualifier" is not taken over'],
        ),
        (
            version_0(mapping={"m": {"using": "behaviour", "types": [], "values": {}}}),
            ['/mapping/m/using: "behaviour" is not taken over'],
        ),
        (
            version_0(mapping={"m": {"a": "b"}}),
            ['/mapping/m: a mapping needs "using"', '/mapping/m: a mapping needs "values"'],
        ),
    ],
)
def test_what_version_0_does_not_have_is_refused(control: dict[str, Any], messages: list[str]) -> None:
    got = said(control)
    assert [one[: len(message)] for one, message in zip(got, messages, strict=True)] == messages


def test_unknown_keys_are_warned_of_and_ignored() -> None:
    with_unknown = version_0({**FIELD, "colour": "red"}, note="mine")
    assert compiled(with_unknown).instructions == compiled(version_0(FIELD)).instructions
    assert [one for one in warned(with_unknown) if "unknown key" in one] == [
        '/note: unknown key "note" in the control file. Allowed: dataImportControlFileVersion, files,'
        " instructions, mapping, model, recordProcessor. It is ignored.",
        '/instructions/1/colour: unknown key "colour" in "field". Allowed: action, dateFormat, destination,'
        " falseValue, filters, mapInputValue, mapInputValueDefault, multivalue, name, refMapping, source,"
        " trueValue. It is ignored.",
    ]


def test_what_running_it_twice_does_and_who_will_see_it_is_warned_of() -> None:
    assert warned(version_0()) == [
        '/instructions/0: "item" has no identity, so running this twice creates everything twice;'
        ' version 1 of the language has "match" for that.',
        "nothing says whether item will be public: they are created private, on no site."
        ' Set the name "public".',
    ]


def test_contradictions_that_haplo_ignored_are_warned_of() -> None:
    control = version_0({**FIELD, "mapInputValueDefault": "x"})
    assert warned(control)[0] == (
        '/instructions/1/mapInputValueDefault: "mapInputValueDefault" has no effect without "mapInputValue".'
    )


def test_the_same_file_in_version_1_differs_only_where_the_versions_do() -> None:
    old, new = compiled(version_0(FIELD)), parsed(version_1(FIELD)).control
    assert new is not None
    one, other = old.instructions[1], new.instructions[1]
    assert isinstance(one, Assign)
    assert isinstance(other, Assign)
    assert (one.value.trim, one.value.skip_falsy) == (False, True)
    assert (other.value.trim, other.value.skip_falsy) == (True, False)
    assert (one.destination, one.name, one.value.input) == (other.destination, other.name, other.value.input)
