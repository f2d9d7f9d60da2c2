"""Pages for people: so far the log of a batch, as plain HTML that needs no script.

Signed in by HTTP Basic with a key of the scope `admin`, for reading only, in a realm of its own, so that a
browser never sends these credentials to the API.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from service.api.context import Services
from service.api.forms import read_parameters
from service.api.lines import moment, one_line
from service.auth import require_scope
from service.errors import refusal, shown
from service.store.batches import BatchFacts, BatchMissingError, batch_facts
from service.store.database import Database
from service.store.keys import Key
from service.store.logs import LEVELS, Level, LogLine, last_seq, read_batch_log, read_log
from service.store.outcomes import state_of
from service.store.runs import RunFacts, runs_of_batch
from service.store.states import ACTIVE, BatchState
from service.store.summary import summary

PAGE = 1000
TAIL = 100
"""Lines that the link to the end of a long log shows."""

_STYLE = files("service.admin").joinpath("templates/log.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


class LogPageQuery(Struct, frozen=True):
    run: Annotated[str | None, Meta(description="Only this run's lines.")] = None
    level: Annotated[Level, Meta(description="debug, info, warning or error.")] = "info"
    after: Annotated[str | None, Meta(description="Only lines after this one: RUN:SEQ.")] = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """What the page shows."""

    batch: BatchFacts
    runs: list[RunFacts]
    state: BatchState
    lines: list[LogLine]
    more: bool
    newest: int
    """The number of the newest run's last line."""


def routes(services: Services) -> list[Route]:
    templates = _environment()

    async def log_page(request: Request) -> Response:
        await services.readiness.require()
        key = await services.doorkeeper.identify(request, "Accession admin")
        require_scope(key, "admin")
        query = read_parameters(LogPageQuery, request.query_params.multi_items(), where="this page")
        page = await services.db.run(_read, key, str(request.path_params["batch_id"]), query)
        html = await templates.get_template("log.html").render_async(_context(page, query))
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})

    return [Route("/admin/batches/{batch_id}/log", log_page, methods=["GET"], name="admin log")]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.admin"), autoescape=True, undefined=StrictUndefined, enable_async=True
    )
    environment.filters["moment"] = moment
    environment.filters["one_line"] = one_line
    environment.filters["visible"] = _visible
    environment.filters["summary"] = summary
    return environment


def _visible(text: str) -> str:
    """As `one_line`, but keeping the line breaks of a message."""
    return "\n".join(one_line(line) for line in text.splitlines())


def _read(db: Database, key: Key, batch_id: str, query: LogPageQuery) -> LogPage:
    """Raises `ApiError` 404."""
    try:
        batch = batch_facts(db, batch_id, key)
    except BatchMissingError:
        raise refusal(404, "batch-unknown", f"Batch not found: {shown(batch_id)[1:-1]}") from None
    runs = runs_of_batch(db, batch.id)
    if query.run is not None and query.run not in [run.id for run in runs]:
        raise refusal(404, "run-unknown", f"Run not found: {shown(query.run)[1:-1]}", "run")
    run_id, _, seq = (query.after or "").rpartition(":")
    after = int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 16 else 0
    if query.run is not None:
        lines = read_log(db, query.run, after=after, level=query.level, limit=PAGE + 1)
    else:
        lines = read_batch_log(db, batch.id, after=(run_id, after), level=query.level, limit=PAGE + 1)
    newest = last_seq(db, runs[0].id) if runs else 0
    return LogPage(batch, runs, state_of(db, runs), lines[:PAGE], len(lines) > PAGE, newest)


def _context(page: LogPage, query: LogPageQuery) -> dict[str, object]:
    def link(**changes: str | None) -> str:
        values = {"run": query.run, "level": query.level, "after": query.after, **changes}
        return "?" + urlencode({name: value for name, value in values.items() if value is not None})

    last = page.lines[-1] if page.lines else None
    return {
        "batch": page.batch,
        "runs": page.runs,
        "lines": page.lines,
        "state": page.state,
        "active": bool(page.runs) and page.runs[0].state in ACTIVE,
        "level": query.level,
        "levels": LEVELS,
        "run_id": query.run,
        "after": query.after,
        "link": link,
        "next": link(after=f"{last.run_id}:{last.seq}") if page.more and last else None,
        "latest": link(run=page.runs[0].id, after=f":{max(0, page.newest - TAIL)}")
        if page.newest > TAIL
        else None,
        "style": Markup(_STYLE),  # noqa: S704 - a file of ours, and its digest stands in the policy
    }
