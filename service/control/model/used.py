"""The names of a target that a control file uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Listing = Literal[
    "terms", "elements", "templates", "classes", "item_sets", "sites", "users", "assets", "data_types"
]


@dataclass(frozen=True, slots=True)
class Used:
    """A name as the control file has it (numbers too), and where it stands first."""

    name: str | int
    pointer: str


@dataclass(frozen=True, slots=True)
class NamesUsed:
    """Each name once, in the order of first use. `from_data`: listings whose names come with the records."""

    terms: tuple[Used, ...] = ()
    elements: tuple[Used, ...] = ()
    templates: tuple[Used, ...] = ()
    classes: tuple[Used, ...] = ()
    item_sets: tuple[Used, ...] = ()
    sites: tuple[Used, ...] = ()
    users: tuple[Used, ...] = ()
    assets: tuple[Used, ...] = ()
    data_types: tuple[Used, ...] = ()
    from_data: frozenset[Listing] = frozenset()
    of_templates: bool = False
    """Whether what the templates say is needed, too: their properties, classes and data types."""

    coming: frozenset[Listing] = frozenset()
    """Listings that are used, and that records may add to: a name that is not there yet may be brought by the
    batch itself."""
    places: str | None = None
    """Where the control file first gives an item a place on a map: its pointer; None: it does not."""
    places_if_possible: bool = False
    """Whether it is content where the target has no map."""

    def needs(self, listing: Listing) -> bool:
        named: tuple[Used, ...] = getattr(self, listing)
        return bool(named) or listing in self.from_data
