"""What stands around the items: planned, written, verified, reported, recovered and undone as items are."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.acceptance.workshop import Shop
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "other-resources.md").read_text(encoding="utf-8")
Json = dict[str, Any]
UPLOADS: Json = {"files/**": {"read": "attachment", "required": False}}


def picture(shade: int = 0) -> bytes:
    """A PNG of one pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def control(kind: str, fields: Mapping[str, object], **more: object) -> Json:
    """A control file of which each record is one of `kind`; `fields`: key of the record → name."""
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "maxErrors": "100%",
        "files": {"data0": {"read": "json"}} | (UPLOADS if kind == "asset" else {}),
        "instructions": [
            {"action": "new", "destination": kind},
            {"action": "fields", "destination": kind, "fields": dict(fields)},
        ],
        **more,
    }


@pytest.fixture(scope="module")
def omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def shop(tmp_path: Path, omeka: StandIn) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop", omeka, lease=0.6)
    yield made
    made.close()


class Site:
    """The other resources of a stand-in."""

    def __init__(self, omeka: StandIn) -> None:
        self.omeka = omeka

    def all(self, path: str) -> list[Json]:
        answer = httpx2.get(f"{self.omeka.api}/{path}", params={**self.omeka.key, "per_page": "1000"})
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()
        return found

    def one(self, path: str, **where: str) -> Json:
        (found,) = [
            one for one in self.all(path) if all(one[f"o:{key}"] == value for key, value in where.items())
        ]
        return found

    def create(self, path: str, **body: object) -> int:
        answer = httpx2.post(f"{self.omeka.api}/{path}", params=self.omeka.key, json=body)
        assert answer.status_code == 200, answer.text
        number: int = answer.json()["o:id"]
        return number

    def edit(self, path: str, number: int, **body: object) -> None:
        answer = httpx2.patch(f"{self.omeka.api}/{path}/{number}", params=self.omeka.key, json=body)
        assert answer.status_code == 200, answer.text

    def put(self, path: str, number: int, body: Json) -> None:
        answer = httpx2.put(f"{self.omeka.api}/{path}/{number}", params=self.omeka.key, json=body)
        assert answer.status_code == 200, answer.text

    def writes(self) -> list[tuple[str, str]]:
        """(method, path) of every write since the last look."""
        found = [
            (one["method"], one["path"]) for one in self.omeka.requests()["recent"] if one["method"] != "GET"
        ]
        self.omeka.reset_requests()
        return found


@pytest.fixture
def site(omeka: StandIn) -> Site:
    found = Site(omeka)
    for item in found.all("items"):
        httpx2.delete(f"{omeka.api}/items/{item['o:id']}", params=omeka.key)
    if "holder" not in [one["o:slug"] for one in found.all("sites")]:
        found.create("sites", **{"o:title": "Holder of pages", "o:slug": "holder", "o:theme": "default"})
    omeka.reset_requests()
    return found


class Case:
    """One kind: a first import, and a second one that changes the first of its records."""

    def __init__(
        self,
        kind: str,
        path: str,
        fields: Mapping[str, object],
        records: list[Json],
        change: Json,
        files: Mapping[str, bytes] | None = None,
        verb: str = "PATCH",
    ) -> None:
        """`verb`: what sends the change."""
        self.kind = kind
        self.path = path
        self.control = control(kind, fields)
        self.records = records
        self.changed = [{**records[0], **change}, *records[1:]]
        self.files = files or {}
        self.verb = verb

    def batch(self, shop: Shop, records: list[Json]) -> str:
        return shop.batch(self.control, {"data0": records, **self.files})


def asset_case(mark: str) -> Case:
    return Case(
        "asset",
        "assets",
        {"n": "name", "f": "file", "alt": "alt-text"},
        [
            {"n": f"{mark} one", "f": "files/a.png", "alt": "first"},
            {"n": f"{mark} two", "f": "files/b.png", "alt": "second"},
        ],
        {"alt": "otherwise"},
        {"files/a.png": picture(1), "files/b.png": picture(2)},
    )


def vocabulary_case(mark: str) -> Case:
    prefix = "v" + hashlib.sha256(mark.encode()).hexdigest()[:8]
    names = {"p": "prefix", "u": "namespace", "l": "label", "props": "properties", "cs": "classes"}
    return Case(
        "vocabulary",
        "vocabularies",
        names,
        [
            {
                "p": f"{prefix}{n}",
                "u": f"http://example.org/{prefix}/{n}#",
                "l": f"{mark} {n}",
                "props": ["shelf = Shelf mark", {"name": "box", "label": "Box", "comment": "Where it lies"}],
                "cs": "Crate",
            }
            for n in (1, 2)
        ],
        {"l": f"{mark} changed"},
    )


def template_case(mark: str) -> Case:
    return Case(
        "resource-template",
        "resource_templates",
        {"l": "label", "c": "class", "o": "owner", "props": "properties"},
        [
            {"l": f"{mark} one", "c": "dctype:Image", "props": ["dcterms:title", SHELF]},
            {"l": f"{mark} two", "props": "dcterms:source"},
        ],
        {"c": "dctype:Text"},
    )


def site_case(mark: str) -> Case:
    slug = re.sub(r"[^a-z0-9]+", "-", mark.lower())
    return Case(
        "site",
        "sites",
        {"s": "slug", "t": "title", "d": "description", "new": "assign-new-items"},
        [{"s": f"{slug}-{n}", "t": f"{mark} {n}", "d": "All of it", "new": n == 2} for n in (1, 2)],
        {"t": f"{mark} changed", "d": "More"},
    )


def page_case(mark: str) -> Case:
    slug = re.sub(r"[^a-z0-9]+", "-", mark.lower())
    return Case(
        "site-page",
        "site_pages",
        {"in": "site", "s": "slug", "t": "title", "h": "html"},
        [{"in": "holder", "s": f"{slug}-{n}", "t": f"{mark} {n}", "h": f"<p>Page {n}</p>"} for n in (1, 2)],
        {"t": f"{mark} changed", "h": "<p>More</p><p>of it</p>"},
        verb="PUT",
    )


def user_case(mark: str) -> Case:
    name = re.sub(r"[^a-z0-9]+", ".", mark.lower())
    return Case(
        "user",
        "users",
        {"m": "email", "n": "name"},
        [{"m": f"{name}.{n}@Example.org", "n": f"{mark} {n}"} for n in (1, 2)],
        {"n": f"{mark} changed"},
    )


SHELF: Json = {
    "property": "dcterms:identifier",
    "label": "Call number",
    "data-types": ["literal"],
    "required": True,
}
CASES: dict[str, Callable[[str], Case]] = {
    "asset": asset_case,
    "vocabulary": vocabulary_case,
    "resource-template": template_case,
    "site": site_case,
    "site-page": page_case,
    "user": user_case,
}
EDITS: dict[str, Json] = {
    "asset": {"o:alt_text": "Somebody's"},
    "vocabulary": {"o:label": "Somebody's"},
    "resource-template": {"o:resource_class": None},
    "site": {"o:title": "Somebody's"},
    "site-page": {"o:title": "Somebody's"},
    "user": {"o:name": "Somebody's"},
}
"""What somebody does by hand to what a case has made."""
every_kind = pytest.mark.parametrize("kind", CASES)


def outcomes(shop: Shop, run_id: str) -> list[str | None]:
    return [one.outcome for one in shop.entries(run_id)]


