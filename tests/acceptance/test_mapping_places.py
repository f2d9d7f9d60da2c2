"""Geolocations of items on an Omeka S with the module Mapping.

No exchange with the module was recorded: stand-in and target follow its public source, and
`tests/standins/omeka_s/mapping.py` says which.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import Installation, target_of
from tests.standins.omeka_s import StandIn

FEATURE = "o-module-mapping:feature"
TYPE = "o-module-mapping:geography-type"
AT = "o-module-mapping:geography-coordinates"
PLACE = [
    {"source": "point", "destination": "geolocation", "name": "point", "blank": "clear"},
    {"source": "place", "destination": "geolocation", "name": "label"},
]
ROUEN = {"point": "49.442600008333, 1.0980982219106", "place": "Rouen Cathedral"}
PRAGUE = {"point": "50.1,14.4", "place": "Prague"}


@pytest.fixture(scope="module")
def _omeka() -> Iterator[StandIn]:
    with StandIn(modules=["Mapping"]) as standin:
        yield standin


@pytest.fixture(scope="module")
def accession(tmp_path_factory: pytest.TempPathFactory, _omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("mapping") / "accession"
    with Installation(folder, {"omeka": target_of(_omeka)}) as installation:
        yield installation.start()


@pytest.fixture
def omeka(_omeka: StandIn) -> StandIn:
    _omeka.knobs(modules=["Mapping"], clock=0)
    _omeka.reset_requests()
    return _omeka


def control(scope: str, *places: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": scope}},
        "files": {"data0": {"read": "json"}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            {"action": "new", "destination": "geolocation"},
            *(places or PLACE),
        ],
        **more,
    }


def data(scope: str, *records: dict[str, Any]) -> dict[str, bytes]:
    rows = [{"acno": f"{scope}-{n}", "title": f"Work {n}", **one} for n, one in enumerate(records, start=1)]
    return {"data0": json.dumps(rows).encode()}


def items(omeka: StandIn, scope: str) -> dict[str, dict[str, Any]]:
    return {
        one["dcterms:identifier"][0]["@value"]: one
        for one in omeka.dump()["items"]
        if one.get("dcterms:identifier", [{}])[0].get("@value", "").startswith(f"{scope}-")
    }


def located(omeka: StandIn, scope: str) -> dict[str, list[tuple[Any, ...]]]:
    """Items of a scope by identifier → type, coordinates (longitude first) and label of their features."""
    return {
        name: [(at[TYPE], *at[AT], at["o:label"]) for at in one.get(FEATURE, [])]
        for name, one in items(omeka, scope).items()
    }


def writes(omeka: StandIn) -> dict[str, int]:
    return {key: n for key, n in omeka.requests()["counts"].items() if not key.startswith("GET")}


def by_hand(omeka: StandIn, item: dict[str, Any], *features: dict[str, Any]) -> None:
    answer = httpx2.patch(
        f"{omeka.api}/items/{item['o:id']}", params=omeka.key, json={FEATURE: list(features)}
    )
    assert answer.status_code == 200, answer.text


def test_a_place_travels_with_its_item_and_a_second_time_nothing_is_written(
    accession: Installation, omeka: StandIn
) -> None:
    files = data("new", ROUEN, PRAGUE, {}, {"point": "0,0"})
    batch = accession.batch(control("new"), files)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 4}
    assert located(omeka, "new") == {
        "new-1": [("Point", 1.0980982219106, 49.442600008333, "Rouen Cathedral")],
        "new-2": [("Point", 14.4, 50.1, "Prague")],
        "new-3": [],
        "new-4": [("Point", 0.0, 0.0, None)],
    }
    omeka.reset_requests()
    again = accession.batch(control("new"), files)
    assert accession.run(again) == "complete", accession.log(again)
    assert (writes(omeka), accession.counts(again)["unchanged"]) == ({}, 4)


def test_a_place_moves_under_its_number_and_what_others_put_onto_the_map_stays(
    accession: Installation, omeka: StandIn
) -> None:
    assert accession.run(accession.batch(control("move"), data("move", ROUEN, PRAGUE))) == "complete"
    stands = items(omeka, "move")["move-1"]
    line = {TYPE: "LineString", AT: [[0, 0], [1, 1]], "o:label": "A walk"}
    by_hand(omeka, stands, *stands[FEATURE], line)
    before = omeka.dump()["items"]
    omeka.reset_requests()
    batch = accession.batch(control("move"), data("move", {"point": "49.5,1.1"}, {"point": ""}))
    assert accession.run(batch) in ("complete", "complete-with-warnings"), accession.log(batch)
    assert writes(omeka) == {"PATCH /api/items/{id}": 2}
    walk, moved = items(omeka, "move")["move-1"][FEATURE]
    if walk[TYPE] == "Point":
        walk, moved = moved, walk
    assert (walk[TYPE], walk["o:label"], moved[AT]) == ("LineString", "A walk", [1.1, 49.5])
    assert moved["o:id"] == stands[FEATURE][0]["o:id"]
    assert located(omeka, "move")["move-2"] == []

    # Taken back: the state of before, numbers aside.
    accession.run(batch, "undo")
    assert sorted(located(omeka, "move")["move-1"], key=str) == sorted(
        [(one[TYPE], *one[AT], one["o:label"]) for one in before_of(before, "move-1")], key=str
    ), accession.log(batch)
    assert located(omeka, "move")["move-2"] == [("Point", 14.4, 50.1, "Prague")]


def before_of(dumped: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(
        one for one in dumped if one["dcterms:identifier"][0]["@value"] == name
    )[FEATURE]
    return found


def test_an_edit_of_a_place_is_a_conflict(accession: Installation, omeka: StandIn) -> None:
    assert accession.run(accession.batch(control("edit"), data("edit", ROUEN))) == "complete"
    stands = items(omeka, "edit")["edit-1"]
    omeka.knobs(clock=2_000_000_000)  # not in the same second
    by_hand(omeka, stands, {**stands[FEATURE][0], AT: [3, 4]})
    batch = accession.batch(control("edit", onConflict="keep"), data("edit", PRAGUE))
    accession.run(batch)
    assert "conflict-keep" in accession.log(batch)
    assert located(omeka, "edit")["edit-1"] == [("Point", 3.0, 4.0, "Rouen Cathedral")]


def test_an_item_that_is_deleted_comes_back_where_it_was(accession: Installation, omeka: StandIn) -> None:
    assert accession.run(accession.batch(control("gone"), data("gone", ROUEN, PRAGUE))) == "complete"
    match = {"item": {**control("gone")["match"]["item"], "absent": "delete"}}
    batch = accession.batch(control("gone", match=match, maxRemovals="100%"), data("gone", ROUEN))
    assert accession.run(batch, "dry-run") == "dry-run"
    accession.run(batch)
    assert list(located(omeka, "gone")) == ["gone-1"]
    accession.run(batch, "undo")
    assert located(omeka, "gone")["gone-2"] == [("Point", 14.4, 50.1, "Prague")], accession.log(batch)


@pytest.mark.parametrize("modules", [[], ["CustomVocab"]])
def test_without_the_module_it_is_said_before_anything_is_written(
    accession: Installation, omeka: StandIn, modules: list[str]
) -> None:
    """`api-resources`: what the API of an Omeka S offers, it lists."""
    omeka.knobs(modules=modules)
    batch = accession.batch(control("none"), data("none", ROUEN))
    assert accession.run(batch) == "failed"
    assert "the module Mapping is not installed" in accession.log(batch)
    assert writes(omeka) == {}


@pytest.mark.parametrize(
    ("name", "record", "code"),
    [
        ("address", {"place": "Rouen"}, "keeps no address"),
        ("zoom", {"place": 3}, "keeps no zoom"),
        ("label", {"place": "a" * 256}, "at most 255"),
    ],
)
def test_what_the_module_has_no_place_for_is_refused_by_name(
    accession: Installation, omeka: StandIn, name: str, record: dict[str, Any], code: str
) -> None:
    more = {"source": "place", "destination": "geolocation", "name": name}
    batch = accession.batch(
        control("bad", PLACE[0], more, maxErrors="100%", model="omeka"),
        data("bad", {"point": "1,2", **record}),
    )
    accession.run(batch)
    assert code in accession.log(batch)
    assert writes(omeka) == {}
