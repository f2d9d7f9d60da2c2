"""Which of a target's names a control file uses, so that a preflight asks only for those listings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from service.control.model import (
    Annotation,
    Assign,
    Constant,
    Control,
    Destination,
    DestinationKind,
    Element,
    ElementTexts,
    FieldName,
    FieldWord,
    Link,
    Listing,
    Load,
    LoadKey,
    MappedReference,
    Match,
    NamesUsed,
    New,
    OmekaType,
    Term,
    Used,
)
from service.control.walk import parts

__all__ = ["Listing", "NamesUsed", "Used", "names_used"]

_LISTED: dict[FieldWord, Listing] = {
    "template": "templates",
    "class": "classes",
    "item-set": "item_sets",
    "site": "sites",
    "owner": "users",
    "thumbnail": "assets",
}
_COMING: dict[DestinationKind, tuple[Listing, ...]] = {
    "asset": ("assets",),
    "vocabulary": ("terms", "classes"),
    "resource-template": ("templates",),
    "item-set": ("item_sets",),
    "site": ("sites",),
    "user": ("users",),
    "element-set": ("terms",),
    "item-type": ("classes",),
}
"""What the names of new ones are added to."""


@dataclass(slots=True)
class _Found:
    names: dict[Listing, dict[str | int, Used]] = field(default_factory=dict)
    from_data: set[Listing] = field(default_factory=set)
    coming: set[Listing] = field(default_factory=set)
    places: str | None = None

    def add(self, listing: Listing, name: str | int, pointer: str) -> None:
        self.names.setdefault(listing, {}).setdefault(name, Used(name, pointer))

    def add_property(self, name: object, pointer: str) -> None:
        if isinstance(name, Term):
            self.add("terms", name.term, pointer)
        elif isinstance(name, Element):
            self.add("elements", str(name), pointer)


def names_used(control: Control) -> NamesUsed:
    """A `"item-set"` whose sets may be created counts as from the data too."""
    found = _Found()
    for place, site in enumerate(control.sites):
        found.add("sites", site, f"/sites/{place}")
    for part in parts(control):
        _collect(part, found)
    if control.record_processor is not None:
        pointer = control.record_processor.pointer
        for name in control.record_processor.type_map.values():
            found.add("classes", name, pointer)
        for name in control.record_processor.users.values():
            found.add("users", name, pointer)
    named = {listing: tuple(used.values()) for listing, used in found.names.items()}
    templates = "templates" in named or "templates" in found.from_data
    return NamesUsed(
        **named,
        from_data=frozenset(found.from_data),
        coming=frozenset(one for one in found.coming if one in named or one in found.from_data),
        of_templates=templates and control.templates != "ignore",
        places=found.places,
        places_if_possible=control.record_processor is not None,
    )


def _collect(part: object, found: _Found) -> None:
    match part:
        case Assign(name=FieldName(word)):
            _field(part, word, found)
        case Assign():
            found.add_property(part.name, part.pointer)
            _inside(part, found)
        case Match():
            for name in part.by:
                found.add_property(name, part.pointer)
                if isinstance(name, FieldName) and name.name in _LISTED:
                    found.from_data.add(_LISTED[name.name])
            for word, value in part.where:
                found.add(_LISTED[word], value, part.pointer)
        case Link():
            for name in part.by:
                found.add_property(name, part.pointer)
        case New(destination=Destination(kind="geolocation"), pointer=pointer):
            found.places = found.places or pointer
        case New(destination=where):
            found.coming.update(_COMING.get(where.kind, ()))
            if where.kind == "resource-template":
                # Its properties and their data types come with the records.
                found.from_data.update(("terms", "data_types"))
        case Load(using=LoadKey(by=by), pointer=pointer):
            found.add_property(by, pointer)
        case MappedReference(table):
            if table.using == "identifier":
                found.add("terms", "dcterms:identifier", table.pointer)
        case ElementTexts():
            found.from_data.add("terms")
        case _:
            pass


def _inside(one: Assign, found: _Found) -> None:
    """Names within a value, which have no pointer of their own."""
    for part in parts(one.value):
        if isinstance(part, Annotation):
            found.add_property(part.name, one.pointer)
        elif isinstance(part, OmekaType):
            found.add("data_types", part.name, one.pointer)


def _field(one: Assign, word: FieldWord, found: _Found) -> None:
    listing = _LISTED.get(word)
    if listing is None:
        return
    if one.value.find is not None:
        # A file: the asset that is made of it is called after its bytes, and is there when its item comes.
        found.from_data.add(listing)
        found.coming.add(listing)
        return
    for name in _constants(one):
        found.add(listing, name, one.pointer)
    if not isinstance(one.value.input, Constant) or one.value.create_missing:
        found.from_data.add(listing)


def _constants(one: Assign) -> Iterator[str | int]:
    """The names that are certain before any record is read."""
    value = one.value.input.value if isinstance(one.value.input, Constant) else None
    listed = value if isinstance(value, list) else [value]
    if one.value.map is not None:
        listed = list(one.value.map.table.values())
    if one.value.has_default:
        listed = [*listed, one.value.default]
    for name in listed:
        if isinstance(name, (str, int)) and not isinstance(name, bool) and name != "":
            yield name
