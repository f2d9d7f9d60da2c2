"""`GET` and `HEAD` by digest give bytes back to who may read them."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.naming import not_captured
from service.errors import ApiError, refusal, shown
from service.store.batches import readable_size
from service.store.blobs import BlobMissingError, Digest, is_digest
from service.store.held import was_removed


async def get_bytes(call: Call) -> Response:
    """The bytes of a digest, for downloading only: no browser may take them for a page of ours."""
    try:
        return await _found(call)
    except BlobMissingError:
        raise _missing(call) from None


async def head_bytes(call: Call) -> Response:
    """How much of a file is there. Of a part nobody hears but the key that sends it."""
    try:
        response = await _found(call)
    except (BlobMissingError, ApiError) as error:
        part = None
        if is_digest(call.path("digest").lower()):
            digest = digest_in_path(call)
            part = await run_sync(call.services.blobs.parts.progress, digest, call.key.id)
        if part is not None:
            return Response(None, 202, {OFFSET: str(part.held), LENGTH: str(part.total)})
        if isinstance(error, ApiError):
            raise
        raise _missing(call) from None
    response.headers[OFFSET] = response.headers[LENGTH] = response.headers["Content-Length"]
    return response


async def _found(call: Call) -> Response:
    """Raises `BlobMissingError`; `ApiError` 410."""
    raw = call.path("digest").lower()
    if not is_digest(raw):
        raise BlobMissingError(raw)
    digest = Digest(raw)
    size = await call.db.run(readable_size, call.key, digest)
    if size is None:
        raise BlobMissingError(raw)
    if await call.db.run(was_removed, digest):
        message = f"{_kind(call)} {digest} was removed: no batch that needs it is kept any longer."
        raise refusal(410, "removed", message)
    return await attachment(call, digest, size, digest)


def digest_in_path(call: Call) -> Digest:
    """Raises `ApiError` 400."""
    raw = call.path("digest").lower()
    if not is_digest(raw):
        raise not_captured("digest", "a digest (SHA-256 in 64 hexadecimal digits)", raw)
    return Digest(raw)


def _kind(call: Call) -> str:
    return "Control file" if "/control/" in call.operation.path else "File"


def _missing(call: Call) -> ApiError:
    raw = call.path("digest").lower()
    return refusal(404, "file-unknown", f"{_kind(call)} not found: {shown(raw)[1:-1]}")


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
        if await run_sync(call.services.blobs.size, digest) is None:
            raise BlobMissingError(digest)
        return Response(None, 200, headers, media_type="application/octet-stream")
    chunks = await run_sync(call.services.blobs.open_range, digest)
    return StreamingResponse(chunks, 200, headers, media_type="application/octet-stream")


OFFSET = "Upload-Offset"
LENGTH = "Upload-Length"
UPLOAD_HEADERS = {OFFSET: "How many bytes are there.", LENGTH: "How many bytes the file has."}

BYTES = Answer("The bytes, as an attachment.", media_types=("application/octet-stream",))

OPERATIONS = (
    Operation(
        method="HEAD",
        path=f"{PREFIX}/file/{{digest}}",
        handler=head_bytes,
        summary="Ask how much of a file is there",
        scope="read",
        or_scope="upload",
        answers={
            200: Answer("All of it.", headers=UPLOAD_HEADERS),
            202: Answer("A part, which this key sends: PUT goes on with it.", headers=UPLOAD_HEADERS),
        },
        errors=(404, 410),
    ),
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
