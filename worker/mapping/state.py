"""What a record becomes while its instructions run: drafts that grow, and what went wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from service.control.model import Json, Match, OnError
from worker.mapping.places import place_of
from worker.mapping.problems import Unconvertible, shown
from worker.records import (
    RESOURCES,
    Draft,
    DraftAction,
    Fields,
    FileName,
    Identity,
    Ingester,
    Kind,
    MediaSource,
    Of,
    OnUpdate,
    Own,
    Problem,
    Property,
    Severity,
    Value,
)

MOST_PROBLEMS = 100
"""Of one record; more of them tell nobody more."""

_SEVERITY: dict[OnError, Severity] = {"reject": "reject", "drop": "warning", "stop": "stop"}
_NO_FIELDS = Fields()

INGESTERS: dict[str, Ingester] = {
    "file": "upload",
    "url": "url",
    "html": "html",
    "iiif": "iiif",
    "iiif-presentation": "iiif_presentation",
    "oembed": "oembed",
    "youtube": "youtube",
    "sideload": "sideload",
}
GEOLOCATION = "geolocation"
"""The name of an item's place among its fields."""
LISTED = frozenset({"item-set", "site", "tags", "properties", "classes", "elements"})
"""Fields that hold several values at once."""
FIELD_ATTRIBUTES = {
    "public": "public",
    "featured": "featured",
    "class": "resource_class",
    "template": "template",
    "item-set": "item_sets",
    "site": "sites",
    "owner": "owner",
    "tags": "tags",
    "thumbnail": "thumbnail",
    "position": "position",
    "alt-text": "alt_text",
    "language": "language",
}
"""Names of the control file → attributes of `Fields`."""


class Abort(Exception):
    """No further instruction of this record is run; why stands among its problems."""


