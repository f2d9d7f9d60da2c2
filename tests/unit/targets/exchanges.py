"""The recorded exchanges with a real Omeka S, by name, as this side sees them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from worker.targets.http import Reply, Verb

FOLDER = Path(__file__).parents[2] / "contract" / "omeka_s" / "exchanges"


@cache
def _files() -> dict[str, Path]:
    return {path.stem.split("-", 1)[1]: path for path in FOLDER.glob("*.json")}


@cache
def exchange(name: str) -> Any:
    """The whole recording."""
    return json.loads(_files()[name].read_text(encoding="utf-8"))


def method(name: str) -> Verb:
    return exchange(name)["request"]["method"]


def sent(name: str) -> bytes:
    """The body of the recorded request."""
    return json.dumps(exchange(name)["request"]["body"]).encode()


def body(name: str) -> Any:
    return exchange(name)["response"]["body"]


def reply(name: str) -> Reply:
    response = exchange(name)["response"]
    content = response["body"]
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    return Reply(response["status"], {key.lower(): value for key, value in response["headers"].items()}, data)
