"""All batches, newest first: what the nightly import did, at a glance."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.graphs import DAYS, days_chart
from service.admin.site import Page, Visit
from service.admin.words import STATES, Part, outcome_parts, plan_parts
from service.api.listing import ListQuery, find_batches
from service.api.naming import place_of
from service.store.batches import BatchFacts
from service.store.database import Database, now_ms
from service.store.keys import Key
from service.store.outcomes import counts_of
from service.store.runs import RunFacts, runs_of_batches
from service.store.samples import DAY_MS, days
from service.store.states import ACTIVE, BatchState

PAGE = 25


class BatchesQuery(Struct, frozen=True):
    state: Annotated[str, Meta(description="Only batches in this state.")] = ""
    target: Annotated[str, Meta(description="Only batches for this target.")] = ""
    comment: Annotated[str, Meta(description="Only batches whose comment contains this.")] = ""
    before: Annotated[str | None, Meta(description="Only batches older than this one.")] = None


class BatchRow(Struct, frozen=True):
    """A batch in the list. `parts`: of its bar; `total`: what the whole bar stands for, None: the parts."""

    batch: BatchFacts
    state: BatchState
    run: RunFacts | None
    parts: list[Part]
    total: int | None
    lasted: int | None
    """Milliseconds of the newest run, so far if it goes on."""


async def show_batches(visit: Visit) -> Response:
    query = visit.query(BatchesQuery)
    before = await place_of(visit, query.before)
    rows, more = await visit.db.run(_rows, visit.key, query, before)
    kept = {"state": query.state or None, "target": query.target or None, "comment": query.comment or None}
    here = visit.address("/admin/batches", **kept, before=query.before)
    following = visit.address("/admin/batches", **kept, before=rows[-1].batch.id) if more else None
    now = now_ms()
    found = await visit.db.run(days, visit.key, now // DAY_MS * DAY_MS - (DAYS - 1) * DAY_MS)
    targets = sorted(name for name in visit.services.settings.targets if visit.key.may_see(name))
    return await visit.render(
        "batches.html",
        rows=rows,
        query=query,
        here=here,
        first=visit.address("/admin/batches", **kept) if query.before else None,
        following=following,
        chart=days_chart(found, now),
        narrowed=any(kept.values()),
        state_options=[("", "All"), *((name, words[0]) for name, words in STATES.items())],
        target_options=[("", "All"), *((name, name) for name in targets)],
    )


def _rows(
    db: Database, key: Key, query: BatchesQuery, before: tuple[int, str] | None
) -> tuple[list[BatchRow], bool]:
    wanted = ListQuery(
        state=(query.state,) if query.state else (),
        target=query.target or None,
        comment=query.comment or None,
        limit=PAGE,
    )
    found, more = find_batches(db, key, wanted, before)
    runs = runs_of_batches(db, [batch.id for batch, _ in found])
    now = now_ms()
    return [_row(db, batch, state, runs.get(batch.id, []), now) for batch, state in found], more


def _row(db: Database, batch: BatchFacts, state: BatchState, runs: list[RunFacts], now: int) -> BatchRow:
    run = runs[0] if runs else None
    if run is None:
        return BatchRow(batch, state, None, [], None, None)
    lasted = (run.ended_at or now) - run.started_at if run.started_at is not None else None
    active = run.state in ACTIVE
    total = None
    if active or run.mode == "undo":
        parts = outcome_parts(run.counts)
        total = run.counts.get("planned") if active and run.planned_at is not None else None
    else:
        parts = outcome_parts(counts_of(db, runs))
    return BatchRow(batch, state, run, parts or plan_parts(run.counts), total, lasted)


PAGES = (Page("GET", "/admin/batches", show_batches, section="batches"),)
