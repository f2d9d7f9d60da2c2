"""A request to the API as its router and controllers read it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.standins.shared.multipart import Form
from tests.standins.shared.php import Json, Query, to_int

from .errors import no_object


@dataclass(frozen=True)
class ApiRequest:
    """``method`` is the overriding one where one was sent; ``form`` is there when the body was multipart."""

    method: str
    resource: str
    params: list[str]
    query: Query
    body: bytes = b""
    form: Form = field(default_factory=Form)
    newest_tag: int = 0
    """The last tag that was there when the request came, before it had to wait."""
    collides: bool = False
    """Whether another upload is under way where the site cannot bear that."""

    @property
    def number(self) -> int:
        """The id as PHP casts it: ``5abc`` is 5, ``abc`` is 0."""
        return to_int(self.params[0]) if self.params else 0


def route(path: str) -> tuple[str, list[str]] | None:
    """Resource and parameters of a path; None where it is not the API's."""
    found = re.match(r"/api/([a-z_]+)(.+)?\Z", path)
    if found is None:
        return None
    rest = found[2] or ""
    return found[1], rest.split("/")[1:] if rest not in ("", "/") else []


def json_object(body: bytes) -> dict[str, Json]:
    """A JSON object, or 400: PHP takes neither NaN nor half of a surrogate pair."""
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        if b"\\ud" in body.lower():
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise no_object() from None
    if not isinstance(document, dict):
        raise no_object()
    return document


def _refuse(name: str) -> None:
    raise ValueError(name)
