"""The plan of a run, made from its records, from an earlier plan, or from the journal of its batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio.to_thread

from service.control.chosen import is_list
from service.control.model import Control
from service.control.pictures import names_pictures
from service.store import batches, plans, runs, undo
from service.store.blobs import BlobMissingError, BlobStore, Digest
from service.store.database import Database, now_ms
from service.store.runs import RunFacts
from service.store.summary import summary
from worker.applying.outage import Outage
from worker.applying.undo_plan import UndoPlan
from worker.attachments.attaching import Attaching
from worker.attachments.contents import Contents
from worker.attachments.gathering import attachments_of, say_unused
from worker.context import RunContext
from worker.errors import Fatal
from worker.planning.absent import AbsentPass, check_removals
from worker.planning.choosing import say_choice, selection_of
from worker.planning.following import FollowedPlan
from worker.planning.look_ups import StoredLookUps
from worker.planning.media_pass import MediaPass
from worker.planning.merging import Merger
from worker.planning.phase import InputFile, PlanPhase, Totals, check_errors
from worker.planning.pictures import PicturePass
from worker.planning.planner import Planner
from worker.planning.reading import Representations
from worker.planning.sameness import require_same_target
from worker.planning.selection import Selection
from worker.planning.survey import Surveyor
from worker.planning.target_reads import TargetReads
from worker.planning.uploads import Uploads
from worker.planning.writing import PlanWriter
from worker.records import KINDS
from worker.targets.base import Adapter, Resolver


@dataclass(frozen=True, slots=True)
class Work:
    """One run, and everything that its plan is made with."""

    context: RunContext
    run: RunFacts
    control: Control
    adapter: Adapter
    outage: Outage
    blobs: BlobStore


async def plan_import(work: Work, resolver: Resolver, *, corrects: str | None, chunk: int) -> None:
    """The plan of an import, a retry or a dry run. `corrects`: the batch that its batch corrects; `chunk`:
    rows that are planned together."""
    context, run, control = work.context, work.run, work.control
    await anyio.to_thread.run_sync(_clear, context)
    reads = Representations(context, work.adapter, work.outage)
    surveyor = Surveyor(context, work.adapter, reads)
    surveys = await work.outage.patiently(lambda: surveyor.learn(control, force=run.options.force))
    plan = PlanWriter(context)
    look_ups = StoredLookUps(context.db, context.target, plan, surveys, reads)
    merger = Merger(work.adapter, control.on_conflict, TargetReads(work.adapter, work.outage).prepare_updates)
    absent = AbsentPass(context, control, look_ups, merger)
    if run.options.plan is not None:
        followed = FollowedPlan(context, look_ups, merger, absent, run.options.plan)
        totals = await anyio.to_thread.run_sync(followed.carry_out)
    else:
        files, selection = await _choice(work, corrects)
        rules = work.adapter.file_rules
        attachments = await anyio.to_thread.run_sync(attachments_of, control, files)
        phase = PlanPhase(
            context,
            control,
            Planner(control, resolver, look_ups, merger, rules, await _uploads(work)),
            resolver,
            chunk,
            plan,
            absent,
            selection,
            MediaPass(
                context,
                look_ups,
                merger,
                sorted({match.scope for match in control.match.values()}),
                removes=control.media_absent == "delete",
            ),
            Attaching(attachments, Contents(work.blobs), rules),
            PicturePass(context, work.adapter, wanted=names_pictures(control)),
            changes_ledger=run.mode != "dry-run",
        )
        totals = await anyio.to_thread.run_sync(phase.carry_out, files)
        if not selection.narrowed:
            say_unused(context.log, attachments)
    _check_errors(context, control, run, totals)
    await _end_plan(context)


async def _uploads(work: Work) -> Uploads | None:
    """The files of the batch, where records may name them."""
    if "asset" not in work.control.features:
        return None
    files = await work.context.db.run(batches.batch_files, work.run.batch_id)
    return Uploads({file.name: file.digest for file in files})


async def plan_undo(work: Work) -> None:
    """The plan of an undo."""
    context = work.context
    await anyio.to_thread.run_sync(_clear, context)
    _, selection = await _choice(work, None)
    await anyio.to_thread.run_sync(_require_same_target, work)
    reads = TargetReads(work.adapter, work.outage)
    plan = UndoPlan(context, work.adapter, reads, selection, force=work.run.options.force)
    await anyio.to_thread.run_sync(plan.carry_out)
    await _end_plan(context)


def _require_same_target(work: Work) -> None:
    """Numbers of another site, or of an older backup, are those of other resources there."""
    context = work.context
    reads = Representations(context, work.adapter, work.outage)
    kinds = [KINDS[one] for one in undo.kinds_changed(context.db, work.run.batch_id) if one in KINDS]
    require_same_target(context, work.adapter, reads, kinds, work.run.options.force)


async def _choice(work: Work, corrects: str | None) -> tuple[Sequence[InputFile], Selection]:
    """The files that hold records, and which of the records the run is about. (An undo reads lists only: the
    data may have been removed since.)"""
    db = work.context.db
    files = await db.run(_input_files, work.blobs, work.run.batch_id, lists_only=work.run.mode == "undo")
    lists = {file.name: file.path for file in files if is_list(file.name)}
    selection = await db.run(selection_of, work.run, corrects, lists)
    say_choice(work.context.log, work.run)
    return [file for file in files if file.name not in lists], selection


async def _end_plan(context: RunContext) -> None:
    await anyio.to_thread.run_sync(_planned, context)
    facts = await context.db.run(runs.run_facts, context.claim.run_id)
    assert facts is not None
    context.log.say("info", "planned", summary(facts, planned=True))


def _check_errors(context: RunContext, control: Control, run: RunFacts, totals: Totals) -> None:
    """Stop an import that has more errors, or would remove more, than allowed; a dry run shows all, and says
    so."""
    try:
        check_errors(run.options.max_errors, control, totals.rejected, totals.read)
        check_removals(totals.removals, control, run.options.max_removals)
    except Fatal as error:
        if run.mode != "dry-run":
            raise
        context.log.say("warning", error.code, f"{error.message} An import would stop here.")


def _clear(context: RunContext) -> None:
    """A takeover in phase one plans again: what was planned so far goes, its counts too."""
    plans.clear_plan(context.db, context.claim, check=context.check)
    with context.transaction() as connection:
        runs.clear_counts(connection, context.claim.run_id)


def _planned(context: RunContext) -> None:
    with context.transaction() as connection:
        runs.set_phase(connection, context.claim, "apply", planned_at=now_ms())


def _input_files(db: Database, blobs: BlobStore, batch_id: str, *, lists_only: bool) -> Sequence[InputFile]:
    result = []
    for file in batches.batch_files(db, batch_id):
        if lists_only and not is_list(file.name):
            continue
        try:
            path = blobs.local_path(Digest(file.digest))
        except BlobMissingError as error:
            text = f"The store no longer holds the bytes of {file.name}. Upload the file again."
            raise Fatal("blob-missing", text) from error
        result.append(InputFile(file.name, path, file.size, file.digest))
    return result
