"""The recorded exchanges with a real Omeka S."""

from __future__ import annotations

import json

from tests.unit.targets.recordings import Recordings
from worker.targets.http import Verb

RECORDED = Recordings("omeka_s")
exchange, body, reply = RECORDED.exchange, RECORDED.body, RECORDED.reply


def method(name: str) -> Verb:
    verb: Verb = exchange(name)["request"]["method"]
    return verb


def sent(name: str) -> bytes:
    """The body of the recorded request."""
    return json.dumps(exchange(name)["request"]["body"]).encode()
