"""Records of one identity that become one resource."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.planning.given import text
from worker.planning.duplicates import merged
from worker.records import Draft, Fields, Property


def draft(*properties: Property, **more: Any) -> Draft:
    return Draft("item", "item", 0, properties=properties, **more)


def test_values_of_the_second_come_behind_those_of_the_first_and_each_once() -> None:
    first = draft(text("dcterms:subject", "Sea", "Sky"), text("dcterms:title", "One"))
    second = draft(text("dcterms:subject", "Sky", "Oak"), text("dcterms:date", "1863"))
    assert merged(first, second) == draft(
        text("dcterms:subject", "Sea", "Sky", "Oak"),
        text("dcterms:title", "One"),
        text("dcterms:date", "1863"),
    )


def test_the_first_says_how_present_values_are_treated() -> None:
    first = draft(text("dcterms:subject", "Sea", on_update="append"))
    second = draft(text("dcterms:subject", "Sky", on_update="remove"))
    assert merged(first, second) == draft(text("dcterms:subject", "Sea", "Sky", on_update="append"))


def test_fields_are_the_first_s_where_it_says_any_and_lists_come_together() -> None:
    first = draft(fields=Fields(public=False, item_sets=("A", "B"), of={"item-set": "all"}))
    second = draft(
        fields=Fields(
            public=True, item_sets=("B", "C"), template="Artwork", of={"item-set": "ours", "site": "all"}
        )
    )
    assert merged(first, second).fields == Fields(
        public=False,
        item_sets=("A", "B", "C"),
        template="Artwork",
        of={"item-set": "all", "site": "all"},
    )


words = st.lists(st.sampled_from("abc"), max_size=3)
records = st.lists(
    st.tuples(st.sampled_from(["dcterms:title", "dcterms:subject"]), words), unique_by=lambda x: x[0]
)


def made(parts: list[tuple[str, list[str]]]) -> Draft:
    return draft(*(text(term, *dict.fromkeys(several)) for term, several in parts))


@given(records, records, records)
def test_it_does_not_matter_which_are_merged_first(one: Any, two: Any, three: Any) -> None:
    a, b, c = made(one), made(two), made(three)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(a, a) == a
