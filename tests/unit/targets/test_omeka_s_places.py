"""Places on the maps of the module Mapping, by what its public source makes of them: nothing was recorded."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.targets.samples import VOCABULARY
from worker.planning.merge import Merge, merge
from worker.planning.values import Base
from worker.records import Draft, Fields, Place
from worker.targets.base import Saved
from worker.targets.omeka_s import compare, payloads, restoring, updates
from worker.targets.omeka_s.representation import saved_from

FEATURE = "o-module-mapping:feature"
TYPE = "o-module-mapping:geography-type"
AT = "o-module-mapping:geography-coordinates"
WALK = {"o:id": 9, "o:label": "A walk", TYPE: "LineString", AT: [[0, 0], [1, 1]], "o:media": None}


def point(longitude: float, latitude: float, label: str | None = None, number: int = 3, **more: Any) -> Any:
    return {"o:id": number, "o:label": label, TYPE: "Point", AT: [longitude, latitude], **more}


def item(*features: Any) -> Saved:
    body: Any = {"@id": "http://e.org/api/items/7", "o:id": 7, "o:is_public": True}
    return saved_from({**body, **({FEATURE: list(features)} if features else {})}, "item")


def draft(place: Place | None) -> Draft:
    return Draft("item", "item", 0, fields=Fields(geolocation=place, of={"geolocation": "ours"}))


def merged(place: Place | None, saved: Saved, base: Saved | None = None) -> Merge:
    current = updates.current_of(saved, VOCABULARY)
    known = Base(updates.current_of(base, VOCABULARY)) if base is not None else None
    found = merge(updates.meant_of(draft(place), {}, VOCABULARY, current), current, known, "keep")
    assert isinstance(found, Merge)
    return found


def payload(place: Place | None, saved: Saved, base: Saved) -> Any:
    current = updates.current_of(saved, VOCABULARY)
    return json.loads(updates.update_payload(current, merged(place, saved, base), VOCABULARY))[FEATURE]


def test_a_new_item_says_its_place_longitude_first() -> None:
    body = json.loads(payloads.create_body(draft(Place(49.4, 1.1, label="Rouen")), (), {}, None, VOCABULARY))
    assert body[FEATURE] == [{TYPE: "Point", AT: [1.1, 49.4], "o:label": "Rouen"}]
    plain = json.loads(payloads.create_body(Draft("item", "item", 0), (), {}, None, VOCABULARY))
    assert FEATURE not in plain


def test_a_place_that_moves_keeps_its_number_its_media_and_what_stands_beside_it() -> None:
    ours = point(1, 2, "Here", **{"o:media": {"@id": "…", "o:id": 8}})
    second, first = payload(Place(5, 6), item(ours, WALK), item(ours))
    assert first == {TYPE: "LineString", AT: [[0, 0], [1, 1]], "o:label": "A walk", "o:id": 9}
    assert second == {TYPE: "Point", AT: [6, 5], "o:label": None, "o:id": 3, "o:media": {"o:id": 8}}
    # Alone it keeps its label too.
    assert payload(Place(5, 6), item(ours), item(ours))[0]["o:label"] == "Here"
    assert payload(None, item(ours, WALK), item(ours))[0]["o:id"] == 9


def test_what_others_placed_stays_and_theirs_for_ours_is_a_conflict() -> None:
    theirs = point(8, 9, "Theirs", number=4)
    assert [one.get("o:id") for one in payload(Place(1, 2), item(theirs), item())] == [4, None]
    moved = merged(Place(5, 6), item(point(7, 7, number=3)), item(point(1, 2, number=3)))
    assert (moved.changes, [one.name for one in moved.conflicts]) == ((), ["geolocation"])
    assert not merged(Place(2, 1), item(point(1, 2)), item(point(1, 2))).changes


def test_what_stands_is_compared_with_what_was_meant() -> None:
    meant = json.dumps({FEATURE: [{TYPE: "point", AT: [1, 2.000000001], "o:label": ""}]}).encode()
    assert compare.differences(meant, item(point(1, 2)), VOCABULARY) == ()
    (difference,) = compare.differences(meant, item(), VOCABULARY)
    assert (difference.name, difference.meant) == ("geolocation", "2.0, 1.0")


def test_earlier_places_come_back() -> None:
    def restored(earlier: Saved, current: Saved) -> Any:
        found = restoring.restore_body(json.dumps(earlier.body).encode(), "item", current, {}, ())
        return None if found is None else json.loads(found)

    assert restored(item(point(1, 2)), item(point(1, 2))) is None
    assert restored(item(point(1, 2)), item(point(5, 6)))[FEATURE][0]["o:id"] == 3
    assert "o:id" not in restored(item(point(1, 2)), item())[FEATURE][0]
    assert restored(item(), item(point(1, 2))) == {FEATURE: []}
    image = json.dumps(item(point(1, 2, "R", **{"o:media": {"o:id": 8}})).body).encode()
    again = json.loads(restoring.recreate_body(image, "item", (), {}, ()))
    assert again[FEATURE] == [{TYPE: "Point", AT: [1, 2], "o:label": "R"}]
