"""What the stand-in stores: the records of an Omeka Classic, as structs that also serialise to SQLite.

Times are whole seconds since 1970 (UTC).
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import msgspec

from tests.standins.shared.php import Json


class Text(msgspec.Struct, omit_defaults=True):
    """One element text of a record."""

    element: int
    text: str
    html: bool = False


class Item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An item; tags are ids."""

    table: ClassVar[str] = "items"

    id: int
    added: int
    modified: int
    public: bool = False
    featured: bool = False
    item_type: int | None = None
    collection: int | None = None
    owner: int | None = None
    tags: list[int] = []
    texts: list[Text] = []


class Collection(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A collection."""

    table: ClassVar[str] = "collections"

    id: int
    added: int
    modified: int
    public: bool = False
    featured: bool = False
    owner: int | None = None
    texts: list[Text] = []


class File(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A file of an item. ``filename`` is the name it is stored under."""

    table: ClassVar[str] = "files"

    id: int
    item: int
    added: int
    modified: int
    filename: str
    original_filename: str
    authentication: str
    size: int
    mime_type: str
    type_os: str
    has_derivative: bool = False
    order: int | None = None
    metadata: dict[str, Json] = {}
    texts: list[Text] = []


class ElementSet(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An element set; ``record_type`` None is for all kinds of records."""

    table: ClassVar[str] = "element_sets"

    id: int
    name: str
    description: str | None = None
    record_type: str | None = None


class Element(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An element of a set."""

    table: ClassVar[str] = "elements"

    id: int
    element_set: int
    name: str
    description: str | None = None
    comment: str | None = None
    order: int | None = None


class ItemType(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An item type with its elements in their order."""

    table: ClassVar[str] = "item_types"

    id: int
    name: str
    description: str | None = None
    elements: list[int] = []


class Tag(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A tag."""

    table: ClassVar[str] = "tags"

    id: int
    name: str


class User(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A user; ``role`` is super, admin, contributor or researcher."""

    table: ClassVar[str] = "users"

    id: int
    username: str
    name: str
    email: str
    role: str
    active: bool = True


class Key(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An API key of a user."""

    table: ClassVar[str] = "keys"

    id: int
    key: str
    user: int


class Geolocation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The one location of an item (plugin Geolocation)."""

    table: ClassVar[str] = "geolocations"

    id: int
    item: int
    latitude: float
    longitude: float
    zoom_level: int
    map_type: str = ""
    address: str = ""


class Exhibit(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An exhibit (plugin Exhibit Builder); tags are ids."""

    table: ClassVar[str] = "exhibits"

    id: int
    title: str
    slug: str
    added: int
    modified: int
    description: str | None = None
    credits: str | None = None
    featured: bool = False
    public: bool = False
    owner: int | None = None
    tags: list[int] = []


class ExhibitPage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of an exhibit; blocks in the API's JSON, their attachments as ids of item and file."""

    table: ClassVar[str] = "exhibit_pages"

    id: int
    exhibit: int
    title: str
    slug: str
    order: int
    parent: int | None = None
    blocks: list[dict[str, Json]] = []

    def shows(self, item: int) -> bool:
        """Whether a block shows the item."""
        attached = (a for block in self.blocks for a in block.get("attachments", []))
        return any((a.get("item") or {}).get("id") == item for a in attached)


class SimplePage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A page of the site (plugin Simple Pages)."""

    table: ClassVar[str] = "simple_pages"

    id: int
    title: str
    slug: str
    inserted: int
    updated: int
    is_published: bool = False
    text: str | None = None
    order: int = 0
    template: str = ""
    use_tiny_mce: bool = False
    created_by: int | None = None
    modified_by: int | None = None
    parent: int | None = None


Row: TypeAlias = (
    Item
    | Collection
    | File
    | ElementSet
    | Element
    | ItemType
    | Tag
    | User
    | Key
    | Geolocation
    | Exhibit
    | ExhibitPage
    | SimplePage
)
Record: TypeAlias = Item | Collection | File
"""What has element texts."""
TYPES: dict[str, type[Row]] = {
    kind.table: kind
    for kind in (
        Item,
        Collection,
        File,
        ElementSet,
        Element,
        ItemType,
        Tag,
        User,
        Key,
        Geolocation,
        Exhibit,
        ExhibitPage,
        SimplePage,
    )
}
