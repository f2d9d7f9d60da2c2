"""Instructions that choose and repeat: `if-…`, `within`, `for-each`."""

from __future__ import annotations

from typing import Any

from service.control.model import (
    Element,
    FieldName,
    ForEach,
    IfExists,
    IfHasValue,
    IfValueOneOf,
    Json,
    LoadKey,
    OnError,
    PseudoValue,
    Source,
    Split,
    Term,
    Within,
)
from worker.mapping.environment import Environment, Step, careful
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.state import RecordState
from worker.mapping.text import as_text, split_text


def compile_if_exists(instruction: IfExists, on_error: OnError, env: Environment) -> Step:
    then, orelse = env.steps(instruction.then), env.steps(instruction.orelse)
    if isinstance(instruction.input, Source):
        key = instruction.input.key

        def by_key(state: RecordState, context: Any) -> None:
            (then if isinstance(context, dict) and key in context else orelse)(state, context)

        return by_key
    read = careful(
        env.reading.getter(instruction.input, instruction.pointer), on_error, "if-exists", instruction.pointer
    )

    def by_value(state: RecordState, context: Any) -> None:
        (orelse if read(state, context) is None else then)(state, context)

    return by_value


def _same(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) is isinstance(right, bool)


def compile_if_value_one_of(instruction: IfValueOneOf, on_error: OnError, env: Environment) -> Step:
    then, orelse = env.steps(instruction.then), env.steps(instruction.orelse)
    values = instruction.values
    read = careful(
        env.reading.getter(instruction.input, instruction.pointer),
        on_error,
        "if-value-one-of",
        instruction.pointer,
    )
    key = instruction.input.key if isinstance(instruction.input, Source) else None

    def choose(state: RecordState, context: Any) -> None:
        found = read(state, context)
        there = found is not None or (key is not None and isinstance(context, dict) and key in context)
        (then if there and any(_same(found, value) for value in values) else orelse)(state, context)

    return choose


def compile_if_has_value(instruction: IfHasValue, env: Environment) -> Step:
    then, orelse = env.steps(instruction.then), env.steps(instruction.orelse)
    label, name = instruction.destination.label, str(instruction.name)

    def choose(state: RecordState, context: Any) -> None:
        (then if has_value(state) else orelse)(state, context)

    if isinstance(instruction.destination, PseudoValue | LoadKey):

        def has_value(state: RecordState) -> bool:
            return state.pseudo.get(label, {}).get(name) is not None

    elif isinstance(instruction.name, Term | Element):

        def has_value(state: RecordState) -> bool:
            builder = state.current.get(label)
            slot = builder.properties.get(name) if builder else None
            return slot is not None and bool(slot.values)

    else:
        assert isinstance(instruction.name, FieldName)

        def has_value(state: RecordState) -> bool:
            builder = state.current.get(label)
            return builder is not None and builder.fields.get(name) not in (None, [])

    return choose


# --- contexts -------------------------------------------------------------------------------------


def compile_within(instruction: Within, on_error: OnError, env: Environment) -> Step:
    pointer = instruction.pointer
    read = careful(env.reading.getter(instruction.input, pointer), on_error, "within", pointer)
    steps = env.steps(instruction.instructions)

    def enter(state: RecordState, context: Any) -> None:
        nested = read(state, context)
        if isinstance(nested, dict):
            steps(state, nested)
        elif nested not in (None, "", [], False):
            state.problem(
                on_error,
                "within-not-an-object",
                f"within wants an object, and there is {_kind(nested)}. For a list take for-each.",
                pointer,
                nested,
            )

    return enter


def _kind(value: Json) -> str:
    return shown(value) if isinstance(value, list) else f"“{shown(value)}”"


def compile_for_each(instruction: ForEach, on_error: OnError, env: Environment) -> Step:
    steps = env.steps(instruction.instructions)
    wrap = instruction.wrap_values
    if instruction.input is None:
        return _for_each_split(instruction, on_error, steps)
    pointer = instruction.pointer
    read = careful(env.reading.getter(instruction.input, pointer), on_error, "for-each", pointer)

    def loop(state: RecordState, context: Any) -> None:
        elements = read(state, context)
        if elements is None or elements == "":
            return
        for element in elements if isinstance(elements, list) else (elements,):
            steps(state, {"value": element} if wrap else element)

    return loop


def _for_each_split(instruction: ForEach, on_error: OnError, steps: Step) -> Step:
    """Parallel columns: each turn sees one piece of each. A column without any text has none for all."""
    pointer, columns = instruction.pointer, instruction.split

    def loop(state: RecordState, context: Any) -> None:
        fields = context if isinstance(context, dict) else {}
        pieces: dict[str, list[str]] = {}
        try:
            for column, split in columns:
                pieces[column] = _cut(as_text(fields.get(column)) or "", split)
        except Unconvertible as failure:
            state.failed(on_error, failure, f"for-each {column}", pointer, None)
            return
        counts = {column: len(found) for column, found in pieces.items() if found}
        if len(set(counts.values())) > 1:
            said = " and ".join(f"“{column}” has {count}" for column, count in counts.items())
            state.problem(
                on_error,
                "for-each-uneven",
                f"The columns of for-each do not go together: {said}.",
                pointer,
                "; ".join(as_text(fields.get(column)) or "" for column in counts),
            )
            return
        for turn in range(max(counts.values(), default=0)):
            steps(state, {column: found[turn] if found else None for column, found in pieces.items()})

    return loop


def _cut(text: str, split: Split) -> list[str]:
    """Pieces by their places: a blank one in the middle counts, one at the end does not."""
    pieces = [piece.strip() for piece in split_text(text, split)]
    while pieces and not pieces[-1]:
        pieces.pop()
    return pieces
