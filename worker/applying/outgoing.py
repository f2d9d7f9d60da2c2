"""Plan entries → operations that can be sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from service.store.journal import Intent
from service.store.plans import Entry
from worker.records import Draft
from worker.targets.base import Adapter, Operation, OperationKey


class Outgoing(Struct, frozen=True):
    """One write: the entry it carries out, the media that travel with it, and the request."""

    entry: Entry
    inline: tuple[Entry, ...]
    draft: Draft
    operation: Operation
    attempt: int
    above_id: int
    """The highest id of its kind that the target had before it was meant."""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.operation.payload).hexdigest()

    @property
    def intent(self) -> Intent:
        return Intent(
            key=self.operation.key,
            seq=self.entry.seq,
            attempt=self.attempt,
            method=self.operation.method,
            kind=self.operation.kind,
            payload_digest=self.digest,
            resource_id=self.operation.resource_id,
            above_id=self.above_id,
        )


def draft_of(entry: Entry) -> Draft:
    assert entry.draft is not None, f"entry {entry.seq} has nothing to send"
    return msgspec.json.decode(entry.draft, type=Draft)


def operation_key(seq: int, attempt: int) -> OperationKey:
    """Unique within the run; the same entry sent again has another one."""
    return OperationKey(f"{seq}.{attempt}")


def prepare_create(
    adapter: Adapter,
    entry: Entry,
    inline: Sequence[Entry],
    parents: Mapping[int, int],
    attempt: int,
    above_id: int,
) -> Outgoing:
    """The create of one entry. `parents`: entry of an item → its id, for media that are sent alone."""
    draft = draft_of(entry)
    item_id = parents[entry.parent_seq] if entry.parent_seq is not None else None
    payload = adapter.create_payload(draft, [draft_of(one) for one in inline], {}, item_id)
    operation = Operation(operation_key(entry.seq, attempt), "create", draft.kind, None, payload)
    return Outgoing(entry, tuple(inline), draft, operation, attempt, above_id)
