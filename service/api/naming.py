"""What may be named in a request: batches, targets, files."""

from __future__ import annotations

import unicodedata

from service.api.context import Call
from service.control.model import Control, SiteReader
from service.errors import ApiError, bad_parameter, refusal, shown
from service.store.batches import BatchFacts, BatchMissingError, batch_facts
from service.store.removed import batch_words

MOST_NAME = 255


async def the_batch(call: Call, batch_id: str, parameter: str | None = None) -> BatchFacts:
    """The batch, if the key may see it. Raises `ApiError` 404, or 400 for what can be no identifier."""
    if parameter is not None and (batch_id.strip() == "" or len(batch_id) > 64 or not batch_id.isascii()):
        raise not_captured(parameter, "a batch identifier", batch_id)
    try:
        return await call.db.run(batch_facts, batch_id, call.key)
    except BatchMissingError:
        raise batch_not_found(batch_id, parameter) from None


async def place_of(call: Call, before: str | None) -> tuple[int, str] | None:
    """Where a list of batches, newest first, goes on behind this one. Raises as `the_batch`."""
    if before is None:
        return None
    marker = await the_batch(call, before)
    return marker.created_at, marker.id


async def refuse_removed(call: Call, batch: BatchFacts, *, may_be_reduced: bool = False) -> None:
    """Raises `ApiError` 410 when what the batch was made of is kept no longer.

    `may_be_reduced`: what its undo needs is enough.
    """
    found = await call.db.run(batch_words, batch.id)
    if found is not None and not (may_be_reduced and found[0] == "reduced"):
        raise batch_removed(found[1])


def batch_removed(words: str) -> ApiError:
    return refusal(410, "removed", f"batch: {words} Make a new batch.", "batch")


async def require_records(call: Call, batch: BatchFacts) -> None:
    """Raises `ApiError` 410 when what became of the batch's records is kept no longer."""
    found = await call.db.run(batch_words, batch.id)
    if found is not None:
        raise refusal(410, "removed", f"{found[1]} States and counts: GET batch/{batch.id}")


def batch_not_found(batch_id: str, parameter: str | None = None) -> ApiError:
    return refusal(404, "batch-unknown", f"Batch not found: {shown(batch_id)[1:-1]}", parameter)


def not_captured(parameter: str, what: str, value: str) -> ApiError:
    """A value that an earlier call should have printed, and did not: `curl -s` hides failures."""
    if value.strip() == "":
        message = (
            f"{parameter} is empty, not {what}; the call before it probably failed (curl -s hides errors)."
        )
    else:
        message = f"{parameter} is not {what}; the first call probably failed. It begins: {shown(value)}"
    return bad_parameter(parameter, message)


def file_name(raw: str) -> str:
    """A logical file name in its normal form. Raises `ApiError` 400."""
    name = unicodedata.normalize("NFC", raw)
    if not 1 <= len(name) <= MOST_NAME:
        raise bad_parameter("name", f"name has {len(name)} characters; 1 to {MOST_NAME} are possible.")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise bad_parameter("name", f"name {shown(name)} holds a control character. Use a name without.")
    if ".." in name.replace("\\", "/").split("/"):
        raise bad_parameter("name", f"name {shown(name)} holds the segment “..”. Use a name without.")
    return name


def target_for(call: Call, wanted: str | None, of_control: str | None) -> str:
    """The target of a new batch: that asked for, else the control file's, else the key's, else the default.

    Raises `ApiError` 400 for one that is not configured, 403 for one that the key may not use.
    """
    settings, key = call.services.settings, call.key
    target = wanted or of_control or key.target or settings.only_target
    known = ", ".join(sorted(name for name in settings.targets if key.may_see(name))) or "none"
    if target is None:
        raise bad_parameter(
            "target",
            f"target is missing: neither the control file nor the settings name one. Configured: {known}.",
        )
    if not key.may_see(target):
        raise refusal(403, "target-forbidden", f"This key may use the target {key.target} only.", "target")
    if target not in settings.targets:
        whose = "" if wanted else " (named by the control file)" if of_control else " (of this key)"
        raise refusal(
            400,
            "target-unknown",
            f"target {shown(target)}{whose} is not configured. Configured: {known}.",
            "target",
        )
    return target


def require_sources(call: Call, control: Control, target: str) -> None:
    """Raises `ApiError` for a source that the control file reads: 400 where it is not configured or is of
    another kind, 403 where it may not be read into this target."""
    configured = call.services.settings.sources
    for spec in control.files:
        reader = spec.reader
        if not isinstance(reader, SiteReader):
            continue
        name, known = shown(reader.source), ", ".join(sorted(configured)) or "none"
        found = configured.get(reader.source)
        if found is None:
            message = f"control: the source {name} is not configured. Configured: {known}."
            raise refusal(400, "source-unknown", message, "control")
        if found.kind != reader.kind:
            message = f'control: the source {name} is an {found.kind}: read it with "read": "{found.kind}".'
            raise refusal(400, "source-unknown", message, "control")
        if found.targets and target not in found.targets:
            message = f"control: the source {name} may not be read into the target {shown(target)}."
            raise refusal(403, "source-forbidden", message, "control")