def held(site: Site, path: str) -> list[Json]:
    """Everything of a kind, without its stamps."""
    return [{key: value for key, value in one.items() if key != "o:modified"} for one in site.all(path)]


@every_kind
def test_it_is_created_then_unchanged_then_updated_then_undone(shop: Shop, site: Site, kind: str) -> None:
    case = CASES[kind](f"whole {kind}")
    before = held(site, case.path)
    site.writes()
    first = case.batch(shop, case.records)
    planned = shop.run(first, "dry-run")
    assert planned.counts["action:create"] == 2, shop.log(planned.id)
    assert site.writes() == []
    run = shop.run(first)
    assert outcomes(shop, run.id) == ["created", "created"], shop.log(run.id)
    assert site.writes() == [("POST", f"/api/{case.path}")] * 2
    made = held(site, case.path)
    assert len(made) == len(before) + 2

    again = shop.run(case.batch(shop, case.records))
    assert outcomes(shop, again.id) == ["unchanged", "unchanged"], shop.log(again.id)
    assert site.writes() == []

    second = case.batch(shop, case.changed)
    run = shop.run(second)
    assert outcomes(shop, run.id) == ["updated", "unchanged"], shop.log(run.id)
    number = shop.entries(run.id)[0].outcome_id
    assert site.writes() == [(case.verb, f"/api/{case.path}/{number}")]
    assert held(site, case.path) != made
    undo = shop.run(second, "undo")
    assert undo.ending == "finished", shop.log(undo.id)
    assert held(site, case.path) == made
    site.writes()
    undo = shop.run(first, "undo")
    assert held(site, case.path) == before, shop.log(undo.id)
    assert [method for method, _ in site.writes()] == ["DELETE", "DELETE"]


@every_kind
@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("moment", [1, 2])
def test_a_worker_that_dies_makes_none_twice_and_loses_none(
    shop: Shop, site: Site, kind: str, moment: int, sent: bool
) -> None:
    case = CASES[kind](f"dying {kind} {moment} {sent}")
    before = held(site, case.path)
    batch = case.batch(shop, case.records)
    run_id = shop.schedule(batch)
    assert shop.run_dying(run_id, moment, sent=sent)
    facts = shop.take_over(run_id)
    assert outcomes(shop, run_id) == ["created", "created"], shop.log(run_id)
    assert facts.ending == "finished"
    assert len(held(site, case.path)) == len(before) + 2
    shop.run(batch, "undo")
    assert held(site, case.path) == before


@every_kind
def test_one_that_dies_in_an_update_or_its_undo_leaves_it_as_meant(shop: Shop, site: Site, kind: str) -> None:
    case = CASES[kind](f"edited {kind}")
    first = case.batch(shop, case.records)
    assert shop.run(first).ending == "finished"
    made = held(site, case.path)
    for sent in (False, True):
        second = case.batch(shop, case.changed)
        run_id = shop.schedule(second)
        assert shop.run_dying(run_id, 1, sent=sent)
        shop.take_over(run_id)
        assert outcomes(shop, run_id) == ["updated", "unchanged"], shop.log(run_id)
        assert held(site, case.path) != made
        undo = shop.schedule(second, "undo")
        assert shop.run_dying(undo, 1, sent=sent)
        shop.take_over(undo)
        assert held(site, case.path) == made, shop.log(undo)
    shop.run(first, "undo")


@every_kind
def test_what_somebody_edited_is_told_and_left_by_an_undo(shop: Shop, site: Site, kind: str) -> None:
    case = CASES[kind](f"theirs {kind}")
    batch = case.batch(shop, case.records)
    run = shop.run(batch)
    first, second = [one.outcome_id or 0 for one in shop.entries(run.id)]
    wait_a_second(site, case.path)
    site.edit(case.path, first, **EDITS[kind])
    later = shop.run(case.batch(shop, case.records), "dry-run")
    assert [one.action for one in shop.entries(later.id)] == ["update", "unchanged"], shop.log(later.id)
    assert "conflict-overwrite" in shop.log(later.id)
    undo = shop.run(batch, "undo")
    assert "undo-conflict" in shop.log(undo.id)
    left = {one["o:id"] for one in site.all(case.path)}
    assert first in left
    assert second not in left
    shop.run(batch, "undo", force=True)
    assert first not in {one["o:id"] for one in site.all(case.path)}


def wait_a_second(site: Site, path: str) -> None:
    """Where there are stamps they have whole seconds: the next edit is to have another."""
    if path in ("sites", "site_pages"):
        time.sleep(1.1)


# --- assets ---------------------------------------------------------------------------------------


def test_an_asset_arrives_with_its_bytes_and_is_known_by_its_digest_too(shop: Shop, site: Site) -> None:
    """As in the recorded `asset-upload`: a part `data`, and a part `file`."""
    name = 'odd "name" of\u00e4 picture.png'
    case = control("asset", {"n": "name", "f": "file"})
    data = picture(7)
    digest = hashlib.sha256(data).hexdigest()
    records = [{"n": "by name", "f": f"files/{name}"}, {"n": "by digest", "f": digest}]
    run = shop.run(shop.batch(case, {"data0": records, f"files/{name}": data}))
    assert outcomes(shop, run.id) == ["created", "created"], shop.log(run.id)
    for one in ("by name", "by digest"):
        made = site.one("assets", name=one)
        assert httpx2.get(made["o:asset_url"]).content == data
        assert made["o:media_type"] == "image/png"
    shop.run(run.batch_id, "undo")


@pytest.mark.parametrize(
    ("record", "code", "says"),
    [
        ({"n": "x", "f": "files/none.png"}, "file-missing", "The batch has no file “files/none.png”."),
        ({"n": "x"}, "asset-without-file", "name one of the uploads with `file`"),
        ({"f": "files/a.png"}, "identity-missing", "asset has no identity: name would be blank"),
        # `asset-upload-wrong-type`
        ({"n": "x", "f": "files/a.txt"}, "target-validation", "Cannot store files with the media type"),
    ],
)
def test_an_asset_that_cannot_be_made_says_why(
    shop: Shop, site: Site, record: Json, code: str, says: str
) -> None:
    files = {"files/a.png": picture(), "files/a.txt": b"no picture"}
    run = shop.run(shop.batch(control("asset", {"n": "name", "f": "file"}), {"data0": [record], **files}))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) in (("rejected", code), ("failed", code)), shop.log(run.id)
    assert says in (entry.message or "")
    assert site.all("assets") == []


def test_another_file_for_an_asset_that_stands_is_refused(shop: Shop, site: Site) -> None:
    case = asset_case("steady")
    batch = case.batch(shop, case.records)
    shop.run(batch)
    files = {**case.files, "files/a.png": picture(99)}
    run = shop.run(shop.batch(case.control, {"data0": case.records, **files}))
    assert [one.code for one in shop.entries(run.id)] == ["asset-file-changed", None]
    shop.run(batch, "undo")


