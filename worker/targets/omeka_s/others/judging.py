"""What Omeka S saved of what is no resource, against what was meant; and by what it is known again. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

import msgspec

from worker.planning.values import NOTHING
from worker.records import Draft, Identity, Json, Kind, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.omeka_s.others.fields import FIELDS, OtherField, Part, listing_of, parts_in
from worker.targets.omeka_s.others.members import not_kept, properties_in, terms_in
from worker.targets.omeka_s.representation import decode, reference_ids
from worker.targets.omeka_s.vocabulary import Vocabulary
from worker.targets.redact import excerpt


def differences(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> tuple[Difference, ...]:
    """What was saved otherwise than `payload` meant, by name; only what it names is compared."""
    meant = decode(payload)
    assert isinstance(meant, dict), "a payload is an object"
    found: list[Difference] = []
    for field in FIELDS[saved.kind]:
        if field.key in meant:
            found.extend(_difference(field, meant[field.key], saved.body.get(field.key), vocabulary))
    return tuple(found)


def _difference(field: OtherField, meant: Json, saved: Json, vocabulary: Vocabulary) -> list[Difference]:
    match field.shape:
        case "terms":
            lost = not_kept(meant, saved, terms_in)
        case "properties":
            lost = not_kept(meant, saved, lambda entries: properties_in(entries, vocabulary))
        case _:
            wanted, kept = parts_in(field, meant, vocabulary), parts_in(field, saved, vocabulary)
            same = {one.text for one in wanted} == {one.text for one in kept}
            lost = [] if same else [(_shown(wanted), _shown(kept))]
    return [Difference(field.word, wish or NOTHING, there or NOTHING) for wish, there in lost]


def _shown(parts: Sequence[Part]) -> str:
    return ", ".join(one.shown or excerpt(one.text) for one in parts)


def identities(saved: Saved, by: tuple[str, ...], vocabulary: Vocabulary) -> tuple[tuple[str, ...], ...]:
    """The identities that it bears by these names, each in their order."""
    each = [_texts(saved, word, vocabulary) for word in by]
    return tuple(itertools.product(*each))


def canonical(draft: Draft, vocabulary: Vocabulary) -> Draft:
    """The draft with an identity as `identities` tells it: one of the names of a site becomes its slug, an
    address is in lower case."""
    identity = draft.identity
    if identity is None:
        return draft
    values = [
        _canonical(draft.kind, word, text, vocabulary)
        for word, text in zip(identity.by, identity.values, strict=False)
    ]
    return msgspec.structs.replace(draft, identity=msgspec.structs.replace(identity, values=tuple(values)))


def _canonical(kind: Kind, word: str, text: str, vocabulary: Vocabulary) -> str:
    field = _field(kind, word)
    if field is not None and field.shape == "email":
        return text.casefold()
    names = listing_of(field, vocabulary) if field is not None else None
    found = names.find(text) if names is not None else None
    return names.labels[found] if names is not None and isinstance(found, int) else text


def bears(saved: Saved, identity: Identity, vocabulary: Vocabulary) -> bool:
    wanted = tuple(map(normal_identity, identity.values))
    return wanted in identities(saved, identity.by, vocabulary)


def _texts(saved: Saved, word: str, vocabulary: Vocabulary) -> Collection[str]:
    field = _field(saved.kind, word)
    if field is None:
        return ()
    names = listing_of(field, vocabulary)
    if names is not None:
        numbers = reference_ids(saved.body.get(field.key))
        return [normal_identity(names.labels.get(number, str(number))) for number in numbers]
    parts = parts_in(field, saved.body.get(field.key), vocabulary)
    return [normal_identity(one.text) for one in parts]


def _field(kind: Kind, word: str) -> OtherField | None:
    return next((one for one in FIELDS[kind] if one.word == word), None)
