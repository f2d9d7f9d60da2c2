"""Plan entries → operations that can be sent."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from service.store.journal import Intent
from service.store.ledger import LedgerKey, LedgerRow
from service.store.ledger_parts import PART_BY
from service.store.plans import Entry
from worker.applying.thumbnails import Lack
from worker.attachments.names import sent_name
from worker.errors import Fatal
from worker.planning.changes import Conflict
from worker.records import KINDS, Draft, Kind, Problem
from worker.targets.base import Difference, Method, Operation, OperationKey, Saved, SentFile


class Moved(Struct, frozen=True):
    """Somebody edited the resource after it was planned: what the record makes of it by now."""

    changes: bytes
    """JSON of `planning.changes.Changes`."""
    conflicts: tuple[Conflict, ...] = ()


class Outgoing(Struct, frozen=True):
    """One write: the entry it carries out, the media that travel with it, and the request."""

    entry: Entry
    inline: tuple[Entry, ...]
    draft: Draft
    operation: Operation
    attempt: int
    above_id: int = 0
    """Of a create: the highest id of its kind that the target had before it was meant."""
    before: Saved | None = None
    """Of an update or a delete: the resource as it stood when this was prepared."""
    pre_image: bytes | None = None
    ledger: LedgerRow | None = None
    """What the ledger will say once it is done, but for what the answer tells; None: nothing."""
    missing: tuple[tuple[Entry, Problem], ...] = ()
    """Media that were to travel with it, and why they do not."""
    lacks: tuple[Lack, ...] = ()
    """What of it, or of the media that travel with it, is written without a thumbnail."""
    parts: tuple[LedgerRow, ...] = ()
    """The same of the media that travel with it."""
    part_of: int | None = None
    """Of a media: the number of its item."""
    carried: tuple[Difference, ...] = ()
    """Alterations of the target that were reported before and still stand."""
    completed: Entry | None = None
    """Of a completing entry: the one that made the resource."""
    moved: Moved | None = None
    forgets: bool = False
    """Whether the ledger forgets the resource once this is done."""
    puts_back: Saved | None = None
    """Of an undo: what the resource becomes again; see `service.store.put_back`."""
    read_at: float = msgspec.field(default_factory=time.monotonic)
    """When what it changes was read."""
    told: bool = True
    """Whether the request is, byte for byte, the one that was sent. Where it is not (another release makes
    others, or what it links to has another number by now), content does not tell what it made."""
    undoes: bool = False
    """Whether this takes back what a batch did to the resource; `ledger` is then the row as it was before."""

    @property
    def recognisable(self) -> bool:
        """Whether what it makes can be told from everything else: by identity, else by content."""
        return self.told or self.draft.identity is not None

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
            above_id=self.above_id if self.operation.method == "create" else None,
            pre_image=self.pre_image,
        )


def draft_of(entry: Entry) -> Draft:
    """What the entry is to write; of a deletion an empty draft."""
    if entry.draft is None:
        assert entry.action == "delete", f"entry {entry.seq} has nothing to send"
        return Draft(entry.destination, kind_of(entry), entry.ordinal, "delete")
    return msgspec.json.decode(entry.draft, type=Draft)


def operation_key(seq: int, attempt: int) -> OperationKey:
    """Unique within the run; the same entry sent again has another one."""
    return OperationKey(f"{seq}.{attempt}")


def operation(
    entry: Entry,
    attempt: int,
    method: Method,
    resource_id: int | None,
    payload: bytes,
    files: tuple[SentFile, ...] = (),
) -> Operation:
    return Operation(operation_key(entry.seq, attempt), method, kind_of(entry), resource_id, payload, files)


def files_of(drafts: Iterable[Draft]) -> tuple[SentFile, ...]:
    """The files that travel with these, in their order."""
    return tuple(
        SentFile(sent_name(draft.source), draft.source.media_type, draft.source.content)
        for draft in drafts
        if draft.source is not None and draft.source.content is not None
    )


def kind_of(entry: Entry) -> Kind:
    """The kind of an entry's resource. Raises `Fatal` for one that no target takes."""
    kind = KINDS.get(entry.kind)
    if kind is None:
        raise Fatal(
            "unknown-kind", f"The plan holds a resource of the kind {entry.kind!r}, which no target takes."
        )
    return kind


def ledger_key(target: str, entry: Entry) -> LedgerKey:
    """Where the ledger has what an entry with an identity is about."""
    return LedgerKey(target, entry.kind, entry.scope or "", entry.by or "")


def ledger_row(
    target: str, run_id: str, entry: Entry, linked: str, *, footing: bytes | None = None, whole: bool = True
) -> LedgerRow | None:
    """The ledger's row of an entry's resource, before it is known what the target answered; None where it
    has no identity. `whole`: nothing is left to be completed, so the same draft again is unchanged."""
    if entry.key_digest is None:
        return None
    return LedgerRow(
        key=ledger_key(target, entry),
        key_digest=entry.key_digest,
        identifier=entry.identifier or "",
        resource_id=0,
        meant=(entry.meant or "") if whole else "",
        saved=b"",
        modified="",
        run_id=run_id,
        operation_key="",
        media_meant=entry.media_meant or "",
        linked=linked,
        footing=footing,
        content=_content_of(entry),
    )


def _content_of(entry: Entry) -> str:
    """Of a media without an identity of its own: by what it is known again."""
    if entry.by != PART_BY or entry.draft is None:
        return ""
    source = draft_of(entry).source
    return source.digest if source is not None else ""
