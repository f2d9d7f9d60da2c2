"""The recorded site with content, built from the bodies that were recorded of it.

Of most of its 152 items only numbers are known: how many are public, of which type, in which collection,
changed since when, located where. Items that fit these numbers take their places.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.standins.omeka_classic import StandIn

from .exchanges import HOSTS, body_of, load

ITEMS, PUBLIC, LOCATED = 152, 139, 35
_POSTCARD = 18
_LATE = range(135, 151)
"""With the three recorded ones, the 19 items that were changed since May 2025."""


def fill(standin: StandIn) -> None:
    """Put the site into an empty stand-in, its description and users included."""
    site = body_of("003-site")
    standin.knobs(**{name: site[name] for name in ("title", "description", "author", "copyright")})
    alice = body_of("080-user-get-super")
    standin.seed(users=[alice, alice | {"id": 3, "username": "bob"}])
    standin.add_user("researcher", username="rita", key="{{key of rita}}")
    standin.add_user("contributor", username="carl", key="{{key of carl}}")
    # A text may name an address of the site.
    here = json.dumps([*_recorded_items().values()]).replace(HOSTS["origin"], standin.url)
    recorded = {item["id"]: item for item in json.loads(here)}
    items = [*recorded.values(), *_others(recorded)]
    # Every tag of the site is used; by whom is known of a few only.
    items[-1] = items[-1] | {"tags": body_of("074-tags-index")}
    standin.seed(
        items,
        element_sets=body_of("065-element-sets-index"),
        elements=[*_elements()],
        item_types=body_of("071-item-types-index"),
        tags=body_of("074-tags-index"),
        collections=[*body_of("059-collections-index"), {"id": 6}],
    )
    pages = body_of("093-exhibit-pages-index-anon")
    # The pages of the private exhibit show what those of the public one show: items count both.
    private = [p | {"id": p["id"] + 3, "exhibit": {"id": 2}, "parent": None} for p in pages]
    standin.seed(
        files=[*_files()],
        geolocations=[*_locations(recorded, items)],
        exhibits=body_of("090-exhibits-index-key"),
        exhibit_pages=[*pages, *private],
        simple_pages=body_of("098-simple-pages-index"),
    )


def _recorded_items() -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for exchange in load().values():
        if exchange.site == "origin" and exchange.request["path"].startswith("/api/items"):
            bodies = exchange.body if isinstance(exchange.body, list) else [exchange.body]
            found.update((body["id"], body) for body in bodies if "id" in body)
    return found


def _others(recorded: dict[int, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The items of which only numbers are known. The last private one is a postcard."""
    public = [item for item in recorded.values() if item["public"]]
    types = _left("071-item-types-index", "item_type", public)
    collections = _left("059-collections-index", "collection", public)
    free = [number for number in range(1, ITEMS + 1) if number not in recorded]
    shown = PUBLIC - len(public)
    for place, number in enumerate(free):
        late = number in _LATE
        item: dict[str, Any] = {
            "id": number,
            "public": place < shown,
            "added": "2024-01-01T00:00:00+00:00",
            "modified": f"202{5 if late else 4}-06-01T00:00:00+00:00",
        }
        if item["public"]:
            item |= {"item_type": _take(types), "collection": _take(collections)}
        elif place == len(free) - 1:
            item["item_type"] = {"id": _POSTCARD}
        yield item


def _left(file: str, name: str, public: list[dict[str, Any]]) -> list[int]:
    """What is still to be given to items, so that the recorded numbers come out; the postcards last."""
    counts = Counter({body["id"]: body["items"]["count"] for body in body_of(file)})
    counts.subtract(item[name]["id"] for item in public if item[name])
    return sorted(number for number, count in counts.items() for _ in range(count))


def _take(numbers: list[int]) -> dict[str, int] | None:
    return {"id": numbers.pop(0)} if numbers else None


def _elements() -> Iterator[dict[str, Any]]:
    """The site's own elements: named in texts, or not named at all."""
    names = {
        text["element"]["id"]: text["element"]["name"]
        for item in _recorded_items().values()
        for text in item["element_texts"]
    }
    for number, element_set in [*((n, 4) for n in (52, 53, 54)), *((n, 3) for n in (55, 56, 57))]:
        name = names.get(number, f"left out {number}")
        yield {"id": number, "name": name, "element_set": {"id": element_set}}


def _files() -> Iterator[dict[str, Any]]:
    yield from body_of("063-files-of-item")
    for number, item in ((1, 5), (2, 5), (6, 15)):
        yield {
            "id": number,
            "item": {"id": item},
            "original_filename": f"left_out_{number}.txt",
            "mime_type": "text/plain",
        }


def _locations(recorded: dict[int, dict[str, Any]], items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    shown = {body["id"]: body for body in body_of("085-geolocations-index")}
    located = {
        item["extended_resources"]["geolocations"]["id"]: item["id"]
        for item in recorded.values()
        if "geolocations" in item["extended_resources"]
    }
    free = iter(item["id"] for item in items if item["public"] and item["id"] not in recorded)
    for number in range(1, LOCATED + 1):
        item = located[number] if number in located else next(free)
        left_out = {"id": number, "item": {"id": item}, "latitude": 1.5, "longitude": 2.5}
        yield shown.get(number, left_out)
