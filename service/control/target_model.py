"""What a control file can map to: the vocabulary of a target, as plain data.

Listed from a live target by a worker, shown as JSON key for key (`GET targets/NAME/model`), and what
generators of control files start from. All but `kind` may be left out, and is then simply not mapped to.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

TargetKind = Literal["omeka-s", "omeka-classic"]
"""Which Omeka it is: what the control file says as `model`."""


class TargetProperty(Struct, frozen=True, omit_defaults=True):
    """A property: `dcterms:title`, "Title". On Classic an element in full: `Item Type Metadata:Text`."""

    term: str
    label: str
    comment: str = ""


class TargetClass(Struct, frozen=True, omit_defaults=True):
    """A resource class: `dctype:Image`, "Image". On Classic an item type, by its name."""

    term: str
    label: str
    comment: str = ""


class TargetVocabulary(Struct, frozen=True, omit_defaults=True):
    """A vocabulary: its prefix, and what it holds. On Classic an element set."""

    prefix: str
    label: str
    uri: str = ""
    properties: tuple[TargetProperty, ...] = ()
    classes: tuple[TargetClass, ...] = ()


class TemplateProperty(Struct, frozen=True, omit_defaults=True):
    """A property as a resource template has it, in the template's order."""

    term: str
    label: str = ""
    """The alternate label; empty where the template keeps that of the vocabulary."""
    comment: str = ""
    required: bool = False
    private: bool = False
    data_types: tuple[str, ...] = ()
    """The allowed ones by their names in the target (`literal`, `customvocab:3`); empty: any."""
    language: str = ""
    """The language that the template proposes."""


class TargetTemplate(Struct, frozen=True, omit_defaults=True):
    label: str
    resource_class: str = ""
    """The term of its class; empty where it has none."""
    properties: tuple[TemplateProperty, ...] = ()


class TargetItemSet(Struct, frozen=True, omit_defaults=True):
    """An item set; on Classic a collection."""

    id: int
    title: str


class TargetSite(Struct, frozen=True, omit_defaults=True):
    slug: str
    title: str


class TargetDataType(Struct, frozen=True, omit_defaults=True):
    name: str
    """As values bear it: `literal`, `numeric:timestamp`, `valuesuggest:lc:subjects`."""
    label: str = ""


class TargetCustomVocabulary(Struct, frozen=True, omit_defaults=True):
    id: int
    label: str
    terms: tuple[str, ...] = ()
    """Its members, where they are texts."""
    uris: tuple[str, ...] = ()
    """Its members, where they are addresses."""


class TargetModel(Struct, frozen=True, omit_defaults=True):
    """All that can be mapped to on one target, in the order in which the target lists it."""

    kind: TargetKind
    name: str = ""
    """The target's name in the settings; becomes `target` in the control file."""
    vocabularies: tuple[TargetVocabulary, ...] = ()
    templates: tuple[TargetTemplate, ...] = ()
    item_sets: tuple[TargetItemSet, ...] = ()
    sites: tuple[TargetSite, ...] = ()
    data_types: tuple[TargetDataType, ...] = ()
    custom_vocabularies: tuple[TargetCustomVocabulary, ...] = ()
    left_out: tuple[str, ...] = ()
    """What the target has beside this, as sentences: of thousands of item sets not all are listed."""
