"""Geolocations of items on an Omeka Classic: told by the control file, written once, compared, taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.workshop import Shop
from tests.standins.omeka_classic import Knobs, StandIn
from tests.standins.proxy import Fault, FaultProxy, Kind

POINT = [
    {"action": "remove-values", "destination": "geolocation", "name": "point"},
    {"source": "lat", "destination": "value:coordinates", "name": "latitude"},
    {"source": "lon", "destination": "value:coordinates", "name": "longitude"},
    {
        "action": "field-structured",
        "structured": "value:coordinates",
        "destination": "geolocation",
        "name": "point",
    },
    {"source": "place", "destination": "geolocation", "name": "address"},
    {"source": "zoom", "destination": "geolocation", "name": "zoom"},
]
ROUEN = {"lat": "49.442600008333", "lon": "1.0980982219106", "place": "Rouen Cathedral", "zoom": 12}
PRAGUE = {"lat": 50.1, "lon": 14.4, "place": "Prague", "zoom": 10}


@pytest.fixture(scope="module")
def _omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def accession(tmp_path_factory: pytest.TempPathFactory, _omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("places") / "accession"
    with Installation(folder, {"omeka": target_of(_omeka)}) as installation:
        yield installation.start()


@pytest.fixture
def omeka(_omeka: StandIn) -> StandIn:
    _omeka.knobs(**msgspec.structs.asdict(Knobs()))
    _omeka.reset_requests()
    return _omeka


def control(scope: str, *places: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "public",
        "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": scope}},
        "files": {"data0": {"read": "json"}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            {"action": "new", "destination": "geolocation"},
            *(places or POINT),
        ],
        **more,
    }


def data(scope: str, *records: dict[str, Any]) -> dict[str, bytes]:
    rows = [{"acno": f"{scope}-{n}", "title": f"Work {n}", **one} for n, one in enumerate(records, start=1)]
    return {"data0": json.dumps(rows).encode()}


def located(omeka: StandIn, scope: str) -> dict[str, tuple[Any, ...] | None]:
    """Items of a scope by identifier → latitude, longitude, zoom and address of where they are."""
    dump = omeka.dump()
    places = {one["item"]["id"]: one for one in dump["geolocations"]}
    assert len(places) == len(dump["geolocations"]), "an item has one location at most"
    keys = ("latitude", "longitude", "zoom_level", "address")
    return {
        text["text"]: tuple(places[item["id"]][key] for key in keys) if item["id"] in places else None
        for item in dump["items"]
        for text in item["element_texts"]
        if text["text"].startswith(f"{scope}-")
    }


def writes(omeka: StandIn) -> dict[str, int]:
    return {key: n for key, n in omeka.requests()["counts"].items() if not key.startswith("GET")}


def by_hand(omeka: StandIn, method: str, path: str, **body: Any) -> None:
    """Somebody's own change, over the API that everybody has."""
    answer = httpx2.request(
        "POST", f"{omeka.api}/{path}", params=omeka.key, json=body,
        headers={"X-HTTP-Method-Override": method} if method != "POST" else {},
    )  # fmt: skip
    assert answer.is_success, answer.text


def location_number(omeka: StandIn, scope: str, number: int) -> int:
    dump = omeka.dump()
    item = next(
        one["id"] for one in dump["items"] for text in one["element_texts"]
        if text["text"] == f"{scope}-{number}"
    )  # fmt: skip
    return next(one["id"] for one in dump["geolocations"] if one["item"]["id"] == item)


# --- the way of a location ------------------------------------------------------------------------


def test_items_get_their_places_and_a_second_time_nothing_is_written(
    accession: Installation, omeka: StandIn
) -> None:
    """`196`: a location is a record of its own, posted with the number of its item."""
    files = data("new", ROUEN, PRAGUE, {"place": None}, {"lat": -0.5, "lon": 0.25})
    batch = accession.batch(control("new"), files)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert writes(omeka) == {}
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 4, "POST /api/geolocations": 3}
    assert located(omeka, "new") == {
        "new-1": (49.442600008333, 1.0980982219106, 12, "Rouen Cathedral"),
        "new-2": (50.1, 14.4, 10, "Prague"),
        "new-3": None,
        "new-4": (-0.5, 0.25, 10, ""),
    }
    counts = accession.counts(batch)
    assert (counts["created"], counts.get("updated", 0)) == (4, 0)

    omeka.reset_requests()
    again = accession.batch(control("new"), files)
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["unchanged"] == 4
    assert writes(omeka) == {}
    assert omeka.requests()["counts"].get("GET /api/geolocations/{id}", 0) == 0


