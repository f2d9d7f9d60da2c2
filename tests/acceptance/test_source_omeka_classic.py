"""An Omeka Classic read into an Omeka S with instructions: all its files, each tag whole, no loss unsaid."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.standins import omeka_classic
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

ITEMS = 5
FILES = 5


def texts(**by_name: str) -> list[dict[str, Any]]:
    return [{"element": {"name": name}, "text": text} for name, text in by_name.items()]


def seed(source: omeka_classic.StandIn) -> None:
    """A collection, five items (the last private), the first with more files than a page holds."""
    old = "2025-01-01T00:00:00+00:00"
    source.seed(
        users=[
            {"id": 2, "username": "alice", "name": "Alice", "email": "alice@example.org", "role": "admin"}
        ],
        collections=[{"id": 1, "public": True, "element_texts": texts(Title="Postcards")}],
        items=[
            {
                "id": n,
                "public": n < ITEMS,
                "added": old,
                "modified": old,
                "owner": {"id": 2},
                "collection": {"id": 1},
                "item_type": {"name": "Text"},
                "tags": [{"name": "Smith, John"}, {"name": f"tag {n}"}],
                "element_texts": texts(Title=f"Letter {n}", Creator="Никола Тесла"),
            }
            for n in range(1, ITEMS + 1)
        ],
        files=[
            {
                "id": n,
                "item": {"id": 1},
                "original_filename": f"scan {n}.jpg",
                "order": FILES + 1 - n,
                "added": old,
                "modified": old,
                "content": base64.b64encode(jpeg(f"classic {n}")).decode(),
                "element_texts": texts(Title=f"Scan {n}"),
            }
            for n in range(1, FILES + 1)
        ],
        geolocations=[
            {
                "id": 1,
                "item": {"id": 2},
                "latitude": 49.4,
                "longitude": 1.1,
                "zoom_level": 12,
                "address": "Rouen",
            }
        ],
    )


def control(prefix: str, **reader: Any) -> dict[str, Any]:
    def text(element: str, term: str, destination: str = "item") -> dict[str, Any]:
        value = {"source": "text", "destination": destination, "name": term, "multivalue": True}
        expression = f'elements."Dublin Core".{element}'
        return {"action": "for-each", "expression": expression, "instructions": [value]}

    identity = {"source": "id", "filters": [{"prefix": prefix}], "by": "dcterms:identifier", "scope": prefix}
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "maxErrors": "100%",
        "match": {"item": identity},
        "files": {"old": {"read": "omeka-classic", "from": "old", **reader}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "public", "name": "public"},
            text("Title", "dcterms:title"),
            text("Creator", "dcterms:creator"),
            {"source": "tag_names", "name": "dcterms:subject", "multivalue": True},
            {"source": "item_type_name", "name": "dcterms:type"},
            {"source": "collection_title", "name": "dcterms:isPartOf"},
            {"source": "owner_email", "name": "dcterms:contributor"},
            {"expression": "geolocation.address", "name": "dcterms:spatial"},
            {
                "action": "for-each",
                "source": "files",
                "instructions": [
                    {"action": "new", "destination": "media"},
                    {"source": "file", "destination": "media", "name": "url"},
                    text("Title", "dcterms:title", "media"),
                ],
            },
        ],
    }


class Place:
    """An installation whose source is an Omeka Classic, behind a proxy."""

    def __init__(
        self, accession: Installation, source: omeka_classic.StandIn, target: StandIn, proxy: FaultProxy
    ) -> None:
        self.accession = accession
        self.source = source
        self.target = target
        self.proxy = proxy

    def run(self, prefix: str, **reader: Any) -> tuple[str, str]:
        """The batch and its state."""
        batch = self.accession.batch(control(prefix, **reader), {})
        return batch, self.accession.run(batch)

    def items(self, prefix: str) -> list[Any]:
        found = [
            one
            for one in self.target.dump()["items"]
            if one["dcterms:identifier"][0]["@value"].startswith(prefix)
        ]
        return sorted(found, key=lambda one: str(one["o:title"]))

    def titles(self, prefix: str) -> list[str]:
        return [str(one["o:title"]) for one in self.items(prefix)]

    def asked(self, path: str) -> list[str]:
        return [one.target for one in self.proxy.log if one.target.startswith(path)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        omeka_classic.StandIn(per_page=2) as source,
        StandIn() as target,
        FaultProxy(source.url) as proxy,
    ):
        seed(source)
        old = {"kind": "omeka-classic", "url": proxy.url, "key": source.api_key}
        sources = {"old": old, "wrong": {**old, "key": "a-wrong-key-of-nobody"}}
        folder = tmp_path_factory.mktemp("sources") / "accession"
        with Installation(folder, {"omeka": target_of(target)}, sources=sources) as accession:
            yield Place(accession.start(), source, target, proxy)


@pytest.fixture
def place(whole: Place) -> Place:
    whole.proxy.clear()
    return whole


def values(item: Any, term: str) -> list[str]:
    return [one["@value"] for one in item.get(term, [])]


def test_all_files_of_an_item_whatever_a_page_holds_and_each_tag_whole(place: Place) -> None:
    batch, state = place.run("all-")
    assert state == "complete", place.accession.log(batch)
    items = place.items("all-")
    assert place.titles("all-") == [f"Letter {n}" for n in range(1, ITEMS + 1)]
    assert [one["o:is_public"] for one in items] == [True] * (ITEMS - 1) + [False]
    first, second = items[:2]
    media = {one["o:id"]: one for one in place.target.dump()["media"]}
    shown = [media[one["o:id"]] for one in first["o:media"]]
    assert [one["o:source"] for one in shown] == [f"scan {n}.jpg" for n in range(FILES, 0, -1)]
    assert [one["o:title"] for one in shown] == [f"Scan {n}" for n in range(FILES, 0, -1)]
    assert values(first, "dcterms:subject") == ["Smith, John", "tag 1"]
    assert values(first, "dcterms:creator") == ["Никола Тесла"]
    assert values(first, "dcterms:type") == ["Text"]
    assert values(first, "dcterms:isPartOf") == ["Postcards"]
    assert values(first, "dcterms:contributor") == ["alice@example.org"]
    assert values(second, "dcterms:spatial") == ["Rouen"]
    said = place.accession.log(batch) + str(place.accession.report(batch)) + place.accession.output("worker")
    assert place.source.api_key not in said


def test_pages_that_fail_now_and_then_are_asked_for_again(place: Place) -> None:
    place.proxy.add(
        Fault("drop_before", path=r"/api/items\?.*page=2"),
        Fault("answer", path=r"/api/items\?.*page=3", status=429, headers={"Retry-After": "1"}),
        Fault("answer", path=r"/api/files\?.*page=2", status=200, body=b"<html>Deprecated</html>"),
    )
    batch, state = place.run("now-")
    assert state == "complete", place.accession.log(batch)
    assert len(place.titles("now-")) == ITEMS


def test_a_page_that_never_comes_is_missing_and_so_is_what_lacks_its_files(place: Place) -> None:
    place.proxy.add(
        Fault("answer", path=r"/api/items\?.*page=2", times=0),
        Fault("answer", path=r"/api/files\?.*page=3", times=0, status=200, body=b"<html>Deprecated</html>"),
    )
    batch, state = place.run("lost-")
    assert state == "complete-with-errors", place.accession.log(batch)
    assert place.titles("lost-") == ["Letter 2", f"Letter {ITEMS}"]
    codes = sorted(one["code"] for one in place.accession.report(batch) if one["outcome"] == "rejected")
    assert codes == ["source-page-failed", "source-page-failed", "source-parts-missing"]


def test_the_same_site_at_another_address_is_the_same(place: Place) -> None:
    batch, state = place.run("moved-")
    assert state == "complete", place.accession.log(batch)
    made = place.accession.counts(batch)["created"]
    sources = dict(place.accession.sources)
    place.accession.sources = {"old": {**sources["old"], "url": place.source.url}}
    place.accession.point_to(place.accession.targets)
    try:
        batch, state = place.run("moved-")
        assert state == "complete", place.accession.log(batch)
        assert place.accession.counts(batch) == {**place.accession.counts(batch), "unchanged": made}
        assert place.asked("/files/original/") != []
    finally:
        place.accession.sources = sources
        place.accession.point_to(place.accession.targets)


def test_a_wrong_key_ends_the_run_before_anything(place: Place) -> None:
    batch, state = place.run("wrong-", **{"from": "wrong"})
    assert state == "failed"
    run = place.accession.facts(batch)["runs"][0]
    assert run["code"] == "source-key-refused"
    assert "a-wrong-key-of-nobody" not in place.accession.log(batch)
    assert place.titles("wrong-") == []


def test_only_what_has_changed_is_read_and_files_that_were_added_too(place: Place) -> None:
    batch, state = place.run("since-", since="last")
    assert state == "complete", place.accession.log(batch)
    assert place.accession.counts(batch)["read"] == ITEMS
    place.proxy.clear()
    batch, state = place.run("since-", since="last")
    assert state == "complete", place.accession.log(batch)
    assert place.accession.facts(batch)["runs"][0]["records"] == 0
    future = "2030-01-01T00:00:00+00:00"
    place.source.seed(
        items=[{"id": 70, "public": True, "modified": future, "element_texts": texts(Title="New letter")}],
        files=[
            {
                "id": 70,
                "item": {"id": 3},
                "original_filename": "late.jpg",
                "modified": future,
                "content": base64.b64encode(jpeg("late")).decode(),
            }
        ],
    )
    place.proxy.clear()
    batch, state = place.run("since-", since="last")
    assert state == "complete", place.accession.log(batch)
    counts = place.accession.counts(batch)
    assert (counts["read"], counts["created"]) == (2, 2), place.accession.log(batch)  # an item and a media
    items = {str(one["o:title"]): one for one in place.items("since-")}
    assert len(items["Letter 3"]["o:media"]) == 1
    lists = [one for one in place.asked("/api/items?") if "page=1&" not in one and "per_page=1&" not in one]
    assert all(re.search("modified_since", one) for one in lists)
