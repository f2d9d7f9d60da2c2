"""`PUT` by digest: an upload that may break off anywhere and go on from there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import NoReturn

import anyio
from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.download import LENGTH, OFFSET, UPLOAD_HEADERS, digest_in_path
from service.api.pairs import held
from service.api.ranges import Sent, sent_range
from service.errors import ApiError, Code, Problem, refusal
from service.store.batches import readable_size, save_uploads
from service.store.blobs import Digest
from service.store.held import hold, keep, require_standing
from service.store.parts import Part, PartBusyError, PartTotalError
from service.uploads import FLUSH

STALL = 60.0
"""Seconds without a byte after which a request is ended: its client may have gone without a word, and holds
the part that it would go on with over another connection."""


class Uploaded(Struct, frozen=True):
    """`held`: bytes that are there, of `size`. `deduplicated`: the service held them before."""

    digest: str
    held: int
    size: int
    complete: bool
    deduplicated: bool = False


async def put_bytes(call: Call) -> Response:
    digest = digest_in_path(call)
    headers = call.request.headers
    sent = sent_range(headers.get("content-range"), headers.get("content-length"))
    if sent is not None:
        _refuse_large(call, sent.total)
    size = await call.db.run(readable_size, call.key, digest)
    if size is not None and await held(call, digest) == "held":
        # That it brought them too is written down: they stay for it as if they had come anew.
        await _brought(call, digest, size)
        return _complete(call, digest, size, deduplicated=True)
    if sent is None or sent.total == 0:
        return await _take_whole(call, digest)
    part = await _part(call, digest, sent)
    try:
        return await _go_on(call, digest, sent, part)
    finally:
        # Also when the request is cancelled, what came is kept.
        with anyio.CancelScope(shield=True):
            await run_sync(part.close)


async def _part(call: Call, digest: Digest, sent: Sent) -> Part:
    """The part to go on with. Raises `ApiError` 409."""
    parts, owner = call.services.blobs.parts, call.key.id
    found = await run_sync(parts.progress, digest, owner)
    if sent.first > (found.held if found is not None else 0):
        _refuse_gap(sent, found.held if found is not None else 0)
    try:
        return await run_sync(lambda: parts.open(digest, owner, sent.total, anew=sent.whole))
    except PartBusyError:
        raise _conflict(
            "upload-active",
            "Another request sends this file at the moment. Wait until it has ended, then go on from where"
            " HEAD says.",
            {"Retry-After": "2"},
        ) from None
    except PartTotalError as error:
        raise _conflict(
            "upload-differs",
            f"The file was begun with a length of {error.progress.total:,} bytes, now it is {sent.total:,}."
            " Send the same, or the whole file without a Content-Range to begin anew.",
            {LENGTH: str(error.progress.total)},
        ) from None


async def _go_on(call: Call, digest: Digest, sent: Sent, part: Part) -> Response:
    if part.proven:
        return await _end(call, digest, part)
    if sent.first > part.held:
        _refuse_gap(sent, part.held)
    await _receive(call, sent, part)
    if part.held < part.total:
        await run_sync(part.close)
        return _incomplete(call, digest, part)
    found = await run_sync(part.finish)
    if found != digest:
        await run_sync(part.discard)
        raise refusal(
            400,
            "digest-differs",
            f"The bytes that came have the digest {found}, not {digest}. They were discarded. Check the file,"
            " then send it from the beginning.",
        )
    return await _end(call, digest, part)


async def _end(call: Call, digest: Digest, part: Part) -> Response:
    """Keep proven bytes: held, then put among the others, then written down as this key's."""
    await call.db.run(hold, {digest: part.total})
    new = await run_sync(part.keep)
    await _brought(call, digest, part.total)
    await run_sync(part.discard)
    return _complete(call, digest, part.total, deduplicated=not new)


async def _take_whole(call: Call, digest: Digest) -> Response:
    """A body that does not say how long it is comes in whole, or leaves nothing behind."""
    incoming = await run_sync(call.services.blobs.begin)
    try:
        async for piece in _pieces(call):
            _refuse_large(call, incoming.size + len(piece))
            await run_sync(incoming.write, piece)
        found = await run_sync(incoming.finish)
        if found != digest:
            raise refusal(
                400,
                "digest-differs",
                f"The bytes that came have the digest {found}, not {digest}. Nothing was kept. Check the"
                " file, then send it again.",
            )
        stored = await call.db.run(keep, incoming)
        await _brought(call, digest, stored.size)
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(incoming.discard)
    return _complete(call, digest, stored.size, deduplicated=not stored.new)


