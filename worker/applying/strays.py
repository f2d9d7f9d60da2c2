"""Answers that came too late, and creates that were sent twice: adopt them, or remove the twin.

A twin is a resource that a write of this run made and that no journal row bears. It is removed only
if it is exactly what the operation meant: anything else is somebody's work, and is reported instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import anyio.to_thread
import orjson
from msgspec import Struct

from service.store import journal, plans, undo
from service.store.journal import OperationEnd, RecordedOperation, Stray, StrayResolution
from service.store.plans import Entry
from service.store.put_back import written_late
from worker.applying import images
from worker.applying.aside import Aside, record_ends, write_aside
from worker.applying.conclusions import concluded
from worker.applying.outgoing import Outgoing, kind_of, operation_key
from worker.applying.prepared import Prepares, as_sent
from worker.applying.reconcile import Found, fits, unexplained
from worker.applying.remnants import assigned
from worker.applying.results import Recorder
from worker.context import RunContext
from worker.errors import Retriable
from worker.targets.base import Adapter, Done, Refused, Saved


async def settle_strays(context: RunContext, adapter: Adapter, preparer: Prepares) -> None:
    """Account for every late answer: the run cannot end before. Raises `Retriable`."""
    for stray in await context.db.run(journal.open_strays, context.claim.run_id):
        await _resolve(context, stray, await _settle_stray(context, adapter, preparer, stray))


async def _settle_stray(
    context: RunContext, adapter: Adapter, preparer: Prepares, stray: Stray
) -> StrayResolution:
    run_id = context.claim.run_id
    recorded = await context.db.run(journal.recorded_operation, run_id, stray.operation_key)
    if recorded is None or stray.resource_id is None:
        return "moot"
    if recorded.outcome is None and recorded.method != "create":
        # Still unknown: the reconciler looks at this very resource, with all its checks.
        return "adopted"
    entry = (await context.db.run(plans.entries_by_seq, run_id, [recorded.seq])).get(recorded.seq)
    if entry is None:
        return "moot"  # so late that what was planned is kept no longer
    kind = kind_of(entry)
    answered = adapter.saved(stray.answer, kind) if stray.answer is not None else None
    if recorded.method != "create":
        await _tell_late_change(context, adapter, entry, recorded, stray.resource_id, answered)
        return "moot"
    explained = await context.db.run(journal.journaled_ids, context.target, kind, [stray.resource_id])
    found = [] if explained else await adapter.read(kind, [stray.resource_id])
    if not found:
        return "moot"
    outgoing = await as_sent(context, preparer, entry, recorded)
    if recorded.outcome in (None, "uncertain") and answered is not None:
        # What no look could tell for certain, or has not told yet, the answer tells.
        await _adopt(context, adapter, outgoing, answered)
        return "adopted"
    return "removed" if await _remove(context, adapter, outgoing, found[0], answered) else "moot"


async def _adopt(context: RunContext, adapter: Adapter, outgoing: Outgoing, answered: Saved) -> None:
    """Write down that a create was carried out. Dying after it: the answer is explained then, and moot."""
    recorder = Recorder(context)
    result = concluded(adapter, Found(outgoing, answered))
    recorder.announce(result)
    await anyio.to_thread.run_sync(recorder.record, [result])


async def _tell_late_change(
    context: RunContext,
    adapter: Adapter,
    entry: Entry,
    recorded: RecordedOperation,
    number: int,
    answered: Saved | None,
) -> None:
    """An update or a deletion took effect after it was given up: what came between, it went over.

    If nobody has touched the resource since, what stands is ours, and journal and ledger are told its stamp.
    """
    same = recorded.saved_modified == answered.modified if answered is not None else True
    if recorded.outcome == "done" and same:
        return  # it is what the journal holds
    name = f"{entry.kind} {number}"
    later = await context.db.run(
        undo.changed_later, context.batch_id, entry.kind, [number], context.claim.run_id
    )
    between = "What somebody has changed in it meanwhile may be lost"
    if number in later:
        batch = later[number]
        between = f"What batch {batch.batch_id} “{batch.comment}” has changed in it meanwhile may be lost"
    elif answered is not None:
        await _take_as_ours(context, adapter, answered)
    key = operation_key(recorded.seq, recorded.attempt)
    await context.db.run(undo.mark_standing, context.claim.run_id, key)
    done = f"changed once more, at {answered.modified}," if answered is not None else "deleted"
    message = f"{name} was {done} by a request that had been given up for lost. {between}: look at it."
    context.log.about(entry, "error", "late-write", message)


async def _take_as_ours(context: RunContext, adapter: Adapter, answered: Saved) -> None:
    """Dying after it: it is told once more, and is written down already. Raises `Retriable`."""
    standing = await adapter.read(answered.kind, [answered.id])
    if [one.body for one in standing] == [answered.body]:
        saved = orjson.dumps(answered.body)
        about = (context.target, answered.kind, answered.id, answered.modified)
        await context.db.run(written_late, *about, saved)


async def settle_twins(context: RunContext, adapter: Adapter, preparer: Prepares) -> None:
    """The last listing of a run: whether a create that was given up for lost arrived after all.

    Raises `Retriable`.
    """
    halves = not adapter.writes_whole
    given_up = await context.db.run(
        partial(journal.superseded_operations, refused=halves), context.claim.run_id
    )
    if not given_up:
        return
    entries = await context.db.run(plans.entries_by_seq, context.claim.run_id, [one.seq for one in given_up])
    outgoing = [await as_sent(context, preparer, entries[one.seq], one) for one in given_up]
    for kind in sorted({one.draft.kind for one in outgoing}):
        of_kind = [one for one in outgoing if one.draft.kind == kind]
        certain = [one for one in of_kind if one.recognisable]
        above = min(one.above_id for one in of_kind)
        left: list[int] = []
        remnants: list[Saved] = []
        for saved in await unexplained(context, adapter, kind, above, tuple):
            twin = next((one for one in certain if fits(adapter, one, saved)), None)
            if twin is not None and adapter.same_as(twin.operation.payload, saved):
                await _remove(context, adapter, twin, saved)
            elif any(one.told and adapter.remnant(one.operation.payload, saved) for one in of_kind):
                remnants.append(saved)
            elif twin is not None:
                await _remove(context, adapter, twin, saved)
            else:
                left.append(saved.id)
        await _settle_remnants(context, adapter, of_kind, remnants)
        for one in of_kind:
            if left and one not in certain:
                _tell_untold(context, one, left)


async def _settle_remnants(
    context: RunContext, adapter: Adapter, creates: Sequence[Outgoing], remnants: Sequence[Saved]
) -> None:
    """What creates left that failed half-way goes: as many as there were of them at most. Were there more,
    somebody's own would be among them, and which nothing tells."""
    told = [one for one in creates if one.told]
    fitting = [
        [number for number, one in enumerate(told) if adapter.remnant(one.operation.payload, saved)]
        for saved in remnants
    ]
    for saved, fits_these, number in zip(remnants, fitting, assigned(fitting), strict=True):
        name = f"{saved.kind} {saved.id}"
        if number is None:
            message = (
                f"{name} may be what a failed create of this record left, or somebody else's: look at it."
            )
            context.log.about(told[fits_these[0]].entry, "error", "remnant-left", message)
            continue
        words = Removal(
            f"{name} is what a failed create of this record left, and",
            "remnant-removed",
            "remnant-left",
        )
        await _delete(context, adapter, told[number].entry, saved, words)


