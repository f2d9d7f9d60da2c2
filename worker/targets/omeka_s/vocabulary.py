"""What this Omeka calls things: names → numbers, as listed once at the start of a run. Pure data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
from msgspec import Struct

from service.control.suggest import nearest
from worker.mapping.lookups import CustomVocabulary
from worker.records import Json, is_picture_name
from worker.targets.base import TemplateFacts, TemplateTerm
from worker.targets.listings import Coming as Coming
from worker.targets.listings import Listing as Listing
from worker.targets.listings import Unknown as Unknown
from worker.targets.listings import What as What
from worker.targets.listings import listing as listing
from worker.targets.listings import normal as normal
from worker.targets.omeka_s.representation import reference_ids


class TemplateProperty(Struct, frozen=True):
    property_id: int
    data_types: tuple[str, ...]
    """Empty: any."""
    required: bool
    private: bool
    language: str | None


class Template(Struct, frozen=True):
    id: int
    label: str
    class_id: int | None
    properties: tuple[TemplateProperty, ...]


class Vocabulary(Struct, frozen=True):
    """All that was listed. A listing that nothing named is empty."""

    properties: Mapping[str, int] = {}
    """Term → number."""
    classes: Listing = Listing("class", {}, {})
    templates: Listing = Listing("template", {}, {})
    template_details: Mapping[int, Template] = {}
    item_sets: Listing = Listing("item set", {}, {})
    sites: Listing = Listing("site", {}, {})
    owners: Listing = Listing("owner", {}, {})
    assets: Listing = Listing("asset", {}, {})
    custom: Listing = Listing("custom vocabulary", {}, {})
    custom_details: Mapping[int, CustomVocabulary] = {}
    data_types: frozenset[str] | None = None
    """Every data type that the target knows; None where it does not tell."""
    coming: Coming = msgspec.field(default_factory=Coming)

    def comes(self, listing: Listing, name: str) -> bool:
        """Whether the name is not there yet, and will be."""
        if normal(name) not in self.coming.names.get(listing.what, ()):
            return False
        if is_picture_name(name):  # thousands may come, and what is unknown is looked for among all names
            return name not in listing.by_name
        return isinstance(listing.find(name), Unknown)

    def knows(self, term: str) -> bool:
        """Whether there is such a property, or will be."""
        return term in self.properties or term in self.coming.terms

    def data_type(self, name: str) -> str | Unknown:
        """The target's name of a data type: `customvocab:Materials` becomes `customvocab:3`."""
        if name.startswith("customvocab:"):
            found = self.custom.find(name.removeprefix("customvocab:"))
            return found if isinstance(found, Unknown) else f"customvocab:{found}"
        if name in CORE_TYPES or self.data_types is None or name in self.data_types:
            return name
        meant = nearest(name, self.data_types)
        hint = f" Did you mean “{meant}”?" if meant else " A module that brings it may be missing."
        return Unknown(f"There is no data type “{name}” in this Omeka.{hint}")


CORE_TYPES = frozenset({"literal", "uri", "resource", "resource:item", "resource:itemset", "resource:media"})
"""Types that every Omeka S has; the others come with modules."""


def number_of(entry: Mapping[str, Json]) -> int:
    number = entry["o:id"]
    assert isinstance(number, int)
    return number


