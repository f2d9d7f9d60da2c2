"""Reading out of the context: keys and expressions, and what was never found there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from service.control.model import Expression, Selector, Source
from service.control.model import Text as TextSpec
from worker.mapping.expression_scope import Scope
from worker.mapping.expressions import ExpressionRefused, compile_expression
from worker.mapping.problems import shown
from worker.mapping.text import as_text, is_blank
from worker.records import Problem

Getter = Callable[[Any], Any]
"""Context → value; raises `Unconvertible`."""

_MOST_KEYS = 60
_MOST_LOOKS = 20


class Watch:
    """Whether a key or an expression ever found anything, and which keys were there instead."""

    __slots__ = ("expression", "found", "keys", "pointer", "tries", "what")

    def __init__(self, what: str, pointer: str, expression: bool) -> None:
        self.what = what
        self.pointer = pointer
        self.expression = expression
        self.found = False
        self.tries = 0
        self.keys: dict[str, None] = {}

    def missed(self, context: Any) -> None:
        """Called for a null; cheap once anything was found."""
        if self.found:
            return
        self.tries += 1
        if isinstance(context, dict):
            if not self.expression and self.what in context:
                self.found = True
            elif self.tries <= _MOST_LOOKS and len(self.keys) < _MOST_KEYS:
                self.keys.update(dict.fromkeys(context))

    def warning(self) -> Problem | None:
        """What to tell at the end of the file."""
        if self.found or not self.tries:
            return None
        keys = list(self.keys)[:_MOST_KEYS]
        seen = f"These were seen: {', '.join(map(shown, keys))}." if keys else "No keys were seen there."
        if self.expression:
            return Problem(
                "warning",
                "expression-always-empty",
                f"The expression “{shown(self.what)}” was empty in every row. {seen}",
                self.pointer,
            )
        close = difflib.get_close_matches(self.what, keys, n=1)
        hint = f" Did you mean “{close[0]}”?" if close else ""
        return Problem(
            "warning",
            "source-never-seen",
            f"No row has “{shown(self.what)}”.{hint} {seen}",
            self.pointer,
        )


@dataclass(slots=True)
class Reading:
    """What getters are compiled with: the scope of expressions, and the watches that they leave behind."""

    scope: Scope
    watches: list[Watch] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    """Expressions that cannot be compiled; the control is not run then."""
    untyped: bool = False
    """Whether values without a named type are marked for a template to type."""

    def watch(self, what: str, pointer: str, expression: bool) -> Watch:
        watch = Watch(what, pointer, expression)
        self.watches.append(watch)
        return watch

    def getter(self, selector: Selector, pointer: str) -> Getter:
        if isinstance(selector, Source):
            return self._source(selector, pointer)
        return self._expression(selector, pointer)

    def _source(self, source: Source, pointer: str) -> Getter:
        key = source.key
        watch = self.watch(key, pointer, expression=False)

        def get(context: Any) -> Any:
            value = context.get(key) if isinstance(context, dict) else None
            if value is None:
                watch.missed(context)
            else:
                watch.found = True
            return value

        return get

    def _expression(self, expression: Expression, pointer: str) -> Getter:
        try:
            run = compile_expression(expression.text, self.scope)
        except ExpressionRefused as refused:
            self.refused.append(Problem("stop", "expression-failed", f"{pointer}: {refused}", pointer))
            return lambda context: None
        watch = self.watch(expression.text, pointer, expression=True)

        def get(context: Any) -> Any:
            value = run(context)
            if is_blank(value):
                watch.missed(context)
            else:
                watch.found = True
            return value

        return get

    def text(self, spec: TextSpec | None, pointer: str) -> str | Getter | None:
        """A constant text as it is; a getter of a text (blank: None) for one that each record gives."""
        if spec is None or isinstance(spec, str):
            return spec
        get = self.getter(spec, pointer)

        def get_text(context: Any) -> str | None:
            text = as_text(get(context))
            return text.strip() or None if text else None

        return get_text


def warnings_of(watches: Iterable[Watch]) -> list[Problem]:
    return [warning for watch in watches if (warning := watch.warning()) is not None]
