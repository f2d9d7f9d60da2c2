"""What goes wrong with Omeka's own API Import plugin, row for row; what comes of it here; and the test.

a page answers 500 or 429: it stops there, and says “completed”
    The page is asked for again. In the end it is missing loudly, the others come, the batch is not complete.
    test_source_omeka_classic.test_pages_that_fail_now_and_then_are_asked_for_again
    test_source_omeka_classic.test_a_page_that_never_comes_is_missing_and_so_is_what_lacks_its_files

a page is not JSON: the same
    The same.
    test_source_omeka_classic.test_pages_that_fail_now_and_then_are_asked_for_again
    test_source_omeka_classic.test_a_page_that_never_comes_is_missing_and_so_is_what_lacks_its_files

a connection breaks: “Importing” for ever
    The page is asked for again; where a worker dies, the next one goes on behind the last page.
    test_plugin_faults.test_a_connection_that_breaks_and_a_worker_that_dies_while_it_reads_cost_no_page

a file is a 404: its item comes without it, “completed”
    An outcome of its own, counted; it comes when it is there.
    test_plugin_faults.test_a_file_that_is_not_there_is_told_and_comes_later_alone

killed, and run again: a file comes twice
    None does.
    test_plugin_faults.test_a_worker_that_dies_while_files_are_sent_makes_none_twice

two imports at once: everything comes twice
    One waits for the other.
    test_plugin_faults.test_two_imports_at_once_make_everything_once

more files than a page: those of the first page come
    All.
    test_source_omeka_classic.test_all_files_of_an_item_whatever_a_page_holds_and_each_tag_whole

the same site at another address: everything comes again
    It is the same site.
    test_source_omeka_classic.test_the_same_site_at_another_address_is_the_same

imported again: texts go by position, what was removed there stays, edits here are lost, files are ignored
    Exactly what was changed or removed there; what somebody edited here is a conflict.
    test_plugin_faults.test_again_follows_the_origin_exactly_and_keeps_what_somebody_wrote_here

an owner that clashes is lost without a word; a super user there becomes one here
    Owners are mapped where the control file says so, and never with another role than it says. An Omeka
    Classic sets no owners: a control file that would is refused.
    test_classic_site.test_users_are_made_only_where_that_is_asked_for_and_never_more_than_it_says
    test_plugin_faults.test_owners_of_an_omeka_classic_are_refused_and_nobody_gets_a_role

the tag “Smith, John”: two tags
    One.
    test_plugin_faults.test_all_files_come_and_each_tag_whole

undo: element sets, item types and tags stay, users that were mapped are deleted
    What the import made goes, and what it changed is as it was.
    test_plugin_faults.test_an_undo_gives_back_what_stood_and_takes_what_came
    test_omeka_classic.test_element_sets_and_item_types_are_made_used_by_the_same_batch_added_to_and_undone
    test_classic_site.test_an_undo_takes_away_what_the_import_created_and_nothing_else
"""

from __future__ import annotations

import base64
import importlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.standins.omeka_classic import Knobs, StandIn
from tests.standins.proxy import Fault, FaultProxy

ITEMS = 5
OLD = "2025-01-01T00:00:00+00:00"
SCANS = ("scan 3.jpg", "scan 2.jpg", "scan 1.jpg")
"""Files of the first item, in their order there."""


def texts(**by_name: str) -> list[dict[str, Any]]:
    return [{"element": {"name": name}, "text": text, "html": False} for name, text in by_name.items()]


def item(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "public": True,
        "added": OLD,
        "modified": OLD,
        "owner": {"id": 2},
        "tags": [{"name": "Smith, John"}, {"name": f"tag {number}"}],
        "element_texts": texts(Title=f"Letter {number}", Description=f"About {number}"),
        **more,
    }


def file(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "item": {"id": 1},
        "original_filename": f"scan {number}.jpg",
        "order": 4 - number,
        "added": OLD,
        "modified": OLD,
        "content": base64.b64encode(jpeg(f"plugin {number}")).decode(),
        "element_texts": texts(Title=f"Scan {number}"),
        **more,
    }


