"""A request to the API as its controller reads it: query, JSON content, uploaded files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson

from tests.standins.shared.multipart import Form, Upload
from tests.standins.shared.php import Query

from .errors import PageError, failed
from .model import Json

MAX_DEPTH = 512
_FIELD = re.compile(r"file(?:\[(?P<index>[^\]]*)\])?\Z")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)


@dataclass(frozen=True)
class ApiRequest:
    """Method, resource name, id, query and content."""

    method: str
    resource: str
    id: str | None
    query: Query
    content: Json = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    """Parts called ``file[N]`` by N; a part called ``file`` under the empty string."""

    @property
    def number(self) -> int | None:
        """The id as the database casts it: ``5abc`` is 5."""
        found = re.match(r"\s*\d+", self.id or "")
        return int(found.group()) if found else None


def decode(body: bytes) -> Json:
    """JSON as PHP decodes it, with PHP's messages."""
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise failed(400, "JSON: Maximum stack depth exceeded")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise failed(400, f"JSON: {_complaint(body, str(error))}") from None
    if not isinstance(content, dict | list):
        # The manager's methods take an array only.
        raise PageError
    return content


def _complaint(body: bytes, reason: str) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "Malformed UTF-8 characters, possibly incorrectly encoded"
    if "surrogate" in reason:
        return "Single unpaired high surrogate in Unicode escape"
    return "Syntax error"


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def read_form(form: Form | None) -> tuple[Json, dict[str, Upload]]:
    """The ``data`` part, decoded, and the files."""
    if form is None:
        raise failed(400, "JSON: Syntax error")
    files: dict[str, Upload] = {}
    for name, upload in form.files:
        found = _FIELD.match(name)
        if found:
            files[found["index"] or ""] = upload
    return decode(form.fields.get("data", b"")), files
