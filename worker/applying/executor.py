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

from service.settings import Settings, TargetSettings
from service.store import journal, plans
from service.store.database import StoreUnavailableError
from service.store.plans import Entry
from service.store.runs import FenceLostError
from worker.applying.conclusions import concluded
from worker.applying.halves import Half, completed, half_done, halves_left, sent_again, take_back
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing, draft_of
from worker.applying.pace import Pace
from worker.applying.prepared import Prepared, Prepares
from worker.applying.reconcile import Found, GivenUp, Reconciler, Several, slowest_before
from worker.applying.results import Apart, Ended, Recorder, RefusedResult, Result, Stands, Written
from worker.applying.sending import Aged, Sender
from worker.applying.strays import give_up, settle_strays, settle_twins
from worker.cancelling import end_tasks
from worker.context import RunContext
from worker.errors import AccessionError
from worker.records import KINDS, Kind
from worker.stopping import StoppedError
from worker.targets.base import Adapter, Lost, Refused

RECORD_EVERY = 0.25
"""Seconds between two transactions of outcomes: each is written within half a second of its answer."""
GRACE = 5.0
"""Seconds that requests under way are waited for when the service is stopped."""
READ_AHEAD = 10.0
"""Seconds that may lie between the reading of a resource and its change."""
MOST_SENT = 5
"""How often a write is sent whose answer is always lost, and whose effect is not there after all looks: what
makes Omeka itself fail would do so for ever."""
FIRST_DEPTH = -1_000_000
"""Below that of whatever comes first."""
MARGIN = 1000
"""Numbers below the highest that the target has answered among which a new resource is still looked for: the
databases of a cluster may give numbers out of order."""


def _may_go_apart(refused: RefusedResult) -> bool:
    """Whether an item was refused with files or addresses, none of which its record insists on."""
    sources = [draft_of(one).source for one in refused.outgoing.inline]
    if all(one is None or one.ingester == "html" for one in sources):
        return False  # there is nothing that could be missing
    return not any(one is not None and one.needed for one in sources)


