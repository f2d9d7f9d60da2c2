"""The second step makes a batch; the rest reads and deletes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.control import Comment
from service.api.controls import load_control
from service.api.forms import Captured
from service.api.lines import facts, moment, one_line
from service.api.naming import batch_not_found, not_captured, require_sources, target_for, the_batch
from service.api.pairs import held
from service.control.model import Control
from service.errors import ApiError, bad_parameter, refusal
from service.store.batches import (
    BatchAppliedError,
    BatchFacts,
    BatchMissingError,
    BatchReferredError,
    BytesRemovedError,
    FileFacts,
    NewBatch,
    batch_files,
    control_named,
    corrected_by,
    create_batch,
    delete_batch,
    readable_size,
)
from service.store.blobs import Digest, is_digest
from service.store.outcomes import counts_of, real_runs, state_of
from service.store.runs import RunActiveError, RunFacts, runs_of_batch
from service.store.states import ACTIVE, BatchState


class BatchForm(Struct, frozen=True):
    control: Annotated[
        Captured,
        Meta(description="The digest that the first step printed, or the comment of a saved control file."),
    ]
    comment: Comment = "Unnamed batch"
    target: Annotated[
        str | None, Meta(description="A configured target; else the control file's, else the default.")
    ] = None
    corrects: Annotated[
        Captured | None, Meta(description="Identifier of the batch whose failed rows this one brings again.")
    ] = None


class ExpectedFile(Struct, frozen=True):
    """A file that the control file takes: a name, a glob or DEFAULT, and how it is read."""

    name: str
    reader: str
    required: bool


class BatchCreated(Struct, frozen=True):
    batch: str
    url: str
    target: str
    control: str
    comment: str
    files: tuple[ExpectedFile, ...]


async def post_batch(call: Call) -> Response:
    batch, control = await make_batch(call, await call.form(BatchForm))
    url = call.url(f"{PREFIX}/batch/{batch.id}")
    created = BatchCreated(
        batch.id, url, batch.target, batch.control_digest, batch.comment, expected(control)
    )
    return call.answer(batch.id, created)


async def make_batch(call: Call, form: BatchForm, batch_id: str | None = None) -> tuple[BatchFacts, Control]:
    """A new batch and its control file; with the `batch_id` of one that there is already, that one.

    Raises `ApiError`.
    """
    digest = await control_digest(call, form.control)
    control = await load_control(call.services.blobs, digest)
    target = target_for(call, form.target, control.target)
    require_sources(call, control, target)
    corrects = None
    if form.corrects is not None:
        corrected = await the_batch(call, form.corrects, "corrects")
        if corrected.target != target:
            message = f"corrects: that batch is for the target {corrected.target}, this one for {target}."
            raise bad_parameter("corrects", message)
        corrects = corrected.id
    new = NewBatch(digest, form.comment, target, corrects, batch_id)
    try:
        return await call.db.run(create_batch, call.key, new), control
    except BytesRemovedError:
        raise _control_removed(digest) from None
    except BatchMissingError as error:
        raise batch_not_found(str(error)) from None


async def control_digest(call: Call, control: str) -> Digest:
    """The digest that is meant by a digest or a comment. Raises `ApiError` 400, 404."""
    if is_digest(control.lower()):
        digest = Digest(control.lower())
        if await call.db.run(readable_size, call.key, digest) is None:
            raise refusal(404, "control-unknown", f"Control file not found: {digest}", "control")
        return await _held(call, digest)
    named = await call.db.run(control_named, call.key, control) if len(control) <= 255 else None
    if named is None:
        raise not_captured("control", "a digest, nor the comment of a saved control file", control)
    return await _held(call, named)


async def _held(call: Call, digest: Digest) -> Digest:
    found = await held(call, digest)
    if found == "removed":
        raise _control_removed(digest)
    if found == "missing":
        raise refusal(404, "control-unknown", f"Control file not found: {digest}", "control")
    return digest


def _control_removed(digest: Digest) -> ApiError:
    message = f"control: the control file {digest} was not used for long, and was removed. Upload it again."
    return refusal(410, "removed", message, "control")


def expected(control: Control) -> tuple[ExpectedFile, ...]:
    return tuple(ExpectedFile(spec.pattern, spec.reader_name, spec.required) for spec in control.files)


# --- one batch ----------------------------------------------------------------------------------


class BatchQuery(Struct, frozen=True):
    wait: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(description="Seconds, up to 3600, to wait until no run is active."),
    ] = 0


class RunShown(Struct, frozen=True, omit_defaults=True):
    """A run. Times are ISO 8601 in UTC. `counts` are those of its records so far."""

    run: str
    mode: str
    state: str
    by: str
    scheduled: str
    counts: Mapping[str, int]
    requests: int
    bytes_sent: int
    phase: str
    started: str = ""
    planned: str = ""
    ended: str = ""
    worker: str = ""
    records: int | None = None
    code: str = ""
    reason: str = ""
    waiting_for: str = ""
    waiting_until: str = ""
    cancel_requested: bool = False
    pause_requested: bool = False


class FileShown(Struct, frozen=True):
    name: str
    digest: str
    filename: str
    size: int
    by: str
    uploaded: str


class BatchStatus(Struct, frozen=True):
    """A batch, its files and its runs, newest first. `counts`: how many resources have each outcome, over all
    runs the newest word about each. `corrected_by`: batches that bring failed rows of this one again."""

    batch: str
    state: BatchState
    comment: str
    target: str
    control: str
    by: str
    created: str
    url: str
    corrects: str | None
    corrected_by: tuple[str, ...]
    counts: Mapping[str, int]
    files: tuple[FileShown, ...]
    runs: tuple[RunShown, ...]


async def get_batch(call: Call) -> Response:
    query = call.query(BatchQuery)
    batch = await the_batch(call, call.path("batch_id"))
    runs: list[RunFacts] = []

    async def none_is_active() -> bool:
        nonlocal runs
        runs = await call.db.run(runs_of_batch, batch.id)
        return not runs or runs[0].state not in ACTIVE

    await call.until(query.wait, none_is_active)
    files = await call.db.run(batch_files, batch.id)
    state = await call.db.run(state_of, runs)
    status = BatchStatus(
        batch=batch.id,
        state=state,
        comment=batch.comment,
        target=batch.target,
        control=batch.control_digest,
        by=batch.key_label,
        created=moment(batch.created_at),
        url=call.url(f"{PREFIX}/batch/{batch.id}"),
        corrects=batch.corrects,
        corrected_by=tuple(await call.db.run(corrected_by, batch.id)),
        counts=await call.db.run(counts_of, runs),
        files=tuple(_file_shown(file) for file in files),
        runs=tuple(run_shown(run) for run in runs),
    )
    return call.answer(_status_text(status, several=len(real_runs(runs)) > 1), status)


def run_shown(run: RunFacts) -> RunShown:
    return RunShown(
        run=run.id,
        mode=run.mode,
        state=run.state,
        by=run.key_label,
        scheduled=moment(run.scheduled_at),
        counts=run.counts,
        requests=run.requests,
        bytes_sent=run.bytes_sent,
        phase=run.phase,
        started=moment(run.started_at),
        planned=moment(run.planned_at),
        ended=moment(run.ended_at),
        worker=run.owner or "",
        records=run.records_total,
        code=run.code or "",
        reason=run.reason or "",
        waiting_for=run.waiting_for or "",
        waiting_until=moment(run.waiting_until),
        cancel_requested=run.cancel_requested,
        pause_requested=run.pause_requested,
    )


def _file_shown(file: FileFacts) -> FileShown:
    return FileShown(file.name, file.digest, file.filename, file.size, file.key_label, moment(file.at))


def _status_text(status: BatchStatus, *, several: bool) -> str:
    """The state alone on the first line, for `head -1`; then what one wants to know first, first.

    `several`: the counts of the last run are not those of the batch, which come too.
    """
    lines = [f"{status.state}\n"]
    lines.append(
        facts(
            ("batch", status.batch),
            ("comment", status.comment),
            ("target", status.target),
            ("control", status.control),
            ("made", status.created),
            ("by", status.by),
            ("corrects", status.corrects),
            ("corrected-by", " ".join(status.corrected_by)),
            *((f"batch-{name}", n) for name, n in sorted(status.counts.items()) if several),
        )
    )
    lines.extend(f"file: {one_line(file.name)} {file.digest} {file.size}\n" for file in status.files)
    if status.runs:
        run = status.runs[0]
        lines.append(
            facts(
                ("run", run.run),
                ("mode", run.mode),
                ("run-by", run.by),
                ("scheduled", run.scheduled),
                ("started", run.started),
                ("planned", run.planned),
                ("ended", run.ended),
                ("worker", run.worker),
                ("code", run.code),
                ("reason", run.reason),
                ("waiting-for", run.waiting_for),
                ("waiting-until", run.waiting_until),
                ("records", run.records),
                *sorted(run.counts.items()),
                ("requests", run.requests),
                ("bytes-sent", run.bytes_sent),
            )
        )
    return "".join(lines)


# --- the end of one -----------------------------------------------------------------------------


class BatchDeleted(Struct, frozen=True):
    batch: str
    deleted: Literal[True] = True


async def remove_batch(call: Call) -> Response:
    batch = await the_batch(call, call.path("batch_id"))
    try:
        await call.db.run(delete_batch, batch.id)
    except BatchMissingError:
        raise batch_not_found(batch.id) from None
    except RunActiveError:
        message = "The batch has an active run. Cancel it first (POST batch/ID/cancel), then delete."
        raise refusal(409, "batch-active", message) from None
    except BatchAppliedError:
        message = (
            "The batch has written to its target: its journal says what, and is kept. It cannot be deleted."
        )
        raise refusal(409, "batch-applied", message) from None
    except BatchReferredError as error:
        message = f"The batch {error} corrects this one. Delete that first."
        raise refusal(409, "batch-corrected", message) from None
    return call.answer("DELETED\n", BatchDeleted(batch.id))


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{PREFIX}/batch",
        handler=post_batch,
        summary="Make a batch",
        scope="upload",
        form=BatchForm,
        answers={
            200: Answer("The batch takes files.", "The batch's identifier, without a line end.", BatchCreated)
        },
        errors=(400, 403, 404, 410, 413, 415),
    ),
    Operation(
        method="GET",
        path=f"{PREFIX}/batch/{{batch_id}}",
        handler=get_batch,
        summary="Read a batch: its state, files and runs; or wait until no run is active",
        scope="read",
        query=BatchQuery,
        answers={
            200: Answer(
                "The batch.", "The state alone on the first line, then `key: value` lines.", BatchStatus
            )
        },
        errors=(400, 404),
    ),
    Operation(
        method="DELETE",
        path=f"{PREFIX}/batch/{{batch_id}}",
        handler=remove_batch,
        summary="Delete a batch that never wrote",
        scope="schedule",
        answers={
            200: Answer("The batch, its runs and logs are gone; its bytes are kept.", "DELETED", BatchDeleted)
        },
        errors=(404, 409),
    ),
)
