"""Each action, as it is compiled."""

from __future__ import annotations

import pytest

from service.control.model import (
    AbortRecord,
    AssertDestination,
    Assign,
    BooleanType,
    Collected,
    Constant,
    Delete,
    Destination,
    Element,
    Expression,
    FieldName,
    ForEach,
    IfExists,
    IfHasValue,
    IfValueOneOf,
    Load,
    LoadKey,
    LogError,
    Match,
    New,
    OmekaType,
    Part,
    PseudoValue,
    RemoveValues,
    Skip,
    Source,
    Split,
    Term,
    ValueSpec,
    Within,
)
from tests.unit.control.making import compiled, instructions, only, told, version_1

ITEM = Destination("item", "item")
MATCH = Match(ITEM, (Term("dcterms:identifier"),), inputs=(Source("id"),), pointer="/match/item")
TITLE = Term("dcterms:title")
SET_TITLE = {"source": "t", "name": "dcterms:title"}


def title(pointer: str, **settings: object) -> Assign:
    return Assign(ITEM, TITLE, ValueSpec(Source("t"), pointer=pointer), pointer=pointer, **settings)  # type: ignore[arg-type]


def test_field_is_the_action_when_none_is_said() -> None:
    assert only(SET_TITLE) == title("/instructions/1")
    assert only({"action": "field", **SET_TITLE}) == title("/instructions/1")


def test_field_takes_an_expression() -> None:
    assert only({"expression": "a.b", "name": "public"}) == Assign(
        ITEM,
        FieldName("public"),
        ValueSpec(Expression("a.b"), type=BooleanType(), pointer="/instructions/1"),
        pointer="/instructions/1",
    )


def test_set_value_is_a_constant() -> None:
    assert only({"action": "set-value", "name": "tags", "value": ["a", "b"]}) == Assign(
        ITEM,
        FieldName("tags"),
        ValueSpec(Constant(["a", "b"]), pointer="/instructions/1"),
        of="ours",
        pointer="/instructions/1",
    )


def test_field_structured_takes_what_was_collected() -> None:
    uri = PseudoValue("uri")
    made = instructions(
        {"source": "u", "destination": "value:uri", "name": "uri"},
        {"action": "set-value", "destination": "value:uri", "name": "label", "value": "Tate"},
        {"action": "field-structured", "structured": "value:uri", "name": "dcterms:source", "public": False},
    )
    assert made == (
        Assign(
            uri, Part("uri"), ValueSpec(Source("u"), pointer="/instructions/1"), pointer="/instructions/1"
        ),
        Assign(
            uri,
            Part("label"),
            ValueSpec(Constant("Tate"), pointer="/instructions/2"),
            pointer="/instructions/2",
        ),
        Assign(
            ITEM,
            Term("dcterms:source"),
            ValueSpec(Collected(uri), public=False, pointer="/instructions/3"),
            pointer="/instructions/3",
        ),
    )


def test_remove_values() -> None:
    assert only({"action": "remove-values", "name": "dcterms:title"}) == RemoveValues(
        ITEM, TITLE, pointer="/instructions/1"
    )


def test_conditions() -> None:
    made = instructions(
        {"action": "if-exists", "source": "a", "then": [SET_TITLE]},
        {"action": "if-exists", "expression": "a.b", "else": [SET_TITLE]},
        {
            "action": "if-value-one-of",
            "source": "a",
            "values": ["x", 1, None],
            "then": [],
            "else": [SET_TITLE],
        },
        {"action": "if-has-value", "name": "dcterms:date", "then": [SET_TITLE]},
    )
    assert made == (
        IfExists(Source("a"), (title("/instructions/1/then/0"),), pointer="/instructions/1"),
        IfExists(Expression("a.b"), (), (title("/instructions/2/else/0"),), pointer="/instructions/2"),
        IfValueOneOf(
            Source("a"), ("x", 1, None), (), (title("/instructions/3/else/0"),), pointer="/instructions/3"
        ),
        IfHasValue(ITEM, Term("dcterms:date"), (title("/instructions/4/then/0"),), pointer="/instructions/4"),
    )


def test_contexts() -> None:
    again = {**SET_TITLE, "multivalue": True}
    made = instructions(
        {"action": "within", "source": "a", "instructions": [SET_TITLE]},
        {"action": "for-each", "source": "b", "wrapValues": True, "instructions": [again]},
        {"action": "for-each", "split": {"Artists": "; ", "Roles": "; "}, "instructions": [again]},
        {"action": "for-each", "split": {"A": "|"}, "brackets": True, "escape": "!", "instructions": [again]},
    )
    assert made == (
        Within(Source("a"), (title("/instructions/1/instructions/0"),), pointer="/instructions/1"),
        ForEach(
            Source("b"),
            (title("/instructions/2/instructions/0", multivalue=True),),
            wrap_values=True,
            pointer="/instructions/2",
        ),
        ForEach(
            None,
            (title("/instructions/3/instructions/0", multivalue=True),),
            split=(("Artists", Split("; ")), ("Roles", Split("; "))),
            pointer="/instructions/3",
        ),
        ForEach(
            None,
            (title("/instructions/4/instructions/0", multivalue=True),),
            split=(("A", Split("|", "!", brackets=True)),),
            pointer="/instructions/4",
        ),
    )


