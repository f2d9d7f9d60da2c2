"""The ledger: what this service wrote, by identity. And surveys: what stood there before."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from service.store.database import Database, clock
from service.store.runs import Claim, fenced
from service.store.tables import ledger, survey, survey_entry


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


class Known(Struct, frozen=True):
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


def by_number(db: Database, target: str, kind: str, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(run that wrote it, modified) of the resources with these numbers, by number."""
    found: dict[int, tuple[str, str]] = {}
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            rows = connection.execute(
                select(ledger.c.resource_id, ledger.c.run_id, ledger.c.modified).where(
                    ledger.c.target == target,
                    ledger.c.kind == kind,
                    ledger.c.resource_id.in_(ids[start : start + 500]),
                )
            )
            found.update({row.resource_id: (row.run_id, row.modified) for row in rows})
    return found


def remove(connection: Connection, keys: Sequence[tuple[LedgerKey, str]]) -> None:
    """Within `runs.fenced`: these resources are no longer there, by our own doing."""
    for key, digest in keys:
        connection.execute(delete(ledger).where(*of_key(key), ledger.c.key_digest == digest))


def look_up(db: Database, key: LedgerKey, digests: Sequence[str]) -> dict[str, Known]:
    """The rows of a scope with these identities, by digest: one query, never one a record."""
    if not digests:
        return {}
    with db.read() as connection:
        rows = connection.execute(
            select(*(ledger.c[name] for name in Known.__struct_fields__)).where(
                *of_key(key), ledger.c.key_digest.in_(digests)
            )
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


def known_ids(db: Database, target: str, kind: str) -> set[int]:
    """Ids of all resources of a kind that the ledger holds."""
    with db.read() as connection:
        return {
            row[0]
            for row in connection.execute(
                select(ledger.c.resource_id).where(ledger.c.target == target, ledger.c.kind == kind)
            )
        }


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


# --- surveys ------------------------------------------------------------------------------------


class SurveyFacts(Struct, frozen=True):
    id: int
    next_page: int
    complete: bool


class SurveyRow(Struct, frozen=True):
    """A resource met in a survey and one identity that it bears ("" when it bears none)."""

    resource_id: int
    key_digest: str
    modified: str


def open_survey(db: Database, claim: Claim, target: str, kind: str, by: str) -> SurveyFacts:
    """The survey of this subject, begun if it is the first meeting."""
    wanted = and_(
        survey.c.target == target, survey.c.kind == kind, survey.c.by == by, survey.c.narrowed == ""
    )
    with fenced(db, claim) as connection:
        row = connection.execute(select(survey).where(wanted)).first()
        if row is None:
            connection.execute(
                insert(survey).values(
                    target=target, kind=kind, by=by, narrowed="", next_page=1, started_at=clock(connection)
                )
            )
            row = connection.execute(select(survey).where(wanted)).one()
    return SurveyFacts(row.id, row.next_page, row.complete_at is not None)


def add_survey_page(
    db: Database, claim: Claim, survey_id: int, rows: Iterable[SurveyRow], next_page: int, complete: bool
) -> None:
    """Keep one page, and where to go on after an interruption."""
    with fenced(db, claim) as connection:
        _replace(connection, survey_id, list(rows))
        connection.execute(
            update(survey)
            .where(survey.c.id == survey_id)
            .values(next_page=next_page, complete_at=clock(connection) if complete else None)
        )


def refresh_survey(
    db: Database, claim: Claim, survey_id: int, rows: Sequence[SurveyRow], gone: Sequence[int]
) -> None:
    """Put what was read again in place of what was known, and forget what is gone."""
    with fenced(db, claim) as connection:
        _replace(connection, survey_id, list(rows))
        for start in range(0, len(gone), 500):
            connection.execute(
                delete(survey_entry).where(
                    survey_entry.c.survey_id == survey_id,
                    survey_entry.c.resource_id.in_(gone[start : start + 500]),
                )
            )


def _replace(connection: Connection, survey_id: int, rows: list[SurveyRow]) -> None:
    ids = sorted({row.resource_id for row in rows})
    for start in range(0, len(ids), 500):
        connection.execute(
            delete(survey_entry).where(
                survey_entry.c.survey_id == survey_id,
                survey_entry.c.resource_id.in_(ids[start : start + 500]),
            )
        )
    unique = {(row.resource_id, row.key_digest): row for row in rows}
    if unique:
        connection.execute(
            insert(survey_entry),
            [
                {
                    "survey_id": survey_id,
                    "resource_id": row.resource_id,
                    "key_digest": row.key_digest,
                    "modified": row.modified,
                }
                for row in unique.values()
            ],
        )


def surveyed(db: Database, survey_id: int) -> dict[int, str]:
    """Everything met in a survey: id → modified."""
    with db.read() as connection:
        rows = connection.execute(
            select(survey_entry.c.resource_id, survey_entry.c.modified)
            .where(survey_entry.c.survey_id == survey_id)
            .distinct()
        )
        return {row[0]: row[1] for row in rows}


def bearers(db: Database, survey_id: int, digests: Sequence[str]) -> dict[str, list[int]]:
    """Ids of the resources that bore each of these identities when last looked at."""
    result: dict[str, list[int]] = {}
    if not digests:
        return result
    with db.read() as connection:
        rows = connection.execute(
            select(survey_entry.c.key_digest, survey_entry.c.resource_id).where(
                survey_entry.c.survey_id == survey_id, survey_entry.c.key_digest.in_(digests)
            )
        ).all()
    # Sorted here: asked to sort, SQLite walks the whole survey in order instead of using the index of keys.
    for digest, resource_id in sorted(tuple(row) for row in rows):
        result.setdefault(digest, []).append(resource_id)
    return result