def test_a_place_that_moves_is_changed_whole_and_one_that_is_gone_is_deleted(
    accession: Installation, omeka: StandIn
) -> None:
    """`201`: what a change does not name of address and map type, Omeka empties; so all of it goes."""
    assert accession.run(accession.batch(control("move"), data("move", ROUEN, PRAGUE, PRAGUE))) == "complete"
    number = location_number(omeka, "move", 1)
    by_hand(omeka, "PUT", f"geolocations/{number}", map_type="satellite", address="Rouen Cathedral")
    omeka.reset_requests()

    moved = {"lat": 49.5, "lon": 1.1}
    batch = accession.batch(control("move"), data("move", moved, {"lat": "", "lon": ""}, PRAGUE))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"PUT /api/geolocations/{id}": 1, "DELETE /api/geolocations/{id}": 1}
    assert located(omeka, "move") == {
        "move-1": (49.5, 1.1, 12, "Rouen Cathedral"),  # the address is not named any more: it stays
        "move-2": None,
        "move-3": (50.1, 14.4, 10, "Prague"),
    }
    one = next(place for place in omeka.dump()["geolocations"] if place["id"] == number)
    assert one["map_type"] == "satellite"

    omeka.reset_requests()
    again = accession.batch(control("move"), data("move", moved, {"lat": "", "lon": ""}, PRAGUE))
    assert accession.run(again) == "complete"
    assert (writes(omeka), accession.counts(again)["unchanged"]) == ({}, 3)

    # Somewhere again, and the title with it: two requests of one change.
    batch = accession.batch(control("move"), data("move", moved, {**PRAGUE, "title": "In Prague"}, PRAGUE))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"PUT /api/items/{id}": 1, "POST /api/geolocations": 1}
    assert located(omeka, "move")["move-2"] == (50.1, 14.4, 10, "Prague")


def test_an_edit_of_a_place_is_noticed_although_no_stamp_tells_of_it(
    accession: Installation, omeka: StandIn
) -> None:
    """A change of a location does not touch the stamp of its item (`omeka-classic.md`, Reading)."""
    assert accession.run(accession.batch(control("edit"), data("edit", ROUEN))) == "complete"
    number = location_number(omeka, "edit", 1)
    by_hand(omeka, "PUT", f"geolocations/{number}", latitude=10, address="Somewhere else")
    moved = data("edit", {**ROUEN, "lat": 49.5})
    kept = accession.batch(control("edit", onConflict="keep"), moved)
    assert accession.run(kept) in ("complete", "complete-with-warnings"), accession.log(kept)
    assert "conflict-keep" in accession.log(kept)
    assert located(omeka, "edit")["edit-1"] == (10.0, 1.0980982219106, 12, "Somewhere else")

    # An undo of the first batch would delete what somebody has placed anew since.
    first = accession.batch(control("edit2"), data("edit2", ROUEN))
    assert accession.run(first) == "complete"
    number = location_number(omeka, "edit2", 1)
    by_hand(omeka, "PUT", f"geolocations/{number}", latitude=10, address="Somewhere else")
    accession.run(first, "undo")
    assert "undo-conflict" in accession.log(first)
    assert located(omeka, "edit2")["edit2-1"] == (10.0, 1.0980982219106, 12, "Somewhere else")


def test_an_undo_takes_places_back(accession: Installation, omeka: StandIn) -> None:
    assert accession.run(accession.batch(control("undo"), data("undo", ROUEN, PRAGUE))) == "complete"
    before = omeka.dump()
    changed = data("undo", {"lat": 1, "lon": 2, "title": "Elsewhere"}, {"lat": "", "lon": ""}, PRAGUE)
    batch = accession.batch(control("undo"), changed)
    assert accession.run(batch) == "complete", accession.log(batch)
    assert located(omeka, "undo")["undo-3"] is not None
    accession.run(batch, "undo")
    assert located(omeka, "undo") == {
        "undo-1": (49.442600008333, 1.0980982219106, 12, "Rouen Cathedral"),
        "undo-2": (50.1, 14.4, 10, "Prague"),
    }, accession.log(batch)
    titles = [one["element_texts"] for one in before["items"]]
    assert [one["element_texts"] for one in omeka.dump()["items"]] == titles


