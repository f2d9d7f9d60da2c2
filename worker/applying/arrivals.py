"""Media that came with their items: the answer told their numbers only, so they are looked at, a hundred at a
time, once all is written. What arrived otherwise than meant is said; the ledger learns how the rest stands.

A run that left off before has told the ledger of them already, without how they stand: the next import
looks at them then. To do it again is to do the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio.to_thread
import msgspec
import orjson

from service.store import ledger, plans
from service.store.ledger import LedgerRow
from service.store.plans import Entry, EntryOutcome
from worker.applying import standing
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing
from worker.applying.prepared import Prepares
from worker.applying.results import altered_text
from worker.context import RunContext
from worker.targets.base import Adapter, Difference, Saved

SLICE = 100


class Arrivals:
    """Those of one run."""

    def __init__(self, context: RunContext, adapter: Adapter, outage: Outage, preparer: Prepares) -> None:
        self._context = context
        self._adapter = adapter
        self._outage = outage
        self._preparer = preparer

    async def conclude(self) -> None:
        """Raises what reading the target raises, `StoppedError` and `FenceLostError`."""
        db, run_id = self._context.db, self._context.claim.run_id
        after = 0
        while page := await db.run(plans.travelled, run_id, after, SLICE):
            self._context.check()
            after = page[-1].seq
            await self._conclude(page)

    async def _conclude(self, page: Sequence[Entry]) -> None:
        ids = [one.outcome_id for one in page if one.outcome_id is not None]
        saved = {one.id: one for one in await standing.read(self._adapter, self._outage, "media", ids)}
        about = await self._preparer.surroundings(page)
        rows: list[LedgerRow] = []
        altered: list[EntryOutcome] = []
        for entry in page:
            made = self._preparer.create(entry, about, 0, 0)
            there = saved.get(entry.outcome_id or 0)
            if there is None or not isinstance(made, Outgoing):
                continue  # somebody has deleted it since: the next import says so
            found = self._adapter.differences(made.operation.payload, there)
            if made.ledger is not None:
                rows.append(_row(made.ledger, there, entry, found, self._adapter.item_of(there)))
            if found:
                text = altered_text(found)
                altered.append(EntryOutcome(entry.seq, "altered", there.id, "altered", text))
                self._context.log.about(entry, "error", "altered", text)
        await anyio.to_thread.run_sync(self._write, rows, altered)

    def _write(self, rows: Sequence[LedgerRow], altered: Sequence[EntryOutcome]) -> None:
        counts = {"created": -len(altered), "altered": len(altered)} if altered else {}
        with self._context.transaction(counts) as connection:
            ledger.upsert(connection, rows)
            plans.set_outcomes(connection, self._context.claim.run_id, altered)


def _row(
    row: LedgerRow, saved: Saved, entry: Entry, found: Sequence[Difference], item: int | None
) -> LedgerRow:
    return msgspec.structs.replace(
        row,
        resource_id=saved.id,
        saved=orjson.dumps(saved.body),
        modified=saved.modified,
        operation_key=f"{entry.parent_seq}.1",
        altered=msgspec.json.encode(tuple(found)) if found else None,
        part_of=item,
    )
