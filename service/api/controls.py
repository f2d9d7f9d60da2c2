"""Control files as the routes need them: parsed from the blob store, and asked about."""

from __future__ import annotations

from functools import lru_cache

from anyio.to_thread import run_sync

from service.control.model import Control
from service.control.offered import not_offered
from service.control.parse import ParsedControl, parse_control
from service.errors import ApiError, Problem, bad_parameter, refusal, shown
from service.store.blobs import BlobMissingError, BlobStore, Digest
from service.uploads import FilePart


async def control_bytes(part: FilePart) -> bytes:
    """The bytes of an uploaded control file. Raises `ApiError` 400 for what a slip of curl sends instead."""
    data = await run_sync(part.incoming.read_back)
    if b"{" not in data and 0 < len(data) < 1024:
        beginning = shown(data.decode("utf-8", "replace"))
        raise bad_parameter(
            "file",
            f"file is no control file but {beginning}. With curl, a file needs an @: -F file=@NAME",
        )
    return data


async def load_control(blobs: BlobStore, digest: Digest) -> Control:
    """The control file of this digest. Raises `ApiError`: 400 when these bytes are none, 404 without them."""
    try:
        parsed = await run_sync(lambda: _load(blobs, digest))
    except BlobMissingError:
        raise refusal(404, "control-unknown", f"Control file not found: {digest}", "control") from None
    return valid(parsed, "control")


def valid(parsed: ParsedControl, parameter: str) -> Control:
    """The control, or `ApiError` 400 with every problem."""
    problems = [Problem(str(one), f"control-{one.code}", parameter, one.pointer) for one in parsed.problems]
    if parsed.control is not None and not problems:
        problems = [Problem(line, "control-not-offered", parameter) for line in not_offered(parsed.control)]
    if parsed.control is None or problems:
        raise ApiError(
            400, problems or [Problem("The control file cannot be used.", "control-invalid", parameter)]
        )
    return parsed.control


@lru_cache(maxsize=32)
def _load(blobs: BlobStore, digest: Digest) -> ParsedControl:
    """By its digest a control file never changes."""
    return parse_control(b"".join(blobs.open_range(digest)))
