"""Edits that no stamp of the target tells of: seen by comparing with what the ledger holds. Blocking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.store.database import Database
from service.store.ledger import LedgerRow
from service.store.plans import Entry
from worker.applying import standing
from worker.targets.base import Adapter, Saved


class Unseen:
    """What the ledger holds of the resources of some entries."""

    def __init__(self, db: Database, target: str, adapter: Adapter, entries: Sequence[Entry]) -> None:
        self._adapter = adapter
        self._rows: Mapping[int, LedgerRow] = {
            seq: row for seq, row in standing.own_rows(db, target, entries).items() if row.saved
        }

    def edited(self, entry: Entry, saved: Saved | None) -> bool:
        """Whether somebody has edited what stands there (`saved`) since this service wrote it, without a new
        stamp. Where the stamp is another one, that tells it."""
        row = self._rows.get(entry.seq)
        if row is None or saved is None or row.modified != saved.modified:
            return False
        then = self._adapter.unstamped(self._adapter.saved(row.saved, saved.kind))
        return then is not None and then != self._adapter.unstamped(saved)
