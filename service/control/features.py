"""Which of the things that a worker may not offer a control file uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from service.control.model import (
    Assign,
    AttachmentReader,
    Control,
    DateFilter,
    Delete,
    Destination,
    Element,
    ElementTexts,
    Feature,
    FieldName,
    FileSpec,
    Link,
    MappedReference,
    Match,
    OmekaType,
    RecordProcessor,
    SiteReader,
    Skip,
    ValueSpec,
)
from service.control.pictures import is_picture
from service.control.walk import parts

_KINDS: dict[str, Feature] = {
    "asset": "asset",
    "site": "site",
    "site-page": "site-page",
    "user": "user",
    "vocabulary": "vocabulary",
    "resource-template": "resource-template",
    "element-set": "element-set",
    "item-type": "item-type",
    "geolocation": "geolocation",
}
_FAMILIES: dict[str, Feature] = {
    "numeric": "numeric-types",
    "customvocab": "custom-vocabularies",
    "valuesuggest": "value-suggest",
    "valuesuggestall": "value-suggest",
    "geography": "geography",
    "geometry": "geography",
}
_EXTERNAL = ("iiif", "iiif-presentation", "oembed", "youtube", "sideload")


def with_features(control: Control) -> Control:
    used = set(_of_root(control))
    every = list(parts(control))
    for part in every:
        used.update(_of(part))
    if "asset" in used and not _of_media(every):
        used.discard("media-attachment")
    return replace(control, features=frozenset(used))


def _of_media(every: list[object]) -> bool:
    """Whether attachments may be for media, thumbnails or records: those for assets are uploads by name."""
    for part in every:
        match part:
            case AttachmentReader() if part.archive or part.records:
                return True
            case Assign(destination=Destination(kind="media"), name=FieldName("file")):
                return True
            case Assign() if is_picture(part):
                return True
            case _:
                continue
    return False


def _of_root(control: Control) -> Iterator[Feature]:
    if control.model == "omeka-classic":
        yield "classic"
    if control.on_conflict != "overwrite":
        yield "conflicts"
    if control.media_absent != "keep":
        yield "absent"
    if control.templates != "ignore":
        yield "templates"


def _of(part: object) -> Iterator[Feature]:
    match part:
        case Match():
            yield from _of_match(part)
        case ValueSpec():
            yield from _of_value(part)
        case Assign():
            if part.on_update not in ("replace", "append") or part.of not in ("all", "ours"):
                yield "on-update"
            if isinstance(part.name, FieldName) and part.destination.label.startswith("media"):
                if part.name.name == "file":
                    yield "media-attachment"
                elif part.name.name in _EXTERNAL:
                    yield "media-external"
        case Destination(kind=kind):
            if kind in _KINDS:
                yield _KINDS[kind]
        case FileSpec():
            if part.fill_down:
                yield "fill-down"
            if part.group is not None:
                yield "group"
        case OmekaType(name):
            family = _FAMILIES.get(name.partition(":")[0])
            if family is not None:
                yield family
        case _:
            feature = _SINGLE.get(type(part))
            if feature is not None:
                yield feature


_SINGLE: dict[type, Feature] = {
    AttachmentReader: "media-attachment",
    DateFilter: "date-filter",
    Delete: "delete",
    Element: "elements",
    ElementTexts: "elements",
    Link: "links",
    MappedReference: "ref-mapping",
    RecordProcessor: "record-processor",
    SiteReader: "source-site",
    Skip: "skip",
}


def _of_match(match: Match) -> Iterator[Feature]:
    if match.any_of:
        yield "any-match"
    if match.absent != "keep":
        yield "absent"
    if match.where:
        yield "match-where"
    if match.found != "update":
        yield "found"
    if match.gone != "skip":
        yield "gone"
    if match.duplicates == "merge":
        yield "merge-duplicates"


def _of_value(value: ValueSpec) -> Iterator[Feature]:
    if value.annotations is not None:
        yield "annotations"
    if value.blank == "clear":
        yield "blank-clear"
    if value.otherwise is not None:
        yield "otherwise"
    if value.create_missing:
        yield "create-item-set"
