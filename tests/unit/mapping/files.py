"""Whole files through a control file: what the worker makes of them, without a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from service.control.expected import match_file
from service.control.parse import parse_control
from worker.mapping.compiler import compile_control
from worker.mapping.lookups import NoTarget
from worker.planning.phase import InputFile
from worker.readers.opening import open_reader
from worker.records import Mapped, Row


def drafts_of(control: Path, files: Mapping[str, Path]) -> dict[str, list[Mapped]]:
    """Name in the batch → what each of its rows becomes."""
    parsed = parse_control(control.read_bytes())
    assert parsed.control is not None, parsed.problems
    made = {}
    for name, path in files.items():
        spec = match_file(parsed.control, name)
        assert spec is not None
        file = InputFile(name, path, path.stat().st_size)
        reading = open_reader(spec.reader, file, name, fill_down=spec.fill_down, group=spec.group)
        mapper = compile_control(parsed.control, spec, NoTarget())
        rows = list(reading)
        made[name] = [mapper.map(row) for row in rows if isinstance(row, Row)]
        assert len(made[name]) == len(rows)
        assert mapper.finish() == ()
    return made
