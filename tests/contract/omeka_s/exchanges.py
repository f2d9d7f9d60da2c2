"""The recordings: one exchange (or one list of them) a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("exchanges")
HOST = "http://127.0.0.1:8180"


@dataclass(frozen=True)
class Exchange:
    """A request and what the real server answered."""

    file: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def body(self) -> Any:
        """The answer's body: JSON, text, or None."""
        return self.response["body"]

    @property
    def target(self) -> str:
        """Path and query exactly as they were sent."""
        return str(self.request.get("url", self.request["path"])).removeprefix(HOST)


@cache
def load() -> dict[str, list[Exchange]]:
    """All recordings by file name without suffix, in the order in which they were made."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        parts = document.get("exchanges", [document])
        found[path.stem] = [Exchange(path.stem, p["request"], p["response"]) for p in parts]
    return found


def body_of(file: str) -> Any:
    """The recorded answer's body of a file that holds one exchange."""
    return load()[file][0].body


_KNOWN = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": b"",
    "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447": b"hello world\n",
    "b9485148546419a0f6a85e8d708c923557c15d7f3c7d078ef1fa7f7c0f57d5a5": b"a,b\n1,2\n3,4\n",
    "5dde896887f6754c9b15bfe3a441ae4806df2fde94001311e08bf110622e0bbe": b"xx",
    "f533962ce3e6503d28eb084a9371dc807110be6ca1fcf9e8f1e14430d106f20b": b"plain text line\n" * 6400,
}
_MAGIC = {"image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/png": b"\x89PNG\r\n\x1a\n"}
_FRAMES = {
    "t.svg": (b'<svg xmlns="http://www.w3.org/2000/svg">', b"</svg>"),
    "m.json": (b'{"a":"', b'"}'),
}


def content(part: dict[str, Any]) -> bytes:
    """Bytes for a recorded file part.

    The recordings give size and SHA-256. Short contents are known; for the rest, content of the same size
    and kind is made up, and its digest takes the recorded one's place in the answer.
    """
    known: bytes | None = _KNOWN.get(part["sha256"])
    if known is not None:
        return known
    name: str = part["filename"]
    size: int = part["size"]
    start, end = _FRAMES.get(name, (b"", b""))
    if name != "fake.jpg" and part["content_type"] in _MAGIC:
        start = _MAGIC[part["content_type"]]
    filler = (part["sha256"] + " ").encode()
    room = size - len(start) - len(end)
    made_up: bytes = start + (filler * (room // len(filler) + 1))[:room] + end
    return made_up


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
