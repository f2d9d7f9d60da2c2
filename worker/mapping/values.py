"""A value's way, in its exact order (`ValueSpec`): compiled once to a function that yields what it makes.

input → (a list: each element) → split → trim → map → filters → default → blank? → type → otherwise on
failure → unique over the pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import msgspec

from service.control.model import (
    Collected,
    Constant,
    OnError,
    PlainType,
    Source,
    ValueSpec,
)
from worker.mapping.filters import FilterFunction, compile_filters
from worker.mapping.inputs import Getter, Reading, Watch
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.pieces import distinct_pieces, mapped_piece, split_pieces
from worker.mapping.problems import Unconvertible
from worker.mapping.pseudo import joined
from worker.mapping.state import RecordState
from worker.mapping.text import as_text, is_blank
from worker.mapping.types import PLAIN, Manner, compile_type, language_tag
from worker.records import Property, Value

T = TypeVar("T")

Produce = Callable[[RecordState, Any], "list[T]"]
"""State and context → what is made; empty where there is no value. Failures become problems of the state."""

Finish = Callable[[Any, Manner], T]
"""A piece that is not blank → what is made of it; raises `Unconvertible`."""

_NOTHING: list[Any] = []
"""Shared and never changed: most fields of most rows are blank."""


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """For what values are made: how a piece is finished, and what a failure means."""

    name: str
    """As messages name it: `dcterms:title`, `item:artist public`."""
    on_error: OnError
    finish: Callable[[ValueSpec], Finish[T]]
    reading: Reading
    lookups: VocabularyLookups


def property_values(
    name: str, on_error: OnError, reading: Reading, lookups: VocabularyLookups
) -> Wanted[Value]:
    """Values of a property: finished by the types of the specification."""

    def finish(spec: ValueSpec) -> Finish[Value]:
        convert = compile_type(spec.type, spec.link, lookups)
        if not reading.untyped or not isinstance(spec.type, PlainType) or spec.type.named:
            return convert
        return lambda piece, manner: msgspec.structs.replace(convert(piece, manner), untyped=True)

    return Wanted(name, on_error, finish, reading, lookups)


def compile_value(spec: ValueSpec, wanted: Wanted[T]) -> Produce[T]:
    """Raises `Unconvertible` where the specification cannot be carried out in this target."""
    if isinstance(spec.input, Collected):
        return _collected(spec, spec.input, wanted)
    read = _reader(spec, wanted.reading)
    watch = wanted.reading.watches[-1] if isinstance(spec.input, Source) else None
    pipeline = _Pipeline(spec, wanted)
    produce = pipeline.produce(read)
    if watch is not None and isinstance(pipeline.manner, Manner) and _is_simple(spec):
        return _simple_text(spec, pipeline, watch, produce)
    if isinstance(spec.input, Constant) and isinstance(pipeline.manner, Manner) and not spec.filters:
        return _constant(produce)
    return produce


def _reader(spec: ValueSpec, reading: Reading) -> Getter:
    if isinstance(spec.input, Constant):
        constant = spec.input.value
        return lambda context: constant
    assert not isinstance(spec.input, Collected)
    return reading.getter(spec.input, spec.pointer)


# --- the quick way --------------------------------------------------------------------------------


def _is_simple(spec: ValueSpec) -> bool:
    """A key of the record, taken as it is: what most instructions are."""
    plain = ValueSpec(
        spec.input,
        type=spec.type,
        link=spec.link,
        label=spec.label,
        language=spec.language,
        public=spec.public,
        pointer=spec.pointer,
    )
    return spec == plain


def _simple_text(spec: ValueSpec, pipeline: _Pipeline[T], watch: Watch, slow: Produce[T]) -> Produce[T]:
    """Text is taken here; everything else, and every failure, goes the whole way."""
    assert isinstance(spec.input, Source)
    assert isinstance(pipeline.manner, Manner)
    key, finish, manner = spec.input.key, pipeline.finish, pipeline.manner

    def produce(state: RecordState, context: Any) -> list[T]:
        try:
            raw = context.get(key) if isinstance(context, dict) else None
            if isinstance(raw, str):
                watch.found = True
                text = raw.strip()
                return [finish(text, manner)] if text else _NOTHING
        except Unconvertible:
            pass
        return slow(state, context)

    return produce


def _constant(produce: Produce[T]) -> Produce[T]:
    """What is the same for every record is made once; a failure is found, and told, by every record."""
    once = RecordState({}, frozenset())
    made = produce(once, {})
    return produce if once.problems else lambda state, context: list(made)


# --- the whole way --------------------------------------------------------------------------------


def _answerable(finish: Callable[[Any, Manner], T], on_error: OnError) -> Callable[[Any, Manner], T]:
    """Where a link leads shows only later: what is to become of one that leads nowhere travels with it."""
    if on_error == "reject":
        return finish

    def made(piece: Any, manner: Manner) -> T:
        value = finish(piece, manner)
        if isinstance(value, Value) and value.link is not None:
            link = msgspec.structs.replace(value.link, on_error=on_error)
            return msgspec.structs.replace(value, link=link)
        return value

    return made


class _Pipeline(Generic[T]):
    """The steps of one specification."""

    def __init__(self, spec: ValueSpec, wanted: Wanted[T]) -> None:
        self.spec = spec
        self.wanted = wanted
        self.finish = _answerable(wanted.finish(spec), wanted.on_error)
        self.filters: FilterFunction | None = compile_filters(spec.filters)
        self.manner = _manner(spec, wanted)
        self.otherwise = _Otherwise(spec, spec.otherwise, wanted) if spec.otherwise else None

    def produce(self, read: Getter) -> Produce[T]:
        spec, wanted, manner_of = self.spec, self.wanted, self.manner
        split, skip_falsy = spec.split, spec.skip_falsy
        wants_blank = spec.has_default or (spec.map is not None and "" in spec.map.table)
        constant_manner = manner_of if isinstance(manner_of, Manner) else None
        bare = spec.map is None and self.filters is None and spec.trim and self.otherwise is None
        finish = self.finish

        def produce(state: RecordState, context: Any) -> list[T]:
            try:
                raw = read(context)
            except Unconvertible as failure:
                return self.failed(state, context, failure, None)
            if raw is None or (skip_falsy and (raw is False or raw == "")):
                if not wants_blank or skip_falsy:
                    return _NOTHING
                raw = None
            pieces = raw if isinstance(raw, list) else [raw]
            if split is not None:
                pieces = split_pieces(pieces, split)
            if not pieces:
                if not wants_blank:
                    return _NOTHING
                pieces = [None]
            try:
                manner = constant_manner or self.manner_for(state, context)
            except Unconvertible as failure:
                return self.failed(state, context, failure, raw)
            if bare and spec.unique and len(pieces) > 1:
                pieces = distinct_pieces(pieces)
            made: list[T] = []
            fallen_back = False
            for piece in pieces:
                try:
                    if bare and isinstance(piece, str) and (text := piece.strip()):
                        made.append(finish(text, manner))
                        continue
                    prepared = self.prepared(piece, context, state)
                    if prepared is not None:
                        made.append(self.finished(prepared, piece, manner, state, context))
                except Unconvertible as failure:
                    if self.otherwise is None:
                        wanted_failed(state, wanted, failure, spec, piece)
                    elif self.otherwise.per_piece or not fallen_back:
                        fallen_back = True
                        made += self.otherwise.instead(state, context, failure, piece)
            if spec.unique and not bare and len(made) > 1:
                made = list(dict.fromkeys(made))
            return made

        return produce

    def failed(self, state: RecordState, context: Any, failure: Unconvertible, raw: Any) -> list[T]:
        if self.otherwise is not None and not self.otherwise.per_piece:
            return self.otherwise.instead(state, context, failure, raw)
        wanted_failed(state, self.wanted, failure, self.spec, raw)
        return _NOTHING

    def prepared(self, piece: Any, context: Any, state: RecordState) -> Any:
        """The piece after trim, map, filters and default; None where it is blank."""
        spec = self.spec
        if spec.trim and isinstance(piece, str):
            piece = piece.strip()
        if spec.map is not None:
            piece = mapped_piece(piece, spec.map, state, self.wanted.name, spec.pointer)
        if self.filters is not None:
            piece = self.filters(piece, context)
        if is_blank(piece):
            return spec.default if spec.has_default and not is_blank(spec.default) else None
        if spec.skip_falsy and piece is False:
            return None
        return piece

    def finished(self, piece: Any, raw: Any, manner: Manner, state: RecordState, context: Any) -> T:
        made = self.finish(piece, manner)
        if self.otherwise is not None and isinstance(made, Value) and made.link is not None:
            instead = self.otherwise.for_link(state, context, raw)
            return msgspec.structs.replace(made, link=msgspec.structs.replace(made.link, otherwise=instead))
        return made

    def manner_for(self, state: RecordState, context: Any) -> Manner:
        assert not isinstance(self.manner, Manner)
        return self.manner(state, context)


def wanted_failed(
    state: RecordState, wanted: Wanted[Any], failure: Unconvertible, spec: ValueSpec, value: Any
) -> None:
    state.failed(wanted.on_error, failure, wanted.name, spec.pointer, value)


# --- beside the content ---------------------------------------------------------------------------


def _manner(spec: ValueSpec, wanted: Wanted[Any]) -> Manner | Callable[[RecordState, Any], Manner]:
    """Label, language, visibility and annotations: constant, or read from each context."""
    reading = wanted.reading
    label = reading.text(spec.label, spec.pointer)
    language = reading.text(spec.language, spec.pointer)
    annotations = [
        (
            str(annotation.name),
            compile_value(
                annotation.value,
                property_values(
                    f"{wanted.name} (annotation {annotation.name})", wanted.on_error, reading, wanted.lookups
                ),
            ),
            annotation.value.pointer,
        )
        for annotation in spec.annotations or ()
    ]
    if not callable(label) and not callable(language) and not annotations:
        tag = language_tag(language) if language else None
        manner = Manner(label, tag, spec.public, None if spec.annotations is None else ())
        return PLAIN if manner == PLAIN else manner

    def read(state: RecordState, context: Any) -> Manner:
        shown_label = label(context) if callable(label) else label
        tag = language(context) if callable(language) else language
        made = None
        if spec.annotations is not None:
            made = tuple(
                Property(name, tuple(values), pointer=pointer)
                for name, produce, pointer in annotations
                if (values := produce(state, context))
            )
        return Manner(shown_label, language_tag(tag) if tag else None, spec.public, made)

    return read


# --- otherwise ------------------------------------------------------------------------------------


class _Otherwise(Generic[T]):
    """The other specification of a value, for when a conversion or a link fails.

    Where it reads the same input, it takes the piece that failed; else it is read once, in place of it.
    """

    def __init__(self, spec: ValueSpec, other: ValueSpec, wanted: Wanted[T]) -> None:
        self.per_piece = other.input == spec.input
        self.name = wanted.name
        self.pointer = other.pointer
        self._piece: Any = None
        if self.per_piece:
            single = replace(other, split=None)
            self._produce = _Pipeline(single, wanted).produce(lambda context: self._piece)
            silent = replace(other, split=None, otherwise=None)
            self._silently = _Pipeline(silent, wanted).produce(lambda context: self._piece)
        else:
            self._produce = compile_value(other, wanted)
            self._silently = compile_value(replace(other, otherwise=None), wanted)

    def instead(self, state: RecordState, context: Any, failure: Unconvertible, piece: Any) -> list[T]:
        self._piece = piece
        before = len(state.problems)
        made = self._produce(state, context)
        if made:
            state.warn(
                "otherwise-used",
                f"{self.name}: {failure.message} What `otherwise` says was used.",
                self.pointer,
                piece,
            )
        elif len(state.problems) == before:
            state.failed("drop", failure, self.name, self.pointer, piece)
        return made

    def for_link(self, state: RecordState, context: Any, piece: Any) -> tuple[Value, ...] | None:
        """What to write should the link find nothing. A failure here matters only then: the record is
        rejected as if there were no `otherwise`."""
        self._piece = piece
        before = len(state.problems)
        made = self._silently(state, context)
        failed = len(state.problems) > before
        del state.problems[before:]
        return None if failed else tuple(value for value in made if isinstance(value, Value))


# --- pseudo-destinations --------------------------------------------------------------------------


def _collected(spec: ValueSpec, collected: Collected, wanted: Wanted[T]) -> Produce[T]:
    """What `value:KIND` has collected, as one text or address with its label and language."""
    label, kind = collected.pseudo.label, collected.pseudo.kind
    if kind == "uri" and spec.type == PlainType("literal"):
        spec = replace(spec, type=PlainType("uri"))
    parts: dict[str, Any] = {}

    def join(context: Any) -> Any:
        return joined(kind, parts)

    def part_text(name: str) -> str | None:
        return (as_text(parts.get(name)) or "").strip() or None

    pipeline = _Pipeline(spec, wanted)
    stated = pipeline.manner

    def manner(state: RecordState, context: Any) -> Manner:
        own = stated if isinstance(stated, Manner) else stated(state, context)
        public = parts.get("public")
        return Manner(
            own.label or part_text("label"),
            own.language or (language_tag(tag) if (tag := part_text("language")) else None),
            own.public if public is None else bool(public),
            own.annotation,
        )

    pipeline.manner = manner
    produce = pipeline.produce(join)

    def take(state: RecordState, context: Any) -> list[T]:
        parts.clear()
        parts.update(state.pseudo.pop(label, {}))
        return produce(state, context)

    return take
