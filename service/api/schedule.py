"""The fourth step: it asks for a run."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.controls import load_control
from service.api.forms import Captured
from service.api.naming import batch_removed, refuse_removed, the_batch
from service.control.budgets import read_budget
from service.control.chosen import LISTS, Choice, ChoiceError, is_list, read_choice
from service.control.expected import missing_required
from service.control.scopes import scopes
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
from service.store.outcomes import anything_to_retry, state_of
from service.store.removed import BatchRemovedError, PlanRemovedError, run_words
from service.store.retention import REMOVED
from service.store.runs import (
    RunActiveError,
    RunFacts,
    RunOptions,
    ever_wrote,
    run_facts,
    runs_of_batch,
    schedule_run,
)
from service.store.scopes import Scope
from service.store.states import ACTIVE, BatchState, RunMode
from service.store.undo import anything_stands
from service.uploads import read_form

RETRIED: frozenset[BatchState] = frozenset({"complete-with-errors", "failed", "cancelled"})
"""States, as real runs left them, in which a retry makes sense."""
MOST_WORDS = 500
"""Words of `only` in one call; who means more uploads a list of identifiers."""


class ScheduleForm(
    Struct,
    frozen=True,
    rename={"max_errors": "maxErrors", "max_removals": "maxRemovals", "dry_run": "dry-run"},
):
    batch: Annotated[Captured, Meta(description="The identifier that the second step printed.")]
    mode: Annotated[
        RunMode,
        Meta(
            description="import (also when left out); dry-run: a plan and no write; retry: the records again"
            " that were rejected, failed or are uncertain; undo: take back what the batch did."
        ),
    ] = "import"
    max_errors: Annotated[
        str | None,
        Meta(description="How many records may be rejected, this once: 20 or 10%. Else as the control says."),
    ] = None
    plan: Annotated[
        str | None, Meta(description="A dry run's id: import exactly what it has shown, or nothing.")
    ] = None
    only: Annotated[
        tuple[str, ...],
        Meta(
            description="Only these records: row:12-40, identifier:X, action:A (what the plan would do),"
            " outcome:O (as the report has it), or file:only/NAME, an uploaded list of identifiers."
            " May repeat: several of a kind are alternatives, kinds narrow each other."
        ),
    ] = ()
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Only the first N of the records that are chosen otherwise."),
    ] = None
    force: Annotated[
        bool,
        Meta(
            description="true: undo over later edits; import although the target looks like another site than"
            " the one that was imported into."
        ),
    ] = False
    max_removals: Annotated[
        str | None,
        Meta(
            description="How many resources may be removed, this once: 20 or 10%. Else as the control says."
        ),
    ] = None
    dry_run: Annotated[bool, Meta(description="With mode=undo: show what it would do, and do nothing.")] = (
        False
    )


class Scheduled(Struct, frozen=True):
    run: str
    batch: str
    mode: str
    url: str
    log: str
    state: Literal["SCHEDULED"] = "SCHEDULED"


async def post_schedule(call: Call) -> Response:
    async with read_form(call.request, call.services.form_limits) as parts:
        form = call.fields(ScheduleForm, parts)
    run = await schedule(call, form)
    where = f"{PREFIX}/batch/{run.batch_id}"
    return call.answer(
        "SCHEDULED",
        Scheduled(run.id, run.batch_id, run.mode, call.url(where), call.url(f"{where}/log?run={run.id}")),
    )


async def schedule(call: Call, form: ScheduleForm) -> RunFacts:
    """Record a run durably, then ring. Raises `ApiError` where that is not possible."""
    options = _options(form)
    batch = await the_batch(call, form.batch, "batch")
    files = await call.db.run(batch_files, batch.id)
    await refuse(call, batch, files, form.mode, options)
    run = await _commit(call, batch, files, form.mode, options)
    await call.services.bell.ring_run(run.id)
    return run


async def refuse(
    call: Call, batch: BatchFacts, files: list[FileFacts], mode: RunMode, options: RunOptions
) -> None:
    """Raises `ApiError` where such a run of the batch is not possible now; changes nothing."""
    await refuse_removed(call, batch, may_be_reduced=mode == "undo")
    if mode != "undo":
        await _refuse_incomplete(call, batch, files)
    await _refuse_choice(call, batch, files, options)
    await _refuse_state(call, batch, mode)
    await _refuse_unseen(call, batch, files, mode, options)


def _options(form: ScheduleForm) -> RunOptions:
    """Raises `ApiError` 400 for an option that makes no sense."""
    for name, said in (("maxErrors", form.max_errors), ("maxRemovals", form.max_removals)):
        if said is not None and read_budget(said) is None:
            message = f"{name} must be a number such as 20 or a share such as 10%, not {shown(said)}."
            raise bad_parameter(name, message)
    if form.dry_run and form.mode != "undo":
        message = "dry-run=true goes with mode=undo. To see what an import would do: mode=dry-run."
        raise bad_parameter("dry-run", message)
    if form.plan is not None and form.mode != "import":
        message = "plan goes with mode=import: it is the id of the dry run that is to be imported exactly."
        raise bad_parameter("plan", message)
    if form.plan is not None and (form.only or form.limit is not None):
        message = "plan means exactly that plan: only and limit belong to the dry run that makes it."
        raise bad_parameter("plan", message)
    _choice(form.only)
    return RunOptions(
        only=form.only,
        limit=form.limit,
        plan=form.plan,
        force=form.force,
        max_removals=form.max_removals,
        max_errors=form.max_errors,
        dry_run=form.dry_run,
    )


def _choice(only: tuple[str, ...]) -> Choice:
    """Raises `ApiError` 400."""
    if len(only) > MOST_WORDS:
        message = (
            f"only is given {len(only)} times, {MOST_WORDS} are possible. Upload a list of identifiers:"
            f" -F name={LISTS}NAME -F file=@FILE, then only=file:{LISTS}NAME."
        )
        raise bad_parameter("only", message)
    try:
        return read_choice(only)
    except ChoiceError as error:
        raise bad_parameter("only", str(error)) from None


async def _refuse_choice(call: Call, batch: BatchFacts, files: list[FileFacts], options: RunOptions) -> None:
    """Raises `ApiError` 400 for records that cannot be told, by this control file or with these files."""
    choice = _choice(options.only)
    there = {file.name for file in files}
    problems = [
        Problem(
            f"only=file:{name}: the batch has no list {shown(name)}. Upload it:"
            f" -F batch={batch.id} -F name={name} -F file=@FILE",
            "file-missing",
            "only",
        )
        for name in choice.lists
        if name not in there
    ]
    if choice.identifiers or choice.lists:
        control = await load_control(call.services.blobs, batch.control_digest)
        if not control.match:
            message = (
                "only: the control file has no match, so no record has an identifier. Choose by row"
                " (only=row:12-40), or add a match and make a new batch."
            )
            problems.append(Problem(message, "parameter-invalid", "only"))
    if problems:
        raise ApiError(400, problems)


async def _refuse_incomplete(call: Call, batch: BatchFacts, files: list[FileFacts]) -> None:
    """Raises `ApiError` 400 that names each required file that is missing, or says that there are none."""
    control = await load_control(call.services.blobs, batch.control_digest)
    if summary(control).needs_files and all(is_list(file.name) for file in files):
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
    if mode == "retry":
        await _refuse_retry(call, runs)
    if mode == "undo" and not await call.db.run(anything_stands, batch.id):
        message = "mode: there is nothing to undo in this batch: " + (
            "it was not imported yet." if not runs else "nothing that it wrote still stands."
        )
        raise refusal(409, "nothing-to-undo", message, "mode")
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


async def _refuse_unseen(
    call: Call, batch: BatchFacts, files: list[FileFacts], mode: RunMode, options: RunOptions
) -> None:
    """Raises `ApiError`: a plan that is not this batch's or of other data, a deletion that nobody saw."""
    runs = await call.db.run(runs_of_batch, batch.id)
    digest = inputs_digest(batch.control_digest, files)
    shown_before = [run for run in runs if run.mode == "dry-run" and run.ending == "finished"]
    if options.plan is not None:
        plan = next((run for run in shown_before if run.id == options.plan), None)
        if plan is None:
            message = (
                f"plan: {shown(options.plan)} is no finished dry run of this batch. Schedule mode=dry-run,"
                " and name the run that it makes."
            )
            raise refusal(404, "plan-unknown", message, "plan")
        if plan.phase in REMOVED:
            raise _plan_removed(await call.db.run(run_words, plan.id))
        if plan.inputs_digest != digest:
            message = (
                "plan: the batch has other data than when that plan was made. Schedule mode=dry-run again,"
                " look, and name the new run."
            )
            raise refusal(409, "plan-differs", message, "plan")
        return
    if mode not in ("import", "retry"):
        return
    control = await load_control(call.services.blobs, batch.control_digest)
    if summary(control).needs_dry_run and not any(run.inputs_digest == digest for run in shown_before):
        message = (
            "mode: this control file deletes, so a dry run of the same data has to come first. Schedule"
            " mode=dry-run, look at what would be deleted (GET batch/ID/plan?action=delete), then import."
        )
        raise refusal(409, "dry-run-first", message, "mode")


