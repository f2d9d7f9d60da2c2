"""The plan of a run, an entry a resource: written in phase one, carried out in phase two."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)

from service.store.bulk import insert_alike
from service.store.database import Database
from service.store.plan_groups import clear_groups
from service.store.report_groups import add_lines, clear_lines, remove_lines
from service.store.runs import Claim, fenced
from service.store.said import ended, planned
from service.store.tables import plan_entry, plan_key, plan_link

Action = Literal["create", "update", "complete", "unpublish", "delete", "unchanged", "skip", "reject"]
"""`unpublish`: no record mentions the resource any more, so it is taken from the public. `complete`: the
links of a new resource that could not be written with it (see `Entry.completes`)."""
Outcome = Literal[
    "created",
    "updated",
    "deleted",
    "unpublished",
    "undone",
    "unchanged",
    "skipped",
    "rejected",
    "failed",
    "uncertain",
    "altered",
]
WRITING: tuple[Action, ...] = ("create", "update", "complete", "unpublish", "delete")
NOT_WRITTEN: tuple[Outcome, ...] = ("rejected", "failed", "uncertain")
"""Outcomes of records that a retry plans again, and that are given back to be corrected."""


class Entry(Struct, frozen=True, gc=False):
    """One resource of the plan. `draft`, `changes` and `problems` are JSON of the worker's types."""

    seq: int
    file: str
    row: int
    ordinal: int
    destination: str
    kind: str
    action: Action
    parent_seq: int | None = None
    identifier: str | None = None
    scope: str | None = None
    by: str | None = None
    key_digest: str | None = None
    depth: int = 0
    resource_id: int | None = None
    draft: bytes | None = None
    before: bytes | None = None
    changes: bytes | None = None
    meant: str | None = None
    media_meant: str | None = None
    linked: str | None = None
    completes: int | None = None
    """The entry whose resource this one completes (links inside a cycle, written once both ends exist)."""
    pending: bool = False
    """Not decided yet: what its values link to is known only when everything is planned."""
    problems: bytes | None = None
    outcome: Outcome | None = None
    outcome_id: int | None = None
    code: str | None = None
    message: str | None = None


class EntryOutcome(Struct, frozen=True):
    """How an entry ended."""

    seq: int
    outcome: Outcome
    resource_id: int | None = None
    code: str | None = None
    message: str | None = None
    reported: bool = True
    """Whether a report speaks of it: what only completes another entry's resource is said of that one."""


class EntryFilter(Struct, frozen=True):
    """Which entries of a report or plan are wanted; empty means all."""

    actions: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    file: str | None = None
    rows: tuple[int, int] | None = None
    identifier: str | None = None


COLUMNS = tuple(plan_entry.c[name] for name in Entry.__struct_fields__)


_fields = attrgetter(*Entry.__struct_fields__)

_LARGE = ("draft", "before", "changes", "problems")
"""What an entry for which nothing is to be done mostly lacks, and what has no place in JSON."""
_VARYING = ("seq", "row", "ordinal", "identifier", "key_digest", "resource_id", "outcome_id", "meant")
_ALIKE = tuple(name for name in Entry.__struct_fields__ if name not in (*_LARGE, *_VARYING))
"""What is the same in nearly all entries of one file for which nothing is to be done."""
_FEW = 10
"""As many that are alike are not worth a statement of their own."""

_large = attrgetter(*_LARGE)
_varying = attrgetter(*_VARYING)
_alike = attrgetter(*_ALIKE)
_NOTHING_LARGE = (None,) * len(_LARGE)


@functools.cache
def _insert_sql(paramstyle: str) -> str:
    names = ("run_id", *Entry.__struct_fields__)
    marks = ", ".join(["?" if paramstyle == "qmark" else "%s"] * len(names))
    columns = ", ".join(f'"{plan_entry.c[name].name}"' for name in names)
    return f"INSERT INTO plan_entry ({columns}) VALUES ({marks})"  # noqa: S608 - names of our own columns


def _entry(row: Row[Any]) -> Entry:
    return Entry(*tuple(row))


def large_bytes(entry: Entry) -> int:
    """Of drafts, representations and the like that an entry carries."""
    large = _large(entry)
    return 0 if large == _NOTHING_LARGE else sum(map(len, filter(None, large)))


