"""The instructions of a batch's control file, for pages that say which of them met something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anyio.to_thread import run_sync

from service.admin.batch_head import BatchHead
from service.admin.instructions import Instruction, instructions_at
from service.admin.site import Visit
from service.store.blobs import BlobMissingError


async def instructions_of(
    visit: Visit, head: BatchHead, pointers: Iterable[str]
) -> Mapping[str, Instruction]:
    """Pointer → instruction of the batch's control file; with nothing but the pointer when that is gone."""
    wanted = {pointer for pointer in pointers if pointer}
    if not wanted:
        return {}

    def read() -> Mapping[str, Instruction]:
        try:
            data = b"".join(visit.services.blobs.open_range(head.batch.control_digest))
        except BlobMissingError:
            data = b""
        return instructions_at(data, wanted)

    return await run_sync(read)
