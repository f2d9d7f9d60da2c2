"""The ledger: what this service wrote, by identity."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from service.store.bulk import fetch_among
from service.store.database import Database, clock
from service.store.tables import ledger


class LedgerKey(Struct, frozen=True):
    """One scope of one kind on one target. `by` is the ordered properties, joined by a blank."""

    target: str
    kind: str
    scope: str
    by: str


class LedgerRow(Struct, frozen=True):
    """A resource that this service wrote. `saved` is the representation that the target answered, JSON."""

    key: LedgerKey
    key_digest: str
    identifier: str
    resource_id: int
    meant: str
    saved: bytes
    modified: str
    run_id: str
    operation_key: str
    altered: bytes | None = None
    media_meant: str = ""
    linked: str = ""
    footing: bytes | None = None
    withdrawn: str | None = None
    part_of: int | None = None
    """Of a media: the number of its item."""
    content: str = ""
    """Of a media: the digest of what it shows."""


class Known(Struct, frozen=True, gc=False):
    """What planning needs to know of a ledger row (without the representation)."""

    key_digest: str
    identifier: str
    resource_id: int
    meant: str
    modified: str
    media_meant: str = ""
    linked: str = ""
    """The numbers of the resources that its values linked to, ascending, joined by a blank."""
    withdrawn: str | None = None
    """What `absent` did to it: a record that returns regains the state it had."""
    footing: bytes | None = None
    """JSON of `planning.values.Footing`; mostly nothing."""


def rows(db: Database, key: LedgerKey, digests: Sequence[str]) -> dict[str, LedgerRow]:
    """The whole rows of a scope with these identities, by digest."""
    if not digests:
        return {}
    columns = [name for name in LedgerRow.__struct_fields__ if name != "key"]
    with db.read() as connection:
        found = connection.execute(
            select(*(ledger.c[name] for name in columns)).where(
                *of_key(key), ledger.c.key_digest.in_(digests)
            )
        ).all()
    result = {}
    for row in found:
        values = dict(row._mapping)
        values["saved"] = zlib.decompress(values["saved"])
        result[row.key_digest] = LedgerRow(key=key, **values)
    return result


_REFRESHED = ("meant", "media_meant", "linked", "saved", "modified", "footing", "withdrawn")


def refresh(connection: Connection, rows: Sequence[LedgerRow]) -> None:
    """Within `runs.fenced`: known resources that stand as meant already, though another way than the ledger
    says. Nothing was written: who wrote them last stays."""
    if rows:
        connection.execute(
            update(ledger)
            .where(
                ledger.c.target == bindparam("of_target"),
                ledger.c.kind == bindparam("of_kind"),
                ledger.c.scope == bindparam("of_scope"),
                ledger.c.by == bindparam("of_by"),
                ledger.c.key_digest == bindparam("of_digest"),
            )
            .values({name: bindparam(f"to_{name}") for name in _REFRESHED}),
            [
                {
                    "of_target": row.key.target,
                    "of_kind": row.key.kind,
                    "of_scope": row.key.scope,
                    "of_by": row.key.by,
                    "of_digest": row.key_digest,
                    "to_meant": row.meant,
                    "to_media_meant": row.media_meant,
                    "to_linked": row.linked,
                    "to_saved": zlib.compress(row.saved, 1),
                    "to_modified": row.modified,
                    "to_footing": row.footing,
                    "to_withdrawn": row.withdrawn,
                }
                for row in rows
            ],
        )


def aside(key_digest: str, number: int) -> str:
    """Where the ledger has a media once another has its key."""
    return hashlib.sha256(f"{key_digest} {number}".encode()).hexdigest()


def remove(connection: Connection, resources: Sequence[tuple[LedgerKey, str, int]]) -> None:
    """Within `runs.fenced`: these resources are no longer there, under their identity or aside. What came
    under the same identity since, with another number, stays."""
    for key, digest, number in resources:
        places = (digest, aside(digest, number))
        connection.execute(
            delete(ledger).where(
                *of_key(key), ledger.c.key_digest.in_(places), ledger.c.resource_id == number
            )
        )


_KNOWN_SQL = (
    f"SELECT {', '.join(Known.__struct_fields__)} FROM ledger "  # noqa: S608 - names of our own columns
    'WHERE target = ? AND kind = ? AND scope = ? AND "by" = ?'
)


def look_up(db: Database, key: LedgerKey, digests: Sequence[str]) -> dict[str, Known]:
    """The rows of a scope with these identities, by digest: one query, never one a record."""
    if not digests:
        return {}
    with db.read() as connection:
        rows = fetch_among(
            connection,
            _KNOWN_SQL,
            (key.target, key.kind, key.scope, key.by),
            "key_digest",
            digests,
        )
        return {row[0]: Known(*row) for row in rows}


def written_anywhere(
    db: Database, target: str, kind: str, by: str, digests: Sequence[str]
) -> dict[str, list[int]]:
    """Ids of what this service wrote under these identities, whatever the scope."""
    result: dict[str, list[int]] = {}
    if not digests:
        return result
    with db.read() as connection:
        for row in connection.execute(
            select(ledger.c.key_digest, ledger.c.resource_id)
            .where(
                ledger.c.target == target,
                ledger.c.kind == kind,
                ledger.c.by == by,
                ledger.c.key_digest.in_(digests),
            )
            .distinct()
            .order_by(ledger.c.resource_id)
        ):
            result.setdefault(row[0], []).append(row[1])
    return result


def upsert(connection: Connection, rows: Sequence[LedgerRow]) -> None:
    """Within `runs.fenced`, in the transaction of the outcome: what now stands in the target."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    now = connection.execute(select(clock(connection))).scalar_one()
    statement = dialect.insert(ledger)
    changed = (
        "identifier",
        "resource_id",
        "meant",
        "saved",
        "modified",
        "altered",
        "media_meant",
        "linked",
        "footing",
        "withdrawn",
        "run_id",
        "operation_key",
        "written_at",
        "part_of",
        "content",
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[ledger.c.target, ledger.c.kind, ledger.c.scope, ledger.c.by, ledger.c.key_digest],
            set_={name: statement.excluded[name] for name in changed},
        ),
        [
            {
                "target": row.key.target,
                "kind": row.key.kind,
                "scope": row.key.scope,
                "by": row.key.by,
                "key_digest": row.key_digest,
                "identifier": row.identifier,
                "resource_id": row.resource_id,
                "meant": row.meant,
                "saved": zlib.compress(row.saved, 1),
                "modified": row.modified,
                "altered": row.altered,
                "media_meant": row.media_meant,
                "linked": row.linked,
                "footing": row.footing,
                "withdrawn": row.withdrawn,
                "run_id": row.run_id,
                "operation_key": row.operation_key,
                "written_at": now,
                "part_of": row.part_of,
                "content": row.content,
            }
            for row in rows
        ],
    )


