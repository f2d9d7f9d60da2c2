"""Parts of records by the record that they belong to. On disk (SQLite's temporary database): memory does not
grow with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from worker.sources.pages import Entry


class Parts:
    """Use it as a context; one thread at a time."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute(
            "CREATE TABLE part (kind TEXT, owner INTEGER, place INTEGER, number INTEGER, entry TEXT, "
            "PRIMARY KEY (kind, number))"
        )
        self._database.execute("CREATE INDEX of ON part (kind, owner, place, number)")
        self._database.execute("BEGIN")

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._database):
            pass

    def add(self, kind: str, owner: int, place: int, number: int, entry: Entry) -> None:
        """`place`: its order among those of the same owner. One that is there already is replaced."""
        self._database.execute(
            "INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)",
            (kind, owner, place, number, json.dumps(entry)),
        )

    def of(self, kind: str, owner: int) -> Iterator[Entry]:
        rows = self._database.execute(
            "SELECT entry FROM part WHERE kind = ? AND owner = ? ORDER BY place, number", (kind, owner)
        )
        for (entry,) in rows:
            yield json.loads(entry)

    def every(self, kind: str) -> Iterator[Entry]:
        """By their numbers. Others of the same context may be asked for meanwhile."""
        after = -1
        while True:
            rows = self._database.execute(
                "SELECT number, entry FROM part WHERE kind = ? AND number > ? ORDER BY number LIMIT 500",
                (kind, after),
            ).fetchall()
            for number, entry in rows:
                yield json.loads(entry)
                after = number
            if not rows:
                return

    def one(self, kind: str, number: int) -> Entry | None:
        row = self._database.execute(
            "SELECT entry FROM part WHERE kind = ? AND number = ?", (kind, number)
        ).fetchone()
        return None if row is None else json.loads(row[0])