def test_assets_that_stood_there_before_are_found_by_name_and_two_of_one_name_refused(
    shop: Shop, site: Site
) -> None:
    other = control(
        "asset",
        {"n": "name", "f": "file", "alt": "alt-text"},
        match={"asset": {"by": "name", "scope": "other"}},
    )
    files = {"files/a.png": picture()}
    mine = shop.batch(other, {"data0": [{"n": "there", "f": "files/a.png"}], **files})
    for _ in range(2):
        upload(site, "twin")
    upload(site, "there")
    records = [{"n": "there", "f": "files/a.png", "alt": "now"}, {"n": "twin", "f": "files/a.png"}]
    run = shop.run(
        shop.batch(
            control("asset", {"n": "name", "f": "file", "alt": "alt-text"}), {"data0": records, **files}
        )
    )
    first, second = shop.entries(run.id)
    assert (first.outcome, first.code) == ("updated", "file-not-compared")
    assert site.one("assets", name="there")["o:alt_text"] == "now"
    assert (second.outcome, second.code) == ("rejected", "ambiguous-identity")
    # Under another scope it is another source's.
    assert shop.run(mine).counts["created"] == 1
    for one in site.all("assets"):
        httpx2.delete(f"{site.omeka.api}/assets/{one['o:id']}", params=site.omeka.key)


def upload(site: Site, name: str) -> None:
    answer = httpx2.post(
        f"{site.omeka.api}/assets",
        params=site.omeka.key,
        data={"data": json.dumps({"o:name": name})},
        files={"file": ("a.png", picture())},
    )
    assert answer.status_code == 200, answer.text


def test_items_take_assets_of_the_same_batch_for_thumbnails_and_give_them_back(
    shop: Shop, site: Site
) -> None:
    """`item-thumbnail`: a PATCH of the thumbnail alone leaves everything else."""
    items: Json = {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "thumbs"}},
        "files": {"data0": {"read": "json"}},
        "instructions": [{"action": "new"}, {"source": "t", "name": "dcterms:title"}],
    }
    shop.run(shop.batch(items, {"data0": [{"no": "1", "t": "Old"}]}))
    both = {
        **items,
        "files": {
            "assets": {
                "read": "json",
                "instructions": asset_case("").control["instructions"],
            },
            "data0": {"read": "json"},
            "files/**": {"read": "attachment", "required": False},
        },
        "instructions": [*items["instructions"], {"source": "thumb", "name": "thumbnail"}],
    }
    assets = [{"n": "Shared", "f": "files/a.png"}]
    records = [{"no": "1", "t": "Old", "thumb": "Shared"}, {"no": "2", "t": "New", "thumb": "Shared"}]
    files = {"assets": assets, "data0": records, "files/a.png": picture()}
    site.writes()
    batch = shop.batch(both, files)
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created", "updated", "created"], shop.log(run.id)
    number = site.one("assets", name="Shared")["o:id"]
    found = [one for one in site.all("items") if one["o:title"] in ("Old", "New")]
    assert [one["o:thumbnail"]["o:id"] for one in found] == [number, number]
    assert site.writes()[0] == ("POST", "/api/assets")

    again = shop.run(shop.batch(both, files))
    assert outcomes(shop, again.id) == ["unchanged"] * 3, shop.log(again.id)
    shop.run(batch, "undo")
    assert [one["o:thumbnail"] for one in site.all("items") if one["o:title"] == "Old"] == [None]
    assert site.all("assets") == []


def test_a_thumbnail_that_nothing_brings_is_refused_by_name(shop: Shop, site: Site) -> None:
    wrong = {**CONTROL, "instructions": [*CONTROL["instructions"], {"source": "th", "name": "thumbnail"}]}
    run = shop.run(shop.batch(wrong, {"data0": [{"acno": "T1", "title": "T", "th": "Nobody"}]}))
    (entry,) = shop.entries(run.id)
    assert (entry.code, entry.message) == ("names-unknown", "There is no asset “Nobody” in this Omeka.")


# --- vocabularies ---------------------------------------------------------------------------------


def terms(site: Site, prefix: str) -> dict[str, tuple[str, str | None]]:
    """The members of a vocabulary: term → label and comment."""
    found = {}
    for path in ("properties", "resource_classes"):
        for one in site.all(path):
            if one["o:term"].startswith(f"{prefix}:"):
                found[one["o:term"].partition(":")[2]] = (one["o:label"], one["o:comment"])
    return found


def test_a_vocabulary_keeps_every_member_when_others_are_added(shop: Shop, site: Site) -> None:
    """Omeka removes the members that a PATCH does not list, with every value that uses them. (Of vocabularies
    only `vocabulary-create` and `vocabulary-create-duplicate` were recorded; this is its own code's way.)"""
    case = vocabulary_case("growing")
    prefix = case.records[0]["p"]
    batch = case.batch(shop, case.records[:1])
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
    first = {"shelf": ("Shelf mark", None), "box": ("Box", "Where it lies"), "Crate": ("Crate", None)}
    assert terms(site, prefix) == first
    number = site.one("vocabularies", prefix=prefix)["o:id"]
    held_by = {one["o:term"]: one["o:id"] for one in site.all("properties")}
    classes = [one for one in site.all("resource_classes") if one["o:term"] == f"{prefix}:Crate"]

    # Somebody adds one too; a record that names one of them only takes none of the others away.
    everything = [{"o:id": held_by[f"{prefix}:{name}"]} for name in ("shelf", "box")]
    theirs = {"o:local_name": "theirs", "o:label": "Theirs"}
    site.edit("vocabularies", number, **{"o:property": [*everything, theirs]})
    site.writes()
    second = case.batch(shop, [{**case.records[0], "props": ["aisle = Aisle"], "cs": ["Crate", "Bag"]}])
    run = shop.run(second)
    assert outcomes(shop, run.id) == ["updated"], shop.log(run.id)
    assert site.writes() == [("PATCH", f"/api/vocabularies/{number}")]
    after = {**first, "theirs": ("Theirs", None), "aisle": ("Aisle", None), "Bag": ("Bag", None)}
    assert terms(site, prefix) == after
    assert {one["o:term"]: one["o:id"] for one in site.all("properties")}.items() >= held_by.items(), (
        "each keeps its number, and so its values"
    )
    assert classes[0] in site.all("resource_classes")

    again = shop.run(second)
    assert outcomes(shop, again.id) == ["unchanged"], shop.log(again.id)
    undo = shop.run(second, "undo")
    assert terms(site, prefix) == after
    assert "members-stay" in shop.log(undo.id)
    assert "keeps aisle “Aisle” (properties)" in shop.log(undo.id)
    httpx2.delete(f"{site.omeka.api}/vocabularies/{number}", params=site.omeka.key)


def test_a_term_that_is_there_otherwise_is_refused(shop: Shop, site: Site) -> None:
    case = vocabulary_case("set")
    batch = case.batch(shop, case.records[:1])
    shop.run(batch)
    run = shop.run(case.batch(shop, [{**case.records[0], "props": ["shelf = Rack"]}]))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", "member-differs")
    assert "“shelf” has the label “Shelf mark”" in (entry.message or "")
    shop.run(batch, "undo")


@pytest.mark.parametrize(
    ("props", "says"),
    [
        ("two words", "“two words” is no local name of a term"),
        ({"label": "Nameless"}, "“” is no local name of a term"),
        ({"name": "shelf", "colour": "red"}, "has the key “colour”; there are name, label, comment."),
    ],
)
def test_a_member_that_is_none_says_so(shop: Shop, site: Site, props: object, says: str) -> None:
    case = vocabulary_case("unclear")
    run = shop.run(case.batch(shop, [{**case.records[0], "props": [props]}]))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", "member-unclear")
    assert says in (entry.message or "")


