"""Surveys: what bears an identity in a target, kept from the first meeting on. They confer no ownership.

A survey has a row for each resource of its kind: those that bear nothing have the identity "", so that
they are not read again before they move.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct
from sqlalchemy import Connection, Table, and_, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database, clock
from service.store.runs import Claim, fenced
from service.store.tables import survey, survey_entry

SLICE = 2000
"""Rows a transaction: on SQLite none lasts over 50 ms."""


class SurveyKey(Struct, frozen=True):
    """What a survey is about."""

    target: str
    kind: str
    by: str
    """The ordered properties, joined by a blank."""
    narrowed: str = ""
    """Digest of what it is narrowed to; "" for everything."""


class SurveyFacts(Struct, frozen=True):
    id: int
    next_page: int
    """0: what stands there was not noted yet."""
    complete: bool


class SurveyRow(Struct, frozen=True):
    """A resource and one identity that it bears ("" when it bears none)."""

    resource_id: int
    key_digest: str
    modified: str


class Bearer(Struct, frozen=True):
    """A resource that bore an identity when it was `modified` last, as far as the survey knows."""

    resource_id: int
    modified: str


def open_survey(db: Database, claim: Claim, key: SurveyKey) -> SurveyFacts:
    """The survey of this subject, begun if it is the first meeting."""
    wanted = and_(
        survey.c.target == key.target,
        survey.c.kind == key.kind,
        survey.c.by == key.by,
        survey.c.narrowed == key.narrowed,
    )
    with fenced(db, claim) as connection:
        row = connection.execute(select(survey).where(wanted)).first()
        if row is None:
            # Another run may begin the same survey at this moment.
            connection.execute(
                _insert(connection, survey)
                .values(
                    target=key.target,
                    kind=key.kind,
                    by=key.by,
                    narrowed=key.narrowed,
                    next_page=0,
                    started_at=clock(connection),
                )
                .on_conflict_do_nothing()
            )
            row = connection.execute(select(survey).where(wanted)).one()
    return SurveyFacts(row.id, row.next_page, row.complete_at is not None)


def note_listed(db: Database, claim: Claim, survey_id: int, listing: Mapping[int, str]) -> None:
    """Note what stands there as the survey begins: what no page brings bears nothing, and is not read for
    that. From here on the survey goes on at its pages."""
    listed = iter(sorted(listing.items()))
    while part := list(islice(listed, SLICE)):
        rows = [{"survey_id": survey_id, "resource_id": n, "key_digest": "", "modified": m} for n, m in part]
        with fenced(db, claim) as connection:
            connection.execute(_insert(connection, survey_entry).on_conflict_do_nothing(), rows)
    with fenced(db, claim) as connection:
        connection.execute(
            update(survey).where(survey.c.id == survey_id, survey.c.next_page == 0).values(next_page=1)
        )


def add_page(connection: Connection, survey_id: int, rows: Sequence[SurveyRow], next_page: int) -> None:
    """Within `fenced`: keep one page, and where to go on after an interruption."""
    replace_rows(connection, survey_id, rows)
    connection.execute(
        update(survey)
        .where(survey.c.id == survey_id)
        # Never back: another run may have come further.
        .values(next_page=case((survey.c.next_page > next_page, survey.c.next_page), else_=next_page))
    )


def complete(connection: Connection, survey_id: int) -> None:
    """Within `fenced`: everything was looked at."""
    connection.execute(update(survey).where(survey.c.id == survey_id).values(complete_at=clock(connection)))


def replace_rows(connection: Connection, survey_id: int, rows: Sequence[SurveyRow]) -> None:
    """Within `fenced`: put what was read in place of what was known of these resources."""
    forget(connection, survey_id, sorted({row.resource_id for row in rows}))
    unique = {(row.resource_id, row.key_digest): row for row in rows}
    if not unique:
        return
    statement = _insert(connection, survey_entry)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[
                survey_entry.c.survey_id,
                survey_entry.c.resource_id,
                survey_entry.c.key_digest,
            ],
            set_={"modified": statement.excluded.modified},
        ),
        [
            {
                "survey_id": survey_id,
                "resource_id": row.resource_id,
                "key_digest": row.key_digest,
                "modified": row.modified,
            }
            for _, row in sorted(unique.items())
        ],
    )


def forget(connection: Connection, survey_id: int, ids: Sequence[int]) -> None:
    """Within `fenced`: these resources are gone."""
    for start in range(0, len(ids), 500):
        connection.execute(
            delete(survey_entry).where(
                survey_entry.c.survey_id == survey_id,
                survey_entry.c.resource_id.in_(ids[start : start + 500]),
            )
        )


def looked_at(db: Database, survey_id: int) -> dict[int, str]:
    """Everything that the survey knows: number → modified when it was looked at."""
    with db.read() as connection:
        rows = connection.execute(
            select(survey_entry.c.resource_id, survey_entry.c.modified).where(
                survey_entry.c.survey_id == survey_id
            )
        )
        return {row[0]: row[1] for row in rows}


def identified(db: Database, survey_id: int) -> set[int]:
    """The numbers of all that bear an identity."""
    with db.read() as connection:
        rows = connection.execute(
            select(survey_entry.c.resource_id).where(
                survey_entry.c.survey_id == survey_id, survey_entry.c.key_digest != ""
            )
        )
        return {row[0] for row in rows}


def bearers(db: Database, survey_ids: Iterable[int], digests: Sequence[str]) -> dict[str, list[Bearer]]:
    """What bore each of these identities when last looked at, in any of these surveys, by number."""
    numbers = list(survey_ids)
    result: dict[str, list[Bearer]] = {}
    if not digests or not numbers:
        return result
    with db.read() as connection:
        rows = connection.execute(
            select(survey_entry.c.key_digest, survey_entry.c.resource_id, survey_entry.c.modified).where(
                survey_entry.c.survey_id.in_(numbers), survey_entry.c.key_digest.in_(digests)
            )
        ).all()
    # Sorted here: asked to sort, SQLite walks the whole survey in order instead of using the index of keys.
    for digest, resource_id, modified in sorted({tuple(row) for row in rows}):
        result.setdefault(digest, []).append(Bearer(resource_id, modified))
    return result


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
