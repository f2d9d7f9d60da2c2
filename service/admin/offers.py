"""What can be done with a batch as it stands: exactly what the API would not refuse."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from service.admin.batch_head import BatchHead
from service.admin.site import Visit
from service.api.schedule import refuse
from service.errors import ApiError
from service.store.batches import FileFacts, inputs_digest
from service.store.runs import RunFacts, RunOptions
from service.store.states import RunMode

Deed = Literal["dry-run", "import", "retry", "undo-plan", "undo", "pause", "resume", "cancel"]
_MODES: tuple[tuple[Deed, RunMode], ...] = (
    ("dry-run", "dry-run"),
    ("import", "import"),
    ("retry", "retry"),
    ("undo-plan", "undo"),
)
_TOLD = frozenset({"file-missing", "removed", "dry-run-first", "batch-applied"})
"""Refusals that a person can do something about; the others mean that there is nothing to do."""


class Offers(Struct, frozen=True):
    """`deeds`: what can be done; `why_not`: why the obvious cannot."""

    deeds: tuple[Deed, ...]
    why_not: tuple[str, ...] = ()


async def offers(visit: Visit, head: BatchHead, files: list[FileFacts]) -> Offers:
    assert visit.maybe_key is not None, "pages of a batch need a key"
    if "schedule" not in visit.maybe_key.scopes:
        return Offers((), ("The key that you signed in with may only look (it lacks the scope schedule).",))
    if head.active is not None:
        return Offers(_steering(head.active))
    deeds: list[Deed] = []
    why_not: dict[str, None] = {}
    for deed, mode in _MODES:
        try:
            await refuse(visit, head.batch, files, mode, RunOptions())
        except ApiError as error:
            told = [problem.message for problem in error.problems if problem.code in _TOLD]
            if mode in ("dry-run", "import"):
                why_not |= dict.fromkeys(map(_said, told))
        else:
            deeds.append(deed)
    if "undo-plan" in deeds and undo_shown(head) is not None:
        deeds.append("undo")
    return Offers(tuple(deeds), tuple(why_not))


async def may_retry(visit: Visit, head: BatchHead, files: list[FileFacts]) -> bool:
    """Whether what failed can be tried again now."""
    assert visit.maybe_key is not None, "pages of a batch need a key"
    if head.active is not None or "schedule" not in visit.maybe_key.scopes:
        return False
    try:
        await refuse(visit, head.batch, files, "retry", RunOptions())
    except ApiError:
        return False
    return True


def _steering(run: RunFacts) -> tuple[Deed, ...]:
    if run.cancel_requested:
        return ()
    return ("resume" if run.pause_requested else "pause", "cancel")


def _said(message: str) -> str:
    """Without the name of the parameter that it was about."""
    return message.removeprefix("batch: ").removeprefix("mode: ")


def undo_shown(head: BatchHead) -> RunFacts | None:
    """The plan of an undo that was just made, so that it can be looked at before anything is taken back."""
    newest = head.runs[0] if head.runs else None
    if (
        newest is not None
        and newest.mode == "undo"
        and newest.options.dry_run
        and newest.ending == "finished"
    ):
        return newest
    return None


def dry_run_shown(head: BatchHead, files: list[FileFacts]) -> RunFacts | None:
    """The newest finished dry run of just these data."""
    digest = inputs_digest(head.batch.control_digest, files)
    found = (run for run in head.runs if run.mode == "dry-run" and run.ending == "finished")
    return next((run for run in found if run.inputs_digest == digest), None)
