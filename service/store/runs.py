"""Runs: scheduled, claimed by lease and fence, steered, ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from service.store import scopes as run_scopes
from service.store.database import Database, clock
from service.store.ids import new_id
from service.store.leftovers import SETTLE, late_answers_open, leaves_something
from service.store.removed import require_kept
from service.store.scopes import Scope
from service.store.states import FAULTS, Ending, RunMode, RunState, run_state
from service.store.tables import api_key, operation, run, run_count

OF_BATCH = "batch:"
"""How the names of counts begin that are the batch's, kept with its newest run."""


class RunActiveError(Exception):
    """The batch has a run that has not ended; `run_id` names it."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


class FenceLostError(Exception):
    """The run belongs to another worker now (or has ended): nothing more may be written for this claim."""


class OpenStraysError(Exception):
    """The run cannot end yet: late answers of an earlier worker are still to be looked at."""


class RunOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked of a run beside its mode."""

    only: tuple[str, ...] = ()
    limit: int | None = None
    plan: str | None = None
    force: bool = False
    max_removals: str | None = None
    max_errors: str | None = None
    dry_run: bool = False
    """Of an undo: only its plan is made."""


class RunFacts(msgspec.Struct, frozen=True):
    """A run as others see it. Times in ms since 1970 UTC."""

    id: str
    batch_id: str
    mode: RunMode
    state: RunState
    phase: str
    ending: Ending | None
    code: str | None
    reason: str | None
    key_id: int
    key_label: str
    options: RunOptions
    inputs_digest: str
    scheduled_at: int
    started_at: int | None
    planned_at: int | None
    ended_at: int | None
    owner: str | None
    waiting_for: str | None
    waiting_until: int | None
    cancel_requested: bool
    requests: int
    bytes_sent: int
    records_total: int | None
    counts: Mapping[str, int]
    """`read`, `planned`, `action:create` … (what the plan holds) and outcomes: `created`, `unchanged` …"""
    of_batch: Mapping[str, int] = {}
    """Outcomes of the whole batch, kept when its records were removed; `faulty`: 1 if some failed."""
    pause_requested: bool = False


class Claim(msgspec.Struct, frozen=True):
    """The right to carry a run out, as long as the database says so."""

    run_id: str
    fence: int
    owner: str
    ended: bool = False
    """It is to find out what the run left when it ended (`service.store.unsettled`)."""


class Wishes(NamedTuple):
    """What people asked of a running run; read with each heartbeat."""

    cancel: bool
    pause: bool


# --- scheduling and reading ---------------------------------------------------------------------


def schedule_run(
    db: Database,
    *,
    batch_id: str,
    mode: RunMode,
    options: RunOptions,
    key_id: int,
    inputs_digest: str,
    check: Callable[[Connection], None] | None = None,
    scopes: Iterable[Scope] = (),
) -> RunFacts:
    """Commit a new run, durably, before anybody rings. `scopes`: those that it will need for itself.

    `check` is called within the transaction, once nothing can be added to the batch any more; what it
    raises goes through, and there is no run. Raises `RunActiveError` when the batch has an active one:
    a unique column makes it certain, also when two services schedule at once. `BatchRemovedError`,
    `PlanRemovedError` when what it needs is kept no longer.
    """
    run_id = new_id()
    try:
        with db.write(durable=True) as connection:
            connection.execute(
                insert(run).values(
                    id=run_id,
                    batch_id=batch_id,
                    mode=mode,
                    options=msgspec.json.encode(options),
                    key_id=key_id,
                    inputs_digest=inputs_digest,
                    scheduled_at=clock(connection),
                    phase="plan",
                    fence=0,
                    lease_until=0,
                    requests=0,
                    bytes_sent=0,
                    active_batch=batch_id,
                )
            )
            require_kept(connection, batch_id, run_id, mode, options.plan)
            run_scopes.want(connection, run_id, scopes)
            if check is not None:
                check(connection)
    except IntegrityError as error:
        with db.read() as connection:
            active = connection.execute(select(run.c.id).where(run.c.active_batch == batch_id)).scalar()
        if active is None:
            raise
        raise RunActiveError(active) from error
    facts = run_facts(db, run_id)
    assert facts is not None
    return facts


def run_facts(db: Database, run_id: str) -> RunFacts | None:
    with db.read() as connection:
        found = _facts(connection, run.c.id == run_id)
    return found[0] if found else None


def runs_of_batch(db: Database, batch_id: str) -> list[RunFacts]:
    """All runs of a batch, newest first."""
    return runs_of_batches(db, [batch_id]).get(batch_id, [])


def runs_of_batches(db: Database, batch_ids: Sequence[str]) -> dict[str, list[RunFacts]]:
    """The runs of each batch, newest first; batches that never ran are absent."""
    result: dict[str, list[RunFacts]] = {}
    with db.read() as connection:
        for facts in _facts(connection, run.c.batch_id.in_(batch_ids)):
            result.setdefault(facts.batch_id, []).append(facts)
    return result


