"""Values of what a resource has beside properties: `public`, `item-set`, `position`, the file of a media …"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from service.control.model import (
    BooleanType,
    Constant,
    DatetimeType,
    FieldWord,
    Find,
    OnError,
    ValueSpec,
)
from worker.mapping import places
from worker.mapping.inputs import Reading
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.members import element_member, property_member, term_member
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, checked_unicode
from worker.mapping.types import Manner, address, boolean_words, datetime_judge, language_tag, whole_number
from worker.mapping.values import Finish, Wanted
from worker.records import FileName
from worker.sources.addresses import source_file

_BOOLEANS = frozenset({"public", "featured", "assign-new-items", "primary"})
_ADDRESSES = frozenset({"url", "iiif", "iiif-presentation", "oembed", "youtube"})
_FIRST_PARTS = frozenset({"http", "https", "ftp"})


def field_values(
    word: FieldWord,
    name: str,
    on_error: OnError,
    reading: Reading,
    lookups: VocabularyLookups,
    kind: str = "",
) -> Wanted[Any]:
    """Values of one field: booleans, whole numbers, addresses, members or texts, as the field takes them.

    `kind`: of the destination."""
    member = _member(word, kind)
    if member is not None:
        return Wanted(name, on_error, lambda spec: lambda piece, manner: member(piece), reading, lookups)
    return Wanted(name, on_error, lambda spec: _finish(word, spec), reading, lookups)


def _member(word: FieldWord, kind: str) -> Callable[[Any], str] | None:
    """What makes the members of a kind; None for names that take plain values."""
    if word == "elements":
        return element_member if kind == "element-set" else None
    if word in ("properties", "classes"):
        return property_member if kind == "resource-template" else term_member
    return None


def file_values(
    name: str, on_error: OnError, said: OnError | None, reading: Reading, lookups: VocabularyLookups
) -> Wanted[FileName]:
    """Values of `file`. `on_error`: what holds for the value; `said`: what the instruction says itself."""
    for_media: OnError | Literal[""] = "" if said is None and on_error == "reject" else on_error

    def finish(spec: ValueSpec) -> Finish[FileName]:
        find = spec.find or Find()

        def named(piece: Any, manner: Manner) -> FileName:
            text = checked_unicode(as_text(piece) or "")
            return FileName(text, find.by, find.ignore_case, for_media, spec.pointer)

        return named

    return Wanted(name, on_error, finish, reading, lookups)


def part_values(name: str, on_error: OnError, reading: Reading, lookups: VocabularyLookups) -> Wanted[Any]:
    """Values of a part of a pseudo-destination: `public` is a boolean, the others are texts."""

    def finish(spec: ValueSpec) -> Finish[Any]:
        if name.endswith(" public"):
            return _boolean(spec)
        if isinstance(spec.type, DatetimeType):
            judge = datetime_judge(spec.type.date_format, spec.type.time_zone)
            return lambda piece, manner: judge(as_text(piece) or "")
        return lambda piece, manner: checked_unicode(as_text(piece) or "")

    return Wanted(name, on_error, finish, reading, lookups)


def _finish(word: FieldWord, spec: ValueSpec) -> Finish[Any]:
    if word in _BOOLEANS:
        return _boolean(spec)
    if word == "email":
        return lambda piece, manner: _email(as_text(piece) or "")
    if word == "role":
        return _role(spec)
    if word == "position":
        return _position
    if word == "point":
        return lambda piece, manner: places.point(as_text(piece) or "")
    if word == "zoom":
        return lambda piece, manner: places.zoom(piece)
    if word in _ADDRESSES:
        return lambda piece, manner: _web_address(as_text(piece) or "", word)
    if word == "language":
        return lambda piece, manner: language_tag(as_text(piece) or "")
    return lambda piece, manner: checked_unicode(as_text(piece) or "")


def _boolean(spec: ValueSpec) -> Finish[bool]:
    judge: Callable[[str], bool] = boolean_words(
        spec.type if isinstance(spec.type, BooleanType) else BooleanType()
    )

    def finish(piece: Any, manner: Manner) -> bool:
        return piece if isinstance(piece, bool) else judge(as_text(piece) or "")

    return finish


def _position(piece: Any, manner: Manner) -> int:
    position = int(whole_number(as_text(piece) or ""))
    if not 0 <= position < 2**31:
        raise Unconvertible("not-an-integer", f"“{shown(piece)}” is no position (1, 2, 3 …).")
    return position


def _web_address(text: str, word: FieldWord) -> str:
    uri = address(text)
    if word == "url" and source_file(uri) is not None:
        return uri
    if uri.partition(":")[0].lower() not in _FIRST_PARTS:
        raise Unconvertible("not-a-uri", f"“{shown(text)}” is no address that {word} can be fetched from.")
    return uri


def _email(text: str) -> str:
    """In lower case: Omeka compares addresses without case, and here they are identities."""
    name, at, host = checked_unicode(text).casefold().rpartition("@")
    if not (name and at and "." in host) or any(one.isspace() for one in text):
        raise Unconvertible("not-an-email", f"“{shown(text)}” is no e-mail address.")
    return f"{name}@{host}"


LEAST_ROLE = "researcher"
"""What data alone may make of a user; any other role is one that the control file names."""


def _role(spec: ValueSpec) -> Finish[str]:
    named = {LEAST_ROLE, *_named(spec)}

    def finish(piece: Any, manner: Manner) -> str:
        role = checked_unicode(as_text(piece) or "")
        if role not in named:
            raise Unconvertible(
                "role-not-named",
                f"The role “{shown(role)}” comes from the data. More than a {LEAST_ROLE} a user becomes only "
                "by a role that the control file names: with `set`, `set-value`, or the values of a "
                "`mapInputValue`.",
            )
        return role

    return finish


def _named(spec: ValueSpec) -> Iterator[str]:
    """The values that stand in the control file itself."""
    if isinstance(spec.input, Constant):
        yield str(spec.input.value)
    if spec.map is not None:
        yield from map(str, spec.map.table.values())
    if spec.has_default:
        yield str(spec.default)
