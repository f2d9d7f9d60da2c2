"""The configured targets, and a worker's look at one: whether it answers, and what it offers to map to."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.lines import facts, moment, one_line
from service.api.tasks import CheckShown, Wait, answer_task, ask_worker, pending_answer
from service.control.target_model import TargetModel
from service.errors import refusal, shown
from service.settings import TargetSettings
from service.store.statuses import TargetStatus, target_statuses

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


async def targets_shown(call: Call) -> tuple[TargetShown, ...]:
    """Those that the key may see, by name."""
    statuses = await call.db.run(target_statuses)
    return tuple(
        _shown(call, name, target, statuses.get(name))
        for name, target in sorted(call.services.settings.targets.items())
        if call.key.may_see(name)
    )


async def target_shown(call: Call) -> tuple[TargetShown, TargetSettings]:
    """The one whose `name` stands in the path. Raises `ApiError` 404."""
    name, target = the_target(call)
    return _shown(call, name, target, (await call.db.run(target_statuses)).get(name)), target


async def get_targets(call: Call) -> Response:
    shown_targets = await targets_shown(call)
    text = "".join(
        f"{one.name}\t{one.kind}\t{one.url}\t{one.state}\t{one_line(one.message)}\n" for one in shown_targets
    )
    return call.answer(text, TargetList(shown_targets))


async def get_target(call: Call) -> Response:
    one, _ = await target_shown(call)
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


def the_target(call: Call) -> tuple[str, TargetSettings]:
    """The target whose `name` stands in the path.

    Raises `ApiError` 404, also for a target that the key may not see.
    """
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


class CheckForm(Struct, frozen=True):
    wait: Wait = 30


class ModelQuery(Struct, frozen=True):
    wait: Wait = 30


async def post_check(call: Call) -> Response:
    form = await call.form(CheckForm)
    name, _ = the_target(call)
    return await answer_task(call, await ask_worker(call, "target-check", target=name), form.wait)


async def get_model(call: Call) -> Response:
    query = call.query(ModelQuery)
    name, _ = the_target(call)
    return await answer_task(call, await ask_worker(call, "target-model", target=name), query.wait)


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
        answers={
            200: Answer(
                "What the worker found.",
                "good or bad on the first line, then `key: value` lines.",
                CheckShown,
            ),
            202: pending_answer(CheckShown),
        },
        errors=(400, 404, 413, 415),
    ),
    Operation(
        method="GET",
        path=f"{PREFIX}/targets/{{name}}/model",
        handler=get_model,
        summary="List what can be mapped to: vocabularies, templates, item sets, sites, data types",
        scope="read",
        query=ModelQuery,
        answers={
            200: Answer(
                "What the target has now, as a worker listed it.",
                "A line each thing, separated by tabs: what it is, its name, its label, more.",
                TargetModel,
            ),
            202: pending_answer(),
        },
        errors=(400, 404, 502),
    ),
)
