"""Omeka Classic as a target: the same plan and apply code, through the door that a user takes.

One installation and one stand-in serve all tests of this module; each writes under a scope of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.acceptance.installation import Installation, target_of
from tests.standins.omeka_classic import Knobs, StandIn
from tests.standins.proxy import Fault, FaultProxy

TITLE = "Dublin Core:Title"


@pytest.fixture(scope="module")
def _omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def _accession(tmp_path_factory: pytest.TempPathFactory, _omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("classic") / "accession"
    with FaultProxy(_omeka.url) as proxy:
        targets = {
            "classic": target_of(_omeka),
            "wide": target_of(_omeka, wide_characters=True),
            "shaky": target_of(_omeka, proxy.url, connections=1),
            "many": target_of(_omeka, connections=4),
        }
        with Installation(folder, targets, {"ACCESSION_DEFAULT_TARGET": "classic"}) as installation:
            installation.proxy = proxy  # type: ignore[attr-defined]
            yield installation.start()


@pytest.fixture
def omeka(_omeka: StandIn) -> StandIn:
    _omeka.knobs(**msgspec.structs.asdict(Knobs()))
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


RICH = (
    {"source": "type", "name": "class"},
    {"source": "collection", "name": "item-set"},
    {"source": "tags", "name": "tags", "split": ";", "multivalue": True},
    {"source": "medium", "name": "dcterms:format"},
    {"source": "about", "name": "dcterms:description", "type": "html"},
)


def rich(scope: str, number: int) -> list[dict[str, Any]]:
    records = works(scope, number, type="Still Image", collection="Prints", medium="ink", about="<p>One</p>")
    return [{**record, "tags": "river;Old Maps"} for record in records]


def named(record: dict[str, Any], key: str) -> str:
    return str((record[key] or {}).get("name", ""))


def tag_names(record: dict[str, Any]) -> list[str]:
    return [one["name"] for one in record["tags"]]


@pytest.fixture(scope="module")
def prints(_omeka: StandIn) -> int:
    """A collection."""
    title = {
        "html": False,
        "text": "Prints",
        "element": {"name": "Title"},
        "element_set": {"name": "Dublin Core"},
    }
    return _omeka.seed(collections=[{"public": True, "element_texts": [title]}])["collections"][0]


def test_only_what_changed_is_sent_and_what_the_control_file_does_not_name_stays(
    accession: Installation, omeka: StandIn, prints: int
) -> None:
    records = rich("change", 6)
    batch = accession.batch(control("change", *RICH), data(records))
    assert accession.run(batch) == "complete", accession.log(batch)
    first = mine(omeka, "change")["change-001"]
    assert (first["collection"]["id"], named(first, "item_type")) == (prints, "Still Image")
    assert tag_names(first) == ["Old Maps", "river"]

    # Somebody adds a text, a tag, and edits another record.
    somebody = {
        **first,
        "featured": True,
        "tags": [{"name": "mill"}, {"name": "river"}, {"name": "Old Maps"}],
    }
    rights = {
        "html": False,
        "text": "CC0",
        "element": {"name": "Rights"},
        "element_set": {"name": "Dublin Core"},
    }
    somebody["element_texts"] = [*first["element_texts"], rights]
    omeka.seed(items=[somebody])
    omeka.reset_requests()

    changed = [dict(one) for one in records]
    changed[0] |= {"medium": "oil", "tags": "RIVER;New"}
    changed[1] |= {"about": "One", "collection": "Prints"}
    changed[2] |= {"type": "Text"}
    again = accession.batch(control("change", *RICH), data(changed))
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert accession.run(again) == "complete", accession.log(again)
    assert writes(omeka) == {"PUT /api/items/{id}": 3}, accession.log(again)
    counts = accession.counts(again)
    assert (counts["updated"], counts["unchanged"]) == (3, 3)

    now = mine(omeka, "change")
    one = now["change-001"]
    assert texts(one)["Dublin Core:Rights"] == ["CC0"]
    assert texts(one)["Dublin Core:Format"] == ["oil"]
    assert texts(one)["Dublin Core:Description"] == [("<p>One</p>", "html")]
    assert one["featured"] is True
    # Tags are ours and others'; the spelling that is there stays.
    assert sorted(tag_names(one)) == ["New", "mill", "river"]
    assert texts(now["change-002"])["Dublin Core:Description"] == [("One", "html")]
    assert named(now["change-003"], "item_type") == "Text"
    assert omeka.requests()["counts"].get("GET /api/items/{id}", 0) == 0

    assert accession.run(again, "undo") == "undone", accession.log(again)
    back = mine(omeka, "change")
    assert texts(back["change-001"])["Dublin Core:Format"] == ["ink"]
    assert sorted(tag_names(back["change-001"])) == ["Old Maps", "mill", "river"]
    assert texts(back["change-002"])["Dublin Core:Description"] == [("<p>One</p>", "html")]
    assert named(back["change-003"], "item_type") == "Still Image"


def test_what_the_api_cannot_take_off_is_refused_by_the_plan(
    accession: Installation, omeka: StandIn, prints: int
) -> None:
    unset = [dict(one) for one in rich("unset", 2)]
    batch = accession.batch(control("unset", *RICH), data(unset))
    assert accession.run(batch) == "complete", accession.log(batch)
    omeka.reset_requests()
    unset[0] |= {"collection": ""}
    instructions = [{**one, "blank": "clear"} if one["name"] == "item-set" else one for one in RICH]
    again = accession.batch(control("unset", *instructions, maxErrors=5), data(unset))
    assert accession.run(again) == "complete-with-errors", accession.log(again)
    assert writes(omeka) == {}
    refused = [one for one in accession.report(again) if one["outcome"] == "rejected"]
    assert [one["code"] for one in refused] == ["cannot-be-unset"]
    assert "Take it off in Omeka" in refused[0]["message"]


def test_an_undo_lists_what_the_api_cannot_take_off(
    accession: Installation, omeka: StandIn, prints: int
) -> None:
    bare = works("listed", 1)
    assert accession.run(accession.batch(control("listed"), data(bare))) == "complete"
    batch = accession.batch(
        control("listed", *RICH[:2]), data([{**bare[0], "type": "Text", "collection": "Prints"}])
    )
    assert accession.run(batch) == "complete", accession.log(batch)
    omeka.reset_requests()
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert writes(omeka) == {}
    assert "keeps Text (class)" in accession.log(batch)
    assert f"keeps collection {prints} (item-set)" in accession.log(batch)


def test_edits_of_others_are_conflicts_and_what_no_record_mentions_goes_and_comes_back(
    accession: Installation, omeka: StandIn, prints: int
) -> None:
    records = rich("absent", 4)
    batch = accession.batch(control("absent", *RICH), data(records))
    assert accession.run(batch) == "complete", accession.log(batch)
    stood = mine(omeka, "absent")
    edited = stood["absent-001"]
    for one in edited["element_texts"]:
        if one["element"]["name"] == "Format":
            one["text"] = "their ink"
    omeka.seed(items=[edited])
    omeka.reset_requests()

    match = {"item": {**control("absent")["match"]["item"], "absent": "delete"}}
    ours = [{**records[0], "medium": "our ink"}, *records[1:2]]
    again = accession.batch(
        control("absent", *RICH, match=match, onConflict="keep", maxRemovals=10), data(ours)
    )
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert accession.run(again) == "complete", accession.log(again)
    assert writes(omeka) == {"DELETE /api/items/{id}": 2}, accession.log(again)
    now = mine(omeka, "absent")
    assert set(now) == {"absent-001", "absent-002"}
    assert texts(now["absent-001"])["Dublin Core:Format"] == ["their ink"]

    assert accession.run(again, "undo") == "undone", accession.log(again)
    back = mine(omeka, "absent")
    assert set(back) == set(stood)
    for name in ("absent-003", "absent-004"):
        assert texts(back[name]) == texts(stood[name])
        assert (back[name]["collection"]["id"], tag_names(back[name])) == (prints, tag_names(stood[name]))

    omeka.reset_requests()
    gone = {"item": {**control("absent")["match"]["item"], "absent": "unpublish"}}
    hide = accession.batch(control("absent", *RICH, match=gone, maxRemovals=10), data(records[1:]))
    assert accession.run(hide) == "complete", accession.log(hide)
    assert writes(omeka) == {"PUT /api/items/{id}": 1}, accession.log(hide)
    assert mine(omeka, "absent")["absent-001"]["public"] is False


def test_collections_are_written_first_and_items_of_the_batch_go_into_them(
    accession: Installation, omeka: StandIn
) -> None:
    file = {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "private",
        "match": {
            "item-set": {"source": "set", "by": "dcterms:title", "scope": "sets", "duplicates": "merge"},
            "item": {"source": "acno", "by": "dcterms:identifier", "scope": "sets"},
        },
        "files": {"data0": {"read": "json"}},
        "instructions": [
            {"action": "new", "destination": "item-set"},
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            {"source": "set", "name": "item-set"},
        ],
    }
    records = [{"acno": f"sets-{one}", "title": f"Work {one}", "set": f"Album {one % 2}"} for one in range(6)]
    batch = accession.batch(file, data(records))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/collections": 2, "POST /api/items": 6}
    albums = {texts(one)[TITLE][0]: one for one in omeka.dump()["collections"] if TITLE in texts(one)}
    assert albums["Album 0"]["public"] is False
    items = mine(omeka, "sets")
    assert {items[f"sets-{one}"]["collection"]["id"] for one in (0, 2, 4)} == {albums["Album 0"]["id"]}

    again = accession.batch(file, data(records))
    assert accession.run(again) == "complete", accession.log(again)
    assert writes(omeka) == {"POST /api/collections": 2, "POST /api/items": 6}

    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert mine(omeka, "sets") == {}
    assert not any(
        TITLE in texts(one) and "Album" in texts(one)[TITLE][0] for one in omeka.dump()["collections"]
    )


# --- what fails ------------------------------------------------------------------------------------


def test_characters_that_the_database_does_not_take_are_found_before_anything_is_sent(
    accession: Installation, omeka: StandIn
) -> None:
    records = works("emoji", 3)
    records[1]["title"] = "A 🗺 of the river"
    batch = accession.batch(control("emoji", maxErrors=1), data(records))
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 2}
    (refused,) = [one for one in accession.report(batch) if one["outcome"] == "rejected"]
    assert refused["code"] == "text-too-wide"
    assert "U+1F5FA" in refused["message"]


def test_half_a_record_that_a_failed_create_left_is_removed(accession: Installation, omeka: StandIn) -> None:
    before = len(omeka.dump()["items"])
    records = works("orphan", 3)
    records[1]["title"] = "A 🗺 of the river"
    batch = accession.batch(control("orphan", maxErrors=1), data(records), target="wide")
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert omeka.requests()["statuses"]["500"] == 1
    # One create was refused, and never sent again; what it left is gone.
    assert writes(omeka) == {"POST /api/items": 3, "DELETE /api/items/{id}": 1}, accession.log(batch)
    assert set(mine(omeka, "orphan")) == {"orphan-001", "orphan-003"}
    assert len(omeka.dump()["items"]) == before + 2
    assert "remnant-removed" in accession.log(batch)


def test_a_change_that_is_refused_half_way_is_taken_back(accession: Installation, omeka: StandIn) -> None:
    records = works("half", 2)
    batch = accession.batch(
        control("half", *RICH[3:4]), data([{**one, "medium": "ink"} for one in records]), target="wide"
    )
    assert accession.run(batch) == "complete", accession.log(batch)
    stood = mine(omeka, "half")
    omeka.reset_requests()
    changed = [{**records[0], "title": "Other", "medium": "🗺"}, {**records[1], "medium": "ink"}]
    again = accession.batch(control("half", *RICH[3:4], maxErrors=1), data(changed), target="wide")
    assert accession.run(again) == "complete-with-errors", accession.log(again)
    assert writes(omeka) == {"PUT /api/items/{id}": 2}, accession.log(again)
    assert "half-restored" in accession.log(again)
    assert {name: texts(one) for name, one in mine(omeka, "half").items()} == {
        name: texts(one) for name, one in stood.items()
    }


@pytest.mark.parametrize("kind", ["answer_lost", "act_then_500", "cut_body"])
def test_a_create_whose_answer_is_lost_is_adopted_and_not_repeated(
    accession: Installation, omeka: StandIn, kind: Any
) -> None:
    proxy: FaultProxy = accession.proxy  # type: ignore[attr-defined]
    scope = f"lost{kind.replace('_', '')}"
    proxy.add(Fault(kind, method="POST", path=r"/api/items", nth=2))
    batch = accession.batch(control(scope), data(works(scope, 4)), target="shaky")
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 4}, accession.log(batch)
    assert len(mine(omeka, scope)) == 4
    proxy.clear()


def test_where_put_and_delete_are_refused_changes_are_sent_as_post(
    accession: Installation, omeka: StandIn
) -> None:
    records = works("override", 2)
    batch = accession.batch(control("override"), data(records))
    assert accession.run(batch) == "complete", accession.log(batch)
    omeka.knobs(override_only=True)
    omeka.reset_requests()
    records[0]["title"] = "Changed"
    records[1]["title"] = "Changed too"
    again = accession.batch(control("override"), data(records))
    assert accession.run(again) == "complete", accession.log(again)
    # One is refused by the web server before it is known; two at a time, both may be.
    sent = writes(omeka)
    assert sent["POST /api/items/{id}"] == 2
    assert 1 <= sent["PUT /api/items/{id}"] <= 2
    assert {texts(one)[TITLE][0] for one in mine(omeka, "override").values()} == {"Changed", "Changed too"}
    assert accession.run(batch, "undo", force="true") == "undone", accession.log(batch)
    assert mine(omeka, "override") == {}


@pytest.mark.parametrize("version", ["2.1.4", "3.0.3"])
def test_an_older_omeka_is_asked_nothing_that_it_does_not_know(
    accession: Installation, omeka: StandIn, version: str
) -> None:
    omeka.knobs(version=version, plugins=[])
    scope = f"old{version[0]}"
    records = works(scope, 3)
    for title in ("Work", "Changed"):
        again = [{**one, "title": f"{title} {one['acno']}"} for one in records]
        batch = accession.batch(control(scope), data(again))
        assert accession.run(batch) == "complete", accession.log(batch)
    assert "400" not in omeka.requests()["statuses"]
    assert f"version {version}" in accession.log(batch)


def test_a_new_tag_is_brought_by_one_record_at_a_time(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(delay_ms=20, workers=4)
    records = works("tagged", 12)
    for place, record in enumerate(records):
        record["tags"] = f"Brand new;Tag {place % 3}"
    batch = accession.batch(control("tagged", RICH[2]), data(records), target="many")
    assert accession.run(batch) == "complete", accession.log(batch)
    assert "500" not in omeka.requests()["statuses"]
    assert writes(omeka) == {"POST /api/items": 12}
    assert all(len(one["tags"]) == 2 for one in mine(omeka, "tagged").values())


def test_an_omeka_that_hides_which_texts_are_html_is_refused_before_anything_is_written(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(filter_element_texts=True)
    batch = accession.batch(control("filtered"), data(works("filtered", 1)))
    assert accession.run(batch) == "failed"
    assert "target-texts-filtered" in accession.log(batch)
    assert "api_filter_element_texts" in accession.log(batch)
    assert writes(omeka) == {}


def test_a_wrong_key_another_model_and_unknown_names_are_told_and_the_key_is_nowhere(
    accession: Installation, omeka: StandIn
) -> None:
    other = accession.batch(control("other", model="omeka-s"), data(works("other", 1)))
    assert accession.run(other) == "failed"
    assert "for the model omeka-s, and the target is of the kind omeka-classic" in accession.log(other)
    unknown = control("unknown", {"source": "title", "name": "Item Type Metadata:Phisical Dimensions"})
    batch = accession.batch(unknown, data(works("unknown", 1)))
    assert accession.run(batch) == "failed"
    assert "Did you mean “Item Type Metadata:Physical Dimensions”?" in accession.log(batch)
    assert writes(omeka) == {}
    for text in (accession.output("worker"), accession.output("service"), accession.log(batch)):
        assert omeka.api_key not in text


# --- files -----------------------------------------------------------------------------------------


WITH_FILES = (
    {
        "action": "for-each",
        "source": "files",
        "instructions": [
            {"action": "new", "destination": "media"},
            {"source": "name", "destination": "media", "name": "file"},
            {"source": "title", "destination": "media", "name": "dcterms:title"},
        ],
    },
)


def with_files(scope: str, **more: Any) -> dict[str, Any]:
    files = {"data0": {"read": "json"}, "scans/**": {"read": "attachment", "required": False}}
    return control(scope, *WITH_FILES, files=files, **more)


def pages(scope: str, *names: str) -> dict[str, Any]:
    files = [{"name": f"scans/{name}.txt", "title": f"Page {name}"} for name in names]
    return {"acno": f"{scope}-1", "title": "Album", "files": files}


def scans(**contents: str) -> dict[str, bytes]:
    return {f"scans/{name}.txt": content.encode() for name, content in contents.items()}


def files_of(omeka: StandIn, scope: str) -> list[tuple[str, str]]:
    """Name and digest of the files of the one item of a scope, in their order."""
    dump = omeka.dump()
    (item,) = mine(omeka, scope).values()
    found = [one for one in dump["files"] if one["item"]["id"] == item["id"]]
    found.sort(key=lambda one: (one["order"] is None, one["order"], one["id"]))
    return [(one["original_filename"], one["sha256"]) for one in found]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_files_are_uploaded_one_at_a_time_put_in_order_replaced_and_brought_back(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(uploads_collide=True, delay_ms=5, workers=4)
    record = [pages("album", "a", "b", "c")]
    first = accession.batch(
        with_files("album"), data(record) | scans(a="one", b="two", c="three"), target="many"
    )
    assert accession.run(first) == "complete", accession.log(first)
    assert writes(omeka) == {"POST /api/items": 1, "POST /api/files": 3}
    stood = files_of(omeka, "album")
    assert stood == [("a.txt", digest("one")), ("b.txt", digest("two")), ("c.txt", digest("three"))]

    again = accession.batch(
        with_files("album"), data(record) | scans(a="one", b="two", c="three"), target="many"
    )
    assert accession.run(again) == "complete", accession.log(again)
    assert writes(omeka) == {"POST /api/items": 1, "POST /api/files": 3}

    # Another order, other bytes for one, and one that is gone.
    omeka.reset_requests()
    changed = [pages("album", "c", "b")]
    second = accession.batch(
        with_files("album"),
        data(changed) | scans(b="zwei", c="three"),
        target="many",
    )
    assert accession.run(second) == "complete", accession.log(second)
    assert writes(omeka) == {
        "POST /api/files": 1,
        "DELETE /api/files/{id}": 1,
        "PUT /api/files/{id}": 1,
    }, accession.log(second)
    # What the record does not name stays on its place.
    assert {name for name, _ in files_of(omeka, "album")} == {"a.txt", "b.txt", "c.txt"}
    assert ("b.txt", digest("zwei")) in files_of(omeka, "album")

    assert accession.run(second, "undo") == "undone", accession.log(second)
    assert files_of(omeka, "album") == stood, accession.log(second)
    assert accession.run(first, "undo") == "undone", accession.log(first)
    assert mine(omeka, "album") == {}
    assert "500" not in omeka.requests()["statuses"]


def test_an_undo_brings_back_texts_and_the_order_of_files_that_changed_in_one_batch(
    accession: Installation, omeka: StandIn
) -> None:
    bytes_of = scans(a="first", b="second", c="third")
    first = accession.batch(with_files("both"), data([pages("both", "a", "b")]) | bytes_of, target="shaky")
    assert accession.run(first) == "complete", accession.log(first)
    stood = files_of(omeka, "both")
    changed = [{**pages("both", "c", "b", "a"), "title": "Book"}]
    second = accession.batch(with_files("both"), data(changed) | bytes_of, target="shaky")
    assert accession.run(second) == "complete", accession.log(second)
    assert [name for name, _ in files_of(omeka, "both")] == ["c.txt", "b.txt", "a.txt"]

    # The new file is told its place on the way back, and that is not heard: it is nobody's edit all the same.
    lost = Fault("answer_lost", method="PUT", path=r"/api/files/", nth=2)
    accession.proxy.add(lost)  # type: ignore[attr-defined]
    assert accession.run(second, "undo") == "undone", accession.log(second)
    assert lost.done == 1
    assert files_of(omeka, "both") == stood, accession.log(second)
    assert [texts(one)[TITLE] for one in mine(omeka, "both").values()] == [["Album"]]


def test_an_undo_brings_back_texts_and_the_place_of_a_file_that_were_exchanged_in_one_batch(
    accession: Installation, omeka: StandIn
) -> None:
    first = accession.batch(
        with_files("place"), data([pages("place", "a", "b", "c")]) | scans(a="first", b="second", c="third")
    )
    assert accession.run(first) == "complete", accession.log(first)
    stood = files_of(omeka, "place")
    changed = [{**pages("place", "b"), "title": "Book"}]
    second = accession.batch(with_files("place"), data(changed) | scans(b="better"))
    assert accession.run(second) == "complete", accession.log(second)
    assert sorted(files_of(omeka, "place")) != sorted(stood)

    assert accession.run(second, "undo") == "undone", accession.log(second)
    assert files_of(omeka, "place") == stood, accession.log(second)
    assert [texts(one)[TITLE] for one in mine(omeka, "place").values()] == [["Album"]]


@pytest.mark.parametrize("lost", ["", "/api/items", "/api/files"])
def test_an_item_with_files_that_goes_comes_back_with_them(
    accession: Installation, omeka: StandIn, lost: str
) -> None:
    """One whose answer was lost is sent again, and what came of the first try goes."""
    scope = f"whole {lost}"
    record = [pages(scope, "a", "b"), {"acno": f"{scope}-2", "title": "Other", "files": []}]
    first = accession.batch(with_files(scope), data(record) | scans(a="alpha", b="beta"), target="shaky")
    assert accession.run(first) == "complete", accession.log(first)
    match = {"item": {**control(scope)["match"]["item"], "absent": "delete"}}
    second = accession.batch(with_files(scope, match=match, maxRemovals=1), data(record[1:]), target="shaky")
    assert accession.run(second, "dry-run") == "dry-run", accession.log(second)
    assert accession.run(second) == "complete", accession.log(second)
    assert set(mine(omeka, scope)) == {f"{scope}-2"}
    if lost:
        accession.proxy.add(Fault("answer_lost", method="POST", path=lost))  # type: ignore[attr-defined]
    assert accession.run(second, "undo") == "undone", accession.log(second)
    assert ("remnant-removed" in accession.log(second)) is bool(lost)
    item = mine(omeka, scope)[f"{scope}-1"]
    files = [one for one in omeka.dump()["files"] if one["item"]["id"] == item["id"]]
    assert [(one["original_filename"], one["sha256"], texts(one)) for one in files] == [
        ("a.txt", digest("alpha"), {TITLE: ["Page a"]}),
        ("b.txt", digest("beta"), {TITLE: ["Page b"]}),
    ]


def test_files_that_stand_there_already_are_known_again_by_their_bytes(
    accession: Installation, omeka: StandIn
) -> None:
    content = base64.b64encode(b"one").decode()
    identifier = {"html": False, "text": "met-1", "element": {"name": "Identifier"}}
    identifier["element_set"] = {"name": "Dublin Core"}
    (number,) = omeka.seed(items=[{"public": True, "element_texts": [identifier]}])["items"]
    file = {"item": {"id": number}, "original_filename": "a.txt", "order": 1, "content": content}
    omeka.seed(files=[file])
    batch = accession.batch(with_files("met"), data([pages("met", "a", "b")]) | scans(a="one", b="two"))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert writes(omeka)["POST /api/files"] == 1, accession.log(batch)
    assert [one for one, _ in files_of(omeka, "met")] == ["a.txt", "b.txt"]


def test_files_that_the_target_does_not_take_are_told_before_they_are_sent(
    accession: Installation, omeka: StandIn
) -> None:
    record = pages("refused", "a")
    record["files"] += [{"name": "scans/README", "title": "None"}, {"name": "scans/empty.txt", "title": "E"}]
    files = scans(a="one") | {"scans/README": b"text", "scans/empty.txt": b""}
    batch = accession.batch(with_files("refused", maxErrors=5), data([record]) | files)
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert writes(omeka) == {"POST /api/items": 1, "POST /api/files": 1}, accession.log(batch)
    assert "has no ending" in accession.log(batch)


def test_an_upload_whose_answer_is_lost_is_adopted(accession: Installation, omeka: StandIn) -> None:
    proxy: FaultProxy = accession.proxy  # type: ignore[attr-defined]
    proxy.add(Fault("answer_lost", method="POST", path=r"/api/files", nth=2))
    batch = accession.batch(
        with_files("adopted"),
        data([pages("adopted", "a", "b", "c")]) | scans(a="one", b="two", c="three"),
        target="shaky",
    )
    assert accession.run(batch) == "complete", accession.log(batch)
    proxy.clear()
    assert writes(omeka) == {"POST /api/items": 1, "POST /api/files": 3}, accession.log(batch)
    assert [one for one, _ in files_of(omeka, "adopted")] == ["a.txt", "b.txt", "c.txt"]


# --- element sets and item types -------------------------------------------------------------------


def structured(**more: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "public",
        "match": {"item": {"source": "acno", "by": "Archive:Call Number", "scope": "archive"}},
        "files": {
            "sets": {
                "read": "json",
                "instructions": [
                    {"action": "new", "destination": "element-set"},
                    {"source": "name", "destination": "element-set", "name": "name"},
                    {"source": "about", "destination": "element-set", "name": "description"},
                    {
                        "source": "elements",
                        "destination": "element-set",
                        "name": "elements",
                        "multivalue": True,
                    },
                ],
            },
            "types": {
                "read": "json",
                "instructions": [
                    {"action": "new", "destination": "item-type"},
                    {"source": "name", "destination": "item-type", "name": "name"},
                    {"source": "about", "destination": "item-type", "name": "description"},
                    {
                        "source": "elements",
                        "destination": "item-type",
                        "name": "elements",
                        "multivalue": True,
                    },
                ],
            },
            "data0": {"read": "json"},
        },
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "title", "name": "dcterms:title"},
            {"source": "shelf", "name": "Archive:Shelf Mark"},
            {"source": "type", "name": "class"},
        ],
        **more,
    }


def test_element_sets_and_item_types_are_made_used_by_the_same_batch_added_to_and_undone(
    accession: Installation, omeka: StandIn
) -> None:
    sets = [{"name": "Archive", "about": "Ours", "elements": ["Call Number", "Shelf Mark"]}]
    types = [{"name": "Ledger", "about": "A book", "elements": ["Original Format", "Archive:Shelf Mark"]}]
    items = [{"acno": "C 1", "title": "Ledger 1", "shelf": "S 1", "type": "Ledger"}]
    files = {"sets": json.dumps(sets).encode(), "types": json.dumps(types).encode(), **data(items)}
    batch = accession.batch(structured(), files)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert accession.run(batch) == "complete", accession.log(batch)
    made = {
        "POST /api/element_sets": 1,
        "POST /api/elements": 2,
        "POST /api/item_types": 1,
        "POST /api/items": 1,
    }
    assert writes(omeka) == made, accession.log(batch)
    item = next(one for one in omeka.dump()["items"] if named(one, "item_type") == "Ledger")
    assert texts(item) == {
        TITLE: ["Ledger 1"],
        "Archive:Call Number": ["C 1"],
        "Archive:Shelf Mark": ["S 1"],
    }
    again = accession.batch(structured(), files)
    assert accession.run(again) == "complete", accession.log(again)
    assert writes(omeka) == made, accession.log(again)

    omeka.reset_requests()
    more = [{**sets[0], "elements": ["Box"]}]
    types[0] |= {"about": "A bound book", "elements": ["Archive:Box"]}
    files |= {"sets": json.dumps(more).encode(), "types": json.dumps(types).encode()}
    added = accession.batch(structured(), files)
    assert accession.run(added) == "complete", accession.log(added)
    assert writes(omeka) == {"POST /api/elements": 1, "PUT /api/item_types/{id}": 1}, accession.log(added)

    assert accession.run(added, "undo") == "undone", accession.log(added)
    ledger = next(one for one in omeka.dump()["item_types"] if one["name"] == "Ledger")
    assert (ledger["description"], len(ledger["elements"])) == ("A book", 2)
    # What was added goes again, since nothing uses it.
    assert "Box" not in [one["name"] for one in omeka.dump()["elements"]]
    assert accession.run(batch, "undo", force="true") == "undone", accession.log(batch)
    assert "Archive" not in [one["name"] for one in omeka.dump()["element_sets"]]
    assert "Ledger" not in [one["name"] for one in omeka.dump()["item_types"]]
