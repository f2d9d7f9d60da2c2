"""The first step: a control file is brought, judged, and named by its digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.checked import found_line
from service.api.context import PREFIX, Answer, Call, Operation, form_with_files
from service.api.controls import control_bytes, valid
from service.api.naming import target_for
from service.api.tasks import Wait, ask_worker, failure_of, result_of, task_url, wait_for
from service.control.parse import parse_control
from service.errors import ApiError, Problem, bad_parameter
from service.store.batches import save_control
from service.store.blobs import Digest
from service.store.control_check import CheckAsked, ControlCheck
from service.store.held import keep, require_standing
from service.uploads import FilePart

Comment = Annotated[str, Meta(max_length=255, description="What people know it by; up to 255 characters.")]


class ControlForm(Struct, frozen=True):
    comment: Comment = "Unnamed control file"
    target: Annotated[
        str | None,
        Meta(description="A configured target that it is meant for: a worker looks its names up there."),
    ] = None
    wait: Wait = 30


class Warned(Struct, frozen=True):
    """A warning about a control file: what may not be meant so, and where (JSON pointer)."""

    message: str
    code: str
    pointer: str


class ControlStored(Struct, frozen=True):
    digest: str
    size: int
    comment: str
    warnings: tuple[Warned, ...]


async def post_control(call: Call) -> Response:
    settings = call.services.settings
    limits = replace(
        call.services.form_limits, file=settings.max_control_bytes, file_setting="ACCESSION_MAX_CONTROL_BYTES"
    )
    async with form_with_files(call, limits) as form:
        fields = call.fields(ControlForm, form, also=("file",))
        if fields.target is not None:
            target_for(call, fields.target, None)
        if len(form.files) != 1:
            message = f"file is given {len(form.files)} times; send one control file: -F file=@control.json"
            raise bad_parameter("file", message, "parameter-repeated" if form.files else "parameter-missing")
        stored = await take_control(call, form.files[0], fields)
    return call.answer(stored.digest, stored)


async def take_control(call: Call, part: FilePart, fields: ControlForm) -> ControlStored:
    """Keep a control file that can be used. `fields.target`: where its names are looked up.

    Raises `ApiError` 400 with everything that is wrong with it.
    """
    parsed = await run_sync(parse_control, await control_bytes(part))
    valid(parsed, "file")
    stored = await call.db.run(keep, part.incoming)
    warnings = [Warned(str(one), one.code, one.pointer) for one in parsed.warnings]
    if fields.target is not None:
        warnings += await _resolve(call, stored.digest, fields.target, fields.wait)
    await call.db.run(save_control, call.key, stored, fields.comment)
    await run_sync(require_standing, call.services.blobs, [stored.digest])
    return ControlStored(stored.digest, stored.size, fields.comment, tuple(warnings))


async def _resolve(call: Call, digest: Digest, target: str, wait: float) -> list[Warned]:
    """Have a worker look the names up in the target. A target that cannot be asked is only warned of.

    Raises `ApiError` 400 with every name that is not there.
    """
    task = await ask_worker(call, "control-check", target=target, arguments=CheckAsked(digest, rows=0))
    task = await wait_for(call, task, wait)
    later = f"The control file is kept, but its names were not looked up in {target}"
    if task.ended_at is None:
        url = task_url(call, task)
        message = f"{later}: no worker answered within {wait:g} s. What it finds will stand at {url}."
        return [Warned(message, "not-resolved", "")]
    failure = failure_of(task)
    if failure is not None:
        return [Warned(f"{later}: {failure.message}", "not-resolved", "")]
    check = result_of(task, ControlCheck)
    if not check.resolved:
        return [Warned(f"{later}. {one.message}", "not-resolved", one.pointer) for one in check.problems]
    if check.problems:
        raise ApiError(
            400, [Problem(found_line(one), one.code, "file", one.pointer) for one in check.problems]
        )
    return []


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{PREFIX}/control",
        handler=post_control,
        summary="Upload a control file",
        scope="upload",
        form=ControlForm,
        files=("file",),
        answers={
            200: Answer("The control file is kept.", "Its SHA-256 digest, without a line end.", ControlStored)
        },
        errors=(400, 413, 415),
    ),
)