def test_an_item_that_is_deleted_comes_back_where_it_was(accession: Installation, omeka: StandIn) -> None:
    """The location goes with its item, and no create of an item says it: it comes after."""
    assert accession.run(accession.batch(control("gone"), data("gone", ROUEN, PRAGUE))) == "complete"
    match = {"item": {**control("gone")["match"]["item"], "absent": "delete"}}
    without = control("gone", match=match, maxRemovals="100%")
    without["instructions"] = without["instructions"][:2]  # it does not speak of places
    batch = accession.batch(without, data("gone", PRAGUE))
    assert accession.run(batch, "dry-run") == "dry-run"
    accession.run(batch)
    assert located(omeka, "gone") == {"gone-1": (49.442600008333, 1.0980982219106, 12, "Rouen Cathedral")}
    omeka.reset_requests()
    accession.run(batch, "undo")
    assert writes(omeka)["POST /api/geolocations"] == 1, accession.log(batch)
    assert located(omeka, "gone")["gone-2"] == (50.1, 14.4, 10, "Prague")


def test_many_places_are_read_page_by_page(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(per_page=20)
    several = [{"lat": n, "lon": n} for n in range(1, 41)]
    assert accession.run(accession.batch(control("many"), data("many", *several))) == "complete"
    omeka.reset_requests()
    moved = [{"lat": n, "lon": -n} for n in range(1, 41)]
    batch = accession.batch(control("many"), data("many", *moved))
    assert accession.run(batch) == "complete", accession.log(batch)
    counts = omeka.requests()["counts"]
    assert counts["PUT /api/geolocations/{id}"] == 40
    # Read for the plan, before the change and after it: the last one by one.
    assert counts["GET /api/geolocations/{id}"] == 40, counts
    assert counts["GET /api/geolocations"] <= 12


# --- what it cannot be ----------------------------------------------------------------------------


def test_where_the_plugin_is_not_there_it_is_said_before_anything_is_written(
    accession: Installation, omeka: StandIn
) -> None:
    """`004`: what the API of a site offers, it lists."""
    omeka.knobs(plugins=["SimplePages"])
    batch = accession.batch(control("none"), data("none", ROUEN))
    assert accession.run(batch) == "failed"
    assert "the plugin Geolocation is not installed" in accession.log(batch)
    assert writes(omeka) == {}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"lat": 91.5, "lon": 1}, "not-coordinates"),
        ({"lat": "north", "lon": 1}, "not-coordinates"),
        ({"lat": 1}, "pseudo-incomplete"),
        ({"place": "Somewhere"}, "place-without-point"),
        ({**PRAGUE, "zoom": 99}, "not-an-integer"),
        ({**PRAGUE, "place": "Prague 🏰"}, "text-too-wide"),
    ],
)
def test_what_is_no_place_is_rejected_with_its_record(
    accession: Installation, omeka: StandIn, record: dict[str, Any], code: str
) -> None:
    batch = accession.batch(control(f"bad {code}", maxErrors="100%"), data("bad", record))
    accession.run(batch)
    assert accession.counts(batch)["rejected"] == 1
    assert code in accession.log(batch)
    assert writes(omeka) == {}


def test_labels_are_refused_by_name(accession: Installation, omeka: StandIn) -> None:
    label = {"source": "place", "destination": "geolocation", "name": "label"}
    batch = accession.batch(
        control("label", *POINT[1:4], label, maxErrors="100%", model="omeka"), data("label", PRAGUE)
    )
    accession.run(batch)
    assert "has an address and no label" in accession.log(batch)
    assert writes(omeka) == {}


def test_a_place_that_omeka_refuses_is_told_with_its_item_and_tried_again(
    accession: Installation, omeka: StandIn
) -> None:
    """The plugin takes a latitude of exactly 0 for none, as its source says; the item stands by then."""
    batch = accession.batch(control("zero", maxErrors="100%"), data("zero", {"lat": 0, "lon": 9}))
    accession.run(batch)
    assert accession.counts(batch)["failed"] == 1
    assert "Location requires a latitude" in accession.log(batch)
    assert located(omeka, "zero") == {"zero-1": None}

    omeka.reset_requests()
    batch = accession.batch(control("zero"), data("zero", {"lat": 0.00001, "lon": 9}))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/geolocations": 1}


