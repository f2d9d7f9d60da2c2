"""What a plan entry changes, also of a resource that is to be created: read from the worker's draft of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from service.store.changes import Change, Changes
from service.store.plans import Entry

_FIELDS = {"resource_class": "class", "item_sets": "item-set", "sites": "site"}
"""The control file's words for fields, where they are not simply those of the draft."""
_UNMARKED = ("literal", "uri", "resource")
"""Data types that a value shows by itself."""


class _Link(Struct, frozen=True):
    to: str = ""
    identity: tuple[str, ...] = ()


class _Value(Struct, frozen=True):
    type: str = "literal"
    text: str | None = None
    uri: str | None = None
    label: str | None = None
    language: str | None = None
    public: bool | None = None
    link: _Link | None = None

    @property
    def shown(self) -> str:
        if self.link is not None:
            main = f"→ {self.link.to} {' + '.join(self.link.identity)}"
        else:
            main = self.uri or self.text or ""
        parts = [main]
        if self.label:
            parts.append(f"“{self.label}”")
        if self.language:
            parts.append(f"@{self.language}")
        if self.type not in _UNMARKED:
            parts.append(f"^^{self.type}")
        if self.public is False:
            parts.append("(private)")
        return " ".join(parts)


class _Property(Struct, frozen=True):
    term: str
    values: tuple[_Value, ...] = ()


class _Source(Struct, frozen=True):
    ingester: str
    value: str


class _Draft(Struct, frozen=True):
    properties: tuple[_Property, ...] = ()
    fields: Mapping[str, object] = {}
    source: _Source | None = None


_decoder = msgspec.json.Decoder(_Draft)
_changes_decoder = msgspec.json.Decoder(Changes)


def changes_of(entry: Entry) -> Changes:
    """What an entry changes: as planned of an update or a removal, as drafted of a new resource."""
    if entry.changes is not None:
        return _changes_decoder.decode(entry.changes)
    if entry.action == "create" and entry.draft is not None:
        return Changes(tuple(_created(_decoder.decode(entry.draft))))
    return Changes()


def _created(draft: _Draft) -> Iterator[Change]:
    for one in draft.properties:
        if one.values:
            yield _all_new(one.term, tuple(value.shown for value in one.values))
    own = draft.fields.get("own")
    for name, value in (*(own.items() if isinstance(own, dict) else ()), *draft.fields.items()):
        if name not in ("of", "on_update", "own") and (texts := tuple(_field_texts(value))):
            yield _all_new(_FIELDS.get(name, name.replace("_", "-")), texts)
    if draft.source is not None:
        yield _all_new(draft.source.ingester.replace("_", "-"), (draft.source.value,))


def _all_new(name: str, values: tuple[str, ...]) -> Change:
    return Change(name, added=values, after=values)


def _field_texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (str(one) for one in value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield str(value)