def insert_entries(connection: Connection, run_id: str, entries: Sequence[Entry]) -> None:
    """Within `runs.fenced`: add entries to the plan. Those that say next to nothing go many at a time."""
    others: list[Entry] = []
    alike: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        if _large(entry) == _NOTHING_LARGE and "\x00" not in (entry.identifier or ""):
            alike.setdefault(_alike(entry), []).append(entry)
        else:
            others.append(entry)
    for same, group in alike.items():
        if len(group) <= _FEW:
            others += group
            continue
        insert_alike(
            connection,
            plan_entry,
            (("run_id", *_ALIKE), (run_id, *same)),
            (_VARYING, [_varying(entry) for entry in group]),
        )
    if others:
        # Past SQLAlchemy's handling of parameters, which costs as much as the insert itself.
        rows = [(run_id, *_fields(entry)) for entry in others]
        connection.exec_driver_sql(_insert_sql(connection.dialect.paramstyle), rows)
    add_lines(
        connection,
        run_id,
        [
            (entry.seq, said)
            for entry in entries
            if entry.action != "complete" and (entry.problems or entry.message)
            for said in planned(entry.problems, entry.action, entry.code, entry.message)
        ],
        [(one.seq, one.identifier) for one in entries if one.key_digest is None and one.identifier],
    )


def clear_plan(
    db: Database, claim: Claim, slice_size: int = 2000, check: Callable[[], None] = lambda: None
) -> None:
    """Remove a plan that was not finished, its groups and its report, in slices, so that no transaction is
    long.

    `check` is called before each; what it raises goes through, and the rest is removed the next time.
    """
    with fenced(db, claim) as connection:
        clear_groups(connection, claim.run_id)
    while True:
        check()
        with fenced(db, claim) as connection:
            seqs = (
                select(plan_entry.c.seq)
                .where(plan_entry.c.run_id == claim.run_id)
                .order_by(plan_entry.c.seq)
                .limit(slice_size)
            )
            removed = connection.execute(
                delete(plan_entry).where(plan_entry.c.run_id == claim.run_id, plan_entry.c.seq.in_(seqs))
            ).rowcount
        if removed < slice_size:
            break
    more = True
    while more:
        check()
        with fenced(db, claim) as connection:
            more = clear_lines(connection, claim.run_id, slice_size)
    for table in (plan_link, plan_key):
        of_run = table.c.run_id == claim.run_id
        with db.read() as connection:
            last = connection.execute(select(func.max(table.c.seq)).where(of_run)).scalar() or 0
        for start in range(0, last + 1, slice_size):
            check()
            with fenced(db, claim) as connection:
                part = table.c.seq.between(start, start + slice_size - 1)
                connection.execute(delete(table).where(of_run, part))


def pending(db: Database, run_id: str, after: int, limit: int) -> list[Entry]:
    """The entries that wait for their links, by `seq` over `after`; the last record is whole."""
    # Written out: SQLite looks into a partial index only for the very words that it was made with.
    waiting = (plan_entry.c.run_id == run_id, text("pending"))
    with db.read() as connection:
        found = [
            _entry(row)
            for row in connection.execute(
                select(*COLUMNS)
                .where(*waiting, plan_entry.c.seq > after)
                .order_by(plan_entry.c.seq)
                .limit(limit)
            )
        ]
        if len(found) == limit:
            last = found[-1]
            rest = connection.execute(
                select(*COLUMNS)
                .where(
                    *waiting,
                    plan_entry.c.file == last.file,
                    plan_entry.c.row == last.row,
                    plan_entry.c.seq > last.seq,
                )
                .order_by(plan_entry.c.seq)
            )
            found.extend(_entry(row) for row in rest)
    return found


def replace_entries(
    connection: Connection, run_id: str, seqs: Sequence[int], entries: Sequence[Entry]
) -> None:
    """Within `runs.fenced`: these entries in place of those."""
    for start in range(0, len(seqs), 500):
        connection.execute(
            delete(plan_entry).where(
                plan_entry.c.run_id == run_id, plan_entry.c.seq.in_(seqs[start : start + 500])
            )
        )
    remove_lines(connection, run_id, seqs)
    insert_entries(connection, run_id, entries)


def set_depths(connection: Connection, run_id: str, depths: Sequence[tuple[int, int]]) -> None:
    """Within `runs.fenced`: (seq, depth) of entries."""
    if depths:
        connection.execute(
            update(plan_entry)
            .where(plan_entry.c.run_id == run_id, plan_entry.c.seq == bindparam("entry_seq"))
            .values(depth=bindparam("to_depth")),
            [{"entry_seq": seq, "to_depth": depth} for seq, depth in depths],
        )


def set_depth_of_completing(connection: Connection, run_id: str, depth: int) -> None:
    """Within `runs.fenced`: entries that complete circles come when all else has been created."""
    connection.execute(
        update(plan_entry)
        .where(plan_entry.c.run_id == run_id, plan_entry.c.action == "complete")
        .values(depth=depth)
    )


def forget_drafts(connection: Connection, run_id: str) -> None:
    """Within `runs.fenced`: entries for which nothing is sent keep no draft."""
    connection.execute(
        update(plan_entry)
        .where(
            plan_entry.c.run_id == run_id,
            plan_entry.c.action.not_in(WRITING),
            plan_entry.c.draft.is_not(None),
        )
        .values(draft=None)
    )


