"""Writes beside what was planned: a twin that is removed, a half of a change that goes back.

They are journaled like any write, as a further attempt of the entry that they belong to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import anyio.to_thread
from msgspec import Struct

from service.store import journal
from service.store.journal import Intent, OperationEnd
from service.store.plans import Entry
from worker.applying.outgoing import operation_key
from worker.context import RunContext
from worker.errors import Fatal
from worker.targets.base import Adapter, Answer, Barred, Method, Operation, Saved


class Aside(Struct, frozen=True):
    """What is to be done to a resource that stands in the target. `payload` is empty for a delete."""

    entry: Entry
    method: Method
    resource: Saved
    payload: bytes
    pre_image: bytes | None


async def write_aside(context: RunContext, adapter: Adapter, aside: Aside) -> tuple[str, Answer]:
    """Send it once, its intent first. The operation's key, and the answer; the caller records its end.

    Raises `Fatal` where the target bars everybody. The intent stays open then: whoever finds out what the run
    left looks for the resource again.
    """
    seq, resource = aside.entry.seq, aside.resource
    attempts = await context.db.run(journal.attempts, context.claim.run_id, [seq])
    number = attempts.get(seq, 0) + 1
    operation = Operation(operation_key(seq, number), aside.method, resource.kind, resource.id, aside.payload)
    intent = Intent(
        key=operation.key,
        seq=seq,
        attempt=number,
        method=aside.method,
        kind=resource.kind,
        payload_digest=hashlib.sha256(aside.payload).hexdigest(),
        resource_id=resource.id,
        pre_image=aside.pre_image,
    )
    await context.db.run(journal.record_intents, context.claim, [intent])
    (answer,) = await adapter.carry_out([operation])
    if isinstance(answer, Barred):
        raise Fatal(answer.code, answer.message)
    return operation.key, answer


async def record_ends(context: RunContext, ends: Sequence[OperationEnd]) -> None:
    """What became of operations, under the run's fence."""

    def write() -> None:
        with context.transaction() as connection:
            journal.record_ends(connection, context.claim, ends)

    await anyio.to_thread.run_sync(write)
