"""One round from its seed to its verdict: what the target holds is what the imports meant, and once."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from service.control.target_model import TargetKind
from service.store.database import Database, now_ms
from service.store.drafts import changes_of
from service.store.logs import LogLine, read_log
from service.store.plans import read_plan
from tests.acceptance.classic_worlds import ClassicSite
from tests.acceptance.installation import target_of
from tests.acceptance.laws import Import, Memory, again, check_import, check_once, restored, same
from tests.acceptance.worlds import Json, Order, Place, Site, State
from tests.chaos.drawing import Round, Step, draw_round
from tests.chaos.house import SETTINGS, House
from tests.chaos.journal import began_and_ended, journal, left_open, told_otherwise
from tests.chaos.partly import check_part, made_whole, newest_word
from tests.chaos.stores import patiently
from tests.chaos.strikes import BYSTANDER, CREATOR, Edited, Strikes, with_edit
from tests.standins.omeka_classic import StandIn as ClassicStandIn
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import FaultProxy
from worker.planning.media_pass import ARRANGED

AnyOmeka: TypeAlias = StandIn | ClassicStandIn
SETTLED = 30.0
"""Seconds after which everything about runs that have ended is known."""


@dataclass
class Verdict:
    """How a round went. `broken`: the law that was, with what was seen; empty: none."""

    seed: int
    database: str
    target: TargetKind
    seconds: float = 0.0
    runs: int = 0
    records: int = 0
    requests: int = 0
    strikes: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)
    broken: str = ""
    journal: str = ""
    """Of a round that broke a law: what was done, what the logs say, what was meant and what came of it."""


@dataclass
class Applied:
    """An import that can be undone to what was before."""

    batch: str
    done: Import
    memory: Memory


class Chaos:
    """A house, a site, and somebody between them."""

    def __init__(self, drawn: Round, folder: Path, omeka: AnyOmeka, database_url: str) -> None:
        self.drawn = drawn
        self.site: Place = Site(omeka) if isinstance(omeka, StandIn) else ClassicSite(omeka)
        omeka.knobs(delay_ms=drawn.delay_ms, workers=drawn.connections, **drawn.knobs)
        self.proxy = FaultProxy(omeka.url, seed=drawn.seed)
        target = target_of(omeka, self.proxy.url, connections=drawn.connections, timeout=drawn.timeout)
        settings = {**SETTINGS, "ACCESSION_CHUNK": str(drawn.chunk), **drawn.settings}
        self.house = House(folder, {"omeka": target}, settings, database_url)
        self.db = Database(database_url or f"sqlite:///{folder / 'data' / 'accession.db'}")
        self.memory = Memory()
        self.last: Applied | None = None
        self.history: list[str] = []
        self.verdict = Verdict(drawn.seed, self.db.engine.dialect.name, drawn.target)

    def play(self) -> None:
        """Raises `AssertionError` when a law is broken."""
        self.house.open(self.db, self.drawn.services)
        for number, step in enumerate(self.drawn.steps, 1):
            if step.order is None:
                self._say(f"--- step {number}: undo")
                self._undo(step)
            elif step.beside is not None:
                self._say(f"--- step {number}: two imports")
                self._edit(step)
                self._two_imports(step, step.order, step.beside)
            else:
                self._say(f"--- step {number}: import")
                self._edit(step)
                self._import(step, step.order)
            self._nothing_is_open()

    def close(self) -> None:
        self.proxy.close()
        self.house.stop()
        self.db.dispose()
        self.site.close()

    # --- steps ---------------------------------------------------------------------------------------

    def _edit(self, step: Step) -> None:
        for edit in step.edits:
            self.site.tick()
            was = self.site.dump()
            self.site.edit(edit)
            self.memory.note_edit(edit, was, self.site.dump())
        self.site.tick()

    def _import(self, step: Step, order: Order) -> None:
        batch = self.house.upload(order.control, order.files)
        memory = self.memory.copy()
        parts: list[str] = []
        with self._disturbed(step) as edited:
            plan = self._preview(batch, step)
            plan = plan if step.exactly else ""
            facts = self._run(batch, "import", twice=step.twice, plan=plan)
            while facts["state"] == "cancelled":
                assert step.cancels, "nobody has cancelled it"
                parts.append(facts["runs"][0]["run"])
                self._say("the import was cancelled")
                if not step.at_once:
                    self._check_part(order, parts[-1], edited)
                if step.after_cancel == "undo":
                    self._undo_batch(batch, step)
                    break
                facts = self._run(batch, "import")
        self.site.tick()
        if parts and step.after_cancel == "undo":
            self._check_restored(edited.before, edited)
            self.memory, self.last = memory, None
            return
        self._nothing_is_open()
        facts, tried = self._retried(batch, facts)
        parts += tried
        after = _without(self.site.dump(), edited)
        last = self._done(order, facts["runs"][0]["run"], edited.before, after)
        before = [self._done(order, one, edited.before, after) for one in parts]
        done = made_whole(before, last)
        check_import(done, self.memory)
        self._check_state(facts, last)
        self._told(batch, facts, newest_word([one.every for one in (*before, last)]))
        self._nothing_is_left(order)
        self.last = None if step.edits_meanwhile or not done.touched else Applied(batch, done, memory)

    def _two_imports(self, step: Step, order: Order, beside: Order) -> None:
        """Two batches of one scope at a time: one waits for the other, and finds what that has made."""
        orders = [order, beside]
        batches = [self.house.upload(one.control, one.files) for one in orders]
        before_writes: list[tuple[int, State]] = []
        with self._disturbed(step) as edited:
            for mode in ("dry-run", "import"):
                if mode == "import":
                    self.proxy.before_write = lambda: before_writes.append((now_ms(), self.site.dump()))
                for through, batch in enumerate(batches):
                    self.house.begin(batch, mode, through)
                    self.verdict.runs += 1
                facts = [self.house.ended(batch) for batch in batches]
                states = [one["state"] for one in facts]
                assert mode == "import" or states == ["dry-run"] * 2, states
            self.proxy.before_write = None
        self.site.tick()
        self._nothing_is_open()
        runs = [one["runs"][0]["run"] for one in facts]
        (_, ended), (began, _) = (began_and_ended(self.db, one) for one in runs)
        facts[1], tried = self._retried(batches[1], facts[1])
        assert ended <= began, f"run {runs[1]} began {ended - began} ms before {runs[0]} had ended"
        after = self.site.dump()
        between = next((state for at, state in before_writes if at >= began), after)
        between = _bystander_as_in(after, between)
        memories = []
        for number, (was, now) in enumerate(((edited.before, between), (between, after))):
            memories.append(self.memory.copy())
            several = [runs[0]] if number == 0 else [*tried, facts[1]["runs"][0]["run"]]
            *before, last = [self._done(orders[number], one, was, now) for one in several]
            done = made_whole(before, last)
            check_import(done, self.memory)
            self._check_state(facts[number], last)
            self._told(batches[number], facts[number], newest_word([one.every for one in (*before, last)]))
        self._nothing_is_left(beside)
        self.last = Applied(batches[1], done, memories[1]) if done.touched else None

    def _undo(self, step: Step) -> None:
        if self.last is None:
            return  # the import has changed nothing
        last, self.last = self.last, None
        self.site.tick()
        with self._disturbed(step) as edited:
            self._undo_batch(last.batch, step)
        self.site.tick()
        self._check_restored(last.done.before, edited)
        self.memory = last.memory

    # --- runs ----------------------------------------------------------------------------------------

    def _run(self, batch: str, mode: str, *, twice: bool = False, may: str = "", plan: str = "") -> Json:
        """What is told of the batch when no run of it is active any more."""
        if twice and not plan:
            self.house.begin_twice(batch, mode)
        elif not self.house.begin(batch, mode, may=may, plan=plan):
            self._say(f"{mode} was refused: {may}")
            return {"state": "refused"}
        self.verdict.runs += 1
        return self.house.ended(batch)

    def _retried(self, batch: str, facts: Json) -> tuple[Json, list[str]]:
        """A target that fails every so-many-th time may fail five times with one record, which is told then,
        and what to do. Facts of the batch once that was done, and the runs before the last one."""
        tried: list[str] = []
        while self._gave_up(facts):
            self._say("what was given up is tried again")
            tried.append(facts["runs"][0]["run"])
            self.site.tick()
            facts = self._run(batch, "retry")
            assert facts["state"] in ("complete", "complete-with-errors"), facts["state"]
            self._nothing_is_open()
        self.site.tick()
        return facts, tried

    def _gave_up(self, facts: Json) -> bool:
        """Whether the newest run has given up a record for the target's sake."""
        return any(one.code == "given-up" for one in self._log(facts["runs"][0]["run"]))

    def _log(self, run_id: str) -> Sequence[LogLine]:
        return patiently(lambda: read_log(self.db, run_id))

    def _preview(self, batch: str, step: Step) -> str:
        """The control file has records that delete: a preview has to come first. Its run."""
        while (facts := self._run(batch, "dry-run"))["state"] == "cancelled":
            assert step.cancels, "nobody has cancelled it"
            self._say("the dry run was cancelled")
        assert facts["state"] == "dry-run", facts["state"]
        return str(facts["runs"][0]["run"])

    def _undo_batch(self, batch: str, step: Step) -> None:
        """Until it is undone, whoever cancels; or there is nothing to undo, and then nothing stands."""
        while (facts := self._run(batch, "undo", may="nothing-to-undo"))["state"] == "cancelled" or (
            facts["state"] == "undone" and self._gave_up(facts)
        ):
            assert step.cancels or facts["state"] == "undone", "nobody has cancelled it"
            self._say(f"the undo was {'cancelled' if facts['state'] == 'cancelled' else 'given up in part'}")
        possible = {"undone", "refused"} if step.cancels else {"undone"}
        assert facts["state"] in possible, (facts["state"], facts["runs"][0].get("reason"))
        self._nothing_is_open()

    def _done(self, order: Order, run_id: str, before: State, after: State) -> Import:
        """What a run made of an order."""
        entries = patiently(lambda: read_plan(self.db, run_id, limit=10_000))
        planned = {one.seq: changes_of(one) for one in entries}
        items = [
            one
            for one in entries
            if one.kind == "item" and all(change.name not in ARRANGED for change in planned[one.seq].changes)
        ]
        log = self._log(run_id)
        back = frozenset(one.identifier or "" for one in log if one.code == "half-restored")
        return Import(order, before, after, items, planned, every=entries, taken_back=back)

    # --- laws ----------------------------------------------------------------------------------------

    def _check_part(self, order: Order, run_id: str, edited: Edited) -> None:
        """What a cancelled run has left, once what its last writes did is known."""
        self._nothing_is_open()
        after = self.site.dump()
        check_part(self._done(order, run_id, _bystander_as_in(after, edited.before), after))

    def _check_restored(self, before: State, edited: Edited) -> None:
        """Everything is as it was. Only a bystander is edited while something is undone."""
        after = self.site.dump()
        items = [_as_edited(one, after, edited) for one in before.items]
        earlier = State({**before.tables, "items": items})
        same(restored(after, again(earlier, after)), restored(earlier, {}), "undone")
        check_once(after)

    def _check_state(self, facts: Json, done: Import) -> None:
        rejected = sum(one.outcome == "rejected" for one in done.every)
        expected = "complete-with-errors" if rejected else "complete"
        assert facts["state"] == expected, (facts["state"], expected)

    @contextmanager
    def _disturbed(self, step: Step) -> Iterator[Edited]:
        """What is done to the step is done as long as the block lasts."""
        edited = Edited(self.site.dump())
        self.proxy.add(*(one.fault for one in step.spoils))
        strikes = Strikes(self.house, self.site, self.proxy, step.strikes, edited)
        try:
            yield edited
        finally:
            try:
                strikes.end()
            finally:
                requests = self.proxy.log
                self.proxy.clear()
                self.proxy.before_write = None
                self.history += strikes.history
                self.history += [f"{one.method} {one.target}: {one.fault}" for one in requests if one.fault]
                self.verdict.strikes += strikes.kinds
                self.verdict.requests += len(requests)
                self.verdict.spoiled.update(str(one.fault) for one in requests if one.fault)

    # --- what is told ---------------------------------------------------------------------------------

    def _told(self, batch: str, facts: Json, outcomes: Mapping[str, int]) -> None:
        """Counts and report say what came of the entries."""
        counts = facts["counts"]
        assert {name: n for name, n in counts.items() if name in outcomes} == dict(outcomes), (
            counts,
            outcomes,
        )
        self.verdict.records += sum(outcomes.values())
        report = self.house.insist("GET", f"batch/{batch}/report", headers={"accept": "application/x-ndjson"})
        assert len(report.text.splitlines()) == sum(outcomes.values()), report.text

    def _nothing_is_left(self, order: Order) -> None:
        """The same again would change nothing."""
        batch = self.house.upload(order.control, order.files)
        self.house.begin(batch, "dry-run")
        facts = self.house.ended(batch)
        entries = read_plan(self.db, facts["runs"][0]["run"], limit=10_000)
        left = [
            (one.identifier, one.action, changes_of(one))
            for one in entries
            if one.action in ("create", "update", "delete", "unpublish")
        ]
        assert not left, f"the same import again would change: {left}"

    def _nothing_is_open(self) -> None:
        """Every write has an outcome, every late answer is accounted for, nobody holds a run.

        Not at once: a late answer may come when its run has ended, and is looked into then.
        """
        deadline = time.monotonic() + SETTLED
        while left := patiently(lambda: left_open(self.db)):
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        assert not (otherwise := told_otherwise(self.db)), otherwise

    def _say(self, line: str) -> None:
        self.history.append(line)


