"""The report of one run, a page at a time: by outcome, by what is said of the records, by identifier, by row.

Each question is answered from an index, in its order: none looks through the run, however large that is.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, and_, select

from service.store.database import Database
from service.store.plans import Action, Outcome
from service.store.said import Said, identifier_key, now
from service.store.tables import plan_entry, report_line

_BETWEEN = " + "
"""Stands between the values of an identity that is shown."""


class Reported(Struct, frozen=True):
    """What a report shows of an entry."""

    run_id: str
    seq: int
    file: str
    row: int
    ordinal: int
    destination: str
    kind: str
    action: Action
    identifier: str | None
    resource_id: int | None
    problems: bytes | None
    outcome: Outcome | None
    outcome_id: int | None
    code: str | None
    message: str | None

    @property
    def number(self) -> int | None:
        """Of its resource in the target."""
        return self.outcome_id if self.outcome_id is not None else self.resource_id

    @property
    def said(self) -> list[Said]:
        """All that is said of it: what came of it first, then what planning noticed."""
        return now(self.problems, self.action, self.outcome, self.code, self.message)


class RowFilter(Struct, frozen=True):
    """Which entries of a run are wanted: one of these, or all."""

    outcome: Outcome | None = None
    open: bool = False
    """Those that have no outcome (yet)."""
    to: Action | None = None
    """Those of a plan for which this is meant to be done."""
    group: str | None = None
    """`said.Said.group`"""


_COLUMNS = tuple(plan_entry.c[name] for name in Reported.__struct_fields__)
_REPORTED = plan_entry.c.action != "complete"  # what another entry creates is told of that one


def read_rows(db: Database, run_id: str, wanted: RowFilter, *, after: int = 0, limit: int) -> list[Reported]:
    """A page of the entries of a run in the order of their records, those with a `seq` over `after`."""
    seq, of_run = plan_entry.c.seq, plan_entry.c.run_id == run_id
    statement = select(*_COLUMNS).where(of_run, _REPORTED)
    # Sorted by all columns of the index, else a database may not see that its order is the one wanted.
    match wanted:
        case RowFilter(group=str() as group):
            return _of_group(db, run_id, group, after, limit)
        case RowFilter(to=str() as action):
            statement = statement.where(
                plan_entry.c.action == action, plan_entry.c.outcome.is_(None), seq > after
            ).order_by(plan_entry.c.action, seq)
        case RowFilter(outcome=str() as outcome):
            statement = statement.where(plan_entry.c.outcome == outcome, seq > after).order_by(
                plan_entry.c.outcome, seq
            )
        case RowFilter(open=True):
            statement = statement.where(plan_entry.c.outcome.is_(None), seq > after).order_by(
                plan_entry.c.outcome, seq
            )
        case _:
            statement = statement.where(seq > after).order_by(plan_entry.c.run_id, seq)
    return _read(db, statement.limit(limit))


def _of_group(db: Database, run_id: str, group: str, after: int, limit: int) -> list[Reported]:
    """Which they are first, then they themselves: joined, a database may read the whole group to sort it."""
    line = report_line.c
    with db.read() as connection:
        seqs = connection.execute(
            select(line.seq)
            .where(line.run_id == run_id, line.name == group, line.seq > after)
            .order_by(line.run_id, line.name, line.seq)
            .limit(limit)
        ).scalars()
        rows = connection.execute(
            select(*_COLUMNS).where(plan_entry.c.run_id == run_id, plan_entry.c.seq.in_(seqs.all()))
        )
        return sorted((Reported(*tuple(row)) for row in rows), key=lambda one: one.seq)


def row_of(db: Database, run_id: str, seq: int) -> Reported | None:
    found = _read(
        db, select(*_COLUMNS).where(plan_entry.c.run_id == run_id, plan_entry.c.seq == seq, _REPORTED)
    )
    return found[0] if found else None


def rows_of_record(db: Database, run_ids: Sequence[str], file: str, row: int, limit: int) -> list[Reported]:
    """What these runs say of one record, the newest run first."""
    found: list[Reported] = []
    for run_id in sorted(run_ids, reverse=True):
        statement = (
            select(*_COLUMNS)
            .where(
                plan_entry.c.run_id == run_id, plan_entry.c.file == file, plan_entry.c.row == row, _REPORTED
            )
            .limit(limit)
        )
        found += sorted(_read(db, statement), key=lambda one: (one.ordinal, one.seq))
    return found


def rows_named(db: Database, run_ids: Sequence[str], identifier: str, limit: int) -> list[Reported]:
    """The entries that bear an identifier, in these runs: the newest run first. As the data have it, but for
    blanks around it."""
    found: list[Reported] = []
    line = report_line.c
    for run_id in sorted(run_ids, reverse=True):
        of_run = plan_entry.c.run_id == run_id
        by_identity = select(*_COLUMNS).where(
            of_run, plan_entry.c.key_digest.in_(_identity_digests(identifier)), _REPORTED
        )
        by_name = (
            select(*_COLUMNS)
            .join(report_line, and_(line.run_id == plan_entry.c.run_id, line.seq == plan_entry.c.seq))
            .where(line.run_id == run_id, line.name == identifier_key(identifier), _REPORTED)
        )
        # Each sorted here, not by the database, which would rather walk through the run in order than sort.
        several = [*_read(db, by_identity.limit(limit)), *_read(db, by_name.limit(limit))]
        found += sorted(several, key=lambda one: one.seq)[:limit]
    return found


def rows_numbered(
    db: Database, run_ids: Sequence[str], files: Sequence[str], row: int, limit: int
) -> list[Reported]:
    """The entries of the records that have this number in any of these files: the newest run first."""
    found: list[Reported] = []
    for run_id in sorted(run_ids, reverse=True):
        statement = (
            select(*_COLUMNS)
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.file.in_(files),
                plan_entry.c.row == row,
                _REPORTED,
            )
            .limit(limit)
        )
        found += sorted(_read(db, statement), key=lambda one: one.seq)
    return found


def _identity_digests(shown: str) -> list[str]:
    """Of identities that are shown so: as `worker.records.identity_digest` has them."""
    whole = (shown,)
    parts = tuple(shown.split(_BETWEEN))
    return [_identity_digest(values) for values in dict.fromkeys((whole, parts))]


def _identity_digest(values: tuple[str, ...]) -> str:
    joined = "\x1f".join(unicodedata.normalize("NFC", value).strip() for value in values)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def _read(db: Database, statement: Select[Any]) -> list[Reported]:
    with db.read() as connection:
        return [Reported(*tuple(row)) for row in connection.execute(statement)]
