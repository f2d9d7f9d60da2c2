"""Destinations, names, and the words of policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

Version = Literal[0, 1]
Model = Literal["omeka", "omeka-s", "omeka-classic"]
Visibility = Literal["public", "private"]
OnError = Literal["reject", "drop", "stop"]
OnConflict = Literal["overwrite", "keep", "reject"]
Templates = Literal["ignore", "apply", "enforce"]
OnUpdate = Literal["replace", "append", "remove", "keep"]
Of = Literal["all", "language", "type", "ours"]

DestinationKind = Literal[
    "item",
    "item-set",
    "media",
    "asset",
    "site",
    "site-page",
    "user",
    "vocabulary",
    "resource-template",
    "element-set",
    "item-type",
    "geolocation",
]


# --- destinations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Destination:
    """Something that a record makes or changes. `label` is the whole word of the control file.

    `item` and `item:artist` are two destinations of the kind `item`; each has its own current
    resource while a record is mapped, and its own `match`.
    """

    label: str
    kind: DestinationKind


PseudoKind = Literal["literal", "uri", "date", "coordinates", "person-name"]


@dataclass(frozen=True, slots=True)
class PseudoValue:
    """`value:KIND`: collects the parts of one value until a `field-structured` takes it.

    A blank main part (`PSEUDO_PARTS`, the first of each kind) is no value. Left over at the end of a
    record: an error.
    """

    kind: PseudoKind

    @property
    def label(self) -> str:
        return f"value:{self.kind}"


PSEUDO_PARTS: Mapping[PseudoKind, tuple[str, ...]] = {
    "literal": ("value", "language", "public"),
    "uri": ("uri", "label", "language"),
    "date": ("start", "end"),
    "coordinates": ("latitude", "longitude"),
    "person-name": ("last", "first", "middle", "title", "suffix"),
}
"""The names within each pseudo-destination; the first is the main part."""


@dataclass(frozen=True, slots=True)
class LoadKey:
    """`load:by-NAME`: collects what a `load … using` finds an existing resource by.

    `by` is the property that bears the value, or None for the target's own number of the resource
    (`load:by-id`, and Haplo's `load:by-ref`). It has one part, whose name is NAME.
    """

    label: str
    part: str
    by: Term | None


AnyDestination: TypeAlias = "Destination | PseudoValue | LoadKey"


# --- names ----------------------------------------------------------------------------------------

FieldWord = Literal[
    "public",
    "featured",
    "class",
    "template",
    "item-set",
    "site",
    "owner",
    "tags",
    "thumbnail",
    "position",
    "primary",
    "file",
    "url",
    "html",
    "iiif",
    "iiif-presentation",
    "oembed",
    "youtube",
    "sideload",
    "source",
    "alt-text",
    "language",
    "point",
    "label",
    "zoom",
    "address",
    # of a user, a site, a page, a vocabulary, a template, an element set, an item type
    "name",
    "email",
    "role",
    "title",
    "slug",
    "prefix",
    "namespace",
    "description",
    "elements",
    "theme",
    "assign-new-items",
    "properties",
    "classes",
    "item",
]


@dataclass(frozen=True, slots=True)
class Term:
    """An RDF property as `prefix:local` (on Classic: the Dublin Core element of that name)."""

    term: str

    def __str__(self) -> str:
        return self.term


@dataclass(frozen=True, slots=True)
class Element:
    """An element of Omeka Classic in full: `Item Type Metadata:Text`."""

    element_set: str
    element: str

    def __str__(self) -> str:
        return f"{self.element_set}:{self.element}"


@dataclass(frozen=True, slots=True)
class FieldName:
    """What a resource has beside properties."""

    name: FieldWord

    def __str__(self) -> str:
        return self.name


SHOWN = FieldName("item")
"""Of a page of a site: an item that it shows. Its values are links, and made as those of properties are."""
THUMBNAIL = FieldName("thumbnail")
"""The name that an asset is given to: by its name, or by the file that becomes one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a pseudo-destination: `language` of `value:literal`, `identifier` of `load:by-identifier`."""

    name: str

    def __str__(self) -> str:
        return self.name


Property: TypeAlias = "Term | Element"
Name: TypeAlias = "Term | Element | FieldName | Part"
