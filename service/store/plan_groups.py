"""The plan in groups, counted while it is made: a summary of any plan is one small query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database
from service.store.plan_places import NOTED, Place, add_places, clear_places
from service.store.tables import plan_group

GroupType = Literal["resource", "added", "removed", "changed", "conflict", "problem"]


class Group(Struct, frozen=True):
    """How many entries of a plan have something in common.

    - `resource`: their action, and the destination (`name`).
    - `added`, `removed`, `changed`: values of the property or field `name` only come, only go, or become
      others. `action`: create or update.
    - `conflict`: somebody edited the property or field `name` meanwhile. `action`: how that is resolved.
    - `problem`: they have one of the code `name`. `action`: its severity.
    """

    type: GroupType
    action: str
    name: str
    n: int
    example: str = ""
    """The first of them: where it stands, and what it says. "" for resources."""


def add_groups(
    connection: Connection, run_id: str, groups: Sequence[Group], places: Sequence[Place] = ()
) -> None:
    """Within `runs.fenced`: count these too, and note where they are met. The example of a group stays the
    first."""
    if not groups:
        return
    add_places(connection, run_id, [NOTED, *places])
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(plan_group)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(plan_group.primary_key.columns),
            set_={"n": plan_group.c.n + statement.excluded.n},
        ),
        [
            {
                "run_id": run_id,
                "type": one.type,
                "action": one.action,
                "name": one.name,
                "n": one.n,
                "example": one.example,
            }
            for one in groups
        ],
    )


def clear_groups(connection: Connection, run_id: str) -> None:
    """Within `runs.fenced`: forget what was counted and noted, because the plan is made anew."""
    clear_places(connection, run_id)
    connection.execute(delete(plan_group).where(plan_group.c.run_id == run_id))


def read_groups(db: Database, run_id: str) -> list[Group]:
    """All groups of a plan, the largest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(
                plan_group.c.type,
                plan_group.c.action,
                plan_group.c.name,
                plan_group.c.n,
                plan_group.c.example,
            ).where(plan_group.c.run_id == run_id)
        )
        groups = [Group(*tuple(row)) for row in rows]
    return sorted(groups, key=lambda one: (-one.n, one.type, one.name, one.action))
