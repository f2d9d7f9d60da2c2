"""JSON of answers, and of what is kept of them."""

from __future__ import annotations

import orjson

from worker.records import Json


class Unreadable(ValueError):
    """A JSON document that is no representation of a resource of that kind."""


def decode(data: bytes) -> Json:
    """JSON from bytes. Raises :class:`Unreadable`."""
    try:
        document: Json = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Unreadable("not JSON") from error
    return document
