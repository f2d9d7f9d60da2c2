"""A request to the API as its controller reads it: query, JSON content, uploaded files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson
from python_multipart import FormParser
from python_multipart.multipart import File as PartFile

from .errors import PageError, failed
from .model import Json
from .php import Query

MAX_DEPTH = 512
_FIELD = re.compile(r"file(?:\[(?P<index>[^\]]*)\])?\Z")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body."""

    name: str
    content: bytes


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


def read_multipart(body: bytes, content_type: str) -> tuple[Json, dict[str, Upload]]:
    """The ``data`` part, decoded, and the files."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None:
        raise failed(400, "JSON: Syntax error")
    data = b""
    files: dict[str, Upload] = {}

    def on_field(part: Json) -> None:
        nonlocal data
        if part.field_name == b"data":
            data = part.value or b""

    def on_file(part: PartFile) -> None:
        found = _FIELD.match((part.field_name or b"").decode("utf-8", "replace"))
        if found:
            part.file_object.seek(0)
            name = (part.file_name or b"").decode("utf-8", "replace")
            files[found["index"] or ""] = Upload(name, part.file_object.read())
        part.close()

    parser = FormParser(
        "multipart/form-data",
        on_field,
        on_file,
        boundary=boundary[1],
        config={"MAX_MEMORY_FILE_SIZE": 1 << 30},
    )
    parser.write(body)
    parser.finalize()
    return decode(data), files
