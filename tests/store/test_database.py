"""What the database says when it cannot, as the rest of the program hears it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from service.store import database as module
from service.store import runs
from service.store.database import CommitUnknownError, Database, StoreUnavailableError
from service.store.migrate import takes_writes, upgrade
from tests.store.support import claimed


def noted(db: Database, key: str) -> None:
    with db.write(durable=True) as connection:
        connection.execute(text("INSERT INTO note (key) VALUES (:key)"), {"key": key})


def notes(db: Database) -> list[str]:
    with db.read() as connection:
        return [row.key for row in connection.execute(text("SELECT key FROM note ORDER BY key"))]


@pytest.fixture
def book(database_url: str) -> Iterator[Database]:
    """A database with one table."""
    db = Database(database_url, busy_wait=0.2)
    with db.write() as connection:
        connection.execute(text("CREATE TABLE note (key VARCHAR(10000) PRIMARY KEY)"))
    yield db
    db.dispose()


@pytest.fixture
def pages(sqlite_url: str) -> Iterator[Database]:
    db = Database(sqlite_url, busy_wait=0.2)
    with db.write() as connection:
        connection.execute(text("CREATE TABLE note (key VARCHAR(10000) PRIMARY KEY)"))
    yield db
    db.dispose()


def every_connection(db: Database, pragma: str) -> None:
    """From now on, as a change of the disk would be."""
    db.dispose()
    event.listen(db.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))


def test_a_full_disk_is_told_and_nothing_of_the_transaction_is_kept(pages: Database) -> None:
    upgrade(pages)
    noted(pages, "before")
    every_connection(pages, "max_page_count=1")  # as many as there are: no page more
    with pytest.raises(StoreUnavailableError, match="The disk that holds the database is full") as caught:
        for number in range(100):
            noted(pages, f"{number}" * 4000)
    assert not isinstance(caught.value, CommitUnknownError)
    assert "INSERT" not in str(caught.value)
    kept = len(notes(pages))
    with pytest.raises(StoreUnavailableError):
        noted(pages, "x" * 9000)
    assert len(notes(pages)) == kept
    every_connection(pages, "max_page_count=100000")
    noted(pages, "after")
    assert {"before", "after"} <= set(notes(pages))


def test_a_read_only_file_is_told_and_can_be_read(pages: Database) -> None:
    upgrade(pages)
    noted(pages, "before")
    every_connection(pages, "query_only=1")
    with pytest.raises(StoreUnavailableError, match="it is read-only"):
        noted(pages, "x")
    assert notes(pages) == ["before"]
    assert (pages.reachable(), takes_writes(pages)) == (True, False)
    every_connection(pages, "query_only=0")
    noted(pages, "after")
    assert takes_writes(pages)


def test_a_file_that_is_not_there_or_is_no_database_is_told(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'folder' / 'accession.db'}")
    (tmp_path / "folder").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailableError, match="is its disk mounted"):
        notes(db)
    (tmp_path / "elsewhere").rename(tmp_path / "folder")
    (tmp_path / "folder" / "accession.db").write_bytes(b"no database" * 1000)
    for call in (lambda: notes(db), lambda: noted(db, "x")):
        with pytest.raises(StoreUnavailableError):
            call()
    (tmp_path / "folder" / "accession.db").unlink()
    assert db.reachable()
    db.dispose()


def test_what_was_asked_wrongly_is_no_outage(book: Database) -> None:
    noted(book, "twice")
    with pytest.raises(IntegrityError):
        noted(book, "twice")
    if not book.is_sqlite:  # SQLite tells a missing table as it tells a missing file
        with pytest.raises(DBAPIError), book.read() as connection:
            connection.execute(text("SELECT 1 FROM nowhere"))
    noted(book, "after")


def test_a_pool_that_is_used_up_is_an_outage(book: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book.engine.pool, "_timeout", 0.05)
    monkeypatch.setattr(book.engine.pool, "_max_overflow", 0)
    taken = [book.engine.connect() for _ in range(10)]
    with pytest.raises(StoreUnavailableError):
        notes(book)
    for connection in taken:
        connection.close()
    assert notes(book) == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_whose_answer_is_lost_may_have_been_one(
    book: Database, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    commit = book.engine.dialect.do_commit

    def breaks(connection: Any) -> None:
        if kept:
            commit(connection)
        if not book.is_sqlite:
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    monkeypatch.setattr(book.engine.dialect, "do_commit", breaks)
    with pytest.raises(CommitUnknownError):
        noted(book, "x")
    with pytest.raises(StoreUnavailableError) as reading:
        notes(book)
    assert not isinstance(reading.value, CommitUnknownError)  # nothing was to be kept
    monkeypatch.undo()
    assert notes(book) == (["x"] if kept else [])
    noted(book, "after")


def test_what_fails_before_the_commit_is_certainly_not_kept(book: Database) -> None:
    with pytest.raises(StoreUnavailableError) as caught, book.write() as connection:
        connection.execute(text("INSERT INTO note (key) VALUES ('x')"))
        if book.is_sqlite:
            raise module.OperationalError("", None, sqlite3.OperationalError("disk I/O error"))
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert not isinstance(caught.value, CommitUnknownError)
    assert notes(book) == []


def test_a_copy_of_another_postgresql_takes_no_writes_and_is_told(postgresql_url: str) -> None:
    db = Database(postgresql_url)
    upgrade(db)

    def become_a_copy(connection: Any, _record: Any) -> None:
        connection.execute("SET default_transaction_read_only = on")
        connection.commit()

    event.listen(db.engine, "connect", become_a_copy)
    db.dispose()
    with pytest.raises(StoreUnavailableError, match="it is read-only"), db.write() as connection:
        connection.execute(text("DELETE FROM run"))
    assert (db.reachable(), takes_writes(db)) == (True, False)
    db.dispose()


def test_a_frozen_process_within_a_transaction_holds_nobody_up_for_long(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_WITHIN", 0.5)
    frozen, other = Database(postgresql_url), Database(postgresql_url)
    upgrade(other)
    with other.write() as connection:
        for statement in (
            "INSERT INTO api_key (id, prefix, digest, label, scopes, created_at)"
            " VALUES (1, 'p', 'd', 'l', 's', 0)",
            "INSERT INTO blob (digest, size, created_at) VALUES ('c', 1, 0)",
            "INSERT INTO batch (id, control_digest, comment, target, key_id, created_at)"
            " VALUES ('b', 'c', '', 'omeka', 1, 0)",
        ):
            connection.execute(text(statement))
    claim = claimed(frozen, "b", lease=1)
    thawed = threading.Event()
    met: list[Exception] = []

    def freeze() -> None:
        try:
            with runs.fenced(frozen, claim):
                thawed.wait(5)
        except StoreUnavailableError as error:
            met.append(error)

    thread = threading.Thread(target=freeze)
    thread.start()
    time.sleep(0.2)
    deadline = time.monotonic() + 10
    taken = None
    while taken is None and time.monotonic() < deadline:
        try:
            taken = runs.claim_run(other, claim.run_id, "another", 60_000)
        except StoreUnavailableError:
            continue
    thawed.set()
    thread.join()
    assert taken is not None
    assert len(met) == 1
    frozen.dispose()
    other.dispose()
