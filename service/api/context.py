"""What a route is, and what it works with.

An :class:`Operation` describes a route once: `service.app` makes the route of it and `service.openapi` its
documentation, so the two cannot differ. A handler gets a :class:`Call`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from service.api.forms import read_parameters
from service.auth import Doorkeeper, require_scope
from service.errors import ApiError, Problem
from service.negotiation import wants_json
from service.queue import Bell
from service.settings import Settings
from service.store.blobs import BlobStore
from service.store.database import Database
from service.store.keys import Key, Scope
from service.store.migrate import current_revision, head_revision
from service.uploads import BeforeFile, Form, Limits, read_form

T = TypeVar("T", bound=Struct)

PREFIX = "/api/haplo-data-import-batch"
POLL = 0.25
"""Seconds between two looks at the database while a caller waits for something."""
RECHECK = 2.0
"""Seconds between two looks at the schema's revision while it is not the right one."""


class Closing:
    """Whether the service is about to stop: whoever waits for something looks here and lets go."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """Also called from a signal handler, hence no lock and no event."""
        self.begun = True


class Readiness:
    """Whether the database has the schema that this release works with."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wanted = head_revision()
        self._right = False
        self._looked_at = -RECHECK

    async def look(self) -> str | None:
        """What is wrong with the schema, for a person; None when nothing is."""
        found = await self._db.run(current_revision)
        self._right = found == self._wanted
        if self._right:
            return None
        return (
            f"The database's schema has the revision {found or 'none'}; this release works with"
            f" {self._wanted}. Run: accession migrate."
        )

    async def require(self) -> None:
        """Raises `ApiError` 503 until the schema is the right one; then asks no more."""
        if self._right:
            return
        problem = await self.look()
        if problem is not None:
            raise ApiError(503, [Problem(problem, "wrong-schema")], {"Retry-After": "10"})


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a handler may use; made once, by `service.app`."""

    settings: Settings
    db: Database
    blobs: BlobStore
    bell: Bell
    doorkeeper: Doorkeeper
    readiness: Readiness
    closing: Closing

    @property
    def form_limits(self) -> Limits:
        settings = self.settings
        return Limits(
            file=settings.max_upload_bytes,
            file_setting="ACCESSION_MAX_UPLOAD_BYTES",
            fields=settings.max_form_bytes,
            parts=settings.max_form_parts,
        )


@dataclass(slots=True)
class Call:
    """One request that has a right to be answered."""

    request: Request
    services: Services
    operation: Operation
    maybe_key: Key | None

    @property
    def key(self) -> Key:
        assert self.maybe_key is not None, "an operation without a scope has no key"
        return self.maybe_key

    @property
    def db(self) -> Database:
        return self.services.db

    def url(self, path: str) -> str:
        """An address within this service as its users see it."""
        base = self.services.settings.public_url or str(self.request.base_url)
        return base.rstrip("/") + path

    def path(self, name: str) -> str:
        """A part of the path that the route names."""
        return str(self.request.path_params[name])

    def query(self, type_: type[T]) -> T:
        """The query string; raises `ApiError` 400."""
        return read_parameters(type_, self.request.query_params.multi_items(), where=self.operation.shown)

    async def form(self, type_: type[T]) -> T:
        """A form without files; raises `ApiError`."""
        async with read_form(self.request, self.services.form_limits) as form:
            return self.fields(type_, form)

    def fields(self, type_: type[T], form: Form, also: tuple[str, ...] = ()) -> T:
        """The fields of a form; `also` are names that are read elsewhere."""
        pairs = [(part.name, getattr(part, "value", "")) for part in form.parts]
        return read_parameters(type_, pairs, also=also, where=self.operation.shown)

    def answer(
        self, text: str, data: Struct, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The same facts as text or as JSON, as the caller likes."""
        if wants_json(self.request.headers.get("accept")):
            return Response(msgspec.json.encode(data), status, headers, media_type="application/json")
        return PlainTextResponse(text, status, headers)

    async def until(self, seconds: float, look: Callable[[], Awaitable[bool]]) -> bool:
        """Look every quarter of a second until it is so, at most `seconds`, and not once we are closing."""
        deadline = time.monotonic() + seconds
        while not await look():
            left = deadline - time.monotonic()
            if (
                left <= 0
                or await self.request.is_disconnected()
                or await self.closing_within(min(POLL, left))
            ):
                return False
        return True

    async def closing_within(self, seconds: float) -> bool:
        """Sleep; whether the service closes, so that nobody is to be kept waiting."""
        await asyncio.sleep(0 if self.services.closing.begun else seconds)
        return self.services.closing.begun


Handler: TypeAlias = "Callable[[Call], Awaitable[Response]]"
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: what it means, and the forms it comes in. `text` describes the plain text; `json` are the
    types, one of which the JSON has; `headers`: name → what it tells."""

    description: str
    text: str = ""
    json: type[Struct] | tuple[type[Struct], ...] | None = None
    media_types: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def types(self) -> tuple[type[Struct], ...]:
        if self.json is None:
            return ()
        return self.json if isinstance(self.json, tuple) else (self.json,)


@dataclass(frozen=True, slots=True)
class Operation:
    """A route. `scope` None: no key is asked for. `form` and `query` describe the parameters, `headers` those
    that travel as headers; `body` is what a body is that is no form."""

    method: Method
    path: str
    handler: Handler
    summary: str
    scope: Scope | None = None
    or_scope: Scope | None = None
    """A scope that will do as well: an answer to come is read by whoever asked."""
    form: type[Struct] | None = None
    query: type[Struct] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    answers: Mapping[int, Answer] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    needs_schema: bool = True
    """Whether it makes no sense before the database has this release's schema."""

    @property
    def shown(self) -> str:
        """How messages name it: `POST schedule`."""
        return f"{self.method} {self.path.removeprefix(PREFIX + '/')}"

    def route(self, services: Services) -> Route:
        async def endpoint(request: Request) -> Response:
            key = None
            if self.needs_schema:
                await services.readiness.require()
            if self.scope is not None:
                key = await services.doorkeeper.identify(request)
                if self.or_scope not in key.scopes:
                    require_scope(key, self.scope)
            call = Call(request, services, self, key)
            if self.query is None:
                call.query(_Nothing)
            response = await self.handler(call)
            if request.method == "HEAD" and isinstance(response, StreamingResponse):
                return _without_body(response)
            return response

        return Route(self.path, endpoint, methods=[self.method], name=self.shown)


def _without_body(response: Response) -> Response:
    """What `HEAD` gets of an answer that would be streamed: nothing is read for it."""
    empty = Response(status_code=response.status_code)
    empty.raw_headers = response.raw_headers
    return empty


class _Nothing(Struct, frozen=True):
    pass


@asynccontextmanager
async def form_with_files(
    call: Call, limits: Limits, before_file: BeforeFile | None = None
) -> AsyncIterator[Form]:
    """The form of a step that takes files; what was not committed when the block ends is gone."""
    async with read_form(call.request, limits, call.services.blobs, before_file) as form:
        yield form
