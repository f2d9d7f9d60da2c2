"""Alembic's entry: the URL comes from `accession migrate`, or from the settings for a developer."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from service.store.tables import metadata

config = context.config


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    from service.settings import load_settings
    from service.store.database import Database

    database = Database(config.get_main_option("sqlalchemy.url") or load_settings().database)
    with database.write() as own:
        run(own)
    database.dispose()