def test_new_has_its_match_and_its_constants() -> None:
    control = compiled(
        version_1(
            instructions=[{"action": "new", "set": {"class": "dctype:Image", "comment": "the same for all"}}]
        )
    )
    constant = Assign(
        ITEM,
        FieldName("class"),
        ValueSpec(Constant("dctype:Image"), pointer="/instructions/0/set/class"),
        pointer="/instructions/0/set/class",
    )
    assert control.instructions == (New(ITEM, MATCH, (constant,), pointer="/instructions/0"),)


def test_load_by_match_or_by_what_was_collected() -> None:
    made = instructions(
        {"action": "load"},
        {"source": "r", "destination": "load:by-bibo:isbn", "name": "bibo:isbn"},
        {
            "action": "load",
            "using": "load:by-bibo:isbn",
            "otherwise": [{"action": "skip", "message": "new book"}],
        },
    )
    key = LoadKey("load:by-bibo:isbn", "bibo:isbn", Term("bibo:isbn"))
    assert made[0] == Load(ITEM, match=MATCH, pointer="/instructions/1")
    assert made[2] == Load(
        ITEM,
        key,
        otherwise=(Skip("new book", pointer="/instructions/3/otherwise/0"),),
        pointer="/instructions/3",
    )


def test_what_ends_logs_and_asserts() -> None:
    made = instructions(
        {"action": "assert-destination", "exists": True},
        {"action": "log-error", "message": "odd"},
        {"action": "if-exists", "source": "a", "then": [{"action": "skip", "message": "done"}]},
        {"action": "if-exists", "source": "b", "then": [{"action": "abort-record", "message": "bad"}]},
        {"action": "delete", "onError": "stop"},
    )
    assert made == (
        AssertDestination(ITEM, True, pointer="/instructions/1"),
        LogError("odd", pointer="/instructions/2"),
        IfExists(Source("a"), (Skip("done", pointer="/instructions/3/then/0"),), pointer="/instructions/3"),
        IfExists(
            Source("b"), (AbortRecord("bad", pointer="/instructions/4/then/0"),), pointer="/instructions/4"
        ),
        Delete(ITEM, "stop", pointer="/instructions/5"),
    )


def test_on_error_is_handed_down_until_something_else_is_said() -> None:
    inner = {
        "action": "if-exists",
        "source": "b",
        "then": [{**SET_TITLE, "onError": "drop"}],
        "else": [SET_TITLE],
    }
    outer = only({"action": "within", "source": "a", "onError": "stop", "instructions": [inner]})
    (nested,) = outer.instructions
    assert (outer.on_error, nested.on_error) == ("stop", "stop")
    assert (nested.then[0].on_error, nested.orelse[0].on_error) == ("drop", "stop")


