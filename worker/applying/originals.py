"""Files of media that are about to be deleted: fetched, checked and kept, so that they can come back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
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

    async def keep(self, media: Sequence[Saved]) -> list[Saved]:
        """Before any of these media is deleted. Those that have a file, its digest noted. Dying behind it:
        the bytes are kept for nothing.

        Raises `Reject` (`delete-would-lose-files`) where a file cannot be had, or is not what Omeka says.
        """
        sizes: dict[Digest, int] = {}
        kept: list[Saved] = []
        for one in media:
            file = self._adapter.original(one)
            if file is None:
                continue
            digest = file.digest
            if not digest or self._blobs.size(Digest(digest)) is None:
                digest = await self._outage.patiently(partial(self._fetch, file))
            sizes[Digest(digest)] = file.size
            kept.append(self._adapter.with_digest(one, digest))
        await self._context.db.run(keep_files, self._context.claim, sizes)
        return kept

    async def _fetch(self, original: Original) -> str:
        try:
            stored = await self._context.db.run(self._stored, original.address)
        except Reject as error:
            raise _lost(original, error.message) from error
        digest, size, md5 = stored
        noted = original.digest or original.md5
        if noted != (digest if original.digest else md5) or size != original.size:
            raise _lost(original, "The bytes there are not those that Omeka has noted.")
        return digest

    def _stored(self, db: Database, address: str) -> tuple[str, int, str]:
        """SHA-256, size and MD5. Blocking."""
        hashed = hashlib.md5(usedforsecurity=False)

        def chunks() -> Iterator[bytes]:
            for chunk in self._fetcher.chunks(address):
                hashed.update(chunk)
                yield chunk

        kept = put(db, self._blobs, chunks())
        return kept.digest, kept.size, hashed.hexdigest()


def _lost(original: Original, why: str) -> Reject:
    return Reject(
        "delete-would-lose-files",
        f"The file “{original.name}” could not be copied first, so deleting it could not be undone: nothing "
        f"was deleted. {why}",
    )