def saved_representation(db: Database, key: LedgerKey, digest: str) -> bytes | None:
    with db.read() as connection:
        packed = connection.execute(
            select(ledger.c.saved).where(*of_key(key), ledger.c.key_digest == digest)
        ).scalar()
    return None if packed is None else zlib.decompress(packed)


def stamps(db: Database, target: str, kind: str, by: str | None = None) -> dict[int, str]:
    """Number → modified, as written, of all resources of a kind that the ledger holds (under `by`)."""
    conditions = [ledger.c.target == target, ledger.c.kind == kind]
    if by is not None:
        conditions.append(ledger.c.by == by)
    with db.read() as connection:
        rows = connection.execute(select(ledger.c.resource_id, ledger.c.modified).where(*conditions))
        return {row[0]: row[1] for row in rows}


class Holder(Struct, frozen=True):
    """Under which identity the ledger holds a resource."""

    resource_id: int
    scope: str
    by: str
    key_digest: str
    identifier: str


def holders(db: Database, target: str, kind: str, ids: Sequence[int]) -> dict[int, list[Holder]]:
    """Everything under which the ledger holds these resources; those that it does not hold are absent."""
    found: dict[int, list[Holder]] = {}
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            rows = connection.execute(
                select(*(ledger.c[name] for name in Holder.__struct_fields__)).where(
                    ledger.c.target == target,
                    ledger.c.kind == kind,
                    ledger.c.resource_id.in_(ids[start : start + 500]),
                )
            )
            for row in rows:
                found.setdefault(row[0], []).append(Holder(*row))
    return found


def scopes(db: Database, target: str) -> list[tuple[str, str, int]]:
    """(kind, scope, number of resources) of everything the ledger holds for a target."""
    with db.read() as connection:
        rows = connection.execute(
            select(ledger.c.kind, ledger.c.scope, func.count())
            .where(ledger.c.target == target)
            .group_by(ledger.c.kind, ledger.c.scope)
            .order_by(ledger.c.kind, ledger.c.scope)
        )
        return [(row[0], row[1], row[2]) for row in rows]


def of_key(key: LedgerKey) -> tuple[ColumnElement[bool], ...]:
    """As SQL: the rows of one scope."""
    return (
        ledger.c.target == key.target,
        ledger.c.kind == key.kind,
        ledger.c.scope == key.scope,
        ledger.c.by == key.by,
    )
