"""Names of the control file against this Omeka Classic: listed once a run, and only what is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from service.control.names_used import Listing as ListingName
from service.control.names_used import NamesUsed, Used
from worker.mapping.lookups import CustomVocabulary
from worker.records import Draft, Problem
from worker.targets.base import NamesUnknown, TemplateFacts
from worker.targets.listings import Listing, Unknown, normal
from worker.targets.omeka_classic import places, structure
from worker.targets.omeka_classic.checking import Allowed, check
from worker.targets.omeka_classic.client import NEWEST_FIRST, ClassicClient, saved_of
from worker.targets.omeka_classic.representation import TITLE
from worker.targets.omeka_classic.vocabulary import (
    Vocabulary,
    collections_from,
    elements_from,
    item_types_from,
    names_of_title,
    no_such_element,
    set_descriptions_from,
)

_NONE: Mapping[ListingName, str] = {
    "templates": "Omeka Classic has no resource templates",
    "sites": "Omeka Classic has no sites: the whole of it is one",
    "assets": "Omeka Classic has no assets",
    "data_types": "Omeka Classic has texts and no data types",
}
"""Of what there is nothing."""


class NamesResolver:
    """The `Resolver` of a run: pure, once the vocabulary is there."""

    def __init__(self, vocabulary: Vocabulary, allowed: Allowed, *, has_map: bool = False) -> None:
        self.vocabulary = vocabulary
        self.has_map = has_map
        self._allowed = allowed

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        return check(draft, self.vocabulary, self._allowed)

    def expect(self, draft: Draft) -> Draft:
        if draft.kind in structure.KINDS:
            structure.brings(draft, self.vocabulary)
        if draft.kind == "item-set" and draft.action == "new":
            names = self.vocabulary.coming.names.setdefault("collection", set())
            for part in draft.properties:
                if part.term in (TITLE, "dc:title", "Dublin Core:Title"):
                    for one in part.values:
                        told = names_of_title(one.text or "", html=one.type == "html")
                        names.update(normal(name) for name in told if name)
        return draft

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        return None

    def template(self, name: str) -> TemplateFacts | None:
        return None

    def data_type(self, name: str) -> str:
        return name


async def resolve(client: ClassicClient, names: NamesUsed, allowed: Allowed) -> NamesResolver:
    """A resolver of all that the control file names. Raises `NamesUnknown`: every name that is not there."""
    await require_whole_texts(client)
    vocabulary = await list_names(client, names)
    problems = [
        *_unknown_elements(names, vocabulary),
        *_unknown_names(names, vocabulary),
    ]
    missing = await _places_missing(client, names)
    if not names.places_if_possible:
        problems.extend(missing)
    resolver = NamesResolver(vocabulary, allowed, has_map=not missing)
    if problems:
        raise NamesUnknown(problems, resolver)
    return resolver


async def require_whole_texts(client: ClassicClient) -> None:
    """Raises `Fatal` where this Omeka leaves out which texts are HTML, as far as its newest item tells."""
    page = await client.page("items", NEWEST_FIRST, size=1)
    for entry in page.entries:
        saved_of(entry, "item")


async def list_names(client: ClassicClient, names: NamesUsed) -> Vocabulary:
    """What is listed for the names of a control file: the elements always, for what stands there has some of
    them. Raises as reads do."""
    sets = await client.all("element_sets")
    return Vocabulary(
        elements=elements_from(sets, await client.all("elements")),
        set_descriptions=set_descriptions_from(sets),
        item_types=item_types_from(await client.all("item_types") if names.needs("classes") else ()),
        collections=collections_from(await client.all("collections") if names.needs("item_sets") else ()),
    )


async def list_coming(client: ClassicClient, names: NamesUsed, known: Vocabulary) -> Vocabulary:
    """The vocabulary, those listings anew to which the batch itself may have added; the elements always,
    which item types may name. Raises as reads do."""
    listed = await list_names(client, names)
    return msgspec.structs.replace(
        known,
        elements=listed.elements,
        set_descriptions=listed.set_descriptions,
        item_types=listed.item_types if "classes" in names.coming else known.item_types,
        collections=listed.collections if "item_sets" in names.coming else known.collections,
    )


async def with_labels(client: ClassicClient, vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary with all item types and collections, whatever the control file names: by these the
    records that are compared are told to people."""
    item_types, collections = vocabulary.item_types, vocabulary.collections
    if not item_types.labels:
        item_types = item_types_from(await client.all("item_types"))
    if not collections.labels:
        collections = collections_from(await client.all("collections"))
    return msgspec.structs.replace(vocabulary, item_types=item_types, collections=collections)


# --- unknown names --------------------------------------------------------------------------------


def _unknown_elements(names: NamesUsed, vocabulary: Vocabulary) -> Iterator[Problem]:
    if "terms" in names.coming:
        return  # what records bring is known, or not, when they are read
    for name in (*names.terms, *names.elements):
        if vocabulary.element(str(name.name)) is None:
            yield _unknown(name, no_such_element(str(name.name), vocabulary.elements))


def _unknown_names(names: NamesUsed, vocabulary: Vocabulary) -> Iterator[Problem]:
    for word, message in _NONE.items():
        used: Sequence[Used] = getattr(names, word)
        yield from (_unknown(name, f"{message}: leave “{name.name}” out.") for name in used)
    asked: tuple[tuple[ListingName, Sequence[Used], Listing], ...] = (
        ("classes", names.classes, vocabulary.item_types),
        ("item_sets", names.item_sets, vocabulary.collections),
    )
    for word, used, listing in asked:
        if word in names.coming:
            continue
        for name in used:
            found = listing.find(str(name.name))
            if isinstance(found, Unknown):
                yield _unknown(name, found.message)


async def _places_missing(client: ClassicClient, names: NamesUsed) -> list[Problem]:
    """Whether the control file gives places, and this Omeka has no plugin for them: what it offers, it lists
    (`004`)."""
    if names.places is None:
        return []
    offered = (await client.offered()).get(places.RESOURCE)
    message = places.MANY
    if not isinstance(offered, dict):
        message = (
            "This Omeka has no map: the plugin Geolocation is not installed, or not active. Activate it in "
            "Omeka, or leave geolocation out."
        )
    elif not places.keeps_many(offered):
        return []
    return [_unknown(Used(places.PLACE, names.places), message)]


def _unknown(name: Used, message: str) -> Problem:
    return Problem("stop", "names-unknown", message, name.pointer, str(name.name))
