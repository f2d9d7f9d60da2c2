"""What Omeka Classic saved against what was meant. Pure.

The answer to a write is the saved state: a text of an element that it does not know is simply not there
(`136`), and a tag comes back as it was spelt first (`162`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import orjson

from worker.planning.values import NOTHING
from worker.records import Identity, Json, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.decoding import decode
from worker.targets.listings import Listing
from worker.targets.omeka_classic import places
from worker.targets.omeka_classic.elements import canonical
from worker.targets.omeka_classic.representation import (
    MEDIA,
    SHA256,
    UPLOADS,
    by_name,
    file_count,
    reference,
    tags,
    texts,
)
from worker.targets.omeka_classic.tags import folded
from worker.targets.omeka_classic.vocabulary import Vocabulary
from worker.targets.redact import excerpt

Sent = tuple[int, str, bool]
"""Element, text, whether it is HTML."""


def differences(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> tuple[Difference, ...]:
    """What was saved otherwise than `payload` meant, by name; only what it names is compared."""
    meant = _body(payload)
    return (
        *_fields(meant, saved, vocabulary),
        *places.differences(meant, saved.body),
        *_texts(meant, saved, vocabulary),
    )


def same_as(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> bool:
    """Whether this is the record that a create with `payload` leaves."""
    meant = _body(payload)
    if differences(payload, saved, vocabulary):
        return False
    return all(key in meant or reference(saved.body, key) is None for key in ("item_type", "collection"))


def remnant(payload: bytes, saved: Saved) -> bool:
    """Whether this may be what a create with `payload` left when it failed: its own fields, and of its texts
    and tags some and no others (`139`: of texts none)."""
    meant = _body(payload)
    if any(meant.get(key, False) is not saved.body.get(key, False) for key in ("public", "featured")):
        return False
    for key in ("item_type", "collection", "item"):
        if reference(saved.body, key) not in (None, reference(meant, key)):
            return False
    if saved.kind == "media" and saved.body.get("original_filename") != meant.get("original_filename"):
        return False
    there = Counter((one.element, one.text, one.html) for one in texts(saved.body))
    if there - Counter(_sent(meant)):
        return False
    return set(map(folded, tags(saved.body))) <= set(map(folded, tags(meant)))


def half_done(payload: bytes, before: Saved, present: Saved, *, back: bool = False) -> bool:
    """Whether a PUT that failed half-way made `present` of `before`: each field is as it was or as meant, and
    the texts are some of those meant (`149`: all were taken off, and the first was put in), likewise the
    tags. `back`: or one that was to give `before` back, so that the texts are some of those that it had."""
    meant = _body(payload)
    for key in ("public", "featured", "item_type", "collection"):
        wanted = _plain(meant[key]) if key in meant else _plain(before.body.get(key))
        if _plain(present.body.get(key)) not in (wanted, _plain(before.body.get(key))):
            return False
    if not places.may_be_between(meant, before.body, present.body):
        return False
    stood = [(one.element, one.text, one.html) for one in texts(before.body)]
    there = [(one.element, one.text, one.html) for one in texts(present.body)]
    wanted_texts = _sent(meant) if "element_texts" in meant else stood
    some = not Counter(there) - Counter(wanted_texts) or (back and not Counter(there) - Counter(stood))
    if Counter(there) != Counter(stood) and not some:
        return False
    tags_then, tags_now = set(map(folded, tags(before.body))), set(map(folded, tags(present.body)))
    wanted_tags = set(map(folded, tags(meant))) if "tags" in meant else tags_then
    return (tags_now & wanted_tags) | (tags_now & tags_then) == tags_now


def _plain(value: Json) -> Json:
    return reference({"": value}, "") if isinstance(value, dict) else value


def identities_of(saved: Saved, name: str) -> list[str]:
    """What a record bears as an identity in that element, each once."""
    found = by_name(saved.body).get(canonical(name), ())
    return list(dict.fromkeys(normal_identity(one.text) for one in found if one.text.strip()))


def bears(saved: Saved, identity: Identity) -> bool:
    """Whether the record has each value of the identity (of alternatives: in one of the elements), NFC and
    trimmed, case kept."""
    if identity.alternatives:
        wanted = normal_identity(identity.values[0])
        return any(wanted in identities_of(saved, name) for name in identity.by)
    return all(
        normal_identity(value) in identities_of(saved, name)
        for name, value in zip(identity.by, identity.values, strict=True)
    )


# --- fields ---------------------------------------------------------------------------------------


def _fields(meant: Mapping[str, Json], saved: Saved, vocabulary: Vocabulary) -> Iterator[Difference]:
    for key in ("public", "featured", "order", "size", "original_filename"):
        if key in meant and meant[key] != saved.body.get(key):
            yield Difference(_NAMES.get(key, key), _word(meant[key]), _word(saved.body.get(key)))
    references: tuple[tuple[str, str, Listing | None], ...] = (
        ("class", "item_type", vocabulary.item_types),
        ("item-set", "collection", vocabulary.collections),
        ("item", "item", None),
    )
    for name, key, names in references:
        if key in meant and reference(meant, key) != reference(saved.body, key):
            yield Difference(
                name, _label(reference(meant, key), names), _label(reference(saved.body, key), names)
            )
    if "tags" in meant:
        wanted, kept = tags(meant), tags(saved.body)
        if set(map(folded, wanted)) != set(map(folded, kept)):
            yield Difference("tags", ", ".join(wanted) or NOTHING, ", ".join(kept) or NOTHING)
    if SHA256 in meant and SHA256 in saved.body and meant[SHA256] != saved.body[SHA256]:
        yield Difference("bytes (SHA-256)", _word(meant[SHA256]), _word(saved.body[SHA256]))
    uploads = meant.get(UPLOADS)
    if isinstance(uploads, list) and len(uploads) != file_count(saved.body):
        yield Difference("media", str(len(uploads)), str(file_count(saved.body)))
    if MEDIA in meant and meant[MEDIA] != list(saved.media_ids):
        yield Difference("media order", _word(meant[MEDIA]), _word(list(saved.media_ids)))


_NAMES = {"order": "position", "original_filename": "file"}


def _word(value: Json) -> str:
    if isinstance(value, str) and value:
        return excerpt(value)
    return NOTHING if value in (None, "") else orjson.dumps(value).decode()


def _label(number: int | None, names: Listing | None) -> str:
    if number is None:
        return NOTHING
    return names.label(number) if names is not None else str(number)


# --- texts ----------------------------------------------------------------------------------------


def _sent(body: Mapping[str, Json]) -> list[Sent]:
    """The texts of a payload, which says no names."""
    listed = body.get("element_texts")
    return [
        (number, str(entry.get("text")), entry.get("html") is True)
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and (number := reference(entry, "element")) is not None
    ]


def _texts(meant: Mapping[str, Json], saved: Saved, vocabulary: Vocabulary) -> Iterator[Difference]:
    if "element_texts" not in meant:
        return
    names = {one.id: name for name, one in vocabulary.elements.items()}
    kept = [(one.element, one.text, one.html) for one in texts(saved.body)]
    names.update({one.element: one.name for one in texts(saved.body)})
    wanted = _sent(meant)
    missing = list((Counter(wanted) - Counter(kept)).elements())
    extra = list((Counter(kept) - Counter(wanted)).elements())
    for one in missing:
        twin = next((other for other in extra if other[0] == one[0]), None)
        if twin is not None:
            extra.remove(twin)
        name = names.get(one[0], f"element {one[0]}")
        yield Difference(name, _shown(one), NOTHING if twin is None else _shown(twin))
    for one in extra:
        yield Difference(names.get(one[0], f"element {one[0]}"), NOTHING, _shown(one))


def _shown(one: Sent) -> str:
    return excerpt(one[1]) + (" ^^html" if one[2] else "")


def _body(payload: bytes) -> dict[str, Json]:
    body = decode(payload)
    assert isinstance(body, dict), "a payload is an object"
    return body
