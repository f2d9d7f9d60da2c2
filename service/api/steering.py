"""Calls that steer the active run of a batch: cancel, pause, resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Handler, Operation
from service.api.naming import the_batch
from service.errors import ApiError, refusal
from service.store.database import Database
from service.store.runs import RunFacts, run_facts, runs_of_batch
from service.store.scopes import next_runs
from service.store.states import ACTIVE
from service.store.steering import Hindrance, request_cancel, request_pause, request_resume

Verb = Literal["cancel", "pause", "resume"]

_CANCEL = "cancel it (POST batch/ID/cancel)"
_PAUSE = "pause it (POST batch/ID/pause)"
_RESUME = "resume it (POST batch/ID/resume)"


class Steered(Struct, frozen=True):
    """`state`: of the run now; what was asked for is so within a second, or one request to the target."""

    run: str
    batch: str
    state: str


class SteeringForm(Struct, frozen=True):
    pass


async def post_cancel(call: Call) -> Response:
    return await _post(call, "cancel")


async def post_pause(call: Call) -> Response:
    return await _post(call, "pause")


async def post_resume(call: Call) -> Response:
    return await _post(call, "resume")


async def _post(call: Call, verb: Verb) -> Response:
    await call.form(SteeringForm)
    run = await steer(call, call.path("batch_id"), verb)
    return call.answer(f"{_ANSWERS[verb]}\n", Steered(run.id, run.batch_id, run.state))


async def steer(call: Call, batch_id: str, verb: Verb) -> RunFacts:
    """Say durably what is wished of the active run of a batch, and wake whoever is to hear it.

    The run afterwards. Raises `ApiError` 404, and 409 where the wish makes no sense.
    """
    batch = await the_batch(call, batch_id)
    runs = await call.db.run(runs_of_batch, batch.id)
    if not runs:
        raise _idle("uploading", verb)
    hindrance = await call.db.run(_WISHES[verb], runs[0].id)
    if hindrance is not None:
        raise await _refused(call, batch.id, runs[0], hindrance, verb)
    return await _told(call, runs[0])


def _cancel(db: Database, run_id: str) -> Hindrance | None:
    return None if request_cancel(db, run_id) else "ended"


_WISHES: Mapping[Verb, Callable[[Database, str], Hindrance | None]] = {
    "cancel": _cancel,
    "pause": request_pause,
    "resume": request_resume,
}
_ANSWERS: Mapping[Verb, str] = {"cancel": "CANCELLING", "pause": "PAUSING", "resume": "RESUMING"}


async def _told(call: Call, asked: RunFacts) -> RunFacts:
    run = await call.db.run(run_facts, asked.id)
    assert run is not None, "it was found before"
    # A worker that carries it out learns of it by its heartbeat; one that has nothing to do is woken.
    await call.services.bell.ring_run(run.id)
    if run.state not in ACTIVE or run.pause_requested:
        # Those that were scheduled after it for the same scope wait no longer.
        for other in await call.db.run(next_runs, run.id):
            await call.services.bell.ring_run(other)
    return run


async def _refused(call: Call, batch_id: str, asked: RunFacts, hindrance: Hindrance, verb: Verb) -> ApiError:
    """409: what state it is in, and what is allowed there."""
    run = await call.db.run(run_facts, asked.id)
    state = run.state if run is not None else asked.state
    match hindrance:
        case "ended":
            return _idle(state, verb)
        case "cancelling":
            message = f"The run is being cancelled (it is {state}): wait for its end (GET batch/ID?wait=60)."
            return refusal(409, "batch-cancelling", message.replace("ID", batch_id))
        case "paused":
            said = "is paused" if state == "paused" else f"is being paused (it is {state})"
            message = f"The run {said} already. What is possible: {_RESUME}, or {_CANCEL}."
            return refusal(409, "batch-paused", message.replace("ID", batch_id))
        case "not-paused":
            message = f"The run is not paused: it is {state}. What is possible: {_PAUSE}, or {_CANCEL}."
            return refusal(409, "batch-not-paused", message.replace("ID", batch_id))


def _idle(state: str, verb: str) -> ApiError:
    message = f"No run of the batch is active: it is {state}. There is nothing to {verb}."
    return refusal(409, "batch-idle", message)


def _operation(verb: str, handler: Handler, summary: str, text: str, description: str) -> Operation:
    return Operation(
        method="POST",
        path=f"{PREFIX}/batch/{{batch_id}}/{verb}",
        handler=handler,
        summary=summary,
        scope="schedule",
        form=SteeringForm,
        answers={200: Answer(description, text, Steered)},
        errors=(400, 404, 409, 413, 415),
    )


OPERATIONS = (
    _operation(
        "cancel",
        post_cancel,
        "Cancel the active run of a batch",
        "CANCELLING",
        "The run ends within a second or one request to the target.",
    ),
    _operation(
        "pause",
        post_pause,
        "Pause the active run of a batch until it is resumed",
        "PAUSING",
        "The run rests within a second or one request to the target; what was done stands.",
    ),
    _operation(
        "resume",
        post_resume,
        "Let the paused run of a batch go on",
        "RESUMING",
        "The run goes on where it stood, as soon as a worker takes it.",
    ),
)