def test_the_short_form_stands_for_fields_that_append() -> None:
    made = instructions(
        {
            "action": "fields",
            "fields": {
                "Title": "dcterms:title @en",
                "Subjects": {"name": "dcterms:subject", "split": ";", "onError": "drop"},
                "Maker": ["dcterms:creator", {"name": "dcterms:contributor"}],
                "Made": "dcterms:date ^^numeric:timestamp §private",
                "Material": "dcterms:medium ^^customvocab:Our Materials @en-GB",
                "Text": "Item Type Metadata:Text",
                "Shown": "public",
            },
        }
    )
    at = "/instructions/1/fields"

    def entry(name: object, column: str, place: str, multivalue: bool = True, **value: object) -> Assign:
        on_error = "drop" if column == "Subjects" else None
        spec = ValueSpec(Source(column), pointer=f"{at}/{place}", **value)  # type: ignore[arg-type]
        return Assign(ITEM, name, spec, multivalue=multivalue, on_error=on_error, pointer=f"{at}/{place}")  # type: ignore[arg-type]

    assert made == (
        entry(TITLE, "Title", "Title", language="en"),
        entry(Term("dcterms:subject"), "Subjects", "Subjects", split=Split(";")),
        entry(Term("dcterms:creator"), "Maker", "Maker/0"),
        entry(Term("dcterms:contributor"), "Maker", "Maker/1"),
        entry(Term("dcterms:date"), "Made", "Made", type=OmekaType("numeric:timestamp"), public=False),
        entry(
            Term("dcterms:medium"),
            "Material",
            "Material",
            type=OmekaType("customvocab:Our Materials"),
            language="en-GB",
        ),
        entry(Element("Item Type Metadata", "Text"), "Text", "Text"),
        entry(FieldName("public"), "Shown", "Shown", multivalue=False, type=BooleanType()),
    )


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (7, "/instructions/1: an instruction is an object, not 7."),
        ({"action": 7}, "/instructions/1/action: must be the name of an action, not 7."),
        ({"action": "feild"}, '/instructions/1/action: unknown action "feild": did you mean "field"?'),
        (
            {"action": "set-attribute-group"},
            '/instructions/1/action: the action "set-attribute-group" is not taken over:'
            " Omeka has no attribute groups; use an annotation or a resource of its own.",
        ),
        ({"name": "dcterms:title"}, '/instructions/1: "field" needs "source" or "expression".'),
        ({"source": "a"}, '/instructions/1: "field" needs "name", which must be a text.'),
        (
            {"source": "a", "expression": "b", "name": "dcterms:title"},
            '/instructions/1: "source" and "expression" exclude each other; keep one.',
        ),
        (
            {"source": "a", "name": "dcterms:title", "lang": "en"},
            '/instructions/1/lang: unknown key "lang" in "field": did you mean "language"?',
        ),
        (
            {"source": "a", "name": "dcterms:title", "multivalue": "yes"},
            '/instructions/1/multivalue: must be true or false, not the text "yes".',
        ),
        (
            {"source": "a", "name": "dcterms:title", "qualifier": "q"},
            '/instructions/1/qualifier: "qualifier" is not taken over: Haplo\'s qualifiers have no'
            " counterpart in Omeka; use another property, or an annotation.",
        ),
        (
            {"action": "set-value", "name": "class", "value": ["a", "b"]},
            '/instructions/1: "class" holds one value, not a list.',
        ),
        (
            {"source": "a", "name": "class", "multivalue": True},
            '/instructions/1/multivalue: "class" holds one value.',
        ),
        (
            {"action": "field-structured", "structured": "value:url", "name": "dcterms:source"},
            '/instructions/1/structured: unknown pseudo-destination "value:url": did you mean "value:uri"?',
        ),
        (
            {"action": "field-structured", "structured": "value:postal-address", "name": "dcterms:source"},
            '/instructions/1/structured: "value:postal-address" is not taken over: Omeka has no such type;'
            " write it as text, or its place as geolocation.",
        ),
        (
            {"action": "for-each", "source": "a", "instructions": {"x": 1}},
            "/instructions/1/instructions: must be a list of instructions, not an object.",
        ),
        (
            {"action": "for-each", "source": "a", "split": {"x": ";"}, "instructions": []},
            '/instructions/1: "source" and "split" exclude each other; keep one.',
        ),
        (
            {"action": "for-each", "source": "a", "brackets": True, "instructions": []},
            '/instructions/1/brackets: "brackets" has no effect without "split".',
        ),
        (
            {"action": "skip"},
            '/instructions/1: "skip" needs "message", which must be a text or an object with "source" or '
            '"expression".',
        ),
        (
            {"action": "new", "destination": "value:uri"},
            '/instructions/1/destination: "value:uri" collects values; it is no resource.',
        ),
        (
            {"action": "new", "destination": "collection"},
            '/instructions/1/destination: unknown destination "collection": did you mean "item-set"?',
        ),
        (
            {"action": "new", "destination": "item:a b"},
            '/instructions/1/destination: "a b" is no label: letters, digits, . _ - up to 63 of them,'
            " such as item:artist.",
        ),
        (
            {"action": "load", "destination": "item-set"},
            '/instructions/1: nothing says which "item-set" is meant: give it a "match", or say "using".',
        ),
        (
            {"action": "load", "using": "load:by-identifer"},
            '/instructions/1/using: "load:by-identifer" loads nothing: did you mean "load:by-identifier"?',
        ),
        (
            {"action": "fields", "fields": {"A": "dcterms:title §hidden"}},
            '/instructions/1/fields/A: unknown mark behind §: "hidden". Allowed: private, public.',
        ),
        (
            {"action": "fields", "fields": {"A": {"name": "dcterms:title", "source": "B"}}},
            '/instructions/1/fields/A/source: unknown key "source" in a value of fields. Allowed: ',
        ),
        (
            {"action": "new", "set": {"titel": "x"}},
            '/instructions/1/set/titel: unknown name "titel": did you mean "dcterms:title"?',
        ),
        (
            {"source": "TODO: which column?", "name": "dcterms:title"},
            '/instructions/1/source: "TODO: which column?" is still to be decided; put the right value here.',
        ),
        (
            {"source": "A", "name": "TODO: dcterms:title?"},
            '/instructions/1/name: "TODO: dcterms:title?" is still to be decided; put the right value here.',
        ),
    ],
)
def test_what_is_wrong_with_an_instruction_is_told(instruction: object, message: str) -> None:
    messages = told(instruction)
    assert [one for one in messages if one.startswith(message)] == messages


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    messages = told({"action": "feild"}, {"source": "a", "name": "dcterms:titel"}, 7, visibility="pubic")
    assert messages == [
        '/visibility: unknown visibility "pubic": did you mean "public"? Allowed: public, private.',
        '/instructions/1/action: unknown action "feild": did you mean "field"?',
        '/instructions/2/name: unknown term "dcterms:titel": did you mean "dcterms:title"?',
        "/instructions/3: an instruction is an object, not 7.",
    ]


def test_endless_problems_end() -> None:
    messages = told(*[{"action": f"wrong{number}"} for number in range(900)])
    assert len(messages) == 501
    assert messages[-1] == "400 more problems are not shown; correct these first."
