"""The sample site of the stand-in moved into another Omeka, and both of them in one form to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.installation import Installation, target_of
from tests.standins import omeka_classic
from tests.standins.omeka_classic import sample_site

Dump = Mapping[str, list[dict[str, Any]]]
View = dict[str, Any]
SOURCE = "old"
PATIENCE = 300
"""Seconds."""
IDENTIFIER = ("Dublin Core", "Identifier")


class Move:
    """An installation that takes the sample site over, and can take it over again."""

    def __init__(self, accession: Installation, source: omeka_classic.StandIn, target: Any) -> None:
        self.accession = accession
        self.source = source
        self.target = target
        self.model = "omeka-classic" if isinstance(target, omeka_classic.StandIn) else "omeka-s"

    def control(self, more: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return {
            "dataImportControlFileVersion": 1,
            "model": self.model,
            "visibility": "private",
            **({"sites": []} if self.model == "omeka-s" else {}),
            "recordProcessor": {"name": "omeka-classic-site", **options},
            "files": {"old": {"read": "omeka-classic", "from": SOURCE}},
            **(more or {}),
        }

    def run(self, more: Mapping[str, Any] | None = None, *, dry: bool = False, **options: Any) -> str:
        """The batch, imported as a whole. `more`: of the control file; `dry`: after a dry run."""
        batch = self.accession.batch(self.control(more, **options), {})
        if dry:
            assert self.done(batch, "dry-run") == "dry-run", self.accession.log(batch)
        assert self.done(batch) == "complete", self.accession.log(batch)
        return batch

    def undo(self, batch: str) -> None:
        assert self.done(batch, "undo", force="true") == "undone", self.accession.log(batch)

    def done(self, batch: str, mode: str = "import", **options: str) -> str:
        """The state after a run; with patience, since a whole site is a few seconds of work."""
        self.accession.schedule(batch, mode, **options)
        return self.accession.wait(batch, PATIENCE)

    def writes(self) -> dict[str, int]:
        """Requests that are no reads since the last count, by method and path."""
        counts = self.target.requests()["counts"]
        self.target.reset_requests()
        return {what: n for what, n in counts.items() if not what.startswith(("GET", "HEAD"))}


@contextmanager
def moving(folder: Path, target: Any, *, key: bool = True, items: int = 0) -> Iterator[Move]:
    """`key`: that of the super user; otherwise what is public is read. `items`: only so many of the site."""
    with omeka_classic.StandIn() as source, target:
        site = sample_site.build()
        if items:
            _cut(site.sections, items)
        site.load(source)
        about: dict[str, object] = {"kind": "omeka-classic", "url": source.url}
        if key:
            about["key"] = source.api_key
        targets, sources = {"new": target_of(target)}, {SOURCE: about}
        with Installation(folder / "accession", targets, sources=sources) as accession:
            target.reset_requests()
            yield Move(accession.start(), source, target)


def _cut(sections: dict[str, list[dict[str, Any]]], items: int) -> None:
    """The first items, and no exhibits."""
    del sections["exhibits"], sections["exhibit_pages"], sections["items"][items:]
    for kind in ("files", "geolocations"):
        sections[kind] = [one for one in sections[kind] if one["item"]["id"] <= items]


# --- changes of the origin ------------------------------------------------------------------------

RETITLED, RETAGGED, HIDDEN, MOVED, RETYPED, UNNAMED, GONE, EDITED = 1, 12, 2, 4, 3, 6, 9, 7
"""Items that are changed, each in its own way; the last one only where it was taken over to."""
FILED, REORDERED = sample_site.SHOWN, 20
"""Items of which one file goes and one comes; of which the first two files change places."""
REWRITTEN = 2
"""A page of an exhibit that gets another text and shows nothing any more."""
RENAMED = 1
"""A collection that gets another title."""
DESCRIBED = "Somebody has described it"
REMOVING = {"match": {label: {"absent": "delete"} for label in ("item", "media")}}
"""What a control file says so that what is gone there goes here."""


def change(source: omeka_classic.StandIn) -> None:
    """What somebody does in the old site: some of everything that can be changed there."""
    sections = sample_site.build().sections
    items = {one["id"]: one for one in sections["items"]}
    files = [one for one in sections["files"] if one["item"]["id"] in (FILED, REORDERED)]
    filed = [one for one in files if one["item"]["id"] == FILED]
    first, second = [one for one in files if one["item"]["id"] == REORDERED][:2]
    collection = next(one for one in sections["collections"] if one["id"] == RENAMED)
    title, shelfmark, identifier = 50, 52, 43
    page = next(one for one in sections["exhibit_pages"] if one["id"] == REWRITTEN)
    blocks = [{**one, "text": "<p>Rewritten</p>", "attachments": []} for one in page["page_blocks"]]
    source.seed(
        items=[
            _retexted(items[RETITLED], {title: "Another title"}, more=[(shelfmark, "Z 1")]),
            {**items[RETAGGED], "tags": [{"name": "Jones, Mary"}, {"name": "river"}]},
            {**items[HIDDEN], "public": not items[HIDDEN]["public"]},
            {**items[MOVED], "collection": {"id": 1 if items[MOVED]["collection"] != {"id": 1} else 2}},
            {**items[RETYPED], "item_type": {"id": 6 if items[RETYPED]["item_type"] != {"id": 6} else 1}},
            _retexted(items[UNNAMED], {identifier: None}),
        ],
        collections=[_retexted(collection, {title: "Postcards of the river"})],
        exhibit_pages=[{**page, "page_blocks": blocks}],
        files=[
            {**filed[1], "element_texts": [{"element": {"id": title}, "text": DESCRIBED, "html": False}]},
            {**filed[0], "id": 900, "order": 9, "original_filename": "late.pdf"},
            {**first, "order": second["order"]},
            {**second, "order": first["order"]},
        ],
    )
    for path in (f"files/{filed[2]['id']}", f"items/{GONE}"):
        delete(source, path)


def delete(omeka: omeka_classic.StandIn, path: str) -> None:
    """As somebody does in Omeka's own pages."""
    override = {"X-HTTP-Method-Override": "DELETE"}
    answer = httpx2.post(f"{omeka.api}/{path}", params=omeka.key, headers=override)
    assert answer.status_code == 204, answer.text


