"""What is wrong with a control file: values, collected rather than raised, so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from service.control.document import Node
from service.control.suggest import nearest

Severity = Literal["error", "warning"]

MOST_PROBLEMS = 500
"""So many are told; a file with more of them is not worth the reading."""

Code = Literal[
    "contradiction",
    "duplicate-key",
    "empty",
    "encoding",
    "expression",
    "for-each-replaces",
    "haplo",
    "missing-key",
    "no-destination",
    "no-match",
    "not-an-object",
    "not-json",
    "not-supported",
    "pattern",
    "replaces",
    "todo",
    "too-deep",
    "too-large",
    "too-many",
    "unknown-action",
    "unknown-destination",
    "unknown-filter",
    "unknown-function",
    "unknown-key",
    "unknown-name",
    "unknown-reader",
    "unknown-table",
    "unknown-type",
    "unknown-version",
    "unknown-word",
    "unused",
    "value",
    "version-1-key",
    "visibility",
    "wrong-kind",
]
"""Stable; documented in `docs/control-file.md`."""


@dataclass(frozen=True, slots=True)
class ControlProblem:
    """`message` makes sense alone: it begins with the pointer (nothing for the document as a whole)."""

    code: Code
    pointer: str
    message: str
    line: int | None = None
    """From 1, where the thing stands in the file."""

    def __str__(self) -> str:
        placed = self.line is None or self.message.startswith("Line ")
        return self.message if placed else f"line {self.line}: {self.message}"


@dataclass(slots=True)
class Problems:
    """Collects errors and warnings. Nodes give pointers and lines."""

    errors: list[ControlProblem] = field(default_factory=list)
    warnings: list[ControlProblem] = field(default_factory=list)
    left_out: int = 0
    _seen: set[ControlProblem] = field(default_factory=set)

    def error(self, code: Code, node: Node, what: str) -> None:
        self._add(self.errors, code, node, what)

    def sentence(self, code: Code, node: Node, what: str) -> None:
        """An error whose message goes on from the pointer: `/instructions/4 replaces …`."""
        self._add(self.errors, code, node, what, colon="")

    def warn(self, code: Code, node: Node, what: str) -> None:
        self._add(self.warnings, code, node, what)

    @property
    def full(self) -> bool:
        return len(self.errors) >= MOST_PROBLEMS

    def _add(self, to: list[ControlProblem], code: Code, node: Node, what: str, colon: str = ":") -> None:
        """A part that is read twice (an inherited key, a list run for two files) is told once."""
        if len(to) >= MOST_PROBLEMS:
            if to is self.errors:
                self.left_out += 1
            return
        pointer = node.pointer
        message = f"{pointer}{colon} {what}" if pointer else what
        problem = ControlProblem(code, pointer, message, node.line)
        if problem not in self._seen:
            self._seen.add(problem)
            to.append(problem)

    def said(self) -> tuple[ControlProblem, ...]:
        """All errors in the order of the file; of a value that is still to be decided, only that."""
        todo = {one.pointer for one in self.errors if one.code == "todo" and not _of_key(one)}
        told = [one for one in self.errors if one.code == "todo" or one.pointer not in todo]
        ordered = sorted(told, key=lambda problem: problem.line or 0)
        if self.left_out:
            more = f"{self.left_out} more problems are not shown; correct these first."
            ordered.append(ControlProblem("too-many", "", more))
        return tuple(ordered)

    def unknown(self, code: Code, node: Node, kind: str, word: str, allowed: Iterable[str]) -> None:
        """`kind` and `word` as in: unknown action "fieldd"; the nearest right word, else all of them."""
        self.error(code, node, unknown_word(kind, word, allowed, search=not self.full))


def _of_key(problem: ControlProblem) -> bool:
    """Whether a TODO is the key itself: of what stands under it there may be more to say."""
    return problem.pointer.rpartition("/")[2].startswith("TODO")


def unknown_word(
    kind: str, word: str, allowed: Iterable[str], *, search: bool = True, place: str = ""
) -> str:
    """`unknown KIND "WORD"PLACE`, with the nearest right word, else all right ones."""
    words = sorted(set(allowed))
    close = nearest(word, words) if search else None
    said = f"unknown {kind} {quoted(word)}{place}"
    if close is not None:
        return f'{said}: did you mean "{close}"?'
    return f"{said}. Allowed: {listed(words)}." if words else f"{said}."


def quoted(text: str, most: int = 60) -> str:
    """A text of the control file within a message: one line, not endless."""
    flat = "".join(char if char.isprintable() else "\ufffd" for char in text[: most + 1])
    return f'"{flat[:most]}…"' if len(flat) > most else f'"{flat}"'


def listed(words: Iterable[str], most: int = 30) -> str:
    all_words = list(words)
    shown = ", ".join(all_words[:most])
    return f"{shown} … ({len(all_words)} in all)" if len(all_words) > most else shown
