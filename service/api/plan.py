"""What a run means to do: counts, then what stands before and after in each property of each record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.api.context import PREFIX, Answer, Call, Operation
from service.api.lines import one_line
from service.api.naming import the_batch
from service.api.report import (
    CSV,
    JSON,
    NDJSON,
    PAGE,
    TEXT,
    ReportQuery,
    address,
    encoded,
    entry_filter,
    problems,
)
from service.errors import refusal, shown
from service.negotiation import preferred
from service.settings import TargetSettings
from service.store.plans import Entry, EntryFilter, read_plan
from service.store.runs import RunFacts, runs_of_batch

_SIGNS = {"create": "+", "update": "~", "delete": "-", "unchanged": "=", "skip": ".", "reject": "!"}


class PlanQuery(ReportQuery, frozen=True):
    run: Annotated[
        str | None, Meta(description="This run's plan; else that of the newest run that has one.")
    ] = None


class PropertyChange(Struct, frozen=True):
    """The values of one property now and then, as text."""

    property: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class PlanEntry(Struct, frozen=True):
    """What is to become of one resource of one record."""

    file: str
    row: int
    identifier: str | None
    action: str
    resource: str
    id: int | None
    url: str | None
    changes: tuple[PropertyChange, ...]
    messages: tuple[str, ...]


class PlanCell(Struct, frozen=True):
    """A row of the CSV: one property of one resource; an entry without changes has one row."""

    file: str
    row: int
    identifier: str | None
    action: str
    resource: str
    id: int | None
    property: str
    before: str
    after: str
    message: str


class _Link(Struct, frozen=True):
    to: str = ""
    identity: tuple[str, ...] = ()


class _Value(Struct, frozen=True):
    type: str = "literal"
    text: str | None = None
    uri: str | None = None
    label: str | None = None
    language: str | None = None
    link: _Link | None = None


class _Property(Struct, frozen=True):
    term: str
    values: tuple[_Value, ...] = ()


class _Source(Struct, frozen=True):
    ingester: str
    value: str


class _Draft(Struct, frozen=True):
    """What the plan keeps of a resource that is to be written (the worker's draft, as far as it is shown)."""

    properties: tuple[_Property, ...] = ()
    fields: Mapping[str, object] = {}
    source: _Source | None = None


async def get_plan(call: Call) -> Response:
    query = call.query(PlanQuery)
    wanted = entry_filter(query)
    batch = await the_batch(call, call.path("batch_id"))
    run = _planned_run(await call.db.run(runs_of_batch, batch.id), query.run)
    target = call.services.settings.targets.get(batch.target)
    media_type = preferred(call.request.headers.get("accept"), (TEXT, NDJSON, JSON, CSV))
    pages = _pages(call, run, wanted, target)
    match media_type:
        case "text/plain":
            body = _text(run, pages)
        case "text/csv":
            body = encoded(_cells(pages), PlanCell, CSV)
        case _:
            body = encoded(pages, PlanEntry, media_type)
    return StreamingResponse(body, headers={"Cache-Control": "no-store"}, media_type=media_type)


def _planned_run(runs: list[RunFacts], wanted: str | None) -> RunFacts:
    """Raises `ApiError` 404 when the run is none of the batch's, 409 while no plan is complete."""
    if wanted is not None and wanted not in [run.id for run in runs]:
        raise refusal(404, "run-unknown", f"Run not found: {shown(wanted)[1:-1]}", "run")
    for run in runs:
        if run.planned_at is not None and wanted in (None, run.id):
            return run
    message = (
        "No plan is complete yet: schedule a dry run (mode=dry-run) and wait for it (GET batch/ID?wait=60)."
    )
    raise refusal(409, "plan-missing", message)


async def _pages(
    call: Call, run: RunFacts, wanted: EntryFilter, target: TargetSettings | None
) -> AsyncIterator[list[PlanEntry]]:
    after = 0
    while page := await call.db.run(read_plan, run.id, after=after, limit=PAGE, wanted=wanted):
        yield [_shown(entry, target) for entry in page]
        after = page[-1].seq


def _shown(entry: Entry, target: TargetSettings | None) -> PlanEntry:
    messages = tuple(problem.message for problem in problems(entry))
    return PlanEntry(
        file=entry.file,
        row=entry.row,
        identifier=entry.identifier,
        action=entry.action,
        resource=entry.destination,
        id=entry.resource_id,
        url=address(target, entry.kind, entry.resource_id),
        changes=tuple(_changes(entry)),
        messages=messages or ((entry.message,) if entry.message else ()),
    )


def _changes(entry: Entry) -> Iterator[PropertyChange]:
    if entry.draft is None:
        return
    draft = msgspec.json.decode(entry.draft, type=_Draft)
    for name, value in draft.fields.items():
        if name not in ("of", "on_update"):
            yield PropertyChange(name.replace("_", "-"), (), tuple(_field_texts(value)))
    for one in draft.properties:
        yield PropertyChange(one.term, (), tuple(_value_text(value) for value in one.values))
    if draft.source is not None:
        yield PropertyChange(draft.source.ingester, (), (draft.source.value,))


def _field_texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (str(one) for one in value)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield str(value)


def _value_text(value: _Value) -> str:
    if value.link is not None:
        return f"→ {value.link.to} {' + '.join(value.link.identity)}"
    text = value.text if value.uri is None else f"{value.uri} ({value.label})" if value.label else value.uri
    language = f" @{value.language}" if value.language else ""
    type_ = "" if value.type in ("literal", "uri", "resource") else f" ^^{value.type}"
    return f"{text or ''}{language}{type_}"


async def _cells(pages: AsyncIterator[list[PlanEntry]]) -> AsyncIterator[list[PlanCell]]:
    async for page in pages:
        yield [cell for entry in page for cell in _entry_cells(entry)]


def _entry_cells(entry: PlanEntry) -> Iterator[PlanCell]:
    message = " ".join(entry.messages)
    for change in entry.changes or (PropertyChange("", (), ()),):
        yield PlanCell(
            entry.file,
            entry.row,
            entry.identifier,
            entry.action,
            entry.resource,
            entry.id,
            change.property,
            " | ".join(change.before),
            " | ".join(change.after),
            message,
        )


async def _text(run: RunFacts, pages: AsyncIterator[list[PlanEntry]]) -> AsyncIterator[bytes]:
    counts = sorted((name, n) for name, n in run.counts.items() if name.startswith("action:"))
    head = [f"run: {run.id}\n", f"records: {run.records_total or 0}\n"]
    yield "".join([*head, *(f"{name.removeprefix('action:')}: {n}\n" for name, n in counts)]).encode()
    async for page in pages:
        yield "".join(_entry_text(entry) for entry in page).encode("utf-8", "replace")


def _entry_text(entry: PlanEntry) -> str:
    identifier = f" [{entry.identifier}]" if entry.identifier else ""
    number = f" #{entry.id}" if entry.id is not None else ""
    sign = _SIGNS.get(entry.action, "?")
    head = f"{sign} {entry.action} {entry.resource}{number} {entry.file}:{entry.row}{identifier}"
    lines = ["\n", one_line(head), "\n"]
    for change in entry.changes:
        before = f"{' | '.join(change.before)} → " if change.before else ""
        after = " | ".join(change.after)
        lines.append(f"    {one_line(f'{change.property}: {before}{after}')}\n")
    lines.extend(f"    ! {one_line(message)}\n" for message in entry.messages)
    return "".join(lines)


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
                "Counts, then each resource with its properties, before → after.",
                PlanEntry,
                (TEXT, NDJSON, JSON, CSV),
            )
        },
        errors=(400, 404, 409),
    ),
)
