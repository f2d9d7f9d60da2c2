"""Reading what Omeka S says a resource is (JSON-LD as its REST API writes it)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import assert_never

import orjson

from worker.records import RESOURCES, Json, Kind
from worker.targets.base import Linking, Saved
from worker.targets.decoding import Unreadable as Unreadable
from worker.targets.decoding import decode as decode

PATHS: Mapping[Kind, str] = {
    "item": "items",
    "item-set": "item_sets",
    "media": "media",
    "asset": "assets",
    "vocabulary": "vocabularies",
    "resource-template": "resource_templates",
    "user": "users",
    "site": "sites",
    "site-page": "site_pages",
}
"""Kind → name of the collection in the API."""


PRIMARY = "o:primary_media"
"""Of an item: the media that was chosen, else the first one."""


def saved_from(body: Json, kind: Kind) -> Saved:
    """The resource of that kind that `body` represents. Raises :class:`Unreadable`.

    Which kind it is stands in `@id` (`…/api/items/6`): `@type` varies with class and ingester.
    """
    if not isinstance(body, dict):
        raise Unreadable("not an object")
    number = body.get("o:id")
    address = body.get("@id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Unreadable("no o:id")
    if not isinstance(address, str) or address.rstrip("/").split("/")[-2:] != [PATHS[kind], str(number)]:
        raise Unreadable(f"not the address of one of {PATHS[kind]}")
    title = body.get("o:title")
    return Saved(
        kind=kind,
        id=number,
        modified=stamp(body.get("o:modified")) or (digest(body) if kind not in RESOURCES else ""),
        public=body.get("o:is_public") is True,
        title=title if isinstance(title, str) else _name(body),
        body=body,
        media_ids=tuple(reference_ids(body.get("o:media"))),
        primary=next(iter(reference_ids(body.get(PRIMARY))), None),
    )


def _name(body: Mapping[str, Json]) -> str | None:
    """How a person calls what has no title."""
    for key in ("o:label", "o:name"):
        if isinstance(name := body.get(key), str):
            return name
    return None


def digest(body: Mapping[str, Json]) -> str:
    """In place of a stamp, of what has none: as long as one, and another as soon as anything is. (An address
    may be written otherwise tomorrow: only what it holds counts.)"""
    held = {key: value for key, value in body.items() if not key.startswith("@") and key != "o:asset_url"}
    return hashlib.sha256(orjson.dumps(_bare(held), option=orjson.OPT_SORT_KEYS)).hexdigest()[:19]


def _bare(value: Json) -> Json:
    match value:
        case dict():
            return {key: _bare(one) for key, one in value.items() if key != "@id"}
        case list():
            return [_bare(one) for one in value]
        case _:
            return value


def stamp(value: Json) -> str:
    """The first 19 characters of a stamp with `T` as a blank, as listings give it; "" where there is none.

    `{"@value": "2026-11-22T17:09:06+00:00", …}` and `"2026-11-22 17:09:06"` become the same.
    """
    if isinstance(value, dict):
        value = value.get("@value")
    return value[:19].replace("T", " ") if isinstance(value, str) else ""


def reference_ids(value: Json) -> list[int]:
    """The numbers in a list of `{"o:id": N}`, or of a single one, in their order."""
    references = value if isinstance(value, list) else [value]
    return [
        number
        for reference in references
        if isinstance(reference, dict) and isinstance(number := reference.get("o:id"), int)
    ]


def property_values(body: Mapping[str, Json]) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    """The properties of a representation or payload with their values, as JSON objects."""
    for name, values in body.items():
        if ":" not in name or not isinstance(values, list) or name.startswith("o:"):
            continue
        objects = [value for value in values if isinstance(value, dict) and "property_id" in value]
        if objects:
            yield name, objects


def linked_ids(body: Mapping[str, Json]) -> frozenset[int]:
    """The numbers of the resources that the values link to, those of annotations included."""
    found: set[int] = set()
    for _, values in property_values(body):
        for value in values:
            if isinstance(number := value.get("value_resource_id"), int):
                found.add(number)
            if isinstance(notes := value.get("@annotation"), dict):
                found |= linked_ids(notes)
    return frozenset(found)


def linking_ids(body: Mapping[str, Json]) -> frozenset[int]:
    """The numbers of the resources that link to this one: `@reverse`, an address without the kind."""
    reverse = body.get("@reverse")
    found: set[int] = set()
    for several in reverse.values() if isinstance(reverse, dict) else ():
        for one in several if isinstance(several, list) else ():
            address = one.get("@id") if isinstance(one, dict) else None
            number = address.rstrip("/").rsplit("/", 1)[-1] if isinstance(address, str) else ""
            if number.isdecimal():
                found.add(int(number))
    return frozenset(found)


def values_linking(body: Mapping[str, Json], to: int) -> list[Linking]:
    """Each value that links to that number."""
    return [
        Linking(term, orjson.dumps(value), position)
        for term, values in property_values(body)
        for position, value in enumerate(values)
        if value.get("value_resource_id") == to
    ]


def identity_texts(values: list[dict[str, Json]]) -> list[str]:
    """What each value counts as in an identity: a URI its `@id`, a number its JSON text, else its text.

    Links to other resources bear no identity.
    """
    texts = []
    for value in values:
        if "value_resource_id" in value:
            continue
        text = main_text(value)
        if text is not None:
            texts.append(text)
    return texts


def main_text(value: Mapping[str, Json]) -> str | None:
    """The URI or the text of a value; a number as its JSON text."""
    for key in ("@id", "@value"):
        content = value.get(key)
        match content:
            case None:
                continue
            case str():
                return content
            case bool() | int() | float() | list() | dict():
                return orjson.dumps(content).decode()
            case _:
                assert_never(content)
    return None
