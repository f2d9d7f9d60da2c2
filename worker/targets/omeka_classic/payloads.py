"""Drafts → JSON bodies of creates. Pure: the same draft and vocabulary give the same bytes.

Omeka Classic hides what does not say that it is public, and takes only booleans for it (the text "yes" means
no); a text without its flag for HTML is a 500 that leaves an empty item behind (`138`). All of that is always
said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import orjson
from msgspec import UNSET, Struct, UnsetType

from worker.attachments.names import sent_name
from worker.errors import Reject
from worker.records import Draft, Identity, Json, MediaSource, Property, Value, normal_identity
from worker.targets.decoding import decode
from worker.targets.listings import Listing, Unknown
from worker.targets.omeka_classic.elements import canonical
from worker.targets.omeka_classic.representation import SHA256, Text
from worker.targets.omeka_classic.vocabulary import Vocabulary, no_such_element
from worker.targets.redact import excerpt

Body = dict[str, Json]

TOLD = (SHA256, "size", "original_filename")
"""What a payload says of a file for our own comparison, and is not sent: Omeka works it out."""


class Written(Struct, frozen=True):
    """How a value is written: its text, and whether that is HTML."""

    text: str
    html: bool = False


def written(value: Value) -> Written | None:
    """A value as a text; None for a link that leads nowhere and may be left out.

    A URI with a label becomes a link in HTML, as Omeka's own editor would make it. Raises `Reject`.
    """
    if value.link is not None:
        raise Reject("link-unsupported", NO_LINKS)
    if value.uri is not None:
        if not value.label:
            return Written(value.uri)
        address = escape(value.uri, quote=True)
        return Written(f'<a href="{address}">{escape(value.label, quote=False)}</a>', html=True)
    return Written(value.text or "", html=value.type == "html")


NO_LINKS = (
    "Values of Omeka Classic are texts and cannot link to other records: write a text (type literal) or an "
    "address (type uri)."
)


class TextBuilder:
    """Texts of elements as this target takes them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def texts(self, properties: Iterable[Property], identity: Identity | None = None) -> list[Text]:
        """In the order of the draft; the values of `identity` are added where absent."""
        found: dict[str, list[Text]] = {}
        for part in properties:
            if part.values and part.on_update != "remove":
                name = canonical(part.term)
                found.setdefault(name, []).extend(self.of(part.term, part.values))
        if identity is not None and not (identity.alternatives and _bears_any(found, identity)):
            for term, text in identity.written:
                present = found.setdefault(canonical(term), [])
                if normal_identity(text) not in [normal_identity(one.text) for one in present]:
                    present.extend(self.of(term, (Value(text=text),)))
        return [one for several in found.values() for one in several]

    def of(self, term: str, values: Iterable[Value]) -> list[Text]:
        """The texts of one element. Raises `Reject`."""
        number = self._number(term)
        made = (written(value) for value in values)
        return [Text(canonical(term), number, one.text, one.html) for one in made if one is not None]

    def _number(self, term: str) -> int:
        found = self._vocabulary.element(term)
        if found is not None:
            return found.id
        if canonical(term) in self._vocabulary.coming.terms:
            return 0  # only while it is planned: what is sent is made when it is there
        raise Reject("names-unknown", no_such_element(term, self._vocabulary.elements))


def _bears_any(found: dict[str, list[Text]], identity: Identity) -> bool:
    wanted = normal_identity(identity.values[0])
    return any(
        wanted == normal_identity(one.text) for term in identity.by for one in found.get(canonical(term), ())
    )


def create_body(draft: Draft, item_id: int | None, vocabulary: Vocabulary) -> bytes:
    """The body that creates `draft`; of a media the JSON that goes with its file.

    Raises `Reject` for what the target does not know; the resolver's `problems` find that earlier.
    """
    texts = TextBuilder(vocabulary).texts(draft.properties, draft.identity)
    body: Body
    match draft.kind:
        case "item":
            body = {**_flags(draft), **_item_fields(draft, vocabulary)}
        case "item-set":
            body = _flags(draft)
        case "media":
            if item_id is None:
                raise ValueError("a file needs its item's number")
            body = {"item": {"id": item_id}, **_file_fields(draft)}
        case _:
            raise ValueError(f"{draft.kind} bears no elements")
    body["element_texts"] = [one.sent for one in texts]
    return orjson.dumps(body)


def _flags(draft: Draft) -> Body:
    """Unsaid means: private, not featured."""
    return {"public": draft.fields.public is True, "featured": draft.fields.featured is True}


def _item_fields(draft: Draft, vocabulary: Vocabulary) -> Body:
    body: Body = {}
    fields = draft.fields
    if isinstance(fields.resource_class, str):
        body["item_type"] = {"id": number(vocabulary.item_types, fields.resource_class)}
    if not isinstance(fields.item_sets, UnsetType) and fields.item_sets:
        body["collection"] = {"id": only_collection(fields.item_sets, vocabulary)}
    body["tags"] = [{"name": one} for one in (() if fields.tags is UNSET else fields.tags)]
    return body


def only_collection(names: Sequence[str], vocabulary: Vocabulary) -> int:
    """The number of the one collection that these name. Raises `Reject`."""
    found = {number(vocabulary.collections, name) for name in names}
    if len(found) > 1:
        listed = ", ".join(f"“{excerpt(name, 80)}”" for name in names)
        raise Reject("one-collection", f"{ONE_COLLECTION} This record names {listed}.")
    return found.pop()


ONE_COLLECTION = "An item of Omeka Classic is in one collection at most."


def _file_fields(draft: Draft) -> Body:
    source = draft.source
    if source is None:
        raise Reject("media-without-source", "The media has neither a file nor an address.")
    if source.content is None:
        raise Reject("attachment-missing", f"“{excerpt(source.value)}” was not uploaded.")
    body: Body = {}
    if draft.fields.position is not UNSET:
        body["order"] = draft.fields.position
    body.update(told(source))
    return body


def told(source: MediaSource) -> Body:
    assert source.content is not None
    # PHP takes the last part of a name that has folders in it.
    name = sent_name(source).rpartition("/")[2]
    return dict(zip(TOLD, (source.content.digest, source.content.size, name), strict=True))


def request_body(payload: bytes) -> bytes:
    """The payload of a file as it is sent."""
    body = decode(payload)
    assert isinstance(body, dict), "a payload is an object"
    return orjson.dumps({key: value for key, value in body.items() if key not in TOLD})


def number(names: Listing, name: str) -> int:
    found = names.find(name)
    if isinstance(found, Unknown):
        raise Reject("names-unknown", found.message)
    return found
