"""One batch: what it is made of, what it did, what it is doing right now, and what can be done with it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from service.admin.batch_head import BatchHead, batch_head
from service.admin.offers import offers
from service.admin.progress import Meter, progress, title
from service.admin.run_charts import charts_of
from service.admin.site import Page, Visit
from service.admin.words import Part, outcome_parts, plan_parts
from service.api.download import attachment
from service.api.failed import download_name
from service.errors import refusal
from service.store.batches import FileFacts, batch_files, corrected_by
from service.store.blobs import BlobMissingError
from service.store.database import StoreUnavailableError, now_ms
from service.store.failed_files import failed_files, failing_run
from service.store.outcomes import counts_of
from service.store.removed import batch_words

LOOK = 0.5
"""Seconds between two looks while somebody watches a run."""
SILENCE = 15.0
"""Seconds after which a stream says that it lives."""
MOST_CONTROL = 40_000
"""Characters of a control file that the page shows."""


class Nothing(Struct, frozen=True):
    pass


async def show_batch(visit: Visit) -> Response:
    visit.query(Nothing)
    head = await batch_head(visit)
    files = await visit.db.run(batch_files, head.batch.id)
    removed = await visit.db.run(batch_words, head.batch.id)
    return await visit.render(
        "batch.html",
        **await _live(visit, head, files),
        control=await _control_text(visit, head),
        charts=await charts_of(visit, head),
        corrected_by=await visit.db.run(corrected_by, head.batch.id),
        removed=removed[1] if removed else "",
    )


async def _live(
    visit: Visit, head: BatchHead, files: list[FileFacts], meter: Meter | None = None
) -> dict[str, Any]:
    """What of the page changes while a run goes on."""
    parts, total = await _parts(visit, head)
    failing = failing_run(head.runs)
    kept = await visit.db.run(failed_files, failing) if failing is not None else []
    return {
        "head": head,
        "files": files,
        "now": now_ms(),
        "progress": progress(head.active, now_ms(), meter) if head.active else None,
        "offers": await offers(visit, head, files),
        "parts": parts,
        "total": total,
        "failed_records": sum(one.records for one in kept),
        "run_title": title,
    }


async def _parts(visit: Visit, head: BatchHead) -> tuple[list[Part], int | None]:
    """What became of the records, or is to become of them by a plan; and of how many."""
    newest = head.runs[0] if head.runs else None
    if newest is None:
        return [], None
    if head.active is not None:
        return outcome_parts(newest.counts), newest.counts.get("planned")
    if newest.mode == "dry-run" or newest.options.dry_run:
        return plan_parts(newest.counts), None
    if newest.mode == "undo":
        return outcome_parts(newest.counts), None
    return outcome_parts(await visit.db.run(counts_of, head.runs)), None


async def _control_text(visit: Visit, head: BatchHead) -> str:
    """The control file, laid out for reading; "" when its bytes are there no longer."""

    def read() -> str:
        try:
            data = b"".join(visit.services.blobs.open_range(head.batch.control_digest))
        except BlobMissingError:
            return ""
        text = data.decode("utf-8", "replace")
        with suppress(ValueError, RecursionError):  # else it is shown as it is
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return text if len(text) <= MOST_CONTROL else f"{text[:MOST_CONTROL]}\n…"

    return await run_sync(read)


async def watch_batch(visit: Visit) -> Response:
    """The changing part of the page, as often as it changes, until no run is active."""
    visit.query(Nothing)
    head = await batch_head(visit)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_changes(visit, head), headers=headers, media_type="text/event-stream")


async def _changes(visit: Visit, head: BatchHead) -> AsyncIterator[bytes]:
    meter, last, spoke = Meter(), "", time.monotonic()
    while True:
        try:
            if not await visit.still_admitted():
                break
            head = await batch_head(visit)
            files = await visit.db.run(batch_files, head.batch.id)
            html = await visit.html("batch-watched.html", **await _live(visit, head, files, meter))
        except StoreUnavailableError:
            html = last  # the run waits for its database too
        if html != last:
            last, spoke = html, time.monotonic()
            yield event(html)
        elif time.monotonic() - spoke > SILENCE:
            spoke = time.monotonic()
            yield b": still here\n\n"
        if head.active is None or await visit.closing_within(LOOK):
            break
    yield b"event: end\ndata: {}\n\n"


def event(html: str, name: str = "") -> bytes:
    """HTML as an unnamed event, which the page takes in. `name`: its id, from which a browser goes on."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return (f"id: {name}\n" if name else "").encode() + lines.encode("utf-8", "replace") + b"\n"


async def download_file(visit: Visit) -> Response:
    """A file of the batch, or its control file, as it was uploaded."""
    visit.query(Nothing)
    head = await batch_head(visit)
    digest = visit.path("digest").lower()
    files = await visit.db.run(batch_files, head.batch.id)
    found = next((file for file in files if file.digest == digest), None)
    try:
        if digest == head.batch.control_digest:
            size = await run_sync(visit.services.blobs.size, head.batch.control_digest)
            if size is None:
                raise BlobMissingError(digest)
            return await attachment(visit, head.batch.control_digest, size, f"control-{digest[:12]}.json")
        if found is not None:
            return await attachment(
                visit, found.digest, found.size, download_name(found.name, found.filename)
            )
    except BlobMissingError:
        raise refusal(410, "removed", "The file was removed: it is kept no longer.") from None
    raise refusal(404, "file-unknown", "The batch has no such file.")


PAGES = (
    Page("GET", "/admin/batches/{batch_id}", show_batch, section="batches"),
    Page("GET", "/admin/batches/{batch_id}/live", watch_batch, section="batches", fragment=True),
    Page("GET", "/admin/batches/{batch_id}/files/{digest}", download_file, section="batches"),
)
