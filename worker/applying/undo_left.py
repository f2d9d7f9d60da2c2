"""An undo goes on where an earlier one of the batch was cancelled, or failed: what that had created again is
there, but without the links that were to come once all else is back. Blocking, in the planning thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from service.store import plans
from service.store.plans import Entry
from service.store.unlinked import left_unlinked, waiting_to_be_linked
from worker.applying.undo_step import step_of
from worker.context import RunContext
from worker.planning.look_ups import Reads
from worker.planning.settling import counted
from worker.records import KINDS, Kind

SLICE = 200

Unlinked = tuple[Kind, int, Sequence[Entry]]
"""A resource that links are to come back to, by its kind and its number in the journal; and entries of this
run for what they lead to, or come from."""


def take_over(context: RunContext, reads: Reads) -> Iterator[Unlinked]:
    """What an earlier undo left unlinked. Each resource that it created again, and that is still there, gets
    an entry in this run, for which nothing is sent."""
    earlier = left_unlinked(context.db, context.batch_id, context.claim.run_id)
    if earlier is None:
        return
    seq = plans.highest_seq(context.db, context.claim.run_id)
    mine: dict[int, Entry | None] = {}
    """Of the earlier run's entries: this run's; None: its resource is not there."""
    after = 0
    while page := waiting_to_be_linked(context.db, earlier, after, SLICE):
        context.check()
        after = page[-1].seq
        wanted = {number for one in page for number in step_of(one).sources} - mine.keys()
        there = _still_there(context, reads, earlier, sorted(wanted))
        new = []
        for number in sorted(wanted):
            entry = there.get(number)
            if entry is not None:
                seq += 1
                entry = msgspec.structs.replace(entry, seq=seq, action="unchanged", outcome="unchanged")
                new.append(entry)
            mine[number] = entry
        counts = counted(new)
        counts["read"] = len(new)
        with context.transaction(counts) as connection:
            plans.insert_entries(connection, context.claim.run_id, new)
        for one in page:
            sources = [found for number in step_of(one).sources if (found := mine[number]) is not None]
            if sources:
                yield KINDS[one.kind], one.resource_id or 0, sources


def _still_there(context: RunContext, reads: Reads, run_id: str, seqs: Sequence[int]) -> dict[int, Entry]:
    """Those of the run's entries whose resource was created again, and was not deleted since."""
    found: dict[int, Entry] = {}
    for start in range(0, len(seqs), SLICE):
        found |= plans.entries_by_seq(context.db, run_id, seqs[start : start + SLICE])
    made = {seq: one for seq, one in found.items() if one.outcome_id is not None and one.before is not None}
    ids: defaultdict[Kind, set[int]] = defaultdict(set)
    for one in made.values():
        ids[KINDS[one.kind]].add(one.outcome_id or 0)
    standing = {kind: reads.current(kind, sorted(numbers)).keys() for kind, numbers in ids.items()}
    return {seq: one for seq, one in made.items() if one.outcome_id in standing[KINDS[one.kind]]}