def tally(db: Database, run_id: str) -> Counter[str]:
    """The counts of a plan, from its entries: `planned`, `action:…`, and outcomes."""
    counts: Counter[str] = Counter()
    with db.read() as connection:
        for action, outcome, n in connection.execute(
            select(plan_entry.c.action, plan_entry.c.outcome, func.count())
            .where(plan_entry.c.run_id == run_id, plan_entry.c.action != "complete")
            .group_by(plan_entry.c.action, plan_entry.c.outcome)
        ):
            counts["planned"] += n
            counts[f"action:{action}"] += n
            if outcome is not None:
                counts[outcome] += n
    return counts


def rejected_records(db: Database, run_id: str) -> int:
    """How many records have a rejected entry."""
    rejected = (
        select(plan_entry.c.file, plan_entry.c.row)
        .where(plan_entry.c.run_id == run_id, plan_entry.c.action == "reject")
        .distinct()
        .subquery()
    )
    with db.read() as connection:
        return connection.execute(select(func.count()).select_from(rejected)).scalar_one()


def highest_seq(db: Database, run_id: str) -> int:
    with db.read() as connection:
        return (
            connection.execute(
                select(func.max(plan_entry.c.seq)).where(plan_entry.c.run_id == run_id)
            ).scalar()
            or 0
        )


def planned_keys(db: Database, run_id: str, digests: Sequence[str]) -> dict[tuple[str, str, str, str], Entry]:
    """The plan's virtual state: entries with these identities, by (kind, scope, by, digest)."""
    if not digests:
        return {}
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS).where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.key_digest.in_(digests),
                plan_entry.c.action.not_in(["reject"]),
            )
        )
        # Sorted here: asked to sort, SQLite walks the whole plan in order instead of using the index of keys.
        entries = sorted(map(_entry, rows), key=lambda entry: entry.seq, reverse=True)
        # In descending order: what stays is the first that bears the identity.
        return {(one.kind, one.scope or "", one.by or "", one.key_digest or ""): one for one in entries}


def todo(db: Database, run_id: str, after: tuple[int, int], limit: int) -> list[Entry]:
    """The next entries to be written, by depth then order; `after` is (depth, seq) of the last one taken.

    Media that travel in their item's request (`parent_seq`, depth 0) are not listed: see `children`.
    """
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS)
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.outcome.is_(None),
                plan_entry.c.action.in_(WRITING),
                or_(plan_entry.c.parent_seq.is_(None), plan_entry.c.depth > 0),
                tuple_(plan_entry.c.depth, plan_entry.c.seq) > tuple_(*after),
            )
            .order_by(plan_entry.c.depth, plan_entry.c.seq)
            .limit(limit)
        )
        return [_entry(row) for row in rows]


def children(db: Database, run_id: str, seqs: Sequence[int]) -> dict[int, list[Entry]]:
    """The media entries that travel in the requests of these entries, in order."""
    return _media_of(db, run_id, seqs, plan_entry.c.depth == 0, plan_entry.c.action == "create")


def media_of(db: Database, run_id: str, seqs: Sequence[int]) -> dict[int, list[Entry]]:
    """All media entries of the items of these entries, in order."""
    return _media_of(db, run_id, seqs)


def _media_of(
    db: Database, run_id: str, seqs: Sequence[int], *which: ColumnElement[bool]
) -> dict[int, list[Entry]]:
    result: dict[int, list[Entry]] = {}
    if not seqs:
        return result
    with db.read() as connection:
        for row in connection.execute(
            select(*COLUMNS)
            .where(
                plan_entry.c.run_id == run_id,
                # The media of an item follow its entry.
                plan_entry.c.seq.between(min(seqs), max(seqs) + 10_000),
                plan_entry.c.parent_seq.in_(seqs),
                *which,
            )
            .order_by(plan_entry.c.seq)
        ):
            result.setdefault(row.parent_seq, []).append(_entry(row))
    return result


def replacing(db: Database, run_id: str, after: int, limit: int) -> list[Entry]:
    """A page of the media that are created in the place of others (`resource_id`)."""
    created = (plan_entry.c.action == "create", plan_entry.c.resource_id.is_not(None))
    return _media_page(db, run_id, after, limit, *created)


def travelled(db: Database, run_id: str, after: int, limit: int) -> list[Entry]:
    """A page of the media that were created with their items: no answer told how they were saved."""
    with_item = (plan_entry.c.parent_seq.is_not(None), plan_entry.c.depth == 0)
    return _media_page(db, run_id, after, limit, *with_item, plan_entry.c.outcome == "created")


def _media_page(
    db: Database, run_id: str, after: int, limit: int, *which: ColumnElement[bool]
) -> list[Entry]:
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS)
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.kind == "media",
                plan_entry.c.seq > after,
                *which,
            )
            .order_by(plan_entry.c.seq)
            .limit(limit)
        )
        return [_entry(row) for row in rows]


