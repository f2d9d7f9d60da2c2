"""The third step of a new import: what is wrong, and what the first records will look like."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from service.admin.asked import still_waiting, task_of_page
from service.admin.code_lines import Said, code_lines, said_of
from service.admin.preparing import PATH, Preparation, fitted, recall, remember, with_names
from service.admin.site import Page, Visit
from service.api.check import save_brought
from service.api.forms import Captured
from service.api.naming import file_name
from service.api.tasks import ask_worker, failed, failure_of, result_of
from service.auth import require_scope
from service.control.expected import match_file, missing_required
from service.control.model import Control
from service.control.offered import not_offered
from service.control.parse import ParsedControl, parse_control
from service.errors import bad_parameter, refusal, shown
from service.store.blobs import BlobMissingError, Digest
from service.store.control_check import CheckAsked, CheckedFile, CheckedRow, ControlCheck, Found, NamedBytes
from service.store.held import put

ROWS = 100
"""Rows of each file that are tried."""
DRAFTS = 5
"""Records of each file that are shown as they will look."""
FAULTS = 20
"""Further rows that are shown because something is wrong with them."""


class CheckQuery(Struct, frozen=True):
    task: Annotated[str, Meta(description="The look that was asked for.")] = ""


class TextForm(Struct, frozen=True):
    text: Annotated[Captured, Meta(description="The control file.")]


class NamesForm(Struct, frozen=True):
    name: Annotated[tuple[str, ...], Meta(description="How the control file knows each file.")] = ()


class Nothing(Struct, frozen=True):
    pass


class Place(Struct, frozen=True):
    """A file of the import. `taken`: by which entry of the control file; "" by none."""

    name: str
    filename: str
    size: int
    taken: str


async def to_check(visit: Visit, preparation: Preparation) -> Response:
    """Have a worker look, and go to the page that shows what it finds."""
    parsed, _ = await _control_of(visit, preparation)
    ready = fitted(preparation, parsed.control)
    digest = await remember(visit, ready)
    path = f"{PATH}/{digest}/check"
    if parsed.control is None or not_offered(parsed.control):
        return visit.redirect(path)
    files = tuple(NamedBytes(file.name, file.digest) for file in ready.files)
    asked = CheckAsked(ready.control or "", files, ROWS)
    task = await ask_worker(visit, "control-check", target=ready.target, arguments=asked)
    return visit.redirect(path, task=task.id)


async def _control_of(visit: Visit, preparation: Preparation) -> tuple[ParsedControl, bytes]:
    """Raises `ApiError`."""
    if preparation.control is None:
        raise refusal(400, "control-unknown", "Choose a control file first.")
    digest = Digest(preparation.control)
    size = await run_sync(visit.services.blobs.size, digest)
    if size is None or size > visit.services.settings.max_control_bytes:
        raise refusal(410, "removed", "The control file was removed, or is none. Choose another.")
    try:
        data = await run_sync(lambda: b"".join(visit.services.blobs.open_range(digest)))
    except BlobMissingError:
        raise refusal(410, "removed", "The control file was removed. Choose another.") from None
    return await run_sync(parse_control, data), data


async def show_check(visit: Visit) -> Response:
    query = visit.query(CheckQuery)
    preparation = await recall(visit)
    parsed, data = await _control_of(visit, preparation)
    check: ControlCheck | None = None
    if query.task:
        task = await task_of_page(visit, query.task, "control-check")
        if task.ended_at is None:
            back = f"{PATH}/{visit.path('digest')}/control"
            return await still_waiting(visit, task, "The first records are tried", back)
        failure = failure_of(task)
        if failure is not None:
            raise failed(failure)
        check = result_of(task, ControlCheck)
    said = _said(parsed, check)
    return await visit.render(
        "new-check.html",
        preparation=preparation,
        here=f"{PATH}/{visit.path('digest')}",
        places=[_place(one.name, one.filename, one.size, parsed.control) for one in preparation.files],
        names=_names(parsed.control),
        missing=_missing(parsed.control, preparation),
        usable=parsed.control is not None and not not_offered(parsed.control),
        check=check,
        wrong=sum(one.tone == "bad" for one in said),
        code=await run_sync(lambda: code_lines(data, said)),
        text=data.decode("utf-8-sig", "replace"),
        editable=len(data) < visit.services.settings.max_form_bytes // 2,
        samples=[(file, _shown(file)) for file in check.files] if check else [],
    )


def _said(parsed: ParsedControl, check: ControlCheck | None) -> list[Said]:
    """What concerns the control file: what concerns a row stands beside that row."""
    if check is None:
        offered = not_offered(parsed.control) if parsed.control is not None else []
        return said_of(parsed, offered)
    found = [("bad", one) for one in check.problems] + [("warn", one) for one in check.warnings]
    return [
        Said("bad" if tone == "bad" else "warn", _sentence(one), one.pointer)
        for tone, one in found
        if one.row is None
    ]


def _sentence(found: Found) -> str:
    message = found.message.removeprefix(f"{found.pointer}: ") if found.pointer else found.message
    if found.file and found.file not in message:
        message = f"{found.file}: {message}"
    return (
        f"{message} The value was: {found.value}" if found.value and found.value not in message else message
    )


def _shown(file: CheckedFile) -> list[CheckedRow]:
    """The first rows, and of the others those with which something is wrong."""
    rest = [row for row in file.rows[DRAFTS:] if row.problems or row.warnings]
    return [*file.rows[:DRAFTS], *rest[:FAULTS]]


def _place(name: str, filename: str, size: int, control: Control | None) -> Place:
    spec = match_file(control, name) if control is not None else None
    return Place(name, filename, size, spec.pattern if spec is not None else "")


def _names(control: Control | None) -> list[str]:
    return [spec.pattern for spec in control.files] if control is not None else []


def _missing(control: Control | None, preparation: Preparation) -> list[str]:
    return missing_required(control, [one.name for one in preparation.files]) if control is not None else []


async def post_names(visit: Visit) -> Response:
    form = await visit.form(NamesForm)
    require_scope(visit.key, "upload")
    preparation = await recall(visit)
    if len(form.name) != len(preparation.files):
        raise bad_parameter("name", "Each file needs a name. Go back, reload the page and try again.")
    names = [file_name(name.strip()) for name in form.name]
    for name in names:
        if names.count(name) > 1:
            raise bad_parameter("name", f"Two files are called {shown(name)}; each needs a name of its own.")
    return await to_check(visit, with_names(preparation, names))


async def post_text(visit: Visit) -> Response:
    """The control file as it was edited on the page."""
    form = await visit.form(TextForm)
    require_scope(visit.key, "upload")
    preparation = await recall(visit)
    # Browsers send line ends as CR LF, whatever they were.
    return await keep_text(visit, preparation, form.text.replace("\r\n", "\n"))


async def keep_text(visit: Visit, preparation: Preparation, text: str) -> Response:
    """Go on with a control file of this text, whether it can be used or not."""
    stored = await visit.db.run(put, visit.services.blobs, [text.encode("utf-8", "replace")])
    await save_brought(visit, {stored.digest: stored.size})
    return await to_check(visit, replace(preparation, control=stored.digest))


async def post_again(visit: Visit) -> Response:
    """Look once more: what a target did not have may be there now."""
    await visit.form(Nothing)
    require_scope(visit.key, "upload")
    return await to_check(visit, await recall(visit))


PAGES = (
    Page("GET", f"{PATH}/{{digest}}/check", show_check, section="new"),
    Page("POST", f"{PATH}/{{digest}}/check", post_again, section="new"),
    Page("POST", f"{PATH}/{{digest}}/names", post_names, section="new"),
    Page("POST", f"{PATH}/{{digest}}/text", post_text, section="new"),
)
