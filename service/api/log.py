"""The log of a batch: read once, or followed while it grows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.api.context import POLL, PREFIX, Answer, Call, Operation
from service.api.lines import moment, one_line
from service.api.naming import the_batch
from service.errors import bad_parameter, refusal, shown
from service.negotiation import preferred
from service.store.batches import BatchFacts
from service.store.database import Database, StoreUnavailableError
from service.store.logs import Level, LineFilter, LogLine, read_batch_log, read_log
from service.store.runs import run_facts, runs_of_batch
from service.store.states import ACTIVE

PAGE = 1000
HEARTBEAT = 15.0
"""Seconds of silence after which an event stream says that it lives."""
TEXT, EVENTS, NDJSON = "text/plain", "text/event-stream", "application/x-ndjson"
"""The forms of a log; whoever wants JSON gets a line each."""

Cursor = tuple[str, int]
"""Run and number of the last line seen: run ids sort by time."""


class LogQuery(Struct, frozen=True):
    run: Annotated[
        str | None, Meta(description="Only this run's lines; else those of all runs, oldest first.")
    ] = None
    level: Annotated[
        Level, Meta(description="Lines of this level and above: debug, info, warning or error.")
    ] = "info"
    after: Annotated[
        str | None,
        Meta(description="Only lines after this one: SEQ (of the run, or of the newest), or RUN:SEQ."),
    ] = None
    text: Annotated[
        str | None,
        Meta(description="Only lines whose message, identifier, file or code contains this, in either case."),
    ] = None
    follow: Annotated[bool, Meta(description="true: go on until no run is active, like tail -f.")] = False


class LogLineShown(Struct, frozen=True, omit_defaults=True):
    """A line. `seq` counts within its run, from 1; `time` is ISO 8601 in UTC."""

    run: str
    seq: int
    time: str
    level: str
    code: str
    message: str
    file: str | None = None
    row: int | None = None
    identifier: str | None = None


async def get_log(call: Call) -> Response:
    query = call.query(LogQuery)
    batch = await the_batch(call, call.path("batch_id"))
    runs = [run.id for run in await call.db.run(runs_of_batch, batch.id)]
    if query.run is not None and query.run not in runs:
        raise refusal(404, "run-unknown", f"Run not found: {shown(query.run)[1:-1]}", "run")
    cursor = cursor_of(query, runs, call.request.headers.get("last-event-id"))
    media_type = preferred(call.request.headers.get("accept"), (TEXT, EVENTS, NDJSON, "application/json"))
    media_type = NDJSON if media_type == "application/json" else media_type
    pages = pages_of(call, batch, query, cursor, heartbeat=media_type == EVENTS)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(encoded_lines(pages, media_type), headers=headers, media_type=media_type)


def cursor_of(query: LogQuery, runs_newest_first: list[str], last_event: str | None) -> Cursor:
    """Where to begin. Raises `ApiError` 400."""
    after = last_event if last_event is not None else query.after
    if after is None:
        return (query.run or "", 0)
    run, colon, seq = after.rpartition(":")
    if not seq.isascii() or not seq.isdigit() or len(seq) > 15 or (colon and run not in runs_newest_first):
        raise bad_parameter(
            "after", f"after is {shown(after)}: not SEQ or RUN:SEQ, as the log's lines have them."
        )
    newest = runs_newest_first[0] if runs_newest_first else ""
    return (query.run or run or newest, int(seq))


async def pages_of(
    call: Call, batch: BatchFacts, query: LogQuery, cursor: Cursor, *, heartbeat: bool
) -> AsyncIterator[list[LogLine]]:
    """The lines from the cursor on, some at a time; with `follow` until the run (or every run) has ended.

    An empty page says that the stream is alive.
    """
    follow = query.follow and call.request.method != "HEAD"
    silent_since = time.monotonic()
    while True:
        try:
            # First the state, then the lines: what a run wrote before it ended is never missed.
            goes_on = follow and await _is_active(call, batch, query.run)
            while page := await call.db.run(_read, batch, query, cursor):
                yield page
                cursor = (page[-1].run_id, page[-1].seq)
                silent_since = time.monotonic()
        except StoreUnavailableError:
            # The run waits for its database too: whoever watches it is not to begin again.
            if not follow:
                raise
            goes_on = True
        if not goes_on:
            return
        if heartbeat and time.monotonic() - silent_since > HEARTBEAT:
            silent_since = time.monotonic()
            yield []
        if await call.closing_within(POLL):
            return


def _read(db: Database, batch: BatchFacts, query: LogQuery, cursor: Cursor) -> list[LogLine]:
    wanted = LineFilter(query.level, query.text)
    if query.run is not None:
        return read_log(db, query.run, after=cursor[1], wanted=wanted, limit=PAGE)
    return read_batch_log(db, batch.id, after=cursor, wanted=wanted, limit=PAGE)


async def _is_active(call: Call, batch: BatchFacts, run_id: str | None) -> bool:
    if run_id is not None:
        run = await call.db.run(run_facts, run_id)
        return run is not None and run.state in ACTIVE
    runs = await call.db.run(runs_of_batch, batch.id)
    return bool(runs) and runs[0].state in ACTIVE


async def encoded_lines(pages: AsyncIterator[list[LogLine]], media_type: str) -> AsyncIterator[bytes]:
    async for page in pages:
        if not page:
            yield b": still here\n\n"
        elif media_type == TEXT:
            yield "".join(text_line(line) for line in page).encode("utf-8", "replace")
        elif media_type == NDJSON:
            yield b"".join(msgspec.json.encode(shown_line(line)) + b"\n" for line in page)
        else:
            yield b"".join(_event(line) for line in page)
    if media_type == EVENTS:
        # A browser would connect again after the end: this tells it not to.
        yield b"event: end\ndata: {}\n\n"


def _event(line: LogLine) -> bytes:
    data = msgspec.json.encode(shown_line(line))
    return f"id: {line.run_id}:{line.seq}\nevent: line\ndata: ".encode() + data + b"\n\n"


def text_line(line: LogLine) -> str:
    """`time level code place message`: one line, whatever the message holds."""
    place = (
        f"{line.file}:{line.row} "
        if line.file and line.row is not None
        else f"{line.file} "
        if line.file
        else ""
    )
    identifier = f"[{line.identifier}] " if line.identifier else ""
    return f"{moment(line.at)} {line.level:<7} {line.code} {one_line(f'{place}{identifier}{line.message}')}\n"


def shown_line(line: LogLine) -> LogLineShown:
    return LogLineShown(
        run=line.run_id,
        seq=line.seq,
        time=moment(line.at),
        level=line.level,
        code=line.code,
        message=line.message,
        file=line.file,
        row=line.row,
        identifier=line.identifier,
    )


OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/batch/{{batch_id}}/log",
        handler=get_log,
        summary="Read the log, or follow it",
        scope="read",
        query=LogQuery,
        answers={
            200: Answer(
                "The lines; with `follow=true` until no run is active.",
                "A line each: time, level, code, place, message.",
                LogLineShown,
                (TEXT, EVENTS, NDJSON),
            )
        },
        errors=(400, 404),
    ),
)
