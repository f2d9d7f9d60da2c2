"""Control files: which there are, what stands in one, which batches use it; and bringing a new one."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.code_lines import Said, code_lines, said_of
from service.admin.forms import chosen_files, control_limits, our_form_with_files
from service.admin.site import CSRF, Page, Visit
from service.api.control import Comment, ControlForm, take_control
from service.api.controls import control_bytes
from service.api.download import attachment
from service.auth import require_scope
from service.control.model import Control
from service.control.offered import not_offered
from service.control.parse import parse_control
from service.control.summary import summary
from service.errors import ApiError, bad_parameter, refusal, shown
from service.store.batches import BatchFilter, list_batches, readable_size
from service.store.blobs import BlobMissingError, Digest, is_digest
from service.store.controls import ControlFacts, ControlFilter, list_controls
from service.store.database import Database
from service.store.held import was_removed
from service.store.keys import Key
from service.store.outcomes import state_of
from service.store.runs import runs_of_batches
from service.store.states import BatchState
from service.uploads import FilePart

PAGE = 25
USES = 25
"""Batches that the page of a control file lists."""
PATH = "/admin/controls"


class ControlsQuery(Struct, frozen=True):
    comment: Annotated[str, Meta(description="Only those whose comment contains this.")] = ""
    before: Annotated[str | None, Meta(description="Only older ones: TIME.DIGEST.KEY of the links.")] = None


class Nothing(Struct, frozen=True):
    pass


class UploadForm(Struct, frozen=True):
    comment: Comment = ""
    target: Annotated[str, Meta(description="A configured target in which its names are looked up.")] = ""


class Use(Struct, frozen=True):
    """A batch that is made with the control file."""

    id: str
    comment: str
    target: str
    created_at: int
    state: BatchState


async def show_controls(visit: Visit) -> Response:
    query = visit.query(ControlsQuery)
    wanted = ControlFilter(comment=query.comment or None, before=_cursor(query.before))
    found = await visit.db.run(list_controls, visit.key, wanted, PAGE + 1)
    rows = found[:PAGE]
    kept = {"comment": query.comment or None}
    following = None
    if len(found) > PAGE:
        last = rows[-1]
        before = f"{last.created_at}.{last.digest}.{last.key_id}"
        following = visit.address(PATH, **kept, before=before)
    return await visit.render(
        "controls.html",
        rows=rows,
        query=query,
        first=visit.address(PATH, **kept) if query.before else None,
        following=following,
        target_options=target_options(visit, "Do not look them up"),
    )


def _cursor(text: str | None) -> tuple[int, str, int] | None:
    """Raises `ApiError` 400."""
    if text is None:
        return None
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isalnum() for part in parts):
        raise bad_parameter("before", f"before is {shown(text)}: follow the links of the page instead.")
    created_at, digest, key_id = parts
    if not (created_at.isdigit() and key_id.isdigit() and len(created_at) < 16 and len(key_id) < 10):
        raise bad_parameter("before", f"before is {shown(text)}: follow the links of the page instead.")
    return int(created_at), digest, int(key_id)


def target_options(visit: Visit, none: str | None) -> list[tuple[str, str]]:
    """The targets that may be seen, for a field to choose one; `none` is how choosing none is called."""
    names = sorted(name for name in visit.services.settings.targets if visit.key.may_see(name))
    return [*([("", none)] if none is not None else []), *((name, name) for name in names)]


# --- one ----------------------------------------------------------------------------------------


async def show_control(visit: Visit) -> Response:
    visit.query(Nothing)
    digest = await readable_digest(visit)
    data = await bytes_of(visit, digest)
    parsed = await run_sync(parse_control, data)
    offered = not_offered(parsed.control) if parsed.control is not None else []
    saved = await visit.db.run(list_controls, visit.key, ControlFilter(digest=digest), 20)
    uses, more = await visit.db.run(_uses, visit.key, digest)
    return await visit.render(
        "control.html",
        digest=digest,
        size=len(data),
        saved=saved,
        title=_title(saved),
        control=parsed.control,
        makes=summary(parsed.control) if parsed.control is not None else None,
        files=_files(parsed.control),
        code=await run_sync(lambda: code_lines(data, said_of(parsed, offered))),
        uses=uses,
        more=more,
    )


def _title(saved: list[ControlFacts]) -> str:
    return saved[0].comment if saved else "A control file without a name"


def _files(control: Control | None) -> list[tuple[str, str, bool]]:
    """Name, reader, required; of each file that it takes."""
    return [(one.pattern, one.reader_name, one.required) for one in control.files] if control else []


async def download_control(visit: Visit) -> Response:
    visit.query(Nothing)
    digest = await readable_digest(visit)
    size = await run_sync(visit.services.blobs.size, digest)
    if size is None:
        raise _gone(digest)
    return await attachment(visit, digest, size, f"control-{digest[:12]}.json")


async def readable_digest(visit: Visit) -> Digest:
    """The digest in the address, if its bytes may be read. Raises `ApiError` 404, 410."""
    raw = visit.path("digest").lower()
    digest = Digest(raw)
    if not is_digest(raw) or await visit.db.run(readable_size, visit.key, digest) is None:
        raise refusal(404, "control-unknown", f"Control file not found: {shown(raw)[1:-1]}")
    if await visit.db.run(was_removed, digest):
        raise _gone(digest)
    return digest


async def bytes_of(visit: Visit, digest: Digest) -> bytes:
    """Raises `ApiError`: 410 for bytes that are no longer there, 413 for what can be no control file."""
    size = await run_sync(visit.services.blobs.size, digest)
    if size is None:
        raise _gone(digest)
    if size > visit.services.settings.max_control_bytes:
        raise refusal(413, "too-large", "These bytes are too many for a control file.")
    try:
        return await run_sync(lambda: b"".join(visit.services.blobs.open_range(digest)))
    except BlobMissingError:
        raise _gone(digest) from None


def _gone(digest: Digest) -> ApiError:
    return refusal(410, "removed", f"The control file {digest} was not used for long, and was removed.")


def _uses(db: Database, key: Key, digest: Digest) -> tuple[list[Use], bool]:
    """The newest batches that are made with it, and whether there are more."""
    found = list_batches(db, key, BatchFilter(control=digest), USES + 1)
    runs = runs_of_batches(db, [one.id for one in found])
    uses = [
        Use(one.id, one.comment, one.target, one.created_at, state_of(db, runs.get(one.id, ())))
        for one in found[:USES]
    ]
    return uses, len(found) > USES


# --- a new one ----------------------------------------------------------------------------------


async def post_control(visit: Visit) -> Response:
    """Kept if it can be used; else shown, with what is wrong beside the lines."""
    async with our_form_with_files(visit, control_limits(visit)) as form:
        fields = visit.fields(UploadForm, form, also=("file", CSRF))
        require_scope(visit.key, "upload")
        files = chosen_files(form)
        if len(files) != 1:
            raise bad_parameter("file", "Choose a control file first, then send the form.")
        part = files[0]
        wanted = ControlForm(fields.comment or part.filename or "Unnamed control file", fields.target or None)
        if wanted.target is not None and not visit.key.may_see(wanted.target):
            raise refusal(403, "target-forbidden", f"This key may use the target {visit.key.target} only.")
        try:
            stored = await take_control(visit, part, wanted)
        except ApiError as error:
            if error.status != 400:
                raise
            return await _refused(visit, part, error)
    said = "The control file is kept."
    if stored.warnings:
        said += "\n" + "\n".join(one.message for one in stored.warnings)
    return visit.redirect(f"{PATH}/{stored.digest}", said, "warn" if stored.warnings else "good")


async def _refused(visit: Visit, part: FilePart, error: ApiError) -> Response:
    data = await control_bytes(part)
    parsed = await run_sync(parse_control, data)
    said = said_of(parsed)
    if not parsed.problems:
        said += [Said("bad", one.message, one.pointer or "") for one in error.problems]
    code = await run_sync(lambda: code_lines(data, said))
    wrong = sum(one.tone == "bad" for one in said)
    return await visit.render(
        "control-refused.html", 400, filename=part.filename, code=code, wrong=wrong, problems=said
    )


PAGES = (
    Page("GET", PATH, show_controls, section="controls"),
    Page("POST", PATH, post_control, section="controls"),
    Page("GET", f"{PATH}/{{digest}}", show_control, section="controls"),
    Page("GET", f"{PATH}/{{digest}}/download", download_control, section="controls"),
)
