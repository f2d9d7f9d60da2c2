"""Locations of Omeka Classic read, meant, merged and compared, on recorded bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET

from tests.unit.targets.classic import body, reply
from worker.errors import Reject
from worker.planning.merge import Merge, merge
from worker.planning.values import NOTHING, Base
from worker.records import Draft, Fields, Place
from worker.targets.base import Saved
from worker.targets.http import Reply
from worker.targets.omeka_classic import compare, places, restoring, updates
from worker.targets.omeka_classic.answers import judge_location
from worker.targets.omeka_classic.representation import saved_from
from worker.targets.omeka_classic.vocabulary import Vocabulary

HERE = Place(49.442600008333, 1.0980982219106, 12, "Rouen Cathedral")


def item(place: Any = None) -> Saved:
    """A recorded item, and where it is: a location as the plugin tells it, None, or "unknown"."""
    found = body("item-get")
    if place != "unknown":
        found["geolocation"] = place
    return saved_from(found, "item")


def recorded() -> Any:
    return body("geolocation-get")


def merged(place: Place | None, saved: Saved, base: Saved | None = None, **policy: Any) -> Merge:
    draft = Draft("item", "item", 0, fields=Fields(geolocation=place, **policy))
    current = updates.current_of(saved, Vocabulary())
    known = Base(updates.current_of(base, Vocabulary())) if base is not None else None
    found = merge(updates.meant_of(draft, Vocabulary(), current), current, known, "keep")
    assert isinstance(found, Merge)
    return found


def payload(place: Place | None, saved: Saved) -> Any:
    current = updates.current_of(saved, Vocabulary())
    return json.loads(updates.update_payload(current, merged(place, saved)))


def test_an_item_refers_to_its_location_and_what_that_holds_is_read_beside_it() -> None:
    assert places.number_in(body("item-get")) == 2  # `047`
    assert places.number_in({"extended_resources": []}) is None
    assert not item("unknown").media_known
    assert "geolocation" not in updates.current_of(item("unknown"), Vocabulary()).fields
    (held,) = updates.current_of(item(recorded()), Vocabulary()).fields["geolocation"]
    assert held.shown() == "49.44260001, 1.09809822 “Rouen Cathedral” (zoom 12)"


def test_a_release_that_keeps_many_locations_is_told_from_one_that_keeps_one() -> None:
    many = {"extended_resources": {"geolocations": {"count": 2, "url": "…?item_id=1"}}}
    with pytest.raises(places.ManyPlaces):
        places.number_in(many)
    assert not places.is_known(many)
    offered = body("resources")["geolocations"]  # `004`
    assert not places.keeps_many(offered)
    assert places.keeps_many({**offered, "index_params": ["item_id"]})


def test_what_a_draft_leaves_open_stays_and_all_of_it_goes_back() -> None:
    """`201`: a PUT without address and map type empties them."""
    stands = recorded() | {"map_type": "satellite"}
    assert payload(Place(50.1, 14.4), item(stands)) == {
        "geolocation": {
            "latitude": 50.1,
            "longitude": 14.4,
            "zoom_level": 12,
            "map_type": "satellite",
            "address": "Rouen Cathedral",
            "id": 1,
        }
    }
    assert payload(Place(50.1, 14.4), item())["geolocation"] == {
        "latitude": 50.1,
        "longitude": 14.4,
        "zoom_level": 10,
        "map_type": "",
        "address": "",
    }
    assert payload(None, item(recorded())) == {"geolocation": {"id": 1, "deleted": True}}


def test_the_digits_that_omeka_does_not_keep_are_no_difference() -> None:
    near = Place(HERE.latitude + 2e-9, HERE.longitude, 12, "Rouen Cathedral")
    assert not merged(near, item(recorded())).changes
    assert merged(Place(HERE.latitude + 2e-8, HERE.longitude), item(recorded())).changes
    zero = recorded() | {"latitude": 0, "longitude": -0.0}
    assert not merged(Place(-0.0, 0.0), item(zero)).changes


def test_an_edit_of_the_location_is_a_conflict_and_what_was_never_read_is_none() -> None:
    edited = item(recorded() | {"address": "Elsewhere"})
    moved = Place(50.1, 14.4, 12, "Rouen Cathedral")
    kept = merged(moved, edited, base=item(recorded()))
    assert (kept.changes, [one.name for one in kept.conflicts]) == ((), ["geolocation"])
    first = merged(moved, edited, base=item("unknown"))
    assert (len(first.changes), first.conflicts) == (1, ())


def test_a_second_location_is_refused() -> None:
    append = {"on_update": {"geolocation": "append"}}
    with pytest.raises(Reject, match="one location at most"):
        merged(Place(1, 2), item(recorded()), **append)
    assert not merged(HERE, item(recorded()), **append).changes
    assert merged(Place(1, 2), item(), **append).changes
    assert not merged(Place(1, 2), item(recorded()), on_update={"geolocation": "keep"}).changes


def test_what_stands_is_compared_with_what_was_meant() -> None:
    meant = json.dumps(payload(Place(50.1, 14.4), item(recorded()))).encode()
    (difference,) = compare.differences(meant, item(recorded()), Vocabulary())
    assert (difference.name, difference.saved) == (
        "geolocation", "49.44260001, 1.09809822 “Rouen Cathedral” (zoom 12)",
    )  # fmt: skip
    there = recorded() | {"latitude": 50.1, "longitude": 14.4}
    assert compare.differences(meant, item(there), Vocabulary()) == ()
    gone = json.dumps(payload(None, item(recorded()))).encode()
    assert compare.differences(gone, item(), Vocabulary()) == ()
    assert compare.differences(gone, item(recorded()), Vocabulary())[0].meant == NOTHING


def test_half_of_a_change_is_told_from_an_edit() -> None:
    meant = json.dumps({**payload(Place(50.1, 14.4), item(recorded())), "featured": True}).encode()
    before, there = item(recorded()), recorded() | {"latitude": 50.1, "longitude": 14.4}
    assert compare.half_done(meant, before, item(there))
    assert compare.half_done(meant, before, before)
    assert not compare.half_done(meant, before, item(recorded() | {"latitude": 3}))
    assert not compare.half_done(meant, before, item())


def test_an_earlier_place_comes_back_and_one_that_was_not_read_is_left() -> None:
    def restored(earlier: Saved, current: Saved) -> Any:
        image = json.dumps(earlier.body).encode()
        found = restoring.restore_body(image, "item", current, {}, ())
        return None if found is None else json.loads(found)

    moved = recorded() | {"id": 7, "latitude": 3}
    assert restored(item(recorded()), item(moved))["geolocation"]["id"] == 7
    assert restored(item(recorded()), item(moved))["geolocation"]["latitude"] == 49.442600008333
    assert "id" not in restored(item(recorded()), item())["geolocation"]
    assert restored(item(), item(moved)) == {"geolocation": {"id": 7, "deleted": True}}
    assert restored(item("unknown"), item(moved)) is None
    assert restored(item(recorded()), item(recorded())) is None


@pytest.mark.parametrize(
    ("name", "method", "judgement"),
    [
        ("geolocation-post", "create", "done"),
        ("geolocation-put", "update", "done"),
        ("item-delete", "delete", "done"),
        ("item-delete-again", "delete", "unknown"),
        ("geolocation-post-bad", "create", "unknown"),
        ("item-get", "create", "unknown"),
    ],
)
def test_answers_to_writes_of_a_location(name: str, method: Any, judgement: str) -> None:
    assert judge_location(method, reply(name)).judgement == judgement


def test_of_two_that_create_one_location_the_second_is_refused() -> None:
    """As `205` says it of element sets; the text is the plugin's own."""
    text = {
        "message": "Error when saving record.",
        "errors": {"item_id": "A location already exists for the provided item."},
    }
    verdict = judge_location("create", Reply(400, {}, json.dumps(text).encode()))
    assert (verdict.judgement, verdict.code) == ("reject", "target-validation")


def test_nothing_is_said_of_places_where_the_record_says_nothing() -> None:
    draft = Draft("item", "item", 0, fields=Fields(geolocation=UNSET))
    assert updates.meant_of(draft, Vocabulary(), None).fields == ()
