"""What a worker is asked by a page: waited for a little, then looked at again."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from service.admin.site import Visit
from service.api.tasks import wait_for
from service.errors import refusal
from service.store.tasks import TaskFacts, TaskKind, TaskMissingError, task_facts

PATIENCE = 10.0
"""Seconds that a page waits for a worker before it says that it waits."""


class TaskQuery(Struct, frozen=True):
    task: str = ""


async def task_of_page(visit: Visit, task_id: str, kind: TaskKind) -> TaskFacts:
    """The task that the address names: ended, or not yet after a while. Raises `ApiError` 404."""
    try:
        task = await visit.db.run(task_facts, task_id, visit.key)
    except TaskMissingError:
        task = None
    if task is None or task.kind != kind:
        raise refusal(404, "task-unknown", "What was asked is kept no longer. Go back and ask again.")
    # A script looks again by itself: it need not be kept waiting for as long as a person without one.
    return await wait_for(visit, task, 1.0 if visit.request.headers.get("hx-request") else PATIENCE)


async def still_waiting(visit: Visit, task: TaskFacts, heading: str, back: str) -> Response:
    """A page that says that no worker has answered yet, and looks again. `back`: where one came from."""
    query = visit.request.url.query
    here = visit.address(visit.request.scope["path"]) + (f"?{query}" if query else "")
    return await visit.render("waiting.html", task=task, heading=heading, here=here, back=back)