def test_an_answer_that_cannot_be_read_to_its_end_is_looked_for_not_repeated(
    tmp_path: Path, omeka: StandIn, site: Site
) -> None:
    """The members are read after the write; the target is away at that moment."""
    case = vocabulary_case("unread")
    with FaultProxy(omeka.url) as proxy:
        shop = Shop(tmp_path / "other", omeka, url=proxy.url, lease=0.6)
        batch = case.batch(shop, case.records[:1])
        fault = Fault("answer", method="GET", path=r"/api/properties\?vocabulary_id", times=4, status=400)
        proxy.add(fault)
        run = shop.run(batch)
        assert fault.done, "the fault has struck"
        assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
        assert [one for one in site.writes() if one[0] == "POST"] == [("POST", "/api/vocabularies")]
        shop.run(batch, "undo")
        shop.close()


def test_items_use_terms_of_the_same_batch_and_its_undo_leaves_what_others_use(
    shop: Shop, site: Site
) -> None:
    case = vocabulary_case("used")
    prefix = case.records[0]["p"]
    both: Json = {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "match": {"item": {"source": "no", "by": f"{prefix}:shelf", "scope": "terms"}},
        "files": {
            "vocabulary": {"read": "json", "instructions": case.control["instructions"]},
            "items": {"read": "json"},
        },
        "instructions": [
            {"action": "new", "set": {"class": f"{prefix}:Crate"}},
            {"source": "t", "name": f"{prefix}:box"},
        ],
    }
    files = {"vocabulary": case.records[:1], "items": [{"no": "1", "t": "One"}, {"no": "2", "t": "Two"}]}
    batch = shop.batch(both, files)
    planned = shop.run(batch, "dry-run")
    assert planned.counts["action:create"] == 3, shop.log(planned.id)
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"] * 3, shop.log(run.id)
    made = [one for one in site.all("items") if f"{prefix}:box" in one]
    assert sorted(one[f"{prefix}:box"][0]["@value"] for one in made) == ["One", "Two"]
    again = shop.run(shop.batch(both, files))
    assert outcomes(shop, again.id) == ["unchanged"] * 3, shop.log(again.id)

    # Somebody else's item uses a term too: with the vocabulary it would lose the value.
    term = next(one for one in site.all("properties") if one["o:term"] == f"{prefix}:box")
    value = {"type": "literal", "property_id": term["o:id"], "@value": "Mine"}
    theirs = site.create("items", **{f"{prefix}:box": [value]})
    undo = shop.run(batch, "undo")
    assert "in-use" in shop.log(undo.id)
    assert "There are items that have values of this vocabulary (1, such as item" in shop.log(undo.id)
    assert terms(site, prefix)
    httpx2.delete(f"{site.omeka.api}/items/{theirs}", params=site.omeka.key)
    undo = shop.run(batch, "undo")
    assert terms(site, prefix) == {}, shop.log(undo.id)


def test_what_would_use_a_vocabulary_that_was_refused_is_refused_too(shop: Shop, site: Site) -> None:
    """`vocabulary-create-duplicate`: the namespace is taken."""
    case = vocabulary_case("taken")
    prefix = case.records[0]["p"]
    both = {
        **case.control,
        "files": {
            "vocabulary": {"read": "json", "instructions": case.control["instructions"]},
            "items": {"read": "json"},
        },
        "instructions": [{"action": "new"}, {"source": "t", "name": f"{prefix}:box"}],
    }
    taken = {**case.records[0], "u": "http://purl.org/dc/terms/"}
    run = shop.run(shop.batch(both, {"vocabulary": [taken], "items": [{"t": "x"}]}))
    first, second = shop.entries(run.id)
    assert (first.outcome, first.code) == ("rejected", "target-validation")
    assert "is already taken" in (first.message or "")
    assert (second.outcome, second.code) == ("rejected", "names-unknown")
    assert second.message == f"There is no property “{prefix}:box” in this Omeka."


# --- resource templates ---------------------------------------------------------------------------


def rows_of(site: Site, label: str) -> list[tuple[object, ...]]:
    """The properties of a template, in its order: term, label, types, whether required and private."""
    terms_by_number = {one["o:id"]: one["o:term"] for one in site.all("properties")}
    keys = ("o:alternate_label", "o:data_type", "o:is_required", "o:is_private")
    return [
        (terms_by_number[row["o:property"]["o:id"]], *(row[key] for key in keys))
        for row in site.one("resource_templates", label=label)["o:resource_template_property"]
    ]


def test_a_template_keeps_the_properties_that_a_record_does_not_name(shop: Shop, site: Site) -> None:
    """Written as in the recorded `template-create`; its list of properties is the whole list."""
    case = template_case("kept")
    batch = case.batch(shop, case.records[:1])
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
    title: tuple[object, ...] = ("dcterms:title", None, [], False, False)
    shelf: tuple[object, ...] = ("dcterms:identifier", "Call number", ["literal"], True, False)
    assert rows_of(site, "kept one") == [title, shelf]
    template = site.one("resource_templates", label="kept one")
    assert template["o:resource_class"] is not None
    site.writes()
    changed = {
        "l": "kept one",
        "props": [{"property": "dcterms:identifier", "private": True}, "dcterms:source"],
    }
    second = case.batch(shop, [changed])
    run = shop.run(second)
    assert outcomes(shop, run.id) == ["updated"], shop.log(run.id)
    assert site.writes() == [("PATCH", f"/api/resource_templates/{template['o:id']}")]
    source: tuple[object, ...] = ("dcterms:source", None, [], False, False)
    hidden: tuple[object, ...] = ("dcterms:identifier", "Call number", ["literal"], True, True)
    assert rows_of(site, "kept one") == [title, hidden, source]
    assert (
        site.one("resource_templates", label="kept one")["o:resource_class"] == template["o:resource_class"]
    )
    undo = shop.run(second, "undo")
    assert rows_of(site, "kept one") == [title, shelf], shop.log(undo.id)
    shop.run(batch, "undo")


def test_a_template_that_resources_have_is_not_taken_from_them(shop: Shop, site: Site) -> None:
    """`template-delete-in-use`: Omeka would delete it, and the items would simply lose it."""
    case = template_case("worn")
    both = {
        **case.control,
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "worn"}},
        "files": {
            "templates": {"read": "json", "instructions": case.control["instructions"]},
            "items": {"read": "json"},
        },
        "instructions": [
            {"action": "new", "set": {"template": "worn one"}},
            {"source": "t", "name": "dcterms:title"},
        ],
    }
    batch = shop.batch(both, {"templates": case.records[:1], "items": [{"no": "1", "t": "Mine"}]})
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created", "created"], shop.log(run.id)
    number = site.one("resource_templates", label="worn one")["o:id"]
    title = {"type": "literal", "property_id": 1, "@value": "Theirs"}
    identifier = {"type": "literal", "property_id": 10, "@value": "x"}
    theirs = site.create(
        "items",
        **{
            "o:resource_template": {"o:id": number},
            "dcterms:title": [title],
            "dcterms:identifier": [identifier],
        },
    )
    undo = shop.run(batch, "undo")
    assert "There are items that have this template (1, such as item" in shop.log(undo.id)
    assert site.one("resource_templates", label="worn one")["o:id"] == number
    httpx2.delete(f"{site.omeka.api}/items/{theirs}", params=site.omeka.key)
    shop.run(batch, "undo")
    assert [one for one in site.all("resource_templates") if one["o:label"] == "worn one"] == []


