"""Places of a preset where the target has no map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from service.control.model import Control
from service.control.parse import parse_control
from tests.unit.planning.given import Resolves, item, record, text
from worker.planning.places import Places
from worker.records import Fields, Mapped, Place

HERE = Place(49.44, 1.0, 12, label="Rouen")


class Mapless(Resolves):
    has_map = False


def control(model: Any = "omeka-s", *, preset: bool = True) -> Control:
    reading = b'{"read": "omeka-classic", "from": "old"}'
    root = b'{"dataImportControlFileVersion": 1, "model": "omeka-s", "visibility": "public", "sites": [], '
    how = b'"recordProcessor": "omeka-classic-site"' if preset else b'"instructions": [{"action": "new"}]'
    parsed = parse_control(root + b'"files": {"data": ' + reading + b"}, " + how + b"}")
    assert parsed.control is not None, parsed.problems
    return replace(parsed.control, model=model)


def settled(place: Any, *properties: Any, given: Control | None = None, mapless: bool = True) -> Mapped:
    fields = Fields(public=True, geolocation=place, of={"geolocation": "ours", "item-set": "ours"})
    drafts = record(item("A1", fields=fields, properties=properties))
    return Places(given or control(), Mapless() if mapless else Resolves()).settle(drafts)


def test_an_omeka_s_without_a_map_gets_them_as_values() -> None:
    (draft,) = settled(HERE, text("dcterms:spatial", "Normandy", of="ours")).drafts
    (spatial,) = [one for one in draft.properties if one.term == "dcterms:spatial"]
    assert [one.text for one in spatial.values] == ["Normandy", "Rouen", "49.44, 1"]
    assert (spatial.of, draft.fields) == ("ours", Fields(public=True, of={"item-set": "ours"}))
    (alone,) = settled(msgspec.structs.replace(HERE, label="")).drafts
    assert [one.text for one in alone.properties[-1].values] == ["49.44, 1"]


def test_an_omeka_classic_without_one_is_told_of_each() -> None:
    found = settled(Place(49.44, 1.0, 12, address="Rouen"), given=control("omeka-classic"))
    assert [(one.severity, one.code, one.value) for one in found.problems] == [
        ("warning", "place-left-out", "Rouen")
    ]
    (draft,) = found.drafts
    assert (draft.fields.geolocation, len(draft.properties)) == (UNSET, 1)


@pytest.mark.parametrize("model", ["omeka-s", "omeka-classic"])
def test_that_an_item_is_nowhere_needs_no_word(model: str) -> None:
    found = settled(None, given=control(model))
    assert (found.problems, found.drafts[0].fields.geolocation) == ((), UNSET)
    assert len(found.drafts[0].properties) == 1


def test_where_there_is_a_map_or_no_preset_nothing_is_changed() -> None:
    assert settled(HERE, mapless=False).drafts[0].fields.geolocation == HERE
    assert settled(HERE, given=control(preset=False)).drafts[0].fields.geolocation == HERE
    assert settled(UNSET).drafts[0].fields.geolocation is UNSET
