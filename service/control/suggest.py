"""The nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache

_LONGEST = 60
"""No word of the language is near a text longer than this, and comparing takes the square of it."""

_MEANT = {
    "collection": "item-set",
    "collections": "item-set",
    "itemset": "item-set",
    "item_set": "item-set",
    "files": "media",
    "image": "media",
    "lang": "language",
    "column": "source",
    "field": "source",
    "property": "name",
    "term": "name",
    "separator": "split",
    "delimiter": "separator",
    "append": "multivalue",
    "reader": "read",
    "format": "read",
    "key": "source",
    "is_public": "public",
    "isPublic": "public",
    "private": "public",
    "type-map": "typeMap",
    "unless": "if-exists",
    "create": "new",
    "update": "load",
    "foreach": "for-each",
    "text": "literal",
    "url": "uri",
    "ref": "resource",
    "excel": "xlsx",
    "ndjson": "jsonl",
    "tsv": "csv",
    "zip": "attachment",
    "file": "attachment",
    "csv-with-name-row": "csv",
    "lowercase": "lower",
    "uppercase": "upper",
    "date": "datetime",
}
"""What people write who know another tool, where spelling alone would not lead to the right word."""


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that was probably meant, or None."""
    return _nearest(word, tuple(sorted(set(allowed)))) if len(word) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _nearest(word: str, allowed: tuple[str, ...]) -> str | None:
    simple = _simple(word)
    for candidate in allowed:
        if _simple(candidate) == simple:
            return candidate
    meant = _MEANT.get(word) or _MEANT.get(word.lower())
    if meant in allowed:
        return meant
    by_simple = {_simple(candidate): candidate for candidate in allowed}
    close = difflib.get_close_matches(simple, list(by_simple), n=1, cutoff=0.72)
    return by_simple[close[0]] if close else None


def _simple(word: str) -> str:
    return word.casefold().replace("-", "").replace("_", "").replace(" ", "")
