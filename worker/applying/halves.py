"""Changes that a target without transactions has carried out in part.

What such a change left is no edit of somebody: it is completed by sending the same again, or taken back where
the target will never take it whole.
"""

from __future__ import annotations

import time

import anyio.to_thread
import msgspec
import orjson
from msgspec import Struct

from service.store import journal, plans, undo
from service.store.journal import OperationEnd
from service.store.put_back import PutBack, put_back
from worker.applying.aside import Aside, record_ends, write_aside
from worker.applying.outgoing import Outgoing, operation_key
from worker.applying.prepared import Prepares
from worker.applying.reconcile import Found
from worker.context import RunContext
from worker.errors import Fatal, Retriable
from worker.targets.base import Adapter, Answer, Barred, Done, Refused, Saved


class Half(Struct, frozen=True):
    """A change that was carried out in part. `going_back`: giving the record back what it held was begun."""

    outgoing: Outgoing
    going_back: bool = False


async def half_done(adapter: Adapter, lost: Outgoing) -> bool:
    """Whether what stands there is this change, carried out in part. Raises as reads do."""
    return await _standing(adapter, Half(lost)) is not None


async def _standing(adapter: Adapter, half: Half) -> Saved | None:
    """What stands there, if it is that half."""
    lost = half.outgoing
    if adapter.writes_whole or lost.operation.method != "update" or lost.before is None:
        return None
    for present in await adapter.read(lost.before.kind, [lost.before.id]):
        if adapter.half_done(lost.operation.payload, lost.before, present, back=half.going_back):
            return present
    return None


async def completed(context: RunContext, adapter: Adapter, found: Found) -> Found:
    """A create whose answer was lost, and what was found of it, which may be the first of its requests: the
    rest is made now, under the intent that is open still. Dying meanwhile: it is found in part again.

    Raises as reads do, `FenceLostError`, `StoppedError`, `Fatal`.
    """
    lost, saved = found.outgoing, found.saved
    if saved is None or not lost.told or lost.operation.method != "create":
        return found
    for _ in range(TRIES):
        await context.still_held()
        answer = await adapter.complete(lost.operation, saved)
        if answer is None:
            break
        if isinstance(answer, Barred):
            raise Fatal(answer.code, answer.message)
        (standing,) = await adapter.read(saved.kind, [saved.id]) or (None,)
        if standing is None or isinstance(answer, Refused):
            break  # what lacks is told as what was saved otherwise
        saved = standing
    return msgspec.structs.replace(found, saved=saved)


async def halves_left(context: RunContext, adapter: Adapter, preparer: Prepares) -> list[Half]:
    """Changes that this run gave up for lost, was to send again and did not, and that stand there in part.

    Raises as reads do. What is returned is numbered after whatever was meant of its entry since.
    """
    if adapter.writes_whole:
        return []
    run_id = context.claim.run_id
    given_up = await context.db.run(journal.changes_given_up, run_id)
    seqs = sorted({one.seq for one in given_up})
    entries = await context.db.run(plans.entries_by_seq, run_id, seqs)
    attempts = await context.db.run(journal.attempts, run_id, seqs)
    found: dict[int, Half] = {}
    going_back: set[int] = set()
    for one in given_up:
        if one.seq in found or one.seq not in entries:
            continue
        outgoing = await preparer.as_meant(entries[one.seq], one)
        if outgoing is None:
            going_back.add(one.seq)  # none of the entry's changes: it took an earlier half back
            continue
        half = Half(msgspec.structs.replace(outgoing, attempt=attempts[one.seq]), one.seq in going_back)
        if await _standing(adapter, half) is not None:
            found[one.seq] = half
    return list(found.values())


async def sent_again(context: RunContext, lost: Outgoing) -> Outgoing:
    """The same change once more, with what stood before it."""
    seq = lost.entry.seq
    # What gave the record back what it held has a number too.
    attempts = await context.db.run(journal.attempts, context.claim.run_id, [seq])
    attempt = max(attempts.get(seq, 0), lost.attempt) + 1
    request = msgspec.structs.replace(lost.operation, key=operation_key(lost.entry.seq, attempt))
    return msgspec.structs.replace(lost, operation=request, attempt=attempt, read_at=time.monotonic())


TRIES = 5
"""How often what stood before is sent, where nothing tells whether it arrived, or only half of it did."""


async def take_back(context: RunContext, adapter: Adapter, half: Half) -> None:
    """Give a record back what it held before a change that was made in part, journaled like any write.

    Dying before the answer: whoever goes on finds the half, going back (`halves_left`). Raises `Retriable`,
    `Fatal`.
    """
    refused = half.outgoing
    present = await _standing(adapter, half)
    if present is None or refused.before is None:
        return
    before = orjson.dumps(refused.before.body)
    for sent in range(TRIES):
        payload = adapter.restore_payload(before, present.kind, present, {}, ())
        if payload is None:
            # Of what failed at the first text that is new nothing tells but the stamp.
            if sent or present.modified != refused.before.modified:
                await _note_restored(context, refused, refused.before, present)
            return
        answer = await _give_back(context, adapter, refused, present, payload)
        if isinstance(answer, Done):
            await _note_restored(context, refused, refused.before, answer.saved or present)
            return
        name = f"{present.kind} {present.id}"
        if isinstance(answer, Refused):
            note = f"{name} was changed in part, and what it held before was refused too: look at it."
            context.log.about(refused.entry, "error", "half-left", note)
            return
        (standing,) = await adapter.read(present.kind, [present.id]) or (None,)
        if standing is None or not adapter.half_done(payload, present, standing):
            return  # somebody has deleted or edited it
        present = standing
    raise Retriable("target-down", f"Giving {name} back what it held had no certain outcome.")


async def _note_restored(context: RunContext, refused: Outgoing, before: Saved, present: Saved) -> None:
    """Tell it, and let journal and ledger know the record by its new stamp, so that nobody's edit is seen in
    it, and that nothing of the change stands. Dying before: an undo takes it for edited, and leaves it."""
    as_before = PutBack(
        present.kind, present.id, present.id, before.modified, present.modified, orjson.dumps(present.body)
    )

    def write() -> None:
        with context.transaction() as connection:
            undo.mark_given_back(connection, context.claim.run_id, refused.entry.seq)
            put_back(connection, context.target, [as_before])

    await anyio.to_thread.run_sync(write)
    note = f"{present.kind} {present.id} was changed in part only: it is again as it was before."
    context.log.about(refused.entry, "warning", "half-restored", note)


async def _give_back(
    context: RunContext, adapter: Adapter, refused: Outgoing, present: Saved, payload: bytes
) -> Answer:
    """Send it once. Raises `Fatal`."""
    # To an undo it is no change: what stood before is what stands after it.
    back = Aside(refused.entry, "update", present, payload, refused.pre_image)
    key, answer = await write_aside(context, adapter, back)
    if isinstance(answer, Refused):
        end = OperationEnd(key, "refused", code=answer.code, message=answer.message)
    else:
        said = None if isinstance(answer, Done) else answer.message
        end = OperationEnd(key, "superseded", message=said or "What was changed in part went back.")
    await record_ends(context, [end])
    return answer
