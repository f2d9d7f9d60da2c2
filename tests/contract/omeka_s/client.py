"""A small client for the tests of the stand-in: paths below /api, the administrator's key."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx2

from tests.standins.omeka_s import StandIn


def literal(text: Any, number: int = 1, **more: Any) -> dict[str, Any]:
    """A literal value."""
    return {"type": "literal", "property_id": number, "@value": text, **more}


def link(target: int, number: int = 13) -> dict[str, Any]:
    """A link to a resource."""
    return {"type": "resource", "property_id": number, "value_resource_id": target}


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
        return self._done("GET", path, params=query)

    def post(self, path: str, document: Any) -> Any:
        """What was created."""
        return self._done("POST", path, json=document)

    def patch(self, path: str, document: Any) -> Any:
        """What it has become."""
        return self._done("PATCH", path, json=document)

    def put(self, path: str, document: Any) -> Any:
        """The same, where what is not sent is forgotten."""
        return self._done("PUT", path, json=document)

    def delete(self, path: str) -> Any:
        """What it was."""
        return self._done("DELETE", path)

    def item(self, title: str, **fields: Any) -> int:
        """Id of a new item."""
        number: int = self.post("/items", {"dcterms:title": [literal(title)], **fields})["o:id"]
        return number

    def _done(self, method: str, path: str, **options: Any) -> Any:
        response = self._http.request(method, path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
