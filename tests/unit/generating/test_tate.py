"""Five hundred real artworks (CC0, see `examples/tate/LICENCE.md`): the generated file runs over all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.generating.support import control_of, given, names, only_todos, run, without_todos
from worker.generating import generate

JSON = Path(__file__).resolve().parents[3] / "examples" / "tate" / "artworks-500.json"
CSV = Path(__file__).parent / "data" / "artworks-500.csv"
MATCH = {
    "comment": "acno differs in all 200 records that were looked at. It is added as dcterms:identifier.",
    "source": "acno",
    "by": "dcterms:identifier",
    "scope": "artworks",
}


@pytest.mark.parametrize("path", [JSON, CSV], ids=["json", "csv"])
def test_what_is_not_todo_runs_over_all_rows(path) -> None:
    made = generate(given(path), None, None)
    assert only_todos(made.text) == []
    results = run(without_todos(control_of(made)), path)
    assert len(results) == 500
    assert [result.problems for result in results if result.problems] == []
    assert [len(result.drafts) for result in results] == [1] * 500
    assert len({result.drafts[0].identity for result in results}) == 500


def test_the_columns_of_the_table() -> None:
    control = control_of(generate(given(CSV), None, None))
    assert names(control) == {
        "Title": "dcterms:title",
        "Artists": "dcterms:creator",
        "Roles": "TODO: dcterms:creator?",
        "Date": "dcterms:date",
        "Year": "TODO: dcterms:temporal or dcterms:date?",
        "Medium": "dcterms:medium",
        "Dimensions": "dcterms:extent",
        "Credit line": "dcterms:provenance",
        "Inscription": "TODO: dcterms:description?",
        "Subjects": "dcterms:subject",
        "URL": "TODO: dcterms:source?",
        "Image URL": "TODO: dcterms:references?",
    }
    assert control["match"]["item"]["source"] == "Accession number"
    assert control["files"] == {
        "artworks-500.csv": {
            "comment": "Separated by commas, guessed from the first lines.",
            "read": "csv",
        }
    }


def test_separators_in_cells_are_found_and_those_in_brackets_are_none() -> None:
    control = control_of(generate(given(CSV, rows=500), None, None))
    artists = next(one for one in control["instructions"] if one.get("source") == "Artists")
    assert artists == {
        "comment": "7 of 500 have several values. “;” in brackets separates nothing.",
        "source": "Artists",
        "name": "dcterms:creator",
        "split": "; ",
        "brackets": True,
        "multivalue": True,
    }
    city = next(
        result
        for result in run(without_todos(control), CSV)
        for p in result.drafts[0].properties
        if p.term == "dcterms:creator" and len(p.values) == 5
    )
    creators = next(p for p in city.drafts[0].properties if p.term == "dcterms:creator")
    assert [value.text for value in creators.values] == [
        "City Racing (Matt Hale; Paul Noble, born 1963; John Burgess; Keith Coventry, born 1958; Peter Owen)",
        "Burgess, John",
        "Hale, Matt",
        "Noble, Paul",
        "Owen, Peter",
    ]


def test_nested_records() -> None:
    control = control_of(generate(given(JSON), None, None))
    assert control["match"] == {"item": MATCH}
    assert control["files"]["artworks-500.json"]["read"] == "json"
    by_source = {one.get("source", one.get("expression")): one for one in control["instructions"]}
    assert by_source["subjects.children[].children[].children[].name"] == {
        "comment": "The deepest names of a tree of 4 levels. Not mapped: "
        "subjects.children.children.children.id, subjects.children.children.id, "
        "subjects.children.children.name, subjects.children.id, subjects.children.name, subjects.id, "
        "subjects.name.",
        "expression": "subjects.children[].children[].children[].name",
        "name": "dcterms:subject",
        "multivalue": True,
        "unique": True,
    }
    assert by_source["contributors"] == {
        "comment": "Once for each of contributors (at most 1 in the records looked at).",
        "action": "for-each",
        "source": "contributors",
        "instructions": [
            {
                "comment": "Which of them is it: fc (“Robert Blake”), mda (“Blake, Robert”), startLetter "
                "(“B”)? Not mapped: birthYear, date, displayOrder, gender, id, role.",
                "source": "TODO: fc or mda or startLetter?",
                "name": "dcterms:contributor",
                "multivalue": True,
            }
        ],
    }
    assert by_source["all_artists"] == {"source": "all_artists", "name": "dcterms:creator"}
    assert "depth" not in by_source
    assert 'left out: "depth"' in control["files"]["artworks-500.json"]["comment"]


def test_the_fewer_rows_are_looked_at_the_less_is_known() -> None:
    made = generate(given(CSV, rows=1), None, None)
    assert control_of(made)["match"]["item"]["source"] == "TODO: Accession number?"
    assert "(1 record looked at)" in made.text
