"""The third step puts files into a batch, several in a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from anyio import from_thread
from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation, form_with_files
from service.api.controls import load_control
from service.api.forms import Captured
from service.api.naming import batch_not_found, batch_removed, refuse_removed, the_batch
from service.api.pairs import FileStored, Pair, keep_pairs, known_bytes, read_pairs
from service.control.chosen import is_list
from service.control.expected import match_file
from service.control.model import Control
from service.errors import ApiError, Problem, bad_parameter, refusal, shown, together
from service.store.batches import (
    BatchAppliedError,
    BatchFacts,
    BatchMissingError,
    FileConflictError,
    NewFile,
    add_files,
    conflicting,
)
from service.store.blobs import Digest
from service.store.held import require_standing
from service.store.removed import BatchRemovedError
from service.store.runs import RunActiveError, ever_wrote, runs_of_batch
from service.store.states import ACTIVE, RunState
from service.uploads import FilePart, Form


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
        pairs, errors = read_pairs(form)
        files = await put_files(call, batch, pairs, errors, replace=fields.replace)
    return call.answer("\n".join(file.digest for file in files), FilesStored(batch.id, tuple(files)))


async def put_files(
    call: Call,
    batch: BatchFacts,
    pairs: Sequence[Pair],
    errors: Sequence[ApiError] = (),
    *,
    replace: bool = False,
) -> list[FileStored]:
    """Put files into a batch, durably, all or none. `errors`: what was wrong with them before.

    Raises `ApiError` with all that is wrong at once, and before any byte is kept.
    """
    control = await load_control(call.services.blobs, batch.control_digest)
    sizes, unusable = await known_bytes(call, pairs)
    problems = [*errors, *_unexpected(control, pairs), *unusable]
    if not replace:
        problems += await _conflicts(call, batch.id, pairs)
    if problems:
        raise together(problems)
    files = await keep_pairs(call, pairs, sizes)
    new = [NewFile(file.name, Digest(file.digest), file.size, file.filename) for file in files]
    try:
        await call.db.run(add_files, call.key, batch.id, new, replace=replace)
    except BatchMissingError:
        raise batch_not_found(batch.id, "batch") from None
    except RunActiveError:
        raise _closed("batch-active", "scheduled") from None
    except BatchAppliedError:
        raise _closed("batch-applied", "complete") from None
    except BatchRemovedError as error:
        raise batch_removed(str(error)) from None
    except FileConflictError as error:
        raise together([_conflict(name) for name in error.names]) from None
    await run_sync(require_standing, call.services.blobs, [file.digest for file in new])
    return files


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


def _unexpected(control: Control, pairs: Sequence[Pair]) -> list[ApiError]:
    taken = ", ".join(spec.pattern for spec in control.files) or "no files"
    return [
        bad_parameter(
            "name",
            f"name {shown(name)} is not expected: the control file takes {taken}. Correct the name, or"
            " the control file.",
            "file-not-expected",
        )
        for name, _ in pairs
        if not is_list(name) and match_file(control, name) is None
    ]


async def _conflicts(call: Call, batch_id: str, pairs: Sequence[Pair]) -> list[ApiError]:
    digests = {
        name: part.digest if isinstance(part, FilePart) else Digest(part.value.lower())
        for name, part in pairs
    }
    names = await call.db.run(conflicting, batch_id, digests)
    return [_conflict(name) for name in names]


def _conflict(name: str) -> ApiError:
    return refusal(
        409,
        "file-conflict",
        f"name: the batch has other bytes under {shown(name)}. Send replace=true to put these"
        " in their place, or make a new batch.",
        "name",
    )


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
)
