"""Whatever the records are: the parser finds nothing but TODOs, and what is not TODO maps the sample."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.generating import support
from worker.generating import generate
from worker.generating.layout import WIDTH, lay_out
from worker.records import Json

NAMES = st.sampled_from(
    [
        "id",
        "title",
        "Titel (de)",
        "creators",
        "name",
        "subject",
        "date",
        "url",
        "a.b",
        "@id",
        "#text",
        "x y",
        "é",
        "en",
        "metadata",
        "children",
        "image",
        "public",
        '"',
        "TODO",
        "Accession no.",
        "dimensions",
        "dc:title",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2100),
    st.sampled_from(
        ["", " ", "a", "b; c", "x (1; 2); y", "1999", "c. 1920", "01/02/1999", "13/02/1999", "a|b"]
    ),
    st.sampled_from(["http://example.org/1", "http://example.org/i.jpg", "TODO", "<p>a</p>", "true", "1.50"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RECORDS)
@example([{"metadata": {"id": {"#text": 1, "dc:title": False}}}])
@example([{"id": None, "title": {"en": {"id": False}}}])
@example([{"title": {"en": {"@id": "a"}, "de": "b"}}])
def test_any_records_make_a_file_with_nothing_wrong_but_its_todos(records: list[dict[str, Json]]) -> None:
    with TemporaryDirectory() as folder:
        path = support.write(Path(folder), "records.json", json.dumps(records))
        made = generate(support.given(path), None, None)
        assert support.only_todos(made.text) == []
        control = support.without_todos(support.control_of(made))
        rejected = [one.problems for one in support.run(control, path) if one.rejected]
        assert rejected == []


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_the_layout_changes_nothing_but_the_white_space(value: Json) -> None:
    document: dict[str, Json] = {"value": value}
    text = lay_out(document)
    assert json.loads(text) == document
    assert [line for line in text.splitlines() if len(line) > WIDTH + 2] == []
