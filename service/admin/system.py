"""Whether everything that imports need is there: parts, workers, what waits, what is kept, versions."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping

from anyio.to_thread import run_sync
from msgspec import Struct
from sqlalchemy import make_url
from starlette.responses import Response

from service.admin.site import Page, Visit
from service.api.health import ADVICE, PARTS, readiness_of
from service.settings import VERSION, Settings
from service.store.database import now_ms
from service.store.figures import figures
from service.store.migrate import head_revision
from service.store.workers import WorkerFacts, list_workers

SILENT_AFTER = 60_000
"""Milliseconds without a word after which a worker is taken for gone, where it looks often enough."""
_NAMES: Mapping[str, str] = {
    "database": "Database",
    "schema": "Schema of the database",
    "blobs": "Store of uploaded files",
    "queue": "Queue",
}


class PartShown(Struct, frozen=True):
    """One thing that the service needs. `advice`: what to look at if it is not well."""

    name: str
    state: str
    advice: str


class WorkerShown(Struct, frozen=True):
    facts: WorkerFacts
    alive: bool
    other_version: bool


class Disk(Struct, frozen=True):
    """Of the disk that holds the uploaded files, in bytes."""

    free: int
    total: int


class Nothing(Struct, frozen=True):
    pass


async def show_system(visit: Visit) -> Response:
    visit.query(Nothing)
    readiness = await readiness_of(visit.services)
    settings = visit.services.settings
    parts = [
        PartShown(_NAMES[part], state, ADVICE.get((part, state), ""))
        for part in PARTS
        if (state := getattr(readiness, part))
    ]
    now = now_ms()
    silent_after = max(SILENT_AFTER, 3000 * settings.sweep)
    workers = [_worker(one, now, silent_after) for one in await visit.db.run(list_workers)]
    return await visit.render(
        "system.html",
        ready=readiness.ready,
        parts=parts,
        workers=workers,
        alive=sum(one.alive for one in workers),
        figures=await visit.db.run(figures),
        disk=await run_sync(_disk, settings),
        versions=versions(settings),
        now=now,
    )


def _worker(facts: WorkerFacts, now: int, silent_after: float) -> WorkerShown:
    return WorkerShown(facts, now - facts.beat_at < silent_after, facts.version != VERSION)


def _disk(settings: Settings) -> Disk | None:
    """None where it cannot be told; the state of the store says why."""
    try:
        usage = shutil.disk_usage(settings.blobs)
    except OSError:
        return None
    return Disk(usage.free, usage.total)


def versions(settings: Settings) -> list[tuple[str, str]]:
    """What runs here, for whoever asks for help. Neither addresses nor paths."""
    backend = make_url(settings.database).get_backend_name()
    return [
        ("Accession", VERSION),
        ("Python", platform.python_version()),
        ("Database", {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(backend, backend)),
        ("Schema", head_revision()),
        ("Queue", "of its own" if not settings.redis_url else "a Valkey or Redis beside it"),
    ]


PAGES = (Page("GET", "/admin/system", show_system, section="system"),)
