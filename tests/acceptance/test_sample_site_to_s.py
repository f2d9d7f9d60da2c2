"""The sample site, 152 items with all that a site has, into an Omeka S and compared object by object; again
without a write; changed; and undone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.control.classic_site import CLASSES, TERMS
from tests.acceptance.sample_moves import (
    GONE,
    REMOVING,
    SOURCE,
    Dump,
    View,
    change,
    classic_view,
    moving,
)
from tests.standins.omeka_classic import sample_site
from tests.standins.omeka_s import StandIn


def expected(dump: Dump, *, hidden: bool) -> dict[str, View]:
    """What the site becomes by the tables of the documents: `docs/omeka-api-import.md`."""
    places: dict[int, list[str]] = {
        one["item"]["id"]: [one["address"], f"{one['latitude']}, {one['longitude']}"]
        for one in dump["geolocations"]
    }
    found: dict[str, View] = {}
    for identity, view in classic_view(dump, origin=True, hidden=hidden).items():
        values = _values(view["texts"])
        if "/collections/" in identity:
            found[values["dcterms:title"][0]] = {"public": view["public"], "values": values}
            continue
        values.setdefault("dcterms:subject", []).extend(view["tags"])
        values.setdefault("dcterms:spatial", []).extend(places.get(int(identity.rpartition("/")[2]), ()))
        values.setdefault("dcterms:identifier", []).append(identity)
        found[identity] = {
            "public": view["public"],
            "values": {term: sorted(texts) for term, texts in values.items() if texts},
            "sets": [text for text, _ in view["collection"] or ()],
            "class": CLASSES.get(view["type"]),
            "template": view["type"],
            "media": [(name, digest, _values(texts)) for name, digest, texts in view["files"]],
        }
    return found


def _values(texts: Mapping[tuple[str, str], list[tuple[str, bool]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, several in texts.items():
        if (term := TERMS.get(":".join(name))) is not None:
            found.setdefault(term, []).extend(text for text, _ in several)
    return found


def here(dump: Any) -> dict[str, View]:
    """The same of the Omeka S: items by their identity, item sets by title."""
    media = {one["o:id"]: one for one in dump["media"]}
    sets = {one["o:id"]: one["o:title"] for one in dump["item_sets"]}
    templates = {one["o:id"]: one["o:label"] for one in dump["templates"]}
    found: dict[str, View] = {
        one["o:title"]: {"public": one["o:is_public"], "values": _here(one)} for one in dump["item_sets"]
    }
    for one in dump["items"]:
        values = {term: sorted(texts) for term, texts in _here(one).items()}
        identity = next(text for text in values["dcterms:identifier"] if text.startswith(f"{SOURCE}/"))
        template = one["o:resource_template"]
        found[identity] = {
            "public": one["o:is_public"],
            "values": values,
            "sets": [sets[each["o:id"]] for each in one["o:item_set"]],
            "class": next((kind for kind in _listed(one["@type"]) if kind != "o:Item"), None),
            "template": templates[template["o:id"]] if template else None,
            "media": [_medium(media[each["o:id"]]) for each in one["o:media"]],
        }
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _here(resource: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        term: [one["@value"] for one in values]
        for term, values in resource.items()
        if ":" in term and not term.startswith("o:") and isinstance(values, list)
    }


def _medium(media: Mapping[str, Any]) -> tuple[str, str, dict[str, list[str]]]:
    return media["o:source"], media["o:sha256"], _here(media)


def pages_there(dump: Dump, *, hidden: bool) -> dict[str, tuple[str, list[str], list[str]]]:
    """Pages of exhibits by exhibit and slug: title, texts and captions, and the identities of what they
    show."""
    exhibits = {one["id"]: one["slug"] for one in dump["exhibits"] if hidden or one["public"]}
    seen = {one["id"] for one in dump["items"] if hidden or one["public"]}
    found = {}
    for page in dump["exhibit_pages"]:
        if page["exhibit"]["id"] not in exhibits:
            continue
        texts, shown = [], []
        for block in page["page_blocks"]:
            texts += [block["text"], *(one["caption"] for one in block["attachments"])]
            shown += [one["item"]["id"] for one in block["attachments"] if one["item"]["id"] in seen]
        name = f"{exhibits[page['exhibit']['id']]}/{page['slug']}"
        found[name] = page["title"], texts, [f"{SOURCE}/items/{one}" for one in dict.fromkeys(shown)]
    return found


def pages(target: StandIn) -> dict[str, tuple[str, list[str], list[str]]]:
    """The same of the Omeka S, without the page with which it begins every site."""
    dump = target.dump()
    sites = {one["o:id"]: one["o:slug"] for one in dump["sites"]}
    names = {
        one["o:id"]: next(text for text in _here(one)["dcterms:identifier"] if text.startswith(f"{SOURCE}/"))
        for one in dump["items"]
    }
    answer = httpx2.get(f"{target.api}/site_pages", params={**target.key, "per_page": "1000"})
    found = {}
    for page in answer.json():
        blocks = page["o:block"]
        html = [one["o:data"]["html"] for one in blocks if one["o:layout"] == "html"]
        shown = [names[one["o:item"]["o:id"]] for block in blocks for one in block["o:attachment"]]
        if page["o:slug"] != "welcome":
            name = f"{sites[page['o:site']['o:id']]}/{page['o:slug']}"
            found[name] = page["o:title"], "\n".join(html).split("\n"), shown
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("key", [True, False], ids=["with key", "anonymous"])
def test_the_whole_site_comes_over_once_and_is_taken_back(tmp_path: Path, key: bool) -> None:
    with moving(tmp_path, StandIn(), key=key) as move:
        before = move.target.dump()
        batch = move.run()
        origin, dump = move.source.dump(), move.target.dump()
        assert here(dump) == expected(origin, hidden=key)
        assert len(dump["items"]) == sample_site.ITEMS - (0 if key else sample_site.PRIVATE)
        exhibits = [one for one in origin["exhibits"] if key or one["public"]]
        assert {one["o:slug"] for one in dump["sites"]} == {one["slug"] for one in exhibits}
        assert pages(move.target) == pages_there(origin, hidden=key)
        move.writes()
        again = move.run()
        assert move.writes() == {}, move.accession.log(again)
        move.undo(batch)
        assert move.target.dump() == before


@pytest.mark.timeout(600)
def test_what_is_changed_there_is_changed_here_and_nothing_else(tmp_path: Path) -> None:
    with moving(tmp_path, StandIn()) as move:
        move.run()
        first = here(move.target.dump())
        change(move.source)
        move.writes()
        batch = move.run(REMOVING, dry=True)
        changed = expected(move.source.dump(), hidden=True)
        # A collection is known here by its title: under another it is another one, into which its items go.
        left = "Postcards of the Riverside"
        assert here(move.target.dump()) == changed | {left: first[left]}
        assert f"{SOURCE}/items/{GONE}" not in changed
        others = [one for one in changed.keys() & first.keys() if changed[one] != first[one]]
        writes = move.writes()
        assert writes.pop("PATCH /api/items/{id}") <= len(others), move.accession.log(batch)
        assert writes == {
            "POST /api/item_sets": 1,
            "DELETE /api/items/{id}": 1,
            "POST /api/media": 1,
            "PATCH /api/media/{id}": 1,
            "DELETE /api/media/{id}": 1,
            "PUT /api/site_pages/{id}": 1,
        }, move.accession.log(batch)
        assert pages(move.target) == pages_there(move.source.dump(), hidden=True)
        move.undo(batch)
        assert here(move.target.dump()) == first
