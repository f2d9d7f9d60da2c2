"""Control instructions, compiled once → a function of a row.

`compile_control(control, spec, lookups).map(row)` is pure: it reads nothing, asks nobody, and gives the same
`Mapped` for the same row. A mapper keeps notes of what it has seen (`finish`) and is used by one thread.
"""

from __future__ import annotations

from service.control.model import Control, FileSpec
from worker.errors import Fatal
from worker.mapping.environment import Environment, Step
from worker.mapping.expression_scope import Scope
from worker.mapping.inputs import Reading, warnings_of
from worker.mapping.instructions import compile_steps
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.state import Abort, RecordState, Skipped, check_primary
from worker.records import Draft, Mapped, Problem, Row


class ControlNotRunnable(Fatal):
    """The control file asks for something that this target or this version cannot do; all of it is told."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("control-not-runnable", "\n".join(problem.message for problem in problems))
        self.problems = problems


class RecordMapper:
    """Maps the rows of one file."""

    def __init__(self, run: Step, scope: Scope, reading: Reading) -> None:
        self._run = run
        self._scope = scope
        self._reading = reading
        self._rows = 0

    def map(self, row: Row, missing: frozenset[tuple[str, str]] = frozenset()) -> Mapped:
        """What the control file makes of the row.

        `missing`: pairs of a draft's `otherwise` pointer and its identity as shown (or its number) of loads
        that were found not to exist; what their `otherwise` says is run for them.
        """
        self._rows += 1
        fields = row.fields if isinstance(row.fields, dict) else dict(row.fields)
        scope = self._scope
        scope.record, scope.file, scope.row = fields, row.file, row.number
        state = RecordState(fields, missing)
        try:
            self._run(state, fields)
        except Skipped as skipped:
            return Mapped(
                row.file, row.number, (), tuple(state.problems), skipped.message, tuple(state.identities)
            )
        except Abort:
            return Mapped(row.file, row.number, (), tuple(state.problems), None, tuple(state.identities))
        _check_left_over(state)
        drafts: tuple[Draft, ...] = tuple([builder.draft(state) for builder in state.builders])
        check_primary(state)
        if any(problem.severity != "warning" for problem in state.problems):
            drafts = ()
        return Mapped(row.file, row.number, drafts, tuple(state.problems), None, tuple(state.identities))

    def finish(self) -> tuple[Problem, ...]:
        """At the end of the file: what was empty in every row, with the keys that were there instead."""
        return tuple(warnings_of(self._reading.watches)) if self._rows else ()


def _check_left_over(state: RecordState) -> None:
    for label, parts in state.pseudo.items():
        if parts:
            told = ", ".join(parts)
            taker = "load" if label.startswith("load:") else "field-structured"
            state.problem(
                "reject",
                "pseudo-left-over",
                f"{label} still holds {told} at the end of the record: a {taker} that takes it is missing.",
                "",
            )


def compile_control(control: Control, spec: FileSpec, lookups: VocabularyLookups) -> RecordMapper:
    """The mapper for files of one specification. Raises `ControlNotRunnable`."""
    scope = Scope(tables=control.mappings)
    reading = Reading(scope, untyped=control.templates != "ignore")
    env = Environment(reading, lookups, spec.on_error or control.on_error, reading.refused, compile_steps)
    instructions = control.instructions if spec.instructions is None else spec.instructions
    run = compile_steps(instructions, env)
    if env.refused:
        raise ControlNotRunnable(tuple(env.refused))
    return RecordMapper(run, scope, reading)
