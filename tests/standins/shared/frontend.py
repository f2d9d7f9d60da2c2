"""The web server of a stand-in: takes requests apart, keeps what is too large away, and sends answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import orjson

from .control import Control
from .multipart import Form, FormReader, reader
from .php import Query, parse_query
from .storage import OnDisk, Spool
from .traffic import Traffic

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = dict[str, str]

SESSION = {
    "expires": "Thu, 19 Nov 1981 08:52:00 GMT",
    "cache-control": "no-store, no-cache, must-revalidate",
    "pragma": "no-cache",
}
"""What PHP sends with every page that begins a session."""


class Store(Protocol):
    """What a stand-in keeps its rows in."""

    def commit(self) -> None: ...

    def close(self) -> None: ...


class Limits(Protocol):
    """The knobs of a web server. `client_max_body_size` 0: no limit."""

    client_max_body_size: int


@dataclass(frozen=True)
class Asked:
    """A request that came whole. `body` is cut where it is over the web server's limit, `size` is not. Of a
    form `body` is empty: its parts were taken while they came."""

    method: str
    path: str
    query: Query
    headers: Headers
    body: bytes
    size: int
    form: Form | None = None


@dataclass(frozen=True)
class Reply:
    """A whole answer. `sized`: with its length."""

    status: int
    headers: Headers = field(default_factory=dict)
    body: bytes | Spool | OnDisk = b""
    sized: bool = False

    @property
    def size(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else self.body.size


class WebServer:
    """One stand-in as an ASGI application; a subclass has PHP and Omeka behind it."""

    def __init__(self, store: Store, limits: Limits, traffic: Traffic, control: Control) -> None:
        self._store = store
        self._limits = limits
        self._traffic = traffic
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path: str = scope["path"]
        method: str = scope["method"]
        raw_query = scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        to_control = path.startswith("/standin/")
        form = None if to_control else reader(method, headers.get("content-type", ""))
        body, size, complete = await self._body(receive, path, form)
        if not complete:
            return
        if to_control:
            status, document = self._control.answer(method, path, raw_query, body)
            self._store.commit()
            json = {"content-type": "application/json"}
            await _respond(send, Reply(status, json, orjson.dumps(document)), method)
            return
        came = self._traffic.came()
        query = parse_query(raw_query)
        parts = None if form is None else form.form
        reply = await self.reply(Asked(method, path, query, headers, body, size, parts))
        self._store.commit()
        self._traffic.note(method, path, query, reply.status, came)
        await _respond(send, reply, method)

    async def reply(self, asked: Asked) -> Reply:
        """What this kind of Omeka answers."""
        raise NotImplementedError

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self._store.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _body(self, receive: Receive, path: str, form: FormReader | None) -> tuple[bytes, int, bool]:
        """The body, its size, and whether it came whole. What is over the web server's limit is not kept.
        `form` takes it instead, where there is one."""
        limit = 0 if path.startswith("/standin/") else self._limits.client_max_body_size
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b"", size, False
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if limit and size > limit:
                pass
            elif form is not None:
                form.write(chunk)
            else:
                chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks), size, True


async def _respond(send: Send, reply: Reply, method: str) -> None:
    headers = [(b"server", b"nginx/1.22.1")]
    headers += [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    if reply.sized:
        headers.append((b"content-length", str(reply.size).encode()))
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        small = b"" if method == "HEAD" else reply.body
        if not isinstance(small, bytes):
            for chunk in small.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            small = b""
        await send({"type": "http.response.body", "body": small})
    except (OSError, asyncio.CancelledError):
        # The client has gone; what it asked for was done all the same.
        return
