"""What follows from the order of instructions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.control.making import said, told, version_0, version_1

TITLE = {"source": "t", "name": "dcterms:title"}
DATE = {"source": "d", "name": "dcterms:date"}
SKIP = {"action": "skip", "message": "enough"}


def if_exists(then: list[Any], otherwise: list[Any] | None = None) -> dict[str, Any]:
    return {"action": "if-exists", "source": "x", "then": then, "else": otherwise or []}


def replaces(second: str, first: str, name: str = "dcterms:title") -> str:
    return (
        f'/instructions/{second} replaces what /instructions/{first} sets in {name}. Add "multivalue": true.'
    )


def test_a_value_that_would_replace_another_one_is_refused() -> None:
    assert told(TITLE, DATE, TITLE) == [replaces("3", "1")]


@pytest.mark.parametrize(
    "instructions",
    [
        [TITLE, {**TITLE, "multivalue": True}],
        [TITLE, {"action": "remove-values", "name": "dcterms:title"}, TITLE],
        [if_exists([TITLE], [TITLE])],
        [if_exists([TITLE]), TITLE],
        [if_exists([TITLE]), if_exists([TITLE])],
        [TITLE, {"action": "new"}, TITLE],
        [TITLE, {"action": "if-has-value", "name": "dcterms:title", "else": [TITLE]}],
        [if_exists([TITLE, SKIP]), TITLE],
    ],
    ids=["append", "removed", "branches", "maybe", "either", "new", "default", "ended"],
)
def test_a_value_that_replaces_nothing_for_certain_is_allowed(instructions: list[Any]) -> None:
    assert told(*instructions) == []


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        ([TITLE, if_exists([TITLE])], replaces("2/then/0", "1")),
        ([if_exists([TITLE], [TITLE]), TITLE], replaces("2", "1/then/0")),
        ([if_exists([TITLE], [SKIP]), TITLE], replaces("2", "1/then/0")),
        (
            [{"action": "within", "source": "a", "instructions": [TITLE]}, TITLE],
            replaces("2", "1/instructions/0"),
        ),
        ([{**TITLE, "multivalue": True}, TITLE], replaces("2", "1")),
        ([{"action": "fields", "fields": {"T": "dcterms:title"}}, TITLE], replaces("2", "1/fields/T")),
    ],
)
def test_replacing_is_seen_along_every_path(instructions: list[Any], message: str) -> None:
    assert told(*instructions) == [message]


def test_a_name_of_one_value_cannot_be_appended_to() -> None:
    same = {"source": "c", "name": "class"}
    assert told(same, same) == [
        "/instructions/2 replaces what /instructions/1 sets in class."
        " class holds one value: keep one of them, or put each into a branch of a condition."
    ]


def test_labels_are_destinations_of_their_own() -> None:
    other = {"action": "new", "destination": "item:artist"}
    assert told(TITLE, other, {**TITLE, "destination": "item:artist"}) == []


def test_each_turn_of_a_loop_would_replace_the_one_before() -> None:
    loop = {"action": "for-each", "source": "a", "instructions": [TITLE]}
    message = (
        "/instructions/1/instructions/0 replaces in each turn of the for-each what the turn before set in"
        ' dcterms:title. Add "multivalue": true.'
    )
    assert told(loop) == [message]
    old = {"action": "for-each", "source": "a", "instructions": [{**TITLE, "destination": "item"}]}
    assert said(version_0(old)) == [message]


def test_a_turn_may_fill_what_it_makes() -> None:
    media = {"destination": "media", "name": "url", "source": "u"}
    collected = [
        {"source": "u", "destination": "value:uri", "name": "uri"},
        {
            "action": "field-structured",
            "structured": "value:uri",
            "name": "dcterms:source",
            "multivalue": True,
        },
    ]
    inner = [{"action": "new", "destination": "media"}, media, *collected]
    assert told({"action": "for-each", "source": "a", "instructions": inner}) == []


def test_haplo_let_values_be_replaced() -> None:
    old = {**TITLE, "destination": "item"}
    assert said(version_0(old, old)) == []


def test_what_nothing_makes_cannot_be_filled() -> None:
    assert told({**TITLE, "destination": "item:artist"}, {**DATE, "destination": "item:artist"}) == [
        '/instructions/1: no "new" or "load" of "item:artist" comes before this. So far there is: item.'
    ]
    assert told(instructions=[TITLE, {"action": "new"}]) == [
        '/instructions/0: no "new" or "load" of "item" comes before this.'
    ]


def test_what_a_branch_or_another_load_makes_may_be_filled() -> None:
    assert told(instructions=[if_exists([{"action": "new"}], [SKIP]), TITLE]) == []
    load = {"action": "load", "otherwise": [{"action": "new"}]}
    assert told(instructions=[load, TITLE]) == []


def test_media_need_an_item() -> None:
    assert told(instructions=[{"action": "new", "destination": "media"}]) == [
        '/instructions/0: a "media" belongs to the current item, and no "new" or "load" of one comes before.'
    ]
    labelled = [{"action": "new", "destination": "item:work"}, {"action": "new", "destination": "media"}]
    assert told(instructions=labelled) == []


def test_what_is_collected_must_be_taken_and_the_other_way_round() -> None:
    assert told(
        {"source": "u", "destination": "value:uri", "name": "uri"},
        {"action": "field-structured", "structured": "value:date", "name": "dcterms:date"},
        {"source": "i", "destination": "load:by-id", "name": "id"},
    ) == [
        '/instructions/1: "value:uri" is filled but never taken; a "field-structured" takes it.',
        '/instructions/3: "load:by-id" is filled but never taken; "using" of a "load" takes it.',
        '/instructions/2: nothing fills "value:date"; let a field have it as its destination.',
    ]


def test_each_file_is_followed_for_itself() -> None:
    own = {"read": "json", "instructions": [{"action": "new"}, TITLE, TITLE]}
    assert said(version_1(TITLE, files={"a": own, "b": {"read": "json"}})) == [
        "/files/a/instructions/2 replaces what /files/a/instructions/1 sets in dcterms:title."
        ' Add "multivalue": true.'
    ]
