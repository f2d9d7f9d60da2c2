"""The plan of a run: how much there is, what is wrong, then each record with its values before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from markupsafe import Markup
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.admin.batch_head import BatchHead, batch_head
from service.admin.code_lines import line_numbers
from service.admin.plan_found import (
    LISTED,
    Cursor,
    Found,
    actions_of,
    cursor_of,
    every,
    find,
    narrowed,
    read_cursor,
)
from service.admin.plan_offers import plan_offer, why_none
from service.admin.plan_records import record
from service.admin.plan_sought import Sought
from service.admin.plan_summary import Summary, summed
from service.admin.progress import title
from service.admin.site import Page, Visit
from service.admin.words import ACTIONS, when
from service.api.plan import as_cells
from service.api.plan_entries import PlanCell, PlanEntry, shown_entry
from service.api.report import CSV, JSON, encoded, problems
from service.errors import bad_parameter, refusal, shown
from service.store.batches import FileFacts, batch_files
from service.store.blobs import BlobMissingError
from service.store.digests import Digest
from service.store.plan_groups import read_groups
from service.store.plans import Entry
from service.store.retention import GONE_PHASES
from service.store.runs import RunFacts

BYTES = 48_000
"""Of the records of a page, as HTML: it ends where they are more."""
UNFOLDED = 5
"""New resources of a page that are unfolded: they have much to show and little to compare."""
MOST_MET = 40
"""Problems and edits among which one can choose."""
MOST_RUNS = 40
"""Runs among which one can choose."""
MOST_FILES = 2000
"""Files of a batch that values may name."""

Action = Literal["", "update", "delete", "unpublish", "create", "reject", "skip", "unchanged"]


class PlanPageQuery(Struct, frozen=True):
    run: Annotated[str, Meta(description="This run's plan; else that of the newest run that has one.")] = ""
    action: Annotated[Action, Meta(description="Only what this is to be done with.")] = ""
    property: Annotated[str, Meta(description="Only records in which this property or field changes.")] = ""
    met: Annotated[
        str, Meta(description="Only records with this problem (problem:CODE) or edit (conflict:PROPERTY).")
    ] = ""
    text: Annotated[str, Meta(description="Only records that contain this.")] = ""
    after: Annotated[str | None, Meta(description="Only records after this one: ACTION:NUMBER.")] = None


async def show_plan(visit: Visit) -> Response:
    query = visit.query(PlanPageQuery)
    head = await batch_head(visit)
    run = _chosen(head, query.run)
    files = await visit.db.run(batch_files, head.batch.id)
    if run is None or run.planned_at is None or run.phase in GONE_PHASES:
        why = await why_none(visit, head, files, run)
        return await visit.render(
            "plan-none.html", head=head, why=why, run=run, run_options=_options(head, run)
        )
    sought = _sought(query)
    actions = actions_of(query.action, sought)
    after = read_cursor(query.after, actions)
    found = await visit.db.run(find, run.id, actions, sought, after)
    html, following = await _records(visit, head, run, files, found)
    kept = _kept(query, run)
    path = f"{head.path}/plan"
    summary = summed(run, await visit.db.run(read_groups, run.id))
    is_narrowed = bool(query.action) or narrowed(sought)
    return await visit.render(
        "plan.html",
        head=head,
        run=run,
        run_title=title(run),
        query=query,
        summary=summary,
        whole=not is_narrowed and query.after is None,
        narrowed=is_narrowed,
        offer=await plan_offer(visit, head, files, run),
        records=html,
        unfinished=found.unfinished and following == found.following,
        first=visit.address(path, **kept) if query.after is not None else None,
        following=visit.address(path, **kept, after=following) if following else None,
        csv=visit.address(f"{path}.csv", **kept),
        json=visit.address(f"{path}.json", **kept),
        only=_only(visit, path, run),
        run_options=_options(head, run),
        action_options=_action_options(summary, query),
        property_options=_property_options(summary, query),
        met_options=_met_options(summary, query),
    )


async def download_csv(visit: Visit) -> Response:
    return await _download(visit, "csv", CSV)


async def download_json(visit: Visit) -> Response:
    return await _download(visit, "json", JSON)


async def _download(visit: Visit, extension: str, media_type: str) -> Response:
    """The plan as it is shown: narrowed alike, but all of it."""
    query = visit.query(PlanPageQuery)
    head = await batch_head(visit)
    run = _chosen(head, query.run)
    if run is None or run.planned_at is None:
        raise refusal(409, "plan-missing", "No plan is complete yet: make a dry run, and wait for it.")
    if run.phase in GONE_PHASES:
        raise refusal(410, "removed", (await why_none(visit, head, [], run)).text, "run")
    sought = _sought(query)
    actions = actions_of(query.action, sought)
    if not query.action and not narrowed(sought):
        actions = LISTED  # the whole of it, with what does not change
    target = visit.services.settings.targets.get(head.batch.target)
    pages = (
        [shown_entry(entry, target) for entry in page]
        async for page in every(visit.db, run.id, actions, sought)
    )
    body = (
        encoded(as_cells(pages), PlanCell, media_type)
        if media_type == CSV
        else encoded(pages, PlanEntry, media_type)
    )
    headers = {"Content-Disposition": f'attachment; filename="plan-{head.batch.id}.{extension}"'}
    return StreamingResponse(body, headers=headers, media_type=media_type)


# --- which plan, and what of it -----------------------------------------------------------------


def _chosen(head: BatchHead, wanted: str) -> RunFacts | None:
    """The run whose plan is shown: the one that is asked for, else the newest with a plan that is still
    kept, else the newest that had one. Raises `ApiError` 404."""
    if wanted:
        run = next((run for run in head.runs if run.id == wanted), None)
        if run is None:
            raise refusal(404, "run-unknown", f"Run not found: {shown(wanted)[1:-1]}", "run")
        return run
    planned = [run for run in head.runs if run.planned_at is not None]
    return next((run for run in planned if run.phase not in GONE_PHASES), planned[0] if planned else None)


def _sought(query: PlanPageQuery) -> Sought:
    """Raises `ApiError` 400."""
    type_, _, name = query.met.partition(":")
    if query.met and (type_ not in ("problem", "conflict") or not name):
        message = (
            f"met is {shown(query.met)}: not problem:CODE or conflict:PROPERTY, as the page's links have it."
        )
        raise bad_parameter("met", message)
    return Sought(
        name=query.property,
        problem=name if type_ == "problem" else "",
        conflict=name if type_ == "conflict" else "",
        text=query.text,
    )


def _kept(query: PlanPageQuery, run: RunFacts) -> dict[str, str | None]:
    """The parameters of all links that stay with what is shown."""
    return {
        "run": run.id,
        "action": query.action or None,
        "property": query.property or None,
        "met": query.met or None,
        "text": query.text or None,
    }


class _Only(Struct, frozen=True):
    """Makes the address of a part of the plan."""

    visit: Visit
    path: str
    run_id: str

    def __call__(self, **query: str) -> str:
        return self.visit.address(self.path, run=self.run_id, **query)


def _only(visit: Visit, path: str, run: RunFacts) -> _Only:
    return _Only(visit, path, run.id)


# --- the records --------------------------------------------------------------------------------


async def _records(
    visit: Visit, head: BatchHead, run: RunFacts, files: list[FileFacts], found: Found
) -> tuple[Markup, Cursor | None]:
    """As many of the records as have a place on a page, and where the next page begins."""
    target = visit.services.settings.targets.get(head.batch.target)
    places = {
        name: visit.address(f"{head.path}/files/{file.digest}")
        for file in files[:MOST_FILES]
        for name in (file.name, file.filename)
    }
    lines = await _lines(visit, head, found.entries)
    control = visit.address(f"/admin/controls/{head.batch.control_digest}")
    parts: list[str] = []
    size = 0
    for place, entry in enumerate(found.entries):
        link = visit.address(
            f"{head.path}/plan", run=run.id, action=entry.action, after=Cursor(entry.action, entry.seq - 1)
        )
        html = await visit.html(
            "plan-record.html",
            one=record(entry, target, places, lines),
            link=f"{link}#r-{entry.seq}",
            control=control,
            undo=run.mode == "undo",
            folded=sum(one.action == "create" for one in found.entries[:place]) >= UNFOLDED,
        )
        size += len(html.encode("utf-8", "replace"))
        if parts and size > BYTES:
            return Markup("").join(map(Markup, parts)), cursor_of(found.entries[place - 1])
        parts.append(html)
    return Markup("").join(map(Markup, parts)), found.following


async def _lines(visit: Visit, head: BatchHead, entries: Sequence[Entry]) -> dict[str, int]:
    """The lines of the control file that problems point to; none if it is kept no longer."""
    pointers = {one.pointer for entry in entries for one in problems(entry) if one.pointer}
    if not pointers:
        return {}
    blobs, digest = visit.services.blobs, Digest(head.batch.control_digest)
    try:
        data = await run_sync(lambda: b"".join(blobs.open_range(digest)))
    except BlobMissingError:
        return {}
    return line_numbers(data, pointers)


# --- choices ------------------------------------------------------------------------------------


def _options(head: BatchHead, run: RunFacts | None) -> list[tuple[str, str]]:
    runs = [one for one in head.runs if one.planned_at is not None and one.phase not in GONE_PHASES]
    runs = runs[:MOST_RUNS]
    if run is not None and run not in runs:
        runs.append(run)
    return [(one.id, f"{title(one)}, {when(one.planned_at or one.scheduled_at)}") for one in runs]


def _action_options(summary: Summary, query: PlanPageQuery) -> list[tuple[str, str]]:
    options = [("", "All but unchanged")]
    options += [(one.action, f"{one.word} ({one.n:,})") for one in summary.by_action]
    return _with(options, query.action, ACTIONS[query.action][0] if query.action else "")


def _property_options(summary: Summary, query: PlanPageQuery) -> list[tuple[str, str]]:
    options = [("", "Any"), *((name, name) for name in summary.names)]
    return _with(options, query.property, query.property)


def _met_options(summary: Summary, query: PlanPageQuery) -> list[tuple[str, str]]:
    options = [("", "With or without"), *((one.met, one.words) for one in summary.meetings[:MOST_MET])]
    return _with(list(dict(options).items()), query.met, query.met.partition(":")[2])


def _with(options: list[tuple[str, str]], chosen: str, words: str) -> list[tuple[str, str]]:
    """What is chosen can be chosen, whatever there is."""
    return options if chosen in [value for value, _ in options] else [*options, (chosen, words)]


PAGES = (
    Page("GET", "/admin/batches/{batch_id}/plan", show_plan, section="batches"),
    Page("GET", "/admin/batches/{batch_id}/plan.csv", download_csv, section="batches", fragment=True),
    Page("GET", "/admin/batches/{batch_id}/plan.json", download_json, section="batches", fragment=True),
)
