"""The sweeper: rings again for what nobody carries out, so that the queue may lose anything."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from service.settings import JOB_RUN, JOB_TASK, VERSION
from service.store import runs, tasks, unsettled, workers
from service.store.database import StoreUnavailableError
from worker.job import Workshop

logger = logging.getLogger(__name__)

RING_WITHIN = 5.0
"""Seconds that the queue may take for one ring."""


async def sweep_for_ever(shop: Workshop, redis: ArqRedis) -> None:
    """Until cancelled. One sweep at the start: whatever happened while no worker was there is found."""
    while True:
        await _safely("sweep", lambda: sweep(shop, redis))
        await asyncio.sleep(shop.settings.sweep)


async def sweep(shop: Workshop, redis: ArqRedis) -> None:
    """Ring for every run and task that a worker should hold and none does, and for what ended runs left."""
    await shop.db.run(workers.beat, shop.name, host=socket.gethostname(), pid=os.getpid(), version=VERSION)
    await shop.db.run(tasks.give_up_tasks)
    for job, subjects in (
        (JOB_RUN, await shop.db.run(runs.unclaimed_runs)),
        (JOB_RUN, await shop.db.run(unsettled.unsettled_runs)),
        (JOB_TASK, await shop.db.run(tasks.unclaimed_tasks)),
    ):
        for subject in subjects:
            await _ring(redis, job, subject)


async def ring_run(redis: ArqRedis, run_id: str) -> None:
    """Tell all workers of a run. Never raises: what is not heard now the sweep finds."""
    await _safely("a ring", lambda: _ring(redis, JOB_RUN, run_id))


async def _ring(redis: ArqRedis, job: str, subject: str) -> None:
    # No longer than this: another sweep says that this worker lives.
    async with asyncio.timeout(RING_WITHIN):
        await redis.enqueue_job(job, subject, _job_id=f"{job}:{subject}:{secrets.token_hex(8)}")


async def _safely(what: str, call: Callable[[], Awaitable[None]]) -> None:
    try:
        await call()
    except (StoreUnavailableError, RedisError, OSError) as error:
        logger.warning("%s left off (%s); it is tried again", what, type(error).__name__)
    except Exception:
        # A fault of ours in one sweep must not be the end of all sweeps.
        logger.exception("%s failed; it is tried again", what)