def _without(after: State, edited: Edited) -> State:
    """The state but for what somebody added to what the run had created. Fails if an edit is lost."""
    items = []
    for item in after.items:
        name = after.numbers().get(item["o:id"], "")
        creators = edited.added.get(name)
        if creators is not None:
            assert item.get(CREATOR) == creators, f"{name}: an edit made while nobody worked is lost"
            if edited.before.named(name) is None:
                item = {key: value for key, value in item.items() if key != CREATOR}
        items.append(item)
    return State({**after.tables, "items": items})


def _bystander_as_in(now: State, then: State) -> State:
    """Where somebody edits what no import writes, it does not matter when."""
    edited = now.named(BYSTANDER)
    return then if edited is None else with_edit(then, BYSTANDER, edited)


def _as_edited(item: Json, after: State, edited: Edited) -> Json:
    for name in edited.added:
        now = after.named(name)
        if now is not None and now["o:id"] == item["o:id"]:
            return {**item, CREATOR: edited.added[name]}
    return item


def play(seed: int, folder: Path, omeka: AnyOmeka, database_url: str = "", most: int = 40) -> Verdict:
    """Play the round of a seed; the folder is left where a law was broken."""
    target: TargetKind = "omeka-s" if isinstance(omeka, StandIn) else "omeka-classic"
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier try
    chaos = Chaos(draw_round(seed, most, target), folder, omeka, database_url)
    try:
        chaos.play()
    except Exception as error:
        chaos.verdict.broken = f"{type(error).__name__}: {error}"
        try:
            chaos.verdict.journal = journal(chaos.db, chaos.history)
        except Exception as lost:
            chaos.verdict.journal = f"The journal cannot be read: {lost}"
    finally:
        chaos.close()
    chaos.verdict.seconds = time.monotonic() - began
    if not chaos.verdict.broken:
        shutil.rmtree(folder, ignore_errors=True)
    return chaos.verdict
