"""What entries of a plan become before they are sent, and what their preparing needs to know of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec
from msgspec import Struct

from service.control.model import OnConflict
from service.store.journal import OpenOperation
from service.store.ledger import LedgerRow
from service.store.links import LinkRow
from service.store.plans import Entry
from worker.applying.outgoing import Outgoing, draft_of, ledger_row, operation
from worker.applying.results import RefusedResult, Stands
from worker.context import RunContext
from worker.records import Kind

Prepared: TypeAlias = "Outgoing | RefusedResult | Stands"


def read_since(one: Prepared, moment: float) -> Prepared:
    """The same, with the moment (`time.monotonic`) from which on what it changes was read."""
    return msgspec.structs.replace(one, read_at=moment) if isinstance(one, Outgoing) else one


class Ways(Struct, frozen=True):
    """How a run goes about what it finds otherwise than planned."""

    on_conflict: OnConflict = "overwrite"
    exactly: bool = False
    """A resource that moved since it was planned is left alone (`schedule plan=`)."""


class Surroundings(Struct, frozen=True):
    """What a group of entries needs to know of others, looked up at once."""

    inline: Mapping[int, list[Entry]]
    """Entry of an item → the media that travel with it."""
    rows: Mapping[int, list[LinkRow]]
    others: Mapping[int, Entry]
    """Entries that these follow, complete or link to."""
    attempts: Mapping[int, int]

    def depth_of(self, seq: int) -> int:
        entry = self.others[seq]
        if entry.parent_seq is not None and entry.depth == 0:
            return self.others[entry.parent_seq].depth
        return entry.depth

    def made_by(self, seq: int | None) -> int | None:
        """The number of the resource that an entry made or that stood there already."""
        entry = self.others.get(seq) if seq is not None else None
        return None if entry is None else entry.outcome_id or entry.resource_id


class Prepares(Protocol):
    """Makes entries ready to be sent: for an import, or for an undo."""

    async def surroundings(self, entries: Sequence[Entry]) -> Surroundings:
        """Look up what these entries need. A handful of queries, however many they are."""
        ...

    async def prepare(self, entries: Sequence[Entry], highest: Mapping[Kind, int]) -> list[Prepared]:
        """One for each entry, in order. `highest`: the highest id of each kind in the target."""
        ...

    def create(
        self, entry: Entry, about: Surroundings, above_id: int, attempt: int | None = None
    ) -> Outgoing | RefusedResult:
        """The create of an entry. The same entry gives the same request, also to another worker."""
        ...

    async def as_meant(self, entry: Entry, opened: OpenOperation) -> Outgoing | None:
        """The operation of an intent without outcome, as it was sent; None where that cannot be told."""
        ...


class Sent(Protocol):
    """What the journal holds of a create that was sent."""

    @property
    def attempt(self) -> int: ...
    @property
    def above_id(self) -> int | None: ...
    @property
    def payload_digest(self) -> str: ...


async def as_sent(context: RunContext, preparer: Prepares, entry: Entry, sent: Sent) -> Outgoing:
    """The create of an entry as an earlier worker sent it; `told` says whether it is certainly the same.

    Where it is not, the ledger will hold nothing as meant: the next import compares, and finds what differs.
    """
    about = await preparer.surroundings([entry])
    above = sent.above_id or 0
    made = preparer.create(entry, about, above, sent.attempt)
    if not isinstance(made, Outgoing):  # it would not be sent by now, and was
        request = operation(entry, sent.attempt, "create", None, b"")
        row = ledger_row(context.target, context.claim.run_id, entry, "", whole=False)
        inline = made.outgoing.inline
        return Outgoing(entry, inline, draft_of(entry), request, sent.attempt, above, ledger=row, told=False)
    if made.digest == sent.payload_digest:
        return made
    row = msgspec.structs.replace(made.ledger, meant="") if made.ledger is not None else None
    return msgspec.structs.replace(made, ledger=row, told=False)


def empty(entry: Entry, row: LedgerRow | None = None, completed: Entry | None = None) -> Outgoing:
    """What stands for an entry of which nothing is sent."""
    request = operation(entry, 0, "update", entry.resource_id, b"")
    return Outgoing(entry, (), draft_of(entry), request, 0, ledger=row, completed=completed)


def refuse(entry: Entry, code: str, message: str, inline: Sequence[Entry] = ()) -> RefusedResult:
    """An entry that is not sent, and the media that would have travelled with it."""
    return RefusedResult(msgspec.structs.replace(empty(entry), inline=tuple(inline)), code, message)
