"""Goes through everything that a compiled control file is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass


def parts(thing: object) -> Iterator[object]:
    """Every dataclass within, itself first, parents before what they hold."""
    todo = [thing]
    while todo:
        one = todo.pop()
        if is_dataclass(one) and not isinstance(one, type):
            yield one
            todo.extend(getattr(one, entry.name) for entry in reversed(fields(one)))
        elif isinstance(one, (tuple, list)):
            todo.extend(reversed(one))
        elif isinstance(one, Mapping):
            todo.extend(reversed(list(one.values())))
