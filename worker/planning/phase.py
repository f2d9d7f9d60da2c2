"""Phase one: read, map, plan, and keep the whole plan in the database before anything is written.

Rows stream through in chunks, in a thread; nothing here grows with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from service.control.expected import entry_of
from service.control.model import AttachmentReader, Control, FileSpec, Source
from service.store import ledger, ledger_parts, links, plan_groups, plans, runs
from service.store.ledger import LedgerKey, LedgerRow
from service.store.plans import Entry
from worker.attachments.attaching import Attaching
from worker.context import RunContext
from worker.errors import Fatal
from worker.mapping.compiler import RecordMapper, compile_control
from worker.mapping.lookups import VocabularyLookups
from worker.planning.absent import AbsentPass, Doubts, Removals
from worker.planning.again import not_made_twice, not_said_twice
from worker.planning.budgets import exceeds
from worker.planning.choosing import say_left_out
from worker.planning.groups import group
from worker.planning.media_pass import MediaPass
from worker.planning.merging import Judged, footing_json, representation
from worker.planning.parts import Rearranged
from worker.planning.pictures import PicturePass
from worker.planning.planner import Planned, Planner
from worker.planning.selection import Selection
from worker.planning.settling import Settling, counted
from worker.planning.writing import Kept, PlanWriter
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
    digest: str = ""


class Totals(Struct):
    """What phase one counted; entries are counted as they are kept."""

    read: int = 0
    rejected: int = 0
    said: int = 0
    removals: list[Removals] = []
    doubts: Doubts = msgspec.field(default_factory=Doubts)
    """Why nothing is removed, where something could be."""


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
        absent: AbsentPass,
        selection: Selection,
        media: MediaPass,
        attaching: Attaching,
        pictures: PicturePass,
        *,
        changes_ledger: bool,
    ) -> None:
        """`plan`: where entries are kept; the planner's look-ups find them there. `attaching`: binds media
        and thumbnails to the files of the batch; `pictures`: plans the assets of the latter.
        `changes_ledger`: whether what planning learns of known resources is kept (not by a dry run)."""
        self._media = media
        self._attaching = attaching
        self._pictures = pictures
        self._rearranged: list[Rearranged] = []
        self._unfinished: set[int] = set()
        self._plan = plan
        self._absent = absent
        self._selection = selection
        self._changes_ledger = changes_ledger
        self._added: Counter[str] = Counter()
        self._context = context
        self._control = control
        self._planner = planner
        self._vocabularies = vocabularies
        self._chunk = chunk
        self._plan = plan
        self._totals = Totals()
        self._pending = False
        self._left_out = 0

    def carry_out(self, files: Sequence[InputFile]) -> Totals:
        """Plan everything. Blocking: call it in a thread.

        Raises `Fatal` for a file that cannot be read and for a `stop` problem, `StoppedError`.
        """
        with self._plan:
            for spec, file in in_order(self._control, files):
                self._plan_file(spec, file)
        self._settle()
        say_left_out(self._context.log, self._selection, self._totals.read)
        self._follow_media()
        self._bring_pictures()
        self._remove_absent()
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
        before = self._totals.read
        while True:
            self._context.check()
            chosen, read = self._next(items, file, mapper)
            if not read:
                break
            self._keep(chosen, read)
        if self._totals.read == before:
            self._totals.doubts.add(f"{file.name} holds no records.")
        for note in reading.notes():
            log.say("warning", "reading", note, file=file.name)
        # What is empty in every record says nothing where most of them were not looked at.
        for problem in () if self._selection.narrowed else mapper.finish():
            log.problem(problem, file=file.name)

    def _next(
        self, items: Iterator[Item], file: InputFile, mapper: RecordMapper
    ) -> tuple[Sequence[Mapped], int]:
        """Those of the next records that are chosen, mapped, and of how many they were."""
        if not self._selection.narrowed:
            chunk = self._map(islice(items, self._chunk), mapper)
            return self._selection.mapped(chunk), len(chunk)
        read = list(islice(items, self._chunk))
        wanted = self._selection.rows(file.name, [item.number for item in read])
        mapped = self._map([item for item in read if item.number in wanted], mapper)
        return self._selection.mapped(mapped), len(read)

    def _map(self, items: Iterable[Item], mapper: RecordMapper) -> list[Mapped]:
        """The drafts of these records. A row is let go as soon as it is mapped, while it is in the
        processor's cache: two hundred at once take twice the time. Only one that may have to be mapped again
        is kept."""
        chunk: list[Mapped] = []
        again: dict[int, Item] = {}
        for item in items:
            self._context.check()
            mapped = map_item(item, mapper)
            for draft in mapped.drafts:
                if draft.otherwise:
                    again[len(chunk)] = item
            chunk.append(mapped)
        if again:
            self._map_again(chunk, again, mapper)
        return [self._attaching.settle(mapped) for mapped in chunk]

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

    def _keep(self, chunk: Sequence[Mapped], read: int) -> None:
        """Plan these of `read` records, the others are left out."""
        self._totals.read += read
        for mapped in chunk:
            for problem in mapped.problems:
                if problem.severity == "stop":
                    self._context.log.problem(problem, file=mapped.file, row=mapped.row)
                    raise Fatal(problem.code, f"{mapped.file}, row {mapped.row}: {problem.message}")
            if not mapped.identities and (mapped.rejected or mapped.skipped is not None):
                self._totals.doubts.add(
                    f"{mapped.file} has records whose identity was not read, the first in row {mapped.row}."
                )
        planned = self._chosen(self._planner.plan(chunk))
        decided = [entry for entry in planned.entries if not entry.pending]
        counts = counted(decided)
        self._added.update(counts)
        counts["read"] += read
        counts["left-out"] += self._newly_left_out()
        for entry in decided:
            self._say(entry)
        self._totals.rejected += len({(e.file, e.row) for e in decided if e.action == "reject"})
        refreshed = self._refreshed(planned.refreshed)
        self._rearranged.extend(planned.rearranged)
        self._unfinished.update(planned.unfinished)
        self._plan.keep(Kept(planned.entries, planned.links, planned.keys, refreshed), counts)
        self._pending = self._pending or len(decided) < len(planned.entries)

    def _chosen(self, planned: Planned) -> Planned:
        """Of what was planned, what is not made a second time and was asked for."""
        entries = not_made_twice(planned.entries, self._selection.made)
        entries = not_said_twice(entries, self._selection.spoken_of(entries))
        planned.entries = self._selection.planned(entries)
        kept = {entry.seq for entry in planned.entries}
        planned.links = [row for row in planned.links if row.seq in kept]
        planned.keys = [row for row in planned.keys if row.seq in kept]
        return planned

    def _newly_left_out(self) -> int:
        before, self._left_out = self._left_out, self._selection.left_out
        return self._left_out - before

    def _leave_out(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Take records out again that waited for their links and are not what was asked for."""
        if not self._selection.by_action:
            return entries
        kept = self._selection.planned(entries)
        left = {entry.seq for entry in entries} - {entry.seq for entry in kept}
        if left:
            run_id = self._context.claim.run_id
            with self._context.transaction({"left-out": self._newly_left_out()}) as connection:
                plans.replace_entries(connection, run_id, sorted(left), [])
                links.remove_links(connection, run_id, sorted(left))
            links.reopen(self._context.db, self._context.claim, sorted(left))
        return kept

    def _settle(self) -> None:
        """Decide what waited for its links, and put the plan into its order."""
        settling = Settling(self._context, self._planner)
        if self._pending:
            for planned in settling.decide_pending():
                for entry in self._leave_out(planned.entries):
                    self._say(entry)
                self._rearranged.extend(planned.rearranged)
                self._unfinished.update(planned.unfinished)
                with self._context.transaction() as connection:
                    ledger.refresh(connection, self._refreshed(planned.refreshed))
            run_id = self._context.claim.run_id
            tally = plans.tally(self._context.db, run_id)
            self._totals.rejected = plans.rejected_records(self._context.db, run_id)
            with self._context.transaction(dict(_difference(tally, self._added))):
                pass
            self._group_anew()
        settling.order(self._unfinished)

    def _follow_media(self) -> None:
        """Plan what media need when all of them are planned."""
        first = plans.highest_seq(self._context.db, self._context.claim.run_id) + 1
        for entries in self._media.entries(first, self._rearranged):
            shown = [entry for entry in entries if entry.action != "complete"]
            for entry in shown:
                self._say(entry)
            with self._context.transaction(counted(shown)) as connection:
                plans.insert_entries(connection, self._context.claim.run_id, entries)
                plan_groups.add_groups(connection, self._context.claim.run_id, *group(shown))

        if self._media.removed:
            of = ledger_parts.parts_written(self._context.db, self._context.target)
            self._totals.removals.append(Removals("media", self._media.removed, of))

    def _bring_pictures(self) -> None:
        """Plan the assets that thumbnails need and that do not stand yet."""
        first = plans.highest_seq(self._context.db, self._context.claim.run_id) + 1
        for entries in self._pictures.entries(first):
            with self._context.transaction(counted(entries)) as connection:
                plans.insert_entries(connection, self._context.claim.run_id, entries)
                plan_groups.add_groups(connection, self._context.claim.run_id, *group(entries))

    def _remove_absent(self) -> None:
        """Plan what becomes of resources that no record mentions; nothing, where that may be a mistake."""
        if not self._absent.wanted:
            return
        if self._selection.partial:
            self._totals.doubts.add("This run is about some of the records only.")
        if self._totals.doubts.found:
            why = " ".join(self._totals.doubts.found)
            text = f"Nothing is removed that no record mentions: {why}"
            self._context.log.say("warning", "absent-kept", text)
            return
        removed: Counter[str] = Counter()
        first = plans.highest_seq(self._context.db, self._context.claim.run_id) + 1
        for entries in self._absent.entries(first):
            for entry in entries:
                self._say(entry)
                removed[entry.destination] += entry.outcome is None
            with self._context.transaction(counted(entries)) as connection:
                plans.insert_entries(connection, self._context.claim.run_id, entries)
                plan_groups.add_groups(connection, self._context.claim.run_id, *group(entries))
        self._totals.removals.extend(
            Removals(label, n, self._absent.scope_size(label)) for label, n in removed.items() if n
        )

    def _group_anew(self) -> None:
        """Count the groups of the plan once more: entries that waited may have been decided several times."""
        run_id = self._context.claim.run_id
        with self._context.transaction() as connection:
            plan_groups.clear_groups(connection, run_id)
        after = 0
        while page := plans.read_plan(self._context.db, run_id, after=after):
            self._context.check()
            after = page[-1].seq
            with self._context.transaction() as connection:
                plan_groups.add_groups(connection, run_id, *group(page))

    def _refreshed(self, judged: Sequence[Judged]) -> list[LedgerRow]:
        return [ledger_row(self._context.target, one) for one in judged] if self._changes_ledger else []

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