def set_apart(connection: Connection, run_id: str, item: int, depth: int) -> None:
    """Within `runs.fenced`: the media of this entry are created alone, at that depth, and not with it."""
    connection.execute(
        update(plan_entry)
        .where(
            plan_entry.c.run_id == run_id,
            plan_entry.c.parent_seq == item,
            plan_entry.c.seq.between(item, item + 10_000),
            plan_entry.c.depth == 0,
            plan_entry.c.outcome.is_(None),
        )
        .values(depth=depth)
    )


def entries_by_seq(db: Database, run_id: str, seqs: Sequence[int]) -> dict[int, Entry]:
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS).where(plan_entry.c.run_id == run_id, plan_entry.c.seq.in_(seqs))
        )
        return {row.seq: _entry(row) for row in rows}


def set_outcomes(connection: Connection, run_id: str, outcomes: Sequence[EntryOutcome]) -> None:
    """Within `runs.fenced`: how these entries ended."""
    if outcomes:
        connection.execute(
            update(plan_entry)
            .where(plan_entry.c.run_id == run_id, plan_entry.c.seq == bindparam("entry_seq"))
            .values(
                outcome=bindparam("to_outcome"),
                outcome_id=bindparam("to_id"),
                code=func.coalesce(bindparam("to_code"), plan_entry.c.code),
                message=func.coalesce(bindparam("to_message"), plan_entry.c.message),
            ),
            [
                {
                    "entry_seq": one.seq,
                    "to_outcome": one.outcome,
                    "to_id": one.resource_id,
                    "to_code": one.code,
                    "to_message": one.message,
                }
                for one in outcomes
            ],
        )
        remove_lines(connection, run_id, [one.seq for one in outcomes], only_late=True)
        # Of one that two others complete at once, the last word counts.
        said = {
            one.seq: word
            for one in outcomes
            if one.reported and (word := ended(one.outcome, one.code, one.message)) is not None
        }
        add_lines(connection, run_id, list(said.items()), [])


def set_changes(connection: Connection, run_id: str, changes: Sequence[tuple[int, bytes]]) -> None:
    """Within `runs.fenced`: (seq, changes) of entries that were carried out otherwise than planned."""
    if changes:
        connection.execute(
            update(plan_entry)
            .where(plan_entry.c.run_id == run_id, plan_entry.c.seq == bindparam("entry_seq"))
            .values(changes=bindparam("to_changes")),
            [{"entry_seq": seq, "to_changes": data} for seq, data in changes],
        )


def set_drafts(connection: Connection, run_id: str, drafts: Sequence[tuple[int, bytes]]) -> None:
    """Within `runs.fenced`: (seq, draft) of entries of which more is known now."""
    if drafts:
        connection.execute(
            update(plan_entry)
            .where(plan_entry.c.run_id == run_id, plan_entry.c.seq == bindparam("entry_seq"))
            .values(draft=bindparam("to_draft")),
            [{"entry_seq": seq, "to_draft": data} for seq, data in drafts],
        )


def kinds_to_create(db: Database, run_id: str) -> set[str]:
    """The kinds of which entries are still to be created."""
    with db.read() as connection:
        rows = connection.execute(
            select(plan_entry.c.kind)
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.outcome.is_(None),
                plan_entry.c.action == "create",
            )
            .distinct()
        )
        return {row[0] for row in rows}


# --- reading ------------------------------------------------------------------------------------


def read_plan(
    db: Database, run_id: str, *, after: int = 0, limit: int = 500, wanted: EntryFilter | None = None
) -> list[Entry]:
    """A page of a run's entries in order of `seq`, those over `after`."""
    with db.read() as connection:
        rows = connection.execute(
            select(*COLUMNS)
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.seq > after,
                plan_entry.c.action != "complete",  # part of what another entry creates
                *conditions(wanted),
            )
            .order_by(plan_entry.c.seq)
            .limit(limit)
        )
        return [_entry(row) for row in rows]


def conditions(wanted: EntryFilter | None) -> list[Any]:
    """As SQL: the entries that are wanted."""
    if wanted is None:
        return []
    conditions: list[Any] = []
    if wanted.actions:
        conditions.append(plan_entry.c.action.in_(wanted.actions))
    if wanted.outcomes:
        conditions.append(plan_entry.c.outcome.in_(wanted.outcomes))
    if wanted.file is not None:
        conditions.append(plan_entry.c.file == wanted.file)
    if wanted.rows is not None:
        conditions.append(plan_entry.c.row.between(*wanted.rows))
    if wanted.identifier is not None:
        conditions.append(plan_entry.c.identifier == wanted.identifier)
    return conditions
