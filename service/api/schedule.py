"""The fourth step asks for a run; another call asks for its end."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.controls import load_control
from service.api.forms import Captured
from service.api.naming import the_batch
from service.control.budgets import read_budget
from service.control.expected import missing_required
from service.control.summary import summary
from service.errors import ApiError, Code, Problem, bad_parameter, refusal, shown
from service.store.batches import (
    BatchFacts,
    FileFacts,
    InputsChangedError,
    batch_files,
    inputs_digest,
    require_inputs,
)
from service.store.runs import (
    RunActiveError,
    RunFacts,
    RunOptions,
    ever_wrote,
    request_cancel,
    run_facts,
    runs_of_batch,
    schedule_run,
)
from service.store.states import ACTIVE, RunMode
from service.uploads import Form, read_form

SchedulableMode = Literal["import", "dry-run"]
MODES_TO_COME = ("retry", "undo")
OPTIONS_TO_COME = ("plan", "only", "limit", "force", "maxRemovals", "dry-run")
"""Parameters that no worker honours yet. They are refused: an option that is overlooked imports too much."""

_ONLY = re.compile(r"row:[1-9]\d{0,14}(-[1-9]\d{0,14})?|(identifier|file|action|outcome):.+")


class ScheduleForm(
    Struct,
    frozen=True,
    rename={"max_errors": "maxErrors", "max_removals": "maxRemovals", "dry_run": "dry-run"},
):
    batch: Annotated[Captured, Meta(description="The identifier that the second step printed.")]
    mode: Annotated[
        SchedulableMode, Meta(description="import (also when left out), or dry-run: a plan and no write.")
    ] = "import"
    max_errors: Annotated[
        str | None,
        Meta(description="How many records may be rejected, this once: 20 or 10%. Else as the control says."),
    ] = None
    plan: Annotated[
        str | None, Meta(description="A dry run's id: import exactly that. Not yet possible.")
    ] = None
    only: Annotated[
        tuple[str, ...],
        Meta(description="row:12-40, identifier:X, action:A, outcome:O or file:NAME. Not yet possible."),
    ] = ()
    limit: Annotated[int | None, Meta(description="Only the first N records. Not yet possible.")] = None
    force: Annotated[bool, Meta(description="true: undo over later edits. Not yet possible.")] = False
    max_removals: Annotated[
        str | None, Meta(description="How many removals may be carried out: 20 or 10%. Not yet possible.")
    ] = None
    dry_run: Annotated[bool, Meta(description="With mode=undo: show it only. Not yet possible.")] = False


class Scheduled(Struct, frozen=True):
    run: str
    batch: str
    mode: str
    url: str
    log: str
    state: Literal["SCHEDULED"] = "SCHEDULED"


async def post_schedule(call: Call) -> Response:
    async with read_form(call.request, call.services.form_limits) as parts:
        _refuse_what_is_to_come(parts)
        form = call.fields(ScheduleForm, parts)
    options = _options(form)
    batch = await the_batch(call, form.batch, "batch")
    files = await call.db.run(batch_files, batch.id)
    await _refuse_incomplete(call, batch, files)
    await _refuse_state(call, batch, form.mode)
    run = await _commit(call, batch, files, form.mode, options)
    await call.services.bell.ring_run(run.id)
    where = f"{PREFIX}/batch/{batch.id}"
    return call.answer(
        "SCHEDULED",
        Scheduled(run.id, batch.id, run.mode, call.url(where), call.url(f"{where}/log?run={run.id}")),
    )


def _options(form: ScheduleForm) -> RunOptions:
    """Raises `ApiError` 400 for an option that makes no sense."""
    if form.max_errors is not None and read_budget(form.max_errors) is None:
        message = (
            f"maxErrors must be a number such as 20 or a share such as 10%, not {shown(form.max_errors)}."
        )
        raise bad_parameter("maxErrors", message)
    return RunOptions(max_errors=form.max_errors)


def _refuse_what_is_to_come(form: Form) -> None:
    problems = [
        Problem(
            f"mode={mode} is not possible yet: this release knows {' and '.join(_MODES)}.",
            "parameter-not-yet",
            "mode",
        )
        for mode in form.texts("mode")
        if mode in MODES_TO_COME
    ]
    problems += [
        Problem(
            f"{name} is not possible yet, and is not overlooked: leave it out to run the whole batch.",
            "parameter-not-yet",
            name,
        )
        for name in OPTIONS_TO_COME
        if form.texts(name)
    ]
    if problems:
        raise ApiError(400, problems)


_MODES: tuple[SchedulableMode, ...] = ("import", "dry-run")


async def _refuse_incomplete(call: Call, batch: BatchFacts, files: list[FileFacts]) -> None:
    """Raises `ApiError` 400 that names each required file that is missing, or says that there are none."""
    control = await load_control(call.services.blobs, batch.control_digest)
    if not files and summary(control).needs_files:
        message = (
            "The batch has no files: the upload before this call probably failed (curl -s hides errors)."
        )
        raise refusal(400, "file-missing", message, "batch")
    problems = [
        Problem(
            f"The file {shown(name)} is missing: the control file requires it. Upload it:"
            f" -F batch={batch.id} -F name={name} -F file=@FILE",
            "file-missing",
            "batch",
        )
        for name in missing_required(control, [file.name for file in files])
    ]
    if problems:
        raise ApiError(400, problems)


async def _refuse_state(call: Call, batch: BatchFacts, mode: RunMode) -> None:
    """Raises `ApiError` 409 for a batch that is active, or whose import would make everything twice."""
    runs = await call.db.run(runs_of_batch, batch.id)
    if runs and runs[0].state in ACTIVE:
        raise _active(runs[0])
    if mode != "import" or (runs and runs[0].state == "undone"):
        return
    if await call.db.run(ever_wrote, batch.id):
        control = await load_control(call.services.blobs, batch.control_digest)
        unmatched = summary(control).unmatched
        if unmatched:
            raise _conflict(
                "batch-applied",
                f"batch: the batch is {runs[0].state} and has written to its target. Importing it again would"
                f" create everything twice: the control file has no match for {', '.join(unmatched)}. Add one"
                " and make a new batch, or look first: mode=dry-run.",
            )


async def _commit(
    call: Call, batch: BatchFacts, files: list[FileFacts], mode: RunMode, options: RunOptions
) -> RunFacts:
    digest = inputs_digest(batch.control_digest, files)
    try:
        return await call.db.run(
            schedule_run,
            batch_id=batch.id,
            mode=mode,
            options=options,
            key_id=call.key.id,
            inputs_digest=digest,
            check=lambda connection: require_inputs(connection, batch, digest),
        )
    except RunActiveError as error:
        active = await call.db.run(run_facts, error.run_id)
        assert active is not None
        raise _active(active) from None
    except InputsChangedError:
        message = (
            "batch: a file was put into the batch in this very moment. Schedule again when all are there."
        )
        raise _conflict("batch-changing", message) from None


def _active(run: RunFacts) -> ApiError:
    return _conflict(
        "batch-active",
        f"batch: the batch has an active run ({run.id}, {run.mode}, {run.state}). Wait for its end"
        " (GET batch/ID?wait=60) or cancel it (POST batch/ID/cancel).",
    )


def _conflict(code: Code, message: str) -> ApiError:
    return refusal(409, code, message, "batch")


# --- cancelling ---------------------------------------------------------------------------------


class Cancelled(Struct, frozen=True):
    """`state`: of the run now; it becomes `cancelled` within a second, or one request to the target."""

    run: str
    batch: str
    state: str


class CancelForm(Struct, frozen=True):
    pass


async def post_cancel(call: Call) -> Response:
    await call.form(CancelForm)
    batch = await the_batch(call, call.path("batch_id"))
    runs = await call.db.run(runs_of_batch, batch.id)
    if not runs or not await call.db.run(request_cancel, runs[0].id):
        state = runs[0].state if runs else "uploading"
        message = f"No run of the batch is active: it is {state}. There is nothing to cancel."
        raise refusal(409, "batch-idle", message)
    run = await call.db.run(run_facts, runs[0].id)
    assert run is not None
    # A worker that carries it out learns of it by its heartbeat; one that waits is woken.
    await call.services.bell.ring_run(run.id)
    return call.answer("CANCELLING\n", Cancelled(run.id, batch.id, run.state))


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{PREFIX}/schedule",
        handler=post_schedule,
        summary="Schedule a dry run or an import of a batch",
        scope="schedule",
        form=ScheduleForm,
        answers={200: Answer("The run is recorded durably.", "SCHEDULED, without a line end.", Scheduled)},
        errors=(400, 404, 409, 413, 415),
    ),
    Operation(
        method="POST",
        path=f"{PREFIX}/batch/{{batch_id}}/cancel",
        handler=post_cancel,
        summary="Cancel the active run of a batch",
        scope="schedule",
        form=CancelForm,
        answers={
            200: Answer("The run ends within a second or one request to the target.", "CANCELLING", Cancelled)
        },
        errors=(400, 404, 409, 413, 415),
    ),
)