class Skipped(Exception):
    """The record is left out by rule."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PropertySlot(Struct, gc=False):
    """The values that the record has given to one property so far."""

    values: list[Value]
    on_update: OnUpdate
    of: Of
    pointer: str


class Builder:
    """A draft that is not finished."""

    __slots__ = (
        "action",
        "field_policies",
        "fields",
        "identity",
        "item",
        "kind",
        "label",
        "match",
        "on_error",
        "ordinal",
        "otherwise",
        "place",
        "pointer",
        "properties",
        "resource_id",
        "whole",
    )

    def __init__(self, label: str, kind: Kind, ordinal: int, action: DraftAction, pointer: str) -> None:
        self.label = label
        self.kind: Kind = kind
        self.ordinal = ordinal
        self.action: DraftAction = action
        self.pointer = pointer
        self.identity: Identity | None = None
        self.resource_id: int | None = None
        self.item: int | None = None
        self.match: Match | None = None
        self.otherwise = ""
        self.properties: dict[str, PropertySlot] = {}
        self.fields: dict[str, Any] = {}
        """By the name of the control file: text, boolean, number, or a list of texts; None is emptied."""
        self.field_policies: dict[str, tuple[OnUpdate, Of]] = {}
        self.whole = False
        """Whether the record speaks for every element of the resource."""
        self.place: Builder | None = None
        """Of an item: what its geolocation is given."""
        self.on_error: OnError = "reject"

    def draft(self, state: RecordState) -> Draft:
        """The finished draft; problems that only its end shows go to the state."""
        self._complete_identity(state)
        source = self._media_source(state) if self.kind == "media" else None
        if self.kind == "asset" and self.fields.get("file") is not None:
            source = MediaSource("upload", self.fields["file"])
        named = self.fields.get("thumbnail")
        return Draft(
            self.label,
            self.kind,
            self.ordinal,
            self.action,
            self.identity,
            self.resource_id,
            self.item,
            tuple(
                [
                    Property(term, tuple(slot.values), slot.on_update, slot.of, slot.pointer)
                    for term, slot in self.properties.items()
                ]
            ),
            self._placed(self._fields() if self.fields else _NO_FIELDS, state),
            source,
            primary=self.kind == "media" and self.fields.get("primary") is True,
            picture=MediaSource("upload", named.text, named=named) if isinstance(named, FileName) else None,
            otherwise=self.otherwise,
            whole=self.whole,
        )

    def _placed(self, fields: Fields, state: RecordState) -> Fields:
        """With the geolocation, which goes by the policy of its point."""
        if self.place is None:
            return fields
        try:
            place = place_of(self.place.fields)
        except Unconvertible as failure:
            state.problem(self.place.on_error, failure.code, failure.message, self.place.pointer)
            return fields
        if place is UNSET:
            return fields
        on_update, of = self.place.field_policies.get("point", ("replace", "all"))
        return msgspec.structs.replace(
            fields,
            geolocation=place,
            on_update={**fields.on_update, GEOLOCATION: on_update}
            if on_update != "replace"
            else fields.on_update,
            of={**fields.of, GEOLOCATION: of} if of != "all" else fields.of,
        )

    def _complete_identity(self, state: RecordState) -> None:
        """Reads the identity from the values of `by`, or gives `by` the identity that was read."""
        match = self.match
        if match is None:
            return
        if not match.inputs:
            self._identity_from_values(match, state)
        elif self.identity is not None and self.kind not in RESOURCES:
            for name, text in self.identity.written:
                self.fields.setdefault(name, [text] if name in LISTED else text)
        elif self.identity is not None and self.action == "new":
            if self.identity.alternatives and self._gives(self.identity):
                return
            for name, text in self.identity.written:
                slot = self.properties.get(name)
                if slot is None:
                    slot = PropertySlot([Value(text=text)], "append", "all", match.pointer)
                    if self.whole:
                        slot.on_update, slot.of = "replace", "ours"
                    self.properties[name] = slot
                elif not any(text in (value.text, value.uri) for value in slot.values):
                    slot.values.append(Value(text=text))

    def _gives(self, identity: Identity) -> bool:
        """Whether the record gives one of the alternative properties the identifier itself."""
        return any(
            identity.values[0] in (value.text, value.uri)
            for name in identity.by
            if (slot := self.properties.get(name)) is not None
            for value in slot.values
        )

    def _identity_from_values(self, match: Match, state: RecordState) -> None:
        found: list[tuple[str, str]] = []
        for name in map(str, match.by):
            texts = self._texts_of(name)
            if len(texts) > 1:
                state.problem(
                    "reject",
                    "identity-several",
                    f"{self.label}: {name} has several values ({', '.join(map(shown, texts))}), so it is not "
                    f"clear which one identifies it. Say it with `source` in match.{self.label}.",
                    match.pointer,
                )
                return
            if texts:
                found.append((name, next(iter(texts))))
        if match.any_of:
            found = found[:1]
        if len(found) < (1 if match.any_of else len(match.by)):
            state.identity_missing(self.label, match, self.pointer)
            return
        self.identity = Identity(match.scope, tuple(map(str, match.by)), tuple(text for _, text in found))
        state.identities.append(self.identity)

    def _texts_of(self, name: str) -> dict[str, None]:
        """What the record gives a name that can be an identity, each once."""
        if self.kind not in RESOURCES:
            given = self.fields.get(name)
            return dict.fromkeys(given if isinstance(given, list) else [given] if given else [])
        slot = self.properties.get(name)
        return dict.fromkeys(text for value in (slot.values if slot else ()) if (text := _identifying(value)))

    def _media_source(self, state: RecordState) -> MediaSource | None:
        named = [(word, self.fields[word]) for word in INGESTERS if self.fields.get(word) is not None]
        if len(named) > 1:
            state.problem(
                "reject",
                "media-two-sources",
                f"{self.label} has {' and '.join(word for word, _ in named)}: a media comes from one place. "
                'Begin another with {"action": "new", "destination": "media"}.',
                self.pointer,
            )
        if not named:
            if self.action == "new" and self.match is None:
                state.problem(
                    "reject",
                    "media-without-source",
                    f"{self.label} is new and has neither {', '.join(INGESTERS)}. Where the data may lack "
                    "it, put `new` and its fields within an `if-exists`.",
                    self.pointer,
                )
            return None
        word, value = named[0]
        if isinstance(value, FileName):
            return MediaSource(INGESTERS[word], value.text, self.fields.get("source"), value)
        return MediaSource(INGESTERS[word], value, self.fields.get("source"))

    def _fields(self) -> Fields:
        given: dict[str, Any] = {}
        own: dict[str, Own] = {}
        for word, value in self.fields.items():
            if isinstance(value, FileName):
                continue  # which asset that is, its bytes will tell
            attribute = FIELD_ATTRIBUTES.get(word)
            if attribute is not None:
                given[attribute] = tuple(value) if isinstance(value, list) else value
            elif self.kind not in RESOURCES and word != "file":
                own[word] = tuple(value) if isinstance(value, list) else value
        if own:
            given["own"] = own
        if not given:
            return _NO_FIELDS
        of = {word: policy[1] for word, policy in self.field_policies.items() if policy[1] != "all"}
        on_update = {
            word: policy[0] for word, policy in self.field_policies.items() if policy[0] != "replace"
        }
        if given.get("position", 0) is None:
            given["position"] = UNSET
        return Fields(**given, of=of, on_update=on_update)


def check_primary(state: RecordState) -> None:
    """Of an item one media at most is the primary one, and none without an item."""
    met: set[int] = set()
    for builder in state.builders:
        if builder.fields.get("primary") is not True or builder.kind != "media":
            continue
        if builder.item is None:
            state.problem(
                "reject",
                "primary-without-item",
                f"{builder.label} is to be the primary media, and the record has no item that it belongs to. "
                "Load its item before it.",
                builder.pointer,
            )
        elif builder.item in met:
            state.problem(
                "reject",
                "primary-several",
                f"The record makes several media the primary one of {state.builders[builder.item].label}: "
                "give “primary” to one of them.",
                builder.pointer,
            )
        else:
            met.add(builder.item)


def _identifying(value: Value) -> str | None:
    """What of a value can be an identity: a URI as its `@id`, else its text."""
    return (value.uri or value.text or "").strip() or None


class RecordState:
    """One record on its way through the instructions."""

    __slots__ = (
        "builders",
        "complained",
        "current",
        "fields",
        "identities",
        "missing",
        "problems",
        "pseudo",
    )

    def __init__(self, fields: Mapping[str, Json], missing: frozenset[tuple[str, str]]) -> None:
        self.fields = fields
        self.missing = missing
        self.builders: list[Builder] = []
        self.current: dict[str, Builder] = {}
        self.problems: list[Problem] = []
        self.identities: list[Identity] = []
        self.pseudo: dict[str, dict[str, Json]] = {}
        self.complained: set[str] = set()
        """Destinations whose absence was told already."""

    def problem(self, on_error: OnError, code: str, message: str, pointer: str, value: Json = None) -> None:
        self._add(Problem(_SEVERITY[on_error], code, message, pointer, shown(value)))

    def warn(self, code: str, message: str, pointer: str, value: Json = None) -> None:
        self._add(Problem("warning", code, message, pointer, shown(value)))

    def failed(self, on_error: OnError, failure: Unconvertible, name: str, pointer: str, value: Json) -> None:
        """A value of `name` that could not be made."""
        text = failure.message
        if not text.startswith("“") and not text[:1].isupper():
            subject = "The value" if isinstance(value, list | dict) else f"“{shown(value)}”"
            text = f"{subject} {text}"
        if on_error == "drop":
            text += " The value was left out."
        self.problem(on_error, failure.code, f"{name}: {text}", pointer, value)

    def _add(self, problem: Problem) -> None:
        if len(self.problems) < MOST_PROBLEMS or problem.severity == "stop":
            self.problems.append(problem)

    def identity_missing(self, label: str, match: Match, pointer: str) -> None:
        self.problem(
            "reject",
            "identity-missing",
            f"{label} has no identity: {' and '.join(map(str, match.by))} would be blank. Every record needs "
            f"a value where match.{label} looks for one.",
            pointer,
        )
