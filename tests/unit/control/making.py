"""Short control files for the tests, and what became of them."""

from __future__ import annotations

import json
from typing import Any

from service.control.model import Control, Instruction
from service.control.parse import ParsedControl, parse_control


def version_1(*instructions: Any, **root: Any) -> dict[str, Any]:
    """A sound file around instructions; an item is made first. Keys of the root are replaced by `root`."""
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka",
        "visibility": "public",
        "match": {"item": {"source": "id", "by": "dcterms:identifier"}},
        "files": {"data0": {"read": "json"}},
        "instructions": [{"action": "new"}, *instructions],
    } | root


def version_0(*instructions: Any, **root: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 0,
        "model": "omeka",
        "files": {"DEFAULT": {"read": "json"}},
        "instructions": [{"action": "new", "destination": "item"}, *instructions],
    } | root


def parsed(control: Any) -> ParsedControl:
    return parse_control(control if isinstance(control, bytes) else json.dumps(control).encode())


def compiled(control: Any) -> Control:
    made = parsed(control)
    assert made.problems == ()
    assert made.control is not None
    return made.control


def instructions(*given: Any, **root: Any) -> tuple[Instruction, ...]:
    """What version 1 makes of instructions, without the `new` before them."""
    return compiled(version_1(*given, **root)).instructions[1:]


def only(*given: Any, **root: Any) -> Any:
    (made,) = instructions(*given, **root)
    return made


def said(control: Any) -> list[str]:
    """The messages of all problems."""
    made = parsed(control)
    assert (made.control is None) == bool(made.problems)
    return [problem.message for problem in made.problems]


def told(*given: Any, **root: Any) -> list[str]:
    return said(version_1(*given, **root))


def warned(control: Any) -> list[str]:
    made = parsed(control)
    assert made.problems == ()
    return [problem.message for problem in made.warnings]
