"""What survives a restart: rows in SQLite, files in a folder beside it. Without a path both are in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
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


class Files:
    """Bytes of originals and assets by name, such as ``original/abc.jpg``."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    def write(self, name: str, content: bytes) -> None:
        """Keep a file."""
        if self._folder is None:
            self._memory[name] = content
        else:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def read(self, name: str) -> bytes | None:
        """The content, or None."""
        if self._folder is None:
            return self._memory.get(name)
        path = self._folder / name
        return path.read_bytes() if path.is_file() else None

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        if self._folder is None:
            self._memory.pop(name, None)
        else:
            (self._folder / name).unlink(missing_ok=True)
