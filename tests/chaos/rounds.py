"""One round from its seed to its verdict: what the target holds is what the imports meant, and once."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from service.store.database import Database
from service.store.drafts import changes_of
from service.store.logs import read_log
from service.store.plans import read_plan
from service.store.tables import operation, run, stray_effect
from tests.acceptance.installation import target_of
from tests.acceptance.laws import Import, Memory, again, check_import, check_once, restored, same
from tests.acceptance.worlds import Json, Order, Site, State
from tests.chaos.drawing import Round, Step, draw_round
from tests.chaos.house import SETTINGS, House
from tests.chaos.strikes import CREATOR, Edited, Strikes
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import FaultProxy


@dataclass
class Verdict:
    """How a round went. `broken`: the law that was, with what was seen; empty: none."""

    seed: int
    database: str
    seconds: float = 0.0
    runs: int = 0
    records: int = 0
    requests: int = 0
    strikes: int = 0
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

    def __init__(self, drawn: Round, folder: Path, omeka: StandIn, database_url: str) -> None:
        self.drawn = drawn
        self.site = Site(omeka)
        omeka.knobs(delay_ms=drawn.delay_ms, workers=drawn.connections)
        self.proxy = FaultProxy(omeka.url, seed=drawn.seed)
        target = target_of(omeka, self.proxy.url, connections=drawn.connections, timeout=drawn.timeout)
        settings = {**SETTINGS, "ACCESSION_CHUNK": str(drawn.chunk), **drawn.settings}
        self.house = House(folder, {"omeka": target}, settings, database_url)
        self.db = Database(database_url or f"sqlite:///{folder / 'data' / 'accession.db'}")
        self.memory = Memory()
        self.last: Applied | None = None
        self.history: list[str] = []
        self.verdict = Verdict(drawn.seed, self.db.engine.dialect.name)

    def play(self) -> None:
        """Raises `AssertionError` when a law is broken."""
        self.house.open(self.db)
        for number, step in enumerate(self.drawn.steps, 1):
            self.history.append(f"--- step {number}: {'import' if step.order else 'undo'}")
            if step.order is None:
                self._undo(step)
            else:
                self._import(step, step.order)
            self._nothing_is_open()

    def close(self) -> None:
        self.proxy.close()
        self.house.stop()
        self.db.dispose()
        self.site.close()

    # --- steps ---------------------------------------------------------------------------------------

    def _import(self, step: Step, order: Order) -> None:
        for edit in step.edits:
            self.site.tick()
            was = self.site.dump()
            self.site.edit(edit)
            self.memory.note_edit(edit, was, self.site.dump())
        self.site.tick()
        batch = self.house.upload(order.control, order.files)
        memory = self.memory.copy()
        with self._disturbed(step) as edited:
            # The control file has records that delete: a preview has to come first.
            plan = self._run(batch, "dry-run")
            assert plan["state"] == "dry-run", plan["state"]
            shown = {"plan": plan["runs"][0]["run"]} if step.exactly else {}
            facts = self._run(batch, "import", **shown)
        self.site.tick()
        run_id = facts["runs"][0]["run"]
        entries = read_plan(self.db, run_id, limit=10_000)
        planned = {one.seq: changes_of(one) for one in entries}
        done = Import(order, edited.before, _without(self.site.dump(), edited), entries, planned)
        check_import(done, self.memory)
        rejected = sum(one.outcome == "rejected" for one in entries)
        expected = "complete-with-errors" if rejected else "complete"
        assert facts["state"] == expected, (facts["state"], expected)
        self._told(batch, facts, Counter(str(one.outcome) for one in entries))
        self._nothing_is_left(order)
        self.last = None if step.edits_meanwhile or not done.touched else Applied(batch, done, memory)

    def _undo(self, step: Step) -> None:
        if self.last is None:
            return  # the import has changed nothing
        last, self.last = self.last, None
        self.site.tick()
        with self._disturbed(step) as edited:
            facts = self._run(last.batch, "undo")
        self.site.tick()
        after, before = self.site.dump(), last.done.before
        assert facts["state"] == "undone", facts
        # Only a bystander is edited while something is undone.
        items = [_as_edited(one, after, edited) for one in before.items]
        earlier = State({**before.tables, "items": items})
        same(restored(after, again(earlier, after)), restored(earlier, {}), "undone")
        check_once(after)
        self.memory = last.memory

    def _run(self, batch: str, mode: str, **options: str) -> Json:
        self.house.begin(batch, mode, **options)
        self.verdict.runs += 1
        return self.house.ended(batch)

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
                self.history += strikes.history
                self.history += [f"{one.method} {one.target}: {one.fault}" for one in requests if one.fault]
                self.verdict.strikes += len(strikes.history)
                self.verdict.requests += len(requests)
                self.verdict.spoiled.update(str(one.fault) for one in requests if one.fault)

    # --- what is told ---------------------------------------------------------------------------------

    def _told(self, batch: str, facts: Json, outcomes: Counter[str]) -> None:
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
        deadline = time.monotonic() + 20
        while left := self._open():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)

    def _open(self) -> list[str]:
        with self.db.read() as connection:
            writes = connection.execute(select(operation.c.key).where(operation.c.outcome.is_(None)))
            strays = connection.execute(select(stray_effect.c.id).where(stray_effect.c.resolved_at.is_(None)))
            runs = connection.execute(select(run.c.id).where(run.c.ended_at.is_(None)))
            return [
                *(f"the write {one[0]} has no outcome" for one in writes),
                *(f"nobody has looked at the late answer {one[0]}" for one in strays),
                *(f"the run {one[0]} has not ended" for one in runs),
            ]

    def journal(self) -> str:
        """What was done, and what is known of it, for who looks for the reason."""
        lines = [*self.history, ""]
        with self.db.read() as connection:
            for row in connection.execute(select(run).order_by(run.c.scheduled_at)):
                lines.append(f"run {row.id} {row.mode} {row.phase} ending {row.ending} fence {row.fence}")
                meant = select(operation).where(operation.c.run_id == row.id).order_by(operation.c.intent_at)
                lines.extend(
                    f"  {one.key} {one.method} {one.kind} {one.resource_id or ''} fence {one.fence}"
                    f" → {one.outcome} {one.answer_id or ''} {'adopted ' if one.adopted else ''}"
                    f"{one.code or ''} {one.message or ''}"
                    for one in connection.execute(meant)
                )
                lines += [f"  {line}" for line in self._log(row.id)]
        return "\n".join(lines)

    def _log(self, run_id: str) -> list[str]:
        return [
            f"{one.at} {one.level} {one.code} {one.identifier or ''} {one.message}"
            for one in read_log(self.db, run_id)
        ]


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


def _as_edited(item: Json, after: State, edited: Edited) -> Json:
    for name in edited.added:
        now = after.named(name)
        if now is not None and now["o:id"] == item["o:id"]:
            return {**item, CREATOR: edited.added[name]}
    return item


def play(seed: int, folder: Path, omeka: StandIn, database_url: str = "", most: int = 40) -> Verdict:
    """Play the round of a seed; the folder is left where a law was broken."""
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier try
    chaos = Chaos(draw_round(seed, most), folder, omeka, database_url)
    try:
        chaos.play()
    except Exception as error:
        chaos.verdict.broken = f"{type(error).__name__}: {error}"
        try:
            chaos.verdict.journal = chaos.journal()
        except Exception as lost:
            chaos.verdict.journal = f"The journal cannot be read: {lost}"
    finally:
        chaos.close()
    chaos.verdict.seconds = time.monotonic() - began
    if not chaos.verdict.broken:
        shutil.rmtree(folder, ignore_errors=True)
    return chaos.verdict
