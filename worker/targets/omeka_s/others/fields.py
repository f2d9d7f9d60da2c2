"""The names of what is no resource: under which key Omeka S keeps each, and in which form. Pure.

A name holds texts here, in one canonical form each: `true`, a number, a text, JSON of a member. Both sides of
a comparison are such texts, and what is sent is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, assert_never

from msgspec import UNSET, Struct

from worker.records import Draft, Json, Kind
from worker.targets.omeka_s.representation import reference_ids
from worker.targets.omeka_s.vocabulary import Listing, Vocabulary

Shape = Literal["flag", "text", "reference"]
Names = Literal["classes", "owners", "assets"]


class OtherField(Struct, frozen=True):
    """One name. `attribute`: where the draft has it among `Fields`; "" where that is `own`."""

    word: str
    key: str
    shape: Shape
    attribute: str = ""
    names: Names | None = None
    only_new: bool = False
    """Omeka takes it with a new one only."""

    def said(self, draft: Draft) -> bool | str | tuple[str, ...] | None:
        """What the draft gives it. Raises `KeyError` where it does not name it."""
        if self.attribute:
            said = getattr(draft.fields, self.attribute)
            if said is UNSET:
                raise KeyError(self.word)
            found: bool | str | tuple[str, ...] | None = said
            return found
        return draft.fields.own[self.word]


_ALT_TEXT = OtherField("alt-text", "o:alt_text", "text", "alt_text")

FIELDS: Mapping[Kind, Sequence[OtherField]] = {
    "asset": (OtherField("name", "o:name", "text"), _ALT_TEXT),
}


def listing_of(field: OtherField, vocabulary: Vocabulary) -> Listing | None:
    if field.names is None:
        return None
    listing: Listing = getattr(vocabulary, field.names)
    return listing


def texts_in(field: OtherField, value: Json) -> tuple[str, ...]:
    """What a name holds, of its JSON in a representation or a payload."""
    match field.shape:
        case "flag":
            return ("true" if value is True else "false",)
        case "text":
            return (value,) if isinstance(value, str) and value else ()
        case "reference":
            return tuple(map(str, reference_ids(value)))
        case _:
            assert_never(field.shape)


def json_of(field: OtherField, texts: Sequence[str]) -> Json:
    """The JSON of a name that is to hold these."""
    match field.shape:
        case "flag":
            return list(texts) == ["true"]
        case "text":
            return texts[0] if texts else None
        case "reference":
            return {"o:id": int(texts[0])} if texts else None
        case _:
            assert_never(field.shape)
