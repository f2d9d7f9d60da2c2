"""Representations and drafts of what is no resource in comparable form, and what is sent of them. Pure.

A PATCH is partial: a name that is not sent stays as it is. That is Omeka's own code (`shouldHydrate` of its
adapters); of these kinds no PATCH was recorded, but of items, which go the same way, `patch-no-values` and
`patch-empty` show it. So only what changes is sent, and the answer is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import orjson
from msgspec import Struct

from worker.planning.merge import Merge
from worker.planning.values import FIELD, Content, Current, Held, Meant, Named, Wish
from worker.records import Draft, Json, Of, OnUpdate
from worker.targets.base import Saved
from worker.targets.omeka_s.others.fields import FIELDS, OtherField, json_of, listing_of, texts_in
from worker.targets.omeka_s.payloads import number
from worker.targets.omeka_s.representation import decode, saved_from
from worker.targets.omeka_s.vocabulary import Vocabulary, normal


def current_of(saved: Saved, vocabulary: Vocabulary) -> Current:
    """All that stands there under names that a control file has."""
    return Current(
        kind=saved.kind,
        id=saved.id,
        modified=saved.modified,
        properties={},
        fields={
            field.word: tuple(
                Held(Content(FIELD, text), display=_display(field, text, vocabulary))
                for text in texts_in(field, saved.body.get(field.key))
            )
            for field in FIELDS[saved.kind]
        },
    )


def meant_of(draft: Draft, vocabulary: Vocabulary, current: Current | None) -> Meant:
    """Raises `Reject` for names that Omeka does not know."""
    return Meant(fields=tuple(_named(draft, vocabulary)))


def _named(draft: Draft, vocabulary: Vocabulary) -> Iterator[Named]:
    by = draft.identity.by if draft.identity is not None else ()
    for field, texts in texts_meant(draft, vocabulary):
        if field.word in by or field.only_new:
            continue  # it bears its identity already; and what only a new one takes stays as it is
        wishes = tuple(
            Wish(Content(FIELD, text), display=_display(field, text, vocabulary)) for text in texts
        )
        on_update: OnUpdate = draft.fields.on_update.get(field.word, "replace")
        of: Of = draft.fields.of.get(field.word, "all")
        yield Named(field.word, wishes, on_update, of)


def texts_meant(draft: Draft, vocabulary: Vocabulary) -> Iterator[tuple[OtherField, tuple[str, ...]]]:
    """Every name that the draft gives something, with what it shall hold. Raises `Reject`."""
    for field in FIELDS[draft.kind]:
        try:
            said = field.said(draft)
        except KeyError:
            continue
        if said is None and field.shape == "flag":
            continue
        yield field, tuple(_texts(field, said, vocabulary))


def _texts(
    field: OtherField, said: bool | str | tuple[str, ...] | None, vocabulary: Vocabulary
) -> Iterator[str]:
    match said:
        case None | "":
            return
        case bool():
            yield "true" if said else "false"
        case str():
            yield _text(field, said, vocabulary)
        case tuple():
            yield from dict.fromkeys(_text(field, one, vocabulary) for one in said)


def _text(field: OtherField, said: str, vocabulary: Vocabulary) -> str:
    names = listing_of(field, vocabulary)
    if names is None:
        return said
    return f"→ {normal(said)}" if vocabulary.comes(names, said) else str(number(names, said))


def _display(field: OtherField, text: str, vocabulary: Vocabulary) -> str:
    names = listing_of(field, vocabulary)
    return names.label(int(text)) if names is not None and text.isdecimal() else ""


# --- what is sent ---------------------------------------------------------------------------------


def create_body(draft: Draft, vocabulary: Vocabulary) -> bytes:
    """The body that creates it. Raises `Reject`."""
    body: dict[str, Json] = {
        field.key: json_of(field, texts) for field, texts in texts_meant(draft, vocabulary)
    }
    if draft.kind == "asset" and draft.source is not None:
        body[FILE] = {"name": draft.source.value, "sha256": draft.source.source}
    return orjson.dumps(body)


class SentFile(Struct, frozen=True):
    name: str
    sha256: str


class _WithFile(Struct, frozen=True):
    file: SentFile


def file_of(payload: bytes) -> tuple[SentFile, bytes]:
    """The file that goes with a payload, and the JSON that is sent with it."""
    file = msgspec.json.decode(payload, type=_WithFile).file
    body = decode(payload)
    assert isinstance(body, dict), "a payload is an object"
    return file, orjson.dumps({key: value for key, value in body.items() if key != FILE})


FILE = "file"
"""Of a payload: the bytes that go with it, `{name, sha256}`. They travel as a part of their own, so this is
not sent; but the journal's digest of the payload is one of them too."""


def update_body(current: Current, merge: Merge) -> bytes:
    """The PATCH of what changes. Raises `ValueError` where there is nothing to send."""
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, Json] = {
        field.key: json_of(field, [held.content.text or "" for held in merge.fields[field.word]])
        for field in FIELDS[current.kind]
        if field.word in merge.fields
    }
    return orjson.dumps(body)


def restore_body(image: bytes, current: Saved) -> bytes | None:
    """The PATCH that gives it its earlier state; None where it has that."""
    earlier = saved_from(decode(image), current.kind)
    body: dict[str, Json] = {}
    for field in FIELDS[current.kind]:
        wanted = texts_in(field, earlier.body.get(field.key))
        if not field.only_new and wanted != texts_in(field, current.body.get(field.key)):
            body[field.key] = json_of(field, wanted)
    return orjson.dumps(body) if body else None
