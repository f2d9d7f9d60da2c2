"""Records of an Omeka Classic made ready for another one."""

from __future__ import annotations

from typing import Any

from service.control.model import RecordProcessor
from worker.readers.classic_to_classic import ClassicToClassic

TEXT = {"text": "A", "html": True}
ITEM: dict[str, Any] = {
    "resource": "items",
    "id": 5,
    "public": True,
    "featured": False,
    "owner": {"id": 2},
    "owner_email": "alice@example.org",
    "item_type_name": "Postcard",
    "collection": {"id": 1},
    "collection_title": "Cards",
    "tag_names": ["Smith, John"],
    "files": [{"id": 9, "elements": {"Dublin Core": {"Title": [TEXT]}}}, "odd"],
    "geolocation": {"address": "Rouen", "latitude": 49.5, "longitude": 1.0},
    "elements": {"Archive": {"Shelf": [TEXT]}, "Dublin Core": {"Title": [TEXT]}},
    "added": "2024-03-01T10:00:00+00:00",
}


def ready(record: Any = ITEM, **options: Any) -> dict[str, Any]:
    preset = RecordProcessor("omeka-classic-site", model="omeka-classic", **options)
    return ClassicToClassic(preset, "old").ready(record)


def test_an_item_keeps_its_names() -> None:
    made = ready()
    assert made["identity"] == "old/items/5"
    assert (made["public"], made["featured"], made["class"], made["item-set"]) == (
        True,
        False,
        "Postcard",
        "Cards",
    )
    assert made["tag_names"] == ["Smith, John"]
    assert made["texts"] == ITEM["elements"]
    assert made["files"][0]["texts"] == {"Dublin Core": {"Title": [TEXT]}}
    assert made["left"] == []


def test_options_map_strip_and_leave_out() -> None:
    made = ready(
        html="strip",
        dates=True,
        geolocation=False,
        type_map={"Postcard": ""},
        element_map={"Archive:Shelf": "dcterms:source", "Dublin Core:Title": "", "tags": "Archive:Keyword"},
    )
    assert made["class"] is None
    assert made["left"] == []
    assert made["tag_names"] == []
    assert made["texts"] == {
        "dcterms": {"source": [{"text": "A", "html": False}]},
        "Dublin Core": {"Date Created": [{"text": "2024-03-01T10:00:00+00:00", "html": False}]},
        "Archive": {"Keyword": [{"text": "Smith, John", "html": False}]},
    }


def test_a_collection_without_a_title_gets_one_since_items_name_it_by_that() -> None:
    made = ready({"resource": "collections", "id": 7, "title": "Collection 7", "elements": {}})
    assert made["texts"] == {"Dublin Core": {"Title": [{"text": "Collection 7", "html": False}]}}
    titled = {
        "resource": "collections",
        "id": 7,
        "title": "A",
        "elements": {"Dublin Core": {"Title": [TEXT]}},
    }
    assert ready(titled)["texts"] == {"Dublin Core": {"Title": [TEXT]}}


def test_a_collection_that_is_hidden_from_the_key_is_said() -> None:
    (said,) = ready({**ITEM, "collection_title": None})["left"]
    assert said == "Item 5 is in a collection there that the source's key does not show."


def test_what_goes_by_another_name_is_not_made_here() -> None:
    members = [{"name": "Shelf", "description": None, "comment": "", "order": 2}, {"name": "Box"}]
    record = {"resource": "element_sets", "name": "Archive", "element_list": members}
    assert ready(record)["members"] == [{"name": "Shelf", "comment": "", "order": 2}, {"name": "Box"}]
    mapped = {"Archive:Shelf": "dcterms:source"}
    assert ready(record, element_map=mapped)["members"] == [{"name": "Box"}]
    gone = ready(record, element_map={**mapped, "Archive:Box": ""})
    assert gone["resource"] != "element_sets"
    kind = {"resource": "item_types", "name": "Postcard", "element_names": ["Archive:Shelf", "Archive:Box"]}
    assert ready(kind, element_map=mapped)["members"] == ["Archive:Box"]
    assert ready(kind, type_map={"Postcard": "Still Image"})["resource"] != "item_types"


def test_what_the_api_does_not_take_is_said_with_its_name() -> None:
    pages = [{"title": "Before", "slug": "before"}]
    exhibit = ready({"resource": "exhibits", "title": "Flood", "slug": "flood", "pages": pages})
    assert "Exhibit “Flood” (flood)" in exhibit["why"]
    assert exhibit["left"] == ["Exhibit “Flood” (flood): its page “Before” (before) is not taken over."]
    assert "“Visit” (visit)" in ready({"resource": "simple_pages", "title": "Visit", "slug": "visit"})["why"]
    assert "alice@example.org" in ready({"resource": "users", "email": "alice@example.org"})["why"]


def test_owners_are_counted_by_name_or_number() -> None:
    site = ClassicToClassic(RecordProcessor("omeka-classic-site", model="omeka-classic"), "old")
    assert site.notes() == ()
    for record in (ITEM, ITEM, {**ITEM, "owner_email": None}, {**ITEM, "owner": {"id": 0}}):
        site.ready(record)
    (said,) = site.notes()
    assert "alice@example.org (2), user 2 (1)" in said
