"""At the end of a file: what was empty in every row."""

from __future__ import annotations

from tests.unit.mapping.helpers import NEW, mapper
from worker.records import Problem, Row


def finished(instruction: dict, *records: dict):
    compiled = mapper([NEW, instruction | {"name": "dcterms:title", "multivalue": True}])
    for number, fields in enumerate(records, start=1):
        compiled.map(Row("data0", number, fields))
    return compiled.finish()


def test_an_expression_that_was_always_empty_is_told_with_the_keys_that_were_seen() -> None:
    assert finished({"expression": "contributer[].fc"}, {"title": "a", "contributors": []}, {"url": "b"}) == (
        Problem(
            "warning",
            "expression-always-empty",
            "The expression “contributer[].fc” was empty in every row. These were seen: title, contributors, "
            "url.",
            "/instructions/1",
        ),
    )


def test_a_key_that_no_row_has_is_told_with_the_nearest_one() -> None:
    assert finished({"source": "titel"}, {"title": "a", "url": "b"}) == (
        Problem(
            "warning",
            "source-never-seen",
            "No row has “titel”. Did you mean “title”? These were seen: title, url.",
            "/instructions/1",
        ),
    )


def test_what_was_found_once_is_not_told() -> None:
    assert finished({"source": "a"}, {"b": 1}, {"a": "x"}, {"b": 1}) == ()
    assert finished({"expression": "a[0]"}, {"b": 1}, {"a": ["x"]}) == ()


def test_a_key_that_is_always_null_is_there() -> None:
    assert finished({"source": "a"}, {"a": None}, {"a": None}) == ()


def test_a_file_without_rows_and_what_was_never_run_have_nothing_to_tell() -> None:
    assert finished({"source": "a"}) == ()
    compiled = mapper(
        [NEW, {"action": "if-exists", "source": "z", "then": [{"source": "q", "name": "dcterms:date"}]}]
    )
    compiled.map(Row("data0", 1, {"a": 1}))
    assert compiled.finish() == ()
