"""The recordings: one exchange a file, with one of two sites: `origin` has content, `target` was empty."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

FOLDER = Path(__file__).with_name("exchanges")
HOSTS = {"origin": "http://127.0.0.1:8281", "target": "http://127.0.0.1:8280"}


@dataclass(frozen=True)
class Exchange:
    """A request and what the real server answered."""

    file: str
    site: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def body(self) -> Any:
        """The answer's body: JSON, text, or an empty string."""
        return self.response["body"]

    @property
    def target(self) -> str:
        """Path and query as they were sent; keys are their placeholders."""
        query = urlencode(self.request["query"])
        return f"{self.request['path']}?{query}" if query else str(self.request["path"])

    @property
    def content(self) -> bytes | None:
        """The request's body."""
        body = self.request["body"]
        if isinstance(body, dict):
            return base64.b64decode(body["base64"])
        return None if body is None else str(body).encode()


@cache
def load() -> dict[str, Exchange]:
    """All recordings by file name without suffix, in the order in which they were made."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        found[path.stem] = Exchange(
            path.stem, document["instance"], document["request"], document["response"]
        )
    return found


def body_of(file: str) -> Any:
    """The recorded answer's body."""
    return load()[file].body
