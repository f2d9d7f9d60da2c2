"""What the runs of a batch did to the target, and what was taken back of it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, func, or_, select, tuple_, update

from service.store.database import Database
from service.store.tables import batch, operation, plan_entry, run
from service.store.unlinked import is_put_back, left_unlinked

_CHANGED = or_(
    operation.c.outcome == "done",
    # Given up for lost, but it may have taken effect: its pre-image counts.
    and_(operation.c.outcome == "superseded", operation.c.method != "create"),
)
_RESOURCE = func.coalesce(operation.c.answer_id, operation.c.resource_id)


class Effect(Struct, frozen=True):
    """One operation of a batch that changed, or may have changed, a resource."""

    run_id: str
    key: str
    seq: int
    attempt: int
    method: str
    kind: str
    resource_id: int
    saved_modified: str | None
    pre_image: bytes | None
    file: str
    row: int
    ordinal: int
    destination: str
    identifier: str | None
    scope: str | None
    by: str | None
    key_digest: str | None
    outcome: str | None
    """Of the record, as its run left it."""


class Later(Struct, frozen=True):
    """A resource that another batch changed afterwards."""

    kind: str
    resource_id: int
    batch_id: str
    comment: str


def runs_that_wrote(db: Database, batch_id: str) -> list[str]:
    """The imports and retries of a batch, newest first."""
    with db.read() as connection:
        rows = connection.execute(
            select(run.c.id)
            .where(run.c.batch_id == batch_id, run.c.mode.in_(("import", "retry")))
            .order_by(run.c.id.desc())
        )
        return [row.id for row in rows]


def effects(db: Database, run_id: str, before: tuple[int, int], limit: int) -> list[Effect]:
    """A page of a run's effects that stand, newest first: those below `before` (seq, attempt)."""
    columns = [
        *(operation.c[name] for name in ("run_id", "key", "seq", "attempt", "method", "kind")),
        _RESOURCE.label("resource_id"),
        operation.c.saved_modified,
        operation.c.pre_image,
        *(plan_entry.c[name] for name in Effect.__struct_fields__[9:]),
    ]
    twin = and_(operation.c.method == "delete", plan_entry.c.action == "create")
    with db.read() as connection:
        rows = connection.execute(
            select(*columns)
            .join(
                plan_entry,
                and_(plan_entry.c.run_id == operation.c.run_id, plan_entry.c.seq == operation.c.seq),
            )
            .where(
                operation.c.run_id == run_id,
                tuple_(operation.c.seq, operation.c.attempt) < tuple_(*before),
                operation.c.undone_by.is_(None),
                _CHANGED,
                ~twin,
            )
            .order_by(operation.c.seq.desc(), operation.c.attempt.desc())
            .limit(limit)
        )
        return [Effect(*tuple(row)) for row in rows]


def kinds_changed(db: Database, batch_id: str) -> list[str]:
    """The kinds of what the batch did and that has not been taken back."""
    with db.read() as connection:
        rows = connection.execute(
            select(operation.c.kind)
            .join(run, run.c.id == operation.c.run_id)
            .where(
                run.c.batch_id == batch_id,
                run.c.mode.in_(("import", "retry")),
                operation.c.undone_by.is_(None),
                _CHANGED,
            )
            .distinct()
            .order_by(operation.c.kind)
        )
        return [row.kind for row in rows]


def anything_stands(db: Database, batch_id: str) -> bool:
    """Whether something that the batch did has not been taken back, or may turn out to have been done: of a
    write whose outcome is being found out nobody knows yet. So it is while an undo that did not come to its
    end has put back what it did not link again."""
    with db.read() as connection:
        found = connection.execute(
            select(operation.c.key)
            .join(run, run.c.id == operation.c.run_id)
            .where(
                run.c.batch_id == batch_id,
                run.c.mode.in_(("import", "retry")),
                operation.c.undone_by.is_(None),
                or_(_CHANGED, operation.c.outcome.is_(None)),
            )
            .limit(1)
        ).first()
    return found is not None or left_unlinked(db, batch_id) is not None


def unknown_creates(db: Database, batch_id: str) -> int:
    """Creates of the batch whose outcome nobody found out: its runs ended before."""
    with db.read() as connection:
        return connection.execute(
            select(func.count())
            .select_from(operation)
            .join(run, run.c.id == operation.c.run_id)
            .where(
                run.c.batch_id == batch_id,
                run.c.mode.in_(("import", "retry")),
                operation.c.method == "create",
                or_(operation.c.outcome.is_(None), operation.c.outcome == "uncertain"),
            )
        ).scalar_one()


