"""Engines and transactions, on SQLite and PostgreSQL alike.

Synchronous, called from threads: `await db.run(function, …)` from a coroutine. Transactions are
short (on SQLite none lasts over 50 ms): nothing waits for a network inside one.
"""

from __future__ import annotations

import functools
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio.to_thread
from sqlalchemy import BigInteger, Connection, Engine, cast, create_engine, event, func, literal, make_url
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.elements import ColumnElement

from service.store.folders import make_folder, sync_folder

P = ParamSpec("P")
T = TypeVar("T")


class StoreUnavailableError(Exception):
    """The database (or the blob store) cannot be used now; what was promised before is safe.

    Raised for a busy, stopped, full or read-only store. The cause is chained for the log; the
    message holds neither SQL nor addresses.
    """


class CommitUnknownError(StoreUnavailableError):
    """The database went away while it was committing: what was to be written may be kept, or not.

    Never write the same again on the strength of this: look first, as whoever takes a run up does.
    """


AWAY = "The database cannot be used at the moment. Try again soon."
LOST = "The connection to the database was lost. Try again soon."

PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Of a connection to PostgreSQL, as libpq names it: a server that went without a word is given up within half
a minute, not in two hours. What the URL says goes before it."""


HELD_WITHIN = 10.0
"""Seconds after which PostgreSQL ends a transaction that does nothing, or waits for a row: a process that was
frozen, or cut off from its database, must not hold up those that go on in its stead."""


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
        committing = False
        try:
            with self.engine.connect() as connection:
                if self.is_sqlite:
                    self._begin_sqlite(connection, begin, durable)
                with connection.begin() as transaction:
                    yield connection
                    committing = True
                    transaction.commit()
        except PoolTimeoutError as error:
            raise StoreUnavailableError(AWAY) from error
        except DBAPIError as error:
            if not _is_away(error):
                raise
            if committing and begin != "BEGIN" and _may_be_kept(error):
                raise CommitUnknownError(LOST) from error
            raise StoreUnavailableError(_words(error)) from error

    def _begin_sqlite(self, connection: Connection, begin: str, durable: bool) -> None:
        # `synchronous` belongs to the connection and cannot be changed inside a transaction.
        raw = connection.connection.driver_connection
        assert raw is not None
        pragma = f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}"
        try:
            raw.execute(pragma)
        except sqlite3.Error as error:  # it reads the file
            raise OperationalError(pragma, None, error) from error
        connection.info["begin"] = begin
        deadline = time.monotonic() + self.busy_wait
        while begin == "BEGIN IMMEDIATE":
            try:
                raw.execute(begin)
            except sqlite3.Error as error:
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


def _is_away(error: DBAPIError) -> bool:
    """Whether the database is the one that cannot: gone, starting, full, busy, read-only or spoilt; not what
    was asked of it."""
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    if isinstance(error, InternalError):  # of PostgreSQL: a server that became a copy of another one
        return getattr(error.orig, "sqlstate", None) == "25006"
    # SQLite has no class of its own for a file that it cannot read as a database.
    return type(error) is DatabaseError and isinstance(error.orig, sqlite3.DatabaseError)


def _words(error: DBAPIError) -> str:
    """What a person can do about it."""
    if error.connection_invalidated:
        return LOST
    name = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
    if name in ("SQLITE_FULL", "53100"):
        return "The disk that holds the database is full. Free some space on it, then try again."
    if name.startswith("SQLITE_READONLY") or name == "25006":
        return "The database takes no writes: it is read-only. Make it writable, then try again."
    if name.startswith("SQLITE_CANTOPEN"):
        return "The file of the database cannot be opened: is its disk mounted? Try again then."
    if name.startswith("SQLITE_IOERR"):
        return "The disk that holds the database fails (is it full?). Try again soon."
    return AWAY


def _may_be_kept(error: DBAPIError) -> bool:
    """Whether a commit that failed so may have been one."""
    if isinstance(error.orig, sqlite3.Error):
        # A frame that could not be written whole ends nothing; one that was written and could not be
        # synchronised may be found when the file is opened again.
        name = getattr(error.orig, "sqlite_errorname", "")
        return name.startswith("SQLITE_IOERR") and name != "SQLITE_IOERR_WRITE"
    return error.connection_invalidated


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        patience = {name: value for name, value in PATIENCE.items() if name not in make_url(url).query}
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
            pool_timeout=10,
            connect_args=patience,
        )
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
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


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    for setting in ("idle_in_transaction_session_timeout", "lock_timeout"):
        connection.execute(f"SET {setting} = {int(HELD_WITHIN * 1000)}")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _announce_begin(connection: Connection) -> None:
    # Writers have begun already (BEGIN IMMEDIATE, repeated while busy); readers begin here.
    if connection.info.get("begin") == "BEGIN":
        connection.exec_driver_sql("BEGIN")
