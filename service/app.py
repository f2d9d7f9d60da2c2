"""The application: routes, middleware, lifespan."""

from __future__ import annotations

import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from types import FrameType

import msgspec
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.admin import pages
from service.api import (
    batch,
    check,
    control,
    download,
    failed,
    file,
    health,
    listing,
    log,
    plan,
    report,
    resume,
    schedule,
    steering,
    targets,
    tasks,
)
from service.api.context import Closing, Operation, Readiness, Services
from service.auth import Doorkeeper, OriginGuard
from service.control.schema import control_schema
from service.errors import HANDLERS
from service.headers import SafeHeaders
from service.openapi import document
from service.queue import Bell, Doorbell
from service.settings import Settings, SettingsError
from service.store.blobs import DiskBlobs
from service.store.database import Database

OPERATIONS: tuple[Operation, ...] = (
    *control.OPERATIONS,
    *check.OPERATIONS,
    *batch.OPERATIONS,
    *listing.OPERATIONS,
    *file.OPERATIONS,
    *download.OPERATIONS,
    *resume.OPERATIONS,
    *schedule.OPERATIONS,
    *steering.OPERATIONS,
    *log.OPERATIONS,
    *report.OPERATIONS,
    *plan.OPERATIONS,
    *failed.OPERATIONS,
    *targets.OPERATIONS,
    *tasks.OPERATIONS,
    *health.OPERATIONS,
)


def create_app(settings: Settings, db: Database | None = None, bell: Bell | None = None) -> Starlette:
    """The service. `db` and `bell` are made of the settings unless given; a given `db` is left open.

    Stops waiting requests on SIGTERM and SIGINT; whoever runs it otherwise calls
    `app.state.services.closing.begin()`. Raises `SettingsError`.
    """
    database = db or Database(settings.database, busy_wait=settings.database_wait)
    blobs = DiskBlobs(settings.blobs)
    services = Services(
        settings=settings,
        db=database,
        blobs=blobs,
        bell=bell or Doorbell(settings.queue),
        doorkeeper=_doorkeeper(settings, database),
        readiness=Readiness(database),
        closing=Closing(),
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with _told_of_the_end(services.closing.begin):
            yield
        await services.bell.aclose()
        await run_sync(blobs.close)
        if db is None:
            database.dispose()

    app = Starlette(
        routes=[
            *(operation.route(services) for operation in OPERATIONS),
            *pages.routes(services),
            _document("/openapi.json", lambda: document(OPERATIONS)),
            _document("/schema/control-1.json", control_schema),
        ],
        middleware=[Middleware(SafeHeaders), Middleware(OriginGuard, public_url=settings.public_url)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # A redirect would be made of the Host header, which is the client's word; and scripts do not follow any.
    app.router.redirect_slashes = False
    app.state.services = services
    return app


def _doorkeeper(settings: Settings, database: Database) -> Doorkeeper:
    try:
        return Doorkeeper(database, settings.failed_keys_per_minute, settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"trusted_proxies: {error}") from None


def _document(path: str, make: Callable[[], Mapping[str, object]]) -> Route:
    """A JSON document that is the same for everybody: made when it is first asked for."""
    body = cache(lambda: msgspec.json.encode(make()))

    async def endpoint(_request: Request) -> Response:
        return Response(body(), media_type="application/json")

    return Route(path, endpoint, methods=["GET"])


@contextmanager
def _told_of_the_end(begin: Callable[[], None]) -> Iterator[None]:
    """Learn of SIGTERM and SIGINT before the server waits for its open requests, which wait for us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        begin()
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in previous:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is on_signal:
                signal.signal(number, handler)
