"""Everything that a control file can map to on this Omeka, as plain data: the `TargetModel`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.control.target_model import (
    TargetClass,
    TargetCustomVocabulary,
    TargetDataType,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetSite,
    TargetTemplate,
    TargetVocabulary,
    TemplateProperty,
)
from worker.records import Json
from worker.targets.omeka_s.client import OmekaClient, together
from worker.targets.omeka_s.representation import reference_ids
from worker.targets.omeka_s.resolving import Entries, custom_vocabularies, data_types
from worker.targets.omeka_s.vocabulary import CORE_TYPES, custom_from, number_of, text_of

_LISTED = ("vocabularies", "properties", "resource_classes", "resource_templates", "sites")


async def list_model(client: OmekaClient, name: str) -> TargetModel:
    """`name`: of the target in the settings. A listing each; item sets by their titles alone."""
    vocabularies, properties, classes, templates, sites = await together(
        *(client.all(path) for path in _LISTED)
    )
    titles = await client.whole("item_sets", "title")
    types = await data_types(client)
    return TargetModel(
        kind="omeka-s",
        name=name,
        vocabularies=tuple(_vocabularies(vocabularies, properties, classes)),
        templates=tuple(_templates(templates, _terms(properties), _terms(classes))),
        item_sets=tuple(
            TargetItemSet(number, title if isinstance(title, str) else "") for number, title in titles.items()
        ),
        sites=tuple(TargetSite(text_of(entry, "o:slug"), text_of(entry, "o:title")) for entry in sites),
        data_types=tuple(_data_types(types)),
        custom_vocabularies=tuple(_custom(await custom_vocabularies(client) or ())),
    )


def _vocabularies(vocabularies: Entries, properties: Entries, classes: Entries) -> Iterable[TargetVocabulary]:
    for entry in vocabularies:
        number = number_of(entry)
        yield TargetVocabulary(
            prefix=text_of(entry, "o:prefix"),
            label=text_of(entry, "o:label"),
            uri=text_of(entry, "o:namespace_uri"),
            properties=tuple(
                TargetProperty(text_of(one, "o:term"), text_of(one, "o:label"), text_of(one, "o:comment"))
                for one in properties
                if reference_ids(one.get("o:vocabulary")) == [number]
            ),
            classes=tuple(
                TargetClass(text_of(one, "o:term"), text_of(one, "o:label"), text_of(one, "o:comment"))
                for one in classes
                if reference_ids(one.get("o:vocabulary")) == [number]
            ),
        )


def _terms(entries: Entries) -> Mapping[int, str]:
    return {number_of(entry): text_of(entry, "o:term") for entry in entries}


def _templates(
    entries: Entries, properties: Mapping[int, str], classes: Mapping[int, str]
) -> Iterable[TargetTemplate]:
    for entry in entries:
        class_ids = reference_ids(entry.get("o:resource_class"))
        listed = entry.get("o:resource_template_property")
        yield TargetTemplate(
            label=text_of(entry, "o:label"),
            resource_class=classes.get(class_ids[0], "") if class_ids else "",
            properties=tuple(
                _template_property(part, properties)
                for part in (listed if isinstance(listed, list) else [])
                if isinstance(part, dict)
            ),
        )


def _template_property(part: Mapping[str, Json], properties: Mapping[int, str]) -> TemplateProperty:
    types = part.get("o:data_type")
    numbers = reference_ids(part.get("o:property"))
    return TemplateProperty(
        term=properties.get(numbers[0], "") if numbers else "",
        label=text_of(part, "o:alternate_label"),
        comment=text_of(part, "o:alternate_comment"),
        required=part.get("o:is_required") is True,
        private=part.get("o:is_private") is True,
        data_types=tuple(str(name) for name in types) if isinstance(types, list) else (),
        language=text_of(part, "o:default_lang"),
    )


def _data_types(entries: Entries | None) -> Iterable[TargetDataType]:
    """Core's, where this Omeka does not tell which there are."""
    if entries is None:
        return (TargetDataType(name) for name in sorted(CORE_TYPES))
    return (TargetDataType(text_of(entry, "o:id"), text_of(entry, "o:label")) for entry in entries)


def _custom(entries: Entries) -> Iterable[TargetCustomVocabulary]:
    _, details = custom_from(entries)
    return (
        TargetCustomVocabulary(number, one.label, tuple(sorted(one.terms)), tuple(one.uris))
        for number, one in details.items()
    )
