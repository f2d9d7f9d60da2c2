"""Changes that a target without transactions has carried out in part.

What such a change left is no edit of somebody: it is completed by sending the same again, or taken back where
the target will never take it whole.
"""

from __future__ import annotations

import hashlib
import time

import anyio.to_thread
import msgspec
import orjson

from service.store import journal
from service.store.journal import Intent, OperationEnd
from worker.applying.outgoing import Outgoing, operation_key
from worker.context import RunContext
from worker.errors import Fatal, Retriable
from worker.targets.base import Adapter, Barred, Done, Operation, Refused, Saved


async def half_done(adapter: Adapter, lost: Outgoing) -> bool:
    """Whether what stands there is this change, carried out in part. Raises as reads do."""
    return await _half(adapter, lost) is not None


async def _half(adapter: Adapter, lost: Outgoing) -> Saved | None:
    if adapter.writes_whole or lost.operation.method != "update" or lost.before is None:
        return None
    for present in await adapter.read(lost.before.kind, [lost.before.id]):
        if adapter.half_done(lost.operation.payload, lost.before, present):
            return present
    return None


def sent_again(lost: Outgoing) -> Outgoing:
    """The same change once more, with what stood before it."""
    attempt = lost.attempt + 1
    request = msgspec.structs.replace(lost.operation, key=operation_key(lost.entry.seq, attempt))
    return msgspec.structs.replace(lost, operation=request, attempt=attempt, read_at=time.monotonic())


async def take_back(context: RunContext, adapter: Adapter, refused: Outgoing) -> None:
    """Give a record back what it held before a change that was refused half-way, journaled like any write.

    Dying before the answer: whoever goes on looks for it as for any change. Raises `Retriable`, `Fatal`.
    """
    present = await _half(adapter, refused)
    if present is None or refused.before is None:
        return
    before = orjson.dumps(refused.before.body)
    payload = adapter.restore_payload(before, present.kind, present, {}, ())
    if payload is None:
        return
    attempts = await context.db.run(journal.attempts, context.claim.run_id, [refused.entry.seq])
    number = attempts.get(refused.entry.seq, 0) + 1
    operation = Operation(
        operation_key(refused.entry.seq, number), "update", present.kind, present.id, payload
    )
    intent = Intent(
        key=operation.key,
        seq=refused.entry.seq,
        attempt=number,
        method="update",
        kind=present.kind,
        payload_digest=hashlib.sha256(payload).hexdigest(),
        resource_id=present.id,
        # To an undo it is no change: what stood before is what stands after it.
        pre_image=refused.pre_image,
    )
    await context.db.run(journal.record_intents, context.claim, [intent])
    (answer,) = await adapter.carry_out([operation])
    if isinstance(answer, Barred):
        raise Fatal(answer.code, answer.message)
    name = f"{present.kind} {present.id}"
    if isinstance(answer, Done):
        end = OperationEnd(operation.key, "superseded", message="What a refused change left was taken back.")
        note = f"{name} was changed in part before Omeka refused the rest: it is again as it was before."
        context.log.about(refused.entry, "warning", "half-restored", note)
    elif isinstance(answer, Refused):
        end = OperationEnd(operation.key, "refused", code=answer.code, message=answer.message)
        note = f"{name} was changed in part, and what it held before was refused too: look at it."
        context.log.about(refused.entry, "error", "half-left", note)
    else:
        end = OperationEnd(operation.key, "superseded", message=answer.message)

    def write() -> None:
        with context.transaction() as connection:
            journal.record_ends(connection, context.claim, [end])

    await anyio.to_thread.run_sync(write)
    if not isinstance(answer, Done | Refused):
        raise Retriable("target-down", f"Giving {name} back what it held had no certain outcome.")
