"""What Omeka S would refuse in a draft, or would drop without a word. Pure.

Found here, it is in the dry run's report; found by Omeka, an invalid value is simply gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import assert_never

from msgspec import UNSET, Struct

from worker.mapping.lookups import CustomVocabulary
from worker.records import RESOURCES, Draft, Fields, Place, Problem, Property, Value
from worker.sources.addresses import may_be_fetched
from worker.targets.omeka_s.others import checking as others
from worker.targets.omeka_s.places import LONGEST_LABEL
from worker.targets.omeka_s.vocabulary import Listing, Unknown, Vocabulary, normal
from worker.targets.redact import excerpt

MAX_LANGUAGE = 255
"""Characters of a language: a longer one is a 500 with SQL text."""
_PHP_BLANKS = " \t\n\r\0\x0b"
"""What PHP's `trim` takes off; a literal of nothing else is dropped."""


class Ingesting(Struct, frozen=True):
    """What the target may be told to take by itself."""

    addresses: bool = False
    sideload: bool = False


def check(draft: Draft, vocabulary: Vocabulary, allowed: Ingesting) -> tuple[Problem, ...]:
    """All problems of one draft; empty when it can be written."""
    if draft.kind not in RESOURCES:
        return tuple(others.check(draft, vocabulary))
    return (
        *_of_properties(draft.properties, vocabulary),
        *_of_identity(draft, vocabulary),
        *_of_fields(draft, vocabulary),
        *_of_source(draft, allowed),
    )


def _reject(code: str, message: str, value: str = "", pointer: str = "") -> Problem:
    return Problem("reject", code, message, pointer=pointer, value=excerpt(_printable(value)))


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


# --- values ---------------------------------------------------------------------------------------


def _of_properties(properties: tuple[Property, ...], vocabulary: Vocabulary) -> Iterator[Problem]:
    for part in properties:
        if not vocabulary.knows(part.term):
            message = f"There is no property “{part.term}” in this Omeka."
            yield _reject("names-unknown", message, part.term, part.pointer)
            continue
        for value in part.values:
            for code, message, shown in _of_value(value, vocabulary):
                yield _reject(code, f"{part.term}: {message}", shown, part.pointer)


