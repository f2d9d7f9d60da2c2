"""Phase one: read, map, plan, and keep the whole plan in the database before anything is written.

Rows stream through in chunks, in a thread; nothing here grows with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from service.control.expected import match_file
from service.control.model import AttachmentReader, Budget, Control, FileSpec, Source
from service.store import runs
from service.store.plans import Entry
from worker.context import RunContext
from worker.errors import Fatal
from worker.mapping.compiler import RecordMapper, compile_control
from worker.mapping.lookups import VocabularyLookups
from worker.planning.planner import Planner
from worker.planning.writing import PlanWriter
from worker.readers.base import BadRow, Item, Reading
from worker.readers.opening import open_reader
from worker.records import Mapped, Problem, Row

LOUD_PROBLEMS = 2000
"""Problems of one run that get a line each in the log; the report has them all."""


class InputFile(Struct, frozen=True):
    """A file of the batch: its name, and where its bytes are."""

    name: str
    path: Path
    size: int


class Totals(Struct):
    """What phase one counted; entries are counted as they are kept."""

    read: int = 0
    rejected: int = 0
    said: int = 0


class PlanPhase:
    """Makes the plan of one run."""

    def __init__(
        self,
        context: RunContext,
        control: Control,
        planner: Planner,
        vocabularies: VocabularyLookups,
        chunk: int,
        plan: PlanWriter,
    ) -> None:
        """`plan`: where entries are kept; the planner's look-ups find them there."""
        self._context = context
        self._control = control
        self._planner = planner
        self._vocabularies = vocabularies
        self._chunk = chunk
        self._plan = plan
        self._totals = Totals()

    def carry_out(self, files: Sequence[InputFile]) -> Totals:
        """Plan everything. Blocking: call it in a thread.

        Raises `Fatal` for a file that cannot be read and for a `stop` problem, `StoppedError`.
        """
        with self._plan:
            for spec, file in in_order(self._control, files):
                self._plan_file(spec, file)
        with self._context.transaction() as connection:
            runs.set_phase(connection, self._context.claim, "plan", records_total=self._totals.read)
        return self._totals

    def _plan_file(self, spec: FileSpec, file: InputFile) -> None:
        log = self._context.log
        reading = open_file(self._control, spec, file)
        for fact in reading.facts:
            log.say("info", "reading", fact, file=file.name)
        mapper = compile_control(self._control, spec, self._vocabularies)
        items = iter(reading)
        while chunk := self._map(islice(items, self._chunk), mapper):
            self._context.check()
            self._keep(chunk)
        for note in reading.notes():
            log.say("warning", "reading", note, file=file.name)
        for problem in mapper.finish():
            log.problem(problem, file=file.name)

    def _map(self, items: Iterable[Item], mapper: RecordMapper) -> list[Mapped]:
        """The drafts of these records. A row is let go as soon as it is mapped, while it is in the
        processor's cache: two hundred at once take twice the time. Only one that may have to be mapped again
        is kept."""
        chunk: list[Mapped] = []
        again: dict[int, Item] = {}
        for item in items:
            mapped = map_item(item, mapper)
            for draft in mapped.drafts:
                if draft.otherwise:
                    again[len(chunk)] = item
            chunk.append(mapped)
        if again:
            self._map_again(chunk, again, mapper)
        return chunk

    def _map_again(self, chunk: list[Mapped], items: Mapping[int, Item], mapper: RecordMapper) -> None:
        """Puts the records whose `load` with an `otherwise` finds nothing in place of what they were."""
        missing: dict[int, frozenset[tuple[str, str]]] = {}
        # A `load` that finds nothing runs its `otherwise`, which may load again: once more each time.
        while found := self._planner.missing_loads(chunk):
            for index, pairs in found.items():
                item = items[index]
                known = missing.get(index, frozenset())
                assert isinstance(item, Row)
                assert not pairs <= known, "what is missing is told to the mapper once"
                missing[index] = known | pairs
                chunk[index] = mapper.map(item, missing[index])

    def _keep(self, chunk: Sequence[Mapped]) -> None:
        self._totals.read += len(chunk)
        for mapped in chunk:
            for problem in mapped.problems:
                if problem.severity == "stop":
                    self._context.log.problem(problem, file=mapped.file, row=mapped.row)
                    raise Fatal(problem.code, f"{mapped.file}, row {mapped.row}: {problem.message}")
        entries = self._planner.plan(chunk)
        counts: Counter[str] = Counter({"read": len(chunk), "planned": len(entries)})
        for entry in entries:
            counts[f"action:{entry.action}"] += 1
            if entry.outcome is not None:
                counts[entry.outcome] += 1
            self._say(entry)
        self._totals.rejected += sum(
            1 for record in {(e.file, e.row) for e in entries if e.action == "reject"} if record
        )
        self._plan.keep(entries, counts)

    def _say(self, entry: Entry) -> None:
        for problem in plan_problems(entry):
            self._totals.said += 1
            log = self._context.log
            if self._totals.said < LOUD_PROBLEMS:
                log.problem(problem, file=entry.file, row=entry.row, identifier=entry.identifier)
            elif self._totals.said == LOUD_PROBLEMS:
                log.say(
                    "warning", "log-shortened", "More problems than the log shows; the report has them all."
                )


def plan_problems(entry: Entry) -> Sequence[Problem]:
    """The problems that a plan entry keeps."""
    return msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else ()


def in_order(control: Control, files: Sequence[InputFile]) -> list[tuple[FileSpec, InputFile]]:
    """The files that hold records, in the order of their entries in the control file, then by name."""
    found = []
    for file in files:
        spec = match_file(control, file.name)
        if spec is None:
            raise Fatal("file-not-expected", f"The control file takes no file of the name {file.name}.")
        if not isinstance(spec.reader, AttachmentReader) or spec.reader.records:
            found.append((control.files.index(spec), spec, file))
    return [(spec, file) for _, spec, file in sorted(found, key=lambda one: (one[0], one[2].name))]


def identity_columns(control: Control) -> set[str]:
    """The columns by which records are known again."""
    return {
        selector.key
        for match in control.match.values()
        for selector in match.inputs
        if isinstance(selector, Source)
    }


def open_file(control: Control, spec: FileSpec, file: InputFile) -> Reading:
    """The records of a file as the control file wants it read. It and the reading raise `FileUnreadable`."""
    return open_reader(
        spec.reader,
        file,
        file.name,
        fill_down=spec.fill_down,
        group=spec.group,
        identity=identity_columns(control),
    )


def map_item(item: Item, mapper: RecordMapper) -> Mapped:
    """What a record becomes. One that could not even be read is rejected, with what stands there."""
    if isinstance(item, BadRow):
        problem = Problem("reject", item.code, item.message, value=item.raw)
        return Mapped(item.file, item.number, problems=(problem,))
    return mapper.map(item)


def check_budget(name: str, budget: Budget | None, number: int, of: int) -> None:
    """Raise `Fatal` when more went wrong than the control file allows."""
    if budget is None or number == 0:
        return
    allowed = budget.amount * of / 100 if budget.percent else budget.amount
    if number > allowed:
        limit = f"{budget.amount:g}%" if budget.percent else f"{budget.amount:g}"
        raise Fatal(
            "too-many-errors",
            f"{number} of {of} records are rejected, more than {name} allows ({limit}). Nothing was written. "
            "Correct the data or the control file, or allow more.",
        )
