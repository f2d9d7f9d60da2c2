"""One run, from claim to final state."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio.to_thread

from service.control.model import Control
from service.settings import Settings, TargetSettings
from service.store import batches, journal, logs, runs, unsettled
from service.store.blobs import BlobStore
from service.store.database import Database, StoreUnavailableError
from service.store.runs import Claim, FenceLostError, OpenStraysError, RunFacts
from service.store.scopes import next_runs
from service.store.states import Ending
from service.store.summary import summary
from worker.applying.arrivals import Arrivals
from worker.applying.assembling import Tools, import_preparer
from worker.applying.executor import Executor
from worker.applying.outage import Outage
from worker.applying.prepared import Prepares, Ways
from worker.applying.settling import Settling
from worker.applying.strays import settle_strays
from worker.applying.undo_prepare import UndoPreparer
from worker.attachments.contents import Contents
from worker.context import RunContext, RunLog
from worker.errors import AccessionError, Fatal
from worker.failed_rows import keep_failed_rows
from worker.heartbeat import beating
from worker.limiters import Limiters
from worker.plan_stage import Work, plan_import, plan_undo
from worker.preflight import preflight, prove, read_control
from worker.sampling import Sampler
from worker.sources.beginning import read_sources
from worker.stopping import Stop, StoppedError, StopReason
from worker.targets.base import Adapter
from worker.targets.http import Caller
from worker.targets.limits import Limiter
from worker.targets.registry import make_adapter

logger = logging.getLogger(__name__)


@dataclass
class Workshop:
    """What a worker process has, shared by its jobs."""

    settings: Settings
    db: Database
    blobs: BlobStore
    limiters: Limiters
    name: str
    """Of this process: owner of the leases that it holds."""
    stops: dict[Claim, Stop] = field(default_factory=dict)
    """The runs that it carries out now, and those that it has lost and not left yet."""
    ring: Callable[[str], Awaitable[None]] | None = None
    """Tells all workers of a run that may be claimed; without it their sweepers find it."""


async def carry_out_run(shop: Workshop, run_id: str) -> None:
    """Claim the run and carry it out, or find out what it left; leave at once if it is another's, or is to
    wait."""
    # Whoever pauses a run may resume or cancel it before it was given back: nobody else heard that ring.
    while await _carried_out(shop, run_id) == "pause":
        pass


async def _carried_out(shop: Workshop, run_id: str) -> StopReason | None:
    """Why it was left off, if it was."""
    lease_ms = int(shop.settings.lease * 1000)
    began = time.monotonic()
    claim = await shop.db.run(runs.claim_run, run_id, shop.name, lease_ms)
    if claim is None:
        claim = await shop.db.run(unsettled.claim_unsettled, run_id, shop.name, lease_ms)
    if claim is None:
        return None
    stop = Stop()
    shop.stops[claim] = stop
    try:
        await _hold_or_leave(shop, claim, stop, began + shop.settings.lease)
        if stop.reason == "shutdown" and shop.ring is not None:
            await shop.ring(run_id)  # another worker goes on at once, not at its next sweep
    finally:
        del shop.stops[claim]
    return stop.reason


async def _hold_or_leave(shop: Workshop, claim: Claim, stop: Stop, until: float) -> None:
    """Whatever comes, the run is ended, given back, or another's."""
    run_id = claim.run_id
    try:
        await _hold(shop, claim, stop, until)
    except FenceLostError:
        logger.warning("run %s belongs to another worker now", run_id)
    except StoppedError:
        # Told to stop while ending the run, before it was certain whose it is: whoever has it ends it.
        await _release(shop, claim)
    except StoreUnavailableError as error:
        # The lease runs out (or the release below succeeds), and a worker takes the run up again.
        logger.warning("run %s left off: %s", run_id, error)
        await _release(shop, claim, waits_for=str(error))
    except OSError as error:
        logger.warning("run %s left off: the disk fails", run_id, exc_info=error)
        text = f"A file on the worker's machine cannot be read or written: {os.strerror(error.errno or 0)}."
        await _release(shop, claim, waits_for=text)
    except AccessionError as error:
        # The run is done but for its last word, which the target kept from us: the sweeper rings again.
        logger.warning("run %s could not be ended yet: %s", run_id, error.message)
        await _release(shop, claim)


