"""Rows put into the database as given, ids and times included, without permissions or validation."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.standins.shared.php import Json
from tests.standins.shared.storage import Spool

from .database import Database
from .describe import describe
from .model import (
    TYPES,
    Collection,
    Element,
    ElementSet,
    Exhibit,
    ExhibitPage,
    File,
    Geolocation,
    Item,
    ItemType,
    Row,
    SimplePage,
    Tag,
    Text,
    User,
)

_FIRST = ("users", "element_sets", "elements", "item_types", "tags", "collections", "items")
_OWNER = 1


class Seeder:
    """Reads rows in the API's own JSON."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def seed(self, document: Json) -> Json:
        """Rows by resource name; a list stands for items. Answers the ids."""
        sections: dict[str, Json] = {"items": document} if isinstance(document, list) else {**document}
        unknown = sections.keys() - _BUILDERS.keys() - {"next_ids"}
        if unknown:
            raise ValueError(f"no such section: {', '.join(sorted(unknown))}")
        for table, number in sections.pop("next_ids", {}).items():
            if table not in TYPES:
                raise ValueError(f"no such table: {table}")
            self._db.set_next_id(table, number)
        order = [name for name in _FIRST if name in sections]
        order += [name for name in sections if name not in _FIRST]
        return {name: [self._put(name, shown) for shown in sections[name]] for name in order}

    def _put(self, name: str, shown: Json) -> int:
        number = shown.get("id") or self._db.next_id(name)
        row: Row = _BUILDERS[name](self, number, shown)
        self._db.put(row)
        return row.id

    # References

    def texts(self, shown: Json) -> list[Text]:
        """Element texts; an element without an id is looked up by its name and that of its set."""
        return [
            Text(self._element(sent), sent["text"], sent.get("html", False))
            for sent in shown.get("element_texts", [])
        ]

    def _element(self, sent: Json) -> int:
        if "id" in sent["element"]:
            number: int = sent["element"]["id"]
            return number
        name = sent["element"]["name"]
        wanted = sent.get("element_set", {"name": "Dublin Core"})["name"]
        for element in self._db.elements.values():
            if (self._db.element_sets[element.element_set].name, element.name) == (wanted, name):
                return element.id
        raise ValueError(f"no element {wanted}:{name}")

    def tags(self, shown: Json) -> list[int]:
        """Tags by id or name; those that are not there yet are made."""
        return [self._tag(sent) for sent in shown.get("tags", [])]

    def _tag(self, sent: Json) -> int:
        number: int | None = sent.get("id")
        if number is not None:
            if number not in self._db.tags:
                self._db.put(Tag(id=number, name=sent["name"]))
            return number
        tag = self._db.tag_named(sent["name"])
        if tag is None:
            tag = Tag(id=self._db.next_id("tags"), name=sent["name"])
            self._db.put(tag)
        return tag.id

    def item_type(self, sent: Json) -> int | None:
        """An item type by id or name."""
        if not sent:
            return None
        if "id" in sent:
            number: int = sent["id"]
            return number
        found = next((t.id for t in self._db.item_types.values() if t.name == sent["name"]), None)
        if found is None:
            raise ValueError(f"no item type {sent['name']}")
        return found

    def moment(self, sent: Json) -> int:
        """Seconds since 1970; now where nothing is said."""
        if sent is None:
            return self._db.now()
        moment = datetime.fromisoformat(sent)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

    def head(self, shown: Json) -> dict[str, Any]:
        """What items, collections and exhibits have in common."""
        return {
            "added": self.moment(shown.get("added")),
            "modified": self.moment(shown.get("modified")),
            "public": shown.get("public", False),
            "featured": shown.get("featured", False),
            "owner": ref(shown.get("owner", {"id": _OWNER})),
        }

    def content(self, filename: str, encoded: str) -> bytes:
        """Keep a file's bytes."""
        content = base64.b64decode(encoded)
        self._db.stored.write(f"original/{filename}", Spool(content))
        return content


def ref(sent: Json) -> int | None:
    """The id in a reference."""
    return sent["id"] if sent else None


def _item(seeder: Seeder, number: int, shown: Json) -> Item:
    return Item(
        id=number,
        **seeder.head(shown),
        item_type=seeder.item_type(shown.get("item_type")),
        collection=ref(shown.get("collection")),
        tags=seeder.tags(shown),
        texts=seeder.texts(shown),
    )


def _collection(seeder: Seeder, number: int, shown: Json) -> Collection:
    return Collection(id=number, **seeder.head(shown), texts=seeder.texts(shown))


