"""Instructions: what a record becomes, as whole drafts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.helpers import NEW, codes, mapped, mapper, only_problem, texts, values
from worker.records import Draft, Fields, Identity, Mapped, MediaSource, Problem, Property, Row, Value

TITLE = {"source": "title", "name": "dcterms:title"}


def test_a_record_becomes_a_draft() -> None:
    result = mapped([NEW, {"source": "title", "name": "dcterms:title", "language": "en"}], {"title": "Tree"})
    title = Property("dcterms:title", (Value("literal", "Tree", language="en"),), pointer="/instructions/1")
    assert result == Mapped("data0", 7, (Draft("item", "item", 0, properties=(title,)),))


def test_set_gives_constants() -> None:
    new = {
        "action": "new",
        "destination": "item",
        "set": {"item-set": ["A", "B"], "class": "dctype:Image", "public": False},
    }
    (draft,) = mapped([new], {}).drafts
    assert draft.fields == Fields(
        public=False, resource_class="dctype:Image", item_sets=("A", "B"), of={"item-set": "ours"}
    )


def test_several_resources_of_a_kind_have_labels() -> None:
    instructions = [
        {"action": "new", "destination": "item:artist"},
        {"source": "artist", "destination": "item:artist", "name": "dcterms:title"},
        {"action": "new", "destination": "item"},
        TITLE,
    ]
    drafts = mapped(instructions, {"artist": "Blake", "title": "Tree"}).drafts
    assert [(d.destination, d.ordinal, d.properties[0].values[0].text) for d in drafts] == [
        ("item:artist", 0, "Blake"),
        ("item", 1, "Tree"),
    ]


def test_new_in_a_for_each_makes_one_resource_a_turn() -> None:
    instructions = [
        {
            "action": "for-each",
            "source": "works",
            "instructions": [NEW, {"source": "t", "name": "dcterms:title"}],
        }
    ]
    drafts = mapped(instructions, {"works": [{"t": "A"}, {"t": "B"}]}).drafts
    assert [(d.ordinal, d.properties[0].values[0].text) for d in drafts] == [(0, "A"), (1, "B")]


def test_media_belongs_to_the_current_item_of_the_record() -> None:
    instructions = [
        {"action": "new", "destination": "item:artist"},
        NEW,
        TITLE,
        {"action": "for-each", "source": "scans", "instructions": [
            {"action": "new", "destination": "media"},
            {"source": "u", "destination": "media", "name": "url"},
            {"source": "t", "destination": "media", "name": "dcterms:title"},
        ]},
    ]  # fmt: skip
    scans = [{"u": "https://example.org/1.jpg", "t": "Recto"}, {"u": "https://example.org/2.jpg"}]
    drafts = mapped(instructions, {"title": "Tree", "scans": scans}).drafts
    pointer = "/instructions/3/instructions/2"
    assert drafts[2:] == (
        Draft(
            "media",
            "media",
            2,
            item=1,
            properties=(Property("dcterms:title", (Value("literal", "Recto"),), pointer=pointer),),
            source=MediaSource("url", "https://example.org/1.jpg"),
        ),
        Draft("media", "media", 3, item=1, source=MediaSource("url", "https://example.org/2.jpg")),
    )


def test_media_without_an_item_is_an_error() -> None:
    instructions = [
        {"action": "if-exists", "source": "never", "then": [NEW]},
        {"action": "new", "destination": "media"},
        {"source": "html", "destination": "media", "name": "html"},
    ]
    assert codes(mapped(instructions, {"html": "<p>x</p>"})) == [("reject", "media-without-item")]


def test_a_new_media_needs_one_source() -> None:
    media = {"action": "new", "destination": "media"}
    url = {"source": "u", "destination": "media", "name": "url"}
    html = {"source": "h", "destination": "media", "name": "html"}
    fields = {"u": "https://example.org/1.jpg", "h": "<p>x</p>"}
    assert codes(mapped([NEW, media, url], {})) == [("reject", "media-without-source")]
    assert codes(mapped([NEW, media, url, html], fields)) == [("reject", "media-two-sources")]


def test_an_address_that_cannot_be_fetched_is_refused() -> None:
    media = {"action": "new", "destination": "media"}
    url = {"source": "u", "destination": "media", "name": "url"}
    assert codes(mapped([NEW, media, url], {"u": "file:///etc/passwd"}))[0] == ("reject", "not-a-uri")


def test_a_value_without_a_resource_is_told_once() -> None:
    then = {"action": "if-exists", "source": "never", "then": [NEW]}
    result = mapped([then, TITLE, {"source": "b", "name": "dcterms:date"}], {"title": "Tree", "b": "1920"})
    assert [problem.code for problem in result.problems] == ["no-current-resource"]
    assert only_problem(result).message == (
        "dcterms:title has nowhere to go: this record has no item yet. Put "
        '{"action": "new", "destination": "item"} before it.'
    )


# --- conditions -----------------------------------------------------------------------------------


def chosen(condition: dict[str, Any], fields: dict[str, Any]) -> str | None:
    branches = {
        "then": [{"action": "set-value", "destination": "item", "name": "dcterms:title", "value": "then"}],
        "else": [{"action": "set-value", "destination": "item", "name": "dcterms:title", "value": "else"}],
    }
    return texts(mapped([NEW, {"source": "d", "name": "dcterms:date"}, condition | branches], fields))[0]


@pytest.mark.parametrize(("fields", "branch"), [({"a": None}, "then"), ({"a": ""}, "then"), ({}, "else")])
def test_if_exists_asks_for_the_key(fields: dict[str, Any], branch: str) -> None:
    assert chosen({"action": "if-exists", "source": "a"}, fields) == branch


@pytest.mark.parametrize(("fields", "branch"), [({"a": 0}, "then"), ({"a": None}, "else"), ({}, "else")])
def test_if_exists_by_expression_asks_for_a_value(fields: dict[str, Any], branch: str) -> None:
    assert chosen({"action": "if-exists", "expression": "a"}, fields) == branch


@pytest.mark.parametrize(
    ("value", "branch"),
    [("x", "then"), (1, "then"), (True, "else"), ("1", "else"), (1.0, "then"), (None, "else")],
)
def test_if_value_one_of_is_exact(value: Any, branch: str) -> None:
    assert chosen({"action": "if-value-one-of", "source": "a", "values": ["x", 1]}, {"a": value}) == branch


@pytest.mark.parametrize(("fields", "branch"), [({"d": "1920"}, "then"), ({"d": ""}, "else")])
def test_if_has_value_asks_what_the_record_has_given(fields: dict[str, Any], branch: str) -> None:
    condition = {"action": "if-has-value", "destination": "item", "name": "dcterms:date"}
    assert chosen(condition, fields) == branch


# --- contexts -------------------------------------------------------------------------------------


def test_within_goes_into_an_object() -> None:
    inner = {"source": "a", "name": "dcterms:title"}
    within = {"action": "within", "source": "o", "instructions": [inner]}
    assert texts(mapped([NEW, within], {"o": {"a": "A"}, "a": "outer"})) == ["A"]
    assert texts(mapped([NEW, within], {"a": "outer"})) == []
    assert codes(mapped([NEW, within], {"o": [{"a": "A"}]})) == [("reject", "within-not-an-object")]


EACH = {"source": "a", "name": "dcterms:title", "multivalue": True}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [([{"a": "1"}, {"a": "2"}], ["1", "2"]), ({"a": "1"}, ["1"]), (None, []), ([], []), ("", [])],
)
def test_for_each_runs_once_an_element(elements: Any, expected: list[str]) -> None:
    loop = {"action": "for-each", "source": "o", "instructions": [EACH]}
    assert texts(mapped([NEW, loop], {"o": elements})) == expected


def test_for_each_wraps_plain_values() -> None:
    inner = {"source": "value", "name": "dcterms:title", "multivalue": True}
    loop = {"action": "for-each", "source": "o", "wrapValues": True, "instructions": [inner]}
    assert texts(mapped([NEW, loop], {"o": ["a", "b"]})) == ["a", "b"]


def test_a_plain_element_is_the_context_of_an_expression() -> None:
    inner = {"expression": "concat(@, ' of ', record().n)", "name": "dcterms:title", "multivalue": True}
    loop = {"action": "for-each", "source": "o", "instructions": [inner]}
    assert texts(mapped([NEW, loop], {"o": ["a", "b"], "n": 2})) == ["a of 2", "b of 2"]


PARALLEL = {
    "action": "for-each",
    "split": {"Artists": "; ", "Roles": "; "},
    "instructions": [
        {"expression": "concat(Artists, ' (', Roles, ')')", "name": "dcterms:creator", "multivalue": True}
    ],
}


def test_split_makes_parallel_columns_one_object_a_turn() -> None:
    result = mapped([NEW, PARALLEL], {"Artists": "Blake; Turner", "Roles": "painter; engraver"})
    assert texts(result, "dcterms:creator") == ["Blake (painter)", "Turner (engraver)"]


def test_parallel_columns_that_do_not_go_together_are_told_with_their_counts() -> None:
    result = mapped([NEW, PARALLEL], {"Artists": "Blake; Turner", "Roles": "painter"})
    assert (result.row, only_problem(result).code) == (7, "for-each-uneven")
    assert only_problem(result).message == (
        "The columns of for-each do not go together: “Artists” has 2 and “Roles” has 1."
    )


def test_separators_inside_brackets_or_escaped_do_not_cut_parallel_columns() -> None:
    row = {"Artists": "Group (Hale; Noble, born 1963); Hale", "Roles": "a!; b; c"}
    whole = {**PARALLEL, "brackets": True, "escape": "!"}
    made = texts(mapped([NEW, whole], row), "dcterms:creator")
    assert made == ["Group (Hale; Noble, born 1963) (a; b)", "Hale (c)"]
    assert only_problem(mapped([NEW, PARALLEL], {**row, "Roles": "b; c"})).code == "for-each-uneven"


def test_a_blank_parallel_column_is_blank_for_all() -> None:
    result = mapped([NEW, PARALLEL], {"Artists": "Blake; Turner", "Roles": ""})
    assert texts(result, "dcterms:creator") == ["Blake ()", "Turner ()"]


# --- names ----------------------------------------------------------------------------------------


def test_the_short_form_of_a_spreadsheet() -> None:
    short = {
        "action": "fields",
        "fields": {
            "Title": "dcterms:title @en",
            "Link": "dcterms:source ^^uri",
            "Subjects": {"name": "dcterms:subject", "split": ";"},
            "Maker": ["dcterms:creator", {"name": "dcterms:contributor", "filters": ["upper"]}],
        },
    }
    fields = {"Title": "Tree", "Link": "https://a.org/1", "Subjects": "sea; sky", "Maker": "Blake"}
    (draft,) = mapped([NEW, short], fields).drafts
    assert {p.term: p.values for p in draft.properties} == {
        "dcterms:title": (Value("literal", "Tree", language="en"),),
        "dcterms:source": (Value("uri", None, "https://a.org/1"),),
        "dcterms:subject": (Value("literal", "sea"), Value("literal", "sky")),
        "dcterms:creator": (Value("literal", "Blake"),),
        "dcterms:contributor": (Value("literal", "BLAKE"),),
    }


def test_update_policies_stand_with_the_property() -> None:
    result = mapped([NEW, TITLE | {"onUpdate": "replace", "of": "language"}], {"title": "Tree"})
    (draft,) = result.drafts
    assert draft.properties == (
        Property("dcterms:title", (Value("literal", "Tree"),), "replace", "language", "/instructions/1"),
    )


def test_a_later_branch_puts_another_value_in_place() -> None:
    branches = [
        {"action": "if-exists", "source": key, "then": [{"source": key, "name": "dcterms:title"}]}
        for key in ("a", "b")
    ]
    assert texts(mapped([NEW, *branches], {"a": "first", "b": "second"})) == ["second"]


def test_remove_values_forgets_and_replaces() -> None:
    remove = {"action": "remove-values", "destination": "item", "name": "dcterms:title"}
    load = [
        {"source": "id", "destination": "load:by-id", "name": "id"},
        {"action": "load", "destination": "item", "using": "load:by-id"},
    ]
    result = mapped([*load, remove], {"id": 5})
    (draft,) = result.drafts
    assert draft.properties == (Property("dcterms:title", pointer="/instructions/2"),)


# --- pseudo-destinations --------------------------------------------------------------------------


def structured(kind: str, parts: dict[str, str], **keys: Any) -> list[dict[str, Any]]:
    gather = [
        {"source": source, "destination": f"value:{kind}", "name": name} for name, source in parts.items()
    ]
    take = {"action": "field-structured", "structured": f"value:{kind}", "destination": "item"}
    return [NEW, *gather, take | {"name": "dcterms:title"} | keys]


@pytest.mark.parametrize(
    ("kind", "fields", "keys", "value"),
    [
        (
            "literal",
            {"value": "Baum", "language": "de", "public": "no"},
            {},
            Value("literal", "Baum", language="de", public=False),
        ),
        ("uri", {"uri": "https://a.org/1", "label": "One"}, {}, Value("uri", None, "https://a.org/1", "One")),
        (
            "date",
            {"start": "1840", "end": "1845"},
            {"type": "numeric:interval"},
            Value("numeric:interval", "1840/1845"),
        ),
        ("date", {"start": "1840"}, {}, Value("literal", "1840")),
        (
            "coordinates",
            {"latitude": 51.5, "longitude": -0.1},
            {"type": "geography:coordinates"},
            Value("geography:coordinates", "51.5,-0.1"),
        ),
        (
            "person-name",
            {"last": "Blake", "first": "Robert", "suffix": "Jr"},
            {},
            Value("literal", "Blake, Robert, Jr"),
        ),
    ],
)
def test_a_pseudo_destination_makes_one_value(kind, fields, keys, value) -> None:
    instructions = structured(kind, {name: name for name in fields}, **keys)
    assert values(mapped(instructions, fields)) == (value,)


def test_a_blank_main_part_is_no_value() -> None:
    instructions = structured("literal", {"value": "v", "language": "l"})
    assert values(mapped(instructions, {"v": " ", "l": "de"})) == ()


def test_what_nothing_takes_is_an_error() -> None:
    gather = {"source": "v", "destination": "value:literal", "name": "value"}
    take = {
        "action": "if-exists",
        "source": "never",
        "then": [
            {
                "action": "field-structured",
                "structured": "value:literal",
                "destination": "item",
                "name": "dcterms:title",
            }
        ],
    }
    result = mapped([NEW, gather, take], {"v": "x"})
    assert only_problem(result).message == (
        "value:literal still holds value at the end of the record: a field-structured that takes it is "
        "missing."
    )


# --- load, delete ---------------------------------------------------------------------------------

BY_ID = [
    {"source": "id", "destination": "load:by-id", "name": "id"},
    {"action": "load", "destination": "item", "using": "load:by-id"},
]
MATCH = {"item": {"source": "acno", "by": "dcterms:identifier", "scope": "tate"}}


def test_load_by_number() -> None:
    (draft,) = mapped([*BY_ID, TITLE], {"id": "12", "title": "Tree"}).drafts
    assert (draft.action, draft.resource_id, draft.identity) == ("load", 12, None)


def test_load_by_a_property() -> None:
    instructions = [
        {"source": "acno", "destination": "load:by-identifier", "name": "identifier"},
        {"action": "load", "destination": "item", "using": "load:by-identifier"},
    ]
    result = mapped(instructions, {"acno": "A1"})
    assert result.drafts[0].identity == Identity("", ("dcterms:identifier",), ("A1",))
    assert result.identities == (Identity("", ("dcterms:identifier",), ("A1",)),)


def test_load_by_match() -> None:
    (draft,) = mapped([{"action": "load", "destination": "item"}], {"acno": "A1"}, match=MATCH).drafts
    assert draft == Draft("item", "item", 0, "load", Identity("tate", ("dcterms:identifier",), ("A1",)))


def test_load_with_nothing_to_find_it_by_rejects() -> None:
    assert codes(mapped([*BY_ID, TITLE], {"title": "Tree"}))[0] == ("reject", "load-nothing")
    assert codes(mapped([*BY_ID], {"id": "twelve"})) == [("reject", "not-a-resource")]


OTHERWISE = [
    BY_ID[0],
    BY_ID[1]
    | {
        "otherwise": [
            NEW,
            {"action": "set-value", "destination": "item", "name": "dcterms:type", "value": "new"},
        ]
    },
    TITLE,
]


def test_load_or_create_bears_the_pointer_of_its_otherwise() -> None:
    (draft,) = mapped(OTHERWISE, {"id": 12, "title": "Tree"}).drafts
    assert (draft.action, draft.resource_id, draft.otherwise) == ("load", 12, "/instructions/1")


def test_a_load_known_to_be_missing_runs_its_otherwise() -> None:
    row = Row("data0", 7, {"id": 12, "title": "Tree"})
    result = mapper(OTHERWISE).map(row, missing=frozenset({("/instructions/1", "12")}))
    (draft,) = result.drafts
    assert (draft.action, draft.resource_id, [p.term for p in draft.properties]) == (
        "new",
        None,
        ["dcterms:type", "dcterms:title"],
    )


def test_a_load_with_nothing_to_find_it_by_runs_its_otherwise() -> None:
    (draft,) = mapped(OTHERWISE, {"title": "Tree"}).drafts
    assert draft.action == "new"


def test_delete_is_of_the_loaded_resource() -> None:
    instructions = [{"action": "load", "destination": "item"}, {"action": "delete", "destination": "item"}]
    (draft,) = mapped(instructions, {"acno": "A1"}, match=MATCH).drafts
    assert draft == Draft("item", "item", 0, "delete", Identity("tate", ("dcterms:identifier",), ("A1",)))


# --- the record -----------------------------------------------------------------------------------


def test_skip_leaves_the_record_out_and_says_why() -> None:
    rule = {
        "action": "if-value-one-of",
        "source": "s",
        "values": ["no"],
        "then": [{"action": "skip", "message": "Not ours"}],
    }
    result = mapped([NEW, rule, TITLE], {"s": "no", "acno": "A1"}, match=MATCH)
    assert result == Mapped(
        "data0", 7, (), (), "Not ours", (Identity("tate", ("dcterms:identifier",), ("A1",)),)
    )


def test_abort_rejects_with_its_message_and_runs_nothing_more() -> None:
    result = mapped([NEW, {"action": "abort-record", "message": "No title"}, *BY_ID], {})
    assert result == Mapped(
        "data0", 7, (), (Problem("reject", "record-aborted", "No title", "/instructions/1"),)
    )


def test_log_error_only_says_something() -> None:
    result = mapped([NEW, {"action": "log-error", "message": "Look at this"}, TITLE], {"title": "Tree"})
    assert (codes(result), texts(result)) == ([("warning", "log-error")], ["Tree"])


@pytest.mark.parametrize(("exists", "expected"), [(True, []), (False, [("reject", "assertion-failed")])])
def test_assert_destination(exists: bool, expected: list[Any]) -> None:
    check = {"action": "assert-destination", "destination": "item", "exists": exists}
    assert codes(mapped([NEW, check, TITLE], {"title": "Tree"})) == expected


def test_files_may_have_instructions_of_their_own() -> None:
    files = {"data0": {"read": "json", "instructions": [NEW, {"source": "b", "name": "dcterms:title"}]}}
    assert texts(mapped([NEW, TITLE], {"title": "root", "b": "own"}, files=files)) == ["own"]


# --- version 0 ------------------------------------------------------------------------------------


def zero(value: Any, **keys: Any) -> list[str | None]:
    field = {"source": "x", "destination": "item", "name": "dcterms:title"} | keys
    return texts(mapped([NEW, field], {"x": value}, version=0))


@pytest.mark.parametrize(
    ("value", "expected"), [(False, []), (None, []), ("", []), (0, ["0"]), (" a ", [" a "])]
)
def test_version_0_skips_falsy_values_but_zero_and_does_not_trim(value: Any, expected: list[str]) -> None:
    assert zero(value) == expected


def test_version_0_maps_what_is_there_and_nothing_else() -> None:
    keys = {"mapInputValue": {"": "blank", "a": "b"}, "mapInputValueDefault": "other"}
    assert [zero("a", **keys), zero("q", **keys), zero("", **keys)] == [["b"], ["other"], []]


def test_version_0_adds_to_a_loaded_resource_unless_values_were_removed_first() -> None:
    load = [
        {"source": "id", "destination": "load:by-id", "name": "id"},
        {"action": "load", "destination": "item", "using": "load:by-id"},
    ]
    add = {"source": "x", "destination": "item", "name": "dcterms:title", "multivalue": True}
    remove = {"action": "remove-values", "destination": "item", "name": "dcterms:title"}
    policies = [
        mapped([*load, *more], {"id": 1, "x": "a"}, version=0).drafts[0].properties[0].on_update
        for more in ([add], [remove, add])
    ]
    assert policies == ["append", "replace"]
