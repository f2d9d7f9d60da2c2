"""What Omeka Classic would refuse in a draft, would answer with a 500, or would drop without a word. Pure.

Found here, it is in the dry run's report; found by Omeka, it may leave half a record behind.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET, Struct, UnsetType

from worker.errors import Reject
from worker.records import RESOURCES, Draft, Fields, Place, Problem, Value
from worker.sources.addresses import may_be_fetched
from worker.targets.listings import Listing, Unknown, normal
from worker.targets.omeka_classic import structure
from worker.targets.omeka_classic.elements import canonical, described
from worker.targets.omeka_classic.payloads import NO_LINKS, ONE_COLLECTION, written
from worker.targets.omeka_classic.tags import LONGEST
from worker.targets.omeka_classic.vocabulary import Vocabulary, no_such_element
from worker.targets.redact import excerpt

_WIDEST = "\uffff"
"""Of more the database of an Omeka Classic knows nothing: its tables take three bytes a character."""
LONGEST_FILE_NAME = 255
NOTHING_TO_PHP = "0"
"""A text that is empty to Omeka Classic, which drops those without a word (`145`)."""
TAKEN_FOR_NOTHING = (
    "Omeka Classic takes a text that is just “0” for none and would drop it: write it otherwise, such as "
    "“0.0” or “none”, or leave it out."
)


class Allowed(Struct, frozen=True):
    """What the settings of the target say."""

    wide_characters: bool = False


def check(draft: Draft, vocabulary: Vocabulary, allowed: Allowed) -> tuple[Problem, ...]:
    """All problems of one draft; warnings are what is not written as it was meant."""
    if draft.kind in structure.KINDS:
        return tuple(structure.check(draft, vocabulary))
    if draft.kind not in RESOURCES:
        message = f"Omeka Classic has no {draft.kind.replace('-', ' ')}s that its API could write."
        return (_reject("field-unsupported", message),)
    return (
        *_of_properties(draft, vocabulary),
        *_of_identity(draft, vocabulary),
        *_of_fields(draft, vocabulary),
        *_of_source(draft),
        *(() if allowed.wide_characters else _of_characters(draft)),
    )


def _reject(code: str, message: str, value: str = "", pointer: str = "") -> Problem:
    return Problem("reject", code, message, pointer=pointer, value=excerpt(_printable(value)))


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


# --- values ---------------------------------------------------------------------------------------


def _of_properties(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    for part in draft.properties:
        problem = _of_element(part.term, draft, vocabulary)
        if problem is not None:
            yield _reject(problem[0], problem[1], part.term, part.pointer)
            continue
        for value in part.values:
            for code, message, shown in _of_value(value):
                yield _reject(code, f"{part.term}: {message}", shown, part.pointer)


def _of_element(name: str, draft: Draft, vocabulary: Vocabulary) -> tuple[str, str] | None:
    if not vocabulary.knows(name):
        return "names-unknown", no_such_element(name, vocabulary.elements)
    element = vocabulary.element(name)
    if element is not None and not element.suits(draft.kind):
        what = f"{described(canonical(name))} is an element of records of the type {element.record_type}"
        return "names-unknown", f"{what}, not of one that is {draft.kind}."
    return None


def _of_value(value: Value) -> Iterator[tuple[str, str, str]]:
    """(code, message, the value) of each problem."""
    if value.link is not None:
        yield "link-unsupported", NO_LINKS, ""
        return
    if value.language is not None:
        yield "field-unsupported", "Omeka Classic keeps no language of a text: leave it out.", value.language
    if value.public is False:
        message = "A text of Omeka Classic cannot be private by itself: leave it out, or hide the record."
        yield "field-unsupported", message, value.text or ""
    if value.annotation:
        yield "field-unsupported", "A text of Omeka Classic cannot be annotated: leave that out.", ""
    if value.type not in ("literal", "html", "uri"):
        message = f"Omeka Classic has texts and no data type “{value.type}”: leave the type out."
        yield "names-unknown", message, value.type
    made = written(value)
    if made is None or not made.text.strip():
        yield "value-empty", "The value is blank, and Omeka would drop it.", value.text or ""
    elif made.text == NOTHING_TO_PHP:
        yield "value-empty", TAKEN_FOR_NOTHING, made.text
    elif not _is_unicode(made.text):
        message = "The text holds half a character (a lone surrogate) and cannot be sent."
        yield "text-not-unicode", message, made.text


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _of_identity(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    if draft.identity is None:
        return
    for name, value in draft.identity.written:
        problem = _of_element(name, draft, vocabulary)
        if problem is not None:
            yield _reject(problem[0], problem[1], name)
        if not value.strip() or value == NOTHING_TO_PHP or not _is_unicode(value):
            yield _reject("identity-unusable", f"The identifier for {name} cannot be kept in Omeka.", value)


# --- fields ---------------------------------------------------------------------------------------


def _of_fields(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    fields = draft.fields
    for names, name in _named(fields, vocabulary):
        found = names.find(name)
        if isinstance(found, Unknown) and not vocabulary.comes(names, name):
            yield _reject("names-unknown", found.message, name)
    for word, given in (
        ("template", fields.template),
        ("site", fields.sites),
        ("thumbnail", fields.thumbnail),
        ("alt-text", fields.alt_text),
        ("language", fields.language),
        ("primary", draft.primary or None),
    ):
        if given not in (UNSET, None, (), ""):
            message = f"Omeka Classic has no “{word}”: leave it out."
            yield _reject("field-unsupported", message, given if isinstance(given, str) else "")
    if isinstance(fields.owner, str):
        message = (
            "Omeka Classic's API sets no owners: what is new belongs to the user of the target's key, what "
            "is there keeps its own."
        )
        yield Problem("warning", "owner-not-set", message, value=excerpt(fields.owner))
    if not isinstance(fields.item_sets, UnsetType) and len(fields.item_sets) > 1:
        yield _reject("one-collection", ONE_COLLECTION, ", ".join(fields.item_sets))
    if draft.kind != "item":
        what = "collections" if draft.kind == "item-set" else "files"
        only_of_items = {"class": fields.resource_class, "item-set": fields.item_sets, "tags": fields.tags}
        for word, given in only_of_items.items():
            if given not in (UNSET, None, ()):
                yield _reject("field-unsupported", f"Omeka Classic's {what} have no “{word}”: leave it out.")
    if isinstance(fields.geolocation, Place):
        yield from _of_place(fields.geolocation)
    if draft.kind == "media" and fields.public is not UNSET:
        message = "Files of Omeka Classic are as public as their item: leave “public” out."
        yield _reject("field-unsupported", message)
    yield from _of_tags(fields)


def _named(fields: Fields, vocabulary: Vocabulary) -> Iterator[tuple[Listing, str]]:
    if isinstance(fields.resource_class, str):
        yield vocabulary.item_types, fields.resource_class
    if not isinstance(fields.item_sets, UnsetType):
        yield from ((vocabulary.collections, normal(name)) for name in fields.item_sets)


def _of_place(place: Place) -> Iterator[Problem]:
    if place.label:
        message = "A location of Omeka Classic has an address and no label: give it as “address”."
        yield _reject("field-unsupported", message, place.label)


def _of_tags(fields: Fields) -> Iterator[Problem]:
    for tag in () if isinstance(fields.tags, UnsetType) else fields.tags:
        if not tag.strip():
            yield _reject("value-empty", "A tag is blank, which Omeka does not take.", tag)
        elif len(tag) > LONGEST:
            yield _reject("value-invalid", f"Omeka takes tags of at most {LONGEST} characters.", tag)


# --- files ----------------------------------------------------------------------------------------


def _of_source(draft: Draft) -> Iterator[Problem]:
    source = draft.source
    if draft.kind != "media" or draft.action != "new":
        return
    if source is None:
        yield _reject("media-without-source", "The media has neither a file nor an address.")
        return
    if source.refused is not None:
        return  # told already, and not sent
    match source.ingester:
        case "upload":
            if source.content is None:
                message = f"“{excerpt(source.value)}” was not uploaded."
                yield _reject("attachment-missing", message, source.value)
            elif len(source.value.rpartition("/")[2]) > LONGEST_FILE_NAME:
                message = f"Omeka takes names of files of at most {LONGEST_FILE_NAME} characters."
                yield _reject("value-invalid", message, source.value)
        case "url":
            if not may_be_fetched(source.value):
                message = "The address of a media begins with http:// or https://."
                yield _reject("value-invalid", message, source.value)
        case _:
            message = f"Omeka Classic has no media of the kind “{source.ingester}”: it takes files."
            yield _reject("field-unsupported", message, source.value)


# --- characters -----------------------------------------------------------------------------------


def _of_characters(draft: Draft) -> Iterator[Problem]:
    for where, text, pointer in _all_texts(draft):
        wide = next((one for one in text if one > _WIDEST), None)
        if wide is not None:
            yield _reject(
                "text-too-wide",
                f"{where}: the character “{wide}” (U+{ord(wide):04X}) is beyond what the database of an "
                "Omeka Classic takes: it would fail, and might leave half a record. Exchange it with a "
                "`replace` filter; or, if the administrator has converted the database (utf8mb4), set "
                "wide_characters = true for the target.",
                text,
                pointer,
            )


def _all_texts(draft: Draft) -> Iterator[tuple[str, str, str]]:
    for part in draft.properties:
        for value in part.values:
            yield from ((part.term, text, part.pointer) for text in _texts_of(value))
    if draft.identity is not None:
        yield from ((name, text, "") for name, text in draft.identity.written)
    for tag in () if isinstance(draft.fields.tags, UnsetType) else draft.fields.tags:
        yield "tags", tag, ""
    if isinstance(draft.fields.geolocation, Place) and draft.fields.geolocation.address:
        yield "geolocation address", draft.fields.geolocation.address, ""
    if draft.source is not None and draft.source.ingester == "upload":
        yield "file", draft.source.value, ""


def _texts_of(value: Value) -> Iterator[str]:
    try:
        made = written(value)
    except Reject:
        return  # told already
    if made is not None:
        yield made.text
