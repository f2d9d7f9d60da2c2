"""What Omeka S saved of what is no resource, against what was meant; and by what it is known again. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from worker.planning.values import NOTHING
from worker.records import Identity, Json, Kind, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.omeka_s.others.fields import FIELDS, OtherField, listing_of, texts_in
from worker.targets.omeka_s.representation import decode
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
    wanted, kept = texts_in(field, meant), texts_in(field, saved)
    if set(wanted) == set(kept):
        return []
    return [Difference(field.word, _shown(field, wanted, vocabulary), _shown(field, kept, vocabulary))]


def _shown(field: OtherField, texts: Sequence[str], vocabulary: Vocabulary) -> str:
    names = listing_of(field, vocabulary)
    shown = [names.label(int(text)) if names is not None else excerpt(text) for text in texts]
    return ", ".join(shown) or NOTHING


def identities(saved: Saved, by: tuple[str, ...], vocabulary: Vocabulary) -> tuple[tuple[str, ...], ...]:
    """The identities that it bears by these names, each in their order."""
    each = [_texts(saved, word, vocabulary) for word in by]
    return tuple(itertools.product(*each))


def bears(saved: Saved, identity: Identity, vocabulary: Vocabulary) -> bool:
    wanted = tuple(map(normal_identity, identity.values))
    return wanted in identities(saved, identity.by, vocabulary)


def _texts(saved: Saved, word: str, vocabulary: Vocabulary) -> Collection[str]:
    field = _field(saved.kind, word)
    if field is None:
        return ()
    return [normal_identity(text) for text in texts_in(field, saved.body.get(field.key))]


def _field(kind: Kind, word: str) -> OtherField | None:
    return next((one for one in FIELDS[kind] if one.word == word), None)
