"""The schema's revision: read it, and bring it to the newest one under a lock."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.store.database import Database, StoreUnavailableError

# Any constant: what counts is that all processes of all releases take the same one.
_POSTGRESQL_LOCK = 0x4143434553


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    return config


def head_revision() -> str:
    """The revision that this release works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the migrations folder is empty"
    return head


def current_revision(db: Database) -> str | None:
    """The revision of the database; None when it is empty."""
    with db.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def takes_writes(db: Database) -> bool:
    """Whether something can be written to a migrated database now: its disk is not full, and it is nobody's
    copy. Changes nothing."""
    try:
        with db.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
    except StoreUnavailableError:
        return False
    return True


def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`. Two processes may call it at once: the second finds nothing to do."""
    with _one_at_a_time(db), db.write(durable=True) as connection:
        if db.is_sqlite:
            # Alembic's batch mode rebuilds tables; references must not cascade meanwhile.
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        _carry_out(connection, revision, down=False)


def downgrade(db: Database, revision: str) -> None:
    with _one_at_a_time(db), db.write(durable=True) as connection:
        _carry_out(connection, revision, down=True)


def _carry_out(connection: Connection, revision: str, *, down: bool) -> None:
    if connection.dialect.name == "postgresql":
        # This may wait for another that migrates, and think for as long as it likes.
        for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {setting} = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _POSTGRESQL_LOCK})
    config = _config()
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)


@contextmanager
def _one_at_a_time(db: Database) -> Iterator[None]:
    if not db.is_sqlite:
        yield
        return
    path = Path(db.url.removeprefix("sqlite:///")).with_suffix(".migrate.lock")
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
