"""Mapping as a control file's author meets it: instructions and a record in, drafts and problems out."""

from __future__ import annotations

import json
from typing import Any

from service.control.parse import parse_control
from worker.mapping.compiler import RecordMapper, compile_control
from worker.mapping.lookups import NoTarget, VocabularyLookups
from worker.records import Mapped, Problem, Row, Value


def mapper(
    instructions: list[dict[str, Any]],
    *,
    lookups: VocabularyLookups | None = None,
    version: int = 1,
    **root: Any,
) -> RecordMapper:
    """Compiled from JSON text, by the parser that a control file meets at upload."""
    control: dict[str, Any] = {"dataImportControlFileVersion": version, "model": "omeka-s"}
    if version == 1:
        control |= {"visibility": "public", "sites": []}
    control |= {"files": {"data0": {"read": "json"}}, "instructions": instructions} | root
    parsed = parse_control(json.dumps(control).encode())
    assert parsed.control is not None, [str(problem) for problem in parsed.problems]
    return compile_control(parsed.control, parsed.control.files[0], lookups or NoTarget())


def mapped(instructions: list[dict[str, Any]], fields: dict[str, Any], **root: Any) -> Mapped:
    return mapper(instructions, **root).map(Row("data0", 7, fields))


NEW = {"action": "new", "destination": "item"}


def one_field(fields: dict[str, Any], instruction: dict[str, Any], **root: Any) -> Mapped:
    """A new item that gets one name."""
    return mapped([NEW, {"destination": "item", **instruction}], fields, **root)


def values(result: Mapped, term: str = "dcterms:title") -> tuple[Value, ...]:
    """The values of a term of the only draft."""
    assert not [p for p in result.problems if p.severity != "warning"], result.problems
    (draft,) = result.drafts
    return next((p.values for p in draft.properties if p.term == term), ())


def texts(result: Mapped, term: str = "dcterms:title") -> list[str | None]:
    return [value.text for value in values(result, term)]


def codes(result: Mapped) -> list[tuple[str, str]]:
    return [(problem.severity, problem.code) for problem in result.problems]


def only_problem(result: Mapped) -> Problem:
    (problem,) = result.problems
    return problem
