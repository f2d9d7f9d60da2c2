"""What the ledger holds of media that have no identity of their own: known by their item, and what they show.

One whose place another has taken leaves it its key, and is kept aside as long as it is there.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, update

from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow, aside, of_key
from service.store.tables import ledger

PART_BY = "@file"
"""`LedgerKey.by` of media that have no identity of their own: known by their item, and what they show."""


class KnownPart(Struct, frozen=True):
    """A media that this service has added to an item."""

    item: int
    scope: str
    content: str
    known: Known


def parts(db: Database, target: str, items: Sequence[int]) -> list[KnownPart]:
    """The media that this service has added to these items, and that have no identity of their own."""
    names = [ledger.c[name] for name in Known.__struct_fields__]
    found: list[KnownPart] = []
    with db.read() as connection:
        for start in range(0, len(items), 500):
            rows = connection.execute(
                select(ledger.c.part_of, ledger.c.scope, ledger.c.content, *names)
                .where(
                    ledger.c.target == target,
                    ledger.c.part_of.in_(items[start : start + 500]),
                    ledger.c.by == PART_BY,
                )
                .order_by(ledger.c.resource_id)
            )
            found.extend(KnownPart(row[0], row[1], row[2], Known(*row[3:])) for row in rows)
    return found


REPLACED = "replaced"
"""`withdrawn` of a media of which another has taken the place: it is still to be deleted."""
KEPT = "kept"
"""`withdrawn` of one whose successor does not stand as it should: nobody deletes it."""


def holder(connection: Connection, key: LedgerKey, digest: str) -> int | None:
    """The number of what has an identity in a scope."""
    number: int | None = connection.execute(
        select(ledger.c.resource_id).where(*of_key(key), ledger.c.key_digest == digest)
    ).scalar()
    return number


def set_aside(connection: Connection, key: LedgerKey, digest: str, number: int, *, goes: bool) -> None:
    """Within `runs.fenced`, before another takes its key: the media that is still there is remembered.
    `goes`: whether it is to be deleted."""
    connection.execute(
        update(ledger)
        .where(*of_key(key), ledger.c.key_digest == digest, ledger.c.resource_id == number)
        .values(key_digest=aside(digest, number), withdrawn=REPLACED if goes else KEPT)
    )


def predecessors(
    connection: Connection, successors: Sequence[tuple[LedgerKey, str, int]]
) -> list[tuple[LedgerKey, str, int]]:
    """Within `runs.fenced`, before the ledger forgets these media: those that were set aside for them.

    Both as (key, digest of the key, number).
    """
    found = []
    for key, digest, number in successors:
        item = connection.execute(
            select(ledger.c.part_of).where(
                *of_key(key), ledger.c.key_digest == digest, ledger.c.resource_id == number
            )
        ).scalar()
        if item is None:
            continue
        set_aside_there = connection.execute(
            select(ledger.c.key_digest, ledger.c.resource_id).where(
                *of_key(key), ledger.c.part_of == item, ledger.c.withdrawn.in_((REPLACED, KEPT))
            )
        )
        found += [
            (key, digest, row.resource_id)
            for row in set_aside_there
            if row.key_digest == aside(digest, row.resource_id)
        ]
    return found


def bring_back(connection: Connection, media: Sequence[tuple[LedgerKey, str, int]]) -> None:
    """Within `runs.fenced`, once their successors are forgotten: these have their keys again, and stay."""
    for key, digest, number in media:
        connection.execute(
            update(ledger)
            .where(*of_key(key), ledger.c.key_digest == aside(digest, number), ledger.c.resource_id == number)
            .values(key_digest=digest, withdrawn=None)
        )


def parts_aside(db: Database, target: str, scopes: Sequence[str]) -> list[KnownPart]:
    """Media of these scopes that are still to be deleted, since others have taken their places."""
    names = [ledger.c[name] for name in Known.__struct_fields__]
    with db.read() as connection:
        rows = connection.execute(
            select(ledger.c.part_of, ledger.c.scope, ledger.c.content, *names)
            .where(
                ledger.c.target == target,
                ledger.c.kind == "media",
                ledger.c.by == PART_BY,
                ledger.c.withdrawn == REPLACED,
                ledger.c.scope.in_(scopes),
            )
            .order_by(ledger.c.resource_id)
        )
        return [KnownPart(row[0], row[1], row[2], Known(*row[3:])) for row in rows]


def parts_written(db: Database, target: str) -> int:
    """How many media without an identity this service has added to items of a target."""
    with db.read() as connection:
        return connection.execute(
            select(func.count())
            .select_from(ledger)
            .where(ledger.c.target == target, ledger.c.kind == "media", ledger.c.by == PART_BY)
        ).scalar_one()


def part_rows(db: Database, target: str, item: int) -> list[LedgerRow]:
    """The whole rows of the media of an item."""
    columns = [name for name in LedgerRow.__struct_fields__ if name != "key"]
    with db.read() as connection:
        rows = connection.execute(
            select(ledger.c.kind, ledger.c.scope, ledger.c.by, *(ledger.c[name] for name in columns))
            .where(ledger.c.target == target, ledger.c.part_of == item)
            .order_by(ledger.c.resource_id)
        ).all()
    result = []
    for row in rows:
        values = dict(row._mapping)
        key = LedgerKey(target, values.pop("kind"), values.pop("scope"), values.pop("by"))
        values["saved"] = zlib.decompress(values["saved"])
        result.append(LedgerRow(key=key, **values))
    return result


def remove_parts(connection: Connection, target: str, items: Sequence[int]) -> None:
    """Within `runs.fenced`: these items are no longer there, nor are their media."""
    for start in range(0, len(items), 500):
        connection.execute(
            delete(ledger).where(ledger.c.target == target, ledger.c.part_of.in_(items[start : start + 500]))
        )
