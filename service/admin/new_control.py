"""The second step of a new import: its control file is chosen, uploaded, or made from the data."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from service.admin.asked import TaskQuery, still_waiting, task_of_page
from service.admin.code_lines import code_lines
from service.admin.forms import chosen_files, control_limits, our_form_with_files
from service.admin.new_check import keep_text, to_check
from service.admin.preparing import PATH, recall
from service.admin.site import CSRF, Page, Visit
from service.api.batch import control_digest
from service.api.check import save_brought
from service.api.controls import control_bytes
from service.api.forms import Captured
from service.api.tasks import ask_worker, failed, failure_of, result_of
from service.auth import require_scope
from service.errors import bad_parameter, refusal, shown
from service.store.control_check import NamedBytes
from service.store.control_new import NewAsked, NewControl
from service.store.controls import ControlFilter, list_controls
from service.store.held import keep

MOST_OFFERED = 100
"""Saved control files that can be chosen from the list."""


class Nothing(Struct, frozen=True):
    pass


class SavedForm(Struct, frozen=True):
    control: Annotated[Captured, Meta(description="The digest of a saved control file.")] = Captured("")


class GenerateForm(Struct, frozen=True):
    name: Annotated[str, Meta(description="The data file that it is made from.")] = ""
    template: Annotated[str, Meta(description="The label of a resource template of the target.")] = ""


class TakeForm(Struct, frozen=True):
    task: Annotated[str, Meta(description="What made it.")]


async def show_choice(visit: Visit) -> Response:
    visit.query(Nothing)
    preparation = await recall(visit)
    saved = await visit.db.run(list_controls, visit.key, ControlFilter(held_only=True), MOST_OFFERED)
    options = {one.digest: one.comment for one in reversed(saved)}
    return await visit.render(
        "new-control.html",
        preparation=preparation,
        here=f"{PATH}/{visit.path('digest')}",
        saved=[(digest, f"{comment} ({digest[:8]})") for digest, comment in reversed(options.items())],
        files=[(file.name, file.name) for file in preparation.files],
    )


async def post_saved(visit: Visit) -> Response:
    form = await visit.form(SavedForm)
    require_scope(visit.key, "upload")
    preparation = await recall(visit)
    if not form.control:
        raise bad_parameter("control", "There is no saved control file to choose. Upload one, or make one.")
    return await to_check(visit, replace(preparation, control=await control_digest(visit, form.control)))


async def post_upload(visit: Visit) -> Response:
    """What is wrong with it is shown in the next step: it is the user's to mend there."""
    async with our_form_with_files(visit, control_limits(visit)) as form:
        visit.fields(Nothing, form, also=("file", CSRF))
        require_scope(visit.key, "upload")
        preparation = await recall(visit)
        files = chosen_files(form)
        if len(files) != 1:
            raise bad_parameter("file", "Choose a control file first, then send the form.")
        await control_bytes(files[0])
        stored = await visit.db.run(keep, files[0].incoming)
        await save_brought(visit, {stored.digest: stored.size})
    return await to_check(visit, replace(preparation, control=stored.digest))


async def post_generate(visit: Visit) -> Response:
    form = await visit.form(GenerateForm)
    require_scope(visit.key, "upload")
    preparation = await recall(visit)
    data = next((file for file in preparation.files if file.name == form.name), None)
    template = form.template.strip() or None
    if form.name and data is None:
        raise bad_parameter("name", f"There is no file {shown(form.name)} in this import.")
    if data is None and template is None:
        raise bad_parameter("name", "There is nothing to make one from: bring a file, or name a template.")
    named = NamedBytes(data.name, data.digest) if data is not None else None
    asked = NewAsked(named, template, target_wanted=template is not None)
    task = await ask_worker(visit, "control-new", target=preparation.target, arguments=asked)
    return visit.redirect(f"{PATH}/{visit.path('digest')}/generated", task=task.id)


async def show_generated(visit: Visit) -> Response:
    query = visit.query(TaskQuery)
    preparation = await recall(visit)
    here = f"{PATH}/{visit.path('digest')}"
    task = await task_of_page(visit, query.task, "control-new")
    if task.ended_at is None:
        return await still_waiting(visit, task, "A control file is made from the data", f"{here}/control")
    failure = failure_of(task)
    if failure is not None:
        raise failed(failure)
    new = result_of(task, NewControl)
    return await visit.render(
        "new-generated.html",
        preparation=preparation,
        here=here,
        task=task,
        new=new,
        code=await run_sync(lambda: code_lines(new.control.encode())),
    )


async def post_generated(visit: Visit) -> Response:
    """Go on with what was made."""
    form = await visit.form(TakeForm)
    require_scope(visit.key, "upload")
    preparation = await recall(visit)
    task = await task_of_page(visit, form.task, "control-new")
    if task.ended_at is None or task.failed:
        raise refusal(409, "task-unknown", "It is not made yet. Go back and look again.")
    return await keep_text(visit, preparation, result_of(task, NewControl).control)


PAGES = (
    Page("GET", f"{PATH}/{{digest}}/control", show_choice, section="new"),
    Page("POST", f"{PATH}/{{digest}}/saved", post_saved, section="new"),
    Page("POST", f"{PATH}/{{digest}}/upload", post_upload, section="new"),
    Page("POST", f"{PATH}/{{digest}}/generate", post_generate, section="new"),
    Page("GET", f"{PATH}/{{digest}}/generated", show_generated, section="new"),
    Page("POST", f"{PATH}/{{digest}}/generated", post_generated, section="new"),
)
