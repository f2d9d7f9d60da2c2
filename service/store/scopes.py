"""Scopes that runs hold: of the runs that write what is known by the same identities, one goes at a time.

A run wants its scopes from the moment it is scheduled, takes all of them with its first claim, and holds
them until it ends and it is known what its last writes did: also while it is paused, waits, or has lost its
worker. What a run waits for is derived from that, never set beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, case, insert, or_, select, update

from service.store.database import Database, clock
from service.store.leftovers import SETTLE
from service.store.states import run_state
from service.store.tables import run, run_scope


class Scope(NamedTuple):
    """What keeps sources apart in a target: `name` as control files have it, "" where they name none."""

    target: str
    name: str


def want(connection: Connection, run_id: str, scopes: Iterable[Scope]) -> None:
    """Within the transaction that schedules the run."""
    rows = [
        {"run_id": run_id, "target": one.target, "scope": one.name, "held": False}
        for one in sorted(set(scopes))
    ]
    if rows:
        connection.execute(insert(run_scope), rows)


def take(connection: Connection, run_id: str) -> None:
    """Within the transaction that claims the run: take all its scopes. Raises `IntegrityError` when another
    run took one of them at the same moment."""
    mine = run_scope.c.run_id == run_id
    wanted = connection.execute(
        select(run_scope.c.target, run_scope.c.scope)
        .where(mine, run_scope.c.held.is_(False))
        .order_by(run_scope.c.target, run_scope.c.scope)
    ).all()
    # One by one, in order: two that want the same scopes wait for each other in one place only.
    for target, name in wanted:
        connection.execute(
            update(run_scope)
            .where(mine, run_scope.c.target == target, run_scope.c.scope == name)
            .values(held=True)
        )


def free(connection: Connection, run_id: str) -> None:
    """Within the transaction after which nothing of the run can come to the target any more."""
    connection.execute(
        update(run_scope).where(run_scope.c.run_id == run_id, run_scope.c.held).values(held=False)
    )


def obstacles(connection: Connection, run_ids: Collection[str]) -> dict[str, str]:
    """Of these runs, those that another one keeps from their scopes, and in words which.

    In the way is who holds a scope, and who was scheduled for it earlier and is not paused: so nobody is
    overtaken for ever, and whoever waits waits for one that can go on.
    """
    found: dict[str, str] = {}
    for row in _in_the_way(connection, run_ids):
        found.setdefault(row.waiting, _in_words(row))
    return found


def next_runs(db: Database, run_id: str) -> list[str]:
    """The runs that waited for a scope of this one and need to wait no longer: those to ring for."""
    mine, other = run_scope.alias("mine"), run_scope.alias("other")
    with db.read() as connection:
        waiting = connection.execute(
            select(run.c.id)
            .distinct()
            .select_from(mine)
            .join(other, and_(other.c.target == mine.c.target, other.c.scope == mine.c.scope))
            .join(run, run.c.id == other.c.run_id)
            .where(
                mine.c.run_id == run_id,
                other.c.run_id != run_id,
                other.c.held.is_(False),
                run.c.ended_at.is_(None),
                run.c.pause_requested_at.is_(None),
            )
        )
        ids = [str(row.id) for row in waiting]
        kept = obstacles(connection, ids)
    return [one for one in ids if one not in kept]


def _in_the_way(connection: Connection, run_ids: Collection[str]) -> Sequence[Row[Any]]:
    """For each run, who is in its way: whoever holds a scope first, then who came earliest."""
    if not run_ids:
        return []
    me, mine, theirs = run.alias("me"), run_scope.alias("mine"), run_scope.alias("theirs")
    earlier = or_(
        run.c.scheduled_at < me.c.scheduled_at,
        and_(run.c.scheduled_at == me.c.scheduled_at, run.c.id < me.c.id),
    )
    return connection.execute(
        select(
            mine.c.run_id.label("waiting"),
            theirs.c.scope,
            theirs.c.held,
            run,
            clock(connection).label("now"),
        )
        .select_from(mine)
        .join(me, me.c.id == mine.c.run_id)
        .join(
            theirs,
            and_(
                theirs.c.target == mine.c.target,
                theirs.c.scope == mine.c.scope,
                theirs.c.run_id != mine.c.run_id,
            ),
        )
        .join(run, run.c.id == theirs.c.run_id)
        .where(
            mine.c.run_id.in_(run_ids),
            mine.c.held.is_(False),
            me.c.ended_at.is_(None),
            or_(
                theirs.c.held,
                and_(earlier, run.c.ended_at.is_(None), run.c.pause_requested_at.is_(None)),
            ),
        )
        .order_by(mine.c.run_id, case((theirs.c.held, 0), else_=1), run.c.scheduled_at, run.c.id)
    ).all()


def _in_words(row: Row[Any]) -> str:
    scope = f"the scope “{row.scope}”" if row.scope else "the scope without a name"
    if not row.held:
        return f"Another run was scheduled for {scope} before this one: run {row.id} of batch {row.batch_id}."
    if row.phase == SETTLE:
        return (
            f"Run {row.id} of batch {row.batch_id} had {scope} and has ended; what its last writes did is "
            "being found out."
        )
    state = run_state(row, 0, row.now)
    said = {
        "paused": "paused: it has to be resumed or cancelled first",
        "interrupted": "interrupted and will be taken up again",
        "waiting": "waiting itself",
        "scheduled": "about to go on",
    }.get(state, state)
    return f"Another run has {scope}: run {row.id} of batch {row.batch_id}, which is {said}."
