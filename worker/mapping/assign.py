"""`Assign` and `RemoveValues`: what a record gives to a name of its current resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.control.model import (
    SHOWN,
    Assign,
    Destination,
    Element,
    FieldName,
    LoadKey,
    OnError,
    PseudoValue,
    RemoveValues,
    Term,
)
from worker.mapping.fields import field_values, file_values, part_values
from worker.mapping.inputs import Reading
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.problems import shown
from worker.mapping.state import LISTED, Builder, PropertySlot, RecordState
from worker.mapping.values import Wanted, compile_value, property_values
from worker.records import Value

Step = Callable[[RecordState, Any], None]


def compile_assign(
    instruction: Assign, on_error: OnError, reading: Reading, lookups: VocabularyLookups
) -> Step:
    """Raises `Unconvertible` where this target cannot take such values at all."""
    if isinstance(instruction.destination, PseudoValue | LoadKey):
        return _assign_part(instruction, on_error, reading, lookups)
    if isinstance(instruction.name, Term | Element) or instruction.name == SHOWN:
        return _assign_property(instruction, on_error, reading, lookups)
    assert isinstance(instruction.name, FieldName)
    return _assign_field(instruction, instruction.name, on_error, reading, lookups)


def current(state: RecordState, label: str, name: str, on_error: OnError, pointer: str) -> Builder | None:
    """The current resource of a destination; its absence is told once a record."""
    builder = state.current.get(label)
    if builder is None and label not in state.complained:
        state.complained.add(label)
        state.problem(
            on_error,
            "no-current-resource",
            f"{name} has nowhere to go: this record has no {label} yet. Put "
            f'{{"action": "new", "destination": "{label}"}} before it.',
            pointer,
        )
    return builder


def _assign_property(
    instruction: Assign, on_error: OnError, reading: Reading, lookups: VocabularyLookups
) -> Step:
    label, term, pointer = instruction.destination.label, str(instruction.name), instruction.pointer
    multivalue, on_update, of = instruction.multivalue, instruction.on_update, instruction.of
    clear = instruction.value.blank == "clear"
    produce = compile_value(instruction.value, property_values(term, on_error, reading, lookups))

    def assign(state: RecordState, context: Any) -> None:
        values: list[Value] = produce(state, context)
        if not values:
            if not clear:
                return
            values = []  # the shared empty list is not one to keep
        builder = state.current.get(label)
        if builder is None:
            current(state, label, term, on_error, pointer)
            return
        if len(values) > 1 and not multivalue:
            values = _only_one(state, values, term, on_error, pointer)
        slot = builder.properties.get(term)
        if slot is None:
            builder.properties[term] = PropertySlot(values, on_update, of, pointer)
        elif not values:
            if not slot.values:
                slot.on_update, slot.of = "replace", "all"
        elif multivalue:
            slot.values += values
        else:
            slot.values = values

    return assign


def _only_one(
    state: RecordState, values: list[Value], term: str, on_error: OnError, pointer: str
) -> list[Value]:
    state.problem(
        on_error,
        "several-values",
        f"{term} gets {len(values)} values from an instruction that is for one. Add "
        f'"multivalue": true to keep them all.{" Only the first was kept." if on_error == "drop" else ""}',
        pointer,
        " | ".join(value.text or value.uri or "" for value in values[:5]),
    )
    return values[:1]


def _assign_field(
    instruction: Assign, name: FieldName, on_error: OnError, reading: Reading, lookups: VocabularyLookups
) -> Step:
    label, word, pointer = instruction.destination.label, name.name, instruction.pointer
    shown_name = f"{label} {word}"
    is_list, multivalue = word in LISTED, instruction.multivalue
    clear = instruction.value.blank == "clear"
    policy = (instruction.on_update, instruction.of)
    kind = instruction.destination.kind if isinstance(instruction.destination, Destination) else ""
    wanted: Wanted[Any] = (
        file_values(shown_name, on_error, instruction.on_error, reading, lookups)
        if (kind, word) == ("media", "file") or (word == "thumbnail" and instruction.value.find is not None)
        else field_values(word, shown_name, on_error, reading, lookups, kind)
    )
    produce = compile_value(instruction.value, wanted)

    def assign(state: RecordState, context: Any) -> None:
        values = produce(state, context)
        if not values and not clear:
            return
        builder = current(state, label, word, on_error, pointer)
        if builder is None:
            return
        fields = builder.fields
        if not values:
            fields[word] = [] if is_list else None
        elif is_list:
            fields[word] = [*fields.get(word, []), *values] if multivalue else list(values)
        else:
            if len(values) > 1:
                state.problem(
                    on_error,
                    "several-values",
                    f"{shown_name} takes one value, and there are {len(values)}.",
                    pointer,
                    " | ".join(map(shown, values[:5])),
                )
            fields[word] = values[0]
        builder.field_policies.setdefault(word, policy)

    return assign


def _assign_part(
    instruction: Assign, on_error: OnError, reading: Reading, lookups: VocabularyLookups
) -> Step:
    label, part = instruction.destination.label, str(instruction.name)
    name = f"{label} {part}"
    produce = compile_value(instruction.value, part_values(name, on_error, reading, lookups))

    def assign(state: RecordState, context: Any) -> None:
        values = produce(state, context)
        if not values:
            return
        if len(values) > 1:
            state.problem(
                on_error,
                "several-values",
                f"{name} takes one value, and there are {len(values)}. A for-each takes them one by one.",
                instruction.pointer,
                " | ".join(map(shown, values[:5])),
            )
        state.pseudo.setdefault(label, {})[part] = values[0]

    return assign


def compile_remove(instruction: RemoveValues, on_error: OnError) -> Step:
    """What the record gave is forgotten; what the resource has is replaced by what comes after."""
    label, name, pointer = instruction.destination.label, str(instruction.name), instruction.pointer
    is_list = name in LISTED
    is_field = isinstance(instruction.name, FieldName) and instruction.name != SHOWN

    def remove(state: RecordState, context: Any) -> None:
        if isinstance(instruction.destination, PseudoValue | LoadKey):
            state.pseudo.get(label, {}).pop(name, None)
            return
        builder = current(state, label, name, on_error, pointer)
        if builder is None:
            return
        if is_field:
            builder.fields[name] = [] if is_list else None
            builder.field_policies[name] = ("replace", "all")
        else:
            builder.properties[name] = PropertySlot([], "replace", "all", pointer)

    return remove
