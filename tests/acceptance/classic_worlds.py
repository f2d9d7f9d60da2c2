"""The same world on an Omeka Classic: a site told in the terms of Omeka S, and orders of what Classic has.

Numbers of Omeka Classic are of a series of their own for each kind; here each series begins elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import httpx2
import msgspec

from tests.acceptance.pictures import png
from tests.acceptance.worlds import SCANS, START, Content, Edit, Json, Order, Row, State
from tests.standins.omeka_classic import StandIn
from tests.standins.omeka_classic.knobs import Knobs

SETS, FILES = 1_000_000, 2_000_000
"""Added to the numbers of collections and of files."""
_NAMES = {"bibo:number": "dcterms:rights"}
"""What an edit speaks of and Dublin Core does not have → what takes its place."""


class ClassicSite:
    """The stand-in, what stands in it from the beginning, and the second editor: see `worlds.Site`."""

    def __init__(self, omeka: StandIn) -> None:
        self.omeka = omeka
        self.now = START
        omeka.restart()
        omeka.knobs(**msgspec.to_builtins(Knobs()) | {"clock": START})
        omeka.seed(
            collections=[
                {"public": True, "element_texts": [_text("dcterms:title", name)]}
                for name in ("Set A", "Set B")
            ]
        )
        made = omeka.seed(
            [
                _bystander("K6", collection={"id": 1}, public=True, featured=True),
                _bystander("K7", collection={"id": 2}),
                # Known by nobody: Omeka's own search would take it for K1.
                _bystander("k1", public=True),
            ]
        )["items"]
        omeka.seed(
            files=[
                {
                    "item": {"id": number},
                    "original_filename": "kept.png",
                    "content": base64.b64encode(png(number)).decode(),
                    "element_texts": [_text("dcterms:title", "A picture")],
                }
                for number in made
            ]
        )

    def close(self) -> None:
        """Nothing is held."""

    def tick(self) -> None:
        """Time goes on: what happens next is not in the same second."""
        self.now += 2
        self.omeka.knobs(clock=self.now)

    def dump(self) -> State:
        """Texts by term, collections as item sets, files as media; tags as the values of a name of theirs.

        Which tags there are that nobody bears is not told: an undo leaves them.
        """
        shown = self.omeka.dump()
        # Those without a place come last: Omeka's `Table_File` sorts by `ISNULL(order)` first.
        files = sorted(shown["files"], key=lambda one: (one["order"] is None, one["order"] or 0, one["id"]))
        of_item: dict[int, list[Json]] = {}
        for one in files:
            of_item.setdefault(one["item"]["id"], []).append(_resource("media", FILES + one["id"]))
        return State(
            {
                "items": [
                    {
                        **_head(one, "items", 0),
                        "o:item_set": _sets(one["collection"]),
                        "o:media": of_item.get(one["id"], []),
                        "class": (one["item_type"] or {}).get("name"),
                        "tags": [
                            {"type": "literal", "property_id": 0, "is_public": True, "@value": tag["name"]}
                            for tag in one["tags"]
                        ],
                    }
                    for one in shown["items"]
                ],
                "item_sets": [_head(one, "item_sets", SETS) for one in shown["collections"]],
                "media": [_media(one) for one in shown["files"]],
            }
        )

    def edit(self, edit: Edit) -> None:
        """At once and whole, as somebody does it in Omeka's own pages."""
        found = self.dump().named(edit.name)
        if found is None:
            return
        number = found["o:id"]
        if edit.deed == "delete":
            answer = httpx2.post(
                f"{self.omeka.api}/items/{number}",
                params=self.omeka.key,
                headers={"X-HTTP-Method-Override": "DELETE"},
            )
            assert answer.status_code == 204, answer.text
            return
        item = next(one for one in self.omeka.dump()["items"] if one["id"] == number)
        self.omeka.seed(items=[_edited(item, edit)])


def _text(term: str, text: str, *, html: bool = False) -> Json:
    name = term.partition(":")[2].capitalize()
    return {
        "html": html,
        "text": text,
        "element": {"name": name},
        "element_set": {"name": "Dublin Core"},
    }


def _bystander(name: str, **more: Json) -> Json:
    """An item that somebody made: HTML beside plain texts, a type and an element of it, a tag."""
    dimensions = {"html": False, "text": "20 × 30 cm", "element": {"name": "Physical Dimensions"}}
    return {
        "item_type": {"name": "Still Image"},
        "tags": [{"name": f"Found {name}"}],
        "element_texts": [
            _text("dcterms:title", f"<b>Found</b> {name}", html=True),
            _text("dcterms:identifier", name),
            _text("dcterms:subject", "ash"),
            _text("dcterms:creator", "a"),
            _text("dcterms:creator", f"<i>said of</i> {name}", html=True),
            {**dimensions, "element_set": {"name": "Item Type Metadata"}},
        ],
        **more,
    }


def _resource(table: str, number: int) -> Json:
    return {"@id": f"/api/{table}/{number}", "o:id": number}


