"""Stores that fail at chosen moments: the database at a statement or a commit, the blobs at a call."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from unittest import mock

import psycopg
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from service.store.blobs import DiskBlobs
from service.store.database import Database, StoreUnavailableError

How = Literal["away", "kept"]
"""`away`: nothing came of it. `kept`: a commit was one, and its answer was lost."""

BLOBS = ("begin", "size", "open_range", "local_path")


@dataclass
class Spoiler:
    """Counts what is asked of the stores, and lets some of it fail: from `first` on, `times` in a row.

    With `how="kept"` commits alone are counted.
    """

    db: Database
    first: int
    times: int = 1
    how: How = "away"
    asked: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _fails(self) -> bool:
        with self._lock:
            self.asked += 1
            fails = self.first <= self.asked < self.first + self.times
            self.failed += fails
            return fails

    @contextmanager
    def at_work(self) -> Iterator[Spoiler]:
        dialect, engine = self.db.engine.dialect, self.db.engine
        commit = dialect.do_commit

        def do_commit(connection: Any) -> None:
            fails = self._fails()
            if not fails or self.how == "kept":
                commit(connection)
            if fails:
                raise _failure(self.how, connection.driver_connection)

        def statement(*_: Any) -> None:
            if self.how == "away" and self._fails():
                raise OperationalError("", None, sqlite3.OperationalError("disk I/O error"))

        def blob(name: str) -> Any:
            real = getattr(DiskBlobs, name)

            def call(*arguments: Any) -> Any:
                if self.how == "away" and self._fails():
                    raise StoreUnavailableError("the disk is away")
                return real(*arguments)

            return call

        event.listen(engine, "before_cursor_execute", statement)
        spoilt = {name: blob(name) for name in BLOBS}
        try:
            with mock.patch.object(dialect, "do_commit", do_commit), mock.patch.multiple(DiskBlobs, **spoilt):
                yield self
        finally:
            event.remove(engine, "before_cursor_execute", statement)


def _failure(how: How, connection: Any) -> Exception:
    """What the driver raises for a commit: of PostgreSQL, its connection is gone."""
    if isinstance(connection, psycopg.Connection):
        connection.close()
        return psycopg.OperationalError("server closed the connection unexpectedly")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC" if how == "kept" else "SQLITE_IOERR_WRITE"
    return error
