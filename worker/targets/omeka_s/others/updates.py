"""Representations and drafts of what is no resource in comparable form, and what is sent of them. Pure.

A PATCH is partial: a name that is not sent stays as it is. That is Omeka's own code (`shouldHydrate` of its
adapters); of these kinds no PATCH was recorded, but of items, which go the same way, `patch-no-values` and
`patch-empty` show it. So only what changes is sent, and the answer is compared with it. A page whose content
changes is sent whole (`worker.targets.omeka_s.pages`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import orjson
from msgspec import Struct

from service.control.model import SHOWN
from worker.errors import Reject
from worker.planning.merge import Merge
from worker.planning.values import FIELD, Content, Current, Held, Meant, Named, Wish
from worker.records import Draft, Json, Of, OnUpdate, Own, Property, Value
from worker.targets.base import Saved
from worker.targets.omeka_s import pages
from worker.targets.omeka_s.compare import visible
from worker.targets.omeka_s.others.fields import (
    CONTENT,
    DEFAULTS,
    FIELDS,
    STAY,
    OtherField,
    Part,
    json_of,
    listing_of,
    of_members,
    parts_in,
)
from worker.targets.omeka_s.others.members import Member, properties_in, properties_meant, terms_meant
from worker.targets.omeka_s.payloads import Links, number
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
                Held(Content(FIELD, part.text), raw=part.raw, display=part.shown)
                for part in parts_in(field, saved.body.get(field.key), vocabulary)
            )
            for field in FIELDS[saved.kind]
        },
        whole=orjson.dumps(pages.whole(saved.body)) if saved.kind == "site-page" else b"",
    )


def meant_of(draft: Draft, vocabulary: Vocabulary, links: Links, current: Current | None) -> Meant:
    """`current`: what it is about; members that are there already count as meant. Raises `Reject`."""
    return Meant(fields=tuple(_named(draft, vocabulary, links, current)))


def _named(draft: Draft, vocabulary: Vocabulary, links: Links, current: Current | None) -> Iterator[Named]:
    by = draft.identity.by if draft.identity is not None else ()
    for field, parts in parts_meant(draft, vocabulary, links, current):
        if field.word in by or field.only_new:
            continue  # it bears its identity already; and what only a new one takes stays as it is
        if field.shape == "html" and current is not None:
            parts = _as_seen(parts, current.fields[field.word])
        wishes = tuple(Wish(Content(FIELD, one.text), raw=one.raw, display=one.shown) for one in parts)
        if field.shape in ("terms", "properties"):
            yield Named(field.word, wishes)  # those that are there are among them
            continue
        on_update: OnUpdate = draft.fields.on_update.get(field.word, "replace")
        of: Of = draft.fields.of.get(field.word, "all")
        if field.shape == "items" and (shown := _shown_by(draft)) is not None:
            on_update, of = shown.on_update, shown.of
        yield Named(field.word, wishes, on_update, of)


def _as_seen(parts: Sequence[Part], present: Sequence[Held]) -> tuple[Part, ...]:
    """HTML counts by what can be seen of it, since Omeka purifies it: what shows the same stays as it is."""
    texts = [held.content.text or "" for held in present]
    there = {visible(text): text for text in texts}
    return tuple(Part(there.get(visible(one.text), one.text)) for one in parts)


def parts_meant(
    draft: Draft, vocabulary: Vocabulary, links: Links, current: Current | None = None
) -> Iterator[tuple[OtherField, tuple[Part, ...]]]:
    """Every name that the draft gives something, with what it shall hold. Raises `Reject`."""
    for field in FIELDS[draft.kind]:
        if field.shape == "items":
            if (shown := _shown_by(draft)) is not None:
                yield field, tuple(dict.fromkeys(_item(one, links) for one in shown.values))
            continue
        try:
            said = field.said(draft)
        except KeyError:
            continue
        if said is None and field.shape == "flag":
            continue
        present = current.fields.get(field.word, ()) if current is not None else ()
        yield field, tuple(_parts(field, said, vocabulary, present))


def _parts(field: OtherField, said: Own, vocabulary: Vocabulary, present: Sequence[Held]) -> Iterable[Part]:
    match said, field.shape:
        case tuple(), "terms":
            stands = [member for held in present for member in _members(held)]
            return of_members(terms_meant(said, stands))
        case tuple(), "properties":
            stands = [
                member for held in present for member in properties_in([orjson.loads(held.raw)], vocabulary)
            ]
            return of_members(properties_meant(said, stands, vocabulary))
        case (None | "", _):
            return ()
        case bool(), _:
            return (Part("true" if said else "false"),)
        case str(), _:
            return (_part(field, said, vocabulary),)
        case _:
            assert isinstance(said, tuple)
            return dict.fromkeys(_part(field, one, vocabulary) for one in said)


def _shown_by(draft: Draft) -> Property | None:
    """What a page is said to show: values that link, as a property has them."""
    return next((one for one in draft.properties if one.term == str(SHOWN)), None)


def _item(value: Value, links: Links) -> Part:
    """Raises `Reject`."""
    assert value.link is not None, "the control file takes links alone"
    there = links[value.link.sought]
    if there.kind != "item":
        raise Reject("link-refused", f"{there.kind} {there.id} is no item, and a page shows items alone.")
    name = " + ".join(value.link.identity)
    return Part(str(there.id), shown=f"{name} (new)" if there.id < 0 else f"item {there.id}")


def _members(held: Held) -> Iterator[Member]:
    """A term that is there, whose entry is its number alone."""
    name, *_ = orjson.loads(held.content.text or "[]")
    yield Member(name, held.content.text or "", held.raw, held.display)


def _part(field: OtherField, said: str, vocabulary: Vocabulary) -> Part:
    names = listing_of(field, vocabulary)
    if names is None:
        return Part(said)
    if vocabulary.comes(names, said):
        return Part(f"→ {normal(said)}", shown=f"{normal(said)} (new)")
    found = number(names, said)
    return Part(str(found), shown=names.label(found))


# --- what is sent ---------------------------------------------------------------------------------


def create_body(draft: Draft, vocabulary: Vocabulary, links: Links) -> bytes:
    """The body that creates it. Raises `Reject`."""
    body: dict[str, Json] = dict(DEFAULTS.get(draft.kind, {}))
    meant = {field.word: (field, parts) for field, parts in parts_meant(draft, vocabulary, links)}
    body |= {field.key: json_of(field, parts) for field, parts in meant.values()}
    if pages.BLOCKS in body:
        texts, shown = ([part.text for part in meant[word][1]] if word in meant else [] for word in CONTENT)
        body[pages.BLOCKS] = pages.new(texts, list(map(int, shown)))
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
    """What changes; the whole page where that is its content. Raises `ValueError` where there is nothing to
    send."""
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, Json] = {
        field.key: json_of(
            field, [Part(held.content.text or "", held.raw) for held in merge.fields[field.word]]
        )
        for field in FIELDS[current.kind]
        if field.word in merge.fields
    }
    if pages.BLOCKS in body:
        page = orjson.loads(current.whole)
        body = {**page, **body, pages.BLOCKS: _blocks(page.get(pages.BLOCKS) or [], merge)}
    return orjson.dumps(body)


def _blocks(blocks: list[Json], merge: Merge) -> list[Json]:
    html, items = ([held.content.text or "" for held in merge.fields.get(word, ())] for word in CONTENT)
    found = pages.with_texts(blocks, html) if CONTENT[0] in merge.fields else blocks
    return pages.with_items(found, list(map(int, items))) if CONTENT[1] in merge.fields else found


def restore_body(
    image: bytes, current: Saved, vocabulary: Vocabulary, numbers: Mapping[int, int]
) -> bytes | None:
    """What gives it its earlier state, but for what stays; None where it has that."""
    earlier = saved_from(decode(image), current.kind)
    if pages.BLOCKS in earlier.body:
        blocks = pages.renumbered(earlier.body[pages.BLOCKS], numbers)
        earlier = saved_from({**earlier.body, pages.BLOCKS: blocks}, current.kind)
    body: dict[str, Json] = {}
    for field in FIELDS[current.kind]:
        if field.only_new or field.word in STAY.get(current.kind, ()):
            continue
        wanted = parts_in(field, earlier.body.get(field.key), vocabulary)
        present = parts_in(field, current.body.get(field.key), vocabulary)
        if [one.text for one in wanted] != [one.text for one in present]:
            body[field.key] = json_of(field, wanted)
    if pages.BLOCKS in body:
        then, now = earlier.body.get(pages.BLOCKS), current.body.get(pages.BLOCKS)
        body = {**pages.whole(current.body), **body, pages.BLOCKS: pages.earlier(then, now)}
    return orjson.dumps(body) if body else None