def control(scope: str, *, follows: bool = False, **more: Any) -> dict[str, Any]:
    """`follows`: files go that are no longer there."""

    def each(expression: str, name: str, destination: str = "item") -> dict[str, Any]:
        value = {"source": "text", "destination": destination, "name": name, "multivalue": True}
        return {"action": "for-each", "expression": expression, "instructions": [value]}

    identity = {"source": "id", "filters": [{"prefix": f"{scope}-"}], "by": "dcterms:identifier"}
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "public",
        "maxErrors": "100%",
        "match": {
            "item": {**identity, "scope": scope},
            "media": {"by": "file", "absent": "delete" if follows else "keep"},
        },
        "files": {"old": {"read": "omeka-classic", "from": "old"}},
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "tag_names", "name": "tags", "multivalue": True},
            each('elements."Dublin Core".Title', "dcterms:title"),
            {
                "expression": 'elements."Dublin Core".Description[].text',
                "name": "dcterms:description",
                "multivalue": True,
                "blank": "clear",
            },
            {
                "action": "for-each",
                "source": "files",
                "instructions": [
                    {"action": "new", "destination": "media"},
                    {"source": "file", "destination": "media", "name": "url"},
                    each('elements."Dublin Core".Title', "dcterms:title", "media"),
                ],
            },
        ],
        **more,
    }


class Place:
    """An installation that reads one Omeka Classic, behind a proxy, and writes another one."""

    def __init__(self, accession: Installation, source: StandIn, target: StandIn, proxy: FaultProxy) -> None:
        self.accession = accession
        self.source = source
        self.target = target
        self.proxy = proxy

    def batch(self, scope: str, **more: Any) -> str:
        return self.accession.batch(control(scope, **more), {})

    def run(self, scope: str, expected: str = "complete", **more: Any) -> str:
        batch = self.batch(scope, **more)
        assert self.accession.run(batch) == expected, self.accession.log(batch)
        return batch

    def items(self, scope: str) -> dict[str, dict[str, Any]]:
        """By their identifiers there; each identity is borne once."""
        found: dict[str, dict[str, Any]] = {}
        for one in self.target.dump()["items"]:
            for text in said(one, "Identifier"):
                if text.startswith(f"{scope}-"):
                    assert text not in found, text
                    found[text] = one
        return {name.removeprefix(f"{scope}-"): one for name, one in found.items()}

    def files(self, scope: str) -> list[str]:
        """Names of the files of the scope's first item, in their order."""
        number = self.items(scope)["1"]["id"]
        found = [one for one in self.target.dump()["files"] if one["item"]["id"] == number]
        return [one["original_filename"] for one in sorted(found, key=lambda one: one["order"])]

    def asked(self, kind: str) -> int:
        """How often the page of a list was asked for, the first question whether the key is known aside."""
        listed = re.compile(rf"/api/{kind}\?.*&page=")
        return sum(listed.match(one.target) is not None for one in self.proxy.log)

    def writes(self) -> Counter[str]:
        counts = self.target.requests()["counts"]
        return Counter({what: n for what, n in counts.items() if not what.startswith("GET")})


def said(record: dict[str, Any], element: str) -> list[str]:
    return [one["text"] for one in record["element_texts"] if one["element"]["name"] == element]


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with StandIn() as source, StandIn() as target, FaultProxy(source.url) as proxy:
        sources = {"old": {"kind": "omeka-classic", "url": proxy.url, "key": source.api_key}}
        folder = tmp_path_factory.mktemp("plugin") / "accession"
        with Installation(folder, {"new": target_of(target)}, sources=sources) as accession:
            yield Place(accession.start(), source, target, proxy)


@pytest.fixture
def place(_place: Place) -> Place:
    """The origin as it was at first."""
    email = "alice@example.org"
    _place.source.seed(
        users=[{"id": 2, "username": "alice", "name": "Alice", "email": email, "role": "super"}],
        items=[item(n) for n in range(1, ITEMS + 1)],
        files=[file(n) for n in (1, 2, 3)],
    )
    _place.target.knobs(**msgspec.structs.asdict(Knobs()))
    _place.target.reset_requests()
    _place.proxy.clear()
    return _place