class Executor:
    """Carries out the open entries of one run."""

    def __init__(
        self,
        context: RunContext,
        adapter: Adapter,
        settings: Settings,
        target: TargetSettings,
        outage: Outage,
        preparer: Prepares,
    ) -> None:
        self._context = context
        self._adapter = adapter
        self._settings = settings
        self._target = target
        self._pace = Pace(target.connections)
        self._outage = outage
        self._sender = Sender(context, adapter, self._outage, self._pace)
        self._recorder = Recorder(context)
        self._preparer = preparer
        self._reconciler = Reconciler(context, adapter, settings.look_again, lambda: self._pace.slowest)
        self._queue: asyncio.Queue[Outgoing | None] = asyncio.Queue()
        self._queued: dict[str, Outgoing] = {}
        self._in_flight: dict[str, Outgoing] = {}
        self._results: list[Result] = []
        self._unrecorded: list[Result] = []
        self._progress = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failure: BaseException | None = None
        self._winding_up = False
        self._writing = asyncio.Lock()
        self._highest: dict[Kind, int] = {}
        """Of each kind the number above which whatever is meant from now on will be."""

    async def run(self) -> None:
        """Until every entry has an outcome.

        Raises `StoppedError` (told to stop), `Fatal`, `FenceLostError` (another worker owns the run) or
        `StoreUnavailableError`. Whatever was answered is written down before, or kept as a stray.
        """
        await self._outage.patiently(partial(self._adapter.settle_names, anew=False))
        await self._take_over()
        senders = [asyncio.create_task(self._send_all()) for _ in range(self._target.connections)]
        recorder = asyncio.create_task(self._record_all())
        try:
            await self._produce()
        except BaseException as error:
            self._fail(error)
        finally:
            await self._wind_up(senders, recorder)
        if self._failure is not None:
            raise self._failure
        await self._outage.patiently(lambda: settle_twins(self._context, self._adapter, self._preparer))

    # --- before ---------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        """What an earlier worker meant and left without an outcome is unknown: it is looked for."""
        context = self._context
        open_kinds = await context.db.run(plans.kinds_to_create, context.claim.run_id)
        for kind in [one for one in KINDS.values() if one in open_kinds]:
            self._highest[kind] = await self._outage.patiently(partial(self._adapter.highest_id, kind))
        await self._outage.patiently(lambda: settle_strays(context, self._adapter, self._preparer))
        await self._take_over_open()
        for half in await self._outage.patiently(lambda: halves_left(context, self._adapter, self._preparer)):
            if half.going_back:
                # What is to be done is found out anew, once the record holds again what it held.
                await self._outage.patiently(partial(take_back, context, self._adapter, half))
            else:
                self._reconciler.add(half.outgoing, look_at_once=True)

    async def _take_over_open(self) -> None:
        context = self._context
        opened = await context.db.run(journal.open_operations, context.claim.run_id)
        entries = await context.db.run(
            plans.entries_by_seq, context.claim.run_id, [one.seq for one in opened]
        )
        # Removals of twins are found necessary again, or done, by the last listing of the run.
        twins = [one.key for one in opened if one.method == "delete" and entries[one.seq].action == "create"]
        await give_up(context, twins, "Left off; twins are looked for again at the end.")
        before = await slowest_before(context, self._target.timeout)
        self._pace.slowest = max(self._pace.slowest, before)
        unknown = [one for one in opened if one.key not in twins]
        if not unknown:
            return
        context.log.say(
            "warning",
            "taken-over",
            f"{len(unknown)} writes were under way when the last worker left off. Looking for what they did.",
        )
        for one in unknown:
            outgoing = await self._preparer.as_meant(entries[one.seq], one)
            if outgoing is None:
                # What it was can no longer be told; comparing with what stands there now tells what is left.
                await give_up(context, [one.key], "Left off; what is left to do is found by comparing again.")
            else:
                self._reconciler.add(outgoing, look_at_once=True)

    # --- plan entries → intents → queue ---------------------------------------------------------

    async def _produce(self) -> None:
        after = (FIRST_DEPTH, -1)
        # What is set apart from its item (`_send_apart`) comes when all else is sent.
        while (reached := await self._produce_from(after)) != after:
            after = reached
            await self._drained()

    async def _produce_from(self, after: tuple[int, int]) -> tuple[int, int]:
        """Mean all entries behind `after` (depth, seq), depth by depth; up to which one."""
        run_id = self._context.claim.run_id
        depth = None if after[0] == FIRST_DEPTH else after[0]
        while entries := await self._context.db.run(plans.todo, run_id, after, self._settings.chunk):
            if depth is None and entries[0].depth <= 0:
                depth = entries[0].depth
            if depth is None or entries[0].depth > depth:
                before, depth = depth, entries[0].depth
                # Deeper entries need what the ones above them made. They are read again after that: what an
                # earlier worker left unknown of them has been found out meanwhile.
                await self._drained()
                if before is not None and before < 0:
                    # What follows may be called after what was just written.
                    await self._outage.patiently(partial(self._adapter.settle_names, anew=True))
                continue
            level = [one for one in entries if one.depth == depth]
            await self._mean_all(level)
            after = (depth, level[-1].seq)
        return after

    async def _mean_all(self, entries: Sequence[Entry]) -> None:
        rest = [one for one in entries if one.seq not in self._reconciler.seqs]
        while rest:
            # What is changed is read no longer than some ten seconds before.
            size = min(max(int(self._pace.rate * READ_AHEAD), 25), 100)
            if (least := self._outage.seconds_a_request) > 0:
                size = min(size, max(int(READ_AHEAD / least), 1))
            block, rest = rest[:size], rest[size:]
            await self._room()
            outgoing = []
            for one in await self._preparer.prepare(block, self._highest):
                if isinstance(one, Outgoing):
                    outgoing.append(one)
                else:
                    self._settle(one)
            while outgoing:
                room = await self._room()
                now, outgoing = outgoing[:room], outgoing[room:]
                await self._mean(now)

    async def _mean(self, outgoing: Sequence[Outgoing]) -> None:
        """Intent before effect. Dying before the commit: nothing was sent. After it: unknown, looked for."""
        if not outgoing:
            return
        context = self._context
        await context.db.run(journal.record_intents, context.claim, [one.intent for one in outgoing])
        for one in outgoing:
            self._queued[one.operation.key] = one
            self._queue.put_nowait(one)

    async def _room(self) -> int:
        """Wait until more may be meant; how many. At most a second of sending is meant and unanswered."""
        while True:
            self._check()
            outstanding = self._queue.qsize() + len(self._in_flight)
            window = self._pace.window
            if outstanding <= window // 2:
                return max(window - outstanding, 1)
            await self._changed(others=True)

    async def _drained(self) -> None:
        """Until nothing is queued, under way, unknown or unrecorded; looking for the lost meanwhile."""
        while (busy := self._queue.qsize() or self._in_flight or len(self._reconciler)) or self._unwritten:
            self._check()
            if not busy:
                self._hurry.set()
            await self._changed(others=not self._queue.empty())

    @property
    def _unwritten(self) -> int:
        return len(self._results) + len(self._unrecorded)

    async def _changed(self, *, others: bool) -> None:
        """Wait for an answer, or for the time to look for what was lost, whichever is first. `others`:
        whether there are writes to be sent meanwhile."""
        due = self._reconciler.next_look(others=others)
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
        # What waits in the queue may be sent, and listed, while the look goes on.
        in_flight = {one.operation.payload for one in (*self._in_flight.values(), *self._queued.values())}
        findings = await self._outage.patiently(lambda: self._reconciler.look(self._answered, in_flight))
        if not findings:
            # Everything due waits for a request under way.
            await asyncio.sleep(0.05)
        for finding in findings:
            match finding:
                case Found():
                    whole = await self._outage.patiently(
                        partial(completed, self._context, self._adapter, finding)
                    )
                    self._settle(concluded(self._adapter, whole))
                case Several():
                    self._settle(concluded(self._adapter, finding))
                case GivenUp(outgoing=outgoing, refused=Refused(code=code, message=message)):
                    await self._outage.patiently(
                        partial(take_back, self._context, self._adapter, Half(outgoing))
                    )
                    self._settle(RefusedResult(outgoing, code, message))
                case GivenUp():
                    await self._send_again(finding)

    def _answered(self) -> set[int]:
        """Numbers that the target has answered and the journal may not hold yet."""
        return {one.saved.id for one in (*self._results, *self._unrecorded) if isinstance(one, Written)}

    async def _send_again(self, finding: GivenUp) -> None:
        lost = finding.outgoing
        half = await self._outage.patiently(partial(half_done, self._adapter, lost))
        if half:
            # What stands there is nobody's edit: comparing with it would take our own half for one.
            again: Prepared = await sent_again(self._context, lost)
        else:
            (again,) = await self._preparer.prepare([lost.entry], self._highest)
        if isinstance(again, Stands) and again.saved is not None:
            # It took effect after all: what stands there is what it meant.
            self._settle(Written(lost, again.saved, (), adopted=True))
            return
        times = "a look" if finding.once else f"{len(self._settings.look_again)} looks"
        looks = f"Not in the target after {times}"
        run_id, method = self._context.claim.run_id, lost.operation.method
        before = await self._context.db.run(journal.times_given_up, run_id, lost.entry.seq, method)
        if isinstance(again, Outgoing) and before + 1 >= MOST_SENT:
            if half:
                await self._outage.patiently(partial(take_back, self._context, self._adapter, Half(lost)))
            message = (
                f"It was sent {before + 1} times. Each time no answer told what became of it, and it was not "
                "in the target afterwards. The reason may stand in the target's log; then schedule a retry."
            )
            await self._instead(
                Ended(lost, "superseded", f"{looks}."), RefusedResult(again, "given-up", message)
            )
            return
        await self._instead(Ended(lost, "superseded", f"{looks}: it is sent again."), again)

    # --- queue → target -------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while (outgoing := await self._queue.get()) is not None:
            del self._queued[outgoing.operation.key]
            if self._failure is not None or self._context.stop:
                self._settle(Ended(outgoing, "not-sent", "The run left off before this was sent."))
                continue
            self._in_flight[outgoing.operation.key] = outgoing
            try:
                answer = await self._sender.send(outgoing)
                self._reconciler.note_sent()
                if isinstance(answer, Aged):
                    await self._read_again(outgoing)
            except StoppedError:
                self._settle(Ended(outgoing, "not-sent", "The run left off before this was sent."))
            except (FenceLostError, StoreUnavailableError) as error:
                # Its intent stands in the journal: whoever goes on with the run looks for what became of it.
                self._fail(error)
            except AccessionError as error:
                self._settle(Ended(outgoing, "not-sent", error.message))
                self._fail(error)
            else:
                if isinstance(answer, Lost):
                    message = f"{answer.message} Looking whether it took effect."
                    self._context.log.about(outgoing.entry, "warning", "answer-lost", message)
                    self._reconciler.add(outgoing, answer)
                elif isinstance(answer, Refused):
                    self._reconciler.add(outgoing, answer)
                elif isinstance(answer, RefusedResult) and _may_go_apart(answer):
                    await self._send_apart(answer)
                elif not isinstance(answer, Aged):
                    self._settle(answer)
            finally:
                del self._in_flight[outgoing.operation.key]
                self._progress.set()

    async def _send_apart(self, refused: RefusedResult) -> None:
        """Whether it is the item or one of its files that the target does not take, sending them apart tells.
        Dying behind it: the item is still to be created, and its media after it."""
        outgoing = refused.outgoing
        await self._write([Apart(outgoing, refused.code, refused.message)])
        (again,) = await self._preparer.prepare([outgoing.entry], self._highest)
        if isinstance(again, Outgoing):
            await self._mean([again])
        else:
            self._settle(again)

    async def _read_again(self, aged: Outgoing) -> None:
        (again,) = await self._preparer.prepare([aged.entry], self._highest)
        note = "The target was away for a while: what this changes was read again before it is sent."
        await self._instead(Ended(aged, "not-sent", note), again)

    async def _instead(self, ended: Ended, again: Prepared) -> None:
        """Dying between: the entry is still to be done, and without an operation."""
        await self._write([ended])
        if isinstance(again, Outgoing):
            await self._mean([again])
        else:
            self._settle(again)

    def _settle(self, result: Result) -> None:
        if isinstance(result, Written):
            kind, number = result.saved.kind, result.saved.id
            self._highest[kind] = max(self._highest.get(kind, 0), number - MARGIN)
        self._recorder.announce(result)
        self._results.append(result)
        self._progress.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        # Whoever waits for the target would keep the run from ending, for hours perhaps.
        self._outage.leave_off()
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
            except StoreUnavailableError as error:
                if self._context.in_doubt:
                    # Results that may be written down already are not written again: whoever goes on with
                    # the run reads what was, and looks for the rest.
                    self._fail(error)
                    return
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
        await end_tasks(*late, again=GRACE)
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
