"""Generating as a person meets it: a file in, a control file out; and what a run would make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.control.parse import parse_control
from worker.generating import Generated, GivenData, TargetModel, generate
from worker.generating.rehearsing import ModelLookups, has_todo, settled
from worker.mapping.compiler import compile_control
from worker.readers import open_reader
from worker.records import Mapped, Row


def given(path: Path, **options: Any) -> GivenData:
    return GivenData(path.name, path, path.stat().st_size, **options)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def control_of(made: Generated) -> dict[str, Any]:
    return json.loads(made.text)


def from_text(
    folder: Path,
    name: str,
    content: str | bytes,
    model: TargetModel | None = None,
    template: str | None = None,
) -> dict[str, Any]:
    """The control file for a file of this content."""
    return control_of(generate(given(write(folder, name, content)), model, template))


def names(control: dict[str, Any]) -> dict[str, str]:
    """What is read → the name it goes to, of the instructions that are not nested."""
    return {
        one.get("source", one.get("expression")): one["name"]
        for one in control["instructions"]
        if "name" in one
    }


def only_todos(text: str) -> list[str]:
    """What the parser says but for the TODOs themselves."""
    return [
        str(problem) for problem in parse_control(text.encode()).problems if "TODO" not in problem.message
    ]


def without_todos(control: dict[str, Any]) -> dict[str, Any]:
    """What is certain of it: no instruction, and no match, in which something is to be decided."""
    kept = {key: value for key, value in control.items() if key != "match" or not has_todo(value)}
    return {**kept, "instructions": settled(control["instructions"])}


def run(control: dict[str, Any], path: Path, model: TargetModel | None = None) -> list[Mapped]:
    """Reader and mapping over all rows of the file, by the parser and compiler of a run."""
    parsed = parse_control(json.dumps(control).encode())
    assert parsed.control is not None, [str(problem) for problem in parsed.problems]
    spec = parsed.control.files[0]
    mapper = compile_control(parsed.control, spec, ModelLookups(model))
    rows = list(open_reader(spec.reader, given(path), path.name))
    return [mapper.map(row) for row in rows if isinstance(row, Row)]