def changed_later(db: Database, batch_id: str, kind: str, ids: Sequence[int], since: str) -> dict[int, Later]:
    """Which of these resources another batch of the same target changed in a run after `since` (a run)."""
    found: dict[int, Later] = {}
    target = select(batch.c.target).where(batch.c.id == batch_id).scalar_subquery()
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            for row in connection.execute(
                select(_RESOURCE.label("id"), batch.c.id.label("batch_id"), batch.c.comment)
                .join(run, run.c.id == operation.c.run_id)
                .join(batch, batch.c.id == run.c.batch_id)
                .where(
                    operation.c.kind == kind,
                    or_(operation.c.answer_id.in_(part), operation.c.resource_id.in_(part)),
                    operation.c.run_id > since,
                    operation.c.undone_by.is_(None),
                    run.c.mode.in_(("import", "retry")),
                    batch.c.id != batch_id,
                    batch.c.target == target,
                    _CHANGED,
                )
                .order_by(operation.c.run_id)
            ):
                found[row.id] = Later(kind, row.id, row.batch_id, row.comment)
    return found


def media_made(db: Database, run_id: str, item_seq: int) -> set[int]:
    """The numbers of the media that an import created for an item (by the entry of the item)."""
    with db.read() as connection:
        rows = connection.execute(
            select(plan_entry.c.outcome_id).where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.seq.between(item_seq, item_seq + 10_000),
                plan_entry.c.parent_seq == item_seq,
                plan_entry.c.outcome_id.is_not(None),
            )
        )
        return {row.outcome_id for row in rows}


def made_by_batch(db: Database, batch_id: str, ids: Sequence[int]) -> set[int]:
    """Which of these media imports of the batch have created."""
    runs = select(run.c.id).where(run.c.batch_id == batch_id, run.c.mode.in_(("import", "retry")))
    found: set[int] = set()
    with db.read() as connection:
        for start in range(0, len(ids), 500):
            rows = connection.execute(
                select(plan_entry.c.outcome_id).where(
                    plan_entry.c.run_id.in_(runs),
                    plan_entry.c.kind == "media",
                    plan_entry.c.action == "create",
                    plan_entry.c.outcome_id.in_(ids[start : start + 500]),
                )
            )
            found.update(row.outcome_id for row in rows)
    return found


def mark_undone(
    connection: Connection, batch_id: str, undo_run: str, resources: Sequence[tuple[str, int]]
) -> None:
    """Within `runs.fenced`: what the batch did to these (kind, id) is taken back."""
    runs = select(run.c.id).where(run.c.batch_id == batch_id, run.c.mode.in_(("import", "retry")))
    for kind, resource_id in resources:
        for column in (operation.c.answer_id, operation.c.resource_id):
            connection.execute(
                update(operation)
                .where(
                    operation.c.run_id.in_(runs),
                    operation.c.kind == kind,
                    column == resource_id,
                    operation.c.undone_by.is_(None),
                )
                .values(undone_by=undo_run)
            )


def mark_given_back(connection: Connection, run_id: str, seq: int) -> None:
    """Within `runs.fenced`: what this run changed in part for an entry it has given back what it held."""
    connection.execute(
        update(operation)
        .where(operation.c.run_id == run_id, operation.c.seq == seq, operation.c.method == "update")
        .values(undone_by=run_id)
    )


def mark_standing(db: Database, run_id: str, key: str) -> None:
    """A change that was given back took effect once more, late: an undo finds it again."""
    with db.write() as connection:
        connection.execute(
            update(operation)
            .where(operation.c.run_id == run_id, operation.c.key == key, operation.c.undone_by == run_id)
            .values(undone_by=None)
        )


def to_recreate(db: Database, undo_run: str) -> set[tuple[str, int]]:
    """Kinds and old numbers of everything that this undo creates again, or found created again by an
    earlier one that did not come to its end."""
    with db.read() as connection:
        rows = connection.execute(
            select(plan_entry.c.kind, plan_entry.c.resource_id).where(
                plan_entry.c.run_id == undo_run,
                is_put_back(),
                plan_entry.c.resource_id.is_not(None),
            )
        )
        return {(row.kind, row.resource_id) for row in rows}
