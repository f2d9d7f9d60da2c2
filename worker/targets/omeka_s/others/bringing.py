"""Names that a record brings: what comes after it in the same batch may use them before they are there."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from worker.records import Draft, Kind
from worker.targets.omeka_s.vocabulary import Vocabulary, What, normal

_NAMED: dict[Kind, tuple[What, tuple[str, ...]]] = {
    "asset": ("asset", ("name",)),
    "resource-template": ("template", ("label",)),
    "item-set": ("item set", ("dcterms:title",)),
    "site": ("site", ("slug", "title")),
    "user": ("owner", ("email", "name")),
}
"""Kind → the listing that it is found in, and by which of its names."""


def brings(draft: Draft, vocabulary: Vocabulary) -> None:
    """Note what a new one will be called. A name that is there already goes on meaning that."""
    if draft.kind == "vocabulary":
        vocabulary.coming.terms.update(_terms(draft, "properties"))
        vocabulary.coming.names.setdefault("class", set()).update(_terms(draft, "classes"))
    if draft.action != "new" or draft.kind not in _NAMED:
        return
    what, words = _NAMED[draft.kind]
    vocabulary.coming.names.setdefault(what, set()).update(normal(one) for one in _names(draft, words))


def _names(draft: Draft, words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        name = draft.fields.own.get(word)
        if isinstance(name, str):
            yield name
        for part in draft.properties:
            if part.term == word:
                yield from (value.text for value in part.values if value.text)


def _terms(draft: Draft, word: str) -> Iterator[str]:
    """The terms of the members that a vocabulary is given."""
    members, prefix = draft.fields.own.get(word), draft.fields.own.get("prefix")
    for text in members if isinstance(members, tuple) and isinstance(prefix, str) else ():
        yield f"{prefix}:{orjson.loads(text)['name']}"