# --- deaths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("moment", [1, 2])
def test_a_worker_that_dies_between_an_item_and_its_place_leaves_nothing_undone(
    tmp_path: Path, omeka: StandIn, moment: int, sent: bool
) -> None:
    scope = f"death {moment} {sent}"
    shop = Shop(tmp_path, omeka, lease=1.0)
    try:
        run = shop.schedule(shop.batch(control(scope), data(scope, ROUEN)))
        assert shop.run_dying(run, moment, sent=sent)
        facts = shop.take_over(run)
        assert facts.ending == "finished", shop.log(run)
        place = (49.442600008333, 1.0980982219106, 12, "Rouen Cathedral")
        assert located(omeka, scope) == {f"{scope}-1": place}
        assert facts.counts["created"] == 1, shop.log(run)
        omeka.reset_requests()
        again = shop.run(shop.batch(control(scope), data(scope, ROUEN)))
        assert (again.counts["unchanged"], writes(omeka)) == (1, {})
    finally:
        shop.close()


def test_a_dry_run_that_is_followed_places_its_items_too(tmp_path: Path, omeka: StandIn) -> None:
    shop = Shop(tmp_path, omeka, lease=1.0)
    try:
        batch = shop.batch(control("plan"), data("plan", ROUEN, {"lat": ""}))
        dry = shop.run(batch, "dry-run")
        run = shop.run(batch, plan=dry.id)
        assert run.counts["created"] == 2, shop.log(run.id)
        assert writes(omeka) == {"POST /api/items": 2, "POST /api/geolocations": 1}
        assert located(omeka, "plan")["plan-2"] is None
    finally:
        shop.close()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("POST", "answer_lost"),
        ("POST", "act_then_500"),
        ("PUT", "drop_before"),
        ("PUT", "act_then_500"),
        ("DELETE", "answer_lost"),
    ],
)
def test_a_write_of_a_place_that_is_lost_is_looked_for_and_made_once(
    tmp_path: Path, omeka: StandIn, change: str, kind: Kind
) -> None:
    """Of a change of an item and of its place, the second half."""
    scope = f"lost {change} {kind}"
    stands, becomes = {
        "POST": ({}, {**PRAGUE, "title": "Moved"}),
        "PUT": (ROUEN, {**PRAGUE, "title": "Moved"}),
        "DELETE": (ROUEN, {"title": "Moved"}),
    }[change]
    with FaultProxy(omeka.url) as proxy:
        shop = Shop(tmp_path, omeka, url=proxy.url, lease=1.0)
        try:
            assert shop.run(shop.batch(control(scope), data(scope, stands))).ending == "finished"
            proxy.add(Fault(kind, method=change, path="/api/geolocations"))
            run = shop.run(shop.batch(control(scope), data(scope, becomes)))
            assert run.counts["updated"] == 1, shop.log(run.id)
            assert "conflict" not in shop.log(run.id)
            place = None if change == "DELETE" else (50.1, 14.4, 10, "Prague")
            assert located(omeka, scope) == {f"{scope}-1": place}, shop.log(run.id)
            titles = [one["text"] for item in omeka.dump()["items"] for one in item["element_texts"]]
            assert titles.count("Moved") == 1
        finally:
            shop.close()
            by_hand(omeka, "DELETE", f"items/{max(one['id'] for one in omeka.dump()['items'])}")


def test_a_place_that_is_refused_gives_its_item_back_what_it_held(tmp_path: Path, omeka: StandIn) -> None:
    shop = Shop(tmp_path, omeka, lease=1.0)
    try:
        assert shop.run(shop.batch(control("half"), data("half", ROUEN))).counts["created"] == 1
        refused = {"lat": 91, "lon": 1, "title": "Moved", "fine": "48.0,0"}
        point = {"source": "fine", "destination": "geolocation", "name": "point"}
        omeka.knobs(plugins=["Geolocation"])
        batch = shop.batch(control("half", point), data("half", refused))
        run = shop.run(batch, meanwhile=lambda: omeka.knobs(plugins=[]))
        assert run.counts["rejected"] == 1, shop.log(run.id)
        omeka.knobs(plugins=["Geolocation"])
        assert "half-restored" in shop.log(run.id)
        texts = [one["text"] for item in omeka.dump()["items"] for one in item["element_texts"]]
        assert "Moved" not in texts
        assert located(omeka, "half")["half-1"] == (49.442600008333, 1.0980982219106, 12, "Rouen Cathedral")
    finally:
        shop.close()
