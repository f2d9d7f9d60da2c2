"""The habits of PHP that show in the answers: truth, numbers from text, nested query parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias
from urllib.parse import quote, unquote_plus

Json: TypeAlias = Any
"""A decoded JSON document; its shape is the client's, so it is checked where it is read."""
Query: TypeAlias = "dict[str, str | Query]"

_NUMERIC = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*\Z")
_PREFIX = re.compile(r"\s*[+-]?\d+")
_NAME = re.compile(r"\[([^\]]*)\]")


def truthy(value: Json) -> bool:
    """``(bool) $value``: the string "0" is false, the string "false" is true."""
    return value not in (None, False, 0, 0.0, "", "0", [], {})


def is_numeric(value: Json) -> bool:
    """``is_numeric($value)``."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (isinstance(value, str) and bool(_NUMERIC.match(value)))


def to_int(value: Json) -> int:
    """``(int) $value``: the leading digits, or 0."""
    if isinstance(value, str):
        found = _PREFIX.match(value)
        return int(found.group()) if found else 0
    return int(value) if isinstance(value, int | float) else 0


def members(value: Json) -> Iterator[Json]:
    """What ``foreach`` visits of an array, be it a list or a map; nothing of a scalar."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def parse_query(raw: str) -> Query:
    """``$_GET``: ``a[b][]=1`` becomes nested arrays; the last of equal names wins."""
    query: Query = {}
    for pair in raw.split("&"):
        if not pair:
            continue
        name, _, text = pair.partition("=")
        name, text = unquote_plus(name), unquote_plus(text)
        head, bracket, _ = name.partition("[")
        path = [head.replace(".", "_").replace(" ", "_")]
        if bracket:
            path += _NAME.findall(name[len(head) :])
        _put(query, path, text)
    return query


def _put(query: Query, path: list[str], text: str) -> None:
    node = query
    for depth, step in enumerate(path):
        key = step if step or depth == 0 else str(1 + max((int(k) for k in node if k.isdigit()), default=-1))
        if depth == len(path) - 1:
            node[key] = text
            return
        below = node.get(key)
        if not isinstance(below, dict):
            below = {}
            node[key] = below
        node = below


def build_query(query: Query) -> str:
    """``http_build_query``, as the framework's URL helper leaves it: brackets escaped, colons not."""
    return "&".join(f"{name}={quote(text, safe=_SAFE)}" for name, text in _flat(query, ""))


_SAFE = "!$'()*,:@/?~"


def _flat(query: Query, prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in query.items():
        step = quote(key, safe=_SAFE)
        name = f"{prefix}%5B{step}%5D" if prefix else step
        if isinstance(value, dict):
            yield from _flat(value, name)
        else:
            yield name, value
