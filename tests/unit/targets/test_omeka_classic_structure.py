"""Element sets and item types of Omeka Classic: meant, merged, sent, judged and put back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.planning.merge import Merge, merge
from worker.planning.values import Current
from worker.records import Draft, Fields, Identity, Json, OnUpdate, Property, Value
from worker.targets.base import Saved
from worker.targets.omeka_classic import structure, structure_payloads, updates
from worker.targets.omeka_classic.representation import saved_from
from worker.targets.omeka_classic.vocabulary import Element, Vocabulary

from .classic import body

VOCABULARY = Vocabulary(
    elements={
        "Archive:Shelf": Element(52, description="Where it is"),
        "Item Type Metadata:Text": Element(7),
        "Item Type Metadata:Note": Element(8),
    },
    set_descriptions={"Archive": "Ours"},
)
SHELF: dict[str, Json] = {
    "id": 52,
    "name": "Shelf",
    "description": "Where it is",
    "comment": "",
    "order": 2,
}


def a_set(*elements: dict[str, Json], description: str = "Ours") -> Saved:
    shown: dict[str, Any] = {"id": 4, "url": "/api/element_sets/4", "name": "Archive"}
    return saved_from({**shown, "description": description, "elements": list(elements)}, "element-set")


def a_type(*numbers: tuple[int, str], description: str = "A card") -> Saved:
    shown: dict[str, Any] = {"id": 18, "url": "/api/item_types/18", "name": "Postcard"}
    elements = [{"id": number, "name": name} for number, name in numbers]
    return saved_from({**shown, "description": description, "elements": elements}, "item-type")


def draft(kind: Any, *elements: Any, policy: OnUpdate = "replace", **own: Any) -> Draft:
    said = tuple(one if isinstance(one, str) else json.dumps(one) for one in elements)
    name = "Archive" if kind == "element-set" else "Postcard"
    fields = Fields(own={"elements": said, **own}, on_update={"elements": policy, "description": policy})
    return Draft(kind, kind, 0, identity=Identity("", ("name",), (name,)), fields=fields)


def merged(meant: Draft, saved: Saved) -> tuple[Current, Merge]:
    current = structure.current_of(saved)
    made = merge(structure.meant_of(meant, current), current)
    assert isinstance(made, Merge)
    return current, made


def sent(meant: Draft, saved: Saved) -> Any:
    current, made = merged(meant, saved)
    return json.loads(structure_payloads.update_body(current, made, VOCABULARY)) if made.changes else None


def test_a_new_set_brings_its_elements_with_all_that_is_said_of_them() -> None:
    """`209`: a POST of an element takes description, comment and order."""
    made = draft("element-set", "Box", {"name": "Shelf", "comment": "c", "order": 1}, description="d")
    assert json.loads(structure_payloads.create_body(made, VOCABULARY)) == {
        "name": "Archive",
        "description": "d",
        "elements": [{"name": "Box"}, {"name": "Shelf", "comment": "c", "order": 1}],
    }
    assert body("element-post")["comment"] == "c"


def test_of_an_element_that_is_there_comment_and_place_follow_and_no_description() -> None:
    said = {"name": "Shelf", "description": "Another", "comment": "c", "order": 1}
    meant = draft("element-set", said, {"name": "Box", "order": 3}, description="Theirs")
    assert sent(meant, a_set(SHELF)) == {
        "elements": [{"name": "Box", "order": 3}, {"name": "Shelf", "comment": "c", "order": 1}]
    }
    same = draft("element-set", {"name": "Shelf", "comment": "", "order": 2}, "Shelf")
    assert sent(same, a_set(SHELF)) is None


def test_where_only_what_is_missing_is_to_be_added_the_rest_stays() -> None:
    said = {"name": "Shelf", "comment": "c", "order": 1}
    meant = draft("element-set", said, "Box", policy="append", description="Theirs")
    assert sent(meant, a_set(SHELF)) == {"elements": [{"name": "Box"}]}


def test_a_comment_may_be_taken_off() -> None:
    commented: dict[str, Json] = {**SHELF, "comment": "old"}
    assert sent(draft("element-set", {"name": "Shelf", "comment": ""}), a_set(commented)) == {
        "elements": [{"name": "Shelf", "comment": ""}]
    }


def test_what_is_described_otherwise_is_told_once_a_set() -> None:
    said = draft("element-set", {"name": "Shelf", "description": "Another"}, description="Theirs")
    (problem,) = structure.check(said, VOCABULARY)
    assert (problem.severity, problem.code) == ("warning", "description-stays")
    assert "element set Archive, element Shelf" in problem.message
    added = draft("element-set", {"name": "Shelf", "description": "Another"}, policy="append")
    assert [*structure.check(added, VOCABULARY)] == []


def test_an_item_type_follows_the_order_of_the_record_and_keeps_what_else_it_has() -> None:
    """`220`: a PUT says all elements of an item type, in their order."""
    there = a_type((8, "Note"), (52, "Archive:Shelf"), (7, "Text"))
    meant = draft("item-type", "Item Type Metadata:Text", "Note", description="A postcard")
    assert sent(meant, there) == {
        "description": "A postcard",
        "elements": [{"id": 7}, {"id": 8}, {"id": 52}],
    }
    assert sent(draft("item-type", "Text", "Note", policy="append"), there) is None
    assert sent(draft("item-type", "Text", policy="append"), a_type((8, "Note"))) == {
        "elements": [{"id": 8}, {"id": 7}]
    }


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ({"elements": [{"name": "Shelf", "order": 2, "comment": ""}]}, []),
        ({"elements": [{"name": "Shelf", "order": 1}]}, [("Shelf (order)", "1", "2")]),
        ({"elements": [{"name": "Box"}]}, [("elements", "Box", "(nothing)")]),
        ({"without": [{"id": 52, "name": "Shelf"}]}, [("elements", "(nothing)", "Shelf")]),
        ({"without": [{"id": 60, "name": "Box"}]}, []),
    ],
)
def test_what_came_of_it_is_compared(payload: Any, told: list[tuple[str, str, str]]) -> None:
    found = structure_payloads.differences(json.dumps(payload).encode(), a_set(SHELF))
    assert [(one.name, one.meant, one.saved) for one in found] == told


def test_an_earlier_state_is_put_back_as_far_as_the_api_can() -> None:
    """`215`: an element can be deleted; a place that it had not it cannot lose."""
    box: dict[str, Json] = {**SHELF, "id": 60, "name": "Box"}
    now = a_set({**SHELF, "comment": "c", "order": 9}, box)
    image = json.dumps(a_set({**SHELF, "order": None}).body).encode()
    put_back = structure_payloads.restore_body(image, now)
    assert put_back is not None
    assert json.loads(put_back) == {
        "without": [{"id": 60, "name": "Box"}],
        "elements": [{"name": "Shelf", "comment": ""}],
    }
    assert structure_payloads.restore_body(json.dumps(now.body).encode(), now) is None


# --- records that speak for all elements ----------------------------------------------------------


def test_a_record_that_speaks_for_all_elements_gives_up_what_is_ours_in_any_other() -> None:
    item = saved_from(body("item-post"), "item")
    current = updates.current_of(item, VOCABULARY)
    vocabulary = Vocabulary(elements={name: Element(50) for name in current.properties})
    (first, *others) = current.properties
    whole = Draft("item", "item", 0, properties=(Property(first, (Value(text="A"),), of="ours"),), whole=True)
    named = updates.meant_of(whole, vocabulary, current).properties
    assert [(one.name, one.wishes, one.of) for one in named[1:]] == [(name, (), "ours") for name in others]
    assert len(updates.meant_of(whole, vocabulary, None).properties) == 1
    assert whole.canonical() != Draft("item", "item", 0, properties=whole.properties).canonical()


BOX: dict[str, Json] = {**SHELF, "id": 53, "name": "Box", "order": 3}
ROOM: dict[str, Json] = {**SHELF, "id": 54, "name": "Room", "order": 4}


@pytest.mark.parametrize(
    ("present", "half"),
    [
        (a_set(SHELF, BOX), True),
        (a_set({**SHELF, "comment": "On it"}, BOX), True),
        (a_set({**SHELF, "comment": "On it"}, ROOM), True),
        (a_set({**SHELF, "comment": "Else"}, BOX), False),
        (a_set({**SHELF, "order": 9}, BOX), False),
        (a_set(BOX), False),  # that one was not to go
        (a_set(SHELF, BOX, {**ROOM, "name": "Floor"}), False),
        (a_set(SHELF, BOX, description="Theirs"), False),
    ],
)
def test_a_set_that_was_changed_in_part_is_told_from_one_that_somebody_edited(
    present: Saved, half: bool
) -> None:
    change = {
        "elements": [{"name": "Shelf", "comment": "On it"}, {"name": "Room"}],
        "without": [{"id": 53, "name": "Box"}],
    }
    found = structure_payloads.half_done(json.dumps(change).encode(), a_set(SHELF, BOX), present)
    assert found is half
