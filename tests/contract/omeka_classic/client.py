"""A small client for the tests of the stand-in: paths below /api, the super user's key."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx2

from tests.standins.omeka_classic import StandIn


def text(content: Any, element: int = 50, *, html: bool = False) -> dict[str, Any]:
    """An element text; Dublin Core:Title is 50."""
    return {"html": html, "text": content, "element": {"id": element}}


class Client:
    """Sends JSON and expects JSON; ``url`` may be that of a proxy."""

    def __init__(self, standin: StandIn, url: str = "", key: dict[str, str] | None = None) -> None:
        self._http = httpx2.Client(
            base_url=(url or standin.url) + "/api",
            params=standin.key if key is None else key,
            trust_env=False,
            timeout=30,
        )

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """The raw response."""
        return self._http.request(method, path, **options)

    def get(self, path: str, **query: Any) -> Any:
        """A document, or a failed test."""
        return self._done(200, "GET", path, params=query)

    def post(self, path: str, document: Any) -> Any:
        """What was created."""
        return self._done(201, "POST", path, json=document)

    def put(self, path: str, document: Any) -> Any:
        """What it has become."""
        return self._done(200, "PUT", path, json=document)

    def item(self, title: str, **fields: Any) -> int:
        """Id of a new item."""
        number: int = self.post("/items", {"element_texts": [text(title)], **fields})["id"]
        return number

    def upload(self, item: int, name: str, content: bytes, data: str = "") -> httpx2.Response:
        """The answer to a file."""
        sent = data or f'{{"item": {{"id": {item}}}}}'
        return self.request("POST", "/files", data={"data": sent}, files={"file": (name, content)})

    def _done(self, status: int, method: str, path: str, **options: Any) -> Any:
        response = self._http.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
