"""Records as the API shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.standins.shared.collation import fold
from tests.standins.shared.php import Json

from .access import Caller
from .database import Database
from .knobs import Knobs
from .model import (
    Collection,
    Element,
    ElementSet,
    Exhibit,
    ExhibitPage,
    File,
    Geolocation,
    Item,
    ItemType,
    Record,
    Row,
    SimplePage,
    Tag,
    Text,
    User,
)


def date(seconds: int) -> str:
    """ISO 8601 with seconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@dataclass(frozen=True)
class Renderer:
    """Shows rows to one caller; ``base`` is the site's address."""

    db: Database
    knobs: Knobs
    caller: Caller
    base: str

    def row(self, row: Row) -> dict[str, Json]:
        """One record."""
        shown: dict[str, Json] = _SHOWN[row.table](self, row)
        shown["extended_resources"] = (self._extended(row) if isinstance(row, Item) else {}) or []
        return shown

    def _url(self, path: str) -> str:
        return f"{self.base}/api/{path}"

    def _ref(self, resource: str, number: int | None) -> Json:
        """A reference of Omeka's own."""
        if number is None:
            return None
        return {"id": number, "url": self._url(f"{resource}/{number}"), "resource": resource}

    def _plugin_ref(self, resource: str, number: int | None) -> Json:
        """The plugins' authors preferred another order."""
        if number is None:
            return None
        return {"id": number, "resource": resource, "url": self._url(f"{resource}/{number}")}

    def _count(self, resource: str, count: int, query: str) -> Json:
        return {"count": count, "url": self._url(f"{resource}{query}"), "resource": resource}

    def _items_with(self, attribute: str, number: int) -> int:
        return sum(
            getattr(item, attribute) == number and self.caller.sees(self.db, item)
            for item in self.db.items.values()
        )

    # Items, collections, files

    def _item(self, item: Item) -> dict[str, Json]:
        kind = self.db.item_types.get(item.item_type or 0)
        shown_kind = None
        if kind is not None:
            shown_kind = {
                "id": kind.id,
                "url": self._url(f"item_types/{kind.id}"),
                "name": kind.name,
                "resource": "item_types",
            }
        return self._head("items", item) | {
            "item_type": shown_kind,
            "collection": self._ref("collections", item.collection),
            "owner": self._ref("users", item.owner),
            "files": self._count("files", len(self.db.files_of(item.id)), f"?item={item.id}"),
            "tags": self._tags(item.tags),
            "element_texts": self._texts(item),
        }

    def _head(self, resource: str, row: Item | Collection) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"{resource}/{row.id}"),
            "public": row.public,
            "featured": row.featured,
            "added": date(row.added),
            "modified": date(row.modified),
        }

    def _extended(self, item: Item) -> dict[str, Json]:
        shown: dict[str, Json] = {}
        if "ExhibitBuilder" in self.knobs.plugins:
            pages = sum(page.shows(item.id) for page in self.db.exhibit_pages.values())
            shown["exhibit_pages"] = self._count("exhibit_pages", pages, f"?item={item.id}")
        location = self.db.location_of(item.id) if "Geolocation" in self.knobs.plugins else None
        if location is not None:
            shown["geolocations"] = self._ref("geolocations", location.id)
        return shown

    def _collection(self, row: Collection) -> dict[str, Json]:
        count = self._items_with("collection", row.id)
        return self._head("collections", row) | {
            "owner": self._ref("users", row.owner),
            "items": self._count("items", count, f"?collection={row.id}"),
            "element_texts": self._texts(row),
        }

    def _file(self, row: File) -> dict[str, Json]:
        small = row.filename.rpartition(".")[0] + ".jpg"
        urls = {"original": f"{self.base}/files/original/{row.filename}"}
        for name, folder in DERIVATIVES.items():
            urls[name] = f"{self.base}/files/{folder}/{small}"
        return {
            "id": row.id,
            "url": self._url(f"files/{row.id}"),
            "file_urls": {
                name: url if name == "original" or row.has_derivative else None for name, url in urls.items()
            },
            "added": date(row.added),
            "modified": date(row.modified),
            "filename": row.filename,
            "authentication": row.authentication,
            "has_derivative_image": row.has_derivative,
            "mime_type": row.mime_type,
            "order": row.order,
            "original_filename": row.original_filename,
            "size": row.size,
            "stored": True,
            "type_os": row.type_os,
            "metadata": row.metadata or [],
            "item": self._ref("items", row.item),
            "element_texts": self._texts(row),
        }

    def _tags(self, numbers: list[int]) -> list[Json]:
        tags = sorted((self.db.tags[n] for n in numbers), key=lambda t: (fold(t.name), t.id))
        return [
            {"id": t.id, "url": self._url(f"tags/{t.id}"), "name": t.name, "resource": "tags"} for t in tags
        ]

    def _texts(self, record: Record) -> list[Json]:
        """Texts whose element exists: others are in the table, and never shown. Those of one element keep
        their order and come together."""
        first = {text.element: -place for place, text in enumerate(reversed(record.texts))}
        texts = sorted(record.texts, key=lambda text: first[text.element])
        return [self._text(text) for text in texts if text.element in self.db.elements]

    def _text(self, text: Text) -> Json:
        element = self.db.elements[text.element]
        shown: dict[str, Json] = {} if self.knobs.filter_element_texts else {"html": text.html}
        element_set = self.db.element_sets[element.element_set]
        return shown | {
            "text": text.text,
            "element_set": {
                "id": element_set.id,
                "url": self._url(f"element_sets/{element_set.id}"),
                "name": element_set.name,
                "resource": "element_sets",
            },
            "element": {
                "id": element.id,
                "url": self._url(f"elements/{element.id}"),
                "name": element.name,
                "resource": "elements",
            },
        }

    # Elements and types

    def _element_set(self, row: ElementSet) -> dict[str, Json]:
        count = sum(element.element_set == row.id for element in self.db.elements.values())
        return {
            "id": row.id,
            "url": self._url(f"element_sets/{row.id}"),
            "name": row.name,
            "description": row.description,
            "record_type": row.record_type,
            "elements": self._count("elements", count, f"?element_set={row.id}"),
        }

    def _element(self, row: Element) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"elements/{row.id}"),
            "order": row.order,
            "name": row.name,
            "description": row.description,
            "comment": row.comment,
            "element_set": self._ref("element_sets", row.element_set),
        }

    def _item_type(self, row: ItemType) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"item_types/{row.id}"),
            "name": row.name,
            "description": row.description,
            "elements": [{"id": n, "url": self._url(f"elements/{n}")} for n in row.elements],
            "items": self._count("items", self._items_with("item_type", row.id), f"/?item_type={row.id}"),
        }

    # The rest

    def _tag(self, row: Tag) -> dict[str, Json]:
        return {"id": row.id, "url": self._url(f"tags/{row.id}"), "name": row.name}

    def _user(self, row: User) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"users/{row.id}"),
            "username": row.username,
            "name": row.name,
            "active": row.active,
            "email": row.email,
            "role": row.role,
        }

    def _geolocation(self, row: Geolocation) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"geolocations/{row.id}"),
            "latitude": row.latitude,
            "longitude": row.longitude,
            "zoom_level": row.zoom_level,
            "map_type": row.map_type,
            "address": row.address,
            "item": self._ref("items", row.item),
        }

    def _exhibit(self, row: Exhibit) -> dict[str, Json]:
        pages = sum(page.exhibit == row.id for page in self.db.exhibit_pages.values())
        return {
            "id": row.id,
            "title": row.title,
            "url": self._url(f"exhibits/{row.id}"),
            "slug": row.slug,
            "description": row.description,
            "credits": row.credits,
            "featured": row.featured,
            "public": row.public,
            "added": date(row.added),
            "modified": date(row.modified),
            "owner": self._plugin_ref("users", row.owner),
            "pages": {
                "count": pages,
                "resource": "exhibit_pages",
                "url": self._url(f"exhibit_pages?exhibit={row.id}"),
            },
            "tags": self._tags(row.tags),
        }

    def _exhibit_page(self, row: ExhibitPage) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"exhibit_pages/{row.id}"),
            "title": row.title,
            "slug": row.slug,
            "order": row.order,
            "exhibit": self._plugin_ref("exhibits", row.exhibit),
            "parent": self._plugin_ref("exhibit_pages", row.parent),
            "page_blocks": [self._block(block) for block in row.blocks],
        }

    def _block(self, block: dict[str, Json]) -> Json:
        attachments = [
            attachment
            | {
                "item": self._plugin_ref("items", _id(attachment.get("item"))),
                "file": self._plugin_ref("files", _id(attachment.get("file"))),
            }
            for attachment in block.get("attachments", [])
        ]
        return {**block, "attachments": attachments}

    def _simple_page(self, row: SimplePage) -> dict[str, Json]:
        return {
            "id": row.id,
            "url": self._url(f"simple_pages/{row.id}"),
            "is_published": row.is_published,
            "title": row.title,
            "slug": row.slug,
            "text": row.text,
            "updated": date(row.updated),
            "inserted": date(row.inserted),
            "order": row.order,
            "template": row.template,
            "use_tiny_mce": row.use_tiny_mce,
            "modified_by_user": self._plugin_ref("users", row.modified_by),
            "created_by_user": self._plugin_ref("users", row.created_by),
            "parent": self._plugin_ref("simple_pages", row.parent),
        }


def _id(reference: Json) -> int | None:
    return reference["id"] if reference else None


DERIVATIVES = {
    "fullsize": "fullsize",
    "thumbnail": "thumbnails",
    "square_thumbnail": "square_thumbnails",
}
"""Folders of what Omeka makes of a picture, by their name in the API."""
_SHOWN: dict[str, Callable[..., Any]] = {
    "items": Renderer._item,
    "collections": Renderer._collection,
    "files": Renderer._file,
    "element_sets": Renderer._element_set,
    "elements": Renderer._element,
    "item_types": Renderer._item_type,
    "tags": Renderer._tag,
    "users": Renderer._user,
    "geolocations": Renderer._geolocation,
    "exhibits": Renderer._exhibit,
    "exhibit_pages": Renderer._exhibit_page,
    "simple_pages": Renderer._simple_page,
}
