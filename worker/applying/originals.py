"""Files of media that are about to be deleted: fetched, checked and kept, so that they can come back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from service.store.blobs import BlobStore, Digest
from service.store.database import Database
from service.store.held import put
from service.store.kept import keep_files
from worker.applying.outage import Outage
from worker.context import RunContext
from worker.errors import Reject
from worker.fetching import Fetcher
from worker.targets.base import Adapter, Original, Saved


class Originals:
    """Keeps files of one run."""

    def __init__(
        self, context: RunContext, adapter: Adapter, outage: Outage, blobs: BlobStore, fetcher: Fetcher
    ) -> None:
        self._context = context
        self._adapter = adapter
        self._outage = outage
        self._blobs = blobs
        self._fetcher = fetcher

    async def keep(self, media: Sequence[Saved]) -> None:
        """Before any of these media is deleted. Dying behind it: the bytes are kept for nothing.

        Raises `Reject` (`delete-would-lose-files`) where a file cannot be had, or is not what Omeka says.
        """
        originals = [found for one in media if (found := self._adapter.original(one)) is not None]
        for one in originals:
            if self._blobs.size(Digest(one.digest)) is None:
                await self._outage.patiently(partial(self._fetch, one))
        sizes = {Digest(one.digest): one.size for one in originals}
        await self._context.db.run(keep_files, self._context.claim, sizes)

    async def _fetch(self, original: Original) -> None:
        try:
            stored = await self._context.db.run(self._stored, original.address)
        except Reject as error:
            raise _lost(original, error.message) from error
        if stored != original.digest:
            raise _lost(original, "The bytes there are not those that Omeka has noted.")

    def _stored(self, db: Database, address: str) -> str:
        """Blocking."""
        return put(db, self._blobs, self._fetcher.chunks(address)).digest


def _lost(original: Original, why: str) -> Reject:
    return Reject(
        "delete-would-lose-files",
        f"The file “{original.name}” could not be copied first, so deleting it could not be undone: nothing "
        f"was deleted. {why}",
    )
