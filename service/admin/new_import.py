"""A new import, step by step: files, control file, a look at what would become of them, dry run."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.controls import target_options
from service.admin.forms import chosen_files, our_form_with_files
from service.admin.preparing import PATH, Preparation, PreparedFile, recall, remember
from service.admin.site import CSRF, Page, Visit
from service.api.batch import BatchForm, make_batch
from service.api.check import take_data
from service.api.control import Comment
from service.api.file import put_files
from service.api.forms import Captured
from service.api.naming import file_name, target_for
from service.api.schedule import ScheduleForm, schedule
from service.auth import require_scope
from service.errors import ApiError, bad_parameter, refusal, shown
from service.store.batches import save_control
from service.store.blobs import Digest, Stored
from service.store.controls import ControlFilter, list_controls
from service.store.ids import new_id
from service.store.runs import runs_of_batch
from service.uploads import FilePart, TextPart


class Nothing(Struct, frozen=True):
    pass


class FilesForm(Struct, frozen=True):
    target: Annotated[str, Meta(description="The Omeka that is imported into.")]
    comment: Comment = ""


class StartForm(Struct, frozen=True):
    look: Annotated[bool, Meta(description="true: with a dry run at once.")] = False


async def show_new(visit: Visit) -> Response:
    visit.query(Nothing)
    chosen = visit.key.target or visit.services.settings.only_target or ""
    options = target_options(visit, None)
    return await visit.render("new.html", target_options=options, target=chosen)


async def post_new(visit: Visit) -> Response:
    """The files go to the store while they come, as those of the API do."""
    async with our_form_with_files(visit) as form:
        fields = visit.fields(FilesForm, form, also=("file", CSRF))
        require_scope(visit.key, "upload")
        target = target_for(visit, fields.target or None, None)
        parts = chosen_files(form)
        files = await take_data(visit, _named(parts))
    comment = fields.comment.strip() or (parts[0].filename if parts else "") or "Unnamed batch"
    prepared = tuple(PreparedFile(one.name, one.digest, one.size, one.filename) for one in files)
    digest = await remember(visit, Preparation(new_id(), target, comment[:255], prepared))
    return visit.redirect(f"{PATH}/{digest}/control")


def _named(parts: list[FilePart]) -> list[tuple[str, FilePart | TextPart]]:
    """Each file under its own name. Raises `ApiError` 400."""
    pairs: list[tuple[str, FilePart | TextPart]] = [
        (file_name(part.filename or "data"), part) for part in parts
    ]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            message = f"Two files are called {shown(name)}. Give one of them another name, and choose again."
            raise bad_parameter("file", message, "parameter-repeated")
    return pairs


async def post_start(visit: Visit) -> Response:
    """Make the batch, once, however often this is sent; then show it."""
    form = await visit.form(StartForm)
    require_scope(visit.key, "upload")
    if form.look:
        require_scope(visit.key, "schedule")
    preparation = await recall(visit)
    if preparation.control is None:
        raise refusal(400, "control-unknown", "Choose a control file first.")
    # The batch's identifier was settled when the import was begun. Should this process die in between, or the
    # form be sent twice, the same batch is found here, and gets what it does not have yet.
    wanted = BatchForm(Captured(preparation.control), preparation.comment, preparation.target)
    batch, _ = await make_batch(visit, wanted, preparation.batch)
    await _save_control(visit, preparation, batch.control_digest)
    path = f"/admin/batches/{batch.id}"
    if await visit.db.run(runs_of_batch, batch.id):
        return visit.redirect(path)
    if preparation.files:
        pairs: list[tuple[str, FilePart | TextPart]] = [
            (file.name, TextPart("digest", file.digest)) for file in preparation.files
        ]
        await put_files(visit, batch, pairs)
    if form.look:
        try:
            await schedule(visit, ScheduleForm(batch=Captured(batch.id), mode="dry-run"))
        except ApiError as error:
            if error.problems[0].code != "batch-active":
                raise
        return visit.redirect(path, "The dry run begins: it shows what would change, and writes nothing.")
    return visit.redirect(path, "The batch is made. Nothing was run yet.")


async def _save_control(visit: Visit, preparation: Preparation, digest: Digest) -> None:
    """Under the import's name, so that it can be chosen again, unless it was saved before."""
    if await visit.db.run(list_controls, visit.key, ControlFilter(digest=digest), 1):
        return
    size = await run_sync(visit.services.blobs.size, digest)
    if size is None:
        raise refusal(410, "removed", "The control file was not used for long, and was removed.")
    stored = Stored(digest, size, new=False)
    await visit.db.run(save_control, visit.key, stored, preparation.comment)


PAGES = (
    Page("GET", PATH, show_new, section="new"),
    Page("POST", PATH, post_new, section="new"),
    Page("POST", f"{PATH}/{{digest}}/start", post_start, section="new"),
)
