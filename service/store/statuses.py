"""What is known of each target since a worker last looked at it."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database, clock
from service.store.tables import target_status


class TargetStatus(Struct, frozen=True):
    """`address` is the API's, without keys. `message` is for a person. `checked_at` in ms since 1970 UTC."""

    target: str
    address: str
    ok: bool
    message: str
    checked_at: int
    version: str | None = None


def record_status(
    db: Database, *, target: str, address: str, ok: bool, message: str, version: str | None = None
) -> None:
    """Keep what a look at a target found just now."""
    with db.write() as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        values = {
            "address": address,
            "ok": ok,
            "message": message,
            "version": version,
            "checked_at": clock(connection),
        }
        connection.execute(
            dialect.insert(target_status)
            .values(target=target, **values)
            .on_conflict_do_update(index_elements=[target_status.c.target], set_=values)
        )


def target_statuses(db: Database) -> dict[str, TargetStatus]:
    """The status of every target that was ever looked at, by name."""
    with db.read() as connection:
        return {
            row.target: TargetStatus(
                row.target, row.address, row.ok, row.message, row.checked_at, row.version
            )
            for row in connection.execute(select(target_status))
        }
