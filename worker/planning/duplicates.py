"""`duplicates: merge`: several records of one identity become one resource. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from worker.records import Draft, Fields, Property

_POLICIES = ("of", "on_update")


def merged(first: Draft, second: Draft) -> Draft:
    """The first draft with what the second adds: its values behind those of the first, each once; its fields
    where the first says nothing, and its list fields together."""
    properties: dict[str, Property] = {part.term: part for part in first.properties}
    for part in second.properties:
        present = properties.get(part.term)
        if present is None:
            properties[part.term] = part
            continue
        values = tuple(dict.fromkeys((*present.values, *part.values)))
        properties[part.term] = msgspec.structs.replace(present, values=values)
    return msgspec.structs.replace(
        first,
        properties=tuple(properties.values()),
        fields=_fields(first.fields, second.fields),
        picture=second.picture if first.fields.thumbnail is UNSET else first.picture,
    )


def _fields(first: Fields, second: Fields) -> Fields:
    changes: dict[str, Any] = {}
    for name in Fields.__struct_fields__:
        ours, theirs = getattr(first, name), getattr(second, name)
        if name in _POLICIES:
            changes[name] = {**theirs, **ours}
        elif theirs is UNSET:
            continue
        elif ours is UNSET:
            changes[name] = theirs
        elif isinstance(ours, tuple) and isinstance(theirs, tuple):
            changes[name] = tuple(dict.fromkeys((*ours, *theirs)))
    return msgspec.structs.replace(first, **changes) if changes else first
