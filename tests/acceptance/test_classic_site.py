"""A whole Omeka Classic into an Omeka S without an instruction: `recordProcessor: "omeka-classic-site"`."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.standins import omeka_classic
from tests.standins.omeka_s import StandIn


def text(name: str, content: str, of: str = "Dublin Core", *, html: bool = False) -> dict[str, Any]:
    return {"element": {"name": name}, "element_set": {"name": of}, "text": content, "html": html}


def item(number: int, *more: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {
        "id": number,
        "public": True,
        "added": "2024-03-01T10:00:00+00:00",
        "modified": "2024-04-01T10:00:00+00:00",
        "owner": {"id": 2},
        "element_texts": [text("Title", f"Letter {number}"), *more],
        **keys,
    }


OF_TYPE = "Item Type Metadata"
FIRST = item(
    1,
    text("Description", "<p>A <em>fine</em> letter</p>", html=True),
    text("Description", "a < b"),
    text("Text", "Dear Jane", OF_TYPE),
    text("Shelf", "A 12", "Archive"),
    collection={"id": 1},
    item_type={"name": "Text"},
    tags=[{"name": "Smith, John"}, {"name": "flood"}],
    featured=True,
)


def seed(source: omeka_classic.StandIn) -> None:
    page = {"exhibit": {"id": 1}, "parent": None}
    block = {"id": 1, "page_id": 1, "layout": "text", "options": None, "order": 0, "attachments": []}
    source.seed(
        users=[
            {"id": 2, "username": "alice", "name": "Alice", "email": "alice@example.org", "role": "super"},
            {"id": 3, "username": "bob", "name": "Bob", "email": "bob@example.org", "role": "contributor"},
        ],
        element_sets=[{"id": 9, "name": "Archive", "record_type": "Item"}],
        elements=[{"id": 90, "element_set": {"id": 9}, "name": "Shelf"}],
        collections=[
            {"id": 1, "public": True, "owner": {"id": 3}, "element_texts": [text("Title", "Postcards")]},
            {"id": 2, "public": False, "element_texts": [text("Title", "Drafts")]},
        ],
        items=[
            FIRST,
            item(2, public=False, collection={"id": 2}, owner={"id": 3}),
            item(3, item_type={"name": "Still Image"}),
        ],
        files=[
            {
                "id": n,
                "item": {"id": 1},
                "original_filename": f"page {n}.jpg",
                "order": 3 - n,
                "content": base64.b64encode(jpeg(f"site {n}")).decode(),
                "element_texts": [text("Title", f"Page {n}")],
            }
            for n in (1, 2)
        ],
        geolocations=[
            {
                "id": 1,
                "item": {"id": 3},
                "latitude": 49.5,
                "longitude": 1.25,
                "zoom_level": 9,
                "address": "Rouen",
            }
        ],
        exhibits=[
            {
                "id": 1,
                "title": "The Flood",
                "slug": "flood",
                "description": "<p>Of 1913.</p>",
                "credits": "",
                "public": True,
            }
        ],
        exhibit_pages=[
            {
                **page,
                "id": 1,
                "title": "Before",
                "slug": "before",
                "order": 1,
                "page_blocks": [{**block, "text": "<p>Dry.</p>"}],
            },
            {
                **page,
                "id": 2,
                "title": "After",
                "slug": "after",
                "order": 2,
                "page_blocks": [{**block, "text": "<p>Wet.</p>"}],
            },
        ],
        simple_pages=[
            {"id": 5, "title": "Visit", "slug": "visit", "text": "<p>Daily.</p>", "is_published": True}
        ],
    )


def control(scope: str = "", **options: Any) -> dict[str, Any]:
    """`scope`: of the identities, so that tests have resources of their own."""
    identity = {
        "source": "identity",
        "filters": [{"prefix": scope}],
        "by": "dcterms:identifier",
        "scope": scope,
    }
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "private",
        "sites": [],
        "recordProcessor": {"name": "omeka-classic-site", **options} if options else "omeka-classic-site",
        "files": {"old": {"read": "omeka-classic", "from": "old"}},
        **({"match": {"item": identity}} if scope else {}),
    }


class Move:
    """An installation that takes one site over into another."""

    def __init__(self, accession: Installation, source: omeka_classic.StandIn, target: StandIn) -> None:
        self.accession = accession
        self.source = source
        self.target = target

    def run(self, scope: str = "", **options: Any) -> str:
        """The batch, of which everything was imported."""
        batch = self.accession.batch(control(scope, **options), {})
        assert self.accession.run(batch) == "complete", self.accession.log(batch)
        return batch

    def of(self, kind: str, prefix: str) -> dict[str, Any]:
        """Resources by the end of their identifiers."""
        found = {}
        for one in self.target.dump()[kind]:
            for identifier in one.get("dcterms:identifier", []):
                if identifier["@value"].startswith(prefix):
                    found[identifier["@value"].removeprefix(prefix)] = one
        return found


@pytest.fixture(scope="module")
def move(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    with omeka_classic.StandIn() as source, StandIn() as target:
        seed(source)
        sources = {"old": {"kind": "omeka-classic", "url": source.url, "key": source.api_key}}
        folder = tmp_path_factory.mktemp("site") / "accession"
        with Installation(folder, {"omeka": target_of(target)}, sources=sources) as accession:
            yield Move(accession.start(), source, target)


def values(resource: Any, term: str) -> list[str]:
    return [one["@value"] for one in resource.get(term, [])]


def test_the_whole_site_in_one_batch_without_instructions_and_again_without_a_write(move: Move) -> None:
    batch = move.run()
    items, dump = move.of("items", "old/items/"), move.target.dump()
    assert sorted(items) == ["1", "2", "3"]
    sets = {str(one["o:title"]): one for one in dump["item_sets"]}
    assert {one: sets[one]["o:is_public"] for one in sets} == {"Postcards": True, "Drafts": False}
    first, second, third = items["1"], items["2"], items["3"]
    assert values(first, "dcterms:title") == ["Letter 1"]
    assert values(first, "dcterms:description") == ["<p>A <em>fine</em> letter</p>", "a < b"]
    assert values(first, "bibo:content") == ["Dear Jane"]
    assert values(first, "dcterms:subject") == ["flood", "Smith, John"]
    assert [one["o:id"] for one in first["o:item_set"]] == [sets["Postcards"]["o:id"]]
    assert [one["o:id"] for one in second["o:item_set"]] == [sets["Drafts"]["o:id"]]
    assert (first["o:is_public"], second["o:is_public"]) == (True, False)
    assert "dctype:Text" in first["@type"]
    assert "dctype:StillImage" in third["@type"]
    assert values(third, "dcterms:spatial") == ["Rouen", "49.5, 1.25"]
    media = {one["o:id"]: one for one in dump["media"]}
    shown = [media[one["o:id"]] for one in first["o:media"]]
    assert [(one["o:source"], one["o:title"]) for one in shown] == [
        ("page 2.jpg", "Page 2"),
        ("page 1.jpg", "Page 1"),
    ]
    templates = {one["o:id"]: one for one in dump["templates"]}
    assert templates[first["o:resource_template"]["o:id"]]["o:label"] == "Text"
    assert templates[third["o:resource_template"]["o:id"]]["o:label"] == "Still Image"
    assert [one["o:slug"] for one in dump["sites"]] == ["flood"]
    log = move.accession.log(batch)
    assert "Archive:Shelf (1)" in log
    assert "featured there" in log
    assert "Simple pages are not taken over" in log
    # No user was made, and none of theirs is an administrator here.
    assert [one["o:email"] for one in dump["users"]] == ["admin@example.org"]
    assert "There is no user bob@example.org" in log
    before = move.target.requests(0)["writes"]
    again = move.run()
    assert move.target.requests(0)["writes"] == before, move.accession.log(again)


def test_places_go_onto_the_map_where_there_is_one(move: Move) -> None:
    """The module Mapping follows its public source: see `tests/standins/omeka_s/mapping.py`."""
    move.target.knobs(modules=["Mapping"])
    key, at = "o-module-mapping:feature", "o-module-mapping:geography-coordinates"
    place = {"id": 1, "item": {"id": 3}, "zoom_level": 9, "address": "Rouen"}
    try:
        move.run("mapped-", exhibits=False)
        third = move.of("items", "mapped-old/items/")["3"]
        assert [(one[at], one["o:label"]) for one in third[key]] == [([1.25, 49.5], "Rouen")]
        assert "dcterms:spatial" not in third
        before = move.target.requests(0)["writes"]
        again = move.run("mapped-", exhibits=False)
        assert move.target.requests(0)["writes"] == before, move.accession.log(again)

        move.source.seed(geolocations=[{**place, "latitude": 50, "longitude": 2, "address": ""}])
        move.run("mapped-", exhibits=False)
        third = move.of("items", "mapped-old/items/")["3"]
        assert [(one[at], one["o:label"] or "") for one in third[key]] == [([2, 50], "")]
    finally:
        move.target.knobs(modules=[])
        move.source.seed(geolocations=[{**place, "latitude": 49.5, "longitude": 1.25}])


def test_users_are_made_only_where_that_is_asked_for_and_never_more_than_it_says(move: Move) -> None:
    move.run(
        "users-",
        createUsers="researcher",
        users={"bob@example.org": "robert@example.net"},
        geolocation=False,
        exhibits=False,
    )
    users = {one["o:email"]: one for one in move.target.dump()["users"]}
    assert {email: one["o:role"] for email, one in users.items() if one["o:id"] != 1} == {
        "alice@example.org": "researcher",
        "robert@example.net": "researcher",
        "super@example.org": "researcher",
    }
    items = move.of("items", "users-old/items/")
    assert items["1"]["o:owner"]["o:id"] == users["alice@example.org"]["o:id"]
    assert items["2"]["o:owner"]["o:id"] == users["robert@example.net"]["o:id"]
    assert "dcterms:spatial" not in items["3"]


def test_options_say_what_becomes_of_markup_dates_types_and_elements(move: Move) -> None:
    move.target.seed(sites=[{"o:slug": "main", "o:title": "Main"}])
    batch = move.run(
        "options-",
        html="strip",
        dates=True,
        typeMap={"Text": "bibo:Letter"},
        elementMap={"Archive:Shelf": "dcterms:provenance", "tags": "dcterms:relation", f"{OF_TYPE}:Text": ""},
        simplePages="main",
        exhibits=False,
    )
    first = move.of("items", "options-old/items/")["1"]
    assert values(first, "dcterms:description") == ["A fine letter", "a < b"]
    assert values(first, "dcterms:created") == ["2024-03-01T10:00:00+00:00"]
    assert values(first, "dcterms:provenance") == ["A 12"]
    assert values(first, "dcterms:relation") == ["flood", "Smith, John"]
    assert "bibo:content" not in first
    assert "dcterms:subject" not in first
    assert "bibo:Letter" in first["@type"]
    log = move.accession.log(batch)
    assert "without a term" not in log
    assert "[main visit]" in log or "site-page" in log


def test_what_was_changed_or_removed_there_is_here_and_edits_here_are_noticed(move: Move) -> None:
    options = {"exhibits": False, "geolocation": False}
    move.run("later-", **options)
    number = move.of("items", "later-old/items/")["1"]["o:id"]
    added = {"type": "literal", "property_id": 9, "is_public": True, "@value": "Ours alone"}
    current = next(one for one in move.target.dump()["items"] if one["o:id"] == number)
    move.target.seed([{**current, "dcterms:format": [added]}])
    changed = [text("Title", "Letter one"), text("Text", "Dear Jane", OF_TYPE)]
    try:
        move.source.seed(items=[{**FIRST, "element_texts": changed, "tags": [{"name": "flood"}]}])
        move.run("later-", **options)
    finally:
        move.source.seed(items=[FIRST])
    first = move.of("items", "later-old/items/")["1"]
    assert values(first, "dcterms:title") == ["Letter one"]
    assert values(first, "dcterms:subject") == ["flood"]
    assert values(first, "dcterms:description") == []
    assert values(first, "dcterms:format") == ["Ours alone"]


def test_an_undo_takes_away_what_the_import_created_and_nothing_else(move: Move) -> None:
    move.run("kept-")
    before = move.target.dump()
    batch = move.run("undone-")
    assert move.of("items", "undone-old/items/") != {}
    assert move.accession.run(batch, "undo") == "undone", move.accession.log(batch)
    after = move.target.dump()
    for kind in ("items", "item_sets", "media", "templates", "users", "sites"):
        assert [one["o:id"] for one in after[kind]] == [one["o:id"] for one in before[kind]]