def test_every_row_names_tests_that_there_are() -> None:
    rows = (__doc__ or "").split("\n\n")[1:]
    assert len(rows) == 12
    for row in rows:
        named = re.findall(r"^ +(test_\w+)\.(test_\w+)$", row, re.MULTILINE)
        assert named, row
        for module, name in named:
            assert callable(getattr(importlib.import_module(f"tests.acceptance.{module}"), name)), name


def test_all_files_come_and_each_tag_whole(place: Place) -> None:
    place.run("all")
    items = place.items("all")
    assert sorted(items) == [str(n) for n in range(1, ITEMS + 1)]
    assert place.files("all") == list(SCANS)
    assert {one["name"] for one in items["1"]["tags"]} == {"Smith, John", "tag 1"}
    assert place.writes() == {"POST /api/items": ITEMS, "POST /api/files": len(SCANS)}


def test_owners_of_an_omeka_classic_are_refused_and_nobody_gets_a_role(place: Place) -> None:
    before = place.target.dump()["users"]
    wished = control("owners")
    wished["instructions"].append({"source": "owner_email", "name": "owner"})
    answer = place.accession.post("control", files={"file": ("control.json", json.dumps(wished).encode())})
    if answer.status_code == 200:
        answer = place.accession.post("batch", data={"control": answer.text})
    assert answer.status_code == 400
    assert 'the name "owner" does not exist in the model "omeka-classic"' in answer.text
    place.run("owners")
    assert {one["owner"]["id"] for one in place.items("owners").values()} == {1}
    assert place.target.dump()["users"] == before


def test_a_connection_that_breaks_and_a_worker_that_dies_while_it_reads_cost_no_page(place: Place) -> None:
    place.proxy.add(
        Fault("drop_before", path=r"/api/files\?"), Fault("hold", path=r"/api/items\?.*&page=", seconds=3)
    )
    batch = place.batch("broken")
    place.accession.schedule(batch)
    deadline = time.monotonic() + 30
    while not place.asked("items"):
        assert time.monotonic() < deadline, place.accession.log(batch)
        time.sleep(0.02)
    place.accession.kill("worker")
    place.accession.start_worker()
    assert place.accession.wait(batch) == "complete", place.accession.log(batch)
    assert [place.asked(kind) for kind in ("elements", "files", "items")] == [1, 2, 2]
    assert len(place.items("broken")) == ITEMS
    assert place.files("broken") == list(SCANS)


def test_a_file_that_is_not_there_is_told_and_comes_later_alone(place: Place) -> None:
    (stored,) = [one["filename"] for one in place.source.dump()["files"] if one["id"] == 2]
    place.proxy.add(Fault("answer", path=re.escape(f"/files/original/{stored}"), times=0, status=404))
    batch = place.run("missing", "complete-with-errors")
    bad = [one for one in place.accession.report(batch) if one["outcome"] == "rejected"]
    assert [one["code"] for one in bad] == ["fetch-refused"]
    assert stored in bad[0]["message"]
    assert place.accession.counts(batch)["rejected"] == 1
    assert place.files("missing") == ["scan 3.jpg", "scan 1.jpg"]
    assert len(place.items("missing")) == ITEMS

    place.proxy.clear()
    place.target.reset_requests()
    place.run("missing")
    assert place.files("missing") == list(SCANS)
    writes = place.writes()
    assert writes["POST /api/files"] == 1
    assert set(writes) <= {"POST /api/files", "PUT /api/files/{id}"}, writes


def test_a_worker_that_dies_while_files_are_sent_makes_none_twice(place: Place) -> None:
    place.target.knobs(delay_ms=150, workers=2)
    batch = place.batch("killed")
    place.accession.schedule(batch)
    deadline = time.monotonic() + 30
    while place.writes()["POST /api/files"] < 1:
        assert time.monotonic() < deadline, place.accession.log(batch)
        time.sleep(0.01)
    place.accession.kill("worker")
    place.accession.start_worker()
    assert place.accession.wait(batch) == "complete", place.accession.log(batch)
    assert place.files("killed") == list(SCANS)
    assert len(place.items("killed")) == ITEMS