def _facts(connection: Connection, condition: Any) -> list[RunFacts]:
    rows = connection.execute(
        select(run, api_key.c.label.label("key_label"), clock(connection).label("now"))
        .join(api_key, api_key.c.id == run.c.key_id)
        .where(condition)
        .order_by(run.c.scheduled_at.desc(), run.c.id.desc())
    ).all()
    counts: dict[str, dict[str, int]] = {}
    for run_id, name, n in connection.execute(
        select(run_count.c.run_id, run_count.c.name, run_count.c.n).where(
            run_count.c.run_id.in_([row.id for row in rows])
        )
    ):
        counts.setdefault(run_id, {})[name] = n
    waiting = [row.id for row in rows if row.ended_at is None]
    obstacles = run_scopes.obstacles(connection, waiting)
    return [_one(row, counts.get(row.id, {}), obstacles.get(row.id)) for row in rows]


def _one(row: Row[Any], counts: dict[str, int], obstacle: str | None) -> RunFacts:
    """`obstacle`: in words, which run is in the way to its scopes."""
    options = msgspec.json.decode(row.options, type=RunOptions)
    return RunFacts(
        id=row.id,
        batch_id=row.batch_id,
        mode=row.mode,
        state=run_state(
            row,
            sum(counts.get(name, 0) for name in FAULTS),
            row.now,
            preview=options.dry_run,
            obstructed=obstacle is not None,
        ),
        phase=row.phase,
        ending=row.ending,
        code=row.code,
        reason=row.reason,
        key_id=row.key_id,
        key_label=row.key_label,
        options=options,
        inputs_digest=row.inputs_digest,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        planned_at=row.planned_at,
        ended_at=row.ended_at,
        owner=row.owner,
        waiting_for=row.waiting_for or obstacle,
        waiting_until=row.waiting_until,
        cancel_requested=row.cancel_requested_at is not None,
        requests=row.requests,
        bytes_sent=row.bytes_sent,
        records_total=row.records_total,
        counts={name: n for name, n in counts.items() if not name.startswith(OF_BATCH)},
        of_batch={name.removeprefix(OF_BATCH): n for name, n in counts.items() if name.startswith(OF_BATCH)},
        pause_requested=row.pause_requested_at is not None,
    )


def ever_wrote(db: Database, batch_id: str) -> bool:
    """Whether any run of the batch meant to send a write: from then on it may have changed something."""
    with db.read() as connection:
        return (
            connection.execute(
                select(operation.c.key)
                .join(run, run.c.id == operation.c.run_id)
                .where(run.c.batch_id == batch_id)
                .limit(1)
            ).first()
            is not None
        )


# --- the worker's side --------------------------------------------------------------------------


def claim_run(db: Database, run_id: str, owner: str, lease_ms: int) -> Claim | None:
    """Take the run and all its scopes, if nobody holds it or any of them, or comes first; None otherwise.

    Exactly one of many claims succeeds, of one run as of several that want one scope.
    """
    try:
        with db.write(durable=True) as connection:
            fence = _claimed(connection, run_id, owner, lease_ms)
    except IntegrityError:
        # Another run took a scope of this one at the same moment; it rings when it has ended.
        return None
    return None if fence is None else Claim(run_id, fence, owner)


def _claimed(connection: Connection, run_id: str, owner: str, lease_ms: int) -> int | None:
    """The new fence; None if the run cannot be claimed now."""
    if run_scopes.obstacles(connection, [run_id]):
        return None
    now = clock(connection)
    fence = connection.execute(
        update(run)
        .where(
            run.c.id == run_id,
            run.c.ended_at.is_(None),
            run.c.lease_until < now,
            or_(run.c.pause_requested_at.is_(None), run.c.cancel_requested_at.is_not(None)),
            ~_unsettled_before(),
        )
        .values(
            fence=run.c.fence + 1,
            owner=owner,
            lease_until=now + lease_ms,
            started_at=func.coalesce(run.c.started_at, now),
            waiting_for=None,
            waiting_until=None,
        )
        .returning(run.c.fence)
    ).scalar()
    if fence is not None:
        run_scopes.take(connection, run_id)
    return fence


def _unsettled_before() -> Any:
    """Whether an earlier run of the batch left something to be found out: until then nobody can tell what is
    to be undone, or done again."""
    earlier = run.alias()
    return exists().where(earlier.c.batch_id == run.c.batch_id, earlier.c.phase == SETTLE)


