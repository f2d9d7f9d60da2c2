"""Phase two: carry the plan out, each write meant on disk before it is sent, and sent once.

    plan entries → intents (durable) → queue → senders → results → recorder
                                                  └─ lost answers → reconciler ┘

What happens if the process dies between any two of these steps is written beside the step.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial

import anyio.to_thread

from service.settings import Settings
from service.store import journal, plans
from service.store.database import StoreUnavailableError
from service.store.plans import Entry
from service.store.runs import FenceLostError
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing, prepare_create
from worker.applying.pace import Pace
from worker.applying.reconcile import Found, GivenUp, Reconciler, Several
from worker.applying.results import Ended, Recorder, RefusedResult, Result, Uncertain, Written
from worker.applying.sending import Sender
from worker.applying.strays import give_up, settle_strays, settle_twins
from worker.context import RunContext, StoppedError
from worker.errors import AccessionError, Fatal
from worker.records import Kind
from worker.targets.base import Adapter, Lost

RECORD_EVERY = 0.25
"""Seconds between two transactions of outcomes: each is written within half a second of its answer."""
GRACE = 5.0
"""Seconds that requests under way are waited for when the service is stopped."""
KINDS: tuple[Kind, ...] = ("item", "item-set", "media")


class Executor:
    """Carries out the open entries of one run."""

    def __init__(self, context: RunContext, adapter: Adapter, settings: Settings, connections: int) -> None:
        self._context = context
        self._adapter = adapter
        self._settings = settings
        self._connections = connections
        self._pace = Pace(connections)
        self._outage = Outage(context, self._patience)
        self._sender = Sender(context, adapter, self._outage, self._pace)
        self._recorder = Recorder(context)
        self._reconciler = Reconciler(context, adapter, settings.look_again, lambda: self._pace.slowest)
        self._queue: asyncio.Queue[Outgoing | None] = asyncio.Queue()
        self._in_flight: dict[str, Outgoing] = {}
        self._results: list[Result] = []
        self._unrecorded: list[Result] = []
        self._progress = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failure: BaseException | None = None
        self._winding_up = False
        self._writing = asyncio.Lock()
        self._highest: dict[Kind, int] = {}

    def _patience(self) -> float:
        wrote = self._sender.wrote
        return self._settings.outage_after_write if wrote else self._settings.outage

    async def run(self) -> None:
        """Until every entry has an outcome.

        Raises `StoppedError` (told to stop), `Fatal`, `FenceLostError` (another worker owns the run) or
        `StoreUnavailableError`. Whatever was answered is written down before, or kept as a stray.
        """
        await self._take_over()
        senders = [asyncio.create_task(self._send_all()) for _ in range(self._connections)]
        recorder = asyncio.create_task(self._record_all())
        try:
            await self._produce()
        except BaseException as error:
            self._fail(error)
        finally:
            await self._wind_up(senders, recorder)
        if self._failure is not None:
            raise self._failure
        await self._outage.patiently(lambda: settle_twins(self._context, self._adapter))

    # --- before ---------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        """What an earlier worker meant and left without an outcome is unknown: it is looked for."""
        context = self._context
        open_kinds = await context.db.run(plans.open_kinds, context.claim.run_id)
        for kind in [one for one in KINDS if one in open_kinds]:
            self._highest[kind] = await self._outage.patiently(partial(self._adapter.highest_id, kind))
        await self._outage.patiently(lambda: settle_strays(context, self._adapter))
        opened = await context.db.run(journal.open_operations, context.claim.run_id)
        creates = [one for one in opened if one.method == "create"]
        # Removals of twins are found necessary again, or done, by the last listing of the run.
        removals = [one.key for one in opened if one.method == "delete"]
        await give_up(context, removals, "Left off; twins are looked for again at the end.")
        if not creates:
            return
        context.log.say(
            "warning",
            "taken-over",
            f"{len(creates)} writes were under way when the last worker left off. Looking for what they did.",
        )
        self._sender.wrote = True
        seqs = [one.seq for one in creates]
        entries = await context.db.run(plans.entries_by_seq, context.claim.run_id, seqs)
        inline = await context.db.run(plans.children, context.claim.run_id, seqs)
        parents = await self._parents(list(entries.values()))
        for one in creates:
            entry = entries[one.seq]
            outgoing = prepare_create(
                self._adapter, entry, inline.get(one.seq, []), parents, one.attempt, one.above_id or 0
            )
            self._reconciler.add(outgoing, look_at_once=True)

    async def _parents(self, entries: Sequence[Entry]) -> dict[int, int]:
        """Entry of an item → its id, for the media among these entries."""
        wanted = sorted({one.parent_seq for one in entries if one.parent_seq is not None})
        if not wanted:
            return {}
        found = await self._context.db.run(plans.entries_by_seq, self._context.claim.run_id, wanted)
        return {
            seq: number
            for seq, entry in found.items()
            if (number := entry.outcome_id or entry.resource_id) is not None
        }

    # --- plan entries → intents → queue ---------------------------------------------------------

    async def _produce(self) -> None:
        run_id = self._context.claim.run_id
        after = (-1, -1)
        depth = 0
        while entries := await self._context.db.run(plans.todo, run_id, after, self._settings.chunk):
            for group in _by_depth(entries):
                if group[0].depth > depth:
                    # Deeper entries need what the ones above them made.
                    depth = group[0].depth
                    await self._drained()
                await self._mean_all(group)
            after = (entries[-1].depth, entries[-1].seq)
        await self._drained()

    async def _mean_all(self, entries: Sequence[Entry]) -> None:
        rest = [one for one in entries if one.seq not in self._reconciler.seqs]
        run_id = self._context.claim.run_id
        attempts = await self._context.db.run(journal.attempts, run_id, [one.seq for one in rest])
        inline = await self._context.db.run(plans.children, run_id, [one.seq for one in rest])
        parents = await self._parents(rest)
        while rest:
            room = await self._room()
            now, rest = rest[:room], rest[room:]
            outgoing = []
            for entry in now:
                if entry.parent_seq is not None and entry.parent_seq not in parents:
                    self._orphan(entry)
                    continue
                number = attempts.get(entry.seq, 0) + 1
                above = self._highest[_kind(entry)]
                outgoing.append(
                    prepare_create(self._adapter, entry, inline.get(entry.seq, []), parents, number, above)
                )
            await self._mean(outgoing)

    async def _mean(self, outgoing: Sequence[Outgoing]) -> None:
        """Intent before effect. Dying before the commit: nothing was sent. After it: unknown, looked for."""
        if not outgoing:
            return
        context = self._context
        await context.db.run(journal.record_intents, context.claim, [one.intent for one in outgoing])
        for one in outgoing:
            self._queue.put_nowait(one)

    def _orphan(self, entry: Entry) -> None:
        message = "Its item was not written, so there is nothing that this media could belong to."
        outgoing = prepare_create(self._adapter, entry, [], {entry.parent_seq or 0: 0}, 0, 0)
        self._settle(RefusedResult(outgoing, "item-refused", message))

    async def _room(self) -> int:
        """Wait until more may be meant; how many. At most a second of sending is meant and unanswered."""
        while True:
            self._check()
            outstanding = self._queue.qsize() + len(self._in_flight)
            window = self._pace.window
            if outstanding <= window // 2:
                return max(window - outstanding, 1)
            await self._changed()

    async def _drained(self) -> None:
        """Until nothing is queued, under way, unknown or unrecorded; looking for the lost meanwhile."""
        while (busy := self._queue.qsize() or self._in_flight or len(self._reconciler)) or self._unwritten:
            self._check()
            if not busy:
                self._hurry.set()
            await self._changed()

    @property
    def _unwritten(self) -> int:
        return len(self._results) + len(self._unrecorded)

    async def _changed(self) -> None:
        """Wait for an answer, or for the time to look for what was lost, whichever is first."""
        due = self._reconciler.next_look()
        if due is not None and due <= 0:
            await self._look()
            return
        self._progress.clear()
        try:
            await asyncio.wait_for(self._progress.wait(), min(due if due is not None else 0.5, 0.5))
        except TimeoutError:
            return

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._context.check()

    # --- lost answers ---------------------------------------------------------------------------

    async def _look(self) -> None:
        in_flight = {one.operation.payload for one in self._in_flight.values()}
        answered = {one.saved.id for one in (*self._results, *self._unrecorded) if isinstance(one, Written)}
        findings = await self._outage.patiently(lambda: self._reconciler.look(answered, in_flight))
        if not findings:
            # Everything due waits for a request under way.
            await asyncio.sleep(0.05)
        for finding in findings:
            match finding:
                case Found(outgoing=outgoing, saved=saved):
                    differences = self._adapter.differences(outgoing.operation.payload, saved)
                    self._settle(Written(outgoing, saved, differences, adopted=True))
                case Several(outgoing=outgoing, ids=ids):
                    self._settle(Uncertain(outgoing, ids))
                case GivenUp(outgoing=outgoing):
                    await self._send_again(outgoing)

    async def _send_again(self, lost: Outgoing) -> None:
        note = f"Not in the target after {len(self._settings.look_again)} looks: it is sent again."
        await self._write([Ended(lost, "superseded", note)])
        parents = await self._parents([lost.entry])
        above = self._highest[lost.draft.kind]
        again = prepare_create(self._adapter, lost.entry, lost.inline, parents, lost.attempt + 1, above)
        await self._mean([again])

    # --- queue → target -------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while (outgoing := await self._queue.get()) is not None:
            if self._failure is not None or self._context.stop:
                self._settle(Ended(outgoing, "not-sent", "The run left off before this was sent."))
                continue
            self._in_flight[outgoing.operation.key] = outgoing
            try:
                answer = await self._sender.send(outgoing)
            except StoppedError:
                self._settle(Ended(outgoing, "not-sent", "The run left off before this was sent."))
            except AccessionError as error:
                self._settle(Ended(outgoing, "not-sent", error.message))
                self._fail(error)
            else:
                if isinstance(answer, Lost):
                    message = f"{answer.message} Looking whether it took effect."
                    self._context.log.about(outgoing.entry, "warning", "answer-lost", message)
                    self._reconciler.add(outgoing)
                else:
                    self._settle(answer)
            finally:
                del self._in_flight[outgoing.operation.key]
                self._progress.set()

    def _settle(self, result: Result) -> None:
        self._recorder.announce(result)
        self._results.append(result)
        self._progress.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._progress.set()

    # --- results → database ---------------------------------------------------------------------

    async def _record_all(self) -> None:
        while not self._winding_up:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), RECORD_EVERY)
            self._hurry.clear()
            try:
                await self._write([])
            except FenceLostError as error:
                self._context.stop.set("lost")
                self._fail(error)
                return
            except StoreUnavailableError:
                # Nothing is forgotten: the results stay in hand, the window keeps them few, and the
                # intents are on disk should this process not live to write them.
                await self._context.stop.wait(1.0)

    async def _write(self, more: Sequence[Result]) -> None:
        """Write all results in hand. Dying before: they are unknown, and found again by looking."""
        async with self._writing:
            for result in more:
                self._recorder.announce(result)
            self._unrecorded.extend([*self._results, *more])
            self._results.clear()
            if not self._unrecorded:
                await anyio.to_thread.run_sync(self._context.flush)
                return
            await anyio.to_thread.run_sync(self._recorder.record, list(self._unrecorded))
            self._unrecorded.clear()
        self._progress.set()

    async def _wind_up(self, senders: Sequence[asyncio.Task[None]], recorder: asyncio.Task[None]) -> None:
        """Let what is under way be answered, write it down, and leave nothing running."""
        for _ in senders:
            self._queue.put_nowait(None)
        # A person who stops the service does not wait for a slow target: what is not answered by then
        # stays an intent without outcome, and the next worker looks for it.
        grace = GRACE if self._context.stop.reason == "shutdown" else None
        _, late = await asyncio.wait(senders, timeout=grace)
        for task in late:
            task.cancel()
        self._winding_up = True
        self._hurry.set()
        await asyncio.gather(*senders, recorder, return_exceptions=True)
        await self._write_last()

    async def _write_last(self) -> None:
        try:
            await self._write([])
        except FenceLostError as error:
            self._fail(error)
            late = self._unrecorded
            await anyio.to_thread.run_sync(self._recorder.record_strays, late)
            self._unrecorded = []
        except StoreUnavailableError as error:
            self._fail(error)


def _by_depth(entries: Sequence[Entry]) -> list[list[Entry]]:
    groups: list[list[Entry]] = []
    for entry in entries:
        if groups and groups[-1][0].depth == entry.depth:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _kind(entry: Entry) -> Kind:
    for kind in KINDS:
        if entry.kind == kind:
            return kind
    raise Fatal(
        "unknown-kind", f"The plan holds a resource of the kind {entry.kind!r}, which no target takes."
    )
