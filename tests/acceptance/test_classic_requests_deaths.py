"""A worker that dies between two requests of one write to an Omeka Classic: what it left is made whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from service.store import undo
from tests.acceptance.workshop import Shop
from tests.standins.omeka_classic import StandIn
from tests.standins.proxy import Fault, FaultProxy, Kind

Json = dict[str, Any]

CONTROL: Json = {
    "dataImportControlFileVersion": 1,
    "model": "omeka-classic",
    "visibility": "public",
    "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": "requests"}},
    "files": {
        "sets": {
            "read": "json",
            "instructions": [
                {"action": "new", "destination": "element-set"},
                {"source": "name", "destination": "element-set", "name": "name"},
                {"source": "elements", "destination": "element-set", "name": "elements", "multivalue": True},
            ],
        },
        "data0": {"read": "json"},
        "scans/**": {"read": "attachment", "required": False},
    },
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {"source": "shelf", "name": "Archive:Shelf Mark"},
        {"action": "new", "destination": "geolocation"},
        {"source": "lat", "destination": "value:coordinates", "name": "latitude"},
        {"source": "lon", "destination": "value:coordinates", "name": "longitude"},
        {
            "action": "field-structured",
            "structured": "value:coordinates",
            "destination": "geolocation",
            "name": "point",
        },
        {
            "action": "for-each",
            "source": "files",
            "instructions": [
                {"action": "new", "destination": "media"},
                {"source": "name", "destination": "media", "name": "file"},
            ],
        },
    ],
}


def element(name: str, order: int, comment: str) -> Json:
    return {"name": name, "order": order, "comment": comment}


def files(sets: list[Json], title: str, lat: float, *scans: str) -> dict[str, object]:
    record = {"acno": "R 1", "title": title, "shelf": f"S {title}", "lat": lat, "lon": 1.5}
    record["files"] = [{"name": f"scans/{name}.txt"} for name in scans]
    found: dict[str, object] = {f"scans/{name}.txt": f"page {name}".encode() for name in scans}
    return found | {"sets": sets, "data0": [record]}


FIRST = files(
    [{"name": "Archive", "elements": [element("Shelf Mark", 1, "Where"), element("Box", 2, "Which")]}],
    "One",
    49.5,
    "a",
    "b",
)
SECOND = files(
    [
        {
            "name": "Archive",
            "elements": [
                element("Shelf Mark", 2, "Where it stands"),
                element("Box", 1, "Which one"),
                element("Room", 3, "In which"),
            ],
        }
    ],
    "Two",
    50.5,
    "b",
    "a",
)


def told(omeka: StandIn) -> Json:
    """The whole site without numbers and stamps."""
    dump: Mapping[str, list[Json]] = omeka.dump()
    elements: Json = {}
    for one in dump["elements"]:
        set_of = elements.setdefault(one["element_set"]["id"], {})
        set_of[one["name"]] = (one["order"], one["comment"])
    sets = [(one["name"], sorted(elements.get(one["id"], {}).items())) for one in dump["element_sets"]]
    scans: Json = {}
    for one in sorted(dump["files"], key=lambda one: (one["order"] is None, one["order"] or 0, one["id"])):
        scans.setdefault(one["item"]["id"], []).append((one["original_filename"], one["sha256"]))
    places = [(one["item"]["id"], one["latitude"], one["longitude"]) for one in dump["geolocations"]]
    items = [
        (
            sorted((one["element"]["name"], one["text"]) for one in item["element_texts"]),
            scans.get(item["id"], []),
            sorted(place[1:] for place in places if place[0] == item["id"]),
        )
        for item in dump["items"]
    ]
    return {"sets": sorted(sets), "items": sorted(items)}


every_step = pytest.mark.parametrize("step", [0, 1, 2], ids=["create", "change", "undo"])
"""Of three runs it is the one of that step in which it dies."""


@every_step
def test_what_a_worker_left_that_died_at_any_request_is_made_whole(tmp_path: Path, step: int) -> None:
    dies_at_each(tmp_path, step, sent=True)


@pytest.mark.full
@every_step
def test_and_so_it_is_where_it_died_before_the_request_was_sent(tmp_path: Path, step: int) -> None:
    dies_at_each(tmp_path, step, sent=False)


def test_an_undo_that_is_cancelled_between_any_two_requests_is_finished_by_the_next(tmp_path: Path) -> None:
    """It brings an item back with files and place, and gives another its texts, order and place back."""
    moment, cancelled = 0, True
    while cancelled:
        moment += 1
        with StandIn() as omeka:
            shop = Shop(tmp_path / str(moment), omeka, lease=0.6, look_again=[0.05, 0.1])
            first = shop.batch(CONTROL, two(FIRST, gone=False))
            assert shop.run(first).ending == "finished"
            stood = told(omeka)
            second = shop.batch(REMOVING, two(SECOND, gone=True))
            assert shop.run(second, "dry-run").ending == "finished"
            assert shop.run(second).ending == "finished"
            run = shop.schedule(second, "undo")
            cancelled = shop.run_cancelling_in_a_write(run, moment)
            shop.settle(run)
            if cancelled and undo.anything_stands(shop.db, second):
                run = shop.run(second, "undo").id
            assert shop.facts(run).state == "undone" or cancelled, shop.log(run)
            assert told(omeka) == stood, f"cancelled at request {moment}\n{shop.log(run)}"
            shop.close()
    assert moment > 8


REMOVING = {
    **CONTROL,
    "match": {"item": {**CONTROL["match"]["item"], "absent": "delete"}},
    "maxRemovals": "100%",
}


def two(content: dict[str, object], *, gone: bool) -> dict[str, object]:
    """With a second item that has files and a place, or that is gone."""
    (record,) = content["data0"]  # type: ignore[misc]
    other = {**record, "acno": "R 2", "title": "Other"}
    return {**content, "data0": [record] if gone else [record, other]}


def dies_at_each(tmp_path: Path, step: int, *, sent: bool) -> None:
    plain = [one for one, _ in lives(tmp_path / "plain", step, 0, sent)]
    moment, died = 0, True
    while died:
        moment += 1
        told_of, deaths = zip(*lives(tmp_path / str(moment), step, moment, sent), strict=True)
        died = any(deaths)
        assert list(told_of) == plain, f"it died at request {moment}"
    assert moment > 5


@pytest.mark.parametrize("kind", ["answer", "answer_lost", "drop_before"])
def test_an_element_that_fails_while_its_set_is_made_is_made_all_the_same(tmp_path: Path, kind: Kind) -> None:
    with StandIn() as omeka, FaultProxy(omeka.url) as proxy:
        shop = Shop(tmp_path / "shop", omeka, url=proxy.url, lease=0.6)
        for nth in (1, 3):
            proxy.add(Fault(kind, method="POST", path=r"/api/elements", nth=nth))
        run = shop.run(shop.batch(CONTROL, FIRST))
        assert not {"rejected", "altered"} & outcomes_of(shop, run.id), shop.log(run.id)
        (made,) = [elements for name, elements in told(omeka)["sets"] if name == "Archive"]
        assert made == [("Box", (2, "Which")), ("Shelf Mark", (1, "Where"))]
        shop.close()


def lives(folder: Path, step: int, moment: int, sent: bool) -> Iterator[tuple[Json, bool]]:
    """What the site is after each run, and whether the worker has died in it at request `moment`; after an
    import at once also what it is when that was undone."""
    with StandIn() as omeka:
        shop = Shop(folder, omeka, lease=0.6)
        try:
            first, second = shop.batch(CONTROL, FIRST), shop.batch(CONTROL, SECOND)
            for number, (batch, mode) in enumerate(
                [(first, "import"), (second, "import"), (second, "undo")][: step + 1]
            ):
                if number < step or not moment:
                    run, died = shop.run(batch, mode).id, False
                else:
                    run = shop.schedule(batch, mode)
                    died = shop.run_dying_in_a_write(run, moment, sent=sent)
                    facts = shop.take_over(run) if died else shop.facts(run)
                    assert facts.ending == "finished", shop.log(run)
                assert not {"rejected", "altered"} & outcomes_of(shop, run), shop.log(run)
                yield told(omeka), died
            if step == 0:
                shop.run(first, "undo")
                yield told(omeka), False
        finally:
            shop.close()


def outcomes_of(shop: Shop, run: str) -> set[str]:
    """What became of the entries of a run."""
    return {one.outcome or "" for one in shop.entries(run)}
