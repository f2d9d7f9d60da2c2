"""What has been removed of batches and runs, so that nobody counts on it, and people are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, select

from service.store.database import Database
from service.store.retention import GONE_PHASES, REDUCED, REMOVED
from service.store.tables import log_line, run

Lost = Literal["reduced", "removed"]
"""`reduced`: what an undo needs is still there; `removed`: nothing but states and counts."""

CODE = "removed"
"""Of the line in a run's log that says what was removed, when and why."""


class BatchRemovedError(Exception):
    """What the batch was made of has been removed; the message says what and why."""


class PlanRemovedError(Exception):
    """The plan of this dry run has been removed; the message says why."""


def lost(connection: Connection, batch_id: str, besides: str = "") -> Lost | None:
    """What is no longer there of a batch; None: everything is. `besides`: a run that does not count."""
    rows = connection.execute(
        select(run.c.mode, run.c.phase).where(run.c.batch_id == batch_id, run.c.id != besides)
    ).all()
    return lost_of([(row.mode, row.phase) for row in rows])


def lost_of(runs: Sequence[tuple[str, str]]) -> Lost | None:
    """The same of the (mode, phase) of a batch's runs. Plans of dry runs go before those of real ones."""
    telling = [phase for mode, phase in runs if mode in ("import", "retry")]
    if any(phase in REMOVED for phase in telling):
        return "removed"
    if any(phase in REDUCED for phase in telling):
        return "reduced"
    if not telling and runs and all(phase in REMOVED for _, phase in runs):
        return "removed"
    return None


def require_kept(connection: Connection, batch_id: str, run_id: str, mode: str, plan: str | None) -> None:
    """Within the transaction that makes a run: what it needs is there, and stays while the run is active.

    Raises `BatchRemovedError`, `PlanRemovedError`.
    """
    found = lost(connection, batch_id, besides=run_id)
    if found == "removed" or (found == "reduced" and mode != "undo"):
        raise BatchRemovedError(newest_words(connection, batch_id))
    if plan is not None:
        phase = connection.execute(select(run.c.phase).where(run.c.id == plan)).scalar()
        if phase in REMOVED:
            raise PlanRemovedError(_said(connection, plan))


def batch_words(db: Database, batch_id: str) -> tuple[Lost, str] | None:
    """What is no longer there of a batch, and the sentence that says so; None where everything is."""
    with db.read() as connection:
        found = lost(connection, batch_id)
        return None if found is None else (found, newest_words(connection, batch_id))


def run_words(db: Database, run_id: str) -> str:
    """The sentence that says what was removed of a run; "" when nothing was."""
    with db.read() as connection:
        return _said(connection, run_id)


def newest_words(connection: Connection, batch_id: str) -> str:
    """The sentence of the newest run of which something was removed."""
    ids = connection.execute(
        select(run.c.id)
        .where(run.c.batch_id == batch_id, run.c.phase.in_(GONE_PHASES))
        .order_by(run.c.id.desc())
    ).scalars()
    return next(filter(None, (_said(connection, one) for one in ids.all())), "")


def _said(connection: Connection, run_id: str) -> str:
    return (
        connection.execute(
            select(log_line.c.message)
            .where(log_line.c.run_id == run_id, log_line.c.code == CODE)
            .order_by(log_line.c.seq.desc())
            .limit(1)
        ).scalar()
        or ""
    )