@pytest.mark.parametrize(
    ("props", "code", "says"),
    [
        ("dcterms:nothing", "names-unknown", "There is no property “dcterms:nothing” in this Omeka."),
        (
            {"property": "dcterms:title", "required": "yes"},
            "member-unclear",
            "required, which is true or false",
        ),
        ({"property": "dcterms:title", "data-types": ["numeric:nothing"]}, "names-unknown", "no data type"),
        ("title", "member-unclear", "“title” is no term such as dcterms:title."),
    ],
)
def test_a_property_of_a_template_that_cannot_be_says_so(
    shop: Shop, site: Site, props: object, code: str, says: str
) -> None:
    case = template_case("unclear")
    run = shop.run(case.batch(shop, [{**case.records[0], "props": [props]}]))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", code), shop.log(run.id)
    assert says in (entry.message or "")


# --- sites ----------------------------------------------------------------------------------------

SITE_CONTROL: Json = control("site", {"s": "slug", "t": "title", "sets": "item-set"})
SETS: Json = {
    **control("item-set", {"t": "dcterms:title"}),
    "match": {
        "item-set": {"by": "dcterms:title", "scope": "sets"},
        "item": {"source": "no", "by": "dcterms:identifier", "scope": "sets"},
    },
}


def shown(site: Site, slug: str) -> list[int]:
    return [one["o:item_set"]["o:id"] for one in site.one("sites", slug=slug)["o:site_item_set"]]


def test_a_site_is_created_as_omeka_wants_it_and_takes_no_items_unasked(shop: Shop, site: Site) -> None:
    """As in the recorded `site-create`; unsaid it is private, and takes no new items."""
    quiet = {**SITE_CONTROL, "visibility": "private"}
    batch = shop.batch(quiet, {"data0": [{"s": "quiet", "t": "Quiet"}]})
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
    made = site.one("sites", slug="quiet")
    assert (made["o:is_public"], made["o:assign_new_items"], made["o:theme"]) == (False, False, "default")
    assert len(made["o:page"]) == 1
    undo = shop.run(batch, "undo")
    assert undo.ending == "finished"
    assert [one for one in site.all("sites") if one["o:slug"] == "quiet"] == []


def test_a_site_shows_sets_of_the_same_batch_and_keeps_those_of_others(shop: Shop, site: Site) -> None:
    both = {
        **SETS,
        "files": {
            "sets": {"read": "json", "instructions": SETS["instructions"]},
            "sites": {"read": "json", "instructions": SITE_CONTROL["instructions"]},
            "items": {"read": "json"},
        },
        "instructions": [
            {"action": "new", "set": {"site": "showing", "item-set": "Shown A"}},
            {"source": "no", "name": "dcterms:title"},
        ],
    }
    sets = [{"t": "Shown A"}, {"t": "Shown B"}]
    records = [{"s": "showing", "t": "Showing", "sets": ["Shown A", "Shown B"]}]
    batch = shop.batch(both, {"sets": sets, "sites": records, "items": [{"no": "S1"}]})
    site.writes()
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"] * 4, shop.log(run.id)
    paths = [path for _, path in site.writes()]
    assert paths == ["/api/item_sets", "/api/item_sets", "/api/sites", "/api/items"]
    a, b = (site.one("item_sets", title=title)["o:id"] for title in ("Shown A", "Shown B"))
    assert shown(site, "showing") == [a, b]
    item = site.one("items", title="S1")
    assert [one["o:id"] for one in item["o:item_set"]] == [a]
    number = site.one("sites", slug="showing")["o:id"]
    assert [one["o:id"] for one in item["o:site"]] == [number]

    theirs = site.create(
        "item_sets", **{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "T"}]}
    )
    wait_a_second(site, "sites")
    now = [{"o:item_set": {"o:id": one}} for one in (a, b, theirs)]
    site.edit("sites", number, **{"o:site_item_set": now})
    second = shop.batch(both, {"sets": [], "sites": [{**records[0], "sets": ["Shown B"]}], "items": []})
    run = shop.run(second)
    assert outcomes(shop, run.id) == ["updated"], shop.log(run.id)
    assert sorted(shown(site, "showing")) == sorted([b, theirs])
    shop.run(second, "undo")
    assert shown(site, "showing") == [a, b, theirs]
    shop.run(batch, "undo", force=True)
    assert [one for one in site.all("sites") if one["o:slug"] == "showing"] == []
    httpx2.delete(f"{site.omeka.api}/item_sets/{theirs}", params=site.omeka.key)


def test_a_site_that_has_got_other_pages_is_left_by_an_undo(shop: Shop, site: Site) -> None:
    batch = shop.batch(SITE_CONTROL, {"data0": [{"s": "grown", "t": "Grown"}]})
    shop.run(batch)
    number = site.one("sites", slug="grown")["o:id"]
    page = site.create("site_pages", **{"o:site": {"o:id": number}, "o:title": "Mine", "o:slug": "mine"})
    undo = shop.run(batch, "undo")
    assert "It has 2 pages, of which Omeka made one with it" in shop.log(undo.id)
    httpx2.delete(f"{site.omeka.api}/site_pages/{page}", params=site.omeka.key)
    shop.run(batch, "undo")
    assert [one for one in site.all("sites") if one["o:slug"] == "grown"] == []


@pytest.mark.parametrize(
    ("record", "code", "says"),
    [
        ({"t": "No slug"}, "identity-missing", "site has no identity: slug would be blank"),
        ({"s": "x"}, "target-validation", "A site must have a title."),
        ({"s": "x", "t": "X", "sets": "Nowhere"}, "names-unknown", "There is no item set “Nowhere”"),
    ],
)
def test_a_site_that_cannot_be_made_says_why(
    shop: Shop, site: Site, record: Json, code: str, says: str
) -> None:
    run = shop.run(shop.batch(SITE_CONTROL, {"data0": [record]}))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", code), shop.log(run.id)
    assert says in (entry.message or "")


# --- pages ----------------------------------------------------------------------------------------


def test_a_page_comes_into_a_site_of_the_same_batch_after_all_else(shop: Shop, site: Site) -> None:
    """Of pages nothing was recorded; what a page holds is as Omeka's own code has it."""
    pages = page_case("x").control["instructions"]
    both = {
        **control("item", {"no": "dcterms:title"}),
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "pages"}},
        "files": {
            "pages": {"read": "json", "instructions": [*SITE_CONTROL["instructions"], *pages]},
            "items": {"read": "json"},
        },
        "instructions": [{"action": "new"}, {"source": "no", "name": "dcterms:title"}],
    }
    record = {"s": "fresh", "t": "Fresh", "in": "fresh", "h": "<p>Hello</p><script>no()</script>"}
    site.writes()
    batch = shop.batch(both, {"pages": [record], "items": [{"no": "P1"}]})
    run = shop.run(batch)
    # Omeka takes the script out of it, which is told.
    assert outcomes(shop, run.id) == ["created", "altered", "created"], shop.log(run.id)
    assert [path for _, path in site.writes()] == ["/api/sites", "/api/items", "/api/site_pages"]
    page = site.one("site_pages", slug="fresh")
    layouts = [block["o:layout"] for block in page["o:block"]]
    assert layouts == ["pageTitle", "html"]
    assert page["o:block"][1]["o:data"]["html"] == "<p>Hello</p>"
    assert page["o:is_public"] is True
    again = shop.run(shop.batch(both, {"pages": [record], "items": [{"no": "P1"}]}))
    assert outcomes(shop, again.id) == ["unchanged"] * 3, shop.log(again.id)
    titled = shop.run(shop.batch(both, {"pages": [{**record, "t": "Other"}], "items": []}))
    assert outcomes(shop, titled.id) == ["updated", "updated"], shop.log(titled.id)
    shop.run(titled.batch_id, "undo")
    undo = shop.run(batch, "undo", force=True)
    assert [one for one in site.all("sites") if one["o:slug"] == "fresh"] == [], shop.log(undo.id)


