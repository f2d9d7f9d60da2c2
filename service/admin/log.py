"""The log of a batch: its last lines, live; older ones page by page; a link to every line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response, StreamingResponse

from service.admin.batch import event
from service.admin.batch_head import BatchHead, batch_head
from service.admin.site import Page, Visit
from service.admin.words import LEVELS, mode_word, when
from service.api.log import TEXT, LogQuery, cursor_of, encoded_lines, pages_of
from service.errors import bad_parameter, refusal, shown
from service.store.database import Database
from service.store.logs import Level, LineFilter, LogLine, read_batch_log, read_log, read_log_before

PAGE = 100


class LogPageQuery(Struct, frozen=True):
    run: Annotated[str, Meta(description="Only this run's lines.")] = ""
    level: Annotated[Level, Meta(description="debug, info, warning or error.")] = "info"
    text: Annotated[str, Meta(description="Only lines that contain this.")] = ""
    after: Annotated[str | None, Meta(description="Only lines after this one: RUN:SEQ.")] = None
    before: Annotated[str | None, Meta(description="Only lines before this one: RUN:SEQ.")] = None


class Lines(Struct, frozen=True):
    """What the page shows. `earlier`, `later`: whether there is more on either side."""

    lines: list[LogLine]
    earlier: bool
    later: bool


async def show_log(visit: Visit) -> Response:
    query = visit.query(LogPageQuery)
    head = await batch_head(visit)
    found = await visit.db.run(_read, head, _runs(head, query), query)
    kept = {"run": query.run or None, "level": query.level, "text": query.text or None}
    path = f"{head.path}/log"
    first, last = (found.lines[0], found.lines[-1]) if found.lines else (None, None)
    live = None
    if head.active is not None and not found.later and query.run in ("", head.active.id):
        after = f"{last.run_id}:{last.seq}" if last else query.after
        live = visit.address(f"{path}/lines", **kept, after=after)
    return await visit.render(
        "log.html",
        head=head,
        query=query,
        lines=found.lines,
        live=live,
        newest=visit.address(path, **kept),
        earlier=visit.address(path, **kept, before=_cursor_text(first)) if first and found.earlier else None,
        later=visit.address(path, **kept, after=_cursor_text(last)) if last and found.later else None,
        download=visit.address(f"{path}.txt", **kept),
        level_options=list(LEVELS.items()),
        run_options=_run_options(head),
        line_link=_line_link(visit, head, query),
    )


async def live_lines(visit: Visit) -> Response:
    """Lines as they come, each as a row of the page's table; goes on where a browser lost it."""
    query = visit.query(LogPageQuery)
    head = await batch_head(visit)
    runs = _runs(head, query)
    wanted = LogQuery(
        run=query.run or None, level=query.level, after=query.after, text=query.text or None, follow=True
    )
    cursor = cursor_of(wanted, runs, visit.request.headers.get("last-event-id"))
    pages = pages_of(visit, head.batch, wanted, cursor, heartbeat=True)
    headers = {"X-Accel-Buffering": "no"}
    stream = _events(visit, pages, _line_link(visit, head, query))
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def download_log(visit: Visit) -> Response:
    query = visit.query(LogPageQuery)
    head = await batch_head(visit)
    wanted = LogQuery(run=query.run or None, level=query.level, after=query.after, text=query.text or None)
    cursor = cursor_of(wanted, _runs(head, query), None)
    pages = pages_of(visit, head.batch, wanted, cursor, heartbeat=False)
    headers = {"Content-Disposition": f'attachment; filename="log-{head.batch.id}.txt"'}
    return StreamingResponse(encoded_lines(pages, TEXT), headers=headers, media_type=TEXT)


def _runs(head: BatchHead, query: LogPageQuery) -> list[str]:
    """The runs of the batch, newest first. Raises `ApiError` 404 when another one is asked for."""
    runs = [run.id for run in head.runs]
    if query.run and query.run not in runs:
        raise refusal(404, "run-unknown", f"Run not found: {shown(query.run)[1:-1]}", "run")
    return runs


def _read(db: Database, head: BatchHead, runs: list[str], query: LogPageQuery) -> Lines:
    wanted = LineFilter(query.level, query.text or None)
    if query.after is not None:
        run_id, seq = _cursor("after", query.after, runs)
        if query.run:
            lines = read_log(db, query.run, after=seq, wanted=wanted, limit=PAGE + 1)
        else:
            lines = read_batch_log(db, head.batch.id, after=(run_id, seq), wanted=wanted, limit=PAGE + 1)
        return Lines(lines[:PAGE], earlier=seq > 0, later=len(lines) > PAGE)
    before = _cursor("before", query.before, runs) if query.before is not None else None
    chosen = [query.run] if query.run else runs
    lines = read_log_before(db, chosen, before=before, wanted=wanted, limit=PAGE + 1)
    return Lines(lines[-PAGE:], earlier=len(lines) > PAGE, later=before is not None)


def _cursor(name: str, given: str, runs: list[str]) -> tuple[str, int]:
    """Raises `ApiError` 400."""
    run_id, _, seq = given.rpartition(":")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 16) or (run_id and run_id not in runs):
        raise bad_parameter(name, f"{name} is {shown(given)}: not RUN:SEQ, as the links of the page have it.")
    return run_id or (runs[0] if runs else ""), int(seq)


def _cursor_text(line: LogLine) -> str:
    return f"{line.run_id}:{line.seq}"


class _LineLink(Struct, frozen=True):
    """Makes the address under which a line is found again, whatever is written after it."""

    visit: Visit
    path: str
    level: Level

    def __call__(self, line: LogLine) -> str:
        address = self.visit.address(self.path, run=line.run_id, level=self.level, after=f":{line.seq - 1}")
        return f"{address}#{line_name(line)}"


def _line_link(visit: Visit, head: BatchHead, query: LogPageQuery) -> _LineLink:
    return _LineLink(visit, f"{head.path}/log", query.level)


def line_name(line: LogLine) -> str:
    return f"l-{line.run_id}-{line.seq}"


def _run_options(head: BatchHead) -> list[tuple[str, str]]:
    return [("", "All"), *((run.id, f"{mode_word(run.mode)}, {when(run.scheduled_at)}") for run in head.runs)]


async def _events(
    visit: Visit, pages: AsyncIterator[list[LogLine]], line_link: _LineLink
) -> AsyncIterator[bytes]:
    async for page in pages:
        if not await visit.still_admitted():
            break
        if not page:
            yield b": still here\n\n"
            continue
        html = await visit.html("log-lines.html", lines=page, line_link=line_link)
        yield event(html, _cursor_text(page[-1]))
    yield b"event: end\ndata: {}\n\n"


PAGES = (
    Page("GET", "/admin/batches/{batch_id}/log", show_log, section="batches"),
    Page("GET", "/admin/batches/{batch_id}/log.txt", download_log, section="batches", fragment=True),
    Page("GET", "/admin/batches/{batch_id}/log/lines", live_lines, section="batches", fragment=True),
)
