"""`new`, `load` and `delete`: the resources of a record, and which of them is current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.control.model import Delete, Destination, Load, New, OnError
from worker.mapping.assign import current
from worker.mapping.environment import Environment, Step
from worker.mapping.identities import compile_identity
from worker.mapping.problems import shown
from worker.mapping.state import GEOLOCATION, Builder, RecordState
from worker.mapping.text import as_text
from worker.records import KINDS, Identity, Kind


def _kind_of(destination: Destination, pointer: str, env: Environment) -> Kind:
    kind = KINDS.get(destination.kind)
    if kind is None:
        env.refuse(
            "destination-not-offered",
            f"{pointer}: {destination.label} cannot be written yet; there are {', '.join(KINDS)}.",
            pointer,
        )
        return "item"
    return kind


def _begin(state: RecordState, builder: Builder, label: str) -> None:
    """Makes a resource the current one of its destination; a media takes its item."""
    if builder.kind == "media":
        item = _item_of(state, label)
        if item is None and builder.action == "new":
            state.problem(
                "reject",
                "media-without-item",
                f"{label} is new and there is no item that it could belong to. Put "
                '{"action": "new", "destination": "item"} before it.',
                builder.pointer,
            )
        builder.item = None if item is None else item.ordinal
    state.builders.append(builder)
    state.current[label] = builder


def _item_of(state: RecordState, label: str) -> Builder | None:
    """`media:X` belongs to `item:X`; otherwise to `item`, or where there is none, to the last item."""
    _, _, name = label.partition(":")
    for candidate in (f"item:{name}" if name else "", "item"):
        if candidate in state.current:
            return state.current[candidate]
    return next((builder for builder in reversed(state.builders) if builder.kind == "item"), None)


def compile_new(instruction: New, on_error: OnError, env: Environment) -> Step:
    if instruction.destination.kind == GEOLOCATION:
        return _compile_place(instruction, on_error, env)
    label, pointer, match = instruction.destination.label, instruction.pointer, instruction.match
    kind = _kind_of(instruction.destination, pointer, env)
    constants = env.steps(instruction.set)
    read = compile_identity(match, label, on_error, env.reading) if match is not None else None

    def begin(state: RecordState, context: Any) -> None:
        builder = Builder(label, kind, len(state.builders), "new", pointer)
        builder.match = match
        if read is not None and match is not None:
            before = len(state.problems)
            builder.identity = read(state, context)
            if builder.identity is not None:
                state.identities.append(builder.identity)
            elif len(state.problems) == before:
                state.identity_missing(label, match, pointer)
        _begin(state, builder, label)
        constants(state, context)

    return begin


def _compile_place(instruction: New, on_error: OnError, env: Environment) -> Step:
    """A geolocation is no resource: what it is given becomes a field of its item."""
    label, pointer = instruction.destination.label, instruction.pointer
    constants = env.steps(instruction.set)

    def begin(state: RecordState, context: Any) -> None:
        item = _item_of(state, label)
        if item is None:
            state.problem(
                on_error,
                "place-without-item",
                f"{label} has no item that it could belong to. Put "
                '{"action": "new", "destination": "item"} before it.',
                pointer,
            )
        elif item.place is not None:
            state.problem(
                on_error,
                "place-several",
                f"The record gives {item.label} more than one geolocation: an item has one at most.",
                pointer,
            )
        place = Builder(label, "item", len(state.builders), "new", pointer)
        place.on_error = on_error
        state.current[label] = place
        if item is not None and item.place is None:
            item.place = place
        constants(state, context)

    return begin


def compile_load(instruction: Load, on_error: OnError, env: Environment) -> Step:
    label, pointer = instruction.destination.label, instruction.pointer
    kind = _kind_of(instruction.destination, pointer, env)
    find = _load_key(instruction, on_error, env)
    otherwise = None if instruction.otherwise is None else env.steps(instruction.otherwise)

    def load(state: RecordState, context: Any) -> None:
        before = len(state.problems)
        found = find(state, context)
        if found is None or (pointer, _shown_key(found)) in state.missing:
            if otherwise is not None:
                otherwise(state, context)
            elif len(state.problems) == before:
                what = "nothing to find it by" if found is None else f"none by “{_shown_key(found)}”"
                state.problem(
                    on_error, "load-nothing", f"{label} cannot be loaded: there is {what}.", pointer
                )
            return
        builder = Builder(label, kind, len(state.builders), "load", pointer)
        builder.otherwise = pointer if otherwise is not None else ""
        if isinstance(found, int):
            builder.resource_id = found
        else:
            builder.identity = found
            state.identities.append(found)
        _begin(state, builder, label)

    return load


def _shown_key(key: Identity | int) -> str:
    return str(key) if isinstance(key, int) else key.shown


def _load_key(
    instruction: Load, on_error: OnError, env: Environment
) -> Callable[[RecordState, Any], Identity | int | None]:
    """By what an existing resource is found: a number, an identity, or None where there is nothing."""
    using, match = instruction.using, instruction.match
    if using is None:
        assert match is not None
        read = compile_identity(match, instruction.destination.label, on_error, env.reading)
        if read is None:
            env.refuse(
                "load-nothing",
                f"{instruction.pointer}: load finds {instruction.destination.label} by its match, which "
                "needs a source or an expression to read the identity from.",
                instruction.pointer,
            )
            return lambda state, context: None
        return read
    label, part = using.label, using.part
    by = None if using.by is None else str(using.by)

    def take(state: RecordState, context: Any) -> Identity | int | None:
        text = (as_text(state.pseudo.pop(label, {}).get(part)) or "").strip()
        if not text:
            return None
        if by is not None:
            return Identity("", (by,), (text,))
        if text.isdecimal() and text.isascii() and len(text) < 19:
            return int(text)
        state.problem(
            on_error,
            "not-a-resource",
            f"{label}: “{shown(text)}” is no number of a resource.",
            instruction.pointer,
        )
        return None

    return take


def compile_delete(instruction: Delete, on_error: OnError) -> Step:
    label, pointer = instruction.destination.label, instruction.pointer

    def delete(state: RecordState, context: Any) -> None:
        builder = current(state, label, "delete", on_error, pointer)
        if builder is not None:
            builder.action = "delete"

    return delete