def test_the_content_of_a_page_changes_and_what_its_editors_added_stays(shop: Shop, site: Site) -> None:
    case = page_case("steady page")
    record = case.records[0]
    first = case.batch(shop, [record])
    shop.run(first)
    item = site.create("items")
    page = site.one("site_pages", slug=record["s"])
    added: list[Json] = [
        {
            "o:layout": "itemShowCase",
            "o:data": {"thumbnail_type": "square"},
            "o:attachment": [{"o:item": {"o:id": item}, "o:media": None, "o:caption": "<b>Look</b>"}],
        },
        {"o:layout": "lineBreak", "o:data": {"break_type": "opaque"}},
        {"o:layout": "html", "o:data": {"html": "<p>Theirs</p>"}},
    ]
    site.edit("site_pages", page["o:id"], **{"o:is_public": False, "o:block": added})
    stood = site.one("site_pages", slug=record["s"])
    site.writes()

    control = {**case.control, "onConflict": "overwrite"}
    second = shop.batch(control, {"data0": [{**record, "h": "<p>Else</p>"}]})
    run = shop.run(second)
    assert outcomes(shop, run.id) == ["updated"], shop.log(run.id)
    assert site.writes() == [("PUT", f"/api/site_pages/{page['o:id']}")]
    now = site.one("site_pages", slug=record["s"])
    html = {**stood["o:block"][1], "o:data": {"html": "<p>Else</p>"}}
    assert now["o:block"] == [stood["o:block"][0], html, *stood["o:block"][2:]]
    assert {**now, "o:block": [], "o:modified": ""} == {**stood, "o:block": [], "o:modified": ""}
    again = shop.run(shop.batch(control, {"data0": [{**record, "h": "<p>Else</p>"}]}))
    assert outcomes(shop, again.id) == ["unchanged"], shop.log(again.id)

    undone = shop.run(second, "undo")
    assert undone.state == "undone", shop.log(undone.id)
    assert site.one("site_pages", slug=record["s"])["o:block"] == stood["o:block"]
    shop.run(first, "undo", force=True)


def test_a_page_whose_html_shows_the_same_is_not_written_and_another_picture_is(
    shop: Shop, site: Site
) -> None:
    case = page_case("pictures")
    record = {**case.records[0], "h": '<p>One</p><img src="/a.jpg"><script>no()</script>'}
    first = case.batch(shop, [record])
    shop.run(first)
    site.writes()
    same = shop.run(case.batch(shop, [{**record, "h": '<div>One </div> <img src="/a.jpg">'}]))
    assert outcomes(shop, same.id) == ["unchanged"], shop.log(same.id)
    assert site.writes() == []
    other = shop.run(case.batch(shop, [{**record, "h": '<p>One</p><img src="/b.jpg">'}]))
    assert outcomes(shop, other.id) == ["updated"], shop.log(other.id)
    (html,) = site.one("site_pages", slug=record["s"])["o:block"][1:]
    assert html["o:data"]["html"] == '<p>One</p><img src="/b.jpg">'
    shop.run(other.batch_id, "undo")
    shop.run(first, "undo")


SHOWS: Json = {
    "source": "see",
    "destination": "site-page",
    "name": "item",
    "multivalue": True,
    "link": {"to": "item"},
}


def shows(*records: Json, **more: Any) -> tuple[Json, dict[str, object]]:
    """A control file of pages that show items of the same batch, and its files."""
    page = page_case("shows").control["instructions"]
    made = {
        **control("item", {}),
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "shown"}},
        "files": {
            "pages": {"read": "json", "instructions": [*page, {**SHOWS, **more}]},
            "items": {"read": "json"},
        },
        "instructions": [{"action": "new"}, {"source": "title", "name": "dcterms:title"}],
    }
    items = [{"no": f"I{n}", "title": f"Item {n}"} for n in (1, 2, 3)]
    pages = [{"in": "holder", "s": "shows", "t": "Shows", "h": "<p>Text</p>", **one} for one in records]
    return made, {"pages": pages, "items": items}


def shown_on_page(site: Site) -> list[list[str]]:
    """By block of the page that shows something: which items."""
    titles = {one["o:id"]: one["o:title"] for one in site.all("items")}
    page = site.one("site_pages", slug="shows")
    blocks = [[one["o:item"]["o:id"] for one in block["o:attachment"]] for block in page["o:block"]]
    return [[titles[number] for number in block] for block in blocks if block]


def without_page(site: Site) -> None:
    for page in [one for one in site.all("site_pages") if one["o:slug"] == "shows"]:
        httpx2.delete(f"{site.omeka.api}/site_pages/{page['o:id']}", params=site.omeka.key)
    site.writes()


def test_a_page_shows_items_of_the_same_batch_and_changes_with_its_record(shop: Shop, site: Site) -> None:
    without_page(site)
    made, files = shows({"see": ["I2", "I1"]})
    first = shop.batch(made, files)
    planned = shop.run(first, "dry-run")
    assert planned.counts["action:create"] == 4, shop.log(planned.id)
    run = shop.run(first)
    assert set(outcomes(shop, run.id)) == {"created"}, shop.log(run.id)
    assert [path for _, path in site.writes()] == ["/api/items"] * 3 + ["/api/site_pages"]
    assert shown_on_page(site) == [["Item 2", "Item 1"]]
    page = site.one("site_pages", slug="shows")
    assert [one["o:layout"] for one in page["o:block"]] == ["pageTitle", "html", "media"]
    again = shop.run(shop.batch(*shows({"see": ["I2", "I1"]})))
    assert set(outcomes(shop, again.id)) == {"unchanged"}, shop.log(again.id)

    second = shop.batch(*shows({"see": ["I1", "I3"]}))
    run = shop.run(second)
    assert sorted(outcomes(shop, run.id)) == ["unchanged"] * 3 + ["updated"], shop.log(run.id)
    assert site.writes() == [("PUT", f"/api/site_pages/{page['o:id']}")]
    assert shown_on_page(site) == [["Item 1", "Item 3"]]
    assert shop.run(second, "undo").state == "undone"
    assert site.one("site_pages", slug="shows")["o:block"] == page["o:block"]
    undone = shop.run(first, "undo", force=True)
    assert [one for one in site.all("site_pages") if one["o:slug"] == "shows"] == [], shop.log(undone.id)


