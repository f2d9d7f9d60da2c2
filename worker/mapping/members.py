"""Members of what is no resource: terms of a vocabulary, properties of a template, elements of a set.

A member is an object, or a text that is short for one. What is made of it is its JSON in one canonical form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, checked_unicode

_LOCAL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*")
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*:[A-Za-z0-9_][A-Za-z0-9_.~-]*")

TERM_KEYS = ("name", "label", "comment")
ELEMENT_KEYS = ("name", "description", "comment", "order")
PROPERTY_KEYS = ("property", "label", "comment", "data-types", "required", "private", "language")


def term_member(piece: Any) -> str:
    """A property or class of a vocabulary: `shelf`, `shelf = Shelf mark`, or an object of `TERM_KEYS`."""
    if isinstance(piece, dict):
        given = _keys(piece, TERM_KEYS)
    else:
        name, sign, label = (as_text(piece) or "").partition("=")
        given = {"name": name.strip(), **({"label": label.strip()} if sign else {})}
    if not _LOCAL_NAME.fullmatch(str(given.get("name", ""))):
        raise Unconvertible(
            "member-unclear",
            f"“{shown(given.get('name', ''))}” is no local name of a term: letters, digits, _ . ~ and - "
            "without spaces. Write `shelf = Shelf mark` where it has a label.",
        )
    return _canonical(given)


def property_member(piece: Any) -> str:
    """A property of a resource template: `dcterms:title`, or an object of `PROPERTY_KEYS`."""
    given = _keys(piece, PROPERTY_KEYS) if isinstance(piece, dict) else {"property": as_text(piece) or ""}
    if not _TERM.fullmatch(str(given.get("property", ""))):
        said = shown(given.get("property", ""))
        raise Unconvertible("member-unclear", f"“{said}” is no term such as dcterms:title.")
    return _canonical(given)


def element_member(piece: Any) -> str:
    """An element of an element set: its name alone as it is, or an object of `ELEMENT_KEYS`."""
    if not isinstance(piece, dict):
        name = checked_unicode(as_text(piece) or "").strip()
        return _canonical({"name": name}) if name.startswith("{") else name
    given = _keys(piece, ELEMENT_KEYS)
    if not given.get("name"):
        raise Unconvertible("member-unclear", "has no name, and an element needs one.")
    return _canonical(given)


def _keys(piece: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, value in piece.items():
        if key not in known:
            raise Unconvertible(
                "member-unclear", f"has the key “{shown(key)}”; there are {', '.join(known)}."
            )
        if value is not None:
            read: Callable[[Any, str], Any] = _KINDS.get(key, _text)
            given[key] = read(value, key)
    return given


def _text(value: Any, key: str) -> str:
    if isinstance(value, list | dict):
        raise Unconvertible("member-unclear", f"has {shown(value)} for its {key}, which is a text.")
    return checked_unicode((as_text(value) or "").strip())


def _texts(value: Any, key: str) -> list[str]:
    return [text for one in (value if isinstance(value, list) else [value]) if (text := _text(one, key))]


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise Unconvertible("member-unclear", f"has “{shown(value)}” for {key}, which is true or false.")
    return value


def _whole(value: Any, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unconvertible("member-unclear", f"has “{shown(value)}” for {key}, which is a whole number.")
    return value


_KINDS: Mapping[str, Callable[[Any, str], Any]] = {
    "data-types": _texts,
    "order": _whole,
    "required": _flag,
    "private": _flag,
}


def _canonical(given: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(given), option=orjson.OPT_SORT_KEYS).decode()
