"""A value's way, from its source to the values that are written, each step in its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.mapping.helpers import NEW, codes, mapped, one_field, only_problem, texts, values
from worker.records import Property, Value


def way(value: Any, **keys: Any) -> list[str | None]:
    keys = {"source": "x", "name": "dcterms:title", "multivalue": True} | keys
    return texts(one_field({"x": value, "y": "other"}, keys))


def test_the_way_in_its_order() -> None:
    """Each step sees what the one before it made: the outcome tells that none is out of place."""
    keys = {
        "split": ";",
        "mapInputValue": {"b": "mapped B", "": "mapped blank"},
        "filters": ["upper", {"replace": {"pattern": "^DROP$", "with": ""}}],
        "default": "the default",
        "unique": True,
    }
    assert way(" a ;b; drop ;A; b", **keys) == ["A", "MAPPED B", "the default"]
    assert way("  ", **keys) == ["MAPPED BLANK"]
    assert way(None, **keys) == ["MAPPED BLANK"]


def test_the_default_comes_after_the_filters_and_is_not_filtered() -> None:
    assert way("", filters=["upper"], default="unknown") == ["unknown"]
    assert way(None, filters=["upper"], default="unknown") == ["unknown"]
    assert way([], default="unknown") == ["unknown"]


def test_a_list_gives_a_value_for_each_element() -> None:
    assert way(["a", 1, True, None, " ", "b "]) == ["a", "1", "true", "b"]


def test_false_and_zero_are_values() -> None:
    assert [way(False), way(0), way(0.0)] == [["false"], ["0"], ["0.0"]]


def test_split_takes_texts_in_a_list_apart_too() -> None:
    assert way(["a;b", "c"], split=";") == ["a", "b", "c"]


def test_split_leaves_brackets_alone_when_told() -> None:
    pieces = way("Blake (after; Raphael); Turner", split="; ", brackets=True)
    assert pieces == ["Blake (after; Raphael)", "Turner"]


def test_split_knows_an_escape() -> None:
    assert way("a\\;b; c", split=";", escape="\\") == ["a;b", "c"]


def test_a_number_is_mapped_by_its_text() -> None:
    assert way(1, mapInputValue={"1": "one"}) == ["one"]


def test_what_the_map_lacks_passes_or_takes_the_default() -> None:
    assert way("q", mapInputValue={"a": "b"}) == ["q"]
    assert way("q", mapInputValue={"a": "b"}, mapInputValueDefault="z") == ["z"]
    assert way("", mapInputValue={"a": "b"}, mapInputValueDefault="z") == []


def test_what_the_map_lacks_is_rejected_when_told() -> None:
    keys = {"source": "x", "name": "dcterms:title", "mapInputValue": {"a": "b"}, "unmapped": "reject"}
    result = one_field({"x": "q"}, keys)
    assert (codes(result), result.drafts) == ([("reject", "value-not-in-map")], ())
    assert only_problem(result).message == "dcterms:title: “q” has no entry in mapInputValue."


def test_what_the_map_lacks_is_left_out_when_told_and_that_is_said() -> None:
    keys = {"source": "x", "name": "dcterms:title", "mapInputValue": {"a": "b"}, "unmapped": "drop"}
    result = one_field({"x": "q"}, keys)
    assert (codes(result), values(result)) == ([("warning", "value-not-in-map")], ())


def test_a_map_to_null_makes_no_value() -> None:
    assert way("a", mapInputValue={"a": None}) == []


def test_blank_leaves_a_name_alone() -> None:
    result = one_field({"x": ""}, {"source": "x", "name": "dcterms:title"})
    assert result.drafts[0].properties == ()


def test_blank_clears_a_name_when_told() -> None:
    result = one_field({"x": ""}, {"source": "x", "name": "dcterms:title", "blank": "clear"})
    assert result.drafts[0].properties == (Property("dcterms:title", pointer="/instructions/1"),)


def test_unique_keeps_the_first_of_each() -> None:
    assert way(["b", "a", " b", "a"], unique=True) == ["b", "a"]


def test_several_values_where_one_is_meant_are_told() -> None:
    result = one_field({"x": ["a", "b"]}, {"source": "x", "name": "dcterms:title"})
    assert only_problem(result).message == (
        'dcterms:title gets 2 values from an instruction that is for one. Add "multivalue": true to keep '
        "them all."
    )


# --- when it fails --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_error", "severity", "drafts"), [("reject", "reject", 0), ("drop", "warning", 1), ("stop", "stop", 0)]
)
def test_on_error_of_an_instruction(on_error: str, severity: str, drafts: int) -> None:
    keys = {"source": "x", "name": "dcterms:source", "type": "uri", "onError": on_error}
    result = mapped([NEW, {"source": "t", "name": "dcterms:title"}, keys], {"x": "no uri", "t": "T"})
    assert codes(result) == [(severity, "not-a-uri")]
    assert len(result.drafts) == drafts


def test_what_was_dropped_is_said_and_the_other_values_stay() -> None:
    keys = {"source": "x", "name": "dcterms:source", "type": "uri", "multivalue": True, "onError": "drop"}
    result = one_field({"x": ["http://a.org/1", "b", "http://a.org/2"]}, keys)
    assert [value.uri for value in values(result, "dcterms:source")] == ["http://a.org/1", "http://a.org/2"]
    assert only_problem(result).message.endswith("The value was left out.")


def test_on_error_of_the_control_and_of_the_file() -> None:
    keys = {"source": "x", "name": "dcterms:source", "type": "uri"}
    assert codes(one_field({"x": "no"}, keys, onError="drop")) == [("warning", "not-a-uri")]
    files = {"data0": {"read": "json", "onError": "stop"}}
    assert codes(one_field({"x": "no"}, keys, onError="drop", files=files)) == [("stop", "not-a-uri")]


def test_every_problem_of_a_record_is_told() -> None:
    result = mapped(
        [
            NEW,
            {"source": "a", "name": "dcterms:source", "type": "uri"},
            {"source": "b", "name": "dcterms:extent", "type": "number"},
            {"source": "c", "name": "dcterms:date", "filters": [{"date": {}}]},
        ],
        {"a": "1", "b": "2 cm", "c": "soon"},
    )
    assert codes(result) == [
        ("reject", "not-a-uri"),
        ("reject", "not-a-number"),
        ("reject", "date-not-understood"),
    ]


def test_otherwise_takes_the_piece_that_failed() -> None:
    keys = {"type": "uri", "otherwise": {"type": "literal"}}
    result = one_field(
        {"x": "http://a.org/1;b;http://a.org/2"},
        {"source": "x", "name": "dcterms:title", "split": ";", "multivalue": True, **keys},
    )
    assert values(result) == (
        Value("uri", None, "http://a.org/1"),
        Value("literal", "b"),
        Value("uri", None, "http://a.org/2"),
    )
    assert codes(result) == [("warning", "otherwise-used")]


def test_otherwise_reads_its_own_source_once() -> None:
    keys = {"split": ";", "multivalue": True, "type": "uri", "otherwise": {"source": "y", "type": "literal"}}
    result = one_field({"x": "a;b", "y": "Y1;Y2"}, {"source": "x", "name": "dcterms:title", **keys})
    assert texts(result) == ["Y1", "Y2"]


def test_otherwise_may_have_an_otherwise_and_fail_in_the_end() -> None:
    keys = {"type": "uri", "otherwise": {"type": "number", "otherwise": {"type": "integer"}}}
    result = one_field({"x": "a"}, {"source": "x", "name": "dcterms:title", **keys})
    assert codes(result) == [("reject", "not-an-integer")]


def test_an_expression_that_fails_is_a_problem_of_the_record() -> None:
    result = one_field({"x": [1]}, {"expression": "upper(x)", "name": "dcterms:title"})
    assert codes(result) == [("reject", "expression-failed")]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "split": st.sampled_from([";", "a"]),
        "filters": st.lists(st.sampled_from(["trim", "lower", "strip-html", {"date": {}}]), max_size=3),
        "default": st.sampled_from(["d", 0, False]),
        "type": st.sampled_from(["literal", "uri", "integer", "number", "boolean", "numeric:timestamp"]),
        "unique": st.booleans(),
        "mapInputValue": st.just({"": "blank", "a": None, "b": 5}),
        "onError": st.sampled_from(["reject", "drop", "stop"]),
        "blank": st.just("clear"),
        "otherwise": st.sampled_from([{"type": "literal"}, {"source": "y", "type": "literal"}]),
    },
)


@given(JSON_VALUES, SPECS)
def test_any_value_is_mapped_or_told_about(value: Any, spec: dict[str, Any]) -> None:
    result = one_field({"x": value}, {"source": "x", "name": "dcterms:title", "multivalue": True, **spec})
    assert bool(result.drafts) is not result.rejected
    for draft in result.drafts:
        for made in draft.properties[0].values if draft.properties else ():
            assert (made.text or made.uri or "").strip()


@given(st.lists(st.text(max_size=10), max_size=6))
def test_the_quick_way_and_the_whole_way_agree(pieces: list[str]) -> None:
    """A plain instruction is compiled to a shortcut; one with a filter, even an idle one, is not."""
    for piece in pieces:
        quick = one_field({"x": piece}, {"source": "x", "name": "dcterms:title"})
        whole = one_field({"x": piece}, {"source": "x", "name": "dcterms:title", "filters": ["trim"]})
        assert quick == whole
