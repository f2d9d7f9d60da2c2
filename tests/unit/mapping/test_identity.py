"""Identity: a value, read where `new` or `load` stands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.helpers import NEW, codes, mapped, only_problem
from worker.records import Identity, Property, Value

BY = ("dcterms:identifier",)


def identity(match: dict[str, Any], fields: dict[str, Any], *more: dict[str, Any]):
    result = mapped([NEW, *more], fields, match={"item": match})
    return result, (result.drafts[0].identity if result.drafts else None)


@pytest.mark.parametrize(
    ("value", "text"), [("A1", "A1"), (" A1 ", "A1"), (12, "12"), (1.5, "1.5"), (["A1"], "A1")]
)
def test_an_identity_is_the_text_of_its_source(value: Any, text: str) -> None:
    match = {"source": "acno", "by": "dcterms:identifier", "scope": "tate"}
    result, found = identity(match, {"acno": value})
    assert found == Identity("tate", BY, (text,))
    assert result.identities == (found,)


def test_filters_apply_to_an_identity() -> None:
    match = {"source": "acno", "by": "dcterms:identifier", "filters": ["lower", {"prefix": "tate:"}]}
    assert identity(match, {"acno": "A1"})[1] == Identity("", BY, ("tate:a1",))


def test_the_identity_is_added_to_its_property_and_replaces_nothing_there() -> None:
    match = {"source": "acno", "by": "dcterms:identifier"}
    result, _ = identity(match, {"acno": "A1"})
    assert result.drafts[0].properties == (
        Property("dcterms:identifier", (Value(text="A1"),), "append", pointer="/match/item"),
    )


def test_an_identity_that_the_record_gives_already_is_not_given_twice() -> None:
    match = {"source": "acno", "by": "dcterms:identifier"}
    given = {"source": "ids", "name": "dcterms:identifier", "multivalue": True}
    result, _ = identity(match, {"acno": "A1", "ids": ["X", "A1"]}, given)
    assert [value.text for value in result.drafts[0].properties[0].values] == ["X", "A1"]
    result, _ = identity(match, {"acno": "A1", "ids": ["X"]}, given)
    assert [value.text for value in result.drafts[0].properties[0].values] == ["X", "A1"]


def test_an_identity_is_read_where_new_stands() -> None:
    each = {
        "action": "for-each",
        "source": "c",
        "instructions": [{"action": "new", "destination": "item:artist"}],
    }
    match = {"item:artist": {"source": "id", "by": "dcterms:identifier", "scope": "a"}}
    result = mapped([each], {"id": "outer", "c": [{"id": 1}, {"id": 2}]}, match=match)
    assert [i.values for i in result.identities] == [("1",), ("2",)]


def test_an_identity_of_several_properties() -> None:
    match = {"source": ["a", "b"], "by": ["dcterms:identifier", "dcterms:source"]}
    _, found = identity(match, {"a": "A1", "b": 2})
    assert found == Identity("", ("dcterms:identifier", "dcterms:source"), ("A1", "2"))
    assert codes(identity(match, {"a": "A1"})[0]) == [("reject", "identity-missing")]


def test_without_a_source_the_identity_is_what_the_record_gives() -> None:
    given = {"source": "acno", "name": "dcterms:identifier"}
    result, found = identity({"by": "dcterms:identifier", "scope": "s"}, {"acno": " A1 "}, given)
    assert found == Identity("s", BY, ("A1",))
    assert result.identities == (found,)


def test_a_uri_is_an_identity_by_its_address() -> None:
    given = {"source": "u", "name": "dcterms:identifier", "type": "uri", "label": "One"}
    _, found = identity({"by": "dcterms:identifier"}, {"u": "https://a.org/1"}, given)
    assert found == Identity("", BY, ("https://a.org/1",))


def test_one_of_several_properties_that_the_record_gives() -> None:
    given = {"source": "s", "name": "dcterms:source"}
    _, found = identity({"by": {"any": ["dcterms:identifier", "dcterms:source"]}}, {"s": "S1"}, given)
    assert found == Identity("", ("dcterms:identifier", "dcterms:source"), ("S1",))


def test_several_values_of_the_identifying_property_are_no_identity() -> None:
    given = {"source": "ids", "name": "dcterms:identifier", "multivalue": True}
    result, _ = identity({"by": "dcterms:identifier"}, {"ids": ["X", "Y"]}, given)
    assert codes(result) == [("reject", "identity-several")]


@pytest.mark.parametrize("value", [None, "", "  ", []])
def test_a_record_without_an_identity_is_rejected(value: Any) -> None:
    result, _ = identity({"source": "acno", "by": "dcterms:identifier"}, {"acno": value})
    assert (codes(result), result.drafts, result.identities) == ([("reject", "identity-missing")], (), ())
    assert only_problem(result).message == (
        "item has no identity: dcterms:identifier would be blank. Every record needs a value where "
        "match.item looks for one."
    )


def test_an_identity_that_cannot_be_read_is_rejected() -> None:
    result, _ = identity({"source": "acno", "by": "dcterms:identifier"}, {"acno": {"a": 1}})
    assert codes(result) == [("reject", "identity-missing")]


def test_the_identity_of_a_rejected_record_is_known_all_the_same() -> None:
    bad = {"source": "u", "name": "dcterms:source", "type": "uri"}
    result, _ = identity({"source": "acno", "by": "dcterms:identifier"}, {"acno": "A1", "u": "no"}, bad)
    assert (result.rejected, result.drafts, result.identities) == (True, (), (Identity("", BY, ("A1",)),))
