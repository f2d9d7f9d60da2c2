"""Names of the control file against this Omeka: listed once a run, and only what is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from service.control.names_used import Listing as ListingName
from service.control.names_used import NamesUsed, Used
from service.control.suggest import nearest
from worker.errors import Fatal
from worker.mapping.lookups import CustomVocabulary
from worker.records import RESOURCES, Draft, Json, Problem
from worker.targets.base import NamesUnknown, TemplateFacts
from worker.targets.omeka_s import places
from worker.targets.omeka_s.checking import Ingesting, check
from worker.targets.omeka_s.client import OmekaClient, together
from worker.targets.omeka_s.others import roles
from worker.targets.omeka_s.others.bringing import brings
from worker.targets.omeka_s.others.judging import canonical
from worker.targets.omeka_s.vocabulary import (
    CORE_TYPES,
    Listing,
    Unknown,
    Vocabulary,
    assets_from,
    classes_from,
    custom_from,
    has_custom_types,
    listing,
    number_of,
    owners_from,
    sites_from,
    template_facts,
    templates_from,
    text_of,
)

Entries = Collection[Mapping[str, Json]]


class Allowed(Struct, frozen=True):
    """What the settings of the target allow."""

    ingesting: Ingesting = Ingesting()
    admin_roles: bool = False


class NamesResolver:
    """The `Resolver` of a run: pure, once the vocabulary is there."""

    def __init__(
        self, vocabulary: Vocabulary, allowed: Allowed | None = None, *, has_map: bool = False
    ) -> None:
        self.vocabulary = vocabulary
        self.has_map = has_map
        self._allowed = allowed or Allowed()

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        found = check(draft, self.vocabulary, self._allowed.ingesting)
        if draft.kind == "user":
            return (*found, *roles.check(draft, self._allowed.admin_roles))
        return found

    def expect(self, draft: Draft) -> Draft:
        brings(draft, self.vocabulary)
        return draft if draft.kind in RESOURCES else canonical(draft, self.vocabulary)

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        found = self.vocabulary.custom.find(label)
        return None if isinstance(found, Unknown) else self.vocabulary.custom_details[found]

    def template(self, name: str) -> TemplateFacts | None:
        found = self.vocabulary.templates.find(name)
        return None if isinstance(found, Unknown) else template_facts(found, self.vocabulary)

    def data_type(self, name: str) -> str:
        found = self.vocabulary.data_type(name)
        return name if isinstance(found, Unknown) else found


async def resolve(client: OmekaClient, names: NamesUsed, allowed: Allowed) -> NamesResolver:
    """A resolver of all that the control file names. Raises `NamesUnknown`: every name that is not there."""
    vocabulary, no_custom = await list_names(client, names)
    problems = [
        *await _unknown_terms(client, names, vocabulary),
        *_unknown_names(names, vocabulary, no_custom=no_custom),
    ]
    missing = await _places_missing(client) if names.places is not None else []
    if names.places is not None and not names.places_if_possible:
        problems.extend(_unknown(Used("geolocation", names.places), one) for one in missing)
    resolver = NamesResolver(vocabulary, allowed, has_map=not missing)
    if problems:
        raise NamesUnknown(problems, resolver)
    return resolver


async def list_names(client: OmekaClient, names: NamesUsed) -> tuple[Vocabulary, bool]:
    """What is listed for the names of a control file; and whether there is no module Custom Vocab, though one
    is asked for. Raises as reads do."""
    properties = await _properties(client, names)
    templates = await _list_if(names.needs("templates"), client, "resource_templates")
    template_listing, template_details = templates_from(templates)
    wants_custom = (
        any(map(_is_custom, names.data_types))
        or "data_types" in names.from_data
        or (names.of_templates and any(map(has_custom_types, template_details.values())))
    )
    custom = await custom_vocabularies(client) if wants_custom else ()
    custom_listing, custom_details = custom_from(custom or ())
    vocabulary = Vocabulary(
        properties={text_of(entry, "o:term"): number_of(entry) for entry in properties},
        classes=await _classes(client, names),
        templates=template_listing,
        template_details=template_details,
        item_sets=await _item_sets(client, names.needs("item_sets")),
        sites=sites_from(await _list_if(names.needs("sites"), client, "sites")),
        owners=owners_from(await _list_if(names.needs("users"), client, "users")),
        assets=assets_from(await _list_if(names.needs("assets"), client, "assets")),
        custom=custom_listing,
        custom_details=custom_details,
        data_types=await _data_types(client, names),
    )
    return vocabulary, custom is None


async def list_coming(client: OmekaClient, names: NamesUsed, known: Vocabulary) -> Vocabulary:
    """The vocabulary, those listings anew to which the batch itself may have added. Raises as reads do."""
    if not names.coming:
        return known
    unchanged: dict[str, Any] = {one: () for one in _PARTS if one not in names.coming}
    only = dataclasses.replace(
        names,
        **unchanged,
        data_types=(),
        from_data=names.from_data & names.coming,
        of_templates=names.of_templates and "templates" in names.coming,
    )
    listed, _ = await list_names(client, only)
    parts = {part: getattr(listed, part) for one in names.coming for part in _PARTS[one]}
    return msgspec.structs.replace(known, **parts)


_PARTS: Mapping[ListingName, tuple[str, ...]] = {
    "terms": ("properties",),
    "classes": ("classes",),
    "templates": ("templates", "template_details"),
    "item_sets": ("item_sets",),
    "sites": ("sites",),
    "users": ("owners",),
    "assets": ("assets",),
}
"""Listing → the parts of the vocabulary that it makes."""


# --- listings -------------------------------------------------------------------------------------


async def _list_if(named: bool, client: OmekaClient, path: str) -> Entries:
    return await client.all(path) if named else ()


async def _properties(client: OmekaClient, names: NamesUsed) -> Entries:
    """All properties of the vocabularies that are named; all there are where templates count."""
    if names.of_templates or "terms" in names.from_data:
        return await client.all("properties")
    prefixes = {_prefix(name) for name in names.terms}
    # Each prefix in a request of its own. Were the filter ignored, every property would come: no harm.
    found = await together(
        *(client.all("properties", (("vocabulary_prefix", prefix),)) for prefix in sorted(prefixes))
    )
    return [entry for entries in found for entry in entries]


async def _classes(client: OmekaClient, names: NamesUsed) -> Listing:
    """The classes of the vocabularies that are named; all of them where one is named by label, by data, or
    by a template."""
    if not names.needs("classes") and not names.of_templates:
        return classes_from(())
    prefixes = {_prefix(name) for name in names.classes}
    if "classes" in names.from_data or "" in prefixes or names.of_templates:
        return classes_from(await client.all("resource_classes"))
    found = await together(
        *(client.all("resource_classes", (("vocabulary_prefix", prefix),)) for prefix in sorted(prefixes))
    )
    return classes_from({number_of(entry): entry for entries in found for entry in entries}.values())


async def _item_sets(client: OmekaClient, named: bool) -> Listing:
    """Item sets by title. One request tells thousands; full representations would take minutes."""
    titles = await client.whole("item_sets", "title") if named else {}
    shown = {number: title if isinstance(title, str) else "" for number, title in titles.items()}
    return listing("item set", ((number, title, (title,)) for number, title in shown.items()))


async def custom_vocabularies(client: OmekaClient) -> Entries | None:
    """The custom vocabularies; None where there is no module of that name."""
    return await _if_offered(client.all("custom_vocabs"))


async def _if_offered(listing: Awaitable[Entries]) -> Entries | None:
    """A listing that only some Omekas offer; None where it is not there."""
    try:
        return await listing
    except Fatal as error:
        if error.code == "target-unsupported":
            return None
        raise


async def _data_types(client: OmekaClient, names: NamesUsed) -> frozenset[str] | None:
    """The data types, where one is named that a module brings; None where the target does not tell."""
    if "data_types" not in names.from_data and all(
        str(one.name) in CORE_TYPES or _is_custom(one) for one in names.data_types
    ):
        return None
    entries = await data_types(client)
    return None if entries is None else frozenset(text_of(entry, "o:id") for entry in entries)


async def with_data_types(client: OmekaClient, vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary with all data types and custom vocabularies, whatever the control file names: resources
    that are updated hold values of others too."""
    entries = await data_types(client)
    types = None if entries is None else frozenset(text_of(entry, "o:id") for entry in entries)
    if vocabulary.custom_details:
        return msgspec.structs.replace(vocabulary, data_types=types)
    custom, details = custom_from(await custom_vocabularies(client) or ())
    return msgspec.structs.replace(vocabulary, data_types=types, custom=custom, custom_details=details)