async def _hold(shop: Workshop, claim: Claim, stop: Stop, until: float) -> None:
    facts = await shop.db.run(runs.run_facts, claim.run_id)
    assert facts is not None, "a claimed run exists"
    batch = await shop.db.run(batches.batch_facts, facts.batch_id)
    log = RunLog(claim.run_id, await shop.db.run(logs.last_seq, claim.run_id))
    context = RunContext(shop.db, claim, batch.target, log, stop, batch.id)
    context.held_until = until
    if facts.cancel_requested and not claim.ended:
        stop.set("cancel")
    try:
        # What is only found out after its end is no part of the run's charts.
        sampler = None if claim.ended else Sampler(context, shop.settings.sample)
        async with beating(context, shop.settings.lease, sampler):
            if claim.ended:
                await _settle(shop, context, facts, batch)
                await _ring_for_the_next(shop, claim)
                return
            ending, failure = await _attempt(shop, context, facts, batch)
            if ending is None:
                await anyio.to_thread.run_sync(context.flush)
                await _release(shop, claim)
            else:
                await _end(shop, context, batch, ending, failure)
                await _ring_for_the_next(shop, claim)
    finally:
        if context.adapter is not None:
            await context.adapter.close()


async def _attempt(
    shop: Workshop, context: RunContext, facts: RunFacts, batch: batches.BatchFacts
) -> tuple[Ending | None, AccessionError | None]:
    """Carry the run out as far as it goes. No ending: another worker (or this one, later) goes on."""
    try:
        await _stages(shop, context, facts, batch)
    except StoppedError:
        context.stop.heard()
        match context.stop.reason:
            case "cancel":
                context.log.say("warning", "cancelled", "Cancelled by a person. What was written stands.")
                return "cancelled", None
            case "shutdown":
                context.log.say("info", "interrupted", "The worker is being stopped; the run goes on later.")
                return None, None
            case "pause":
                context.log.say("info", "paused", "Paused by a person; the run goes on when it is resumed.")
                return None, None
            case _:
                raise FenceLostError(context.claim.run_id) from None
    except AccessionError as error:
        context.log.say("error", error.code, error.message)
        return "failed", error
    except (FenceLostError, StoreUnavailableError):
        raise
    except OSError as error:
        if error.errno is None:
            return _fault(context, error)
        raise  # of this machine's disk: what a target does to us has errors of its own
    except Exception as error:
        return _fault(context, error)
    return "finished", None


def _fault(context: RunContext, error: Exception) -> tuple[Ending, AccessionError]:
    """A fault of ours: the person gets a sentence, the process log gets the trace."""
    logger.error("run %s failed unexpectedly", context.claim.run_id, exc_info=error)
    text = f"An error of this program ended the run ({type(error).__name__}). Its process log says more."
    context.log.say("error", "internal-error", text)
    return "failed", Fatal("internal-error", text)


async def _stages(shop: Workshop, context: RunContext, facts: RunFacts, batch: batches.BatchFacts) -> None:
    """The way of a run: control file, preflight, plan, apply."""
    verb = "Going on with" if facts.counts else "Starting"
    context.log.say("info", "started", f"{verb} {facts.mode} into {batch.target}.")
    control, _ = await read_control(shop.blobs, batch.control_digest)
    context.check()
    adapter, settings, outage = await _target(shop, context, batch.target)
    await _prove(shop, context, adapter, outage)
    work = Work(context, facts, control, adapter, outage, shop.blobs)
    if facts.mode == "undo":
        if facts.phase == "plan":
            await plan_undo(work)
    else:
        # Names are asked for in either phase: writing needs their numbers too.
        found = await outage.patiently(lambda: preflight(control, adapter))
        resolver = found.require()
        if facts.phase == "plan":
            await read_sources(context, shop.settings, shop.blobs, control)
            await plan_import(work, resolver, corrects=batch.corrects, chunk=shop.settings.chunk)
    if facts.mode != "dry-run" and not facts.options.dry_run:
        preparer = _preparer(shop, context, facts, control, outage)
        await Executor(context, adapter, shop.settings, settings, outage, preparer).run()
        if facts.mode != "undo":
            await Arrivals(context, adapter, outage, preparer).conclude()


async def _target(shop: Workshop, context: RunContext, name: str) -> tuple[Adapter, TargetSettings, Outage]:
    settings = shop.settings.targets.get(name)
    if settings is None:
        known = ", ".join(sorted(shop.settings.targets)) or "none"
        raise Fatal("target-unknown", f"The target {name!r} is not in the settings; configured: {known}.")
    limiter = context.limiter = shop.limiters.of(name, settings)
    outage = await _outage(shop, context, limiter)
    caller = Caller(outage.pause, tenure=context, stop=context.stop)
    adapter = make_adapter(name, settings, limiter, None, caller, Contents(shop.blobs))
    context.adapter = adapter
    return adapter, settings, outage


