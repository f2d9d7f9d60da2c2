"""What an ended run left: find out what its last writes did. Nothing is sent again; a twin is removed, and
what was changed in part is given back what it held.

Dying anywhere in here: what was found is recorded, the rest is looked for by the next who takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread

from service.store import journal, plans
from worker.applying.conclusions import concluded
from worker.applying.halves import halves_left, take_back
from worker.applying.prepared import Prepares
from worker.applying.reconcile import Finding, GivenUp, Reconciler, slowest_before
from worker.applying.results import Ended, Recorder, Result
from worker.applying.strays import give_up, settle_strays, settle_twins
from worker.context import RunContext
from worker.targets.base import Adapter

NOT_SENT_AGAIN = "Not in the target after {looks} looks. The run had ended, so it was not sent again."


class Settling:
    """One run in the hands of who looks into it. The adapter is connected, and knows the names."""

    def __init__(
        self,
        context: RunContext,
        adapter: Adapter,
        preparer: Prepares,
        look_again: Sequence[float],
        timeout: float,
    ) -> None:
        """`look_again`: seconds after which a lost write is looked for; `timeout`: that of a request."""
        self._context = context
        self._adapter = adapter
        self._preparer = preparer
        self._recorder = Recorder(context)
        self._looks = len(look_again)
        self._timeout = timeout
        self._slowest = 0.0
        self._reconciler = Reconciler(context, adapter, look_again, lambda: self._slowest)

    async def run(self) -> None:
        """Raises `AccessionError` when the target does not answer, `StoppedError`, `FenceLostError`,
        `StoreUnavailableError`."""
        context = self._context
        await settle_strays(context, self._adapter, self._preparer)
        await self._find_unknown()
        while len(self._reconciler):
            context.check()
            await context.stop.wait(self._reconciler.next_look() or 0.0)
            findings = await self._reconciler.look(tuple, ())
            await self._record([self._result(one) for one in findings])
        for half in await halves_left(context, self._adapter, self._preparer):
            await take_back(context, self._adapter, half)
        await settle_twins(context, self._adapter, self._preparer)

    async def _find_unknown(self) -> None:
        context, run_id = self._context, self._context.claim.run_id
        opened = await context.db.run(journal.open_operations, run_id)
        if not opened:
            return
        self._slowest = await slowest_before(context, self._timeout)
        text = f"{len(opened)} writes were under way when the run ended. Looking for what they did."
        context.log.say("info", "settling", text)
        entries = await context.db.run(plans.entries_by_seq, run_id, [one.seq for one in opened])
        for one in opened:
            entry = entries[one.seq]
            # The removal of a twin: whether it is still there, the last listing tells.
            twin = one.method == "delete" and entry.action == "create"
            outgoing = None if twin else await self._preparer.as_meant(entry, one)
            if outgoing is None:
                await give_up(context, [one.key], "The run ended before its outcome was known.")
            else:
                self._reconciler.add(outgoing, look_at_once=True)

    def _result(self, finding: Finding) -> Result:
        if isinstance(finding, GivenUp):
            return Ended(finding.outgoing, "superseded", NOT_SENT_AGAIN.format(looks=self._looks))
        return concluded(self._adapter, finding)

    async def _record(self, results: Sequence[Result]) -> None:
        for one in results:
            self._recorder.announce(one)
        if results:
            await anyio.to_thread.run_sync(self._recorder.record, results)
