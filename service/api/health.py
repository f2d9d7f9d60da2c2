"""Whether the service lives, and whether it can work; the description of the API."""

from __future__ import annotations

from typing import Literal

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.responses import PlainTextResponse, Response

from service.api.context import Answer, Call, Operation
from service.store.database import Database, StoreUnavailableError

PartState = Literal["ok", "unreachable", "wrong schema", "unknown"]


class Readiness(Struct, frozen=True):
    """Each part that the service needs. It is ready when all are `ok`."""

    ready: bool
    database: PartState
    schema: PartState
    blobs: PartState
    queue: PartState


async def get_health(_call: Call) -> Response:
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def get_readiness(call: Call) -> Response:
    services = call.services
    database = await services.db.run(Database.reachable)
    schema: PartState = "unknown"
    if database:
        try:
            schema = "ok" if await services.readiness.look() is None else "wrong schema"
        except StoreUnavailableError:
            database = False
    blobs = await run_sync(services.blobs.reachable)
    queue = await services.bell.reachable()
    parts = {
        "database": _state(database),
        "schema": schema,
        "blobs": _state(blobs),
        "queue": _state(queue),
    }
    ready = all(state == "ok" for state in parts.values())
    text = ("ready" if ready else "not ready") + "\n" + "".join(f"{name}: {s}\n" for name, s in parts.items())
    readiness = Readiness(ready, _state(database), schema, _state(blobs), _state(queue))
    return call.answer(text, readiness, 200 if ready else 503, {"Cache-Control": "no-store"})


def _state(reachable: bool) -> PartState:
    return "ok" if reachable else "unreachable"


_READY = Answer("Everything that the service needs is reachable.", "ready, then a line a part.", Readiness)
_UNREADY = Answer("Something is not; the body says what.", "not ready, then a line a part.", Readiness)

OPERATIONS = (
    Operation(
        method="GET",
        path="/healthz",
        handler=get_health,
        summary="Whether the process lives",
        answers={200: Answer("It does.", "ok")},
        needs_schema=False,
    ),
    Operation(
        method="GET",
        path="/readyz",
        handler=get_readiness,
        summary="Whether database, schema, blob store and queue can be used",
        answers={200: _READY, 503: _UNREADY},
        needs_schema=False,
    ),
)