def test_items_that_a_page_shows_keep_what_its_editors_made_of_them(shop: Shop, site: Site) -> None:
    without_page(site)
    made, files = shows({"see": ["I1", "I2"]})
    first = shop.batch(made, files)
    shop.run(first)
    page = site.one("site_pages", slug="shows")
    block = page["o:block"][2]
    block["o:data"]["alignment"] = "left"
    block["o:attachment"].reverse()
    block["o:attachment"][0]["o:caption"] = "<i>Two</i>"
    site.put("site_pages", page["o:id"], page)
    more, _ = shows(onUpdate="append")
    second = shop.batch({**more, "onConflict": "overwrite"}, shows({"see": ["I3"]})[1])
    run = shop.run(second)
    assert "updated" in outcomes(shop, run.id), shop.log(run.id)
    now = site.one("site_pages", slug="shows")["o:block"][2]
    assert shown_on_page(site) == [["Item 2", "Item 1", "Item 3"]]
    assert (now["o:data"], now["o:attachment"][:2]) == (block["o:data"], block["o:attachment"])
    shop.run(second, "undo")
    assert site.one("site_pages", slug="shows")["o:block"][2] == block
    shop.run(first, "undo", force=True)


def test_an_undo_shows_an_item_again_that_it_brings_back(shop: Shop, site: Site) -> None:
    without_page(site)
    made, files = shows({"see": ["I1", "I2"]})
    made["match"]["item"]["absent"] = "delete"
    made["maxRemovals"] = "50%"
    first = shop.batch(made, files)
    shop.run(first)
    site.writes()
    fewer = shows({"see": ["I2"]})[1]
    fewer["items"] = [one for one in files["items"] if one["no"] != "I1"]  # type: ignore[attr-defined]
    second = shop.batch(made, fewer)
    assert shop.run(second, "dry-run").ending == "finished"
    run = shop.run(second)
    assert shown_on_page(site) == [["Item 2"]], shop.log(run.id)
    undone = shop.run(second, "undo")
    assert undone.state == "undone", shop.log(undone.id)
    assert shown_on_page(site) == [["Item 1", "Item 2"]], shop.log(undone.id)
    shop.run(first, "undo", force=True)


@pytest.mark.parametrize(("on_error", "kept"), [("reject", None), ("drop", [["Item 1"]])])
def test_an_item_that_is_not_there_is_told(
    shop: Shop, site: Site, on_error: str, kept: list[list[str]] | None
) -> None:
    without_page(site)
    made, files = shows({"see": ["I1", "I9"]}, onError=on_error)
    run = shop.run(shop.batch(made, files))
    log = shop.log(run.id)
    assert "link-unknown" in log
    pages = [one for one in site.all("site_pages") if one["o:slug"] == "shows"]
    assert (shown_on_page(site) if pages else None) == kept, log
    shop.run(run.batch_id, "undo")


def test_a_page_is_known_by_any_name_of_its_site(shop: Shop, site: Site) -> None:
    case = page_case("names")
    batch = case.batch(shop, case.records[:1])
    run = shop.run(batch)
    number = site.one("sites", slug="holder")["o:id"]
    for name in ("Holder of pages", str(number)):
        again = shop.run(case.batch(shop, [{**case.records[0], "in": name}]))
        (entry,) = shop.entries(again.id)
        assert (entry.action, entry.resource_id) == ("unchanged", shop.entries(run.id)[0].outcome_id)
    shop.run(batch, "undo")


def test_a_page_of_a_site_that_is_not_there_is_refused(shop: Shop, site: Site) -> None:
    case = page_case("lost")
    run = shop.run(case.batch(shop, [{**case.records[0], "in": "nowhere"}]))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", "names-unknown"), shop.log(run.id)
    assert "There is no site “nowhere” in this Omeka." in (entry.message or "")


# --- users ----------------------------------------------------------------------------------------


def with_role(**assign: object) -> Json:
    """A control file of users whose role comes as said."""
    made = control("user", {"m": "email", "n": "name"})
    return {
        **made,
        "instructions": [*made["instructions"], {"destination": "user", "name": "role", **assign}],
    }


PERSON: Json = {"m": "Person@Example.org", "n": "Person"}


def test_a_user_is_a_researcher_unless_the_control_file_says_more(shop: Shop, site: Site) -> None:
    """As in the recorded `user-create`, and without a password."""
    for made, role in (
        (control("user", {"m": "email", "n": "name"}), "researcher"),
        (with_role(source="r"), "researcher"),
        (with_role(action="set-value", value="editor"), "editor"),
        (
            with_role(source="r", mapInputValue="roles") | {"mapping": {"roles": {"researcher": "author"}}},
            "author",
        ),
    ):
        batch = shop.batch(made, {"data0": [{**PERSON, "r": "researcher"}]})
        run = shop.run(batch)
        assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
        user = site.one("users", name="Person")
        assert (user["o:email"], user["o:role"], user["o:is_active"]) == ("person@example.org", role, True)
        shop.run(batch, "undo")
        assert [one for one in site.all("users") if one["o:name"] == "Person"] == []


@pytest.mark.parametrize(
    ("made", "record", "code", "says"),
    [
        (with_role(source="r"), {"r": "editor"}, "role-not-named", "The role “editor” comes from the data."),
        (with_role(action="set-value", value="global_admin"), {}, "role-refused", "allow_admin_roles"),
        (
            with_role(action="set-value", value="supervisor"),
            {},
            "role-refused",
            "No import makes an administrator",
        ),
        (with_role(action="set-value", value="boss"), {}, "role-unknown", "There is no role “boss”"),
        (
            with_role(action="set-value", value="author"),
            {"m": "nobody"},
            "not-an-email",
            "is no e-mail address",
        ),
        (
            with_role(action="set-value", value="author"),
            {"n": None},
            "target-validation",
            "The name cannot be empty",
        ),
    ],
)
def test_a_user_that_must_not_be_made_is_refused(
    shop: Shop, site: Site, made: Json, record: Json, code: str, says: str
) -> None:
    run = shop.run(shop.batch(made, {"data0": [{**PERSON, **record}]}))
    (entry,) = shop.entries(run.id)
    assert (entry.outcome, entry.code) == ("rejected", code), shop.log(run.id)
    assert says in (entry.message or "")
    assert len(site.all("users")) == 1


def test_an_administrator_is_neither_demoted_nor_renamed(shop: Shop, site: Site) -> None:
    (admin,) = site.all("users")
    for made, record in (
        (with_role(action="set-value", value="author"), {"n": admin["o:name"]}),
        (control("user", {"m": "email", "n": "name"}), {"n": "Another"}),
    ):
        run = shop.run(shop.batch(made, {"data0": [{"m": admin["o:email"].upper(), **record}]}))
        (entry,) = shop.entries(run.id)
        assert (entry.outcome, entry.code) == ("rejected", "role-refused"), shop.log(run.id)
        assert "is an administrator in Omeka (global_admin)" in (entry.message or "")
    assert site.all("users") == [admin]


def test_settings_may_allow_administrators(tmp_path: Path, omeka: StandIn, site: Site) -> None:
    targets = {"omeka": target_of(omeka, allow_admin_roles=True)}
    shop = Shop(tmp_path / "allowed", omeka, targets=targets)
    batch = shop.batch(with_role(action="set-value", value="site_admin"), {"data0": [PERSON]})
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created"], shop.log(run.id)
    assert site.one("users", name="Person")["o:role"] == "site_admin"
    shop.run(batch, "undo")
    shop.close()


