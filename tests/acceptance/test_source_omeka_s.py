"""One Omeka S read into another: everything, private too, once; and when pages do not come."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

ITEMS = 7
PAGES = "/api/items?"


def literal(number: int, text: str) -> dict[str, Any]:
    return {"type": "literal", "property_id": number, "is_public": True, "@value": text}


def seed(source: StandIn) -> None:
    """Two sets (one private), seven items (the last private), the first with three files in their order."""
    source.seed(
        item_sets=[
            {"o:id": 1, "dcterms:title": [literal(1, "Maps")]},
            {"o:id": 2, "dcterms:title": [literal(1, "Letters")], "o:is_public": False},
        ],
        items=[
            {
                "o:id": 10 + n,
                "o:is_public": n < ITEMS,
                "o:item_set": [{"o:id": 1 + n % 2}],
                "o:resource_class": {"o:id": 26},
                "dcterms:title": [literal(1, f"Work {n}")],
                "dcterms:creator": [literal(2, "Smith, John"), literal(2, "Smith, Jane")],
            }
            for n in range(1, ITEMS + 1)
        ],
        media=[
            {
                "o:id": 30 + n,
                "o:item": {"o:id": 11},
                "o:source": f"scan {n}.jpg",
                "o:media_type": "image/jpeg",
                "o:filename": f"hash{n}.jpg",
                "o:original_url": "yes",
                "position": n,
                "content": base64.b64encode(jpeg(f"scan {n}")).decode(),
                "dcterms:title": [literal(1, f"Scan {n}")],
            }
            for n in range(1, 4)
        ],
    )


def control(prefix: str, **reader: Any) -> dict[str, Any]:
    """`prefix`: of the identifiers, so that each test has resources of its own."""

    def every(term: str, destination: str) -> dict[str, Any]:
        value = {"source": "@value", "destination": destination, "name": term, "multivalue": True}
        return {"action": "for-each", "source": term, "instructions": [value]}

    identity = {
        "source": "o:id",
        "filters": [{"prefix": prefix}],
        "by": "dcterms:identifier",
        "scope": prefix,
    }
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "maxErrors": "100%",
        "match": {"item": identity, "item-set": identity},
        "files": {"old": {"read": "omeka-s", "from": "old", "resources": ["item_sets", "items"], **reader}},
        "instructions": [
            {
                "action": "if-value-one-of",
                "source": "resource",
                "values": ["item_sets"],
                "then": [
                    {"action": "new", "destination": "item-set"},
                    {"source": "o:is_public", "destination": "item-set", "name": "public"},
                    {
                        "source": "o:title",
                        "filters": [{"prefix": prefix}],
                        "destination": "item-set",
                        "name": "dcterms:title",
                    },
                ],
                "else": [
                    {"action": "new", "destination": "item"},
                    {"source": "o:is_public", "name": "public"},
                    {"source": "class", "name": "class"},
                    every("dcterms:title", "item"),
                    every("dcterms:creator", "item"),
                    {"source": "item_sets", "filters": [{"prefix": prefix}], "name": "item-set"},
                    {
                        "action": "for-each",
                        "source": "media",
                        "instructions": [
                            {"action": "new", "destination": "media"},
                            {"source": "file", "destination": "media", "name": "url"},
                            every("dcterms:title", "media"),
                        ],
                    },
                ],
            }
        ],
    }


class Place:
    """An installation whose target is one stand-in, and whose source another behind a proxy."""

    def __init__(self, accession: Installation, source: StandIn, target: StandIn, proxy: FaultProxy) -> None:
        self.accession = accession
        self.source = source
        self.target = target
        self.proxy = proxy

    def batch(self, prefix: str, **reader: Any) -> str:
        return self.accession.batch(control(prefix, **reader), {})

    def items(self, prefix: str) -> list[Any]:
        """What the target has by that prefix, by title."""
        found = [
            one
            for one in self.target.dump()["items"]
            if one["dcterms:identifier"][0]["@value"].startswith(prefix)
        ]
        return sorted(found, key=lambda one: str(one["o:title"]))

    def asked(self, path: str) -> list[str]:
        """The requests to the source that begin with `path`."""
        return [one.target for one in self.proxy.log if one.target.startswith(path)]

    def key_is_hidden(self, batch: str) -> bool:
        secrets = (self.source.key_identity, self.source.key_credential)
        said = self.accession.log(batch) + str(self.accession.report(batch)) + self.accession.output("worker")
        return not any(secret in said for secret in secrets)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with StandIn() as source, StandIn() as target, FaultProxy(source.url) as proxy:
        seed(source)
        old = {
            "kind": "omeka-s",
            "url": proxy.url,
            "key_identity": source.key_identity,
            "key_credential": source.key_credential,
            "per_page": 2,
        }
        sources = {
            "old": old,
            "wrong": {**old, "key_credential": "wrong-credential-of-nobody"},
            "elsewhere": {**old, "targets": ["another"]},
            "public": {"kind": "omeka-s", "url": proxy.url},
        }
        folder = tmp_path_factory.mktemp("sources") / "accession"
        with Installation(folder, {"omeka": target_of(target)}, sources=sources) as accession:
            yield Place(accession.start(), source, target, proxy)


@pytest.fixture
def place(whole: Place) -> Place:
    whole.proxy.clear()
    return whole


def test_a_site_is_read_once_and_imported_as_the_dry_run_has_shown(place: Place) -> None:
    accession = place.accession
    batch = place.batch("once-")
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    plan = accession.facts(batch)["runs"][0]["run"]
    pages = [re.sub(r".*[?&]page=(\d+).*", r"\1", one) for one in place.asked(PAGES)]
    assert pages == ["1", "2", "3", "4"]
    read = len(place.proxy.log)
    assert accession.run(batch, plan=plan) == "complete", accession.log(batch)
    asked = [one.target for one in place.proxy.log[read:]]
    assert [one for one in asked if one.startswith("/api/")] == []
    assert len([one for one in asked if one.startswith("/files/original/")]) == 3
    items = place.items("once-")
    assert [one["dcterms:title"][0]["@value"] for one in items] == [f"Work {n}" for n in range(1, ITEMS + 1)]
    assert [one["o:is_public"] for one in items] == [True] * (ITEMS - 1) + [False]
    assert [one["@value"] for one in items[0]["dcterms:creator"]] == ["Smith, John", "Smith, Jane"]
    assert all("dctype:Image" in one["@type"] for one in items)
    dump = place.target.dump()
    sets = {one["o:id"]: (one["o:title"], one["o:is_public"]) for one in dump["item_sets"]}
    assert sets[items[0]["o:item_set"][0]["o:id"]] == ("once-Letters", False)
    assert sets[items[1]["o:item_set"][0]["o:id"]] == ("once-Maps", True)
    of_first = [one["o:id"] for one in items[0]["o:media"]]
    media = {one["o:id"]: one for one in dump["media"]}
    assert [media[one]["o:source"] for one in of_first] == ["scan 1.jpg", "scan 2.jpg", "scan 3.jpg"]
    originals = {one["o:sha256"] for one in place.source.dump()["media"]}
    assert {media[one]["o:sha256"] for one in of_first} == originals
    assert place.key_is_hidden(batch)


def test_a_new_batch_reads_again_and_writes_only_what_is_new(place: Place) -> None:
    accession = place.accession
    first = place.batch("again-")
    assert accession.run(first) == "complete", accession.log(first)
    before = place.target.requests(0)["writes"]
    second = place.batch("again-")
    assert accession.run(second) == "complete", accession.log(second)
    assert place.target.requests(0)["writes"] == before
    assert accession.counts(second)["unchanged"] == accession.counts(first)["created"]


def test_a_page_that_fails_now_and_then_is_asked_for_again(place: Place) -> None:
    place.proxy.add(
        Fault("answer", path=r"/api/items\?.*&page=2", status=500),
        Fault("drop_before", path=r"/api/items\?.*&page=2", nth=1),
        Fault("answer", path=r"/api/items\?.*&page=3", status=429, headers={"Retry-After": "1"}),
        Fault("answer", path=r"/api/media\?.*&page=1", status=200),
        Fault("cut_body", path=r"/api/item_sets\?.*&page=1"),
    )
    batch = place.batch("now-")
    assert place.accession.run(batch) == "complete", place.accession.log(batch)
    assert len(place.items("now-")) >= ITEMS
    assert place.key_is_hidden(batch)


@pytest.mark.parametrize("status", [500, 302], ids=["500", "302"])
def test_a_page_that_never_comes_is_missing_loudly_and_the_others_are_there(
    place: Place, status: int
) -> None:
    place.proxy.add(
        Fault(
            "answer",
            path=r"/api/items\?.*&page=2",
            times=0,
            status=status,
            headers={"Location": f"{place.proxy.url}/secret"},
        )
    )
    prefix = f"lost{status}-"
    batch = place.batch(prefix)
    accession = place.accession
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    titles = [one["dcterms:title"][0]["@value"] for one in place.items(prefix)]
    assert [f"Work {n}" in titles for n in range(1, ITEMS + 1)] == [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
    ]
    lost = [one for one in accession.report(batch) if one["code"] == "source-page-failed"]
    assert len(lost) == 1
    assert "Page 2 of items" in lost[0]["message"]
    assert place.asked("/secret") == []
    place.proxy.clear()
    again = place.batch(prefix)
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["created"] == 2
    assert place.key_is_hidden(batch)


def test_an_item_whose_media_could_not_be_read_is_left_out(place: Place) -> None:
    place.proxy.add(Fault("answer", path=r"/api/media\?.*&page=2", times=0, status=503))
    batch = place.batch("half-")
    accession = place.accession
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    codes = [one["code"] for one in accession.report(batch) if one["outcome"] == "rejected"]
    assert codes == ["source-parts-missing"]
    assert "Work 1" not in [one["dcterms:title"][0]["@value"] for one in place.items("half-")]


def test_a_file_that_is_not_there_is_an_outcome_of_its_own(place: Place) -> None:
    place.proxy.add(Fault("answer", path=r"/files/original/hash2", times=0, status=404))
    batch = place.batch("file-")
    accession = place.accession
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    bad = [one for one in accession.report(batch) if one["outcome"] == "rejected"]
    assert [one["code"] for one in bad] == ["fetch-refused"]
    assert "hash2.jpg" in bad[0]["message"]
    assert len(place.items("file-")[0]["o:media"]) == 2


def test_a_wrong_key_ends_the_run_before_anything(place: Place) -> None:
    batch = place.batch("refused-", **{"from": "wrong"})
    assert place.accession.run(batch) == "failed"
    run = place.accession.facts(batch)["runs"][0]
    assert run["code"] == "source-key-refused"
    assert "does not let its key read" in run["reason"]
    assert place.items("refused-") == []
    assert "wrong-credential-of-nobody" not in place.accession.log(batch)


@pytest.mark.parametrize(
    ("reader", "status", "said"),
    [
        ({"from": "elsewhere"}, 403, "may not be read into the target"),
        ({"from": "nowhere"}, 400, "Configured: elsewhere, old, public, wrong."),
        ({"read": "omeka-classic", "resources": ["items"]}, 400, 'read it with "read": "omeka-s"'),
    ],
)
def test_a_source_that_may_not_be_read_is_refused_with_the_batch(
    place: Place, reader: dict[str, Any], status: int, said: str
) -> None:
    upload = {"file": ("control.json", json.dumps(control("refused-", **reader)).encode())}
    digest = place.accession.ok(place.accession.post("control", files=upload))
    answer = place.accession.post("batch", data={"control": digest})
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_without_a_key_what_is_public_is_read(place: Place) -> None:
    batch = place.batch("public-", **{"from": "public"})
    assert place.accession.run(batch) == "complete", place.accession.log(batch)
    titles = {one["dcterms:title"][0]["@value"] for one in place.items("public-")}
    assert "Work 2" in titles
    assert f"Work {ITEMS}" not in titles


def test_a_worker_that_takes_over_asks_for_no_page_twice(place: Place) -> None:
    accession = place.accession
    place.proxy.add(Fault("hold", path=r"/api/items\?.*&page=3", seconds=3))
    batch = place.batch("taken-")
    accession.schedule(batch)
    while not any("&page=3" in one for one in place.asked(PAGES)):
        time.sleep(0.02)
    accession.kill("worker")
    accession.start_worker()
    assert accession.wait(batch) == "complete", accession.log(batch)
    pages = [re.sub(r".*[?&]page=(\d+).*", r"\1", one) for one in place.asked(PAGES)]
    assert pages in (["1", "2", "3", "3", "4"], ["1", "2", "3", "3", "4", "5"])
    titles = [one["dcterms:title"][0]["@value"] for one in place.items("taken-")]
    assert len(titles) == len(set(titles))
    assert len(titles) >= ITEMS


def test_a_source_that_is_away_is_waited_for_and_then_gone_on_with(place: Place) -> None:
    accession = place.accession
    place.proxy.add(
        Fault("answer", path=r"/api/items\?.*&page=2", times=0, status=502),
        Fault("answer", path=r"/api/users\?.*per_page=1&", nth=2, times=0, status=502),
    )
    batch = place.batch("away-")
    assert accession.run(batch) == "failed", accession.log(batch)
    run = accession.facts(batch)["runs"][0]
    assert run["code"] == "source-down"
    assert "goes on behind the pages that have come" in run["reason"]
    assert place.items("away-") == []
    place.proxy.clear()
    assert accession.run(batch) == "complete", accession.log(batch)
    pages = [re.sub(r".*[?&]page=(\d+).*", r"\1", one) for one in place.asked(PAGES)]
    assert pages == ["2", "3", "4"]
    assert len(place.items("away-")) == ITEMS
