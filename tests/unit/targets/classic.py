"""The recorded exchanges with a real Omeka Classic, by name, as this side sees them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from worker.targets.http import Reply

FOLDER = Path(__file__).parents[2] / "contract" / "omeka_classic" / "exchanges"


@cache
def _files() -> dict[str, Path]:
    return {path.stem.split("-", 1)[1]: path for path in FOLDER.glob("*.json")}


@cache
def exchange(name: str) -> Any:
    """The whole recording."""
    return json.loads(_files()[name].read_text(encoding="utf-8"))


def sent(name: str) -> bytes:
    """The body of the recorded request, which is kept as text."""
    body: str = exchange(name)["request"]["body"]
    return body.encode()


def body(name: str) -> Any:
    return json.loads(json.dumps(exchange(name)["response"]["body"]))


def reply(name: str) -> Reply:
    response = exchange(name)["response"]
    content = response["body"]
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    return Reply(response["status"], {key.lower(): value for key, value in response["headers"].items()}, data)
