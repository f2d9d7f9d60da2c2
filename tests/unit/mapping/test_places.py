"""What a record says of the place of its item."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from tests.unit.mapping import helpers
from tests.unit.mapping.helpers import NEW, codes
from worker.records import Fields, Mapped, Place

PLACE = {"action": "new", "destination": "geolocation"}
POINT = {"source": "point", "destination": "geolocation", "name": "point"}
MORE = [
    {"source": "zoom", "destination": "geolocation", "name": "zoom"},
    {"source": "address", "destination": "geolocation", "name": "address"},
    {"source": "label", "destination": "geolocation", "name": "label"},
]


def mapped(instructions: list[dict[str, Any]], record: dict[str, Any], **root: Any) -> Mapped:
    """For whatever Omeka: each kind has names of its own for a place."""
    return helpers.mapped(instructions, record, model="omeka", **root)


def fields(result: Mapped) -> Fields:
    assert not [one for one in result.problems if one.severity != "warning"], result.problems
    (draft,) = result.drafts  # a geolocation is no resource of its own
    return draft.fields


def test_a_geolocation_is_a_field_of_its_item() -> None:
    record = {"point": " 49.44, +1.09 ", "zoom": "12", "address": "Rouen", "label": "Cathedral"}
    found = fields(mapped([NEW, PLACE, POINT, *MORE], record))
    assert found.geolocation == Place(49.44, 1.09, 12, "Rouen", "Cathedral")
    # What others have put onto a map stays there.
    assert found.of == {"geolocation": "ours"}
    alone = fields(mapped([NEW, PLACE, POINT], {"point": "49.44,1.09"}))
    assert alone.geolocation == Place(49.44, 1.09)


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        (50.1, 14.4, Place(50.1, 14.4)),
        (-0.00001, 2e-7, Place(-0.00001, 0.0000002)),
        ("", "", UNSET),
        (0, 0, Place(0.0, 0.0)),
    ],
)
def test_coordinates_in_two_columns_make_a_point(latitude: Any, longitude: Any, place: Any) -> None:
    parts = [
        {"source": "lat", "destination": "value:coordinates", "name": "latitude"},
        {"source": "lon", "destination": "value:coordinates", "name": "longitude"},
        {
            "action": "field-structured",
            "structured": "value:coordinates",
            "destination": "geolocation",
            "name": "point",
        },
    ]
    found = fields(mapped([NEW, PLACE, *parts], {"lat": latitude, "lon": longitude}))
    assert found.geolocation == place


def test_without_a_point_nothing_is_said_and_a_cleared_one_takes_the_place_away() -> None:
    zoomed = {**PLACE, "set": {"zoom": 8}}
    assert fields(mapped([NEW, zoomed, POINT], {"point": ""})).geolocation is UNSET
    assert fields(mapped([NEW, zoomed, {**POINT, "blank": "clear"}], {"point": ""})).geolocation is None
    remove = {"action": "remove-values", "destination": "geolocation", "name": "point"}
    assert fields(mapped([NEW, PLACE, remove], {})).geolocation is None
    cleared = {"source": "address", "destination": "geolocation", "name": "address", "blank": "clear"}
    assert fields(mapped([NEW, PLACE, POINT, cleared], {"point": "1,2"})).geolocation == Place(
        1, 2, address=""
    )
    keep = {**POINT, "onUpdate": "keep"}
    assert fields(mapped([NEW, PLACE, keep], {"point": "1,2"})).on_update == {"geolocation": "keep"}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"point": "Rouen"}, "not-coordinates"),
        ({"point": "1.09"}, "not-coordinates"),
        ({"point": "91,1"}, "not-coordinates"),
        ({"point": "1,181"}, "not-coordinates"),
        ({"point": "nan,inf"}, "not-coordinates"),
        ({"point": "1e400,2"}, "not-coordinates"),
        ({"point": ["1,2", "3,4"]}, "several-values"),
        ({"point": {"lat": 1}}, "value-not-text"),
        ({"point": "1,2", "zoom": "near"}, "not-an-integer"),
        ({"point": "1,2", "zoom": 31}, "not-an-integer"),
        ({"point": "1,2", "zoom": -1}, "not-an-integer"),
        ({"address": "Rouen"}, "place-without-point"),
        ({"point": "", "label": "Here"}, "place-without-point"),
    ],
)
def test_what_is_no_place_rejects_the_record(record: dict[str, Any], code: str) -> None:
    found = mapped([NEW, PLACE, POINT, *MORE], record)
    assert ("reject", code) in codes(found)
    dropped = mapped([NEW, {**PLACE, "onError": "drop"}, POINT, *MORE], record, onError="drop")
    assert ("warning", code) in codes(dropped)
    assert len(dropped.drafts) == 1


def test_an_item_is_at_one_place_and_a_place_has_an_item() -> None:
    twice = mapped([NEW, PLACE, POINT, PLACE, POINT], {"point": "1,2"})
    assert codes(twice) == [("reject", "place-several")]
    # Each of two items has its own.
    other = {"action": "new", "destination": "item:other"}
    its = {**PLACE, "destination": "geolocation:other"}
    both = mapped(
        [NEW, other, PLACE, its, POINT, {**POINT, "source": "b", "destination": "geolocation:other"}],
        {"point": "1,2", "b": "3,4"},
    )
    assert [one.fields.geolocation for one in both.drafts] == [Place(1, 2), Place(3, 4)]