class Removal(Struct, frozen=True):
    """What is told of a removal: what it is, and under which codes it went or was left."""

    what: str
    removed: str
    left: str


def _tell_untold(context: RunContext, outgoing: Outgoing, ids: Sequence[int]) -> None:
    numbers = ", ".join(str(one) for one in ids)
    message = (
        f"This record was sent twice, and what was sent first can no longer be told. Of what came into the "
        f"target meanwhile any could be a second one of it: {outgoing.entry.kind} {numbers}. Look at them."
    )
    context.log.about(outgoing.entry, "error", "twin-left", message)


async def _remove(
    context: RunContext, adapter: Adapter, outgoing: Outgoing, twin: Saved, answered: Saved | None = None
) -> bool:
    """Delete a twin, journaled like any write; if it is not exactly what was meant, nor what was answered
    (`answered`), only report it. Whether it is gone. Raises `Retriable`, `Fatal`."""
    entry = outgoing.entry
    name = f"{twin.kind} {twin.id}"
    as_meant = outgoing.told and adapter.same_as(outgoing.operation.payload, twin)
    if not (as_meant or (answered is not None and answered.body == twin.body)):
        message = f"{name} bears the identity of this record too, and is not what was sent: look at it."
        context.log.about(entry, "error", "twin-left", message)
        return False
    made = f"{name} was made by a request that had been given up for lost; this twin"
    return await _delete(context, adapter, entry, twin, Removal(made, "twin-removed", "twin-left"))


async def _delete(context: RunContext, adapter: Adapter, entry: Entry, twin: Saved, words: Removal) -> bool:
    """Delete it, journaled like any write. Whether it is gone. Raises `Retriable`, `Fatal`."""
    removal = Aside(entry, "delete", twin, b"", images.pack(images.image_of(twin, None)))
    key, answer = await write_aside(context, adapter, removal)
    if isinstance(answer, Refused):
        end = OperationEnd(key, "refused", code=answer.code, message=answer.message)
        message = f"{words.what} could not be removed: {answer.message}"
        context.log.about(entry, "error", words.left, message)
    elif isinstance(answer, Done) or not await adapter.read(twin.kind, [twin.id]):
        end = OperationEnd(key, "done")
        context.log.about(entry, "warning", words.removed, f"{words.what} was removed.")
    else:
        end = OperationEnd(key, "superseded", message=answer.message)
    await record_ends(context, [end])
    if end.outcome == "superseded":
        raise Retriable("target-down", f"Removing {twin.kind} {twin.id} had no certain outcome.")
    return end.outcome == "done"


async def give_up(context: RunContext, keys: Sequence[str], why: str) -> None:
    """Close operations whose outcome does not matter any more."""
    if keys:
        await record_ends(context, [OperationEnd(key, "superseded", message=why) for key in keys])


async def _resolve(context: RunContext, stray: Stray, resolution: StrayResolution) -> None:
    def write() -> None:
        with context.transaction() as connection:
            journal.resolve_stray(connection, stray.id, resolution)

    await anyio.to_thread.run_sync(write)
