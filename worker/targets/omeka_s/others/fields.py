"""The names of what is no resource: under which key Omeka S keeps each, and in which form. Pure.

A name holds texts here, in one canonical form each: `true`, a number, a text, JSON of a member. Both sides of
a comparison are such texts, and what is sent is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never

import orjson
from msgspec import UNSET, Struct

from worker.records import Draft, Json, Kind, Own
from worker.targets.omeka_s import pages
from worker.targets.omeka_s.others.members import Member, properties_in, terms_in
from worker.targets.omeka_s.representation import reference_ids
from worker.targets.omeka_s.vocabulary import Listing, Vocabulary

Shape = Literal["flag", "text", "email", "reference", "sets", "html", "items", "terms", "properties"]
Names = Literal["classes", "owners", "assets", "item_sets", "sites"]


class OtherField(Struct, frozen=True):
    """One name. `attribute`: where the draft has it among `Fields`; "" where that is `own`."""

    word: str
    key: str
    shape: Shape
    attribute: str = ""
    names: Names | None = None
    only_new: bool = False
    """Omeka takes it with a new one only."""

    def said(self, draft: Draft) -> Own:
        """What the draft gives it. Raises `KeyError` where it does not name it."""
        if self.attribute:
            said = getattr(draft.fields, self.attribute)
            if said is UNSET:
                raise KeyError(self.word)
            found: Own = said
            return found
        return draft.fields.own[self.word]


_ALT_TEXT = OtherField("alt-text", "o:alt_text", "text", "alt_text")

FIELDS: Mapping[Kind, Sequence[OtherField]] = {
    "asset": (OtherField("name", "o:name", "text"), _ALT_TEXT),
    "vocabulary": (
        OtherField("prefix", "o:prefix", "text"),
        OtherField("namespace", "o:namespace_uri", "text"),
        OtherField("label", "o:label", "text"),
        OtherField("description", "o:comment", "text"),
        OtherField("properties", "o:property", "terms"),
        OtherField("classes", "o:class", "terms"),
    ),
    "resource-template": (
        OtherField("label", "o:label", "text"),
        OtherField("class", "o:resource_class", "reference", "resource_class", "classes"),
        OtherField("owner", "o:owner", "reference", "owner", "owners"),
        OtherField("properties", "o:resource_template_property", "properties"),
    ),
    "user": (
        OtherField("email", "o:email", "email"),
        OtherField("name", "o:name", "text"),
        OtherField("role", "o:role", "text"),
    ),
    "site": (
        OtherField("title", "o:title", "text"),
        OtherField("slug", "o:slug", "text"),
        OtherField("description", "o:summary", "text"),
        OtherField("public", "o:is_public", "flag", "public"),
        OtherField("theme", "o:theme", "text"),
        OtherField("assign-new-items", "o:assign_new_items", "flag"),
        OtherField("item-set", "o:site_item_set", "sets", "item_sets", "item_sets"),
        OtherField("owner", "o:owner", "reference", "owner", "owners"),
        OtherField("thumbnail", "o:thumbnail", "reference", "thumbnail", "assets"),
    ),
    "site-page": (
        OtherField("site", "o:site", "reference", "sites", "sites", only_new=True),
        OtherField("title", "o:title", "text"),
        OtherField("slug", "o:slug", "text"),
        OtherField("public", "o:is_public", "flag", "public"),
        OtherField("html", pages.BLOCKS, "html"),
        OtherField("item", pages.BLOCKS, "items"),
    ),
}
CONTENT = ("html", "item")
"""Names of what the blocks of a page hold."""
DEFAULTS: Mapping[Kind, Mapping[str, Json]] = {
    "user": {"o:role": "researcher", "o:is_active": True},
    "site": {"o:theme": "default", "o:assign_new_items": False},
}
"""What a new one is sent where the record does not say: Omeka wants it, or takes more than was asked for."""
STAY: Mapping[Kind, frozenset[str]] = {"vocabulary": frozenset({"properties", "classes"})}
"""Names that an undo of a change leaves: what was added to them may be in use."""


def listing_of(field: OtherField, vocabulary: Vocabulary) -> Listing | None:
    if field.names is None:
        return None
    listing: Listing = getattr(vocabulary, field.names)
    return listing


class Part(Struct, frozen=True):
    """One thing that a name holds: in canonical form, as JSON where that is more, and for a person."""

    text: str
    raw: bytes = b""
    shown: str = ""


def parts_in(field: OtherField, value: Json, vocabulary: Vocabulary) -> tuple[Part, ...]:
    """What a name holds, of its JSON in a representation or a payload."""
    match field.shape:
        case "flag":
            return (Part("true" if value is True else "false"),)
        case "text":
            return (Part(value),) if isinstance(value, str) and value else ()
        case "email":
            return (Part(value.casefold()),) if isinstance(value, str) and value else ()
        case "reference":
            names = listing_of(field, vocabulary)
            numbers = reference_ids(value)
            return tuple(Part(str(one), shown=names.label(one) if names else "") for one in numbers)
        case "sets":
            names = listing_of(field, vocabulary)
            sets = [one.get("o:item_set") for one in _objects(value)]
            numbers = [number for one in sets for number in reference_ids(one)]
            return tuple(Part(str(one), shown=names.label(one) if names else "") for one in numbers)
        case "html":
            return tuple(map(Part, pages.texts_of(value)))
        case "items":
            return tuple(Part(str(one), shown=f"item {one}") for one in pages.items_of(value))
        case "terms":
            return of_members(terms_in(value))
        case "properties":
            return of_members(properties_in(value, vocabulary))
        case _:
            assert_never(field.shape)


def of_members(members: Sequence[Member]) -> tuple[Part, ...]:
    return tuple(Part(one.text, one.raw, one.shown) for one in members)


def json_of(field: OtherField, parts: Sequence[Part]) -> Json:
    """The JSON of a name that is to hold these."""
    match field.shape:
        case "flag":
            return [one.text for one in parts] == ["true"]
        case "text" | "email":
            return parts[0].text if parts else None
        case "reference":
            return {"o:id": int(parts[0].text)} if parts else None
        case "sets":
            return [{"o:item_set": {"o:id": int(one.text)}} for one in parts]
        case "html":
            return pages.new([one.text for one in parts], ())
        case "items":
            return pages.new((), [int(one.text) for one in parts])
        case "terms" | "properties":
            return [orjson.loads(one.raw) for one in parts]
        case _:
            assert_never(field.shape)


def _objects(value: Json) -> Iterator[dict[str, Json]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            yield one
