"""Representations: what the target answered about a resource, read once and kept.

What this service wrote itself stands in the ledger; what it only read, here. A copy counts as long as the
target lists the same `modified` for the resource.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database
from service.store.tables import ledger, representation


class Kept(Struct, frozen=True):
    """A resource as the target held it when it was `modified` last. `saved` is its representation, JSON."""

    resource_id: int
    modified: str
    saved: bytes


def kept(db: Database, target: str, kind: str, ids: Sequence[int]) -> list[Kept]:
    """What is known of these resources, several copies of one where there are several: first what the ledger
    holds, since it may be of the same second as what was read, and then it is the later one."""
    found: list[Kept] = []
    with db.read() as connection:
        for table in (ledger, representation):
            for start in range(0, len(ids), 500):
                rows = connection.execute(
                    select(table.c.resource_id, table.c.modified, table.c.saved).where(
                        table.c.target == target,
                        table.c.kind == kind,
                        table.c.resource_id.in_(ids[start : start + 500]),
                    )
                )
                found.extend(Kept(row[0], row[1], zlib.decompress(row[2])) for row in rows)
    return found


def keep(connection: Connection, target: str, kind: str, rows: Sequence[Kept]) -> None:
    """Within `runs.fenced`: what was read of these resources, in place of what was read before."""
    latest = {row.resource_id: row for row in rows}
    if not latest:
        return
    statement = _insert(connection, representation)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[
                representation.c.target,
                representation.c.kind,
                representation.c.resource_id,
            ],
            set_={"modified": statement.excluded.modified, "saved": statement.excluded.saved},
        ),
        [
            {
                "target": target,
                "kind": kind,
                "resource_id": number,
                "modified": row.modified,
                "saved": zlib.compress(row.saved, 1),
            }
            for number, row in sorted(latest.items())
        ],
    )


def forget(connection: Connection, target: str, kind: str, ids: Sequence[int]) -> None:
    """Within `runs.fenced`: these resources are gone."""
    for start in range(0, len(ids), 500):
        connection.execute(
            delete(representation).where(
                representation.c.target == target,
                representation.c.kind == kind,
                representation.c.resource_id.in_(ids[start : start + 500]),
            )
        )


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
