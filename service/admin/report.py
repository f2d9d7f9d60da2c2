"""The report of a run: what became of its records, first in groups of what is said of them, then each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.admin.batch_head import BatchHead, batch_head
from service.admin.offers import may_retry
from service.admin.progress import title
from service.admin.report_views import (
    GroupView,
    Lot,
    filter_of,
    groups,
    lots,
    only_planned,
    rows,
    weight_of,
)
from service.admin.site import Page, Visit
from service.admin.used_control import instructions_of
from service.admin.words import when
from service.api.download import attachment
from service.api.failed import download_name
from service.api.report import CSV, ReportRow, address, encoded, get_report
from service.errors import bad_parameter, refusal, shown
from service.settings import TargetSettings
from service.store.batches import batch_files
from service.store.blobs import BlobMissingError
from service.store.database import Database
from service.store.failed_files import failed_files
from service.store.outcomes import real_runs
from service.store.removed import run_words
from service.store.report_groups import ReportGroup, read_report_group, read_report_groups
from service.store.retention import GONE_PHASES
from service.store.run_reports import Reported, RowFilter, read_rows, rows_named, rows_numbered
from service.store.runs import RunFacts
from service.store.said import GRAVE, Weight

PAGE = 50
"""Records a page."""
FEW = 10
"""Groups of a kind, before there is a page of their own for them."""
DOWNLOAD = 500
MOST_RUNS = 50
MOST_FILES = 500
"""In which an identifier or a row is looked for."""
WEIGHTS: tuple[Weight, ...] = (*GRAVE, "note")


class ReportPageQuery(Struct, frozen=True):
    run: Annotated[str, Meta(description="The report of this run.")] = ""
    outcome: Annotated[str, Meta(description="Only records of which this became.")] = ""
    group: Annotated[str, Meta(description="Only records of this group.")] = ""
    groups: Annotated[str, Meta(description="All groups of this kind.")] = ""
    find: Annotated[str, Meta(description="Only the record of this identifier, or row 12.")] = ""
    after: Annotated[str | None, Meta(description="What comes after this one.")] = None


class DownloadQuery(Struct, frozen=True):
    run: str = ""
    outcome: str = ""
    group: str = ""


class FailedQuery(Struct, frozen=True):
    run: str
    file: str


class Pile(Struct, frozen=True):
    """Groups of one weight; `more`: there are further ones."""

    weight: Weight
    groups: list[GroupView]
    more: bool


class _Found(Struct, frozen=True):
    """What was read for a page. `last`: from where it goes on, None at the end."""

    piles: list[tuple[Weight, list[ReportGroup], bool]] = []
    group: ReportGroup | None = None
    entries: list[Reported] | None = None
    last: str | None = None


async def show_report(visit: Visit) -> Response:
    query = visit.query(ReportPageQuery)
    head = await batch_head(visit)
    run = chosen_run(head, query.run)
    if run is None:
        return await visit.render("report-none.html", head=head)
    if run.phase in GONE_PHASES:
        removed = await visit.db.run(run_words, run.id)
        return await visit.render("report-none.html", head=head, run=run, removed=removed)
    files = await visit.db.run(batch_files, head.batch.id)
    wanted = query.find.strip()
    if wanted:
        found = await visit.db.run(_find, head, [file.name for file in files][:MOST_FILES], wanted)
        records = {(one.file, one.row, "" if one.file else one.seq) for one in found.entries or ()}
        if len(records) == 1 and found.entries:
            first = found.entries[0]
            return visit.redirect(f"{head.path}/report/{first.run_id}/{first.seq}")
    else:
        found = await visit.db.run(_read, run, query)
    read = await instructions_of(visit, head, [one.pointer for one in _groups(found)])
    kept = {"run": query.run or None, "outcome": query.outcome or None, "group": query.group or None}
    path = f"{head.path}/report"
    here = {**kept, "groups": query.groups or None}
    return await visit.render(
        "report.html",
        head=head,
        run=run,
        runs={one.id: one for one in head.runs},
        run_title=title,
        query=query,
        lots=lots(run),
        planned=only_planned(run),
        piles=[Pile(weight, groups(several, read), more) for weight, several, more in found.piles],
        group=groups([found.group], read)[0] if found.group else None,
        rows=rows(found.entries, _target(visit, head), found.group) if found.entries is not None else None,
        first=visit.address(path, **here) if query.after else None,
        following=visit.address(path, **here, after=found.last) if found.last else None,
        here=visit.address(path, **here) if run.ended_at is None and not query.after and not wanted else None,
        whole=visit.address(f"{path}/whole.csv") if len(real_runs(head.runs)) > 1 else None,
        download=visit.address(f"{path}.csv", **{**kept, "run": run.id}),
        failed=await visit.db.run(failed_files, run.id) if run.ended_at is not None else [],
        retry=not only_planned(run) and await may_retry(visit, head, files),
        run_options=[(one.id, f"{title(one)}, {when(one.scheduled_at)}") for one in _begun(head)],
        outcome_options=_outcome_options(lots(run), query.outcome),
        most=MOST_RUNS,
    )


# --- which run -------------------------------------------------------------------------------------


def chosen_run(head: BatchHead, wanted: str) -> RunFacts | None:
    """The run that is asked for; else the newest that did something, or the newest at all. None where nothing
    has begun. Raises `ApiError` 404."""
    begun = _begun(head)
    if wanted:
        found = next((run for run in begun if run.id == wanted), None)
        if found is None:
            raise refusal(404, "run-unknown", f"Run not found: {shown(wanted)[1:-1]}", "run")
        return found
    return next((run for run in begun if not only_planned(run)), begun[0] if begun else None)


def _begun(head: BatchHead) -> list[RunFacts]:
    return [run for run in head.runs if run.started_at is not None]


def _outcome_options(several: Sequence[Lot], chosen: str) -> list[tuple[str, str]]:
    options = [("", "Everything"), *((one.value, f"{one.words} ({one.n:,})") for one in several)]
    if chosen and chosen not in dict(options):
        options.append((chosen, f"{chosen} (0)"))
    return options


def _target(visit: Visit, head: BatchHead) -> TargetSettings | None:
    return visit.services.settings.targets.get(head.batch.target)


# --- what is shown of it ---------------------------------------------------------------------------


def _groups(found: _Found) -> list[ReportGroup]:
    several = [one for _, groups, _ in found.piles for one in groups]
    return [*several, found.group] if found.group else several


def _read(db: Database, run: RunFacts, query: ReportPageQuery) -> _Found:
    """Raises `ApiError` 400 for what the page cannot show, 404 for a group that is not there."""
    if query.groups:
        return _all_groups(db, run, query)
    wanted, group = RowFilter(), None
    if query.group:
        group = _group(db, run, query.group)
        wanted = RowFilter(group=group.id)
    elif query.outcome:
        wanted = _wanted(query.outcome)
    entries = read_rows(db, run.id, wanted, after=_seq(query.after), limit=PAGE + 1)
    last = str(entries[PAGE - 1].seq) if len(entries) > PAGE else None
    piles = []
    if not query.group and not query.after:
        only = weight_of(query.outcome)
        for weight in WEIGHTS if not query.outcome else [only] if only else []:
            several = read_report_groups(db, run.id, weight, limit=FEW + 1)
            if several:
                piles.append((weight, several[:FEW], len(several) > FEW))
    return _Found(piles, group, entries[:PAGE], last)


def _all_groups(db: Database, run: RunFacts, query: ReportPageQuery) -> _Found:
    weight = next((one for one in WEIGHTS if one == query.groups), None)
    if weight is None:
        raise bad_parameter("groups", f"groups is {shown(query.groups)}: one of {', '.join(WEIGHTS)}.")
    after = None
    if query.after is not None:
        n, _, name = query.after.partition(":")
        after = (_number("after", n), name)
    several = read_report_groups(db, run.id, weight, limit=PAGE + 1, after=after)
    last = several[PAGE - 1] if len(several) > PAGE else None
    return _Found([(weight, several[:PAGE], False)], last=f"{last.n}:{last.id}" if last else None)


def _group(db: Database, run: RunFacts, name: str) -> ReportGroup:
    found = read_report_group(db, run.id, name)
    if found is None:
        message = "Of no record of this run that is said, or no longer: another run may have mended it."
        raise refusal(404, "path-unknown", message, "group")
    return found


def _wanted(outcome: str) -> RowFilter:
    wanted = filter_of(outcome)
    if wanted is None:
        raise bad_parameter("outcome", f"outcome is {shown(outcome)}: choose one that the page offers.")
    return wanted


def _seq(after: str | None) -> int:
    return _number("after", after) if after is not None else 0


def _number(name: str, given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise bad_parameter(name, f"{name} is {shown(given)}: not as the links of the page have it.")
    return int(given)


def _find(db: Database, head: BatchHead, files: list[str], wanted: str) -> _Found:
    """The records of an identifier, or of a row, in all runs of the batch."""
    runs = [run.id for run in _begun(head) if run.phase not in GONE_PHASES][:MOST_RUNS]
    found = rows_named(db, runs, wanted, PAGE)
    row = re.fullmatch(r"(?:row\s*)?(\d{1,15})", wanted, re.ASCII | re.IGNORECASE)
    if row is not None:
        found += rows_numbered(db, runs, files, int(row[1]), PAGE)
    entries = list({(one.run_id, one.seq): one for one in found}.values())
    return _Found(entries=sorted(entries, key=lambda one: (one.run_id, -one.seq), reverse=True)[:PAGE])


# --- downloads -------------------------------------------------------------------------------------


async def download_report(visit: Visit) -> Response:
    """What the page shows, whole, as CSV."""
    query = visit.query(DownloadQuery)
    head = await batch_head(visit)
    run = chosen_run(head, query.run)
    if run is None:
        raise refusal(404, "run-unknown", "There is no report: the batch was not run yet.")
    if run.phase in GONE_PHASES:
        raise refusal(410, "removed", await visit.db.run(run_words, run.id))
    group = await visit.db.run(_group, run, query.group) if query.group else None
    wanted = RowFilter(group=group.id) if group else _wanted(query.outcome) if query.outcome else RowFilter()
    pages = _lines(visit, run, wanted, _target(visit, head))
    headers = {"Content-Disposition": f'attachment; filename="report-{run.id}.csv"'}
    return StreamingResponse(encoded(pages, ReportRow, CSV), headers=headers, media_type=CSV)


async def _lines(
    visit: Visit, run: RunFacts, wanted: RowFilter, target: TargetSettings | None
) -> AsyncIterator[list[ReportRow]]:
    after = 0
    while page := await visit.db.run(read_rows, run.id, wanted, after=after, limit=DOWNLOAD):
        yield [_line(one, target) for one in page]
        after = page[-1].seq


def _line(entry: Reported, target: TargetSettings | None) -> ReportRow:
    """All that is said of a resource in one line."""
    said = entry.said
    return ReportRow(
        file=entry.file,
        row=entry.row,
        identifier=entry.identifier,
        action=entry.action,
        outcome=entry.outcome,
        resource=entry.kind,
        id=entry.number,
        url=address(target, entry.kind, entry.number),
        code=said[0].code if said else None,
        message=" | ".join(_sentence(one.message, one.value) for one in said) or None,
    )


def _sentence(message: str, value: str) -> str:
    return f"{message} The value was: {value}" if value and value not in message else message


async def download_failed(visit: Visit) -> Response:
    """The records of a file that a run could not write, as they came."""
    query = visit.query(FailedQuery)
    head = await batch_head(visit)
    run = chosen_run(head, query.run)
    files = await visit.db.run(batch_files, head.batch.id)
    kept = await visit.db.run(failed_files, run.id) if run is not None else []
    found = next((one for one in kept if one.name == query.file), None)
    if found is None:
        raise refusal(404, "nothing-failed", f"No record of {shown(query.file)} failed in this run.", "file")
    uploaded = next((file.filename for file in files if file.name == found.name), "")
    name = f"failed-{download_name(found.name, uploaded)}"
    try:
        return await attachment(visit, found.digest, found.size, name)
    except BlobMissingError:
        raise refusal(410, "removed", "The failed records are kept no longer.") from None


PAGES = (
    Page("GET", "/admin/batches/{batch_id}/report", show_report, section="batches"),
    Page("GET", "/admin/batches/{batch_id}/report.csv", download_report, section="batches"),
    # Of each record the newest word of all runs, as the API has it.
    Page("GET", "/admin/batches/{batch_id}/report/whole.csv", get_report, section="batches"),
    Page("GET", "/admin/batches/{batch_id}/report/failed", download_failed, section="batches"),
)
