"""What a worker is asked, and its answer: waited for, or told later under the task's own address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.checked import check_text
from service.api.context import PREFIX, Answer, Call, Operation
from service.api.lines import facts
from service.api.modelled import model_text
from service.control.target_model import TargetModel
from service.errors import ApiError, Problem, refusal, shown
from service.store.control_check import ControlCheck
from service.store.control_new import NewControl
from service.store.tasks import (
    TargetCheck,
    TaskFacts,
    TaskFailure,
    TaskKind,
    TaskMissingError,
    create_task,
    task_facts,
)

T = TypeVar("T", bound=Struct)

Wait = Annotated[
    Annotated[float, Meta(ge=0, le=300)],
    Meta(description="Seconds, up to 300, to wait for a worker's answer."),
]


class TaskQuery(Struct, frozen=True):
    wait: Wait = 0


class CheckShown(Struct, frozen=True):
    """What a worker found of a target. `ok` None: no worker has answered yet; ask again at `url`."""

    task: str
    url: str
    target: str
    ok: bool | None
    message: str
    version: str | None = None
    code: str | None = None


class TaskPending(Struct, frozen=True):
    """No worker has answered yet: ask again at `url`."""

    task: str
    url: str
    kind: TaskKind
    message: str


async def ask_worker(
    call: Call, kind: TaskKind, *, target: str | None = None, arguments: Struct | None = None
) -> TaskFacts:
    """Commit a task and ring for it."""
    data = b"{}" if arguments is None else msgspec.json.encode(arguments)
    task = await call.db.run(lambda db: create_task(db, call.key, kind, target=target, arguments=data))
    await call.services.bell.ring_task(task.id)
    return task


async def wait_for(call: Call, task: TaskFacts, seconds: float) -> TaskFacts:
    """The task when it has ended, or as it is when the time is up."""
    latest = task

    async def has_ended() -> bool:
        nonlocal latest
        latest = await call.db.run(task_facts, task.id)
        return latest.ended_at is not None

    await call.until(seconds, has_ended)
    return latest


def failure_of(task: TaskFacts) -> TaskFailure | None:
    return msgspec.json.decode(task.result or b"", type=TaskFailure) if task.failed else None


def result_of(task: TaskFacts, type_: type[T]) -> T:
    """The result of a task that ended and did not fail."""
    return msgspec.json.decode(task.result or b"", type=type_)


def task_url(call: Call, task: TaskFacts) -> str:
    return call.url(f"{PREFIX}/task/{task.id}")


async def answer_task(call: Call, task: TaskFacts, wait: float) -> Response:
    """What the worker found: 200; 202 with the address to ask again while it has not answered.

    Raises `ApiError`: 400 for a task that makes no sense, 502 for one that could not be done.
    """
    task = await wait_for(call, task, wait)
    if task.ended_at is None:
        return _pending(call, task)
    failure = failure_of(task)
    match task.kind:
        case "target-check":
            return _target_checked(call, task, failure)
        case _ if failure is not None:
            raise failed(failure)
        case "target-model":
            model = result_of(task, TargetModel)
            return call.answer(model_text(model), model)
        case "control-check":
            check = result_of(task, ControlCheck)
            return call.answer(check_text(check), check)
        case "control-new":
            new = result_of(task, NewControl)
            return call.answer(new.control, new)


def failed(failure: TaskFailure) -> ApiError:
    """As an error of the call: one that the caller can put right is 400, any other 502."""
    status = 400 if failure.cause == "asked" else 502
    return ApiError(status, [Problem(failure.message, failure.code)])


def _pending(call: Call, task: TaskFacts) -> Response:
    url = task_url(call, task)
    message = "No worker has answered yet. Is one running? Ask again at the address below."
    pending: Struct = TaskPending(task.id, url, task.kind, message)
    if task.kind == "target-check":
        pending = CheckShown(task.id, url, task.target or "", None, message)
    return call.answer(f"pending\nmessage: {message}\nurl: {url}\n", pending, 202, {"Location": url})


def _target_checked(call: Call, task: TaskFacts, failure: TaskFailure | None) -> Response:
    if failure is None:
        found = result_of(task, TargetCheck)
    else:
        found = TargetCheck(ok=False, message=failure.message, code=failure.code)
    shown_check = CheckShown(
        task.id, task_url(call, task), task.target or "", found.ok, found.message, found.version, found.code
    )
    state = "good" if found.ok else "bad"
    text = f"{state}\n" + facts(("message", found.message), ("version", found.version), ("code", found.code))
    return call.answer(text, shown_check)


async def get_task(call: Call) -> Response:
    query = call.query(TaskQuery)
    task_id = call.path("task_id")
    try:
        task = await call.db.run(task_facts, task_id, call.key)
    except TaskMissingError:
        raise refusal(404, "task-unknown", f"Task not found: {shown(task_id)[1:-1]}") from None
    return await answer_task(call, task, query.wait)


def pending_answer(*types: type[Struct]) -> Answer:
    return Answer(
        "No worker has answered yet; `Location` is the address to ask again.",
        "pending, then `key: value` lines.",
        types or (TaskPending,),
    )


RESULTS: Sequence[type[Struct]] = (CheckShown, TargetModel, ControlCheck, NewControl)

OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/task/{{task_id}}",
        handler=get_task,
        summary="Read what became of a task that was answered 202",
        scope="read",
        or_scope="upload",
        query=TaskQuery,
        answers={
            200: Answer(
                "What the worker found: the answer of the call that asked.",
                "As that call answers.",
                tuple(RESULTS),
            ),
            202: pending_answer(CheckShown, TaskPending),
        },
        errors=(400, 404, 502),
    ),
)