async def data_types(client: OmekaClient) -> Entries | None:
    """The data types, core's and of modules; None where this Omeka does not list them."""
    return await _if_offered(client.short_list("data_types"))


def _prefix(name: Used) -> str:
    """Of a term: what stands before the colon; "" where there is none."""
    before, colon, _ = str(name.name).partition(":")
    return before if colon else ""


def _is_custom(name: Used) -> bool:
    return str(name.name).startswith("customvocab:")


# --- unknown names --------------------------------------------------------------------------------


def _unknown_names(names: NamesUsed, vocabulary: Vocabulary, no_custom: bool) -> list[Problem]:
    """A problem a name that is not there, each sensible alone."""
    finders: tuple[tuple[ListingName, Callable[[str], object]], ...] = (
        ("classes", vocabulary.classes.find),
        ("templates", vocabulary.templates.find),
        ("item_sets", vocabulary.item_sets.find),
        ("sites", vocabulary.sites.find),
        ("users", vocabulary.owners.find),
        ("assets", vocabulary.assets.find),
        ("data_types", vocabulary.data_type),
    )
    # What records may bring is known, or not, when they are read.
    asked: list[tuple[Sequence[Used], Callable[[str], object]]] = [
        (getattr(names, listing), find) for listing, find in finders if listing not in names.coming
    ]
    problems = [
        _unknown(
            name, f"Omeka S has no elements: give a term such as dcterms:title instead of “{name.name}”."
        )
        for name in names.elements
    ]
    for used, find in asked:
        for name in used:
            found = find(str(name.name))
            if isinstance(found, Unknown):
                missing = no_custom and _is_custom(name)
                problems.append(
                    _unknown(name, "This Omeka has no module Custom Vocab." if missing else found.message)
                )
    return problems


