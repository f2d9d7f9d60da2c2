"""What a run could not write, given back: records as they stand in their files, in the files' own format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import anyio.to_thread

from service.control.expected import entry_of
from service.control.model import Control
from service.store import batches, held, runs
from service.store.batches import BatchFacts
from service.store.blobs import BlobMissingError, BlobStore, Digest
from service.store.failed_files import FailedFile, set_failed_files
from service.store.outcomes import REAL, not_written, real_runs
from service.store.runs import RunFacts
from worker.context import RunContext
from worker.errors import AccessionError, Fatal
from worker.preflight import read_control
from worker.readers.base import count
from worker.readers.numbers import RowNumbers
from worker.readers.opening import excerpt
from worker.stopping import StoppedError

PIECE = 64 * 1024
"""Bytes that are written at a time; a record alone may be a few."""


async def keep_failed_rows(context: RunContext, blobs: BlobStore, run: RunFacts, batch: BatchFacts) -> None:
    """Keep, for each input file, what the batch could not write of it so far, and say so in the log.

    Doing it again is the same: the bytes are found by their digest, and one transaction names them all.
    Raises `StoppedError` when the run is another's or the worker is being stopped, `StoreUnavailableError`.
    """
    groups = _speaking(await context.db.run(runs.runs_of_batch, batch.id), run)
    found = await anyio.to_thread.run_sync(_numbers, context, groups)
    kept: list[FailedFile] = []
    if found:
        control = await _control(context, blobs, batch)
        if control is not None:
            kept = await anyio.to_thread.run_sync(_keep_all, context, blobs, control, batch.id, found)
    await anyio.to_thread.run_sync(_record, context, kept)


def _speaking(every: Sequence[RunFacts], run: RunFacts) -> list[list[str]]:
    """The runs whose words count, in groups within which the newest word does."""
    if run.mode == "undo":
        return []
    if run.mode not in REAL:
        return [[run.id]]
    real = real_runs(every)
    # One that stopped while it planned has refused some records, and mended none.
    return [real] if run.id in real else [real, [run.id]]


def _numbers(context: RunContext, groups: Sequence[Sequence[str]]) -> Mapping[str, RowNumbers]:
    """File → numbers of its records that were not written."""
    found: dict[str, RowNumbers] = {}
    for ids in groups:
        for page in not_written(context.db, ids):
            _go_on(context)
            for file, row in page:
                found.setdefault(file, RowNumbers()).add(row)
    return found


async def _control(context: RunContext, blobs: BlobStore, batch: BatchFacts) -> Control | None:
    try:
        control, _ = await read_control(blobs, batch.control_digest)
    except AccessionError as error:
        context.log.say("warning", "failed-not-kept", f"Failed records cannot be given back: {error.message}")
        return None
    return control


def _keep_all(
    context: RunContext, blobs: BlobStore, control: Control, batch_id: str, found: Mapping[str, RowNumbers]
) -> list[FailedFile]:
    digests = {file.name: Digest(file.digest) for file in batches.batch_files(context.db, batch_id)}
    kept = []
    for name in sorted(found.keys() & digests.keys()):
        numbers = found[name]
        try:
            pieces = _bytes(context, blobs, control, (name, digests[name]), numbers)
            stored = held.put(context.db, blobs, pieces)
        except AccessionError as error:
            text = f"The failed records cannot be given back. {error.message.replace(digests[name], name)}"
            context.log.say("warning", "failed-not-kept", text, file=name)
            continue
        kept.append(FailedFile(name, stored.digest, stored.size, len(numbers)))
        records = count(len(numbers), "record")
        text = (
            f"{records} not written. The report gives them back as they stand in the file, to be corrected"
            f" (GET batch/{batch_id}/failed)."
        )
        context.log.say("info", "failed-kept", text, file=name)
    return kept


def _bytes(
    context: RunContext, blobs: BlobStore, control: Control, file: tuple[str, Digest], numbers: RowNumbers
) -> Iterator[bytes]:
    name, digest = file
    spec = entry_of(control, name)
    if spec is None:
        raise Fatal("file-not-expected", f"The control file takes no file of the name {name}.")
    try:
        path = blobs.local_path(digest)
    except BlobMissingError as error:
        raise Fatal("blob-missing", f"The store no longer holds the bytes of {name}.") from error
    gathered = bytearray()
    for piece in excerpt(spec.reader, path, numbers, fill_down=spec.fill_down, group=spec.group):
        gathered += piece
        if len(gathered) >= PIECE:
            _go_on(context)
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


def _record(context: RunContext, kept: Sequence[FailedFile]) -> None:
    with context.transaction() as connection:
        set_failed_files(connection, context.claim.run_id, kept)


def _go_on(context: RunContext) -> None:
    """The run has ended but for this: only what takes it from this worker stops it."""
    if context.stop.reason in ("lost", "shutdown"):
        raise StoppedError