def _plan_removed(words: str) -> ApiError:
    message = f"plan: {words} Schedule mode=dry-run again, look, and name the new run."
    return refusal(410, "removed", message, "plan")


async def _refuse_retry(call: Call, runs: list[RunFacts]) -> None:
    """Raises `ApiError` 409 where a retry could do nothing. Dry runs in between do not matter."""
    writing = [run for run in runs if run.mode != "dry-run"]
    state = await call.db.run(state_of, writing)
    if state not in RETRIED:
        what = "it was not imported yet" if state == "uploading" else f"it is {state}"
        message = (
            f"mode: there is nothing to retry in this batch: {what}. A retry is possible when it is"
            f" {', '.join(sorted(RETRIED))}. Schedule it with mode=import."
        )
        raise refusal(409, "nothing-to-retry", message, "mode")
    if not await call.db.run(anything_to_retry, writing):
        message = (
            f"mode: there is nothing to retry in this batch: it is {state}, but no record is known to be"
            " rejected, failed or uncertain. Schedule it with mode=import, once what its log says is mended."
        )
        raise refusal(409, "nothing-to-retry", message, "mode")


async def _commit(
    call: Call, batch: BatchFacts, files: list[FileFacts], mode: RunMode, options: RunOptions
) -> RunFacts:
    digest = inputs_digest(batch.control_digest, files)
    control = await load_control(call.services.blobs, batch.control_digest)
    try:
        return await call.db.run(
            schedule_run,
            batch_id=batch.id,
            mode=mode,
            options=options,
            key_id=call.key.id,
            inputs_digest=digest,
            check=lambda connection: require_inputs(connection, batch, digest),
            scopes=[Scope(batch.target, name) for name in scopes(control)],
        )
    except RunActiveError as error:
        active = await call.db.run(run_facts, error.run_id)
        assert active is not None
        raise _active(active) from None
    except BatchRemovedError as error:
        raise batch_removed(str(error)) from None
    except PlanRemovedError as error:
        raise _plan_removed(str(error)) from None
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


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{PREFIX}/schedule",
        handler=post_schedule,
        summary="Schedule a dry run, an import, a retry or an undo of a batch",
        scope="schedule",
        form=ScheduleForm,
        answers={200: Answer("The run is recorded durably.", "SCHEDULED, without a line end.", Scheduled)},
        errors=(400, 404, 409, 410, 413, 415),
    ),
)
