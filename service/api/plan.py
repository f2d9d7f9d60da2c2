"""What a run means to do: counts, what changes have in common, then before and after of each record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.naming import the_batch
from service.api.plan_entries import PlanCell, PlanEntry, cells, shown_entry
from service.api.plan_text import SECTIONS, Details, EntryWriter, Layout, section_title, summary_text
from service.api.report import CSV, JSON, NDJSON, PAGE, TEXT, ReportQuery, encoded, entry_filter
from service.errors import refusal, shown
from service.negotiation import preferred
from service.settings import TargetSettings
from service.store.database import Database
from service.store.plan_groups import read_groups
from service.store.plans import Entry, EntryFilter, read_plan
from service.store.removed import run_words
from service.store.retention import GONE_PHASES
from service.store.runs import RunFacts, runs_of_batch


class PlanQuery(ReportQuery, frozen=True):
    run: Annotated[
        str | None, Meta(description="This run's plan; else that of the newest run that has one.")
    ] = None
    details: Annotated[
        Details,
        Meta(
            description="Of the text: none (only the summary), short (long lists, long values and many new "
            "records in brief) or full."
        ),
    ] = "short"
    width: Annotated[
        Annotated[int, Meta(ge=40, le=1000)] | None,
        Meta(description="Of the text: characters that a line may have, 40 to 1000; else as many as it has."),
    ] = None


async def get_plan(call: Call) -> Response:
    query = call.query(PlanQuery)
    wanted = entry_filter(query)
    batch = await the_batch(call, call.path("batch_id"))
    run = _planned_run(await call.db.run(runs_of_batch, batch.id), query.run)
    if run.phase in GONE_PHASES:
        words = await call.db.run(run_words, run.id)
        raise refusal(410, "removed", f"{words} States and counts: GET batch/{batch.id}", "run")
    target = call.services.settings.targets.get(batch.target)
    media_type = preferred(call.request.headers.get("accept"), (TEXT, NDJSON, JSON, CSV))
    match media_type:
        case "text/plain":
            body = _text(call, run, wanted, Layout(query.details, query.width or 0))
        case "text/csv":
            body = encoded(as_cells(_pages(call, run, wanted, target)), PlanCell, CSV)
        case _:
            body = encoded(_pages(call, run, wanted, target), PlanEntry, media_type)
    return StreamingResponse(body, headers={"Cache-Control": "no-store"}, media_type=media_type)


def _planned_run(runs: list[RunFacts], wanted: str | None) -> RunFacts:
    """Raises `ApiError` 404 when the run is none of the batch's, 409 while no plan is complete."""
    if wanted is not None and wanted not in [run.id for run in runs]:
        raise refusal(404, "run-unknown", f"Run not found: {shown(wanted)[1:-1]}", "run")
    planned = [run for run in runs if run.planned_at is not None and wanted in (None, run.id)]
    if planned:
        # Plans of dry runs are removed before those of imports.
        return next((run for run in planned if run.phase not in GONE_PHASES), planned[0])
    message = (
        "No plan is complete yet: schedule a dry run (mode=dry-run) and wait for it (GET batch/ID?wait=60)."
    )
    raise refusal(409, "plan-missing", message)


async def _pages(
    call: Call, run: RunFacts, wanted: EntryFilter, target: TargetSettings | None
) -> AsyncIterator[list[PlanEntry]]:
    async for page in pages_of_plan(call.db, run.id, wanted):
        yield [shown_entry(entry, target) for entry in page]


async def pages_of_plan(db: Database, run_id: str, wanted: EntryFilter) -> AsyncIterator[list[Entry]]:
    """All entries of a plan that are wanted, in order, some hundreds at a time."""
    after = 0
    while page := await db.run(read_plan, run_id, after=after, limit=PAGE, wanted=wanted):
        yield page
        after = page[-1].seq


async def as_cells(pages: AsyncIterator[list[PlanEntry]]) -> AsyncIterator[list[PlanCell]]:
    async for page in pages:
        yield [cell for entry in page for cell in cells(entry)]


async def _text(call: Call, run: RunFacts, wanted: EntryFilter, layout: Layout) -> AsyncIterator[bytes]:
    groups = await call.db.run(read_groups, run.id)
    narrowed = wanted != EntryFilter()
    yield summary_text(run, groups, layout, narrowed=narrowed).encode("utf-8", "replace")
    if layout.details == "none":
        return
    # Which records of an action are chosen is not counted anywhere.
    some = narrowed and wanted != EntryFilter(wanted.actions)
    for action in _sections(wanted):
        one = msgspec.structs.replace(wanted, actions=(action,))
        write = EntryWriter(layout, () if some else groups)
        title = section_title(action, None if some else run.counts)
        async for page in _pages(call, run, one, None):
            yield (title + "".join(map(write, page))).encode("utf-8", "replace")
            title = ""


def _sections(wanted: EntryFilter) -> list[str]:
    """The actions that are listed. What does not change is only counted, unless one asks for it."""
    if wanted.actions:
        return [action for action in SECTIONS if action in wanted.actions]
    asked = wanted.rows is not None or wanted.identifier is not None or wanted.outcomes
    return [action for action in SECTIONS if asked or action != "unchanged"]


OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/batch/{{batch_id}}/plan",
        handler=get_plan,
        summary="Read what a dry run found",
        scope="read",
        query=PlanQuery,
        answers={
            200: Answer(
                "The plan of the newest run that has one.",
                "Counts, what the changes have in common, then each resource with what differs.",
                PlanEntry,
                (TEXT, NDJSON, JSON, CSV),
            )
        },
        errors=(400, 404, 409, 410),
    ),
)
