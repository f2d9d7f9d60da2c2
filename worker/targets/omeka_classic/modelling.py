"""Everything that a control file can map to on this Omeka Classic, as plain data: the `TargetModel`."""

from __future__ import annotations

from collections.abc import Iterable

from service.control.target_model import (
    TargetClass,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetVocabulary,
)
from worker.targets.omeka_classic.client import ClassicClient
from worker.targets.omeka_classic.elements import DUBLIN_CORE, name_of
from worker.targets.omeka_classic.vocabulary import Entries, collections_from, number_of, text_of

ITEM_TYPES = "Item Type Metadata"
"""The element set whose elements item types choose from."""


async def list_model(client: ClassicClient, name: str) -> TargetModel:
    """`name`: of the target in the settings."""
    sets, elements, types, collections = [
        await client.all(path) for path in ("element_sets", "elements", "item_types", "collections")
    ]
    return TargetModel(
        kind="omeka-classic",
        name=name,
        vocabularies=tuple(_vocabularies(sets, elements, types)),
        item_sets=tuple(
            TargetItemSet(number, title) for number, title in collections_from(collections).labels.items()
        ),
    )


def _vocabularies(sets: Entries, elements: Entries, types: Entries) -> Iterable[TargetVocabulary]:
    for entry in sets:
        name, number = text_of(entry, "name"), number_of(entry)
        classes: Entries = types if name == ITEM_TYPES else ()
        yield TargetVocabulary(
            prefix="dcterms" if name == DUBLIN_CORE else name,
            label=name,
            properties=tuple(
                TargetProperty(
                    name_of(name, text_of(one, "name")), text_of(one, "name"), text_of(one, "description")
                )
                for one in elements
                if isinstance(of := one.get("element_set"), dict) and number_of(of) == number
            ),
            classes=tuple(
                TargetClass(text_of(one, "name"), text_of(one, "name"), text_of(one, "description"))
                for one in classes
            ),
        )