def _difference(now: Counter[str], before: Counter[str]) -> Counter[str]:
    return Counter({name: now[name] - before[name] for name in now.keys() | before.keys()})


def ledger_row(target: str, judged: Judged) -> LedgerRow:
    """What the ledger holds of a known resource that stands as meant already."""
    draft, meaning, saved = judged.candidate.draft, judged.candidate.meaning, judged.saved
    known, where = judged.candidate.decision.known, judged.candidate.where
    assert where is not None
    assert saved is not None
    subject, digest = where
    return LedgerRow(
        key=LedgerKey(target, draft.kind, subject.scope, subject.by_text),
        key_digest=digest,
        identifier=known.identifier if known is not None else "",
        resource_id=saved.id,
        meant=meaning.draft,
        saved=representation(saved),
        modified=saved.modified,
        run_id="",
        operation_key="",
        media_meant=known.media_meant if known is not None else "",
        linked=meaning.linked,
        footing=footing_json(judged.footing),
    )


def plan_problems(entry: Entry) -> Sequence[Problem]:
    """The problems that a plan entry keeps."""
    return msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else ()


def in_order(control: Control, files: Sequence[InputFile]) -> list[tuple[FileSpec, InputFile]]:
    """The files that hold records, in the order of their entries in the control file, then by name."""
    found = []
    for file in files:
        spec = entry_of(control, file.name)
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


def check_errors(said: str | None, control: Control, rejected: int, read: int) -> None:
    """Raise `Fatal` when more went wrong than the control file (or, this once, `said`) allows."""
    limit = exceeds(said, control.max_errors, rejected, read)
    if limit is not None:
        raise Fatal(
            "too-many-errors",
            f"{rejected} of {read} records are rejected, more than maxErrors allows ({limit}). Nothing was "
            "written. Correct the data or the control file, or allow more.",
        )