def renew_lease(db: Database, claim: Claim, lease_ms: int) -> Wishes:
    """The heartbeat. Raises `FenceLostError` when the run is another's."""
    with db.write() as connection:
        row = connection.execute(
            update(run)
            .where(_held(claim))
            .values(lease_until=clock(connection) + lease_ms)
            .returning(run.c.cancel_requested_at, run.c.pause_requested_at)
        ).first()
    if row is None:
        raise FenceLostError(claim.run_id)
    if claim.ended:
        return Wishes(cancel=False, pause=False)  # it was cancelled before
    return Wishes(row[0] is not None, row[1] is not None)


def release_run(db: Database, claim: Claim, *, waits_for: str | None = None, rest_ms: int = 0) -> None:
    """Give the run back, so that another worker may claim it at once. Harmless when it is lost already.

    `waits_for`: what it waits for; nobody claims it within the next `rest_ms` then.
    """
    with db.write(durable=True) as connection:
        connection.execute(
            update(run)
            .where(_held(claim))
            .values(
                lease_until=clock(connection) + rest_ms if rest_ms else 0,
                owner=None,
                waiting_for=waits_for,
                waiting_until=clock(connection) + rest_ms if rest_ms else None,
            )
        )


@contextmanager
def fenced(db: Database, claim: Claim, *, durable: bool = False) -> Iterator[Connection]:
    """A transaction that only the run's owner can commit: the way of every journal write."""
    with db.write(durable=durable) as connection:
        held = connection.execute(update(run).where(_held(claim)).values(fence=run.c.fence)).rowcount
        if held == 0:
            raise FenceLostError(claim.run_id)
        yield connection


def _held(claim: Claim) -> Any:
    ended = run.c.ended_at.is_not(None) if claim.ended else run.c.ended_at.is_(None)
    return and_(run.c.id == claim.run_id, run.c.fence == claim.fence, ended)


def set_phase(connection: Connection, claim: Claim, phase: str, **values: int | None) -> None:
    """Within `fenced`: move on to `plan`, `apply` …, with further columns such as `planned_at`."""
    connection.execute(update(run).where(run.c.id == claim.run_id).values(phase=phase, **values))


def set_waiting(db: Database, claim: Claim, why: str | None, until: int | None) -> None:
    """Say what the run waits for, and until when (ms); None when it goes on."""
    with fenced(db, claim) as connection:
        connection.execute(
            update(run).where(run.c.id == claim.run_id).values(waiting_for=why, waiting_until=until)
        )


def add_counts(
    connection: Connection, run_id: str, changes: Mapping[str, int], requests: int = 0, bytes_sent: int = 0
) -> None:
    """Within `fenced`: change the run's counts by these amounts."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"run_id": run_id, "name": name, "n": n} for name, n in sorted(changes.items()) if n]
    if rows:
        statement = dialect.insert(run_count)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[run_count.c.run_id, run_count.c.name],
                set_={"n": run_count.c.n + statement.excluded.n},
            ),
            rows,
        )
    if requests or bytes_sent:
        connection.execute(
            update(run)
            .where(run.c.id == run_id)
            .values(requests=run.c.requests + requests, bytes_sent=run.c.bytes_sent + bytes_sent)
        )


def clear_counts(connection: Connection, run_id: str) -> None:
    connection.execute(delete(run_count).where(run_count.c.run_id == run_id))


def end_run(
    db: Database, claim: Claim, ending: Ending, code: str | None = None, reason: str | None = None
) -> None:
    """The last write of a run. What it leaves to be found out, is found out later (`unsettled`).

    Raises `OpenStraysError` for one that came to its end while late answers are not accounted for. One that
    was left may have no way to the target: its late answers are among what it leaves.
    """
    with fenced(db, claim, durable=True) as connection:
        finished = ending == "finished"
        late = late_answers_open(connection, claim.run_id)
        if finished and late:
            raise OpenStraysError(claim.run_id)
        left = late or leaves_something(connection, claim.run_id, finished=finished)
        connection.execute(
            update(run)
            .where(run.c.id == claim.run_id)
            .values(
                ended_at=clock(connection),
                ending=ending,
                code=code,
                reason=reason,
                phase=SETTLE if left else "done",
                active_batch=None,
                lease_until=0,
                waiting_for=None,
                waiting_until=None,
            )
        )
        if not left:
            run_scopes.free(connection, claim.run_id)


def unclaimed_runs(db: Database) -> list[str]:
    """Ids of runs that a worker should hold and none does: scheduled, given back, or their worker died.

    Those that wait for a scope are not among them.
    """
    with db.read() as connection:
        rows = connection.execute(
            select(run.c.id)
            .where(
                run.c.ended_at.is_(None),
                run.c.lease_until < clock(connection),
                or_(run.c.pause_requested_at.is_(None), run.c.cancel_requested_at.is_not(None)),
            )
            .order_by(run.c.scheduled_at)
        )
        ids = [cast(str, row.id) for row in rows]
        obstacles = run_scopes.obstacles(connection, ids)
        return [one for one in ids if one not in obstacles]
