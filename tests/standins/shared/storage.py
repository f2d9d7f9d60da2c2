"""What survives a restart: rows in SQLite, files in a folder beside it. Without a path both are in memory."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


class Journal:
    """Rows as ``(table, key, JSON)``, written in one transaction a request."""

    def __init__(self, path: Path | None) -> None:
        self._connection: sqlite3.Connection | None = None
        if path is not None:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # A killed process loses nothing; only the machine's own crash could.
            self._connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
                "CREATE TABLE IF NOT EXISTS rows"
                " (kind TEXT, key TEXT, body BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )

    @property
    def kept(self) -> bool:
        """Whether there is a file at all."""
        return self._connection is not None

    def read(self) -> Iterator[tuple[str, str, bytes]]:
        """All rows."""
        if self._connection is not None:
            yield from self._connection.execute("SELECT kind, key, body FROM rows ORDER BY kind, key")

    def write(self, rows: Mapping[tuple[str, str], bytes | None]) -> None:
        """Upsert rows; ``None`` deletes one."""
        if self._connection is None:
            return
        self._connection.execute("BEGIN")
        for (kind, key), body in rows.items():
            if body is None:
                self._connection.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))
            else:
                self._connection.execute("REPLACE INTO rows VALUES (?, ?, ?)", (kind, key, body))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()


PIECE = 1 << 20
"""Bytes that are read at once; fewer than so many are kept in memory."""
HEAD = 8 << 20
"""Bytes of the beginning that tell what a file is, as with the library behind PHP's fileinfo."""


class Spool:
    """Bytes as they come: hashed on the way, and on disk where they are many. A file that has no name there
    is gone with the process, however that ends."""

    def __init__(self, content: bytes = b"") -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=PIECE)  # noqa: SIM115
        # Closed when nothing refers to it: it outlives the request that brought it.
        weakref.finalize(self, self._file.close)
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._head = bytearray()
        self.size = 0
        self.write(content)

    def write(self, chunk: bytes) -> None:
        """The next bytes. Only before anything is read."""
        self._file.write(chunk)
        self._sha256.update(chunk)
        self._md5.update(chunk)
        self._head += chunk[: max(0, HEAD - len(self._head))]
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    @property
    def head(self) -> bytes:
        """Its first bytes: of most files all of them."""
        return bytes(self._head)

    def read(self) -> bytes:
        """All of it."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces; several may go through it at a time, in one thread."""
        for place in range(0, self.size, PIECE):
            self._file.seek(place)
            yield self._file.read(PIECE)

    def forget_head(self) -> None:
        """It is stored: what it is was told."""
        self._head.clear()


@dataclass(frozen=True)
class OnDisk:
    """A file in the folder of a stand-in."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces."""
        with self.path.open("rb") as file:
            while chunk := file.read(PIECE):
                yield chunk


class Files:
    """Bytes of originals and assets by name, such as ``original/abc.jpg``."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, Spool] = {}

    def write(self, name: str, content: Spool) -> None:
        """Keep a file."""
        if self._folder is None:
            content.forget_head()
            self._memory[name] = content
            return
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for chunk in content.chunks():
                file.write(chunk)

    def find(self, name: str) -> Spool | OnDisk | None:
        """What is kept under this name."""
        if self._folder is None:
            return self._memory.get(name)
        path = self._folder / name
        return OnDisk(path) if path.is_file() else None

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self._folder is None:
            self._memory.pop(name, None)
        else:
            (self._folder / name).unlink(missing_ok=True)
