"""The worker process: `python -m worker.main`. Listens to the doorbell, sweeps, and stops in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
import time
from functools import partial
from typing import Any

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.settings import JOB_RUN, JOB_TASK, QUEUE_NAME, Settings, SettingsError, load_settings
from service.store.blobs import DiskBlobs
from service.store.database import Database, StoreUnavailableError
from service.store.doorbell import deserialize, serialize
from service.store.migrate import current_revision, head_revision
from worker.cancelling import end_tasks
from worker.clearing import clear_for_ever
from worker.job import Workshop, carry_out_run
from worker.limiters import Limiters
from worker.sweeper import ring_run, sweep_for_ever
from worker.tasks import carry_out_task

logger = logging.getLogger("accession.worker")

JOB_TIMEOUT = 30 * 24 * 3600
"""Seconds; arq must never end a run: the lease and the fence say who owns it."""
QUEUE_PATIENCE = 5.0
"""Seconds that the queue may take to answer."""
TOLD_AGAIN = 60.0
"""Seconds between two lines of the log that say that a worker waits for its database."""
SHUTDOWN = 20.0
"""Seconds that runs have to write down what they know and give themselves back."""


async def run_job(ctx: dict[str, Any], run_id: str) -> None:
    """arq's side of a run: never raises, since nothing would repeat it but the sweeper."""
    try:
        await carry_out_run(ctx["shop"], run_id)
    except StoreUnavailableError:
        logger.warning("run %s was not begun: the database cannot be used", run_id)


async def task_job(ctx: dict[str, Any], task_id: str) -> None:
    try:
        await carry_out_task(ctx["shop"], task_id)
    except StoreUnavailableError:
        logger.warning("task %s was not begun: the database cannot be used", task_id)


def connect(settings: Settings) -> ArqRedis:
    """The queue; a short outage of it is ridden out here, a long one by :class:`Ear` and the sweeper."""
    pool = ConnectionPool.from_url(
        settings.queue,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.05), 10),
        # Not every RedisError: an unknown script is an answer (NOSCRIPT), and must reach who asked.
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
        socket_connect_timeout=QUEUE_PATIENCE,
        socket_timeout=QUEUE_PATIENCE,  # nothing here blocks in the queue: one that says nothing is away
    )
    return ArqRedis(
        pool, job_serializer=serialize, job_deserializer=deserialize, default_queue_name=QUEUE_NAME
    )


def make_worker(settings: Settings, shop: Workshop, redis: ArqRedis) -> Worker:
    return Worker(
        functions=[
            func(run_job, name=JOB_RUN, keep_result=0, timeout=JOB_TIMEOUT, max_tries=1),
            func(task_job, name=JOB_TASK, keep_result=0, timeout=JOB_TIMEOUT, max_tries=1),
        ],
        redis_pool=redis,
        queue_name=QUEUE_NAME,
        handle_signals=False,
        max_jobs=settings.workers_jobs + 4,
        queue_read_limit=4 * (settings.workers_jobs + 4),
        poll_delay=0.2,
        keep_result=0,
        health_check_interval=60,
        health_check_key=f"accession:health:{shop.name}",
        job_serializer=serialize,
        job_deserializer=deserialize,
        ctx={"shop": shop},
        max_burst_jobs=0,
    )


class Ear:
    """Listens to the queue, and goes on listening when the queue was away. Runs do not notice either."""

    def __init__(self, settings: Settings, shop: Workshop, redis: ArqRedis) -> None:
        self._make = partial(make_worker, settings, shop, redis)
        self.worker = self._make()

    async def listen_for_ever(self) -> None:
        while True:
            try:
                await self.worker.async_run()
            except (RedisError, OSError) as error:
                logger.warning("the queue cannot be used (%s: %s); trying again", type(error).__name__, error)
            except Exception:
                # Whatever is the matter with the queue or with what stands in it: runs under way go on.
                logger.exception("listening to the queue failed; trying again")
            await asyncio.sleep(1.0)
            # arq's worker does not survive its queue; its jobs do, they are tasks of this loop.
            jobs, self.worker = self.worker.tasks, self._make()
            self.worker.tasks.update({key: task for key, task in jobs.items() if not task.done()})


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; then every run writes down what it knows and is given back."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    db = Database(settings.database, busy_wait=settings.database_wait)
    redis = connect(settings)
    limiters = Limiters(redis)
    name = f"{socket.gethostname()[:24]}:{os.getpid()}:{secrets.token_hex(4)}"
    shop = Workshop(settings, db, DiskBlobs(settings.blobs), limiters, name, ring=partial(ring_run, redis))
    ear = Ear(settings, shop, redis)
    listening = asyncio.create_task(ear.listen_for_ever())
    sweeping = asyncio.create_task(sweep_for_ever(shop, redis))
    clearing = asyncio.create_task(clear_for_ever(shop, redis))
    stopped = asyncio.create_task(stopping.wait())
    logger.info("worker %s is ready", name)
    try:
        await asyncio.wait([listening, stopped], return_when=asyncio.FIRST_COMPLETED)
        sweeping.cancel()
        clearing.cancel()
        ear.worker.allow_pick_jobs = False
        for stop in shop.stops.values():
            stop.set("shutdown")
        deadline = loop.time() + SHUTDOWN
        while shop.stops and loop.time() < deadline:  # noqa: ASYNC110 - a few polls, once, at the end
            await asyncio.sleep(0.05)
        if listening.done():
            listening.result()
    finally:
        await end_tasks(listening, stopped, sweeping, clearing)
        await limiters.close()
        await _hang_up(ear)
        db.dispose()
    logger.info("worker %s has stopped", name)


async def _hang_up(ear: Ear) -> None:
    """Close what listens to the queue, which may hang or be gone: nothing of it has to be in order."""
    # arq cancels what it has not told the queue yet, and lets that cancellation out: hence a task.
    closing = asyncio.create_task(ear.worker.close())
    await asyncio.wait([closing], timeout=QUEUE_PATIENCE)
    await end_tasks(closing)


def _calm_collector() -> None:
    """Let the garbage collector leave alone what lives as long as the process.

    A chunk of records is some ten thousand objects without cycles. With the usual thresholds they are
    looked through again and again while they are mapped and planned: a quarter of the time of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _revision(settings: Settings) -> str | None:
    """That of the database, once it can be used: a worker that starts while it is away waits for it.

    SIGTERM and SIGINT still end the process at once: nothing has been begun.
    """
    db = Database(settings.database, busy_wait=settings.database_wait)
    told = 0.0
    try:
        while True:
            try:
                return current_revision(db)
            except StoreUnavailableError as error:
                if not told or time.monotonic() - told > TOLD_AGAIN:
                    told = time.monotonic()
                    logger.warning("waiting for the database: %s", error)
                time.sleep(1.0)
    finally:
        db.dispose()


def main() -> int:
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("arq", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if (found := _revision(settings)) != head_revision():
        print(
            f"The database is at revision {found or 'none'}, this release needs {head_revision()}. "
            "Run: accession migrate",
            file=sys.stderr,
        )
        return 3
    _calm_collector()
    asyncio.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
