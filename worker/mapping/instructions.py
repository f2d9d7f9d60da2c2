"""Instructions compiled to functions of a record's state and the context that is current."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from service.control.model import (
    AbortRecord,
    AssertDestination,
    Assign,
    Delete,
    ElementTexts,
    ForEach,
    IfExists,
    IfHasValue,
    IfValueOneOf,
    Instruction,
    Load,
    LogError,
    New,
    OnError,
    RemoveValues,
    Skip,
    Within,
)
from service.control.model import Text as TextSpec
from worker.mapping.assign import compile_assign, compile_remove
from worker.mapping.element_texts import compile_element_texts
from worker.mapping.environment import Environment, Step, careful
from worker.mapping.flow import (
    compile_for_each,
    compile_if_exists,
    compile_if_has_value,
    compile_if_value_one_of,
    compile_within,
)
from worker.mapping.problems import Unconvertible
from worker.mapping.resources import compile_delete, compile_load, compile_new
from worker.mapping.state import Abort, RecordState, Skipped


def compile_steps(instructions: Sequence[Instruction], env: Environment) -> Step:
    """A list of instructions as one function."""
    steps = [compile_step(instruction, env) for instruction in instructions]
    if len(steps) == 1:
        return steps[0]

    def run(state: RecordState, context: Any) -> None:
        for step in steps:
            step(state, context)

    return run


def compile_step(instruction: Instruction, env: Environment) -> Step:
    on_error = instruction.on_error or env.on_error
    match instruction:
        case Assign():
            return _assign(instruction, on_error, env)
        case ElementTexts():
            return compile_element_texts(instruction, on_error, env)
        case RemoveValues():
            return compile_remove(instruction, on_error)
        case IfExists():
            return compile_if_exists(instruction, on_error, env)
        case IfValueOneOf():
            return compile_if_value_one_of(instruction, on_error, env)
        case IfHasValue():
            return compile_if_has_value(instruction, env)
        case Within():
            return compile_within(instruction, on_error, env)
        case ForEach():
            return compile_for_each(instruction, on_error, env)
        case New():
            return compile_new(instruction, on_error, env)
        case Load():
            return compile_load(instruction, on_error, env)
        case Delete():
            return compile_delete(instruction, on_error)
        case Skip():
            return _skip(instruction, on_error, env)
        case AssertDestination():
            return _assert_destination(instruction, on_error)
        case AbortRecord():
            return _abort(instruction, on_error, env)
        case LogError():
            return _log(instruction, on_error, env)
        case _:  # pragma: no cover
            assert_never(instruction)


def _assign(instruction: Assign, on_error: OnError, env: Environment) -> Step:
    """A value that this target cannot take at all is told once, before any row is read."""
    try:
        return compile_assign(instruction, on_error, env.reading, env.lookups)
    except Unconvertible as failure:
        env.refuse(failure.code, f"{instruction.pointer}: {failure.message}", instruction.pointer)
        return lambda state, context: None


# --- the record -----------------------------------------------------------------------------------


def _message(
    spec: TextSpec, on_error: OnError, env: Environment, pointer: str
) -> Callable[[RecordState, Any], str]:
    """What is said: the same for each record, or what the record gives."""
    text = env.reading.text(spec, pointer)
    if text is None or isinstance(text, str):
        return lambda state, context: text or ""
    read = careful(text, on_error, "message", pointer)
    return lambda state, context: read(state, context) or "(no message)"


def _skip(instruction: Skip, on_error: OnError, env: Environment) -> Step:
    message = _message(instruction.message, on_error, env, instruction.pointer)

    def skip(state: RecordState, context: Any) -> None:
        raise Skipped(message(state, context))

    return skip


def _assert_destination(instruction: AssertDestination, on_error: OnError) -> Step:
    label, wanted, pointer = instruction.destination.label, instruction.exists, instruction.pointer

    def check(state: RecordState, context: Any) -> None:
        if (label in state.current) is not wanted:
            said = "there is none" if wanted else "there is one"
            state.problem(
                "stop" if on_error == "stop" else "reject",
                "assertion-failed",
                f"assert-destination: {label} should {'' if wanted else 'not '}be there, and {said}.",
                pointer,
            )
            raise Abort

    return check


def _log(instruction: LogError, on_error: OnError, env: Environment) -> Step:
    message = _message(instruction.message, on_error, env, instruction.pointer)
    return lambda state, context: state.warn("log-error", message(state, context), instruction.pointer)


def _abort(instruction: AbortRecord, on_error: OnError, env: Environment) -> Step:
    message = _message(instruction.message, on_error, env, instruction.pointer)

    def abort(state: RecordState, context: Any) -> None:
        severity: OnError = "stop" if on_error == "stop" else "reject"
        state.problem(severity, "record-aborted", message(state, context), instruction.pointer)
        raise Abort

    return abort