def _of_value(value: Value, vocabulary: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """(code, message, the value) of each problem."""
    data_type = vocabulary.data_type(value.type)
    if isinstance(data_type, Unknown):
        yield "names-unknown", data_type.message, value.type
    if value.language is not None and len(value.language) > MAX_LANGUAGE:
        yield (
            "language-too-long",
            f"Omeka takes languages of at most {MAX_LANGUAGE} characters.",
            value.language,
        )
    for text in (value.text, value.uri, value.label, value.language):
        if text is not None and not _is_unicode(text):
            yield (
                "text-not-unicode",
                "The text holds half a character (a lone surrogate) and cannot be sent.",
                text,
            )
    if value.link is not None:
        for other in value.link.otherwise or ():
            yield from _of_value(other, vocabulary)
    elif value.uri is not None:
        yield from _of_uri(value.uri)
    elif value.type.startswith("resource"):
        yield "link-missing", "A value of type resource needs a link to a resource.", value.text or ""
    elif not (value.text or "").strip(_PHP_BLANKS):
        yield "value-empty", "The value is blank, and Omeka would drop it.", value.text or ""
    if value.type.startswith("customvocab:") and not isinstance(data_type, Unknown):
        yield from _of_member(value, vocabulary.custom_details[int(data_type.removeprefix("customvocab:"))])
    for part in value.annotation or ():
        if not vocabulary.knows(part.term):
            yield (
                "names-unknown",
                f"There is no property “{part.term}” (of an annotation) in this Omeka.",
                part.term,
            )
        for inner in part.values:
            yield from _of_value(inner, vocabulary)


def _of_uri(uri: str) -> Iterator[tuple[str, str, str]]:
    if not uri.strip(_PHP_BLANKS):
        yield "value-empty", "The URI is blank, and Omeka would drop the value.", uri
    elif uri.strip().lower().startswith("javascript:"):
        yield "uri-refused", "Omeka drops URIs that begin with javascript:.", uri


def _of_member(value: Value, members: CustomVocabulary) -> Iterator[tuple[str, str, str]]:
    known: Collection[str]
    match members.kind:
        case "literal":
            known, content = members.terms, value.text
        case "uri":
            known, content = members.uris, value.uri
        case "resource" | "unlisted":
            return
        case _:
            assert_never(members.kind)
    if content not in known:
        content = content or value.text or value.uri or ""
        yield (
            "not-in-vocabulary",
            f"“{excerpt(content, 80)}” is no term of the vocabulary “{members.label}”.",
            content,
        )


def _of_identity(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    if draft.identity is None:
        return
    for term, value in draft.identity.written:
        if not vocabulary.knows(term):
            yield _reject("names-unknown", f"There is no property “{term}” in this Omeka.", term)
        if not value.strip(_PHP_BLANKS) or not _is_unicode(value):
            yield _reject("identity-unusable", f"The identifier for {term} cannot be kept in Omeka.", value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


# --- fields ---------------------------------------------------------------------------------------


def _of_fields(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    fields = draft.fields
    for names, name in _named(fields, vocabulary):
        if vocabulary.comes(names, name):
            continue
        if isinstance(found := names.find(name), Unknown):
            yield _reject("names-unknown", found.message, name)
    if fields.featured is not UNSET:
        yield _reject("field-unsupported", "Omeka S has no featured resources: leave “featured” out.")
    if fields.tags is not UNSET:
        yield _reject(
            "field-unsupported", "Omeka S has no tags: give them to a property such as dcterms:subject."
        )
    if isinstance(fields.geolocation, Place):
        yield from _of_place(fields.geolocation)
    if draft.kind != "item" and fields.item_sets not in (UNSET, ()):
        yield _reject("field-unsupported", f"Only items stand in item sets, not {_plural(draft)}.")
    if draft.kind == "item-set" and fields.sites not in (UNSET, ()):
        yield Problem(
            "warning", "field-unsupported", "Which item sets a site shows is set in the site itself."
        )


def _of_place(place: Place) -> Iterator[Problem]:
    if place.address:
        message = "The module Mapping keeps no address of a place: give it as “label”."
        yield _reject("field-unsupported", message, place.address)
    if place.zoom is not None:
        message = "The module Mapping keeps no zoom of a place: leave “zoom” out."
        yield _reject("field-unsupported", message, str(place.zoom))
    if place.label is not None and len(place.label) > LONGEST_LABEL:
        message = f"The module Mapping takes labels of at most {LONGEST_LABEL} characters."
        yield _reject("value-invalid", message, place.label)


def _plural(draft: Draft) -> str:
    return "item sets" if draft.kind == "item-set" else "media"


def _named(fields: Fields, vocabulary: Vocabulary) -> Iterator[tuple[Listing, str]]:
    for names, name in (
        (vocabulary.classes, fields.resource_class),
        (vocabulary.templates, fields.template),
        (vocabulary.owners, fields.owner),
        (vocabulary.assets, fields.thumbnail),
    ):
        if isinstance(name, str):
            yield names, name
    for names, several in ((vocabulary.item_sets, fields.item_sets), (vocabulary.sites, fields.sites)):
        if isinstance(several, tuple):
            yield from ((names, normal(name)) for name in several)


# --- media ----------------------------------------------------------------------------------------


def _of_source(draft: Draft, allowed: Ingesting) -> Iterator[Problem]:
    source = draft.source
    if draft.kind != "media" or draft.action != "new":
        return
    if source is None:
        yield _reject("media-without-source", "The media has neither a file, an address nor HTML.")
        return
    if source.refused is not None:
        return  # told already, and not sent
    match source.ingester:
        case "upload":
            if source.content is None:
                yield _reject(
                    "attachment-missing", f"“{excerpt(source.value)}” was not uploaded.", source.value
                )
        case "url":
            # Where the target may not fetch it, this service does.
            if not may_be_fetched(source.value):
                message = "The address of a media begins with http:// or https://."
                yield _reject("value-invalid", message, source.value)
        case "iiif" | "iiif_presentation" | "oembed" | "youtube":
            if not allowed.addresses:
                yield _reject("ingest-off", _off("fetch addresses", "allow_url_ingest"), source.value)
        case "sideload":
            if not allowed.sideload:
                yield _reject("ingest-off", _off("take files of its own", "allow_sideload"), source.value)
        case "html":
            if not source.value.strip():
                yield _reject("value-empty", "The HTML of the media is blank.", source.value)
        case _:
            assert_never(source.ingester)


def _off(what: str, setting: str) -> str:
    return f"The target may not be told to {what}: set {setting} for it in the settings."