def _sets(collection: Json) -> list[Json]:
    return [_resource("item_sets", SETS + collection["id"])] if collection else []


def _head(one: Json, table: str, first: int) -> Json:
    return {
        **_resource(table, first + one["id"]),
        "o:is_public": one["public"],
        "o:owner": (one["owner"] or {}).get("id"),
        "o:created": one["added"],
        "o:modified": one["modified"],
        "featured": one["featured"],
        **_values(one),
    }


def _media(one: Json) -> Json:
    return {
        **_resource("media", FILES + one["id"]),
        "o:item": _resource("items", one["item"]["id"]),
        "o:source": one["original_filename"],
        "o:media_type": one["mime_type"],
        "o:size": one["size"],
        "o:sha256": one["sha256"],
        "o:created": one["added"],
        "o:modified": one["modified"],
        "o:filename": one["filename"],
        "position": one["order"],
        **_values(one),
    }


def _values(record: Json) -> Json:
    found: dict[str, list[Json]] = {}
    for one in record["element_texts"]:
        found.setdefault(_name(one), []).append(
            {
                "type": "html" if one["html"] else "literal",
                "property_id": one["element"]["id"],
                "is_public": True,
                "@value": one["text"],
            }
        )
    return found


def _name(text: Json) -> str:
    element_set, element = text["element_set"]["name"], text["element"]["name"]
    return f"dcterms:{element.lower()}" if element_set == "Dublin Core" else f"{element_set}:{element}"


def _edited(item: Json, edit: Edit) -> Json:
    """The item as a whole, as somebody leaves it, stamped anew."""
    term = _NAMES.get(edit.term, edit.term)
    texts: list[Json] = list(item["element_texts"])
    places = [place for place, one in enumerate(texts) if _name(one) == term]
    item = {**item, "element_texts": texts, "modified": None}
    new = _text(term, edit.text)
    match edit.deed:
        case "add":
            texts.append(new)
        case "change":
            place = places[0] if places else len(texts)
            texts[place : place + 1] = [new]
        case "remove":
            if places:
                del texts[places[0]]
        case "private":  # there are no private texts: somebody's tag instead
            item["tags"] = [*item["tags"], {"name": edit.text}]
        case "annotate":  # nor annotations: the first text becomes HTML
            if places:
                texts[places[0]] = {**texts[places[0]], "html": True}
        case "hide":
            item["public"] = not item["public"]
        case "sets":
            item["collection"] = {"id": int(edit.text) if edit.text.isdecimal() else 2}
        case _:
            raise AssertionError(edit.deed)
    return item


# --- an import ------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class ClassicOrder(Order):
    """The same import of what Classic has: addresses are HTML, what had a language are tags; nothing links,
    and nothing is private by itself."""

    @property
    def names(self) -> Json:
        tags = {**self.subject, "name": "tags"}
        named: list[Json] = [
            {"source": "title", "name": "dcterms:title"},
            {"source": "subjects", **self.subject},
            {"source": "addresses", "type": "html", **self.subject},
            {"source": "tags", **tags},
        ]
        if self.describes:
            named.append({"source": "description", "name": "dcterms:description", "blank": "clear"})
        if self.medium:
            named.append({"action": "set-value", "name": "dcterms:format", "value": "oil"})
        return named

    @property
    def of_target(self) -> Json:
        return {"model": "omeka-classic"}

    @property
    def scans(self) -> Json:
        return SCANS

    @property
    def files(self) -> dict[str, Json]:
        found = super().files
        return found | {"data0": [{**row.data, "tags": tags_of(row), "see": []} for row in self.rows]}

    @property
    def named(self) -> set[str]:
        terms = {"dcterms:title", "dcterms:subject", "dcterms:identifier", "tags"}
        terms |= {"dcterms:description"} if self.describes else set()
        return terms | ({"dcterms:format"} if self.medium else set())

    @property
    def hidden(self) -> set[str]:
        return set()

    def wishes(self, row: Row, numbers: Mapping[str, int]) -> dict[str, list[Content] | None]:
        subjects = [("literal", "", one) for one in row.subjects]
        subjects += [("html", "", one) for one in row.addresses]
        return {
            "dcterms:title": [("literal", "", row.title)],
            "dcterms:subject": subjects or None,
            "dcterms:description": [("literal", "", row.description)] if row.description else [],
            "dcterms:format": [("literal", "", "oil")],
            "tags": [("literal", "", one) for one in tags_of(row)] or None,
        }

    def policy(self, term: str) -> tuple[str, str]:
        return super().policy("dcterms:subject" if term == "tags" else term)


def tags_of(row: Row) -> list[str]:
    """Some that many records bear at once, and that are new to the site."""
    return [f"{one} of {row.title}" for one in row.german]


def on_classic(order: Order) -> ClassicOrder:
    said: dict[str, Any] = {one.name: getattr(order, one.name) for one in fields(Order)}
    said["rows"] = tuple(replace(row, primary="", cover="") for row in order.rows)
    return ClassicOrder(**said)
