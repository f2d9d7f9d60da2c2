"""The sample site of the stand-in moved into another Omeka, and both of them in one form to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.installation import Installation, target_of
from tests.standins import omeka_classic
from tests.standins.omeka_classic import sample_site

Dump = Mapping[str, list[dict[str, Any]]]
View = dict[str, Any]
SOURCE = "old"
IDENTIFIER = ("Dublin Core", "Identifier")


class Move:
    """An installation that takes the sample site over, and can take it over again."""

    def __init__(self, accession: Installation, source: omeka_classic.StandIn, target: Any) -> None:
        self.accession = accession
        self.source = source
        self.target = target
        self.model = "omeka-classic" if isinstance(target, omeka_classic.StandIn) else "omeka-s"

    def control(self, match: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return {
            "dataImportControlFileVersion": 1,
            "model": self.model,
            "visibility": "private",
            **({"sites": []} if self.model == "omeka-s" else {}),
            "recordProcessor": {"name": "omeka-classic-site", **options},
            "files": {"old": {"read": "omeka-classic", "from": SOURCE}},
            **({"match": match} if match else {}),
        }

    def run(self, match: Mapping[str, Any] | None = None, *, dry: bool = False, **options: Any) -> str:
        """The batch, of which everything was imported. `dry`: after a dry run."""
        batch = self.accession.batch(self.control(match, **options), {})
        if dry:
            assert self.accession.run(batch, "dry-run") == "dry-run-complete", self.accession.log(batch)
        assert self.accession.run(batch) == "complete", self.accession.log(batch)
        return batch

    def writes(self) -> dict[str, int]:
        """Requests that are no reads since the last count, by method and path."""
        counts = self.target.requests()["counts"]
        self.target.reset_requests()
        return {what: n for what, n in counts.items() if not what.startswith(("GET", "HEAD"))}


@contextmanager
def moving(folder: Path, target: Any, *, key: bool = True) -> Iterator[Move]:
    """`key`: that of the super user; otherwise what is public is read."""
    with omeka_classic.StandIn() as source, target:
        sample_site.build().load(source)
        about: dict[str, object] = {"kind": "omeka-classic", "url": source.url}
        if key:
            about["key"] = source.api_key
        targets, sources = {"new": target_of(target)}, {SOURCE: about}
        with Installation(folder / "accession", targets, sources=sources) as accession:
            target.reset_requests()
            yield Move(accession.start(), source, target)


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
