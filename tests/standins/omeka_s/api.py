"""The REST API: from a request to a status, headers and a document."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tests.standins.shared.php import Query, build_query, to_int

from . import datatypes, mapping, turtle
from .access import Caller, identify
from .catalog import Catalog
from .database import Database
from .errors import ApiError, PageError, denied, failed, not_found
from .knobs import Knobs
from .model import ItemSet, Json
from .render import Renderer
from .request import ApiRequest
from .resources import KINDS, Resources
from .search import Search

LD_JSON = "application/ld+json"
PER_PAGE = 25
NAMES = (
    "users",
    "vocabularies",
    "resource_classes",
    "resource_templates",
    "properties",
    "items",
    "media",
    "item_sets",
    "value_annotations",
    "modules",
    "sites",
    "site_pages",
    "jobs",
    "resources",
    "assets",
    "api_resources",
    "data_types",
)
_EMPTY = {"value_annotations", "jobs"}


@dataclass
class Answer:
    """What the API answers; ``document`` is rendered as JSON unless it is text already."""

    document: Json
    status: int = 200
    content_type: str = LD_JSON
    headers: dict[str, str] = field(default_factory=dict)


class MemoryExhaustedError(Exception):
    """More was asked for than PHP's memory holds: 500 with an empty body."""


class Api:
    """Carries out requests on a database."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._resources = Resources(database, knobs)
        self._catalog = Catalog(database, knobs)

    async def answer(self, request: ApiRequest, base: str, accept: str) -> Answer:
        """Carry out one request; raises ApiError, PageError or MemoryExhaustedError."""
        caller = identify(self._db, request.query)
        zone, maps = ZoneInfo(self._knobs.time_zone), mapping.MODULE in self._knobs.modules
        renderer = Renderer(self._db, caller, base, zone, maps=maps)
        if not self._known(request.resource):
            raise failed(500, f'The API does not support the "{request.resource}" resource.')
        match request.method:
            case "GET" if request.id is None:
                return self._search(request, caller, renderer, base)
            case "GET":
                return self._read(request, caller, renderer, base, accept)
            case "POST":
                return Answer(renderer.row(await self._create(request, caller)))
            case "PATCH" | "PUT" if request.id is not None:
                return Answer(renderer.row(await self._update(request, caller)))
            case "DELETE" if request.id is not None:
                return self._delete(request, caller, renderer)
            case _:
                raise PageError(405)

    def _known(self, name: str) -> bool:
        return name in NAMES or self._catalog.knows(name)

    # Reading

    def _read(
        self, request: ApiRequest, caller: Caller, renderer: Renderer, base: str, accept: str
    ) -> Answer:
        row = self._find(request, caller)
        shown = row if isinstance(row, dict) else renderer.row(row)
        if accept.startswith("text/turtle"):
            return Answer(turtle.write(shown, self._db), content_type="text/turtle;charset=UTF-8")
        return Answer(shown)

    def _find(self, request: ApiRequest, caller: Caller) -> Json:
        if request.resource in KINDS:
            return self._resources.find(request.resource, request.number, f'"{request.id}"', caller)
        if request.resource == "resources":
            row = self._db.resource(request.number or 0)
            if row is None or not caller.sees(row):
                raise not_found("Resource", f'"{request.id}"')
            return row
        if self._catalog.knows(request.resource):
            return self._catalog.find(request, caller)
        raise not_found("Resource", f'"{request.id}"')

    def _search(self, request: ApiRequest, caller: Caller, renderer: Renderer, base: str) -> Answer:
        path = f"{base}/api/{request.resource}"
        listed = self._listed(request.resource, base)
        if listed is not None:
            link = f'<{path}?{build_query(_linked(request.query, 1))}>; rel="first"'
            return Answer(listed, headers={"link": link})
        page, per_page = _paging(request.query)
        start = (page - 1) * per_page
        if request.resource in KINDS or request.resource == "resources":
            search = Search(self._db, self._knobs, caller)
            rows: list[Json] = [*search.run(request.resource, request.query, per_page)]
            scalar = request.query.get("return_scalar")
            shown = rows[start : start + per_page]
            if isinstance(scalar, str) and scalar:
                document = search.scalars(request.resource, shown, scalar)
            else:
                document = self._rendered(shown, renderer)
        else:
            rows = [*self._catalog.search(request.resource, request.query, caller)]
            document = self._rendered(rows[start : start + per_page], renderer)
        headers = {
            "link": _links(path, request.query, page, math.ceil(len(rows) / per_page)),
            "omeka-s-total-results": str(len(rows)),
        }
        return Answer(document, headers=headers)

    def _rendered(self, rows: list[Json], renderer: Renderer) -> Json:
        if self._knobs.max_rendered and len(rows) > self._knobs.max_rendered:
            raise MemoryExhaustedError
        return [renderer.row(row) for row in rows]

    def _listed(self, name: str, base: str) -> Json:
        """The short lists that have no table and no total."""
        if name == "api_resources":
            modules = {"CustomVocab": "custom_vocabs", mapping.MODULE: mapping.RESOURCE}
            names = [*NAMES, *(modules[one] for one in self._knobs.modules if one in modules)]
            return [_entry(base, name, "o:ApiResource", n) for n in names]
        if name == "data_types":
            types = datatypes.names(self._knobs.modules, self._db.custom_vocabs)
            return [_entry(base, name, "o:DataType", n) | {"o:label": n} for n in types]
        if name == "modules":
            extra = {"o:state": "active", "o:is_active": True}
            return [_entry(base, name, "o:Module", n) | {"o:name": n} | extra for n in self._knobs.modules]
        return [] if name in _EMPTY else None

    # Writing

    async def _create(self, request: ApiRequest, caller: Caller) -> Json:
        if request.resource in KINDS:
            return await self._resources.create(request.resource, request.content, request.files, caller)
        if self._catalog.knows(request.resource):
            return self._catalog.create(request, caller)
        raise denied("create", f"Omeka\\Api\\Adapter\\{_adapter(request.resource)}")

    async def _update(self, request: ApiRequest, caller: Caller) -> Json:
        partial = request.method == "PATCH"
        if request.resource in KINDS:
            caller.may_try("update", KINDS[request.resource].entity)
            row = self._find(request, caller)
            return await self._resources.update(row, request.content, caller, partial=partial)
        if self._catalog.knows(request.resource):
            return self._catalog.update(request, self._find(request, caller), caller, partial=partial)
        raise denied("update", f"Omeka\\Api\\Adapter\\{_adapter(request.resource)}")

    def _delete(self, request: ApiRequest, caller: Caller, renderer: Renderer) -> Answer:
        entity = KINDS[request.resource].entity if request.resource in KINDS else request.resource
        caller.may_try("delete", entity)
        row = self._find(request, caller)
        caller.may_change("delete", entity, getattr(row, "owner", None))
        shown = renderer.row(row, gone=True)
        if request.resource in KINDS:
            self._resources.delete(row)
        else:
            self._catalog.delete(row)
        if isinstance(row, ItemSet):
            # It is gone; rendering it without an id is what fails.
            raise PageError
        return Answer(shown)


def _adapter(resource: str) -> str:
    return "".join(part.capitalize() for part in resource.split("_")).removesuffix("s") + "Adapter"


def _entry(base: str, name: str, kind: str, number: str) -> dict[str, Json]:
    return {
        "@context": f"{base}/api-context",
        "@id": f"{base}/api/{name}/{number}",
        "@type": kind,
        "o:id": number,
    }


def _paging(query: Query) -> tuple[int, int]:
    """Page and size; zero and less mean one, and there is no upper limit."""
    page = max(1, to_int(query["page"])) if "page" in query else 1
    return page, max(1, to_int(query["per_page"])) if "per_page" in query else PER_PAGE


def _linked(query: Query, page: int) -> Query:
    """The query of a ``Link``: all that was sent, key included, and what was understood."""
    linked: Query = dict(query)
    if not query.get("sort_by"):
        linked |= {"sort_by_default": "", "sort_order_default": "", "sort_by": "id"}
    if not query.get("sort_order"):
        linked["sort_order"] = "asc"
    linked["page"] = str(page)
    return linked


def _links(path: str, query: Query, page: int, last: int) -> str:
    pages = {"first": 1}
    if page > 1:
        pages["prev"] = page - 1
    if page < last:
        pages["next"] = page + 1
    if last:
        pages["last"] = last
    return ", ".join(f'<{path}?{build_query(_linked(query, n))}>; rel="{rel}"' for rel, n in pages.items())


__all__ = ["LD_JSON", "Answer", "Api", "ApiError", "MemoryExhaustedError"]
