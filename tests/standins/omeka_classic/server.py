"""The ASGI application: web server, PHP and Omeka in one, each with its own way to fail."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from tests.standins.shared.frontend import SESSION, Asked, Receive, Reply, Scope, Send, WebServer
from tests.standins.shared.multipart import Form
from tests.standins.shared.php import Json, Query
from tests.standins.shared.traffic import Traffic, Workers

from . import pages
from .api import Answer, Api
from .control import Control
from .database import Database
from .errors import ApiError, DeadError
from .knobs import Knobs
from .request import ApiRequest, route

HTML = "text/html; charset=utf-8"
_SESSION = {"set-cookie": "6737b6630e45c016737514c8e54b5d59=standin; path=/; HttpOnly", **SESSION}


class Server(WebServer):
    """One stand-in."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        traffic = Traffic()
        super().__init__(database, knobs, traffic, Control(database, knobs, traffic))
        self._db = database
        self._knobs = knobs
        self._workers = Workers(knobs)
        self._api = Api(database, knobs)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An upload is under way from its first byte on."""
        uploading = (scope.get("method"), scope.get("path", "").rstrip("/")) == ("POST", "/api/files")
        self._uploads += uploading
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._uploads -= uploading

    async def reply(self, asked: Asked) -> Reply:
        return self._web_server(asked.method, asked.size) or await self._php(asked)

    # The web server

    def _web_server(self, method: str, size: int) -> Reply | None:
        limit = self._knobs.client_max_body_size
        if limit and size > limit:
            return _plain(413, "413 Request Entity Too Large")
        if self._knobs.override_only and method in ("PUT", "DELETE"):
            return _plain(405, "405 Not Allowed")
        return None

    # PHP

    async def _php(self, asked: Asked) -> Reply:
        base = f"http://{asked.headers.get('host', 'localhost')}"
        routed = route(asked.path)
        if routed is None:
            return self._site(asked.path, base)
        too_large = self._knobs.post_max_size and asked.size > self._knobs.post_max_size
        body = b"" if too_large else asked.body
        newest_tag = self._db.last_id("tags")
        async with self._workers.one():
            request = ApiRequest(
                asked.headers.get("x-http-method-override") or asked.method,
                *routed,
                asked.query,
                body,
                (None if too_large else asked.form) or Form(),
                newest_tag,
                self._knobs.uploads_collide and self._uploads > 1,
            )
            try:
                return _shown(self._api.answer(request, base), asked.query)
            except ApiError as error:
                document: Json = {"message": error.message}
                if error.errors:
                    document["errors"] = error.errors
                return _shown(Answer(document, error.status), asked.query)
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
                content = self._db.stored.find(f"original/{name}")
                if content is not None:
                    return Reply(200, {"content-type": file.mime_type}, content, sized=True)
            elif folder in pages.FOLDERS and file.has_derivative and file.filename.startswith(stem + "."):
                return Reply(200, {"content-type": "image/jpeg"}, pages.PIXEL, sized=True)
        return _plain(404, "404 Not Found")


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
