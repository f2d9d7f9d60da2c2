"""A control file asked about: its names against a target, and what the first rows of the data become.

Reads, never writes: neither the target nor the ledger. Made of the stages of a run (`worker.preflight`, the
readers, the mapping, the target's own checks), so what it is content with a dry run is content with too,
for the same rows; whether records exist already only a dry run tells.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import anyio.to_thread
import msgspec

from service.control.expected import match_file, missing_required
from service.control.model import Control, FileSpec
from service.settings import Settings, TargetSettings
from service.store.blobs import BlobMissingError, BlobStore, Digest
from service.store.control_check import (
    MOST_FOUND,
    MOST_ROWS,
    CheckAsked,
    CheckedFile,
    CheckedRow,
    ControlCheck,
    Found,
    NamedBytes,
)
from service.store.database import Database
from worker.checked_drafts import checked_draft
from worker.errors import AccessionError, Fatal
from worker.limiters import Limiters
from worker.mapping.compiler import ControlNotRunnable, compile_control
from worker.mapping.lookups import NoTarget, VocabularyLookups
from worker.planning.owners import Owners
from worker.planning.phase import InputFile, in_order, map_item, open_file
from worker.planning.planner import target_problems
from worker.planning.templates import Templates
from worker.preflight import Preflight, compile_problems, preflight, prove, read_control
from worker.readers.base import count
from worker.records import Mapped, Problem
from worker.targets.http import Caller
from worker.targets.redact import excerpt
from worker.targets.registry import make_adapter

SECONDS = 60.0
"""How long rows are read; a file whose first rows take longer is judged by fewer."""
MOST_SHOWN = 2 * 1024 * 1024
"""Bytes of JSON of the rows that are shown; further rows are run, and only their problems told."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a check works with, of the worker process."""

    settings: Settings
    db: Database
    blobs: BlobStore
    limiters: Limiters


async def check_control(tools: Tools, asked: CheckAsked, target: str | None) -> ControlCheck:
    """Everything that is wrong. `target` None: names are not resolved. Never raises for what it checks."""
    findings = Findings()
    try:
        control, warnings = await read_control(tools.blobs, asked.control)
    except Fatal as error:
        findings.problem(Found(error.code, error.message))
        return findings.checked(target, False, ())
    for one in warnings:
        findings.warning(Found(f"control-{one.code}", str(one), one.pointer))
    found = await _ask_target(tools, control, target, findings)
    files = _input_files(tools.blobs, control, asked.files, findings)
    rows = RowCheck(control, found, min(asked.rows, MOST_ROWS), findings)
    checked = await anyio.to_thread.run_sync(rows.run, files, abandon_on_cancel=True)
    return findings.checked(target, found is not None, checked)


async def _ask_target(
    tools: Tools, control: Control, target: str | None, findings: Findings
) -> Preflight | None:
    """None: there is no target, or it could not be asked; the instructions are compiled all the same."""
    found = None
    if target is None:
        message = "No target is named, so its names (properties, templates, sets …) were not looked up."
        findings.warning(Found("not-resolved", message))
    else:
        try:
            found = await _preflight(tools, control, target)
        except AccessionError as error:
            message = f"The target {target} could not be asked, so names were not looked up: {error.message}"
            findings.problem(Found(error.code, message))
    problems = compile_problems(control, NoTarget()) if found is None else found.problems
    for problem in problems:
        findings.add(problem)
    return found


async def _preflight(tools: Tools, control: Control, target: str) -> Preflight:
    settings = target_settings(tools.settings, target)
    adapter = make_adapter(target, settings, tools.limiters.of(target, settings), None, Caller(urgent=True))
    try:
        await prove(tools.db, target, settings, adapter.prove)
        return await preflight(control, adapter)
    finally:
        await adapter.close()


def target_settings(settings: Settings, name: str) -> TargetSettings:
    """Raises `Fatal` for a target that this worker does not know."""
    found = settings.targets.get(name)
    if found is None:
        known = ", ".join(sorted(settings.targets)) or "none"
        raise Fatal("target-unknown", f"The target {name!r} is not in the settings; configured: {known}.")
    return found


def _input_files(
    blobs: BlobStore, control: Control, files: Sequence[NamedBytes], findings: Findings
) -> list[InputFile]:
    """The files that the control file takes, and a problem for each other one."""
    result = []
    for file in files:
        if match_file(control, file.name) is None:
            taken = ", ".join(spec.pattern for spec in control.files) or "no files"
            message = f"The control file takes no file of this name; it takes {taken}."
            findings.problem(Found("file-not-expected", message, file=file.name))
            continue
        digest = Digest(file.digest)
        try:
            result.append(
                InputFile(file.name, blobs.local_path(digest), blobs.size(digest) or 0, file.digest)
            )
        except BlobMissingError:
            message = "The store no longer holds the bytes. Upload the file again."
            findings.problem(Found("blob-missing", message, file=file.name))
    if files:
        for name in missing_required(control, [file.name for file in files]):
            message = f"The control file requires the file {name}; a batch without it is not scheduled."
            findings.warning(Found("file-missing", message))
    return result


