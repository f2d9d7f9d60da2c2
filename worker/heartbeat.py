"""The heartbeat of a run: keeps its lease, hears what people wish, and lets the log be seen."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread

from service.store import runs
from service.store.database import StoreUnavailableError
from service.store.runs import FenceLostError
from worker.cancelling import end_tasks
from worker.context import RunContext
from worker.sampling import Sampler

logger = logging.getLogger(__name__)


@asynccontextmanager
async def beating(context: RunContext, lease: float, sampler: Sampler | None = None) -> AsyncIterator[None]:
    """Renew the lease (seconds) several times within its length, as long as the block lasts."""
    task = asyncio.create_task(_beat(context, lease, sampler))
    try:
        yield
    finally:
        await end_tasks(task)


async def _beat(context: RunContext, lease: float, sampler: Sampler | None) -> None:
    # Often enough that a cancel is heard within a second, and that two missed beats cost nothing.
    pause = min(lease / 5, 0.5)
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        try:
            wishes = await context.db.run(runs.renew_lease, context.claim, int(lease * 1000))
            context.held_until = began + lease
            await anyio.to_thread.run_sync(context.flush)
            if sampler is not None and sampler.due:
                await anyio.to_thread.run_sync(sampler.take)
        except FenceLostError:
            context.stop.set("lost")
            return
        except StoreUnavailableError:
            # The fence decides, not this beat: should the lease run out meanwhile and another worker
            # claim the run, the next journal transaction is refused.
            logger.warning("no heartbeat for run %s: the database cannot be used", context.claim.run_id)
            continue
        if wishes.cancel:
            context.stop.set("cancel")
        elif wishes.pause:
            context.stop.set("pause")
