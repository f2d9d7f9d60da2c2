"""The third step puts files into a batch; `GET` and `HEAD` by digest give bytes back to who may read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from anyio import from_thread
from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation, form_with_files
from service.api.controls import load_control
from service.api.forms import Captured
from service.api.naming import (
    batch_not_found,
    batch_removed,
    file_name,
    not_captured,
    refuse_removed,
    the_batch,
)
from service.control.chosen import is_list
from service.control.expected import match_file
from service.control.model import Control
from service.errors import ApiError, Problem, bad_parameter, refusal, shown
from service.store.batches import (
    BatchAppliedError,
    BatchFacts,
    BatchMissingError,
    FileConflictError,
    NewFile,
    add_files,
    readable_size,
)
from service.store.blobs import BlobMissingError, Digest, is_digest
from service.store.held import hold_known, keep, require_standing, was_removed
from service.store.removed import BatchRemovedError
from service.store.runs import RunActiveError, ever_wrote, runs_of_batch
from service.store.states import ACTIVE, RunState
from service.uploads import FilePart, Form, TextPart


class FileForm(Struct, frozen=True):
    batch: Annotated[Captured, Meta(description="The identifier that the second step printed.")]
    name: Annotated[
        tuple[str, ...],
        Meta(description="The name by which the control file knows the file; one for each file or digest."),
    ] = ()
    digest: Annotated[
        tuple[Captured, ...],
        Meta(
            description="Instead of a file: the digest of bytes that the service holds and this key may read."
        ),
    ] = ()
    replace: Annotated[
        bool, Meta(description="true: other bytes under a name that the batch has already take its place.")
    ] = False


class FileStored(Struct, frozen=True):
    """`deduplicated`: the service held these bytes before."""

    name: str
    digest: str
    size: int
    filename: str
    deduplicated: bool


class FilesStored(Struct, frozen=True):
    batch: str
    files: tuple[FileStored, ...]


async def post_file(call: Call) -> Response:
    def refuse_early(form: Form) -> None:
        # Before the first byte of a file is taken in: it may be 5 GB, and the batch unknown.
        batches = form.texts("batch")
        if len(batches) == 1:
            from_thread.run(_open_batch, call, batches[0], form.texts("name"))

    async with form_with_files(call, call.services.form_limits, refuse_early) as form:
        fields = call.fields(FileForm, form, also=("file",))
        batch = await _open_batch(call, fields.batch, fields.name)
        control = await load_control(call.services.blobs, batch.control_digest)
        pairs = named_parts(form)
        _refuse_unexpected(control, [name for name, _ in pairs])
        files = [await take_part(call, name, part) for name, part in pairs]
        new = [NewFile(file.name, Digest(file.digest), file.size, file.filename) for file in files]
        try:
            await call.db.run(add_files, call.key, batch.id, new, replace=fields.replace)
        except BatchMissingError:
            raise batch_not_found(batch.id, "batch") from None
        except RunActiveError:
            raise _closed("batch-active", "scheduled") from None
        except BatchAppliedError:
            raise _closed("batch-applied", "complete") from None
        except BatchRemovedError as error:
            raise batch_removed(str(error)) from None
        except FileConflictError as error:
            raise refusal(
                409,
                "file-conflict",
                f"name: the batch has other bytes under {shown(str(error))}. Send replace=true to put these"
                " in their place, or make a new batch.",
                "name",
            ) from None
        await run_sync(require_standing, call.services.blobs, [file.digest for file in new])
    return call.answer("\n".join(file.digest for file in files), FilesStored(batch.id, tuple(files)))


async def _open_batch(call: Call, batch_id: str, names: Sequence[str]) -> BatchFacts:
    """The batch, if it takes files of these names now: lists of identifiers also when it was applied."""
    batch = await the_batch(call, batch_id, "batch")
    runs = await call.db.run(runs_of_batch, batch.id)
    if runs and runs[0].state in ACTIVE:
        raise _closed("batch-active", runs[0].state)
    lists = bool(names) and all(map(is_list, names))
    await refuse_removed(call, batch, may_be_reduced=lists)
    if not lists and await call.db.run(ever_wrote, batch.id):
        raise _closed("batch-applied", runs[0].state)
    return batch


def _closed(code: str, state: RunState) -> ApiError:
    why = "a run is active" if code == "batch-active" else "it has written to its target"
    message = f"batch: this batch takes no files: it is {state}, {why}. Make a new batch."
    return ApiError(409, [Problem(message, code, "batch")])


def named_parts(form: Form, other: FilePart | None = None) -> list[tuple[str, FilePart | TextPart]]:
    """Each `name` with the `file` or `digest` in the same place: the first with the first, and so on.

    `other` is a file of the form that has no name. Raises `ApiError` 400.
    """
    names = [file_name(raw) for raw in form.texts("name")]
    contents = [part for part in form.parts if part.name in ("file", "digest") and part is not other]
    if not contents or len(names) != len(contents):
        raise bad_parameter(
            "name" if len(names) < len(contents) else "file",
            f"There are {len(names)} name and {len(contents)} file or digest: each name needs one, and"
            " each of them a name (curl -F name=data0 -F file=@FILE).",
            "parameter-missing",
        )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise bad_parameter(
            "name", f"name {shown(min(twice))} is given twice in one request.", "parameter-repeated"
        )
    return list(zip(names, contents, strict=True))


def _refuse_unexpected(control: Control, names: list[str]) -> None:
    taken = ", ".join(spec.pattern for spec in control.files) or "no files"
    problems = [
        Problem(
            f"name {shown(name)} is not expected: the control file takes {taken}. Correct the name, or"
            " the control file.",
            "file-not-expected",
            "name",
        )
        for name in names
        if not is_list(name) and match_file(control, name) is None
    ]
    if problems:
        raise ApiError(400, problems)


async def take_part(call: Call, name: str, part: FilePart | TextPart) -> FileStored:
    """Keep the bytes of a pair, or find them by the digest. Raises `ApiError`."""
    if isinstance(part, FilePart):
        stored = await call.db.run(keep, part.incoming)
        return FileStored(name, stored.digest, stored.size, part.filename, deduplicated=not stored.new)
    text = part.value.lower()
    if not is_digest(text):
        raise not_captured("digest", "a digest", part.value)
    digest = Digest(text)
    size = await call.db.run(readable_size, call.key, digest)
    message = f"File not found: {digest}. Upload it: -F name={name} -F file=@FILE"
    if size is None:
        raise refusal(404, "file-unknown", message, "digest")
    found = await held(call, digest)
    if found == "removed":
        message = f"digest: these bytes were not used for long, and were removed. {message}"
        raise refusal(410, "removed", message, "digest")
    if found == "missing":
        raise refusal(404, "file-unknown", message, "digest")
    return FileStored(name, digest, size, "", deduplicated=True)


async def held(call: Call, digest: Digest) -> Literal["held", "removed", "missing"]:
    """Whether the bytes are there, and then stay until what uses them is committed."""
    if not await call.db.run(hold_known, digest):
        return "removed"
    there = await run_sync(call.services.blobs.size, digest)
    return "missing" if there is None else "held"


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
        method="POST",
        path=f"{PREFIX}/file",
        handler=post_file,
        summary="Put one or several files into a batch",
        scope="upload",
        form=FileForm,
        files=("file",),
        answers={
            200: Answer(
                "The files are kept.",
                "Their SHA-256 digests, one a line, no line end after the last.",
                FilesStored,
            )
        },
        errors=(400, 404, 409, 410, 413, 415),
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
