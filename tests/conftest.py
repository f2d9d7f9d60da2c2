"""Fixtures that every kind of test may use: real databases, on both engines."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store.database import Database
from service.store.migrate import upgrade
from tests.databases import PostgreSQL, empty_database, folder_of_servers


def pytest_configure(config: pytest.Config) -> None:
    # Settings of the machine must not reach a test.
    for name in [name for name in os.environ if name.startswith(("ACCESSION_", "OMEKA_"))]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgresql_folder() -> Iterator[Path]:
    """Where PostgreSQL servers of this test process live."""
    with folder_of_servers() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgresql_server(postgresql_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process, started once."""
    server = PostgreSQL(postgresql_folder / "postgresql")
    yield server.url
    server.close()


@pytest.fixture
def own_postgresql(postgresql_folder: Path) -> Iterator[PostgreSQL]:
    """An empty PostgreSQL server of the test's own."""
    server = PostgreSQL(postgresql_folder / f"own-{uuid.uuid4().hex[:8]}")
    yield server
    server.close()


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped afterwards."""
    with empty_database(postgresql_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'accession.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database of each kind."""
    db = Database(database_url)
    upgrade(db)
    yield db
    db.dispose()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """A migrated SQLite database, where the kind does not matter."""
    db = Database(sqlite_url)
    upgrade(db)
    yield db
    db.dispose()