async def _receive(call: Call, sent: Sent, part: Part) -> None:
    """Write what comes and is not there; ends early when nothing comes any more, or the service closes."""
    at = sent.first
    async for piece in _pieces(call, keeps=True):
        new = memoryview(piece)[max(part.held - at, 0) :]
        at += len(piece)
        surplus = max(at - sent.stop, 0)
        if new.nbytes > surplus:
            await run_sync(part.write, new[: new.nbytes - surplus])
        if surplus:
            raise refusal(
                400,
                "body-malformed",
                f"The body has more than the {sent.stop - sent.first:,} bytes that Content-Range tells of."
                " Those are kept; go on from where HEAD says.",
            )


async def _pieces(call: Call, *, keeps: bool = False) -> AsyncIterator[bytes]:
    """The body in pieces of about 1 MiB. `keeps`: a body that breaks off is one that ends there."""
    stream = call.request.stream()
    waiting: list[bytes] = []
    size = 0
    while True:
        chunk = await _next(stream, keeps=keeps)
        if chunk:
            waiting.append(chunk)
            size += len(chunk)
        ends = not chunk or (keeps and call.services.closing.begun)
        if size and (ends or size >= FLUSH):
            yield b"".join(waiting)
            waiting.clear()
            size = 0
        if ends:
            return


async def _next(stream: AsyncGenerator[bytes], *, keeps: bool) -> bytes:
    """What comes next of the body; nothing at its end, and to one who `keeps` it where it breaks off."""
    try:
        with anyio.move_on_after(STALL):
            return await anext(stream, b"")
    except ClientDisconnect:
        if not keeps:
            raise
        return b""
    if keeps:
        return b""
    raise refusal(
        400, "body-malformed", f"Nothing came for {STALL:g} seconds. Nothing was kept. Send the file again."
    )


async def _brought(call: Call, digest: Digest, size: int) -> None:
    await call.db.run(save_uploads, call.key, {digest: size})
    await run_sync(require_standing, call.services.blobs, [digest])


# --- answers --------------------------------------------------------------------------------------


def _complete(call: Call, digest: Digest, size: int, *, deduplicated: bool) -> Response:
    told = Uploaded(digest, size, size, complete=True, deduplicated=deduplicated)
    return call.answer(digest, told, headers={OFFSET: str(size), LENGTH: str(size)})


def _incomplete(call: Call, digest: Digest, part: Part) -> Response:
    told = Uploaded(digest, part.held, part.total, complete=False)
    headers = {OFFSET: str(part.held), LENGTH: str(part.total)}
    return call.answer(str(part.held), told, 202, headers)


def _refuse_large(call: Call, size: int) -> None:
    most = call.services.settings.max_upload_bytes
    if size > most:
        raise refusal(
            413,
            "too-large",
            f"The file is larger than {most:,} bytes (ACCESSION_MAX_UPLOAD_BYTES). Split it, or have the"
            " setting raised.",
        )


def _refuse_gap(sent: Sent, held: int) -> NoReturn:
    raise _conflict(
        "upload-gap",
        f"The body begins at byte {sent.first:,}, and {held:,} are there. Go on from {held}:"
        f" Content-Range: bytes {held}-{sent.total - 1}/{sent.total}",
        {OFFSET: str(held)},
    )


def _conflict(code: Code, message: str, headers: Mapping[str, str]) -> ApiError:
    return ApiError(409, [Problem(message, code)], headers)


OPERATIONS = (
    Operation(
        method="PUT",
        path=f"{PREFIX}/file/{{digest}}",
        handler=put_bytes,
        summary="Upload a file by its digest, whole or a piece at a time",
        scope="upload",
        body="The file's bytes, or those that Content-Range tells of.",
        headers={"Content-Range": "bytes FIRST-LAST/TOTAL, counted from 0; left out: the whole file."},
        answers={
            200: Answer("The file is kept.", "Its digest.", Uploaded, headers=UPLOAD_HEADERS),
            202: Answer("More bytes are to come.", "How many are there.", Uploaded, headers=UPLOAD_HEADERS),
        },
        errors=(400, 409, 413),
    ),
)
