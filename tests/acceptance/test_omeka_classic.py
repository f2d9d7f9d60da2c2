"""Omeka Classic as a target: the same plan and apply code, through the door that a user takes.

One installation and one stand-in serve all tests of this module; each writes under a scope of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.standins.omeka_classic import StandIn

TITLE = "Dublin Core:Title"


@pytest.fixture(scope="module")
def _omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def _accession(tmp_path_factory: pytest.TempPathFactory, _omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("classic") / "accession"
    with Installation(folder, {"classic": target_of(_omeka)}) as installation:
        yield installation.start()


@pytest.fixture
def omeka(_omeka: StandIn) -> StandIn:
    _omeka.reset_requests()
    return _omeka


@pytest.fixture
def accession(_accession: Installation) -> Installation:
    return _accession


def control(scope: str, *instructions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "public",
        "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": scope}},
        "files": {"data0": {"read": "json"}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            *instructions,
        ],
        **more,
    }


def data(records: list[dict[str, Any]]) -> dict[str, bytes]:
    return {"data0": json.dumps(records).encode()}


def works(scope: str, number: int, **more: Any) -> list[dict[str, Any]]:
    return [{"acno": f"{scope}-{one:03}", "title": f"Work {one}", **more} for one in range(1, number + 1)]


def texts(record: dict[str, Any]) -> dict[str, list[Any]]:
    """Element in full → its texts; a text of HTML as a pair."""
    found: dict[str, list[Any]] = {}
    for one in record["element_texts"]:
        name = f"{one['element_set']['name']}:{one['element']['name']}"
        found.setdefault(name, []).append((one["text"], "html") if one["html"] else one["text"])
    return found


def mine(omeka: StandIn, scope: str) -> dict[str, dict[str, Any]]:
    """The items of a scope by identifier."""
    found = {}
    for item in omeka.dump()["items"]:
        identifiers = texts(item).get("Dublin Core:Identifier", [])
        if identifiers and str(identifiers[0]).startswith(f"{scope}-"):
            found[identifiers[0]] = item
    return found


def writes(omeka: StandIn) -> dict[str, int]:
    """Requests that write since the last reset, by method and path without numbers."""
    counts: dict[str, int] = omeka.requests()["counts"]
    return {key: n for key, n in counts.items() if not key.startswith("GET")}


def test_items_are_created_with_one_request_each_and_a_second_time_nothing_is_sent(
    accession: Installation, omeka: StandIn
) -> None:
    instructions = (
        {"source": "physical", "name": "Item Type Metadata:Physical Dimensions"},
        {"source": "about", "name": "dcterms:description", "type": "html"},
        {"source": "page", "name": "dcterms:relation", "type": "uri", "label": "Its page"},
    )
    records = works("first", 60, physical="20 × 30 cm", about="<p>Oil &amp; gold</p>", page="https://e.org/1")
    batch = accession.batch(control("first", *instructions), data(records))
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert writes(omeka) == {}

    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 60}
    items = mine(omeka, "first")
    assert len(items) == 60
    item = items["first-007"]
    assert (item["public"], item["featured"]) == (True, False)
    assert texts(item) == {
        "Dublin Core:Title": ["Work 7"],
        "Dublin Core:Identifier": ["first-007"],
        "Dublin Core:Description": [("<p>Oil &amp; gold</p>", "html")],
        "Dublin Core:Relation": [('<a href="https://e.org/1">Its page</a>', "html")],
        "Item Type Metadata:Physical Dimensions": ["20 × 30 cm"],
    }

    omeka.reset_requests()
    again = accession.batch(control("first", *instructions), data(records))
    assert accession.run(again) == "complete", accession.log(again)
    counts = accession.counts(again)
    assert (counts["unchanged"], counts.get("updated", 0), counts.get("created", 0)) == (60, 0, 0)
    requests = omeka.requests()["counts"]
    # What there is, is listed once, fifty a page; names and the first question are asked a few times.
    assert writes(omeka) == {}
    assert requests["GET /api/items"] <= 2 + 60 // 50 + 1, requests
    assert requests.get("GET /api/items/{id}", 0) == 0