def test_two_imports_at_once_make_everything_once(place: Place) -> None:
    batches = [place.batch("twice") for _ in range(2)]
    for batch in batches:
        place.accession.schedule(batch)
    for batch in batches:
        assert place.accession.wait(batch) == "complete", place.accession.log(batch)
    assert len(place.items("twice")) == ITEMS
    assert place.files("twice") == list(SCANS)
    assert place.writes() == {"POST /api/items": ITEMS, "POST /api/files": len(SCANS)}
    made = sorted(place.accession.counts(batch).get("created", 0) for batch in batches)
    assert made == [0, ITEMS + len(SCANS)]


def test_again_follows_the_origin_exactly_and_keeps_what_somebody_wrote_here(place: Place) -> None:
    place.run("again")
    items = place.items("again")
    edited = items["4"]
    edited["element_texts"] = [
        {**one, "text": "Ours"} if one["element"]["name"] == "Description" else one
        for one in edited["element_texts"]
    ]
    place.target.seed(items=[edited])
    # There a title changes, a description and a tag go, and a text that was edited here changes too; of the
    # files one goes, one has other bytes, and the two that are left change places.
    place.source.seed(
        items=[
            item(1, element_texts=texts(Title="Letter one"), tags=[{"name": "tag 1"}]),
            item(4, element_texts=texts(Title="Letter 4", Description="About four")),
        ],
        files=[
            file(1, order=1, content=base64.b64encode(jpeg("another scan")).decode()),
            file(3, order=2),
        ],
    )
    key = {"key": place.source.api_key}
    assert httpx2.delete(f"{place.source.api}/files/2", params=key).status_code == 204
    place.target.reset_requests()
    batch = place.batch("again", follows=True, onConflict="keep", maxRemovals=5)
    assert place.accession.run(batch, "dry-run") == "dry-run", place.accession.log(batch)
    assert place.writes() == {}
    assert place.accession.run(batch) == "complete", place.accession.log(batch)

    now = place.items("again")
    assert said(now["1"], "Title") == ["Letter one"]
    assert said(now["1"], "Description") == []
    assert [one["name"] for one in now["1"]["tags"]] == ["tag 1"]
    assert said(now["4"], "Description") == ["Ours"]
    assert place.files("again") == ["scan 1.jpg", "scan 3.jpg"]
    digests = {one["sha256"] for one in place.source.dump()["files"]}
    mine = [one for one in place.target.dump()["files"] if one["item"]["id"] == now["1"]["id"]]
    assert {one["sha256"] for one in mine} == digests
    assert "4" in place.accession.log(batch)
    for number in ("2", "3", "5"):
        assert now[number] == items[number]
    place.target.reset_requests()
    place.run("again", onConflict="keep")
    assert place.writes() == {}


def test_an_undo_gives_back_what_stood_and_takes_what_came(place: Place) -> None:
    stood = {
        "public": False,
        "featured": True,
        "tags": [{"name": "kept"}],
        "element_texts": [
            *texts(Title="Before", Identifier="undone-3", Subject="Untold"),
            {"element": {"name": "Description"}, "text": "<p>Theirs</p>", "html": True},
        ],
    }
    place.target.seed(items=[stood])
    before = place.target.dump()
    batch = place.run("undone")
    assert said(place.items("undone")["3"], "Title") == ["Letter 3"]
    assert len(place.items("undone")) == ITEMS

    assert place.accession.run(batch, "undo") == "undone", place.accession.log(batch)
    after = place.target.dump()
    for kind in ("items", "files", "collections", "element_sets", "elements", "item_types", "users"):
        assert without_stamps(after[kind]) == without_stamps(before[kind]), kind


def without_stamps(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "modified"} for one in records]
