"""The first step: a control file is brought, judged, and named by its digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Answer, Call, Operation, form_with_files
from service.api.controls import valid
from service.api.naming import target_for
from service.control.parse import parse_control
from service.errors import bad_parameter, shown
from service.store.batches import save_control

Comment = Annotated[str, Meta(max_length=255, description="What people know it by; up to 255 characters.")]


class ControlForm(Struct, frozen=True):
    comment: Comment = "Unnamed control file"
    target: Annotated[
        str | None, Meta(description="A configured target that this control file is meant for.")
    ] = None


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
        target = None if fields.target is None else target_for(call, fields.target, None)
        if len(form.files) != 1:
            message = f"file is given {len(form.files)} times; send one control file: -F file=@control.json"
            raise bad_parameter("file", message, "parameter-repeated" if form.files else "parameter-missing")
        incoming = form.files[0].incoming
        data = await run_sync(incoming.read_back)
        if b"{" not in data and 0 < len(data) < 1024:
            beginning = shown(data.decode("utf-8", "replace"))
            raise bad_parameter(
                "file",
                f"file is no control file but {beginning}. With curl, a file needs an @: -F file=@NAME",
            )
        parsed = await run_sync(parse_control, data)
        valid(parsed, "file")
        stored = await run_sync(incoming.commit)
        await call.db.run(save_control, call.key, stored, fields.comment)
    warnings = [Warned(str(one), one.code, one.pointer) for one in parsed.warnings]
    if target is not None:
        message = f"Names are resolved against {target} when a run begins: a dry run tells which are unknown."
        warnings.append(Warned(message, "not-resolved", ""))
    return call.answer(
        stored.digest, ControlStored(stored.digest, stored.size, fields.comment, tuple(warnings))
    )


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
