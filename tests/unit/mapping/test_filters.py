"""Filters, through the instruction that a control file gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.helpers import codes, one_field, texts


def filtered(value: Any, *filters: Any, **fields: Any):
    instruction = {"source": "x", "name": "dcterms:title", "filters": list(filters)}
    return texts(one_field({"x": value} | fields, instruction))


@pytest.mark.parametrize(
    ("value", "filters", "text"),
    [
        ("  a  b\n c ", ["collapse-space"], "a b c"),
        ("ABC Éé", ["lower"], "abc éé"),
        ("straße", ["upper"], "STRASSE"),
        ("<p>One</p> &amp; two", ["strip-html"], "One & two"),
        ("A 12", [{"replace": {"pattern": r"(\w) (\d+)", "with": r"\2-\1"}}], "12-A"),
        (12, [{"prefix": "tate-"}], "tate-12"),
        (12, [{"suffix": " cm"}], "12 cm"),
        ("12", [{"format": "{value} ({unit}) {{x}}"}], "12 (mm) {x}"),
        ("c. 1920", [{"date": {}}], "1920~"),
        ("1920", [{"date": {"to": "interval"}}], "1920/1920"),
        ("example.org/a1", ["haplo:fix-up-url"], "https://example.org/a1"),
        ("https://example.org", ["haplo:fix-up-url"], "https://example.org"),
        ("ABC", ["haplo:to-lower-case"], "abc"),
        ("abc", ["haplo:to-upper-case"], "ABC"),
        (True, ["haplo:to-string"], "true"),
        ("a b c", [{"replace": {"pattern": " ", "with": "_"}}, "upper", {"prefix": "<"}], "<A_B_C"),
    ],
)
def test_a_filter(value: Any, filters: list[Any], text: str) -> None:
    assert filtered(value, *filters, unit="mm") == [text]


def test_filters_apply_to_each_piece_of_a_list() -> None:
    instruction = {"source": "x", "name": "dcterms:title", "multivalue": True, "filters": ["upper"]}
    assert texts(one_field({"x": ["a", None, "b", ""]}, instruction)) == ["A", "B"]


def test_a_filter_that_leaves_nothing_makes_no_value() -> None:
    assert filtered("abc", {"replace": {"pattern": ".*", "with": ""}}) == []


def test_a_date_that_says_none_makes_no_value() -> None:
    assert filtered("date not known", {"date": {}}) == []


def test_an_ambiguous_date_rejects_the_record_and_says_where() -> None:
    result = one_field(
        {"x": "01/02/1999"}, {"source": "x", "name": "dcterms:date", "filters": [{"date": {}}]}
    )
    (problem,) = result.problems
    assert (problem.severity, problem.code, problem.pointer, problem.value) == (
        "reject",
        "date-ambiguous",
        "/instructions/1",
        "01/02/1999",
    )
    assert problem.message == (
        'dcterms:date: “01/02/1999” is ambiguous: day or month first? Say so with "order": "dmy" or '
        '"order": "mdy" in the date filter.'
    )
    assert result.drafts == ()


def test_a_format_without_its_other_key_leaves_it_out() -> None:
    assert filtered("12", {"format": "{value} [{unit}]"}) == ["12 []"]


def test_a_list_where_text_is_wanted_is_refused() -> None:
    result = one_field({"x": {"a": 1}}, {"source": "x", "name": "dcterms:title", "filters": ["upper"]})
    assert codes(result) == [("reject", "value-not-text")]
