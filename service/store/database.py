"""Engines and transactions, on SQLite and PostgreSQL alike.

Synchronous, called from threads: `await db.run(function, …)` from a coroutine. Transactions are
short (on SQLite none lasts over 50 ms): nothing waits for a network inside one.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio.to_thread
from sqlalchemy import BigInteger, Connection, Engine, cast, create_engine, event, func, literal
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from service.store.folders import make_folder, sync_folder

P = ParamSpec("P")
T = TypeVar("T")


class StoreUnavailableError(Exception):
    """The database (or the blob store) cannot be used now; what was promised before is safe.

    Raised for a busy, stopped, full or read-only store. The cause is chained for the log; the
    message holds neither SQL nor addresses.
    """


def now_ms() -> int:
    """Milliseconds since 1970 UTC by this machine's clock."""
    return time.time_ns() // 1_000_000


def clock(connection: Connection) -> ColumnElement[int]:
    """The moment, as SQL: by the database's clock on PostgreSQL, where machines may disagree."""
    if connection.dialect.name == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
    return literal(now_ms(), BigInteger)


class Database:
    """One database; safe to share between threads, not between processes (see :meth:`dispose`)."""

    def __init__(self, url: str, *, busy_wait: float = 10.0) -> None:
        """`busy_wait`: seconds that a writer repeats a locked SQLite before it gives up."""
        self.url = url
        self.busy_wait = busy_wait
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing written."""
        with self._transaction("BEGIN", durable=False) as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or rolls back on any exception.

        `durable`: on disk before the block ends, power loss included. PostgreSQL always is.
        """
        with self._transaction("BEGIN IMMEDIATE", durable=durable) as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str, *, durable: bool) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                if self.is_sqlite:
                    self._begin_sqlite(connection, begin, durable)
                with connection.begin():
                    yield connection
        except OperationalError as error:
            raise StoreUnavailableError(
                "The database cannot be used at the moment. Try again soon."
            ) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailableError(
                    "The connection to the database was lost. Try again soon."
                ) from error
            raise

    def _begin_sqlite(self, connection: Connection, begin: str, durable: bool) -> None:
        # `synchronous` belongs to the connection and cannot be changed inside a transaction.
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.info["begin"] = begin
        deadline = time.monotonic() + self.busy_wait
        while begin == "BEGIN IMMEDIATE":
            try:
                raw.execute(begin)
            except Exception as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise OperationalError(begin, None, error) from error
                if time.monotonic() > deadline:
                    raise OperationalError(begin, None, error) from error
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter, not a secret
            else:
                break

    async def run(
        self, function: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function(db, …)` in a thread."""
        return await anyio.to_thread.run_sync(functools.partial(function, self, *args, **kwargs))

    def reachable(self) -> bool:
        """Whether a trivial query succeeds now."""
        try:
            with self.read() as connection:
                connection.exec_driver_sql("SELECT 1")
        except (StoreUnavailableError, SQLAlchemyError):
            return False
        return True

    def dispose(self) -> None:
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, pool_timeout=10)
    path = url.removeprefix("sqlite:///")
    _keep_folder(Path(path).absolute().parent)
    engine = create_engine(url, pool_size=10, max_overflow=20, connect_args={"timeout": 5.0})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _announce_begin)
    return engine


def _keep_folder(path: Path) -> None:
    """SQLite makes its own files outlast a power loss, and leaves the folder that they stand in to us."""
    make_folder(path)
    # Also when it stood there: whoever made it may not have thought of it. Where the folder above may not be
    # looked into, or its file system has no such thing, it is as durable as an administrator made it.
    with suppress(OSError):
        sync_folder(path.parent)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _announce_begin(connection: Connection) -> None:
    # Writers have begun already (BEGIN IMMEDIATE, repeated while busy); readers begin here.
    if connection.info.get("begin") == "BEGIN":
        connection.exec_driver_sql("BEGIN")
