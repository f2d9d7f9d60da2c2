"""The ASGI application: web server, PHP and Omeka in one, each with its own way to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote

import orjson

from tests.standins.shared.multipart import Form, parse
from tests.standins.shared.php import Json, Query, parse_query
from tests.standins.shared.traffic import Traffic, Workers

from . import pages
from .api import Answer, Api
from .control import Control
from .database import Database
from .errors import ApiError, DeadError
from .knobs import Knobs
from .request import ApiRequest, route

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = dict[str, str]

HTML = "text/html; charset=utf-8"
_SESSION = {
    "set-cookie": "6737b6630e45c016737514c8e54b5d59=standin; path=/; HttpOnly",
    "expires": "Thu, 19 Nov 1981 08:52:00 GMT",
    "cache-control": "no-store, no-cache, must-revalidate",
    "pragma": "no-cache",
}


class Reply:
    """A whole answer."""

    def __init__(self, status: int, headers: Headers, body: bytes = b"", *, sized: bool = False) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.sized = sized


class Server:
    """One stand-in."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._traffic = Traffic()
        self._workers = Workers(knobs)
        self._api = Api(database, knobs)
        self._control = Control(database, knobs, self._traffic)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path: str = scope["path"]
        method: str = scope["method"]
        uploading = (method, path.rstrip("/")) == ("POST", "/api/files")
        self._uploads += uploading
        try:
            await self._serve(scope, receive, send)
        finally:
            self._uploads -= uploading

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        method: str = scope["method"]
        raw_query = scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body, size, complete = await self._body(receive, path)
        if not complete:
            return
        if path.startswith("/standin/"):
            status, document = self._control.answer(method, path, raw_query, body)
            self._db.commit()
            json_type = {"content-type": "application/json"}
            await _respond(send, Reply(status, json_type, orjson.dumps(document)), method)
            return
        came = self._traffic.came()
        query = parse_query(raw_query)
        reply = self._web_server(method, size)
        if reply is None:
            if self._knobs.post_max_size and size > self._knobs.post_max_size:
                body = b""
            reply = await self._php(method, path, query, headers, body)
        self._db.commit()
        self._traffic.note(method, path, query, reply.status, came)
        await _respond(send, reply, method)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self._db.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _body(self, receive: Receive, path: str) -> tuple[bytes, int, bool]:
        """The body, its size, and whether it came whole. What is over the web server's limit is not kept."""
        limit = 0 if path.startswith("/standin/") else self._knobs.client_max_body_size
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return b"", size, False
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if not limit or size <= limit:
                chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks), size, True

    def _web_server(self, method: str, size: int) -> Reply | None:
        limit = self._knobs.client_max_body_size
        if limit and size > limit:
            return _plain(413, "413 Request Entity Too Large")
        if self._knobs.override_only and method in ("PUT", "DELETE"):
            return _plain(405, "405 Not Allowed")
        return None

    # PHP

    async def _php(self, method: str, path: str, query: Query, headers: Headers, body: bytes) -> Reply:
        base = f"http://{headers.get('host', 'localhost')}"
        routed = route(path)
        if routed is None:
            return self._site(path, base)
        newest_tag = self._db.last_id("tags")
        async with self._workers.one():
            request = ApiRequest(
                headers.get("x-http-method-override") or method,
                *routed,
                query,
                body,
                _form(method, headers, body),
                newest_tag,
                self._knobs.uploads_collide and self._uploads > 1,
            )
            try:
                return _shown(self._api.answer(request, base), query)
            except ApiError as error:
                document: Json = {"message": error.message}
                if error.errors:
                    document["errors"] = error.errors
                return _shown(Answer(document, error.status), query)
            except DeadError:
                return Reply(500, {"content-type": "text/html; charset=UTF-8"})

    # Pages and files

    def _site(self, path: str, base: str) -> Reply:
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["api"]:
                return Reply(200, {"content-type": HTML, **_SESSION}, pages.api(self._knobs, base).encode())
            case [""] | ["items"] | ["items", "browse"] | ["admin"]:
                return _html(200, pages.home(self._db, self._knobs))
            case ["items", "show", number] | ["admin", "items", "show", number] if number.isdigit():
                item = self._db.items.get(int(number))
                if item is not None and (item.public or path.startswith("/admin")):
                    return _html(200, pages.item(self._db, self._knobs, item))
            case ["files", folder, name]:
                return self._stored(folder, name)
            case _:
                pass
        return _html(404, pages.missing(self._knobs))

    def _stored(self, folder: str, name: str) -> Reply:
        """A file of the web server's own: nobody asks whether its item is public."""
        stem = name.rpartition(".")[0]
        for file in self._db.files.values():
            if folder == "original" and file.filename == name:
                content = self._db.stored.read(f"original/{name}")
                if content is not None:
                    return Reply(200, {"content-type": file.mime_type}, content, sized=True)
            elif folder in pages.FOLDERS and file.has_derivative and file.filename.startswith(stem + "."):
                return Reply(200, {"content-type": "image/jpeg"}, pages.PIXEL, sized=True)
        return _plain(404, "404 Not Found")


def _form(method: str, headers: Headers, body: bytes) -> Form:
    kind = headers.get("content-type", "")
    if method != "POST" or not kind.lower().startswith("multipart/form-data"):
        return Form()
    return parse(body, kind) or Form()


def _shown(answer: Answer, query: Query) -> Reply:
    headers = {"content-type": answer.content_type, **answer.headers}
    if answer.status == 204:
        return Reply(204, headers)
    callback = query.get("callback")
    if isinstance(callback, str) and callback:
        about = {"status": answer.status, **{k: v for k, v in answer.headers.items() if k != "location"}}
        text = f"{callback}({_encode({'headers': about, 'data': answer.document})});"
        return Reply(answer.status, {"content-type": "application/javascript"}, text.encode())
    return Reply(answer.status, headers, _encode(answer.document, pretty="pretty_print" in query).encode())


def _encode(document: Json, *, pretty: bool = False) -> str:
    """JSON in PHP's spelling: slashes escaped, and all that is not ASCII."""
    layout: dict[str, Any] = {"indent": 4} if pretty else {"separators": (",", ":")}
    return json.dumps(document, **layout).replace("/", "\\/")


def _plain(status: int, title: str) -> Reply:
    return Reply(status, {"content-type": "text/html"}, pages.web_server(title).encode(), sized=True)


def _html(status: int, text: str) -> Reply:
    return Reply(status, {"content-type": HTML, **_SESSION}, text.encode())


async def _respond(send: Send, reply: Reply, method: str) -> None:
    headers = [(b"server", b"nginx/1.22.1")]
    headers += [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
    if reply.sized:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})
    except (OSError, asyncio.CancelledError):
        # The client has gone; what it asked for was done all the same.
        return
