"""The configured targets, and a worker's look at one."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.lines import facts, moment, one_line
from service.errors import refusal, shown
from service.settings import TargetSettings
from service.store.statuses import TargetStatus, target_statuses
from service.store.tasks import TargetCheck, TaskFacts, TaskMissingError, create_task, task_facts

TargetState = Literal["good", "bad", "never looked at"]


class TargetShown(Struct, frozen=True):
    """A target without its secrets. `state`, `message`, `version`, `checked`: of the last look at it."""

    name: str
    kind: str
    url: str
    default: bool
    connections: int
    state: TargetState
    message: str
    version: str | None
    checked: str


class TargetList(Struct, frozen=True):
    targets: tuple[TargetShown, ...]


async def get_targets(call: Call) -> Response:
    statuses = await call.db.run(target_statuses)
    settings = call.services.settings
    shown_targets = tuple(
        _shown(call, name, target, statuses.get(name))
        for name, target in sorted(settings.targets.items())
        if call.key.may_see(name)
    )
    text = "".join(
        f"{one.name}\t{one.kind}\t{one.url}\t{one.state}\t{one_line(one.message)}\n" for one in shown_targets
    )
    return call.answer(text, TargetList(shown_targets))


async def get_target(call: Call) -> Response:
    name, target = _target(call)
    one = _shown(call, name, target, (await call.db.run(target_statuses)).get(name))
    text = f"{one.name}\n" + facts(
        ("kind", one.kind),
        ("url", one.url),
        ("default", "yes" if one.default else "no"),
        ("connections", one.connections),
        ("state", one.state),
        ("message", one.message),
        ("version", one.version),
        ("checked", one.checked),
    )
    return call.answer(text, one)


def _target(call: Call) -> tuple[str, TargetSettings]:
    """Raises `ApiError` 404, also for a target that the key may not see."""
    name = call.path("name")
    targets = call.services.settings.targets
    if name not in targets or not call.key.may_see(name):
        known = ", ".join(sorted(one for one in targets if call.key.may_see(one))) or "none"
        raise refusal(404, "target-unknown", f"Target not found: {shown(name)[1:-1]}. Configured: {known}.")
    return name, targets[name]


def _shown(call: Call, name: str, target: TargetSettings, status: TargetStatus | None) -> TargetShown:
    # What was seen at another address says nothing about this one.
    seen = status if status is not None and status.address == target.api else None
    state: TargetState = "never looked at" if seen is None else "good" if seen.ok else "bad"
    return TargetShown(
        name=name,
        kind=target.kind,
        url=target.url,
        default=name == call.services.settings.only_target,
        connections=target.connections,
        state=state,
        message=seen.message if seen else "",
        version=seen.version if seen else None,
        checked=moment(seen.checked_at) if seen else "",
    )


# --- a look at one ------------------------------------------------------------------------------


Wait = Annotated[
    Annotated[float, Meta(ge=0, le=300)],
    Meta(description="Seconds, up to 300, to wait for a worker's answer."),
]


class CheckForm(Struct, frozen=True):
    wait: Wait = 30


class TaskQuery(Struct, frozen=True):
    wait: Wait = 0


class CheckShown(Struct, frozen=True):
    """`ok` None: no worker has answered yet; ask again at `url`."""

    task: str
    url: str
    target: str
    ok: bool | None
    message: str
    version: str | None = None
    code: str | None = None


async def post_check(call: Call) -> Response:
    form = await call.form(CheckForm)
    name, _ = _target(call)
    task = await call.db.run(create_task, call.key, "target-check", target=name)
    await call.services.bell.ring_task(task.id)
    return await _answer(call, task, form.wait)


async def get_task(call: Call) -> Response:
    query = call.query(TaskQuery)
    task_id = call.path("task_id")
    try:
        task = await call.db.run(task_facts, task_id, call.key)
    except TaskMissingError:
        raise refusal(404, "task-unknown", f"Task not found: {shown(task_id)[1:-1]}") from None
    return await _answer(call, task, query.wait)


async def _answer(call: Call, task: TaskFacts, wait: float) -> Response:
    """What the worker found: 200; 202 with the address to ask again while it has not answered."""
    latest = task

    async def has_ended() -> bool:
        nonlocal latest
        latest = await call.db.run(task_facts, task.id)
        return latest.ended_at is not None

    url = call.url(f"{PREFIX}/task/{task.id}")
    target = task.target or ""
    if not await call.until(wait, has_ended):
        message = "No worker has answered yet. Is one running? Ask again at the address below."
        shown_check = CheckShown(task.id, url, target, None, message)
        return call.answer(f"pending\nmessage: {message}\nurl: {url}\n", shown_check, 202, {"Location": url})
    found = msgspec.json.decode(latest.result or b"{}", type=TargetCheck)
    shown_check = CheckShown(task.id, url, target, found.ok, found.message, found.version, found.code)
    state = "good" if found.ok else "bad"
    text = f"{state}\n" + facts(("message", found.message), ("version", found.version), ("code", found.code))
    return call.answer(text, shown_check)


_CHECKED = Answer(
    "What the worker found.", "good or bad on the first line, then `key: value` lines.", CheckShown
)
_PENDING = Answer(
    "No worker has answered yet; `Location` is the address to ask again.", "pending, then lines.", CheckShown
)

OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/targets",
        handler=get_targets,
        summary="List the targets",
        scope="read",
        answers={
            200: Answer(
                "The targets that the key may see, without secrets.",
                "A line a target, separated by tabs: name, kind, address, state, message.",
                TargetList,
            )
        },
    ),
    Operation(
        method="GET",
        path=f"{PREFIX}/targets/{{name}}",
        handler=get_target,
        summary="Read a target",
        scope="read",
        answers={
            200: Answer("The target, without secrets.", "Its name, then `key: value` lines.", TargetShown)
        },
        errors=(404,),
    ),
    Operation(
        method="POST",
        path=f"{PREFIX}/targets/{{name}}/check",
        handler=post_check,
        summary="Have a worker look at a target: address, version, key",
        scope="read",
        form=CheckForm,
        answers={200: _CHECKED, 202: _PENDING},
        errors=(400, 404, 413, 415),
    ),
    Operation(
        method="GET",
        path=f"{PREFIX}/task/{{task_id}}",
        handler=get_task,
        summary="Read what became of a task that was answered 202",
        scope="read",
        query=TaskQuery,
        answers={200: _CHECKED, 202: _PENDING},
        errors=(400, 404),
    ),
)
