"""An import that is being prepared on the pages, before there is a batch.

What was brought and chosen so far is kept in the store of files as a small document of its own, whose digest
stands in the address. It never changes: each step makes the next one, so reloading, going back and a lost
answer do no harm, and nothing has to be remembered anywhere else. Like all bytes that no batch uses it is
removed after a while, and only who brought it may read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from anyio.to_thread import run_sync
from msgspec import Struct
from msgspec.structs import replace

from service.admin.site import Visit
from service.api.check import save_brought
from service.control.expected import match_file, missing_required
from service.control.model import Control
from service.errors import ApiError, refusal
from service.store.batches import readable_size
from service.store.blobs import BlobMissingError, Digest, is_digest
from service.store.held import put

PATH = "/admin/new"
MOST_BYTES = 2 * 1024 * 1024
"""Of such a document: a thousand files with the longest names have less."""


class PreparedFile(Struct, frozen=True):
    """`name`: by which the control file knows it; `filename`: as it was called where it came from."""

    name: str
    digest: str
    size: int
    filename: str


class Preparation(Struct, frozen=True):
    """`batch`: the identifier that the batch is to have, so that it is made once however often it is asked
    for. `control`: the digest of the control file; it may be one that cannot be used yet."""

    batch: str
    target: str
    comment: str
    files: tuple[PreparedFile, ...]
    control: str | None = None
    kind: Literal["accession-preparation-1"] = "accession-preparation-1"

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


async def remember(visit: Visit, preparation: Preparation) -> Digest:
    """Keep it, durably; what it is found by."""
    data = msgspec.json.encode(preparation)
    stored = await visit.db.run(put, visit.services.blobs, [data])
    await save_brought(visit, {stored.digest: stored.size})
    return stored.digest


async def recall(visit: Visit) -> Preparation:
    """The one that the address names. Raises `ApiError` 404, 410."""
    raw = visit.path("digest").lower()
    if not is_digest(raw):
        raise _lost()
    size = await visit.db.run(readable_size, visit.key, Digest(raw))
    if size is None or size > MOST_BYTES:
        raise _lost()
    try:
        data = await run_sync(lambda: b"".join(visit.services.blobs.open_range(Digest(raw))))
        return msgspec.json.decode(data, type=Preparation)
    except (BlobMissingError, msgspec.DecodeError):
        raise _lost() from None


def _lost() -> ApiError:
    message = (
        "This import is no longer being prepared: what is not used for some days is removed, and nobody else"
        " sees what you prepare. Begin again under New import."
    )
    return refusal(404, "removed", message)


def with_names(preparation: Preparation, names: Sequence[str]) -> Preparation:
    """The same with other names of its files, in their order."""
    files = tuple(replace(file, name=name) for file, name in zip(preparation.files, names, strict=True))
    return replace(preparation, files=files)


def fitted(preparation: Preparation, control: Control | None) -> Preparation:
    """The same, each file under a name that the control file takes, where there is no doubt which."""
    if control is None:
        return preparation
    strangers = [i for i, file in enumerate(preparation.files) if match_file(control, file.name) is None]
    taken = {file.name for file in preparation.files}
    patterns = [spec.pattern for spec in control.files if not spec.is_glob and not spec.is_default]
    wanted = [name for name in patterns if name not in taken]
    required = [name for name in missing_required(control, taken) if name in wanted]
    candidates = required or wanted
    if len(strangers) != 1 or len(candidates) != 1:
        return preparation
    names = [file.name for file in preparation.files]
    names[strangers[0]] = candidates[0]
    return with_names(preparation, names)