def _file(seeder: Seeder, number: int, shown: Json) -> File:
    original = shown["original_filename"]
    extension = original.rpartition(".")[2].lower()
    stem = hashlib.md5(f"{number} {original}".encode(), usedforsecurity=False).hexdigest()
    filename = shown.get("filename") or f"{stem}.{extension}"
    content = seeder.content(filename, shown["content"]) if "content" in shown else b""
    seen = describe(content, len(content))
    return File(
        id=number,
        item=shown["item"]["id"],
        added=seeder.moment(shown.get("added")),
        modified=seeder.moment(shown.get("modified")),
        filename=filename,
        original_filename=original,
        authentication=shown.get("authentication") or hashlib.md5(content, usedforsecurity=False).hexdigest(),
        size=shown.get("size", len(content)),
        mime_type=shown.get("mime_type", seen.media_type),
        type_os=shown.get("type_os", seen.type_os),
        has_derivative=shown.get("has_derivative_image", seen.is_picture),
        order=shown.get("order"),
        metadata=shown.get("metadata", seen.metadata) or {},
        texts=seeder.texts(shown),
    )


def _element_set(_: Seeder, number: int, shown: Json) -> ElementSet:
    return ElementSet(
        id=number,
        name=shown["name"],
        description=shown.get("description"),
        record_type=shown.get("record_type"),
    )


def _element(_: Seeder, number: int, shown: Json) -> Element:
    return Element(
        id=number,
        element_set=shown["element_set"]["id"],
        name=shown["name"],
        description=shown.get("description"),
        comment=shown.get("comment"),
        order=shown.get("order"),
    )


def _item_type(_: Seeder, number: int, shown: Json) -> ItemType:
    elements = [element["id"] for element in shown.get("elements", [])]
    return ItemType(id=number, name=shown["name"], description=shown.get("description"), elements=elements)


def _tag(_: Seeder, number: int, shown: Json) -> Tag:
    return Tag(id=number, name=shown["name"])


def _user(_: Seeder, number: int, shown: Json) -> User:
    return User(
        id=number,
        username=shown["username"],
        name=shown["name"],
        email=shown["email"],
        role=shown["role"],
        active=shown.get("active", True),
    )


def _geolocation(_: Seeder, number: int, shown: Json) -> Geolocation:
    return Geolocation(
        id=number,
        item=shown["item"]["id"],
        latitude=shown["latitude"],
        longitude=shown["longitude"],
        zoom_level=shown.get("zoom_level", 10),
        map_type=shown.get("map_type", ""),
        address=shown.get("address", ""),
    )


def _exhibit(seeder: Seeder, number: int, shown: Json) -> Exhibit:
    return Exhibit(
        id=number,
        title=shown["title"],
        slug=shown["slug"],
        description=shown.get("description"),
        credits=shown.get("credits"),
        **seeder.head(shown),
        tags=seeder.tags(shown),
    )


def _exhibit_page(_: Seeder, number: int, shown: Json) -> ExhibitPage:
    return ExhibitPage(
        id=number,
        exhibit=shown["exhibit"]["id"],
        title=shown["title"],
        slug=shown["slug"],
        order=shown["order"],
        parent=ref(shown.get("parent")),
        blocks=shown.get("page_blocks", []),
    )


def _simple_page(seeder: Seeder, number: int, shown: Json) -> SimplePage:
    return SimplePage(
        id=number,
        title=shown["title"],
        slug=shown["slug"],
        inserted=seeder.moment(shown.get("inserted")),
        updated=seeder.moment(shown.get("updated")),
        is_published=shown.get("is_published", False),
        text=shown.get("text"),
        order=shown.get("order", 0),
        template=shown.get("template", ""),
        use_tiny_mce=shown.get("use_tiny_mce", False),
        created_by=ref(shown.get("created_by_user", {"id": _OWNER})),
        modified_by=ref(shown.get("modified_by_user", {"id": _OWNER})),
        parent=ref(shown.get("parent")),
    )


_BUILDERS: dict[str, Callable[[Seeder, int, Json], Row]] = {
    "items": _item,
    "collections": _collection,
    "files": _file,
    "element_sets": _element_set,
    "elements": _element,
    "item_types": _item_type,
    "tags": _tag,
    "users": _user,
    "geolocations": _geolocation,
    "exhibits": _exhibit,
    "exhibit_pages": _exhibit_page,
    "simple_pages": _simple_page,
}
