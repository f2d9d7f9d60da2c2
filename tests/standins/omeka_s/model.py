"""What the stand-in stores: the entities of an Omeka S database, as structs that also serialise to SQLite."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

Json = Any
"""A decoded JSON document; its shape is the client's, so it is checked where it is read."""


class Value(msgspec.Struct, omit_defaults=True):
    """One row of the value table.

    ``value`` holds a literal's text or a URI's label, as in the real table.
    """

    type: str
    property: int
    public: bool = True
    value: str | None = None
    lang: str | None = None
    uri: str | None = None
    target: int | None = None
    annotation: list[Value] | None = None


class Resource(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What items, item sets and media have in common. Times are whole seconds since 1970 (UTC)."""

    kind: ClassVar[str] = "resources"
    entity: ClassVar[str] = "Resource"
    adapter: ClassVar[str] = "ResourceAdapter"
    json_type: ClassVar[str] = "o:Resource"

    id: int
    created: int
    modified: int
    public: bool = True
    owner: int | None = None
    resource_class: int | None = None
    template: int | None = None
    thumbnail: int | None = None
    title: str | None = None
    values: list[Value] = []
    module: dict[str, Json] = {}
    """What a module shows with the resource, `o-module-…`; no request changes it."""


class Feature(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something of an item on the map of the module Mapping."""

    id: int
    media: int | None = None
    label: str | None = None
    type: str = ""
    coordinates: Json = None


class Item(Resource, kw_only=True, omit_defaults=True):
    """An item; its media point to it (``Media.item``)."""

    kind: ClassVar[str] = "items"
    entity: ClassVar[str] = "Item"
    adapter: ClassVar[str] = "ItemAdapter"
    json_type: ClassVar[str] = "o:Item"

    item_sets: list[int] = []
    sites: list[int] = []
    primary_media: int | None = None
    features: list[Feature] = []


class ItemSet(Resource, kw_only=True, omit_defaults=True):
    """An item set."""

    kind: ClassVar[str] = "item_sets"
    entity: ClassVar[str] = "ItemSet"
    adapter: ClassVar[str] = "ItemSetAdapter"
    json_type: ClassVar[str] = "o:ItemSet"

    is_open: bool = False


class Media(Resource, kw_only=True, omit_defaults=True):
    """A media; ``storage`` is the hexadecimal name of its file, without extension."""

    kind: ClassVar[str] = "media"
    entity: ClassVar[str] = "Media"
    adapter: ClassVar[str] = "MediaAdapter"
    json_type: ClassVar[str] = "o:Media"

    item: int | None = None
    ingester: str = "upload"
    renderer: str = "file"
    source: str | None = None
    media_type: str | None = None
    sha256: str | None = None
    size: int | None = None
    storage: str | None = None
    extension: str | None = None
    lang: str | None = None
    alt_text: str | None = None
    has_original: bool = False
    has_thumbnails: bool = False
    position: int | None = None
    data: Json = None

    @property
    def filename(self) -> str | None:
        """Name of the original file in the store."""
        if self.storage is None:
            return None
        return f"{self.storage}.{self.extension}" if self.extension else self.storage


class User(msgspec.Struct, kw_only=True):
    """A user; ``role`` is one of Omeka's six."""

    id: int
    name: str
    email: str
    role: str
    created: int
    active: bool = True


class Key(msgspec.Struct, kw_only=True):
    """An API key: identity and credential, in clear (the real one stores a bcrypt hash)."""

    identity: str
    credential: str
    user: int


class Vocabulary(msgspec.Struct, kw_only=True):
    """A vocabulary."""

    id: int
    uri: str
    prefix: str
    label: str
    comment: str | None = None
    owner: int | None = None


class Term(msgspec.Struct, kw_only=True):
    """A property or a resource class."""

    id: int
    vocabulary: int
    local_name: str
    label: str
    comment: str | None = None
    term: str = ""
    is_class: bool = False


class TemplateProperty(msgspec.Struct, kw_only=True):
    """A row of a resource template."""

    property: int
    alternate_label: str | None = None
    alternate_comment: str | None = None
    data_type: list[str] = []
    is_required: bool = False
    is_private: bool = False
    default_lang: str | None = None


class Template(msgspec.Struct, kw_only=True):
    """A resource template."""

    id: int
    label: str
    owner: int | None = None
    resource_class: int | None = None
    title_property: int | None = None
    description_property: int | None = None
    properties: list[TemplateProperty] = []


class Site(msgspec.Struct, kw_only=True):
    """A site."""

    id: int
    slug: str
    title: str
    created: int
    modified: int
    page: int
    theme: str = "default"
    summary: str | None = None
    owner: int | None = None
    public: bool = True
    assign_new_items: bool = False
    item_pool: Json = []
    thumbnail: int | None = None
    item_sets: list[int] = []


class SitePage(msgspec.Struct, kw_only=True):
    """A page of a site."""

    id: int
    site: int
    slug: str
    title: str
    created: int
    modified: int
    public: bool = True
    blocks: list[Json] = []


class Asset(msgspec.Struct, kw_only=True):
    """An asset (a thumbnail, a logo)."""

    id: int
    name: str | None
    storage: str
    extension: str
    media_type: str
    alt_text: str | None = None
    owner: int | None = None

    @property
    def filename(self) -> str:
        """Name of the file in the store."""
        return f"{self.storage}.{self.extension}"


class CustomVocab(msgspec.Struct, kw_only=True):
    """A controlled list of the Custom Vocab module."""

    id: int
    label: str
    lang: str | None = None
    terms: list[str] | None = None
    uris: Json = None
    item_set: int | None = None
    owner: int | None = None
