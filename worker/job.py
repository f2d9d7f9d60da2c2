"""One run, from claim to final state."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from functools import partial

import anyio.to_thread

from service.control.model import Control
from service.settings import Settings, TargetSettings
from service.store import batches, logs, runs
from service.store.blobs import BlobStore
from service.store.database import Database, StoreUnavailableError
from service.store.runs import Claim, FenceLostError, OpenStraysError, RunFacts
from service.store.states import Ending
from service.store.summary import summary
from worker.applying.executor import Executor
from worker.applying.outage import Outage
from worker.applying.preparing import Preparer, Prepares, Ways
from worker.applying.strays import settle_strays
from worker.applying.undo_prepare import UndoPreparer
from worker.context import RunContext, RunLog, Stop, StoppedError
from worker.errors import AccessionError, Fatal
from worker.failed_rows import keep_failed_rows
from worker.heartbeat import beating
from worker.limiters import Limiters
from worker.plan_stage import Work, plan_import, plan_undo
from worker.preflight import preflight, prove, read_control
from worker.targets.base import Adapter
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
    stops: dict[str, Stop] = field(default_factory=dict)
    """The runs that it carries out now."""


async def carry_out_run(shop: Workshop, run_id: str) -> None:
    """Claim the run and carry it out; leave at once if it has ended or is another's."""
    lease_ms = int(shop.settings.lease * 1000)
    began = time.monotonic()
    claim = await shop.db.run(runs.claim_run, run_id, shop.name, lease_ms)
    if claim is None:
        return
    stop = Stop()
    shop.stops[run_id] = stop
    try:
        await _hold(shop, claim, stop, began + shop.settings.lease)
    except FenceLostError:
        logger.warning("run %s belongs to another worker now", run_id)
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
    finally:
        del shop.stops[run_id]


async def _hold(shop: Workshop, claim: Claim, stop: Stop, until: float) -> None:
    facts = await shop.db.run(runs.run_facts, claim.run_id)
    assert facts is not None, "a claimed run exists"
    batch = await shop.db.run(batches.batch_facts, facts.batch_id)
    log = RunLog(claim.run_id, await shop.db.run(logs.last_seq, claim.run_id))
    context = RunContext(shop.db, claim, batch.target, log, stop, batch.id)
    context.held_until = until
    try:
        async with beating(context, shop.settings.lease):
            ending, failure = await _attempt(shop, context, facts, batch)
            if ending is None:
                await anyio.to_thread.run_sync(context.flush)
                await _release(shop, claim)
            else:
                await _end(shop, context, batch, ending, failure)
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
        match context.stop.reason:
            case "cancel":
                context.log.say("warning", "cancelled", "Cancelled by a person. What was written stands.")
                return "cancelled", None
            case "shutdown":
                context.log.say("info", "interrupted", "The worker is being stopped; the run goes on later.")
                return None, None
            case "pause":
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
    context.check()
    control, _ = await read_control(shop.blobs, batch.control_digest)
    adapter, settings = _target(shop, context, batch.target)
    outage = Outage(context, lambda: shop.settings.outage)
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
            await plan_import(work, resolver, corrects=batch.corrects, chunk=shop.settings.chunk)
    if facts.mode != "dry-run" and not facts.options.dry_run:
        preparing = partial(_preparer, context, facts, control)
        await Executor(context, adapter, shop.settings, settings.connections, preparing).run()


def _target(shop: Workshop, context: RunContext, name: str) -> tuple[Adapter, TargetSettings]:
    settings = shop.settings.targets.get(name)
    if settings is None:
        known = ", ".join(sorted(shop.settings.targets)) or "none"
        raise Fatal("target-unknown", f"The target {name!r} is not in the settings; configured: {known}.")
    adapter = make_adapter(name, settings, shop.limiters.of(name, settings.connections))
    context.adapter = adapter
    return adapter, settings


def _preparer(context: RunContext, facts: RunFacts, control: Control, outage: Outage) -> Prepares:
    assert context.adapter is not None, "the target is connected first"
    if facts.mode == "undo":
        return UndoPreparer(context, context.adapter, outage)
    ways = Ways(control.on_conflict, exactly=facts.options.plan is not None)
    return Preparer(context, context.adapter, outage, ways)


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
            assert context.adapter is not None, "strays come from a target"
            outage = Outage(context, lambda: shop.settings.outage)
            control, _ = await read_control(shop.blobs, batch.control_digest)
            preparer = _preparer(context, facts, control, outage)
            await settle_strays(context, context.adapter, preparer)
            await keep_failed_rows(context, shop.blobs, facts, batch)
        else:
            return


async def _release(shop: Workshop, claim: Claim, *, waits_for: str | None = None) -> None:
    rest = int(shop.settings.lease * 1000 / 3) if waits_for else 0
    try:
        await shop.db.run(runs.release_run, claim, waits_for=waits_for, rest_ms=rest)
    except StoreUnavailableError:
        logger.warning("run %s could not be given back; its lease runs out", claim.run_id)
