"""The doorbell: tells the workers that something waits for them in the database.

A ring that fails is logged and nothing else: the truth is in the database, and the workers' sweeper looks
there for runs and tasks that nobody took.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Protocol

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from service.settings import JOB_RUN, JOB_TASK, QUEUE_NAME
from service.store.doorbell import deserialize, serialize

logger = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a caller is kept waiting for a queue that does not answer."""


PROBE = "accession:probe"


class Bell(Protocol):
    """What the routes know of the queue."""

    async def ring_run(self, run_id: str) -> None: ...
    async def ring_task(self, task_id: str) -> None: ...
    async def reachable(self) -> bool: ...
    async def aclose(self) -> None: ...


class Doorbell:
    """Rings through arq. Connects at the first ring, and again after a failure; never raises."""

    def __init__(self, url: str) -> None:
        """`url`: `redis://…`, `rediss://…` or `unix:///path`."""
        self._redis = ArqRedis(
            ConnectionPool.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE),
            job_serializer=serialize,
            job_deserializer=deserialize,
            default_queue_name=QUEUE_NAME,
        )

    async def ring_run(self, run_id: str) -> None:
        await self._ring(JOB_RUN, run_id)

    async def ring_task(self, task_id: str) -> None:
        await self._ring(JOB_TASK, task_id)

    async def reachable(self) -> bool:
        """Whether it could be rung: a queue that is full or takes no writes answers, and keeps nothing."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._redis.set(PROBE, "", px=1000)
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def aclose(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def _ring(self, job: str, subject: str) -> None:
        # A new job id each time: arq refuses an id that it has seen, and would so swallow a second ring.
        job_id = f"{job}:{subject}:{secrets.token_hex(8)}"
        try:
            async with asyncio.timeout(PATIENCE):
                await self._redis.enqueue_job(job, subject, _job_id=job_id)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning(
                "The queue cannot be reached (%s); %s %s waits for the sweeper.",
                type(error).__name__,
                job,
                subject,
            )