def _retexted(
    record: dict[str, Any], texts: Mapping[int, str | None], more: Iterable[tuple[int, str]] = ()
) -> dict[str, Any]:
    """With another text of these elements, or none; and with more."""
    kept = [
        {**one, "text": texts.get(one["element"]["id"], one["text"])}
        for one in record["element_texts"]
        if texts.get(one["element"]["id"], "") is not None
    ]
    added = [{"element": {"id": number}, "text": text, "html": False} for number, text in more]
    return {**record, "element_texts": [*kept, *added]}


# --- an Omeka Classic in a form that has no numbers -----------------------------------------------


def classic_view(dump: Dump, *, origin: bool, hidden: bool = True) -> dict[str, View]:
    """Items and collections by identity; without the identities, and what the API cannot carry. `hidden`:
    whether private ones are seen."""
    sets = {one["id"]: one["name"] for one in dump["element_sets"]}
    seen = {kind: [one for one in dump[kind] if hidden or one["public"]] for kind in ("collections", "items")}
    titles = {one["id"]: _texts(one)[0].get(("Dublin Core", "Title")) for one in seen["collections"]}
    types = {one["id"]: one["name"] for one in dump["item_types"]}
    files: dict[int, list[dict[str, Any]]] = {}
    for one in sorted(dump["files"], key=lambda one: (one["order"] or 0, one["id"])):
        files.setdefault(one["item"]["id"], []).append(one)
    told = ("latitude", "longitude", "zoom_level", "address")
    places = {one["item"]["id"]: tuple(one[key] for key in told) for one in dump["geolocations"]}
    assert set(sets.values()) >= {"Dublin Core", "Item Type Metadata"}
    found: dict[str, View] = {}
    for kind in ("collections", "items"):
        for one in seen[kind]:
            texts, identity = _texts(one)
            view: View = {"public": one["public"], "featured": one["featured"], "texts": texts}
            if kind == "items":
                view["tags"] = sorted(tag["name"] for tag in one["tags"])
                view["collection"] = titles.get(one["collection"]["id"]) if one["collection"] else None
                view["type"] = types[one["item_type"]["id"]] if one["item_type"] else None
                view["place"] = places.get(one["id"])
                view["files"] = [_file(each) for each in files.get(one["id"], ())]
            found[f"{SOURCE}/{kind}/{one['id']}" if origin else identity] = view
    return found


def _texts(record: Mapping[str, Any]) -> tuple[dict[tuple[str, str], list[tuple[str, bool]]], str]:
    """The texts by element, in their order; and the identity, which is none of them."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    identity = ""
    for one in record["element_texts"]:
        name = one["element_set"]["name"], one["element"]["name"]
        if name == IDENTIFIER and one["text"].startswith(f"{SOURCE}/"):
            identity = one["text"]
            continue
        found.setdefault(name, []).append((one["text"], one["html"]))
    return found, identity


def _file(file: Mapping[str, Any]) -> tuple[str, str, Any]:
    return file["original_filename"], file["sha256"], _texts(file)[0]


def structure_view(dump: Dump) -> dict[str, Any]:
    """Element sets with their elements, and item types."""
    names = {one["id"]: one["name"] for one in dump["element_sets"]}
    elements = {one["id"]: (names[one["element_set"]["id"]], one["name"]) for one in dump["elements"]}
    details = {
        elements[one["id"]]: (one["description"] or "", one["comment"] or "", one["order"])
        for one in dump["elements"]
    }
    return {
        "sets": {one["name"]: one["description"] for one in dump["element_sets"]},
        "elements": details,
        "types": {
            one["name"]: (one["description"], [elements[each["id"]] for each in one["elements"]])
            for one in dump["item_types"]
        },
    }
