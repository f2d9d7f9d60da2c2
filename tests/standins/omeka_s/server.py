"""The ASGI application: web server, PHP and Omeka in one, each with its own way to fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import orjson

from tests.standins.shared.frontend import SESSION, Asked, Headers, Reply, WebServer
from tests.standins.shared.multipart import Upload
from tests.standins.shared.php import Query
from tests.standins.shared.traffic import Traffic, Workers

from . import pages
from .access import Caller, identify
from .api import Answer, Api, MemoryExhaustedError
from .control import ADMIN, Control
from .database import Database
from .errors import ApiError, PageError, failed
from .knobs import Knobs
from .request import ApiRequest, decode, read_form

HTML = "text/html; charset=UTF-8"
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fccfc0f01f0005"
    "0502ff1f0a1d2d0000000049454e44ae426082"
)


class Server(WebServer):
    """One stand-in."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        traffic = Traffic()
        super().__init__(database, knobs, traffic, Control(database, knobs, traffic))
        self._db = database
        self._knobs = knobs
        self._workers = Workers(knobs)
        self._api = Api(database, knobs)

    async def reply(self, asked: Asked) -> Reply:
        return self._web_server(asked.size) or self._buffered(await self._php(asked))

    # The web server

    def _web_server(self, size: int) -> Reply | None:
        limit = self._knobs.client_max_body_size
        if limit and size > limit:
            return _plain(413, pages.TOO_LARGE)
        return _plain(502, pages.BAD_GATEWAY) if self._knobs.fpm_down else None

    def _buffered(self, reply: Reply) -> Reply:
        length = sum(len(k) + len(v) + 4 for k, v in reply.headers.items())
        if self._knobs.header_buffer and length > self._knobs.header_buffer:
            return _plain(502, pages.BAD_GATEWAY)
        return reply

    # PHP

    async def _php(self, asked: Asked) -> Reply:
        base = f"http://{asked.headers.get('host', 'localhost')}"
        if self._knobs.database_down or self._knobs.maintenance:
            return self._out_of_order(asked.path)
        if not asked.path.startswith("/api/"):
            return self._site(asked.method, asked.path, asked.query, base)
        async with self._workers.one():
            try:
                if self._knobs.post_max_size and asked.size > self._knobs.post_max_size:
                    raise PageError
                request = _read(asked)
                return self._shown(await self._api.answer(request, base, asked.headers.get("accept", "")))
            except ApiError as error:
                return self._shown(Answer({"errors": error.errors}, error.status))
            except PageError as error:
                if asked.method in ("HEAD", "OPTIONS"):
                    return Reply(error.status, {"content-type": HTML})
                return _html(error.status, pages.error(self._knobs))
            except MemoryExhaustedError:
                return Reply(500, {"content-type": HTML})

    def _shown(self, answer: Answer) -> Reply:
        headers = {"content-type": answer.content_type, **answer.headers}
        headers["omeka-s-version"] = self._knobs.version
        text = answer.document
        body = text.encode() if isinstance(text, str) else orjson.dumps(text)
        return Reply(answer.status, headers, body)

    def _out_of_order(self, path: str) -> Reply:
        page = "/install" if self._knobs.database_down else "/maintenance"
        if path != page:
            return Reply(302, {"content-type": HTML, "location": page})
        text = pages.install(self._knobs) if self._knobs.database_down else pages.maintenance(self._knobs)
        cookie = {"set-cookie": "becbe51282cd9753929b3b96680dcf60=standin; path=/; HttpOnly"}
        return _html(200, text, cookie)

    # Pages and files

    def _site(self, method: str, path: str, query: Query, base: str) -> Reply:
        parts = [unquote(p) for p in path.strip("/").split("/")]
        match parts:
            case ["api-context"]:
                context = {v.prefix: v.uri for v in self._db.vocabularies.values()}
                context = {"o": "http://omeka.org/s/vocabs/o#"} | context
                return self._shown(Answer({"@context": context}))
            case [""] | ["admin"] | ["s"] | ["s", _]:
                newest = sorted(self._db.items.values(), key=lambda i: -i.id)
                return _html(200, pages.home(self._knobs, [i for i in newest if i.public][:50]))
            case ["files", "original" | "asset" as folder, name]:
                content = self._db.files.find(f"{folder}/{name}")
                if content is not None:
                    return Reply(200, {"content-type": self._file_type(folder, name)}, content)
            case ["files", "large" | "medium" | "square", name]:
                for media in self._db.media.values():
                    if media.storage and name == f"{media.storage}.jpg" and media.has_thumbnails:
                        content = self._db.files.find(f"original/{media.filename}")
                        return Reply(200, {"content-type": media.media_type or ""}, content or _PIXEL)
            case ["application", "asset", "thumbnails", _]:
                return Reply(200, {"content-type": "image/png"}, _PIXEL)
            case ["admin", "item" | "media" | "item-set", number]:
                return self._resource_page(number, Caller(ADMIN))
            case ["item" | "media" | "item-set", number] | ["s", _, "item" | "media" | "item-set", number]:
                return self._resource_page(number, identify(self._db, query))
            case _:
                pass
        return _html(404, pages.missing(self._knobs))

    def _file_type(self, folder: str, name: str) -> str:
        rows: Iterable[Any] = self._db.assets.values() if folder == "asset" else self._db.media.values()
        return next((r.media_type for r in rows if r.filename == name), "application/octet-stream")

    def _resource_page(self, number: str, caller: Caller) -> Reply:
        row = self._db.resource(int(number)) if number.isdigit() else None
        if row is None or not caller.sees(row):
            return _html(404, pages.missing(self._knobs))
        return _html(200, pages.resource(self._db, row, caller))


def _read(asked: Asked) -> ApiRequest:
    method, body = asked.method, asked.body
    _, _, resource, *rest = asked.path.split("/")
    number = unquote(rest[0]) if rest and rest[0] else None
    if len(rest) > 1 or not resource:
        raise PageError(404)
    content: object = {}
    files: dict[str, Upload] = {}
    if method in ("POST", "PUT", "PATCH") and (method == "POST" or number is not None):
        kind = asked.headers.get("content-type", "")
        name = kind.partition(";")[0].strip().lower()
        if name == "multipart/form-data":
            if method == "POST":
                content, files = read_form(asked.form)
        elif name == "application/json":
            content = decode(body)
        else:
            raise failed(415, f'Invalid Content-Type header. Expecting "application/json", got "{kind}".')
    return ApiRequest(method, resource, number, asked.query, content, files)


def _plain(status: int, title: str) -> Reply:
    return Reply(status, {"content-type": "text/html"}, pages.web_server(title).encode(), sized=True)


def _html(status: int, text: str, extra: Headers | None = None) -> Reply:
    return Reply(status, {"content-type": HTML, **(extra or {}), **SESSION}, text.encode())
