"""Updates of Omeka Classic: representation and draft in comparable form, and the PUT of the difference.

A PUT is partial by its keys (`195`): what it does not name stays. `element_texts` replaces all texts of the
record (`121`), so all of them go back, each with its flag for HTML, and only when one changes; `tags`
likewise (`124`). A collection and an item type can be exchanged and not taken off (`126`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import orjson
from msgspec import UNSET, Struct

from worker.errors import Reject
from worker.planning.merge import Merge, Placed
from worker.planning.values import FIELD, Content, Current, Held, IdentityWish, Meant, Named, Wish
from worker.records import Draft, Identity, Json, Kind, Of, OnUpdate, Place, Value, normal_identity
from worker.targets.base import Saved
from worker.targets.decoding import decode
from worker.targets.listings import Listing, normal
from worker.targets.omeka_classic import places
from worker.targets.omeka_classic.elements import canonical
from worker.targets.omeka_classic.payloads import ONE_COLLECTION, TextBuilder, number
from worker.targets.omeka_classic.representation import Text, by_name, label, reference, tags
from worker.targets.omeka_classic.tags import folded
from worker.targets.omeka_classic.vocabulary import Vocabulary

Shape = Literal["flag", "item type", "collection", "tags", "place"]


class Field(Struct, frozen=True):
    """Something that a record has beside texts."""

    word: str
    attribute: str
    """Of `records.Fields`."""
    key: str
    shape: Shape
    kinds: tuple[Kind, ...] = ("item",)

    @property
    def stays(self) -> bool:
        """Whether it can be exchanged and not taken off again."""
        return self.shape in ("item type", "collection")


FIELDS = (
    Field("public", "public", "public", "flag", ("item", "item-set")),
    Field("featured", "featured", "featured", "flag", ("item", "item-set")),
    Field("class", "resource_class", "item_type", "item type"),
    Field("item-set", "item_sets", "collection", "collection"),
    Field("tags", "tags", "tags", "tags"),
    Field("geolocation", "geolocation", places.PLACE, "place"),
)


# --- what stands there ----------------------------------------------------------------------------


def current_of(saved: Saved, vocabulary: Vocabulary) -> Current:
    """A representation in comparable form. `vocabulary` tells labels."""
    return Current(
        kind=saved.kind,
        id=saved.id,
        modified=saved.modified,
        properties={name: tuple(map(_held, several)) for name, several in by_name(saved.body).items()},
        fields={
            field.word: tuple(held_in(field, saved, vocabulary))
            for field in FIELDS
            if saved.kind in field.kinds and (field.shape != "place" or places.is_known(saved.body))
        },
        media=saved.media_ids,
    )


def _held(one: Text) -> Held:
    return Held(Content("html" if one.html else "literal", one.text), raw=orjson.dumps(one.sent))


def held_in(field: Field, saved: Saved, vocabulary: Vocabulary) -> Iterator[Held]:
    match field.shape:
        case "flag":
            yield Held(Content(FIELD, "true" if saved.body.get(field.key) is True else "false"))
        case "tags":
            for tag in tags(saved.body):
                yield Held(Content(FIELD, folded(tag)), display=tag)
        case "place":
            yield from places.held(saved.body)
        case "item type" | "collection":
            found = reference(saved.body, field.key)
            if found is not None:
                names, told = _listing(field, vocabulary), label(saved.body, field.key)
                shown = names.label(found) if found in names.labels else told or f"{field.shape} {found}"
                yield Held(Content(FIELD, str(found)), display=shown)


def _listing(field: Field, vocabulary: Vocabulary) -> Listing:
    return vocabulary.item_types if field.shape == "item type" else vocabulary.collections


# --- what is meant --------------------------------------------------------------------------------


def meant_of(draft: Draft, vocabulary: Vocabulary, current: Current | None = None) -> Meant:
    """A draft in Omeka's terms. `current`: the record that it is about.

    Raises `Reject` for names that Omeka does not know, and for what its API cannot change.
    """
    builder = TextBuilder(vocabulary)
    identity = draft.identity
    return Meant(
        properties=(*(named := tuple(_named_texts(draft, builder))), *_unnamed(draft, named, current)),
        fields=tuple(_named_fields(draft, vocabulary, current)),
        identity=()
        if identity is None
        else tuple(
            IdentityWish(
                canonical(term), normal_identity(text), _wish(builder.of(term, (Value(text=text),))[0])
            )
            for term, text in _borne(identity, current)
        ),
    )


def _named_texts(draft: Draft, builder: TextBuilder) -> Iterator[Named]:
    """One for each element, by whatever names the draft calls it."""
    found: dict[str, Named] = {}
    for part in draft.properties:
        name = canonical(part.term)
        wishes = tuple(map(_wish, builder.of(part.term, part.values)))
        before = found.get(name)
        if before is None:
            found[name] = Named(name, wishes, part.on_update, part.of)
        else:
            found[name] = Named(name, (*before.wishes, *wishes), before.on_update, before.of)
    yield from found.values()


def _unnamed(draft: Draft, named: Iterable[Named], current: Current | None) -> Iterator[Named]:
    """Of a record that speaks for all elements: those that it does not name hold nothing of ours any more."""
    if draft.whole and current is not None:
        names = {one.name for one in named}
        yield from (Named(one, of="ours") for one in current.properties if one not in names)


def _wish(one: Text) -> Wish:
    return Wish(Content("html" if one.html else "literal", one.text), raw=orjson.dumps(one.sent))


def _borne(identity: Identity, current: Current | None) -> tuple[tuple[str, str], ...]:
    """Of alternatives the one that the record bears already."""
    if identity.alternatives and current is not None:
        text = identity.values[0]
        for term in identity.by:
            held = current.properties.get(canonical(term), ())
            if any(one.content.bears(normal_identity(text)) for one in held):
                return ((term, text),)
    return identity.written


def _named_fields(draft: Draft, vocabulary: Vocabulary, current: Current | None) -> Iterator[Named]:
    for field in FIELDS:
        said = getattr(draft.fields, field.attribute)
        if said is UNSET or draft.kind not in field.kinds or (said is None and field.shape == "flag"):
            continue
        on_update: OnUpdate = draft.fields.on_update.get(field.word, "replace")
        of: Of = draft.fields.of.get(field.word, "all")
        if isinstance(said, Place) or field.shape == "place":
            present = current.fields.get(field.word, ()) if current is not None else ()
            wishes = tuple(places.wished(said, present))
            places.require_one(wishes, on_update, present)
            yield Named(field.word, wishes, on_update)  # there is one at most, whoever set it
            continue
        wishes = tuple(_wished(field, said, vocabulary))
        if field.stays:
            of = "all"  # there is one at most, whoever set it
            _require_changeable(field, wishes, on_update, current)
        yield Named(field.word, wishes, on_update, of)


def _require_changeable(
    field: Field, wishes: tuple[Wish, ...], on_update: OnUpdate, current: Current | None
) -> None:
    """Raises `Reject` for what a record cannot become."""
    if len(wishes) > 1:
        raise Reject("one-collection", f"{ONE_COLLECTION} This record names {len(wishes)}.")
    present = current.fields.get(field.word, ()) if current is not None else ()
    if not present or current is None:
        return
    same = [held.content for held in present] == [wish.content for wish in wishes]
    shown = present[0].shown()
    if (on_update == "replace" and not wishes) or (on_update == "remove" and same):
        raise Reject(
            "cannot-be-unset",
            f"{current.kind} {current.id} has the {field.shape} “{shown}”, and Omeka Classic's API cannot "
            f"take that off, only exchange it. Take it off in Omeka, or leave {field.word} out.",
        )
    if on_update == "append" and wishes and not same:
        raise Reject(
            "one-collection",
            f"{ONE_COLLECTION} {current.kind} {current.id} has the {field.shape} “{shown}” already: to "
            f'exchange it, let {field.word} replace instead of append ("onUpdate").',
        )


def _wished(
    field: Field, said: bool | str | tuple[str, ...] | None, vocabulary: Vocabulary
) -> Iterable[Wish]:
    match said, field.shape:
        case (None | "", _):
            return ()
        case bool(), _:
            return (Wish(Content(FIELD, "true" if said else "false")),)
        case tuple(), "tags":
            tagged: dict[str, Wish] = {}
            for tag in said:  # of several spellings the first
                tagged.setdefault(folded(tag), Wish(Content(FIELD, folded(tag)), display=tag.strip()))
            return tagged.values()
        case str(), _:
            return (_reference(field, said, vocabulary),)
        case _:
            assert isinstance(said, tuple)
            references = (_reference(field, one, vocabulary) for one in said)
            return {wish.content: wish for wish in references}.values()


def _reference(field: Field, name: str, vocabulary: Vocabulary) -> Wish:
    names = _listing(field, vocabulary)
    if vocabulary.comes(names, name):
        # The batch brings it: its number shows when it is there, and then this is compared again.
        return Wish(Content(FIELD, f"→ {normal(name)}"), display=f"{normal(name)} (new)")
    one = number(names, name)
    return Wish(Content(FIELD, str(one)), display=names.label(one))


# --- what is sent ---------------------------------------------------------------------------------


def update_payload(current: Current, merge: Merge) -> bytes:
    """The body of the PUT that makes `merge` of `current`. Raises `ValueError` where there is nothing to
    send."""
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, object] = {}
    for field in FIELDS:
        if field.word in merge.fields:
            after = merge.fields[field.word]
            present = current.fields.get(field.word, ())
            body[field.key] = (
                places.payload(after, present) if field.shape == "place" else _field_json(field, after)
            )
    if merge.properties:
        body["element_texts"] = [
            orjson.Fragment(placed.value.raw)
            for name in dict.fromkeys((*current.properties, *merge.properties))
            for placed in merge.properties.get(name, tuple(map(Placed, current.properties.get(name, ()))))
        ]
    return orjson.dumps(body)


def _field_json(field: Field, values: tuple[Held, ...]) -> Json:
    match field.shape:
        case "flag":
            return [one.content.text for one in values] == ["true"]
        case "tags":
            return [{"name": one.display} for one in values]
        case "item type" | "collection":
            assert values, "it can be exchanged only"
            return {"id": int(values[0].content.text or "0")}
        case "place":
            raise AssertionError("it is told by itself")


def payload_of(body: bytes) -> dict[str, Json]:
    found = decode(body)
    assert isinstance(found, dict), "a payload is an object"
    return found
