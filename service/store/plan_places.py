"""Where in a plan a name, a problem or a conflict is met: written as the plan is made, in blocks of entries.

An index of every property of every entry would be larger than the plan. One of blocks is small, and who
looks for what a name is to become reads only blocks in which there is something to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database
from service.store.tables import plan_place

BLOCK = 64
"""Entries of a block, by their `seq`."""

PlaceType = Literal["name", "problem", "conflict", "noted"]


class Place(Struct, frozen=True, order=True):
    """A block with an entry of this action that changes (or has a conflict about) the property or field
    `name`; that meets a problem of the code `name`; or that has a conflict about the property `name`.
    `noted`: the plan has places at all, which one that an earlier version made has not."""

    type: PlaceType
    name: str
    action: str
    block: int


NOTED = Place("noted", "", "", 0)
"""Noted with whatever is counted of a plan."""


def add_places(connection: Connection, run_id: str, places: Sequence[Place]) -> None:
    """Within `runs.fenced`: these too. A place that is known already stays as it is."""
    if not places:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(plan_place).on_conflict_do_nothing(),
        [
            {
                "run_id": run_id,
                "type": one.type,
                "name": one.name,
                "action": one.action,
                "block": one.block,
            }
            for one in places
        ],
    )


def clear_places(connection: Connection, run_id: str) -> None:
    """Within `runs.fenced`: forget them, because the plan is made anew."""
    connection.execute(delete(plan_place).where(plan_place.c.run_id == run_id))


def has_places(db: Database, run_id: str) -> bool:
    """Whether it was noted where in this plan something is met."""
    key = (plan_place.c[name] == getattr(NOTED, name) for name in Place.__struct_fields__)
    with db.read() as connection:
        found = connection.execute(select(plan_place.c.block).where(plan_place.c.run_id == run_id, *key))
        return found.first() is not None


def blocks(
    db: Database, run_id: str, where: tuple[PlaceType, str], action: str, first: int, limit: int
) -> list[int]:
    """The next blocks from `first` on with entries of that action that meet `where`, in order."""
    type_, name = where
    with db.read() as connection:
        rows = connection.execute(
            select(plan_place.c.block)
            .where(
                plan_place.c.run_id == run_id,
                plan_place.c.type == type_,
                plan_place.c.name == name,
                plan_place.c.action == action,
                plan_place.c.block >= first,
            )
            .order_by(plan_place.c.block)
            .limit(limit)
        )
        return [row.block for row in rows]
