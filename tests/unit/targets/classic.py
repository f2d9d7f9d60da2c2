"""The recorded exchanges with a real Omeka Classic."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.unit.targets.recordings import Recordings

RECORDED = Recordings("omeka_classic")
exchange, reply = RECORDED.exchange, RECORDED.reply


def sent(name: str) -> bytes:
    """The body of the recorded request, which is kept as text."""
    body: str = exchange(name)["request"]["body"]
    return body.encode()


def body(name: str) -> Any:
    """A copy: tests change it."""
    return deepcopy(RECORDED.body(name))
