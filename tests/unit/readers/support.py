"""Reading a file that a test has just written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.control.model import ReaderSpec
from worker.readers import Item, excerpt, open_reader
from worker.records import Row


@dataclass(frozen=True)
class Blob:
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def write(folder: Path, data: bytes) -> Path:
    path = folder / "blob"
    path.write_bytes(data)
    return path


def items(spec: ReaderSpec, path: Path, **options: Any) -> list[Item]:
    return list(open_reader(spec, Blob(path), "data", **options))


def rows(spec: ReaderSpec, path: Path, **options: Any) -> dict[int, Any]:
    """Number → fields; fails on a bad row."""
    found = items(spec, path, **options)
    assert [item for item in found if not isinstance(item, Row)] == []
    return {item.number: dict(item.fields) for item in found if isinstance(item, Row)}


def cut(spec: ReaderSpec, path: Path, numbers: set[int], **options: Any) -> bytes:
    return b"".join(excerpt(spec, path, numbers, **options))