def test_users_own_items_of_the_same_batch_and_are_left_while_they_own_others(shop: Shop, site: Site) -> None:
    both = {
        **control("item", {"no": "dcterms:title"}),
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "owners"}},
        "files": {
            "users": {"read": "json", "instructions": user_case("").control["instructions"]},
            "items": {"read": "json"},
        },
        "instructions": [
            {"action": "new"},
            {"source": "no", "name": "dcterms:title"},
            {"source": "by", "name": "owner"},
        ],
    }
    items = [{"no": "O1", "by": "person@example.org"}]
    batch = shop.batch(both, {"users": [PERSON], "items": items})
    run = shop.run(batch)
    assert outcomes(shop, run.id) == ["created", "created"], shop.log(run.id)
    number = site.one("users", name="Person")["o:id"]
    assert site.one("items", title="O1")["o:owner"]["o:id"] == number
    theirs = site.create("items", **{"o:owner": {"o:id": number}})
    undo = shop.run(batch, "undo")
    assert "There are items that belong to this user (1, such as item" in shop.log(undo.id)
    httpx2.delete(f"{site.omeka.api}/items/{theirs}", params=site.omeka.key)
    shop.run(batch, "undo")
    assert len(site.all("users")) == 1


# --- the page -------------------------------------------------------------------------------------


def blocks() -> tuple[Json, dict[str, bytes]]:
    """The example of the page: its control file, and its data by name."""
    (text,) = re.findall(r"^The control file:\n\n```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    tables = re.findall(r"^`([^`]+)`:\n\n```(?:csv|json)\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    return json.loads(text), {name: table.encode() for name, table in tables}


def test_the_example_of_the_page_does_what_the_page_says(
    accession: Installation, omeka: StandIn, site: Site
) -> None:
    example, files = example_files()
    before = omeka.dump()
    batch = accession.batch(example, files)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    plan = accession.ok(accession.get(f"batch/{batch}/plan"))
    for what in ("2 assets", "1 vocabulary", "1 resource template", "2 items"):
        assert what in plan
    assert accession.run(batch) == "complete", accession.log(batch)
    made = {one["o:name"]: one["o:id"] for one in site.all("assets")}
    thumbs = {one["o:title"]: one["o:thumbnail"]["o:id"] for one in omeka.dump()["items"]}
    assert thumbs == {"The harbour": made["Paintings"], "The ferry": made["Prints"]}
    assert {one["outcome"] for one in accession.report(batch)} == {"created"}
    assert sorted(one["museum:shelf"][0]["@value"] for one in omeka.dump()["items"]) == ["A 12", "B 3"]
    again = accession.batch(example, files)
    assert accession.run(again) == "complete"
    assert accession.counts(again)["unchanged"] == len(accession.report(again))
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    after = omeka.dump()
    assert {kind: len(rows) for kind, rows in after.items()} == {
        kind: len(rows) for kind, rows in before.items()
    }


def example_files() -> tuple[Json, dict[str, bytes]]:
    """The example of the page with the pictures that it speaks of."""
    example, data = blocks()
    logos = list(csv.DictReader(io.StringIO(data["logos.csv"].decode())))
    return example, {**data, **{one["File"]: picture(number) for number, one in enumerate(logos)}}


AROUND = ("vocabularies", "properties", "resource_templates", "assets", "items")


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("moment", range(1, 7))
def test_whatever_write_of_the_example_a_worker_dies_at_the_end_is_the_same(
    shop: Shop, site: Site, moment: int, sent: bool
) -> None:
    example, files = example_files()
    before = {path: len(site.all(path)) for path in AROUND}
    batch = shop.batch(example, files)
    run_id = shop.schedule(batch)
    assert shop.run_dying(run_id, moment, sent=sent)
    shop.take_over(run_id)
    assert outcomes(shop, run_id) == ["created"] * 6, shop.log(run_id)
    now = {path: len(site.all(path)) - before[path] for path in AROUND}
    assert now == {"vocabularies": 1, "properties": 2, "resource_templates": 1, "assets": 2, "items": 2}
    undo = shop.schedule(batch, "undo")
    assert shop.run_dying(undo, moment, sent=sent)
    shop.take_over(undo)
    assert {path: len(site.all(path)) for path in AROUND} == before, shop.log(undo)


def test_exactly_what_a_dry_run_of_the_example_has_shown_can_be_imported(shop: Shop, site: Site) -> None:
    example, files = example_files()
    batch = shop.batch(example, files)
    plan = shop.run(batch, "dry-run")
    run = shop.run(batch, plan=plan.id)
    assert outcomes(shop, run.id) == ["created"] * 6, shop.log(run.id)
    shop.run(batch, "undo")


def test_a_run_lists_each_kind_that_it_uses_and_nothing_a_record(shop: Shop, site: Site) -> None:
    """One listing a kind, and once more before a name of the batch itself is used."""
    case = asset_case("listed")
    many = [{"n": f"listed {number}", "f": "files/a.png"} for number in range(20)]
    batch = case.batch(shop, many)
    shop.run(batch)
    site.omeka.reset_requests()
    run = shop.run(case.batch(shop, many))
    assert outcomes(shop, run.id) == ["unchanged"] * 20
    assert site.omeka.requests()["counts"] == {"GET /api/users": 1, "GET /api/assets": 1}
    shop.run(batch, "undo")


# --- item sets ------------------------------------------------------------------------------------


def test_item_sets_go_the_whole_way_of_items(shop: Shop, site: Site) -> None:
    """Created, linked to, updated, deleted for their absence, and undone. (`item-set-delete`: Omeka answers a
    deletion with 500, and the set is gone.)"""
    made: Json = {
        **control("item-set", {"t": "dcterms:title"}, maxRemovals="100%"),
        "match": {
            "item-set": {"source": "no", "by": "dcterms:identifier", "scope": "way", "absent": "delete"},
            "item": {"source": "no", "by": "dcterms:identifier", "scope": "way"},
        },
        "files": {
            "data0": {"read": "json"},
            "items": {
                "read": "json",
                "instructions": [
                    {"action": "new"},
                    {
                        "source": "of",
                        "name": "dcterms:isPartOf",
                        "type": "resource",
                        "link": {"to": "item-set"},
                    },
                    {"source": "in", "name": "item-set"},
                ],
            },
        },
    }
    sets = [{"no": "W1", "t": "Way one"}, {"no": "W2", "t": "Way two"}]
    items = [{"no": "I1", "of": "W2", "in": "Way one"}]
    before = held(site, "item_sets")
    first = shop.batch(made, {"data0": sets, "items": items})
    run = shop.run(first)
    assert outcomes(shop, run.id) == ["created"] * 3, shop.log(run.id)
    one, two = (site.one("item_sets", title=title)["o:id"] for title in ("Way one", "Way two"))
    (item,) = site.all("items")
    assert item["dcterms:isPartOf"][0]["value_resource_id"] == two
    assert [part["o:id"] for part in item["o:item_set"]] == [one]
    wait_a_second(site, "sites")

    second = shop.batch(made, {"data0": [{"no": "W2", "t": "Way new"}], "items": items})
    assert shop.run(second, "dry-run").ending == "finished"
    run = shop.run(second)
    assert sorted(map(str, outcomes(shop, run.id))) == ["deleted", "unchanged", "updated"], shop.log(run.id)
    assert [part["o:title"] for part in site.all("item_sets")][-1] == "Way new"
    (item,) = site.all("items")
    assert item["o:item_set"] == []
    undo = shop.run(second, "undo")
    assert undo.ending == "finished", shop.log(undo.id)
    again = site.one("item_sets", title="Way one")["o:id"]
    (item,) = site.all("items")
    assert [part["o:id"] for part in item["o:item_set"]] == [again]
    shop.run(first, "undo", force=True)
    assert held(site, "item_sets") == before
    assert site.all("items") == []
