"""Names that a record brings: what comes after it in the same batch may use them before they are there."""

from __future__ import annotations

from collections.abc import Iterator

from worker.records import Draft, Kind
from worker.targets.omeka_s.vocabulary import Vocabulary, What, normal

_NAMED: dict[Kind, tuple[What, tuple[str, ...]]] = {
    "asset": ("asset", ("name",)),
}
"""Kind → the listing that it is found in, and by which of its names."""


def brings(draft: Draft, vocabulary: Vocabulary) -> None:
    """Note what a new one will be called. A name that is there already goes on meaning that."""
    if draft.action != "new" or draft.kind not in _NAMED:
        return
    what, words = _NAMED[draft.kind]
    vocabulary.coming.names.setdefault(what, set()).update(normal(one) for one in _names(draft, words))


def _names(draft: Draft, words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        name = draft.fields.own.get(word)
        if isinstance(name, str):
            yield name
