"""`GET` and `HEAD` by digest give bytes back to who may read them."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation
from service.errors import refusal, shown
from service.store.batches import readable_size
from service.store.blobs import BlobMissingError, Digest, is_digest
from service.store.held import was_removed


async def get_bytes(call: Call) -> Response:
    """The bytes of a digest, for downloading only: no browser may take them for a page of ours."""
    raw = call.path("digest").lower()
    kind = "Control file" if "/control/" in call.operation.path else "File"
    missing = refusal(404, "file-unknown", f"{kind} not found: {shown(raw)[1:-1]}")
    if not is_digest(raw):
        raise missing
    digest = Digest(raw)
    size = await call.db.run(readable_size, call.key, digest)
    if size is None:
        raise missing
    if await call.db.run(was_removed, digest):
        message = f"{kind} {digest} was removed: no batch that needs it is kept any longer."
        raise refusal(410, "removed", message)
    try:
        return await attachment(call, digest, size, digest)
    except BlobMissingError:
        raise missing from None


async def attachment(call: Call, digest: Digest, size: int, name: str) -> Response:
    """Bytes of the store as a download; `name` needs no quoting. Raises `BlobMissingError`."""
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
        "ETag": f'"{digest}"',
    }
    if call.request.method == "HEAD":
        return Response(None, 200, headers, media_type="application/octet-stream")
    chunks = await run_sync(call.services.blobs.open_range, digest)
    return StreamingResponse(chunks, 200, headers, media_type="application/octet-stream")


BYTES = Answer("The bytes, as an attachment.", media_types=("application/octet-stream",))

OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/file/{{digest}}",
        handler=get_bytes,
        summary="Read the bytes of a file",
        scope="read",
        answers={200: BYTES},
        errors=(404, 410),
    ),
    Operation(
        method="GET",
        path=f"{PREFIX}/control/{{digest}}",
        handler=get_bytes,
        summary="Read the bytes of a control file",
        scope="read",
        answers={200: BYTES},
        errors=(404, 410),
    ),
)
