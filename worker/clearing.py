"""Once a day one worker removes what is kept no longer (`accession gc` does the same when it is asked)."""

from __future__ import annotations

import asyncio
import logging
import threading

import anyio.to_thread
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from service.store.database import StoreUnavailableError
from service.store.garbage import collect
from service.store.retention import retention_of
from worker.job import Workshop

logger = logging.getLogger(__name__)

TURN = "accession:clearing"
"""In the queue, as long as no worker needs to clear again. Should it be lost, one does so once more: that
costs a look at everything and does no harm, nor do two workers at a time."""
LOOK = 600.0
"""Seconds between two looks whether it is time."""


async def clear_for_ever(shop: Workshop, redis: ArqRedis) -> None:
    """Until cancelled."""
    hours = shop.settings.retention_every
    if hours <= 0:
        return
    while True:
        try:
            if await redis.set(TURN, shop.name, nx=True, px=max(1, int(hours * 3600 * 1000))):
                await clear(shop)
        except (StoreUnavailableError, RedisError, OSError, TimeoutError) as error:
            logger.warning("clearing up left off (%s); it is tried again", type(error).__name__)
        except Exception:
            # Nothing hangs on it: what is left goes another day, and the trace says what to mend.
            logger.exception("clearing up failed unexpectedly")
        await asyncio.sleep(min(LOOK, hours * 3600))


async def clear(shop: Workshop) -> None:
    """Once. When it is cancelled, it ends after the transaction that it is in."""
    stopped = threading.Event()

    def work() -> None:
        for one in collect(shop.db, shop.blobs, retention_of(shop.settings), stop=stopped.is_set):
            logger.info("removed: %d %s (rows: %d, bytes: %d)", one.n, one.kind, one.rows, one.bytes)

    try:
        await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    finally:
        stopped.set()
