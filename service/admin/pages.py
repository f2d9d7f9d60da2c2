"""All pages for people, as routes of the application."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from service.admin import (
    batch,
    batches,
    controls,
    deeds,
    keys,
    log,
    new_check,
    new_control,
    new_import,
    plan,
    report,
    report_record,
    run_charts,
    sign_in,
    system,
    targets,
)
from service.admin.site import Page, Site, Visit
from service.api.context import Services
from service.errors import refusal, shown


async def home(visit: Visit) -> Response:
    return visit.redirect("/admin/batches")


async def nowhere(visit: Visit) -> Response:
    path = shown(visit.request.scope["path"], 200)
    raise refusal(404, "path-unknown", f"There is no page at {path}. It may have been mistyped.")


PAGES: tuple[Page, ...] = (
    Page("GET", "/admin", home),
    *sign_in.PAGES,
    *batches.PAGES,
    *batch.PAGES,
    *deeds.PAGES,
    *run_charts.PAGES,
    *plan.PAGES,
    *report.PAGES,
    *report_record.PAGES,
    *log.PAGES,
    *new_import.PAGES,
    *new_control.PAGES,
    *new_check.PAGES,
    *controls.PAGES,
    *targets.PAGES,
    *keys.PAGES,
    *system.PAGES,
)


def routes(services: Services) -> list[Route]:
    site = Site(services)
    # What nothing else takes comes last.
    return [
        site.files.route(),
        *map(site.route, PAGES),
        site.route(Page("GET", "/admin/{path:path}", nowhere)),
    ]
