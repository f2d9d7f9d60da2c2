"""Assets that something which this service wrote shows: an undo leaves them, whoever brought them.

Omeka does not tell who uses an asset, so the ledger is asked. By the time assets go, everything else of the
batch is taken back, so what still shows one then is another batch's, or was left as it is.
"""

from __future__ import annotations

from service.store import written
from service.store.database import Database
from worker.targets.base import Adapter


class ShownAssets:
    """Looks once, when the first asset is to go."""

    def __init__(self, db: Database, target: str, adapter: Adapter) -> None:
        self._db = db
        self._target = target
        self._adapter = adapter
        self._shown: dict[int, str] | None = None

    async def by(self, asset: int) -> str | None:
        """What shows it, in words; None: nothing that is known."""
        if self._shown is None:
            self._shown = await self._db.run(self._look)
        return self._shown.get(asset)

    def _look(self, db: Database) -> dict[int, str]:
        found: dict[int, str] = {}
        for page in written.representations(db, self._target):
            for kind, number, body in page:
                for asset in self._adapter.assets_of(body):
                    found.setdefault(asset, f"{kind} {number}")
        return found
