from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from service.store.database import Database
from service.store.migrate import current_revision, downgrade, head_revision, upgrade
from service.store.tables import metadata


def test_upgrade_gives_the_schema_that_the_code_describes(database: Database) -> None:
    assert current_revision(database) == head_revision()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    upgrade(database)
    assert current_revision(database) == head_revision()


def test_downgrade_leaves_an_empty_database_and_upgrade_works_again(database: Database) -> None:
    downgrade(database, "base")
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    assert current_revision(database) is None
    upgrade(database)
    assert current_revision(database) == head_revision()
