"""A database that is away for a while: for one round alone, though others share its server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, create_engine, make_url, text

from service.store.database import StoreUnavailableError

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds after which a database that was taken away must be back."""


def patiently(read: Callable[[], T]) -> T:
    """What `read` finds in the database, once it is back."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return read()
        except StoreUnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def away(url: str) -> Iterator[None]:
    """As long as the block lasts nobody gets at that database, and whoever was at it has lost it."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        with _locked(address.database or ""):
            yield
        return
    admin = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            _admit(connection, address.database or "", admitted=False)
            try:
                yield
            finally:
                _admit(connection, address.database or "", admitted=True)
    finally:
        admin.dispose()


@contextmanager
def _locked(path: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _admit(connection: Connection, name: str, *, admitted: bool) -> None:
    said = "true" if admitted else "false"
    connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {said}'))
    if not admitted:
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(ended, {"name": name})