def text_of(entry: Mapping[str, Json], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def classes_from(entries: Collection[Mapping[str, Json]]) -> Listing:
    """Classes answer to their term and, where it is one of its kind, to their label."""
    return listing(
        "class",
        (
            (
                number_of(entry),
                text_of(entry, "o:term"),
                (text_of(entry, "o:term"), text_of(entry, "o:label")),
            )
            for entry in entries
        ),
    )


def sites_from(entries: Collection[Mapping[str, Json]]) -> Listing:
    return listing(
        "site",
        (
            (
                number_of(entry),
                text_of(entry, "o:slug"),
                (text_of(entry, "o:slug"), text_of(entry, "o:title")),
            )
            for entry in entries
        ),
    )


def owners_from(entries: Collection[Mapping[str, Json]]) -> Listing:
    """E-mail addresses compare without case."""
    return listing(
        "owner",
        (
            (
                number_of(entry),
                text_of(entry, "o:name"),
                (
                    text_of(entry, "o:email"),
                    text_of(entry, "o:email").casefold(),
                    text_of(entry, "o:name"),
                ),
            )
            for entry in entries
        ),
    )


def assets_from(entries: Iterable[Mapping[str, Json]]) -> Listing:
    """Assets that are called after their bytes are the same picture: of several the first one is meant."""
    found = listing(
        "asset",
        ((number_of(entry), text_of(entry, "o:name"), (text_of(entry, "o:name"),)) for entry in entries),
    )
    by_name = {
        name: (min(numbers),) if is_picture_name(name) else numbers for name, numbers in found.by_name.items()
    }
    return Listing(found.what, found.labels, by_name)


def template_from(entry: Mapping[str, Json]) -> Template:
    properties = entry.get("o:resource_template_property")
    class_ids = reference_ids(entry.get("o:resource_class"))
    return Template(
        id=number_of(entry),
        label=text_of(entry, "o:label"),
        class_id=class_ids[0] if class_ids else None,
        properties=tuple(
            _template_property(part)
            for part in (properties if isinstance(properties, list) else [])
            if isinstance(part, dict)
        ),
    )


def _template_property(part: Mapping[str, Json]) -> TemplateProperty:
    types = part.get("o:data_type")
    language = part.get("o:default_lang")
    return TemplateProperty(
        property_id=reference_ids(part.get("o:property"))[0],
        data_types=tuple(str(name) for name in types) if isinstance(types, list) else (),
        required=part.get("o:is_required") is True,
        private=part.get("o:is_private") is True,
        language=language if isinstance(language, str) else None,
    )


def templates_from(entries: Collection[Mapping[str, Json]]) -> tuple[Listing, dict[int, Template]]:
    details = {template.id: template for template in map(template_from, entries)}
    labels = ((template.id, template.label, (template.label,)) for template in details.values())
    return listing("template", labels), details


def has_custom_types(template: Template) -> bool:
    return any(name.startswith("customvocab:") for part in template.properties for name in part.data_types)


def template_facts(number: int, vocabulary: Vocabulary) -> TemplateFacts:
    """What a template says, in terms. A property or class that was not listed is left out."""
    template = vocabulary.template_details[number]
    terms = {one: term for term, one in vocabulary.properties.items()}
    return TemplateFacts(
        label=template.label,
        resource_class=vocabulary.classes.labels.get(template.class_id) if template.class_id else None,
        terms=tuple(
            TemplateTerm(terms[part.property_id], part.data_types, part.required, part.private)
            for part in template.properties
            if part.property_id in terms
        ),
    )


def custom_from(entries: Collection[Mapping[str, Json]]) -> tuple[Listing, dict[int, CustomVocabulary]]:
    details = {number_of(entry): _custom_vocabulary(entry) for entry in entries}
    labels = ((number, vocabulary.label, (vocabulary.label,)) for number, vocabulary in details.items())
    return listing("custom vocabulary", labels), details


def _custom_vocabulary(entry: Mapping[str, Json]) -> CustomVocabulary:
    label, terms, uris = text_of(entry, "o:label"), entry.get("o:terms"), entry.get("o:uris")
    if isinstance(uris, dict) and uris:
        return CustomVocabulary(label, "uri", uris={uri: str(shown or "") for uri, shown in uris.items()})
    if isinstance(terms, str):
        # Versions of the module before 2.0 keep one term a line.
        terms = [line.strip() for line in terms.splitlines() if line.strip()]
    if isinstance(terms, list) and terms:
        return CustomVocabulary(label, "literal", terms=frozenset(map(str, terms)))
    return CustomVocabulary(label, "resource" if reference_ids(entry.get("o:item_set")) else "unlisted")