async def _outage(shop: Workshop, context: RunContext, limiter: Limiter) -> Outage:
    wrote = await shop.db.run(journal.has_written, context.claim.run_id)
    return Outage(context, shop.settings, limiter, wrote=wrote)


def _preparer(
    shop: Workshop, context: RunContext, facts: RunFacts, control: Control, outage: Outage
) -> Prepares:
    assert context.adapter is not None, "the target is connected first"
    if facts.mode == "undo":
        return UndoPreparer(context, context.adapter, outage)
    ways = Ways(control.on_conflict, exactly=facts.options.plan is not None)
    target = shop.settings.targets[context.target]
    tools = Tools(context, context.adapter, outage, shop.blobs, shop.settings, target)
    return import_preparer(tools, ways)


async def _prove(shop: Workshop, context: RunContext, adapter: Adapter, outage: Outage) -> None:
    """Prove address and key."""
    settings = shop.settings.targets[context.target]
    site = await prove(shop.db, context.target, settings, lambda: outage.patiently(adapter.prove))
    context.log.say("info", "preflight", f"{site.address} answers: version {site.version}.")


async def _end(
    shop: Workshop,
    context: RunContext,
    batch: batches.BatchFacts,
    ending: Ending,
    failure: AccessionError | None,
) -> None:
    await anyio.to_thread.run_sync(context.flush)
    facts = await shop.db.run(runs.run_facts, context.claim.run_id)
    assert facts is not None
    try:
        await keep_failed_rows(context, shop.blobs, facts, batch)
    except StoppedError:
        # All else is done; whoever takes the run up next does this, and ends it.
        await _release(shop, context.claim)
        return
    if ending != "failed":
        context.log.say("info", "summary", summary(facts))
    else:
        context.log.say("error", "summary", f"The run failed. {summary(facts, planned=False)}")
    await anyio.to_thread.run_sync(context.flush)
    code, reason = (failure.code, failure.message) if failure else (None, None)
    while True:
        try:
            await shop.db.run(runs.end_run, context.claim, ending, code, reason)
        except OpenStraysError:
            assert context.adapter is not None, "a run that came to its end has been at its target"
            settings = shop.settings.targets[context.target]
            outage = await _outage(shop, context, shop.limiters.of(context.target, settings))
            control, _ = await read_control(shop.blobs, batch.control_digest)
            preparer = _preparer(shop, context, facts, control, outage)
            await settle_strays(context, context.adapter, preparer)
            await keep_failed_rows(context, shop.blobs, facts, batch)
        else:
            return


async def _settle(shop: Workshop, context: RunContext, facts: RunFacts, batch: batches.BatchFacts) -> None:
    """Find out what an ended run left. Where the target does not tell, it is tried again later."""
    claim, rest = context.claim, 3 * shop.settings.sweep
    try:
        control, _ = await read_control(shop.blobs, batch.control_digest)
        adapter, settings, outage = await _target(shop, context, batch.target)
        await prove(shop.db, batch.target, settings, adapter.prove)
        if facts.mode != "undo":
            (await preflight(control, adapter)).require()
        preparer = _preparer(shop, context, facts, control, outage)
        await Settling(context, adapter, preparer, shop.settings.look_again, settings.timeout).run()
        await anyio.to_thread.run_sync(context.flush)
        await shop.db.run(unsettled.settled, claim)
    except (StoppedError, OpenStraysError):
        await shop.db.run(unsettled.look_later, claim, 0)
    except AccessionError as error:
        logger.warning("what run %s left cannot be found out yet: %s", claim.run_id, error)
        await shop.db.run(unsettled.look_later, claim, int(rest * 1000))


async def _ring_for_the_next(shop: Workshop, claim: Claim) -> None:
    """Those that waited for a scope of this run may go on."""
    if shop.ring is None:
        return
    for run_id in await shop.db.run(next_runs, claim.run_id):
        await shop.ring(run_id)


async def _release(shop: Workshop, claim: Claim, *, waits_for: str | None = None) -> None:
    rest = int(shop.settings.lease * 1000 / 3) if waits_for else 0
    try:
        await shop.db.run(runs.release_run, claim, waits_for=waits_for, rest_ms=rest)
    except StoreUnavailableError:
        logger.warning("run %s could not be given back; its lease runs out", claim.run_id)
