"""The buttons of a batch: they go the way of the API's calls, and ask where a person might regret it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.batch_head import BatchHead, batch_head
from service.admin.offers import dry_run_shown, undo_shown
from service.admin.site import Page, Visit
from service.api.forms import Captured
from service.api.schedule import ScheduleForm, refuse, schedule
from service.api.steering import Verb, steer
from service.auth import require_scope
from service.errors import refusal
from service.store.batches import batch_files
from service.store.runs import RunOptions
from service.store.states import RunMode

_SAID = {
    "dry-run": "The dry run is on its way. It writes nothing.",
    "import": "The import is on its way.",
    "retry": "What failed is tried again.",
    "undo": "What the batch has written is being taken back.",
    "undo-plan": "It is being found out what an undo would take back. Nothing is written yet.",
    "cancel": "It is being cancelled. What was written so far stands.",
    "pause": "It is being paused.",
    "resume": "It goes on.",
}


class RunForm(Struct, frozen=True):
    mode: Annotated[
        Literal["dry-run", "import", "retry", "undo", "undo-plan"], Meta(description="What is to be done.")
    ]
    plan: Annotated[str | None, Meta(description="Import exactly what this dry run has shown.")] = None
    sure: Annotated[bool, Meta(description="true: do not ask again.")] = False


class SteerForm(Struct, frozen=True):
    wish: Annotated[Literal["cancel", "pause", "resume"], Meta(description="What the run is to do.")]
    sure: Annotated[bool, Meta(description="true: do not ask again.")] = False


async def post_run(visit: Visit) -> Response:
    form = await visit.form(RunForm)
    require_scope(visit.key, "schedule")
    head = await batch_head(visit)
    if form.mode == "import" and form.plan is None and not form.sure:
        question = await _unseen(visit, head)
        if question is not None:
            return question
    if form.mode == "undo" and undo_shown(head) is None:
        message = "Look first at what an undo would take back: press Undo…, then look at its plan."
        raise refusal(409, "dry-run-first", message)
    mode: RunMode = "undo" if form.mode == "undo-plan" else form.mode
    wanted = ScheduleForm(
        batch=Captured(head.batch.id), mode=mode, plan=form.plan, dry_run=form.mode == "undo-plan"
    )
    await schedule(visit, wanted)
    return visit.redirect(head.path, _SAID[form.mode])


async def _unseen(visit: Visit, head: BatchHead) -> Response | None:
    """The question before an import that nobody has looked at; None when somebody has."""
    files = await visit.db.run(batch_files, head.batch.id)
    if dry_run_shown(head, files) is not None:
        return None
    await refuse(visit, head.batch, files, "import", RunOptions())
    return await visit.render("sure.html", head=head, action="run", deed="import")


async def post_steer(visit: Visit) -> Response:
    form = await visit.form(SteerForm)
    require_scope(visit.key, "schedule")
    head = await batch_head(visit)
    if form.wish == "cancel" and not form.sure and head.active is not None:
        return await visit.render("sure.html", head=head, action="steer", deed="cancel")
    verb: Verb = form.wish
    await steer(visit, head.batch.id, verb)
    return visit.redirect(head.path, _SAID[form.wish])


PAGES = (
    Page("POST", "/admin/batches/{batch_id}/run", post_run, section="batches"),
    Page("POST", "/admin/batches/{batch_id}/steer", post_steer, section="batches"),
)
