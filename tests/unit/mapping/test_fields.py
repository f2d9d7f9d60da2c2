"""What a resource has beside properties, and the parts of pseudo-destinations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.helpers import NEW, codes, mapped, mapper, only_problem, values
from worker.mapping.compiler import ControlNotRunnable
from worker.records import Fields, Value


def fields(given: dict[str, Any], *instructions: dict[str, Any], **root: Any) -> Fields:
    (draft,) = mapped([NEW, *({"destination": "item"} | one for one in instructions)], given, **root).drafts
    return draft.fields


@pytest.mark.parametrize(
    ("value", "public"), [(True, True), ("yes", True), ("private", False), (0, False), ("public", True)]
)
def test_public_is_a_boolean(value: Any, public: bool) -> None:
    assert fields({"p": value}, {"source": "p", "name": "public"}) == Fields(public=public)


def test_public_takes_no_other_word() -> None:
    result = mapped([NEW, {"source": "p", "name": "public"}], {"p": "sometimes"})
    assert (codes(result), result.drafts) == ([("reject", "not-a-boolean")], ())


def test_the_other_fields_are_texts() -> None:
    given = {"c": "dctype:Image", "t": "Artwork", "o": "a@example.org", "n": "12"}
    names = {"c": "class", "t": "template", "o": "owner", "n": "thumbnail"}
    found = fields(given, *({"source": key, "name": name} for key, name in names.items()))
    assert found == Fields(
        resource_class="dctype:Image", template="Artwork", owner="a@example.org", thumbnail="12"
    )


def test_lists_of_fields_append_when_told() -> None:
    found = fields(
        {"a": "A; B", "b": "C"},
        {"source": "a", "name": "item-set", "split": ";", "multivalue": True},
        {"source": "b", "name": "item-set", "multivalue": True},
    )
    assert found == Fields(item_sets=("A", "B", "C"), of={"item-set": "ours"})


def test_a_blank_field_is_left_alone_or_cleared() -> None:
    assert fields({"a": ""}, {"source": "a", "name": "class"}) == Fields()
    assert fields({"a": ""}, {"source": "a", "name": "class", "blank": "clear"}) == Fields(
        resource_class=None
    )
    cleared = fields({"a": ""}, {"source": "a", "name": "item-set", "blank": "clear", "of": "all"})
    assert cleared == Fields(item_sets=())


def test_several_values_for_one_field_are_told() -> None:
    result = mapped([NEW, {"source": "a", "name": "class"}], {"a": ["x", "y"]})
    assert only_problem(result).message == "item class takes one value, and there are 2."


def test_removed_fields_are_empty() -> None:
    load = [
        {"source": "id", "destination": "load:by-id", "name": "id"},
        {"action": "load", "destination": "item", "using": "load:by-id"},
    ]
    removed = [
        {"action": "remove-values", "destination": "item", "name": name} for name in ("class", "item-set")
    ]
    (draft,) = mapped([*load, *removed], {"id": 1}).drafts
    assert draft.fields == Fields(resource_class=None, item_sets=())


MEDIA = [
    NEW,
    {"action": "new", "destination": "media"},
    {"source": "h", "destination": "media", "name": "html"},
]


def media(given: dict[str, Any], **names: str):
    more = [
        {"source": key, "destination": "media", "name": name.replace("_", "-")} for name, key in names.items()
    ]
    return mapped([*MEDIA, *more], {"h": "<p>x</p>"} | given)


def test_fields_of_media() -> None:
    result = media({"a": "A tree", "l": "en", "s": "book"}, alt_text="a", language="l", source="s")
    draft = result.drafts[1]
    assert (draft.fields, draft.source and draft.source.source) == (
        Fields(alt_text="A tree", language="en"),
        "book",
    )


@pytest.mark.parametrize(("value", "position"), [("3", 3), (3, 3), (3.0, 3)])
def test_position_is_a_whole_number(value: Any, position: int) -> None:
    assert media({"p": value}, position="p").drafts[1].fields == Fields(position=position)


@pytest.mark.parametrize("value", ["first", -1, 1.5, 10**12])
def test_a_position_that_is_none_is_refused(value: Any) -> None:
    assert codes(media({"p": value}, position="p")) == [("reject", "not-an-integer")]


@pytest.mark.parametrize(("value", "primary"), [("yes", True), (True, True), ("no", False), ("", False)])
def test_a_media_may_be_the_primary_one(value: Any, primary: bool) -> None:
    draft = media({"p": value}, primary="p").drafts[1]
    assert (draft.primary, draft.fields) == (primary, Fields())


def test_of_an_item_one_media_is_the_primary_one() -> None:
    first = [*MEDIA, {"action": "set-value", "destination": "media", "name": "primary", "value": True}]
    again = [*MEDIA[1:], {"action": "set-value", "destination": "media", "name": "primary", "value": True}]
    assert codes(mapped([*first, *again], {"h": "<p>x</p>"})) == [("reject", "primary-several")]
    other_item = mapped([*first, *first], {"h": "<p>x</p>"})
    assert (codes(other_item), [one.primary for one in other_item.drafts]) == ([], [False, True, False, True])


def test_a_primary_media_needs_its_item() -> None:
    load = [
        {"source": "n", "destination": "load:by-id", "name": "id"},
        {"action": "load", "destination": "media", "using": "load:by-id"},
        {"action": "set-value", "destination": "media", "name": "primary", "value": True},
    ]
    assert codes(mapped(load, {"n": "7"})) == [("reject", "primary-without-item")]


def test_a_field_without_a_resource_is_told() -> None:
    never = {"action": "if-exists", "source": "never", "then": [NEW]}
    result = mapped([never, {"source": "p", "destination": "item", "name": "public"}], {"p": True})
    assert codes(result) == [("reject", "no-current-resource")]


# --- parts ----------------------------------------------------------------------------------------

TAKE = {
    "action": "field-structured",
    "structured": "value:date",
    "destination": "item",
    "name": "dcterms:date",
}


def test_a_part_may_be_read_by_a_date_pattern() -> None:
    part = {
        "source": "s",
        "destination": "value:date",
        "name": "start",
        "type": "datetime",
        "dateFormat": "dd/MM/yyyy",
    }
    assert values(mapped([NEW, part, TAKE], {"s": "01/02/1999"}), "dcterms:date") == (
        Value("literal", "1999-02-01"),
    )


def test_a_part_takes_one_value() -> None:
    part = {"source": "s", "destination": "value:date", "name": "start"}
    assert codes(mapped([NEW, part, TAKE], {"s": ["1", "2"]})) == [("reject", "several-values")]
    assert values(mapped([NEW, part, TAKE], {"s": ""}), "dcterms:date") == ()


def test_a_removed_part_is_forgotten_and_if_has_value_sees_parts() -> None:
    part = {"source": "s", "destination": "value:date", "name": "start"}
    remove = {"action": "remove-values", "destination": "value:date", "name": "start"}
    asks = {
        "action": "if-has-value", "destination": "value:date", "name": "start",
        "then": [{"action": "set-value", "destination": "item", "name": "dcterms:title", "value": "there"}],
        "else": [{"action": "set-value", "destination": "item", "name": "dcterms:title", "value": "gone"}],
    }  # fmt: skip
    found = [values(mapped([NEW, part, *more, asks, TAKE], {"s": "1920"}))[0].text for more in ([], [remove])]
    assert found == ["there", "gone"]


def test_if_has_value_sees_fields() -> None:
    asks = {
        "action": "if-has-value", "destination": "item", "name": "public",
        "then": [{"action": "set-value", "destination": "item", "name": "dcterms:title", "value": "said"}],
    }  # fmt: skip
    public = {"source": "p", "name": "public"}
    assert len(values(mapped([NEW, public, asks], {"p": False}))) == 1
    assert values(mapped([NEW, public, asks], {})) == ()


def test_coordinates_want_both_parts() -> None:
    part = {"source": "lat", "destination": "value:coordinates", "name": "latitude"}
    take = TAKE | {"structured": "value:coordinates"}
    assert codes(mapped([NEW, part, take], {"lat": 51.5})) == [("reject", "pseudo-incomplete")]


# --- before the first row -------------------------------------------------------------------------


def test_a_destination_that_cannot_be_written_stops_before_the_first_row() -> None:
    with pytest.raises(ControlNotRunnable) as stopped:
        mapper(
            [
                NEW,
                {"source": "n", "destination": "load:by-id", "name": "id"},
                {"action": "load", "destination": "geolocation", "using": "load:by-id"},
            ],
            model="omeka",
        )
    assert [problem.code for problem in stopped.value.problems] == ["destination-not-offered"]


def test_an_expression_beyond_the_depth_of_the_compiler_stops_before_the_first_row() -> None:
    with pytest.raises(ControlNotRunnable, match="nested more than 200 levels deep"):
        mapper([NEW, {"expression": "|".join(["a"] * 250), "name": "dcterms:title"}])


def test_a_match_without_a_source_cannot_be_loaded_by() -> None:
    match = {"item": {"by": "dcterms:identifier"}}
    with pytest.raises(ControlNotRunnable) as stopped:
        mapper([{"action": "load", "destination": "item"}], match=match)
    assert [problem.code for problem in stopped.value.problems] == ["load-nothing"]


def test_a_condition_that_cannot_be_read_is_a_problem() -> None:
    condition = {"action": "if-exists", "expression": "upper(a)", "then": [NEW], "else": [NEW]}
    assert codes(mapped([condition], {"a": [1]})) == [("reject", "expression-failed")]
