"""Reading what Omeka Classic says a record is.

Which kind it is stands in `url` (`…/api/items/6`). Numbers are of a series of their own for each kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import orjson
from msgspec import Struct

from worker.records import RESOURCES, Json, Kind
from worker.targets.base import Saved
from worker.targets.decoding import Unreadable
from worker.targets.omeka_classic import places
from worker.targets.omeka_classic.elements import name_of

PATHS: Mapping[Kind, str] = {
    "item": "items",
    "item-set": "collections",
    "media": "files",
    "element-set": "element_sets",
    "item-type": "item_types",
}
"""Kind → name of the resource in the API."""

MEDIA = "media"
"""Key of the numbers of an item's files, in their order. Omeka tells only how many there are: what was asked
beside is kept with the representation."""
UPLOADS = "uploads"
"""Key, in a payload, of what is sent of an item's files after it."""
SHA256 = "sha256"
"""Key of the digest of a file's bytes, once it is known: Omeka tells the MD5 only (`authentication`)."""
TITLE = "dcterms:title"


class FilteredTexts(Unreadable):
    """The texts come without their flag for HTML: the site option `api_filter_element_texts` is on."""


class Text(Struct, frozen=True):
    """One element text."""

    name: str
    """Term or element in full."""
    element: int
    text: str
    html: bool

    @property
    def sent(self) -> dict[str, Json]:
        """As a write says it: the element by number, and always whether it is HTML (`138`)."""
        return {"html": self.html, "text": self.text, "element": {"id": self.element}}


def saved_from(body: Json, kind: Kind) -> Saved:
    """The record of that kind that `body` represents. Raises :class:`Unreadable`."""
    if not isinstance(body, dict):
        raise Unreadable("not an object")
    number, address = body.get("id"), body.get("url")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Unreadable("no id")
    if not isinstance(address, str) or address.rstrip("/").split("/")[-2:] != [PATHS[kind], str(number)]:
        raise Unreadable(f"not the address of one of {PATHS[kind]}")
    found = list(texts(body))
    title = next((one.text for one in found if one.name == TITLE), None)
    if title is None:
        for key in ("original_filename", "name"):
            if isinstance(said := body.get(key), str):
                title = said
                break
    media = body.get(MEDIA)
    return Saved(
        kind=kind,
        id=number,
        modified=stamp(body.get("modified")) or ("" if kind in RESOURCES else digest(body)),
        # Files are as public as their item.
        public=body.get("public") is True or kind == "media",
        title=title,
        body=body,
        media_ids=tuple(one for one in media if isinstance(one, int)) if isinstance(media, list) else (),
        media_known=(isinstance(media, list) or file_count(body) == 0)
        and (kind != "item" or places.is_known(body)),
    )


def stamp(value: Json) -> str:
    """The first 19 characters of a stamp, `T` as a blank; "" where there is none."""
    return value[:19].replace("T", " ") if isinstance(value, str) else ""


def digest(body: Mapping[str, Json]) -> str:
    """In place of a stamp, of what has none: as long as one, and another as soon as anything is."""
    held = {key: value for key, value in body.items() if key not in ("url", "items", "extended_resources")}
    return hashlib.sha256(orjson.dumps(_bare(held), option=orjson.OPT_SORT_KEYS)).hexdigest()[:19]


def _bare(value: Json) -> Json:
    """Without addresses, which may be written otherwise tomorrow."""
    match value:
        case dict():
            return {key: _bare(one) for key, one in value.items() if key != "url"}
        case list():
            return [_bare(one) for one in value]
        case _:
            return value


def texts(body: Mapping[str, Json]) -> Iterator[Text]:
    """The element texts, in the target's order. Raises :class:`Unreadable`."""
    listed = body.get("element_texts")
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict):
            raise Unreadable("an element text that is no object")
        text, html = entry.get("text"), entry.get("html")
        element, number = _named(entry.get("element"))
        element_set, _ = _named(entry.get("element_set"))
        if not isinstance(text, str) or number is None:
            raise Unreadable("an element text without text or element")
        if not isinstance(html, bool):
            raise FilteredTexts("element texts without their flag for HTML")
        yield Text(name_of(element_set, element), number, text, html)


def _named(value: Json) -> tuple[str, int | None]:
    if not isinstance(value, dict):
        return "", None
    name, number = value.get("name"), value.get("id")
    return name if isinstance(name, str) else "", number if isinstance(number, int) else None


def by_name(body: Mapping[str, Json]) -> dict[str, list[Text]]:
    """Name of the element → its texts, in their order."""
    found: dict[str, list[Text]] = {}
    for one in texts(body):
        found.setdefault(one.name, []).append(one)
    return found


def reference(body: Mapping[str, Json], key: str) -> int | None:
    """The number of what a record refers to under `key`; None where it refers to nothing."""
    return _named(body.get(key))[1]


def label(body: Mapping[str, Json], key: str) -> str:
    """The name of what a record refers to, where the representation tells it."""
    return _named(body.get(key))[0]


def tags(body: Mapping[str, Json]) -> list[str]:
    """The names of the tags of an item."""
    listed = body.get("tags")
    return [name for one in (listed if isinstance(listed, list) else ()) if (name := _named(one)[0])]


def file_count(body: Mapping[str, Json]) -> int:
    files = body.get("files")
    count = files.get("count") if isinstance(files, dict) else None
    return count if isinstance(count, int) else 0
