"""What can be done with a plan as it stands, what is to be known of it first, and why there may be none."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from service.admin.batch_head import BatchHead
from service.admin.offers import offers, undo_shown
from service.admin.progress import title
from service.admin.site import Visit
from service.admin.words import when
from service.api.schedule import refuse
from service.errors import ApiError
from service.store.batches import FileFacts, inputs_digest
from service.store.removed import run_words
from service.store.retention import GONE_PHASES
from service.store.runs import RunFacts, RunOptions
from service.store.states import ACTIVE, RunMode

MOST_WORDS = 10
"""Words of what was asked for that are repeated."""
_WRITING = ("update", "create", "delete", "unpublish")


class PlanOffer(Struct, frozen=True):
    """`deed`: what carries the plan out; "" for nothing. `facts`: whose plan it is; `warnings`: why it may
    not be what an import would do now."""

    deed: Literal["", "import", "undo"]
    facts: tuple[str, ...]
    warnings: tuple[str, ...] = ()


async def plan_offer(visit: Visit, head: BatchHead, files: list[FileFacts], run: RunFacts) -> PlanOffer:
    facts, warnings = _facts(run), []
    previews = run.mode == "dry-run" or run.options.dry_run
    if not previews:
        return PlanOffer("", (*facts, *_followed(head, run)))
    if run.mode == "dry-run" and run.inputs_digest != inputs_digest(head.batch.control_digest, files):
        warnings.append(
            "The batch has other files by now than when this plan was made. Make another dry run and look at"
            " that."
        )
    since = _written_since(head, run)
    if since is not None:
        warnings.append(
            f"{title(since)} of {when(since.started_at)} has come after this plan: what stands in"
            f" {head.batch.target} may be otherwise by now. Make another dry run to see what would change."
        )
    if run.ending not in ("finished", None):
        warnings.append("This run did not come to its end: it may not be carried out.")
    if not any(run.counts.get(f"action:{action}") for action in _WRITING):
        facts.append("Nothing is to be written.")
        return PlanOffer("", tuple(facts), tuple(warnings))
    possible = not warnings and await _possible(visit, head, files, run)
    deed: Literal["import", "undo"] = "undo" if run.mode == "undo" else "import"
    return PlanOffer(deed if possible else "", tuple(facts), tuple(warnings))


def _facts(run: RunFacts) -> list[str]:
    facts = []
    if run.options.only:
        more = len(run.options.only) - MOST_WORDS
        words = ", ".join(run.options.only[:MOST_WORDS]) + (f" and {more} more" if more > 0 else "")
        facts.append(f"It is about some records only: {words}.")
    if run.options.limit is not None:
        facts.append(f"It is about the first {run.options.limit:,} of the records only.")
    return facts


def _followed(head: BatchHead, run: RunFacts) -> list[str]:
    shown = next((one for one in head.runs if one.id == run.options.plan), None)
    if shown is None:
        return []
    return [f"It follows exactly the plan of the dry run of {when(shown.planned_at)}."]


def _written_since(head: BatchHead, run: RunFacts) -> RunFacts | None:
    """The newest run after this one that may have written."""
    writing = (one for one in head.runs if one.mode != "dry-run" and not one.options.dry_run)
    return next((one for one in writing if one.id > run.id and one.started_at is not None), None)


async def _possible(visit: Visit, head: BatchHead, files: list[FileFacts], run: RunFacts) -> bool:
    """Whether the API would not refuse to carry it out."""
    assert visit.maybe_key is not None, "pages of a batch need a key"
    if "schedule" not in visit.maybe_key.scopes or head.active is not None:
        return False
    mode: RunMode = "undo" if run.mode == "undo" else "import"
    if mode == "undo" and undo_shown(head) != run:
        return False
    options = RunOptions() if mode == "undo" else RunOptions(plan=run.id)
    try:
        await refuse(visit, head.batch, files, mode, options)
    except ApiError:
        return False
    return True


# --- where there is none ------------------------------------------------------------------------


class NoPlan(Struct, frozen=True):
    """Why there is no plan to be seen, and what can be done. `dry_run`: make one; `waits`: it is made."""

    text: str
    dry_run: bool = False
    waits: bool = False


async def why_none(visit: Visit, head: BatchHead, files: list[FileFacts], run: RunFacts | None) -> NoPlan:
    """`run`: the one whose plan was asked for, if one was, or the newest that had one."""
    allowed = await offers(visit, head, files)
    dry_run = "dry-run" in allowed.deeds
    if run is not None and run.phase in GONE_PHASES:
        return NoPlan(await visit.db.run(run_words, run.id) or "The plan is kept no longer.", dry_run)
    newest = run if run is not None else (head.runs[0] if head.runs else None)
    if newest is not None and newest.state in ACTIVE:
        return NoPlan("The plan is being made. It can be seen here once it is complete.", waits=True)
    if newest is not None:
        return NoPlan(
            f"{title(newest)} ended before its plan was complete. {newest.reason or ''}".strip(), dry_run
        )
    if dry_run:
        return NoPlan(
            "There is no plan yet. A dry run makes one: it shows, record by record, what an import would"
            f" change in {head.batch.target}, and writes nothing.",
            dry_run,
        )
    return NoPlan(" ".join(("There is no plan yet.", *allowed.why_not)))
