"""What the service asks of a worker beside runs: to look at a target, or at a control file."""

from __future__ import annotations

import logging
from typing import TypeVar, assert_never

import anyio
import anyio.to_thread
import msgspec
from msgspec import Struct

from service.control.target_model import TargetModel
from service.store import tasks
from service.store.blobs import BlobMissingError, Digest
from service.store.control_check import CheckAsked, NamedBytes
from service.store.control_new import NewAsked, NewControl
from service.store.database import StoreUnavailableError
from service.store.tasks import Cause, TargetCheck, TaskFacts, TaskFailure
from worker.checking import Tools, check_control, target_settings
from worker.errors import AccessionError, Fatal
from worker.generating import GivenData, generate
from worker.job import Workshop
from worker.preflight import prove
from worker.target_model import read_model
from worker.targets.http import Caller
from worker.targets.registry import make_adapter

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Struct)

TASK_SECONDS = 120.0
"""How long a task may take; then it has failed."""
TASK_LEASE_MS = 150_000
"""Longer than a task may take: nobody takes it up while its worker lives."""
MOST_CONTROL = 4 * 1024 * 1024
"""Bytes of a control file that is made; one of a hundred thousand columns helps nobody."""


class TaskFailed(Exception):
    """The task has no result of its kind."""

    def __init__(self, error: AccessionError, cause: Cause) -> None:
        super().__init__(error.message)
        self.failure = TaskFailure(error.code, error.message, cause)


async def carry_out_task(shop: Workshop, task_id: str) -> None:
    """Claim the task and answer it; leave at once if it has ended or is another's."""
    claim = await shop.db.run(tasks.claim_task, task_id, TASK_LEASE_MS)
    if claim is None:
        return
    result = await _outcome(shop, claim.task)
    failed = isinstance(result, TaskFailure)
    await shop.db.run(lambda db: tasks.end_task(db, claim, result, failed=failed))


async def _outcome(shop: Workshop, task: TaskFacts) -> Struct:
    """The result, or the `TaskFailure`. Raises `StoreUnavailableError` only: the lease then runs out."""
    try:
        with anyio.fail_after(TASK_SECONDS):
            return await _result(shop, task)
    except TaskFailed as failed:
        return failed.failure
    except StoreUnavailableError:
        raise
    except TimeoutError:
        text = f"It took longer than {TASK_SECONDS:.0f} s and was given up."
        return TaskFailure("task-timeout", text, "worker")
    except Exception as error:
        # A fault of ours: the person gets a sentence, the process log gets the trace.
        logger.exception("task %s (%s) failed unexpectedly", task.id, task.kind)
        text = f"An error of this program ended the task ({type(error).__name__}). Its process log says more."
        return TaskFailure("internal-error", text, "worker")


async def _result(shop: Workshop, task: TaskFacts) -> Struct:
    match task.kind:
        case "target-check":
            return await check_target(shop, task.target or "")
        case "target-model":
            return await _model(shop, task.target or "")
        case "control-check":
            tools = Tools(shop.settings, shop.db, shop.blobs, shop.limiters)
            return await check_control(tools, _asked(task, CheckAsked), task.target)
        case "control-new":
            return await new_control(shop, _asked(task, NewAsked), task.target)
        case _:
            assert_never(task.kind)


def _asked(task: TaskFacts, type_: type[T]) -> T:
    return msgspec.json.decode(task.arguments, type=type_)


# --- targets --------------------------------------------------------------------------------------


async def check_target(shop: Workshop, name: str) -> TargetCheck:
    """Prove address and key of a configured target."""
    settings = shop.settings.targets.get(name)
    if settings is None:
        return TargetCheck(
            ok=False, code="target-unknown", message=f"{name} is not in the worker's settings."
        )
    adapter = make_adapter(name, settings, shop.limiters.of(name, settings), None, Caller(urgent=True))
    try:
        site = await prove(shop.db, name, settings, adapter.prove)
    except AccessionError as error:
        return TargetCheck(ok=False, code=error.code, message=error.message)
    finally:
        await adapter.close()
    message = f"{site.address} answers, and the key is good."
    return TargetCheck(ok=True, message=message, version=site.version)


async def _model(shop: Workshop, name: str) -> TargetModel:
    """Raises `TaskFailed`."""
    try:
        settings = target_settings(shop.settings, name)
        adapter = make_adapter(name, settings, shop.limiters.of(name, settings), None, Caller(urgent=True))
        try:
            await prove(shop.db, name, settings, adapter.prove)
            return await read_model(adapter)
        finally:
            await adapter.close()
    except AccessionError as error:
        raise TaskFailed(error, "target") from error


# --- control files --------------------------------------------------------------------------------


async def new_control(shop: Workshop, asked: NewAsked, target: str | None) -> NewControl:
    """A control file generated from the data, the target, or both. Raises `TaskFailed`."""
    model: TargetModel | None = None
    notes: tuple[str, ...] = ()
    if target is not None:
        try:
            model = await _model(shop, target)
        except TaskFailed as failed:
            if asked.target_wanted or asked.template is not None:
                raise
            notes = (f"The target {target} could not be asked, so this is made without it: {failed}",)
    try:
        data = None if asked.data is None else _given(shop, asked.data, asked.reader)
        made = await anyio.to_thread.run_sync(generate, data, model, asked.template, abandon_on_cancel=True)
    except AccessionError as error:
        raise TaskFailed(error, "asked") from error
    if len(made.text) > MOST_CONTROL:
        message = "The control file would be larger than 4 MB: the data have too many columns or keys."
        raise TaskFailed(Fatal("control-too-large", message), "asked")
    return NewControl(made.text, (*notes, *made.notes))


def _given(shop: Workshop, data: NamedBytes, reader: str | None) -> GivenData:
    digest = Digest(data.digest)
    try:
        path, size = shop.blobs.local_path(digest), shop.blobs.size(digest)
    except BlobMissingError as error:
        message = f"The store no longer holds the bytes of {data.name}. Upload the file again."
        raise Fatal("blob-missing", message) from error
    return GivenData(data.name, path, size or 0, reader)
