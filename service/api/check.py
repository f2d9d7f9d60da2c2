"""Control files asked about before anything is scheduled: what is wrong with one, and a first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated

from anyio.to_thread import run_sync
from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.batch import control_digest
from service.api.checked import check_text
from service.api.context import PREFIX, Answer, Call, Operation, form_with_files
from service.api.controls import control_bytes
from service.api.forms import Captured
from service.api.naming import file_name, refuse_removed, target_for, the_batch
from service.api.pairs import FileStored, Pair, named_parts, take_pairs
from service.api.tasks import Wait, answer_task, ask_worker, pending_answer
from service.control.chosen import is_list
from service.control.offered import not_offered
from service.control.parse import ParsedControl, parse_control
from service.errors import bad_parameter, refusal
from service.store.batches import BatchFacts, batch_files, save_uploads
from service.store.blobs import BlobMissingError, Digest
from service.store.control_check import MOST_ROWS, CheckAsked, ControlCheck, Found, NamedBytes
from service.store.control_new import NewAsked, NewControl
from service.store.held import keep, require_standing
from service.uploads import FilePart, Form, TextPart

Target = Annotated[
    str | None, Meta(description="A configured target; else the batch's, the control file's, the default.")
]


class CheckForm(Struct, frozen=True):
    control: Annotated[
        Captured | None,
        Meta(
            description="The control file, by digest or comment; else the first file is it, else the batch's."
        ),
    ] = None
    target: Target = None
    name: Annotated[
        tuple[str, ...],
        Meta(
            description="The name by which the control file knows a data file; one for each file or digest."
        ),
    ] = ()
    digest: Annotated[
        tuple[Captured, ...],
        Meta(description="Instead of a data file: the digest of bytes that the service holds."),
    ] = ()
    batch: Annotated[Captured | None, Meta(description="A batch whose files are the data.")] = None
    rows: Annotated[
        Annotated[int, Meta(ge=0, le=MOST_ROWS)],
        Meta(description=f"So many rows of each file are run, up to {MOST_ROWS}."),
    ] = 100
    wait: Wait = 30


class NewForm(Struct, frozen=True):
    target: Annotated[
        str | None, Meta(description="A configured target to map to; else the key's, else the default.")
    ] = None
    template: Annotated[
        str | None, Meta(description="The label of a resource template of the target to start from.")
    ] = None
    name: Annotated[
        str | None, Meta(description="What the data file is called; else the name that it was sent under.")
    ] = None
    digest: Annotated[
        Captured | None,
        Meta(description="Instead of a data file: the digest of bytes that the service holds."),
    ] = None
    reader: Annotated[
        str | None, Meta(description="The reader for the data (csv, json …), where its content may mislead.")
    ] = None
    wait: Wait = 30


async def post_control_check(call: Call) -> Response:
    async with form_with_files(call, call.services.form_limits) as form:
        fields = call.fields(CheckForm, form, also=("file",))
        batch = None if fields.batch is None else await the_batch(call, fields.batch, "batch")
        if batch is not None:
            await refuse_removed(call, batch)
        subject = await _subject(call, fields, form, batch)
        pairs = _pairs(form, subject.part)
        if batch is not None and pairs:
            raise bad_parameter("batch", "batch: its files are the data; leave name, file and digest out.")
        named = fields.target or (batch.target if batch else None)
        if named is not None:
            target_for(call, named, None)
        problems = _parse_problems(subject.parsed)
        if problems or subject.parsed.control is None:
            return _answer(call, _unusable(named, problems, subject.parsed))
        target = _target(call, named, subject.parsed.control.target)
        files = await _data(call, batch, pairs)
        digest = await _keep(call, subject)
        asked = CheckAsked(digest, files, fields.rows)
        task = await ask_worker(call, "control-check", target=target, arguments=asked)
    return await answer_task(call, task, fields.wait)


def _pairs(form: Form, control: FilePart | None) -> list[tuple[str, FilePart | TextPart]]:
    """The data files by name; none when only the control file is asked about. Raises `ApiError` 400."""
    if all(part is control or part.name not in ("name", "file", "digest") for part in form.parts):
        return []
    return named_parts(form, control)


@dataclass(frozen=True, slots=True)
class _Subject:
    """The control file that is asked about. `part`: its bytes, when they came with this request."""

    parsed: ParsedControl
    digest: Digest
    part: FilePart | None = None


async def _subject(call: Call, fields: CheckForm, form: Form, batch: BatchFacts | None) -> _Subject:
    """Raises `ApiError`."""
    if fields.control is None and form.files:
        part = form.files[0]
        most = call.services.settings.max_control_bytes
        if part.incoming.size > most:
            message = (
                f"file (the first is the control file) has more than {most} bytes"
                " (ACCESSION_MAX_CONTROL_BYTES). Send control=DIGEST to check data with a saved one."
            )
            raise refusal(413, "too-large", message, "file")
        parsed = await run_sync(parse_control, await control_bytes(part))
        return _Subject(parsed, part.digest, part)
    if fields.control is not None:
        digest = await control_digest(call, fields.control)
    elif batch is not None:
        digest = batch.control_digest
    else:
        message = "There is no control file: send it as the first file (-F file=@control.json), or control."
        raise bad_parameter("control", message, "parameter-missing")
    try:
        data = await run_sync(lambda: b"".join(call.services.blobs.open_range(digest)))
    except BlobMissingError:
        raise refusal(404, "control-unknown", f"Control file not found: {digest}", "control") from None
    return _Subject(await run_sync(parse_control, data), digest)


def _parse_problems(parsed: ParsedControl) -> list[Found]:
    problems = [Found(f"control-{one.code}", str(one), one.pointer) for one in parsed.problems]
    if parsed.control is not None and not problems:
        problems = [Found("control-not-offered", line) for line in not_offered(parsed.control)]
    return problems


def _unusable(target: str | None, problems: Sequence[Found], parsed: ParsedControl) -> ControlCheck:
    """Nobody needs to be asked about a control file that cannot be used at all."""
    warnings = tuple(Found(f"control-{one.code}", str(one), one.pointer) for one in parsed.warnings)
    return ControlCheck(
        ok=False,
        target=target,
        resolved=False,
        problem_count=len(problems),
        warning_count=len(warnings),
        problems=tuple(problems),
        warnings=warnings,
    )


def _answer(call: Call, check: ControlCheck) -> Response:
    return call.answer(check_text(check), check)


def _target(call: Call, named: str | None, of_control: str | None) -> str | None:
    """The target that a batch would be for; None only where nothing names one. Raises `ApiError`."""
    if named or of_control or call.key.target or call.services.settings.only_target:
        return target_for(call, named, of_control)
    return None


async def _data(
    call: Call, batch: BatchFacts | None, pairs: Sequence[tuple[str, FilePart | TextPart]]
) -> tuple[NamedBytes, ...]:
    if batch is not None:
        held = await call.db.run(batch_files, batch.id)
        return tuple(NamedBytes(file.name, file.digest) for file in held if not is_list(file.name))
    return tuple(NamedBytes(file.name, file.digest) for file in await take_data(call, pairs))


async def take_data(call: Call, pairs: Sequence[Pair]) -> list[FileStored]:
    """Keep bytes that no batch has yet, durably. Raises `ApiError`."""
    files = await take_pairs(call, pairs)
    brought = {
        Digest(file.digest): file.size
        for file, (_, part) in zip(files, pairs, strict=True)
        if isinstance(part, FilePart)
    }
    await save_brought(call, brought)
    return files


async def save_brought(call: Call, brought: Mapping[Digest, int]) -> None:
    await call.db.run(save_uploads, call.key, brought)
    await run_sync(require_standing, call.services.blobs, brought)


async def _keep(call: Call, subject: _Subject) -> Digest:
    """A worker reads the control file from the store."""
    if subject.part is not None:
        stored = await call.db.run(keep, subject.part.incoming)
        await save_brought(call, {stored.digest: stored.size})
    return subject.digest


# --- a new one ------------------------------------------------------------------------------------


async def post_control_new(call: Call) -> Response:
    async with form_with_files(call, call.services.form_limits) as form:
        fields = call.fields(NewForm, form, also=("file",))
        target = _target(call, fields.target, None)
        if fields.template is not None and target is None:
            raise bad_parameter(
                "target", "target is missing: a template is one of a target.", "parameter-missing"
            )
        data = await _one_file(call, fields, form)
        if data is None and fields.template is None:
            message = "There is nothing to start from: send a data file (-F file=@FILE), or name a template."
            raise bad_parameter("file", message, "parameter-missing")
        asked = NewAsked(data, fields.template, fields.reader, target_wanted=fields.target is not None)
        task = await ask_worker(call, "control-new", target=target, arguments=asked)
    return await answer_task(call, task, fields.wait)


async def _one_file(call: Call, fields: NewForm, form: Form) -> NamedBytes | None:
    """Raises `ApiError`."""
    contents = [part for part in form.parts if part.name in ("file", "digest")]
    if len(contents) > 1:
        message = f"There are {len(contents)} file or digest; send one data file."
        raise bad_parameter("file", message, "parameter-repeated")
    if not contents:
        return None
    part = contents[0]
    sent_as = PurePath(part.filename.replace("\\", "/")).name if isinstance(part, FilePart) else ""
    name = file_name(fields.name or sent_as or "data")
    (file,) = await take_pairs(call, [(name, part)])
    if isinstance(part, FilePart):
        await save_brought(call, {Digest(file.digest): file.size})
    return NamedBytes(name, file.digest)


OPERATIONS = (
    Operation(
        method="POST",
        path=f"{PREFIX}/control/check",
        handler=post_control_check,
        summary="Check a control file against its target and the first rows of its data; nothing is written",
        scope="upload",
        form=CheckForm,
        files=("file",),
        answers={
            200: Answer(
                "What was found; also when it was problems.",
                "OK or PROBLEMS and their number on the first line, then problems, rows, and a verdict.",
                ControlCheck,
            ),
            202: pending_answer(),
        },
        errors=(400, 404, 410, 413, 415, 502),
    ),
    Operation(
        method="POST",
        path=f"{PREFIX}/control/new",
        handler=post_control_new,
        summary="Make a control file to go on from: from a data file, a template of the target, or both",
        scope="upload",
        form=NewForm,
        files=("file",),
        answers={
            200: Answer(
                "A control file; what it is not sure of is a TODO.", "The JSON document.", NewControl
            ),
            202: pending_answer(),
        },
        errors=(400, 404, 410, 413, 415, 502),
    ),
)
