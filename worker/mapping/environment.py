"""What instructions are compiled with, and to: shared by the modules that compile them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.control.model import Instruction, OnError
from worker.mapping.inputs import Getter, Reading
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.problems import Unconvertible
from worker.mapping.state import RecordState
from worker.records import Problem

Step = Callable[[RecordState, Any], None]
"""A compiled instruction: it changes the state, and reads the context that is current."""


@dataclass(slots=True)
class Environment:
    """What instructions are compiled with."""

    reading: Reading
    lookups: VocabularyLookups
    on_error: OnError
    """Of instructions that do not say."""
    refused: list[Problem]
    """Why this control cannot be run against this target; collected so that all is told at once."""
    compile: Callable[[Sequence[Instruction], Environment], Step]
    """A list of instructions as one step: how those within others are compiled."""

    def refuse(self, code: str, message: str, pointer: str) -> None:
        self.refused.append(Problem("stop", code, message, pointer))

    def steps(self, instructions: Sequence[Instruction]) -> Step:
        return self.compile(instructions, self)


def careful(get: Getter, on_error: OnError, name: str, pointer: str) -> Callable[[RecordState, Any], Any]:
    """Reads a selector of a condition or loop; a failure is a problem, and then null."""

    def read(state: RecordState, context: Any) -> Any:
        try:
            return get(context)
        except Unconvertible as failure:
            state.failed(on_error, failure, name, pointer, None)
            return None

    return read
