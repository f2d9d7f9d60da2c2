"""An Omeka Classic read into another one with instructions: items with their texts, tags and files."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.standins.omeka_classic import StandIn

ITEMS = (1, 2)
FILES = ("letter 1.jpg", "letter 2.jpg")


def control() -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "public",
        "match": {"item": {"source": "id", "by": "dcterms:identifier", "scope": "old site"}},
        "files": {"old": {"read": "omeka-classic", "from": "old"}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {
                "action": "for-each",
                "expression": 'elements."Dublin Core".Title',
                "instructions": [
                    {"source": "text", "destination": "item", "name": "dcterms:title", "multivalue": True}
                ],
            },
            {"source": "tag_names", "name": "tags", "multivalue": True},
            {
                "action": "for-each",
                "source": "files",
                "instructions": [
                    {"action": "new", "destination": "media"},
                    {"source": "file", "destination": "media", "name": "url"},
                ],
            },
        ],
    }


def seed(source: StandIn) -> None:
    source.seed(
        items=[
            {
                "id": n,
                "public": True,
                "tags": [{"name": "Smith, John"}],
                "element_texts": [{"element": {"name": "Title"}, "text": f"Letter {n}"}],
            }
            for n in ITEMS
        ],
        files=[
            {
                "id": n,
                "item": {"id": 1},
                "original_filename": name,
                "order": n,
                "content": base64.b64encode(jpeg(name)).decode(),
            }
            for n, name in enumerate(FILES, 1)
        ],
    )


def test_files_of_a_source_are_fetched_and_uploaded_and_again_nothing_is_written(tmp_path: Path) -> None:
    with StandIn() as source, StandIn() as target:
        seed(source)
        sources = {"old": {"kind": "omeka-classic", "url": source.url, "key": source.api_key}}
        with Installation(tmp_path, {"new": target_of(target)}, sources=sources) as accession:
            accession.start()
            for writes in (2 + len(FILES), 0):
                target.reset_requests()
                batch = accession.batch(control(), {})
                assert accession.run(batch) == "complete", accession.log(batch)
                counts = target.requests()["counts"]
                assert sum(n for what, n in counts.items() if not what.startswith("GET")) == writes, counts
        dump = target.dump()
    assert len(dump["items"]) == len(ITEMS)
    assert {tag["name"] for item in dump["items"] for tag in item["tags"]} == {"Smith, John"}
    found = [(one["original_filename"], one["authentication"]) for one in dump["files"]]
    assert found == [(name, hashlib.md5(jpeg(name)).hexdigest()) for name in FILES]


def test_the_preset_names_each_place_that_the_target_has_no_map_for(tmp_path: Path) -> None:
    with StandIn() as source, StandIn() as target:
        seed(source)
        place = {"id": 1, "item": {"id": 2}, "latitude": 49.5, "longitude": 1.25, "zoom_level": 9}
        source.seed(geolocations=[{**place, "address": "Rouen"}])
        target.knobs(plugins=[])
        sources = {"old": {"kind": "omeka-classic", "url": source.url, "key": source.api_key}}
        preset = {
            "dataImportControlFileVersion": 1,
            "model": "omeka-classic",
            "visibility": "public",
            "recordProcessor": "omeka-classic-site",
            "files": {"old": {"read": "omeka-classic", "from": "old"}},
        }
        with Installation(tmp_path, {"here": target_of(target)}, sources=sources) as accession:
            accession.start()
            batch = accession.batch(preset, {})
            assert accession.run(batch) == "complete", accession.log(batch)
            assert "(Rouen) is not taken over: this Omeka has no plugin Geolocation" in accession.log(batch)
            assert target.dump()["geolocations"] == []

            # Once the map is there, the next import brings it.
            target.knobs(plugins=["Geolocation"])
            target.reset_requests()
            batch = accession.batch(preset, {})
            assert accession.run(batch) == "complete", accession.log(batch)
            (made,) = target.dump()["geolocations"]
            assert (made["latitude"], made["longitude"], made["zoom_level"]) == (49.5, 1.25, 9)
            assert made["address"] == "Rouen"
            counts = target.requests()["counts"]
            assert {key: n for key, n in counts.items() if not key.startswith("GET")} == {
                "POST /api/geolocations": 1
            }
