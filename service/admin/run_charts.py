"""The charts of a batch's newest run, on its page and while it goes on."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import HTMLResponse, Response

from service.admin.batch_head import BatchHead, batch_head
from service.admin.charts import Chart
from service.admin.graphs import run_charts
from service.admin.site import Page, Visit
from service.store.samples import samples_of_run


class Nothing(Struct, frozen=True):
    pass


async def charts_of(visit: Visit, head: BatchHead) -> list[Chart]:
    if not head.runs:
        return []
    return run_charts(head.runs[0], await visit.db.run(samples_of_run, head.runs[0].id))


async def show_charts(visit: Visit) -> Response:
    visit.query(Nothing)
    head = await batch_head(visit)
    html = await visit.html("run-charts.html", head=head, charts=await charts_of(visit, head))
    return HTMLResponse(html)


PAGES = (Page("GET", "/admin/batches/{batch_id}/charts", show_charts, section="batches", fragment=True),)
