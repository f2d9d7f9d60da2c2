"""Updates of Omeka S: representation and draft in comparable form, and the PATCH that makes the difference.

How a PATCH behaves decides its form (the recorded exchange stands in brackets):

- without any value it leaves all values alone (`patch-no-values`), so nothing but what changes is sent;
- with any value it replaces all values of all properties (`patch-one-property`), so all of them go
  back, each with its own `is_public`, since a value without one inherits the flag of some old row
  (`patch-values-without-is_public`), and as the JSON that it came as, annotation and unknown keys included;
- an empty list clears nothing (`patch-empty-value-list`); `clear_property_values` does;
- a list of item sets or sites replaces the present one (`patch-item-set-replace`), an empty `o:media`
  deletes all media (`patch-o-media-empty`): neither is sent unless it changes, `o:media` never.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import orjson
from msgspec import UNSET, Struct

from worker.errors import Reject
from worker.planning import primary
from worker.planning.merge import Merge, Placed
from worker.planning.values import (
    FIELD,
    NOTHING,
    Content,
    Current,
    Held,
    IdentityWish,
    Meant,
    Named,
    Wish,
)
from worker.records import Draft, Identity, Json, Kind, Of, OnUpdate, Value, is_picture_name, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.omeka_s import compare, places
from worker.targets.omeka_s.payloads import Links, ValueBuilder, number
from worker.targets.omeka_s.representation import decode, property_values, reference_ids
from worker.targets.omeka_s.vocabulary import CORE_TYPES, Listing, Vocabulary, normal

CLEAR = "clear_property_values"
_PHP_BLANKS = " \t\n\r\0\x0b"

Shape = Literal["flag", "reference", "references", "text", "places"]
Names = Literal["classes", "templates", "owners", "assets", "item_sets", "sites"]


class Field(Struct, frozen=True):
    """Something that a resource has beside properties."""

    word: str
    attribute: str
    """Of `records.Fields`."""
    key: str
    shape: Shape
    names: Names | None = None
    kinds: tuple[Kind, ...] = ("item", "item-set", "media")
    of_resources: bool = False
    """Its numbers are those of resources; classes, templates, users, assets and sites have their own."""


FIELDS = (
    Field("public", "public", "o:is_public", "flag"),
    Field("class", "resource_class", "o:resource_class", "reference", "classes"),
    Field("template", "template", "o:resource_template", "reference", "templates"),
    Field("owner", "owner", "o:owner", "reference", "owners"),
    Field("thumbnail", "thumbnail", "o:thumbnail", "reference", "assets"),
    Field("item-set", "item_sets", "o:item_set", "references", "item_sets", ("item",), of_resources=True),
    Field("site", "sites", "o:site", "references", "sites", ("item",)),
    Field("alt-text", "alt_text", "o:alt_text", "text", None, ("media",)),
    Field("language", "language", "o:lang", "text", None, ("media",)),
    Field("geolocation", "geolocation", places.FEATURES, "places", None, ("item",)),
)


# --- what stands there ----------------------------------------------------------------------------


def current_of(saved: Saved, vocabulary: Vocabulary) -> Current:
    """A representation in comparable form. `vocabulary` tells labels, and which data types are known.

    A value that Omeka would drop if it were sent back says so in `stuck`.
    """
    return Current(
        kind=saved.kind,
        id=saved.id,
        modified=saved.modified,
        properties={
            term: tuple(_held(value, vocabulary) for value in values)
            for term, values in property_values(saved.body)
        },
        fields={
            **{
                field.word: tuple(_held_field(field, saved, vocabulary))
                for field in FIELDS
                if saved.kind in field.kinds
            },
            # No record names it of an item; what others choose is remembered all the same.
            **({primary.FIELD_NAME: primary.held(saved)} if saved.kind == "item" else {}),
        },
        media=saved.media_ids,
    )


def _held(value: Mapping[str, Json], vocabulary: Vocabulary) -> Held:
    annotation = value.get("@annotation")
    notes = tuple(
        (term, tuple(_held(note, vocabulary) for note in values))
        for term, values in (property_values(annotation) if isinstance(annotation, dict) else ())
    )
    return Held(
        content=_content(value),
        public=value.get("is_public") is not False,
        annotation=notes,
        raw=orjson.dumps(value),
        stuck=_why_stuck(value, vocabulary)
        or next((note.stuck for _, several in notes for note in several if note.stuck), ""),
    )


def _content(value: Mapping[str, Json]) -> Content:
    plain = compare.plain(value)
    return Content(plain.type, plain.text, plain.uri, plain.label, plain.language, plain.resource)


def _why_stuck(value: Mapping[str, Json], vocabulary: Vocabulary) -> str:
    """Why Omeka would drop this value if it were sent back (`item-create-invalid-values-dropped`)."""
    name, text, uri = value.get("type"), value.get("@value"), value.get("@id")
    if not isinstance(name, str) or not _knows(name, vocabulary):
        return f"Its data type “{name}” is not known to this Omeka: a module that brings it may be missing."
    if name == "literal" and not (isinstance(text, str) and text.strip(_PHP_BLANKS)):
        return "It is a blank text, which Omeka would drop."
    if name == "uri" and not (
        isinstance(uri, str)
        and uri.strip(_PHP_BLANKS)
        and not uri.strip(_PHP_BLANKS).lower().startswith("javascript:")
    ):
        return "Its URI is one that Omeka would drop."
    if name in CORE_TYPES - {"literal", "uri"} and not isinstance(value.get("value_resource_id"), int):
        return "It links to a resource that cannot be seen."
    return ""


def _knows(name: str, vocabulary: Vocabulary) -> bool:
    """Whether the target still takes values of a type by which it shows one (`customvocab:3`, by number)."""
    if name in CORE_TYPES or (vocabulary.data_types is not None and name in vocabulary.data_types):
        return True
    head, _, tail = name.partition(":")
    return head == "customvocab" and tail.isdecimal() and int(tail) in vocabulary.custom.labels


def _held_field(field: Field, saved: Saved, vocabulary: Vocabulary) -> Iterator[Held]:
    present = saved.body.get(field.key)
    match field.shape:
        case "flag":
            yield Held(Content(FIELD, "true" if present is True else "false"))
        case "text":
            if isinstance(present, str) and present:
                yield Held(Content(FIELD, present))
        case "places":
            yield from places.held(saved.body)
        case "reference" | "references":
            for one in reference_ids(present):
                yield Held(Content(FIELD, str(one)), display=_label(field, one, vocabulary))


def _label(field: Field, one: int, vocabulary: Vocabulary) -> str:
    names = _listing(field, vocabulary)
    return str(one) if names is None else names.label(one)


def _listing(field: Field, vocabulary: Vocabulary) -> Listing | None:
    if field.names is None:
        return None
    listing: Listing = getattr(vocabulary, field.names)
    return listing


# --- what is meant --------------------------------------------------------------------------------


def meant_of(draft: Draft, links: Links, vocabulary: Vocabulary, current: Current | None = None) -> Meant:
    """A draft in Omeka's terms. `links` as for a create; the number of a resource that this run is still
    to create may be negative: then a plan can be made with it, and no payload. `current`: the resource
    that it is about; where its identity has alternatives, the one that it bears there counts.

    Raises `Reject` for names that Omeka does not know and links that lead nowhere.
    """
    builder = ValueBuilder(vocabulary, links)
    identity = draft.identity
    return Meant(
        properties=tuple(
            Named(part.term, _wishes(builder, links, part.term, part.values), part.on_update, part.of)
            for part in draft.properties
        ),
        fields=tuple(_named_fields(draft, vocabulary, current)),
        identity=()
        if identity is None
        else tuple(
            IdentityWish(term, normal_identity(text), _wishes(builder, links, term, (Value(text=text),))[0])
            for term, text in _borne(identity, current)
        ),
    )


def _borne(identity: Identity, current: Current | None) -> tuple[tuple[str, str], ...]:
    if identity.alternatives and current is not None:
        text = identity.values[0]
        for term in identity.by:
            if any(held.content.bears(normal_identity(text)) for held in current.properties.get(term, ())):
                return ((term, text),)
    return identity.written


def _wishes(builder: ValueBuilder, links: Links, term: str, values: Iterable[Value]) -> tuple[Wish, ...]:
    return tuple(
        _wish(builder, links, term, actual) for value in values for actual in _resolved(value, links)
    )


def _resolved(value: Value, links: Links) -> Iterator[Value]:
    """The value itself, or what stands in for a link that leads nowhere."""
    link = value.link
    if link is None or link.sought in links or (link.otherwise is None and link.on_error != "drop"):
        yield value
        return
    for other in link.otherwise or ():
        yield from _resolved(other, links)


def _wish(builder: ValueBuilder, links: Links, term: str, value: Value) -> Wish:
    (body,) = builder.values(term, (value,))
    notes = None
    if value.annotation is not None:
        wished = {one.term: _wishes(builder, links, one.term, one.values) for one in value.annotation}
        notes = tuple((name, wishes) for name, wishes in wished.items() if wishes)
    return Wish(_content(body), value.public, notes, orjson.dumps(body))


def _named_fields(draft: Draft, vocabulary: Vocabulary, current: Current | None) -> Iterator[Named]:
    for field in FIELDS:
        said = getattr(draft.fields, field.attribute)
        if said is UNSET or draft.kind not in field.kinds or (said is None and field.shape == "flag"):
            continue
        on_update: OnUpdate = draft.fields.on_update.get(field.word, "replace")
        of: Of = draft.fields.of.get(field.word, "all")
        if field.shape == "places":
            present = current.fields.get(field.word, ()) if current is not None else ()
            yield Named(field.word, tuple(places.wished(said, present)), on_update, of)
            continue
        yield Named(field.word, tuple(_wished_field(field, said, vocabulary)), on_update, of)


def _wished_field(
    field: Field, said: bool | str | tuple[str, ...] | None, vocabulary: Vocabulary
) -> Iterator[Wish]:
    match said:
        case None | "":
            return
        case bool():
            yield Wish(Content(FIELD, "true" if said else "false"))
        case str() if field.shape == "text":
            yield Wish(Content(FIELD, said))
        case str():
            yield _reference(field, said, vocabulary)
        case tuple():
            wishes = (_reference(field, name, vocabulary) for name in said)
            yield from {wish.content: wish for wish in wishes}.values()


def _reference(field: Field, name: str, vocabulary: Vocabulary) -> Wish:
    names = _listing(field, vocabulary)
    assert names is not None, "what is referred to is listed"
    if vocabulary.comes(names, name):
        # The batch brings it: its number shows when it is there, and then this is compared again.
        return Wish(Content(FIELD, f"→ {normal(name)}"), display=f"{_shown(normal(name))} (new)")
    one = number(names, name)
    return Wish(Content(FIELD, str(one)), display=_label(field, one, vocabulary))


def _shown(name: str) -> str:
    """A name that is long for being a digest, as far as a person compares it."""
    return f"{name[:22]}…" if is_picture_name(name) else name


# --- what is sent ---------------------------------------------------------------------------------


def update_payload(current: Current, merge: Merge, vocabulary: Vocabulary) -> bytes:
    """The body of the PATCH that makes `merge` of `current`.

    Raises `ValueError` where there is nothing to send, or a link to what is not created yet.
    """
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, object] = {}
    for field in FIELDS:
        if field.word in merge.fields:
            after, present = merge.fields[field.word], current.fields.get(field.word, ())
            body[field.key] = (
                places.payload(after, present) if field.shape == "places" else _field_json(field, after)
            )
    if any(merge.properties.values()):
        for term in dict.fromkeys((*current.properties, *merge.properties)):
            kept = tuple(map(Placed, current.properties.get(term, ())))
            values = merge.properties.get(term, kept)
            if values:
                body[term] = [_value_json(value) for value in values]
    elif merge.properties:
        # Smaller than all values of the others, which stay untouched this way.
        body[CLEAR] = [_property_id(term, current, vocabulary) for term in merge.properties]
    return orjson.dumps(body)


def _field_json(field: Field, values: tuple[Held, ...]) -> Json:
    texts = [value.content.text or "" for value in values]
    match field.shape:
        case "flag":
            return texts == ["true"]
        case "text":
            return texts[0] if texts else None
        case "reference":
            return {"o:id": int(texts[0])} if texts else None
        case "references":
            return [{"o:id": int(text)} for text in texts]
        case "places":
            raise AssertionError("they are told by themselves")


def _value_json(placed: Placed) -> orjson.Fragment:
    """The JSON of a value: its own, byte for byte, unless something of it changes."""
    if (placed.value.content.resource or 0) < 0:
        raise ValueError("a link to a resource that is still to be created cannot be sent")
    return orjson.Fragment(_value_bytes(placed.value, placed.annotated))


def _value_bytes(value: Held, annotated: bool) -> bytes:
    body = decode(value.raw)
    assert isinstance(body, dict), "a value is an object"
    if body.get("is_public") is value.public and not annotated:
        return value.raw
    body["is_public"] = value.public
    if annotated:
        body.pop("@annotation", None)
        if value.annotation:
            body["@annotation"] = {
                term: [decode(_value_bytes(note, annotated=False)) for note in notes]
                for term, notes in value.annotation
            }
    return orjson.dumps(body)


def _property_id(term: str, current: Current, vocabulary: Vocabulary) -> int:
    for held in current.properties.get(term, ()):
        value = decode(held.raw)
        if isinstance(value, dict) and isinstance(found := value.get("property_id"), int):
            return found
    known = vocabulary.properties.get(term)
    if known is None:
        raise Reject("names-unknown", f"There is no property “{term}” in this Omeka.")
    return known


def update_differences(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> tuple[Difference, ...]:
    """What Omeka saved otherwise than an update meant; also what it did not clear."""
    body = decode(payload)
    cleared = body.get(CLEAR) if isinstance(body, dict) else None
    numbers = {one for one in cleared if isinstance(one, int)} if isinstance(cleared, list) else set()
    left = (
        Difference(term, NOTHING, compare.plain(value).shown())
        for term, values in property_values(saved.body)
        for value in values
        if value["property_id"] in numbers
    )
    return (*compare.differences(payload, saved, vocabulary), *left)