@dataclass(slots=True)
class Findings:
    """Problems and warnings as they are found: all counted, of very many the first kept."""

    problems: list[Found] = field(default_factory=list)
    warnings: list[Found] = field(default_factory=list)
    problem_count: int = 0
    warning_count: int = 0

    def problem(self, found: Found) -> None:
        self.problem_count += 1
        if len(self.problems) < MOST_FOUND:
            self.problems.append(found)

    def warning(self, found: Found) -> None:
        self.warning_count += 1
        if len(self.warnings) < MOST_FOUND:
            self.warnings.append(found)

    def add(self, problem: Problem, file: str = "", row: int | None = None) -> Found:
        found = _found(problem, file, row)
        if problem.severity == "warning":
            self.warning(found)
        else:
            self.problem(found)
        return found

    def checked(self, target: str | None, resolved: bool, files: Sequence[CheckedFile]) -> ControlCheck:
        return ControlCheck(
            ok=self.problem_count == 0,
            target=target,
            resolved=resolved,
            problem_count=self.problem_count,
            warning_count=self.warning_count,
            problems=tuple(self.problems),
            warnings=tuple(self.warnings),
            files=tuple(files),
        )


def _found(problem: Problem, file: str = "", row: int | None = None) -> Found:
    message = problem.message.removeprefix(f"{problem.pointer}: ") if problem.pointer else problem.message
    return Found(problem.code, message, problem.pointer, file, row, excerpt(problem.value, 300))


class RowCheck:
    """Runs the first rows of each file as phase one of a run does, and keeps what they become."""

    def __init__(self, control: Control, found: Preflight | None, rows: int, findings: Findings) -> None:
        self._control = control
        self._found = found
        self._lookups: VocabularyLookups = NoTarget() if found is None else found.lookups
        self._templates = Templates(control.templates, found.resolver) if found is not None else None
        lenient = control.record_processor is not None
        self._owners = Owners(found.resolver, lenient=lenient) if found is not None else None
        self._rows = rows
        self._findings = findings
        self._left = MOST_SHOWN

    def run(self, files: Sequence[InputFile]) -> list[CheckedFile]:
        """Blocking: call it in a thread."""
        deadline = time.monotonic() + SECONDS
        return [self._file(spec, file, deadline) for spec, file in in_order(self._control, files)]

    def _file(self, spec: FileSpec, file: InputFile, deadline: float) -> CheckedFile:
        rows: list[CheckedRow] = []
        said: list[str] = []
        number, more = 0, False
        try:
            reading = open_file(self._control, spec, file)
            said += reading.facts
            mapper = compile_control(self._control, spec, self._lookups)
            items = iter(reading)
            for item in islice(items, self._rows):
                self._keep(self._row(map_item(item, mapper)), rows)
                number += 1
                if time.monotonic() > deadline:
                    said.append(f"Reading takes long, so it was left off after {count(number, 'row')}.")
                    more = True
                    break
            else:
                more = next(items, None) is not None
            said += reading.notes()
            for problem in mapper.finish():
                self._findings.add(problem, file.name)
        except ControlNotRunnable:
            pass  # told already, with the instructions of all files
        except AccessionError as error:
            self._findings.problem(Found(error.code, error.message, file=file.name))
        if len(rows) < number:
            said.append(f"What {number - len(rows)} of the rows become is not shown: it is too much.")
        return CheckedFile(file.name, number, more, tuple(said), tuple(rows))

    def _row(self, mapped: Mapped) -> CheckedRow:
        if self._templates is not None:
            mapped = self._templates.settle(mapped)
        if self._owners is not None:
            mapped = self._owners.settle(mapped)
        if self._found is not None:
            for draft in mapped.drafts:
                self._found.resolver.expect(draft)
        problems = [*mapped.problems, *self._by_target(mapped)]
        found = [self._findings.add(one, mapped.file, mapped.row) for one in problems]
        bad = [one.severity != "warning" for one in problems]
        return CheckedRow(
            row=mapped.row,
            drafts=tuple(checked_draft(draft) for draft in mapped.drafts),
            skipped=mapped.skipped or "",
            problems=tuple(one for one, is_bad in zip(found, bad, strict=True) if is_bad),
            warnings=tuple(one for one, is_bad in zip(found, bad, strict=True) if not is_bad),
        )

    def _by_target(self, mapped: Mapped) -> list[Problem]:
        if self._found is None:
            return []
        unknown = self._found.unknown
        return [
            problem
            for problem in target_problems(mapped, self._found.resolver)
            # A name of the control file is told once, not again for every row.
            if not (problem.code == "names-unknown" and problem.value in unknown)
        ]

    def _keep(self, row: CheckedRow, rows: list[CheckedRow]) -> None:
        size = len(msgspec.json.encode(row))
        if size <= self._left:
            self._left -= size
            rows.append(row)
        else:
            self._left = 0
