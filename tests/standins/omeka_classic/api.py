"""The REST API: from a request to a status, headers and a document."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.standins.shared.php import Json, Query, to_int

from . import catalog
from .access import Caller, identify
from .database import Database
from .errors import ApiError, DeadError, not_found
from .knobs import Knobs
from .model import Row
from .render import Renderer
from .request import ApiRequest
from .search import search
from .writing import Writing

_HTML = "text/html; charset=utf-8"


@dataclass
class Answer:
    """What the API answers: a document to show as JSON, or nothing where ``content_type`` is not JSON."""

    document: Json
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Api:
    """Carries out requests on a database."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._writing = Writing(database, knobs)

    def answer(self, request: ApiRequest, base: str) -> Answer:
        """Carry out one request; raises ApiError or DeadError."""
        caller = identify(self._db, request.query)
        if not self._knobs.api_enabled:
            raise ApiError(403, "API is disabled")
        action = self._action(request)
        renderer = Renderer(self._db, self._knobs, caller, base)
        if request.resource == "site":
            return Answer(self._site(base))
        if request.resource == "resources":
            return Answer(catalog.described(self._knobs, base))
        match action:
            case "index":
                return self._index(request, caller, renderer)
            case "get":
                return self._get(request, caller, renderer)
            case "post":
                row = self._writing.create(request, caller)
                shown = renderer.row(row)
                return Answer(shown, 201, {"location": shown["url"]})
            case "put":
                row = self._found(request, caller)
                return Answer(renderer.row(self._writing.update(request, row, caller)))
            case _:
                self._writing.delete(request, self._found(request, caller), caller)
                return Answer(None, 204, content_type=_HTML)

    def _action(self, request: ApiRequest) -> str:
        """The action of a request that the router lets through, in the order of its complaints."""
        resource = catalog.resources(self._knobs).get(request.resource)
        if resource is None:
            raise ApiError(404, f'The "{request.resource}" resource is unavailable.')
        action = request.method.lower()
        if action == "get" and not request.params:
            action = "index"
        if action == "post" and request.params:
            raise ApiError(405, "POST requests must not include an ID.")
        if action in ("put", "delete") and not request.params:
            raise ApiError(405, "PUT and DELETE requests must include an ID.")
        if action not in resource.actions:
            raise ApiError(405, f'This resource does not implement the "{action}" action.')
        legal = set(catalog.GENERAL)
        if action == "index":
            legal |= catalog.PAGING | {*(catalog.understood(resource, self._knobs) or ())}
        for name in request.query:
            if name not in legal:
                raise ApiError(400, f'Invalid GET request parameter: "{name}"')
        return action

    def _site(self, base: str) -> Json:
        return {
            "omeka_url": base,
            "omeka_version": self._knobs.version,
            "title": self._knobs.title,
            "description": self._knobs.description,
            "author": self._knobs.author,
            "copyright": self._knobs.copyright,
        }

    def _found(self, request: ApiRequest, caller: Caller) -> Row:
        row = self._db.table(request.resource).get(request.number)
        if row is None or not caller.sees(self._db, row):
            raise not_found()
        return row

    def _get(self, request: ApiRequest, caller: Caller, renderer: Renderer) -> Answer:
        row = self._found(request, caller)
        caller.may_read(row)
        if request.resource == "exhibit_pages":
            # The plugin's own fault, at every page.
            raise DeadError
        return Answer(renderer.row(row))

    def _index(self, request: ApiRequest, caller: Caller, renderer: Renderer) -> Answer:
        query = request.query
        page = max(1, to_int(query.get("page", "1")))
        asked = to_int(query.get("per_page", "0"))
        per_page = asked if 0 < asked <= self._knobs.per_page else self._knobs.per_page
        found = search(self._db, caller, request.resource, query)
        start = (page - 1) * per_page
        url = f"{renderer.base}/api/{request.resource}"
        headers = {
            "omeka-total-results": str(found.total),
            "link": _links(url, query, page, per_page, math.ceil(found.total / per_page)),
        }
        return Answer([renderer.row(row) for row in found.rows[start : start + per_page]], headers=headers)


def _links(url: str, query: Query, page: int, per_page: int, last: int) -> str:
    """The ``Link`` header; with no results ``last`` is page 0, and ``prev`` knows no end."""
    pages = {"first": 1, "last": last}
    if page > 1:
        pages["prev"] = page - 1
    if page < last:
        pages["next"] = page + 1
    kept = {name: value for name, value in _flat(query) if name != "key"}
    shown = (
        (urlencode(kept | {"page": str(number), "per_page": str(per_page)}), rel)
        for rel, number in pages.items()
    )
    return ", ".join(f'<{url}?{text}>; rel="{rel}"' for text, rel in shown)


def _flat(query: Query, prefix: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, dict):
            pairs += _flat(value, name)
        else:
            pairs.append((name, value))
    return pairs
