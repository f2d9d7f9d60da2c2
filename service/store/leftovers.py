"""What a run leaves to be found out when it ends."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from service.store.tables import operation, stray_effect

SETTLE = "settle"
"""The phase of an ended run of whose writes some are still to be found out."""


def leaves_something(connection: Connection, run_id: str, *, finished: bool) -> bool:
    """Whether a run that ends now has writes without an outcome; or, where it did not come to the last
    listing (`finished`), creates that were given up for lost and may have arrived after all, and changes that
    were, and may have been carried out in part."""
    given_up = and_(
        operation.c.outcome == "superseded", or_(operation.c.method == "create", change_given_up())
    )
    open_ones = operation.c.outcome.is_(None)
    left = open_ones if finished else or_(open_ones, given_up)
    found = connection.execute(
        select(operation.c.key).where(operation.c.run_id == run_id, left).limit(1)
    ).first()
    return found is not None


def change_given_up() -> ColumnElement[bool]:
    """Of an operation: it is a change that was given up for lost, no other carried it out, and what it may
    have done in part did not go back."""
    other = operation.alias()
    carried_out = (
        select(other.c.key)
        .where(
            other.c.run_id == operation.c.run_id,
            other.c.seq == operation.c.seq,
            or_(other.c.outcome.is_(None), other.c.outcome == "done"),
        )
        .exists()
    )
    given_up = and_(operation.c.method == "update", operation.c.outcome == "superseded")
    return and_(given_up, operation.c.undone_by.is_(None), ~carried_out)


def late_answers_open(connection: Connection, run_id: str) -> bool:
    """Whether answers that came to a worker which had lost the run are not accounted for."""
    late = select(stray_effect.c.id).where(
        stray_effect.c.run_id == run_id, stray_effect.c.resolved_at.is_(None)
    )
    return connection.execute(late.limit(1)).first() is not None
