"""Whether the service lives, and whether it can work; the description of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.responses import PlainTextResponse, Response

from service.api.context import Answer, Call, Operation, Services
from service.store.database import Database, StoreUnavailableError
from service.store.migrate import takes_writes

PartState = Literal["ok", "unreachable", "not writable", "wrong schema", "unknown"]

PARTS = ("database", "schema", "blobs", "queue")
ADVICE: Mapping[tuple[str, PartState], str] = {
    ("database", "unreachable"): "Does it run, and does its address stand right in the settings?",
    ("database", "not writable"): "Is its disk full, is it read-only, or held by another program?",
    ("schema", "wrong schema"): "Run: accession migrate.",
    ("blobs", "not writable"): "Is the disk of the uploaded files full, not mounted, or read-only?",
    ("queue", "not writable"): (
        "Does Valkey (or Redis) run, and does it take writes? What is scheduled meanwhile waits."
    ),
}
"""(part, state) → what a person would look at. What waits for a part goes on by itself once that is back."""


class Readiness(Struct, frozen=True, kw_only=True):
    """Each part that the service needs. It is ready when all are `ok`; `advice` has a sentence for each that
    is not."""

    ready: bool
    database: PartState
    schema: PartState
    blobs: PartState
    queue: PartState
    advice: tuple[str, ...] = ()


async def get_health(_call: Call) -> Response:
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def get_readiness(call: Call) -> Response:
    readiness = await readiness_of(call.services)
    parts: Mapping[str, PartState] = {name: getattr(readiness, name) for name in PARTS}
    lines = [
        f"{part}: {state}" + (f". {ADVICE[part, state]}" if (part, state) in ADVICE else "")
        for part, state in parts.items()
    ]
    text = "\n".join(["ready" if readiness.ready else "not ready", *lines]) + "\n"
    return call.answer(text, readiness, 200 if readiness.ready else 503, {"Cache-Control": "no-store"})


async def readiness_of(services: Services) -> Readiness:
    """Look at each part now."""
    database, schema = await _database(services)
    parts: dict[str, PartState] = {
        "database": database,
        "schema": schema,
        "blobs": "ok" if await run_sync(services.blobs.reachable) else "not writable",
        "queue": "ok" if await services.bell.reachable() else "not writable",
    }
    advice = tuple(ADVICE[part, state] for part, state in parts.items() if (part, state) in ADVICE)
    ready = all(state == "ok" for state in parts.values())
    return Readiness(ready=ready, **parts, advice=advice)


async def _database(services: Services) -> tuple[PartState, PartState]:
    """The states of database and schema."""
    if not await services.db.run(Database.reachable):
        return "unreachable", "unknown"
    try:
        if await services.readiness.look() is not None:
            return "ok", "wrong schema"
    except StoreUnavailableError:
        return "unreachable", "unknown"
    return "ok" if await services.db.run(takes_writes) else "not writable", "ok"


_READY = Answer("Everything that the service needs can be used.", "ready, then a line a part.", Readiness)
_UNREADY = Answer(
    "Something cannot; the body says what, and what to look at.", "not ready, then a line a part.", Readiness
)

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
