"""Drafts → JSON bodies. Pure: the same draft, links and vocabulary give the same bytes.

What Omeka S makes of a body decides its form: `property_id` counts and not the key, a value without
`is_public` may inherit an old one's, a resource without `o:is_public` is public, one without `o:site`
joins every site that takes new items. So all of these are always said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, assert_never

import orjson
from msgspec import UNSET, UnsetType

from worker.attachments.names import sent_name
from worker.errors import Reject
from worker.records import (
    Draft,
    Fields,
    Identity,
    Json,
    MediaSource,
    Place,
    Property,
    Sought,
    Value,
    normal_identity,
)
from worker.targets.base import LinkTarget
from worker.targets.omeka_s import places
from worker.targets.omeka_s.representation import PRIMARY, decode, identity_texts
from worker.targets.omeka_s.vocabulary import Listing, Unknown, Vocabulary
from worker.targets.redact import excerpt

T = TypeVar("T")

Links = Mapping[Sought, LinkTarget]
Body = dict[str, Json]


def create_body(
    draft: Draft, inline: Sequence[Draft], links: Links, item_id: int | None, vocabulary: Vocabulary
) -> bytes:
    """The body that creates `draft`, with the media that travel in it.

    Raises `Reject` for what the target does not know; the resolver's `problems` find that earlier.
    """
    builder = ValueBuilder(vocabulary, links)
    body: Body = _fields_of_a_new(draft, vocabulary)
    if draft.kind == "media":
        if item_id is None:
            raise ValueError("a media that is sent alone needs its item's number")
        body["o:item"] = {"o:id": item_id}
    body.update(builder.properties(draft.properties, draft.identity))
    if inline:
        media: list[Json] = [
            {
                **_fields_of_a_new(one, vocabulary, inline=True),
                **builder.properties(one.properties, one.identity),
            }
            for one in inline
        ]
        body["o:media"] = media
    number_files(body)
    return orjson.dumps(body)


def order_body(media: Sequence[int], primary: int = 0) -> bytes:
    """The PATCH that puts an item's media into this order, and makes one the primary one. Without one of them
    it would be deleted (`patch-o-media-empty`); none: the order stays."""
    body: Body = {}
    if media:
        body["o:media"] = [{"o:id": one} for one in media]
    if primary:
        body[PRIMARY] = {"o:id": primary}
    return orjson.dumps(body)


FILE_INDEX = "file_index"
TOLD = ("o:sha256", "o:size")
"""What a payload says of a file for our own comparison, and is not sent: Omeka works it out."""


def number_files(body: Body) -> None:
    """Which part of the form is whose: in the order in which the payload speaks of them."""
    media = body.get("o:media")
    each = [one for one in media if isinstance(one, dict)] if isinstance(media, list) else [body]
    for index, one in enumerate([one for one in each if one.get("o:ingester") == "upload"]):
        one[FILE_INDEX] = str(index)


def request_body(payload: bytes) -> bytes:
    """The payload as it is sent."""
    body = decode(payload)
    assert isinstance(body, dict), "a payload is an object"
    media = body.get("o:media")
    for one in (body, *(media if isinstance(media, list) else ())):
        for key in TOLD if isinstance(one, dict) else ():
            one.pop(key, None)
    return orjson.dumps(body)


class ValueBuilder:
    """Values as this target takes them."""

    def __init__(self, vocabulary: Vocabulary, links: Links) -> None:
        self._vocabulary = vocabulary
        self._links = links

    def properties(self, properties: Iterable[Property], identity: Identity | None = None) -> Body:
        """Term → values, in the order of the draft; the values of `identity` are added where absent."""
        body: dict[str, list[dict[str, Json]]] = {}
        for part in properties:
            if part.values and part.on_update != "remove":
                body.setdefault(part.term, []).extend(self.values(part.term, part.values))
        if identity is not None and not (identity.alternatives and _bears_any(body, identity)):
            for term, text in identity.written:
                present = body.setdefault(term, [])
                if normal_identity(text) not in map(normal_identity, identity_texts(present)):
                    present.append(self._value(self._property_id(term), Value(text=text)))
        return {term: list(values) for term, values in body.items()}

    def values(self, term: str, values: Iterable[Value]) -> list[dict[str, Json]]:
        property_id = self._property_id(term)
        return [self._value(property_id, actual) for value in values for actual in self._resolved(value)]

    def _resolved(self, value: Value) -> tuple[Value, ...]:
        """The value itself, or what stands in for a link that leads nowhere."""
        link = value.link
        if link is None or link.sought in self._links:
            return (value,)
        if link.otherwise is None and link.on_error == "drop":
            return ()
        if link.otherwise is None:
            raise Reject(
                "link-unknown",
                f"No {link.to} “{' + '.join(link.identity)}” is known for the link of this value.",
            )
        return tuple(actual for other in link.otherwise for actual in self._resolved(other))

    def _value(self, property_id: int, value: Value) -> dict[str, Json]:
        data_type = self._vocabulary.data_type(value.type)
        if isinstance(data_type, Unknown):
            raise Reject("names-unknown", data_type.message)
        body: dict[str, Json] = {
            "type": data_type,
            "property_id": property_id,
            "is_public": value.public is not False,
        }
        if value.link is not None:
            body["value_resource_id"] = self._links[value.link.sought].id
        elif value.uri is not None:
            body["@id"] = value.uri
            if value.label is not None:
                body["o:label"] = value.label
        elif value.text is not None:
            body["@value"] = value.text
        if value.language is not None:
            body[language_key(data_type, body)] = value.language
        if value.annotation:
            body["@annotation"] = self.properties(value.annotation)
        return body

    def _property_id(self, term: str) -> int:
        found = self._vocabulary.properties.get(term)
        if found is None and term in self._vocabulary.coming.terms:
            return 0  # only while it is planned: what is sent is made when it is there
        if found is None:
            raise Reject("names-unknown", f"There is no property “{term}” in this Omeka.")
        return found


def _bears_any(body: Mapping[str, list[dict[str, Json]]], identity: Identity) -> bool:
    wanted = normal_identity(identity.values[0])
    return any(wanted in map(normal_identity, identity_texts(body.get(term, []))) for term in identity.by)


def language_key(data_type: str, body: Mapping[str, Json]) -> str:
    """Where a value keeps its language: beside a URI in `o:lang`, else in `@language`."""
    of_uri = "@id" in body and (data_type == "uri" or data_type.startswith("customvocab:"))
    return "o:lang" if of_uri else "@language"


def _fields_of_a_new(draft: Draft, vocabulary: Vocabulary, *, inline: bool = False) -> Body:
    """Everything of a new resource but its values. Unsaid means: private, in no site. `inline`: media that
    come with their item stand in the order in which they come."""
    fields = draft.fields
    body: Body = {"o:is_public": fields.public is True}
    body.update(common_fields(fields, vocabulary))
    match draft.kind:
        case "item":
            body["o:item_set"] = references(vocabulary.item_sets, given(fields.item_sets, ()))
            body["o:site"] = references(vocabulary.sites, given(fields.sites, ()))
            if isinstance(fields.geolocation, Place):
                body[places.FEATURES] = places.of_a_new(fields.geolocation)
        case "item-set":
            # An item set's sites are the site's own list (`o:site_item_set`), not the set's.
            pass
        case "media":
            body.update(_media_fields(draft))
            if inline:
                body.pop("position", None)
        case _:
            raise ValueError(f"{draft.kind} is no resource")
    return body


def common_fields(fields: Fields, vocabulary: Vocabulary) -> Body:
    """Class, template, owner and thumbnail (an asset), where they are named."""
    body: Body = {}
    named: tuple[tuple[str, str | UnsetType | None, Listing], ...] = (
        ("o:resource_class", fields.resource_class, vocabulary.classes),
        ("o:resource_template", fields.template, vocabulary.templates),
        ("o:owner", fields.owner, vocabulary.owners),
        ("o:thumbnail", fields.thumbnail, vocabulary.assets),
    )
    for key, name, names in named:
        if name is UNSET:
            continue
        body[key] = None if name is None else {"o:id": number(names, str(name))}
    return body


def _media_fields(draft: Draft) -> Body:
    fields = draft.fields
    body: Body = {}
    if fields.alt_text is not UNSET:
        body["o:alt_text"] = fields.alt_text
    if fields.language is not UNSET:
        body["o:lang"] = fields.language
    if fields.position is not UNSET:
        body["position"] = fields.position
    if draft.source is None:
        raise Reject("media-without-source", "The media has neither a file nor an address nor HTML.")
    body.update(_ingest(draft.source))
    return body


def _ingest(source: MediaSource) -> Body:
    body: Body = {"o:ingester": source.ingester}
    if source.source is not None:
        body["o:source"] = source.source
    if source.content is not None:
        body["o:ingester"] = "upload"
        body.setdefault("o:source", sent_name(source))  # as Omeka does from the name of the file
        body.update(zip(TOLD, (source.content.digest, source.content.size), strict=True))
        return body
    match source.ingester:
        case "url":
            body["ingest_url"] = source.value
        case "html":
            body["html"] = source.value
        case "iiif" | "iiif_presentation" | "oembed" | "youtube":
            body["o:source"] = source.value
        case "sideload":
            body["ingest_filename"] = source.value
        case "upload":
            raise Reject("attachment-missing", f"“{excerpt(source.value)}” was not uploaded.")
        case _:
            assert_never(source.ingester)
    return body


def references(names: Listing, wanted: Iterable[str]) -> list[Json]:
    """`[{"o:id": 3}, …]`, each once, in the order given."""
    return [{"o:id": one} for one in dict.fromkeys(number(names, name) for name in wanted)]


def number(names: Listing, name: str) -> int:
    found = names.find(name)
    if isinstance(found, Unknown):
        raise Reject("names-unknown", found.message)
    return found


def given(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
