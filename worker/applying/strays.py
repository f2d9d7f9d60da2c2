"""Answers that came too late, and creates that were sent twice: adopt them, or remove the twin.

A twin is a resource that a write of this run made and that no journal row bears. It is removed only
if it is exactly what the operation meant: anything else is somebody's work, and is reported instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import anyio.to_thread

from service.store import journal, plans
from service.store.journal import Intent, OperationEnd, Stray, StrayResolution
from service.store.plans import Entry
from worker.applying import images
from worker.applying.outgoing import Outgoing, operation_key
from worker.applying.preparing import Prepares
from worker.applying.reconcile import fits, unexplained
from worker.context import RunContext
from worker.errors import Retriable
from worker.targets.base import Adapter, Done, Operation, Refused, Saved


async def settle_strays(context: RunContext, adapter: Adapter, preparer: Prepares) -> None:
    """Account for every late answer: the run cannot end before. Raises `Retriable`."""
    for stray in await context.db.run(journal.open_strays, context.claim.run_id):
        await _resolve(context, stray, await _settle_stray(context, adapter, preparer, stray))


async def _settle_stray(
    context: RunContext, adapter: Adapter, preparer: Prepares, stray: Stray
) -> StrayResolution:
    run_id = context.claim.run_id
    recorded = await context.db.run(journal.recorded_operation, run_id, stray.operation_key)
    if recorded is None or stray.resource_id is None or recorded.answer_id == stray.resource_id:
        return "moot"
    if recorded.outcome is None:
        # Still unknown: the reconciler finds this very resource by looking, with all its checks.
        return "adopted"
    if recorded.method != "create":
        # The same resource: what an update or a deletion left there is what stands there.
        return "moot"
    entry = (await context.db.run(plans.entries_by_seq, run_id, [recorded.seq]))[recorded.seq]
    outgoing = await as_sent(preparer, entry, recorded.attempt, 0)
    if outgoing is None:
        return "moot"
    kind = outgoing.draft.kind
    explained = await context.db.run(journal.journaled_ids, context.target, kind, [stray.resource_id])
    found = [] if explained else await adapter.read(kind, [stray.resource_id])
    if not found:
        return "moot"
    await _remove(context, adapter, outgoing, found[0])
    return "removed"


async def settle_twins(context: RunContext, adapter: Adapter, preparer: Prepares) -> None:
    """The last listing of a run: whether a create that was given up for lost arrived after all.

    Raises `Retriable`.
    """
    given_up = await context.db.run(journal.superseded_operations, context.claim.run_id)
    if not given_up:
        return
    entries = await context.db.run(plans.entries_by_seq, context.claim.run_id, [one.seq for one in given_up])
    sent = [await as_sent(preparer, entries[one.seq], one.attempt, one.above_id or 0) for one in given_up]
    outgoing = [one for one in sent if one is not None]
    for kind in sorted({one.draft.kind for one in outgoing}):
        of_kind = [one for one in outgoing if one.draft.kind == kind]
        above = min(one.above_id for one in of_kind)
        for saved in await unexplained(context, adapter, kind, above, ()):
            twin = next((one for one in of_kind if fits(adapter, one, saved)), None)
            if twin is not None:
                await _remove(context, adapter, twin, saved)


async def as_sent(preparer: Prepares, entry: Entry, attempt: int, above_id: int) -> Outgoing | None:
    """The create of an entry as an earlier worker sent it; None where it could not have been sent."""
    about = await preparer.surroundings([entry])
    made = preparer.create(entry, about, above_id, attempt)
    return made if isinstance(made, Outgoing) else None


async def _remove(context: RunContext, adapter: Adapter, outgoing: Outgoing, twin: Saved) -> None:
    """Delete a twin, journaled like any write; if it is not exactly what was meant, only report it."""
    entry = outgoing.entry
    name = f"{twin.kind} {twin.id}"
    if not adapter.same_as(outgoing.operation.payload, twin):
        message = f"{name} bears the identity of this record too, and is not what was sent: look at it."
        context.log.about(entry, "error", "twin-left", message)
        return
    attempts = await context.db.run(journal.attempts, context.claim.run_id, [entry.seq])
    number = attempts.get(entry.seq, 0) + 1
    operation = Operation(operation_key(entry.seq, number), "delete", twin.kind, twin.id, b"")
    intent = Intent(
        key=operation.key,
        seq=entry.seq,
        attempt=number,
        method="delete",
        kind=twin.kind,
        payload_digest=hashlib.sha256(b"").hexdigest(),
        resource_id=twin.id,
        pre_image=images.pack(images.image_of(twin, None)),
    )
    await context.db.run(journal.record_intents, context.claim, [intent])
    (answer,) = await adapter.carry_out([operation])
    if isinstance(answer, Refused):
        end = OperationEnd(operation.key, "refused", code=answer.code, message=answer.message)
        message = f"{name} is a twin and could not be removed: {answer.message}"
        context.log.about(entry, "error", "twin-left", message)
    elif isinstance(answer, Done) or not await adapter.read(twin.kind, [twin.id]):
        end = OperationEnd(operation.key, "done")
        message = f"{name} was made by a request that had been given up for lost; this twin was removed."
        context.log.about(entry, "warning", "twin-removed", message)
    else:
        end = OperationEnd(operation.key, "superseded", message=answer.message)
    await _end(context, [end])
    if end.outcome == "superseded":
        raise Retriable("target-down", f"Removing the twin {name} had no certain outcome.")


async def give_up(context: RunContext, keys: Sequence[str], why: str) -> None:
    """Close operations whose outcome does not matter any more."""
    if keys:
        await _end(context, [OperationEnd(key, "superseded", message=why) for key in keys])


async def _end(context: RunContext, ends: Sequence[OperationEnd]) -> None:
    def write() -> None:
        with context.transaction() as connection:
            journal.record_ends(connection, context.claim, ends)

    await anyio.to_thread.run_sync(write)


async def _resolve(context: RunContext, stray: Stray, resolution: StrayResolution) -> None:
    def write() -> None:
        with context.transaction() as connection:
            journal.resolve_stray(connection, stray.id, resolution)

    await anyio.to_thread.run_sync(write)
