"""Style and scripts of the pages.

Their addresses hold a digest of the bytes, so browsers keep them for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.errors import refusal

PATH = "/admin/static"
FILES: Mapping[str, tuple[str, str]] = {
    "admin.css": ("admin.css", "text/css"),
    "admin.js": ("admin.js", "text/javascript"),
    "htmx.js": ("vendor/htmx-4.0.1.min.js", "text/javascript"),
    "hx-sse.js": ("vendor/hx-sse-4.0.1.min.js", "text/javascript"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""What pages call a file → where it stands, and its type."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    address: str
    content: bytes
    media_type: str


class StaticFiles:
    """All of them, read once."""

    def __init__(self, base: str) -> None:
        """`base`: what stands before `/admin` in the addresses that users see."""
        folder = files("service.admin").joinpath("static")
        self._by_name: dict[str, StaticFile] = {}
        for name, (path, media_type) in FILES.items():
            content = folder.joinpath(path).read_bytes()
            stem, _, ending = name.rpartition(".")
            digest = hashlib.sha256(content).hexdigest()[:16]
            self._by_name[name] = StaticFile(f"{base}{PATH}/{stem}.{digest}.{ending}", content, media_type)
        self._by_address = {one.address.removeprefix(base): one for one in self._by_name.values()}

    def address(self, name: str) -> str:
        return self._by_name[name].address

    def route(self) -> Route:
        async def endpoint(request: Request) -> Response:
            found = self._by_address.get(f"{PATH}/{request.path_params['name']}")
            if found is None:
                raise refusal(404, "path-unknown", "There is no such file; reload the page.")
            headers = {"Cache-Control": "public, max-age=31536000, immutable"}
            return Response(found.content, 200, headers, media_type=found.media_type)

        return Route(f"{PATH}/{{name}}", endpoint, methods=["GET"], name="admin static")
