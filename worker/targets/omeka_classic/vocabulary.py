"""What this Omeka Classic calls things: names → numbers, as listed once at the start of a run. Pure data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from service.control.suggest import nearest
from worker.mapping.text import strip_html
from worker.records import Json, Kind, normal_identity
from worker.targets.listings import Coming, Listing, Unknown, listing, normal
from worker.targets.omeka_classic.elements import LABELS, canonical, described, name_of
from worker.targets.omeka_classic.representation import TITLE, by_name

Entries = Collection[Mapping[str, Json]]

RECORD_TYPES: Mapping[Kind, str] = {"item": "Item", "item-set": "Collection", "media": "File"}


class Element(Struct, frozen=True):
    """`record_type`: which records alone bear it (`Item`); "": all do."""

    id: int
    record_type: str = ""
    description: str = ""

    def suits(self, kind: Kind) -> bool:
        return self.record_type in ("", RECORD_TYPES[kind])


class Vocabulary(Struct, frozen=True):
    """All that was listed. A listing that nothing named is empty."""

    elements: Mapping[str, Element] = {}
    """By term, or in full."""
    set_descriptions: Mapping[str, str] = {}
    """Of the element sets that are there, by name."""
    item_types: Listing = Listing("item type", {}, {})
    collections: Listing = Listing("collection", {}, {})
    coming: Coming = msgspec.field(default_factory=Coming)

    def element(self, name: str) -> Element | None:
        """By any name that the control file may give it."""
        return self.elements.get(canonical(name))

    def knows(self, name: str) -> bool:
        """Whether there is such an element, or will be."""
        found = canonical(name)
        return found in self.elements or found in self.coming.terms

    def comes(self, names: Listing, name: str) -> bool:
        """Whether the name is not there yet, and will be."""
        expected = normal(name) in self.coming.names.get(names.what, ())
        return expected and isinstance(names.find(name), Unknown)


def elements_from(sets: Entries, elements: Entries) -> dict[str, Element]:
    named = {number_of(entry): entry for entry in sets}
    found: dict[str, Element] = {}
    for entry in elements:
        element_set = entry.get("element_set")
        of = named.get(number_of(element_set)) if isinstance(element_set, dict) else None
        if of is None:
            continue
        name = name_of(text_of(of, "name"), text_of(entry, "name"))
        found[name] = Element(number_of(entry), text_of(of, "record_type"), text_of(entry, "description"))
    return found


def set_descriptions_from(sets: Entries) -> dict[str, str]:
    return {normal_identity(text_of(one, "name")): text_of(one, "description") for one in sets}


def item_types_from(entries: Entries) -> Listing:
    return listing(
        "item type",
        ((number_of(one), text_of(one, "name"), (text_of(one, "name"),)) for one in entries),
    )


def collections_from(entries: Entries) -> Listing:
    """Collections answer to any of their titles; one that is HTML to its words too."""

    def titles(entry: Mapping[str, Json]) -> list[str]:
        return [
            name for one in by_name(entry).get(TITLE, ()) for name in names_of_title(one.text, html=one.html)
        ]

    shown = ((number_of(one), titles(one)) for one in entries)
    return listing("collection", ((number, names[0] if names else "", names) for number, names in shown))


def names_of_title(text: str, *, html: bool) -> tuple[str, ...]:
    return (text, strip_html(text).strip()) if html else (text,)


def no_such_element(name: str, known: Iterable[str]) -> str:
    """A sentence that makes sense alone."""
    wanted = canonical(name)
    meant = nearest(wanted, list(known))
    hint = f" Did you mean “{meant}”?" if meant else ""
    if wanted in LABELS and not meant:
        hint = " The plugin Dublin Core Extended brings more elements than the fifteen."
    return f"There is no element “{described(wanted)}” in this Omeka.{hint}"


def number_of(entry: Mapping[str, Json]) -> int:
    number = entry.get("id")
    return number if isinstance(number, int) else 0


def text_of(entry: Mapping[str, Json], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
