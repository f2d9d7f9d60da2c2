"""What the workers know together of a target, in Redis: a courtesy, not a truth.

When it is away, slow or was emptied, each worker goes on by what it knows alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

REDIS_PATIENCE = 2.0
"""Seconds that Redis may take to answer before we go on without it."""
REDIS_PAUSE = 5.0
"""Seconds for which Redis is left alone after it failed."""


class Shared:
    """Asks Redis, and leaves it alone for a while after it failed."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._away_until = float("-inf")

    async def ask(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Redis' answer, or None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(REDIS_PATIENCE):
                return await call()
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + REDIS_PAUSE
            logger.warning(
                "Redis does not answer (%s): each worker keeps to its share of the limits until it does.",
                type(error).__name__,
            )
            return None
