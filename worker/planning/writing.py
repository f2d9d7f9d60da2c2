"""Keeping the plan while it is made, a thousand entries at a time.

Entries for which nothing is to be done, nearly all of most days, are written behind the thread that makes
the plan: a database works with Python's lock let go, so reading and mapping go on meanwhile. What is on its
way or waits is at most two transactions; nothing here grows with the plan.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from msgspec import Struct

from service.store import ledger, links, plan_groups, plans
from service.store.ledger import LedgerRow
from service.store.links import KeyRow, LinkRow
from service.store.plans import Entry
from worker.context import RunContext
from worker.planning.groups import group

ENTRIES = 1000
"""As many make a transaction. On SQLite, where none may last over 50 ms, one of about 15."""
BYTES = 1_000_000
"""Or as much of drafts and representations."""
SECONDS = 1.0
"""Or what was made in this time: people watch counts and log."""
LINES = 5
"""Of the log, that may be written behind with the entries."""


class Seen:
    """Which digests may be among those that were added: "no" is certain, "yes" is not. Two megabytes.

    A Bloom filter of two places. Digests are evenly spread already: their digits are taken as they are. Of
    a hundred thousand keys that were never added one in ten thousand seems to have been; of ten millions all.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << 21)

    def add(self, digest: str) -> None:
        place = int(digest[:12], 16)
        bits = self._bits
        bits[(place >> 3) & 0x1FFFFF] |= 1 << (place & 7)
        bits[place >> 27] |= 1 << ((place >> 24) & 7)

    def __contains__(self, digest: str) -> bool:
        place = int(digest[:12], 16)
        bits = self._bits
        low = bits[(place >> 3) & 0x1FFFFF] & (1 << (place & 7))
        return bool(low and bits[place >> 27] & (1 << ((place >> 24) & 7)))


class Kept(Struct, frozen=True):
    """What a chunk of records adds to the plan, and what is learnt of known resources with it."""

    entries: Sequence[Entry]
    links: Sequence[LinkRow] = ()
    keys: Sequence[KeyRow] = ()
    refreshed: Sequence[LedgerRow] = ()


class PlanWriter:
    """The plan of one run as far as it is made. Used by one thread, within `with`.

    What goes wrong when entries are written behind is raised by whichever call comes next.
    """

    def __init__(self, context: RunContext, entries: int = ENTRIES) -> None:
        self._context = context
        self._entries = entries
        self._seen = Seen()
        self._waiting: list[Entry] = []
        self._links: list[LinkRow] = []
        self._keys: list[KeyRow] = []
        self._refreshed: list[LedgerRow] = []
        self._counts: Counter[str] = Counter()
        self._bytes = 0
        self._sent_at = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "plan")
        self._behind: Future[None] | None = None

    def __enter__(self) -> PlanWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Everything is written; or an error goes on its way, and what waits is left."""
        try:
            if kind is None:
                self.settle()
        finally:
            self._thread.shutdown()

    def keep(self, kept: Kept, counts: Mapping[str, int]) -> None:
        """Add to the plan, and to the counts of the run."""
        for entry in kept.entries:
            if entry.key_digest is not None:
                self._seen.add(entry.key_digest)
            self._bytes += plans.large_bytes(entry)
        self._waiting += kept.entries
        self._links += kept.links
        self._keys += kept.keys
        self._refreshed += kept.refreshed
        self._bytes += sum(len(row.saved) for row in kept.refreshed)
        self._counts.update(counts)
        if (
            len(self._waiting) >= self._entries
            or self._bytes > BYTES
            or time.monotonic() > self._sent_at + SECONDS
        ):
            self._send()

    def settle(self) -> None:
        """Returns when all that was kept is in the database."""
        if self._counts:
            self._send()
        self._written()

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]:
        """Entries that bear these identities, by (kind, scope, by, digest). Mostly there is none, and then
        the database is not asked."""
        maybe = [digest for digest in digests if digest in self._seen]
        if not maybe:
            return {}
        self.settle()
        return plans.planned_keys(self._context.db, self._context.claim.run_id, maybe)

    def _send(self) -> None:
        self._written()
        kept = Kept(self._waiting, self._links, self._keys, self._refreshed)
        self._waiting, self._links, self._keys, self._refreshed = [], [], [], []
        counts, self._counts = self._counts, Counter()
        # A statement a row would fight the mapping for Python's lock at every row, within a transaction:
        # such entries are written here.
        behind = not self._bytes and len(self._context.log) <= LINES
        self._bytes = 0
        self._sent_at = time.monotonic()
        if behind:
            self._behind = self._thread.submit(self._write, kept, counts)
        else:
            self._write(kept, counts)

    def _written(self) -> None:
        behind, self._behind = self._behind, None
        if behind is not None:
            behind.result()

    def _write(self, kept: Kept, counts: Mapping[str, int]) -> None:
        run_id = self._context.claim.run_id
        with self._context.transaction(counts) as connection:
            plans.insert_entries(connection, run_id, kept.entries)
            links.insert_links(connection, run_id, kept.links)
            links.insert_keys(connection, run_id, kept.keys)
            plan_groups.add_groups(connection, run_id, *group(kept.entries))
            ledger.refresh(connection, kept.refreshed)
