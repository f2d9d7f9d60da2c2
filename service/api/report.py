"""What became of each record: the report of a batch, and the plan that a run made."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.naming import require_records, the_batch
from service.errors import bad_parameter
from service.negotiation import preferred
from service.settings import TargetSettings
from service.store.batches import BatchFacts
from service.store.plans import Entry, EntryFilter
from service.store.reports import read_report
from service.store.said import EntryProblem, problems_of

PAGE = 500
CSV, NDJSON, JSON, TEXT = "text/csv", "application/x-ndjson", "application/json", "text/plain"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings by which a spreadsheet program would take a cell for a formula."""

_PATHS = {
    "item": "item",
    "item-set": "item-set",
    "media": "media",
    "vocabulary": "vocabulary",
    "resource-template": "resource-template",
    "user": "user",
}
"""Where a person looks at a resource of each kind, in the pages of an Omeka S."""
_CLASSIC_PATHS = {
    "item": "items/show",
    "item-set": "collections/show",
    "media": "files/show",
    "item-type": "item-types/show",
}
"""The same in those of an Omeka Classic."""


class ReportQuery(Struct, frozen=True):
    file: Annotated[str | None, Meta(description="Only records of this file.")] = None
    row: Annotated[str | None, Meta(description="Only this row, or rows: 12 or 12-40.")] = None
    identifier: Annotated[str | None, Meta(description="Only the record of this identifier.")] = None
    action: Annotated[
        tuple[str, ...],
        Meta(description="Only create, update, delete, unpublish, unchanged, skip or reject; may repeat."),
    ] = ()
    outcome: Annotated[
        tuple[str, ...],
        Meta(description="Only created, updated, unchanged, skipped, rejected, failed …; may repeat."),
    ] = ()


class ReportRow(Struct, frozen=True):
    """One resource of one record. `resource` is its kind, `url` its address in the target's API."""

    file: str
    row: int
    identifier: str | None
    action: str
    outcome: str | None
    resource: str
    id: int | None
    url: str | None
    code: str | None
    message: str | None


async def get_report(call: Call) -> Response:
    query = call.query(ReportQuery)
    wanted = entry_filter(query)
    batch = await the_batch(call, call.path("batch_id"))
    await require_records(call, batch)
    target = call.services.settings.targets.get(batch.target)
    media_type = preferred(call.request.headers.get("accept"), (CSV, NDJSON, JSON))
    rows = _report_pages(call, batch, wanted, target)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="report-{batch.id}.{_extension(media_type)}"',
    }
    return StreamingResponse(encoded(rows, ReportRow, media_type), headers=headers, media_type=media_type)


def entry_filter(query: ReportQuery) -> EntryFilter:
    """Raises `ApiError` 400."""
    rows = None
    if query.row is not None:
        found = re.fullmatch(r"(\d{1,15})(?:-(\d{1,15}))?", query.row, re.ASCII)
        if found is None:
            raise bad_parameter("row", "row is neither a row number nor a range of rows: write 12 or 12-40.")
        first = int(found[1])
        rows = (first, int(found[2]) if found[2] else first)
    return EntryFilter(query.action, query.outcome, query.file, rows, query.identifier)


async def _report_pages(
    call: Call, batch: BatchFacts, wanted: EntryFilter, target: TargetSettings | None
) -> AsyncIterator[list[ReportRow]]:
    after = ("", 0)
    while page := await call.db.run(read_report, batch.id, after=after, limit=PAGE, wanted=wanted):
        yield [_row(one.entry, target) for one in page]
        after = (page[-1].run_id, page[-1].entry.seq)


def _row(entry: Entry, target: TargetSettings | None) -> ReportRow:
    problem = problems(entry)[0] if entry.problems and entry.message is None else None
    resource_id = entry.outcome_id if entry.outcome_id is not None else entry.resource_id
    return ReportRow(
        file=entry.file,
        row=entry.row,
        identifier=entry.identifier,
        action=entry.action,
        outcome=entry.outcome,
        resource=entry.kind,
        id=resource_id,
        url=address(target, entry.kind, resource_id),
        code=problem.code if problem else entry.code,
        message=problem.message if problem else entry.message,
    )


def problems(entry: Entry) -> list[EntryProblem]:
    return problems_of(entry.problems)


def address(target: TargetSettings | None, kind: str, resource_id: int | None) -> str | None:
    paths = _CLASSIC_PATHS if target is not None and target.kind == "omeka-classic" else _PATHS
    if target is None or resource_id is None or kind not in paths:
        return None
    return f"{target.site}/admin/{paths[kind]}/{resource_id}"


def _extension(media_type: str) -> str:
    return {CSV: "csv", NDJSON: "ndjson", JSON: "json", TEXT: "txt"}[media_type]


# --- rows as bytes ------------------------------------------------------------------------------


async def encoded(pages: AsyncIterator[Any], row_type: type[Struct], media_type: str) -> AsyncIterator[bytes]:
    """Pages of Structs as CSV with a header, as a JSON object a line, or as one JSON array."""
    if media_type == CSV:
        yield csv_lines([row_type.__struct_fields__])
    if media_type == JSON:
        yield b"["
    first = True
    async for page in pages:
        if media_type == CSV:
            yield csv_lines(msgspec.structs.astuple(row) for row in page)
        elif media_type == NDJSON:
            yield b"".join(msgspec.json.encode(row) + b"\n" for row in page)
        elif page:
            yield (b"" if first else b",\n") + b",\n".join(msgspec.json.encode(row) for row in page)
            first = False
    if media_type == JSON:
        yield b"]\n"


def csv_lines(rows: Sequence[Sequence[object]] | Iterator[Sequence[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([safe_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8", "replace")


def safe_cell(value: object) -> object:
    """A text that a spreadsheet program would run as a formula gets a `'` before it."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return "" if value is None else value


OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/batch/{{batch_id}}/report",
        handler=get_report,
        summary="Read the report: one row a resource of a record",
        scope="read",
        query=ReportQuery,
        answers={200: Answer("The report, streamed.", "", ReportRow, (CSV, NDJSON, JSON))},
        errors=(400, 404, 410),
    ),
)