async def _unknown_terms(client: OmekaClient, names: NamesUsed, vocabulary: Vocabulary) -> list[Problem]:
    unknown = [name for name in names.terms if name.name not in vocabulary.properties]
    if not unknown or "terms" in names.coming:
        return []
    # Listed only now, to find the right word: a wrong prefix may mean any vocabulary.
    prefixes = [text_of(entry, "o:prefix") for entry in await client.all("vocabularies")]
    known = [text_of(entry, "o:term") for entry in await client.all("properties")]
    problems = []
    for name in unknown:
        in_vocabulary = [term for term in known if term.partition(":")[0] == _prefix(name)]
        meant = nearest(str(name.name), in_vocabulary or known)
        hint = f" Did you mean “{meant}”?" if meant else ""
        if not meant and not in_vocabulary:
            hint = f" There is no vocabulary “{_prefix(name)}”, only {', '.join(prefixes)}."
        problems.append(_unknown(name, f"There is no property “{name.name}” in this Omeka.{hint}"))
    return problems


async def _places_missing(client: OmekaClient) -> list[str]:
    """Why this Omeka takes no places. What its API offers, it lists (`api-resources`)."""
    entries = await client.short_list("api_resources")
    offered = {text_of(entry, "o:id") for entry in entries}
    if places.RESOURCE in offered:
        return []
    if places.BEFORE_2 in offered:
        return [
            "The module Mapping of this Omeka is older than its release 2, which alone is written to: "
            "update it, or leave geolocation out."
        ]
    return [
        "This Omeka has no map: the module Mapping is not installed, or not active. Install it, or leave "
        "geolocation out."
    ]


def _unknown(name: Used, message: str) -> Problem:
    return Problem("stop", "names-unknown", message, name.pointer, str(name.name))
