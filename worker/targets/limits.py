"""How many requests a target gets at a time.

Two limits hold together: a local one that adapts (it grows while answers stay quick, and is halved by
429, 503 and timeouts), and one over all workers, kept as permits in Redis. A permit is a member of a
sorted set whose score is the moment at which it expires; it is renewed while it is held, so that a
worker that died blocks nobody for longer than `PERMIT_LIFE`.

Redis is a courtesy, not a truth: when it is away, slow or was emptied, the local limit goes on alone
and permits that are held are entered again as soon as it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PERMIT_LIFE = 10.0
"""Seconds until a permit that is not renewed expires."""
PERMIT_KEPT = 1.0
"""Seconds for which a permit serves one request after another; then it is given back, others wait."""
PERMIT_IDLE = 0.05
"""Seconds that a permit waits for the next request. Asking Redis twice a request would cost as much again."""
REDIS_PATIENCE = 2.0
"""Seconds that Redis may take to answer before we go on without it."""
REDIS_PAUSE = 5.0
"""Seconds for which Redis is left alone after it failed."""
LATENCY_SLACK = 2.0
"""How many times the usual latency still counts as holding."""

# KEYS[1] the set; ARGV: permit, limit, life in ms. Returns 1 when the permit is held. The server's own
# clock is used, since workers' clocks differ.
_ACQUIRE = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ms + tonumber(ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[3]) * 2)
return 1
"""

# KEYS[1] the set; ARGV: life in ms, then the permits. Enters them again where the set was lost.
_RENEW = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ms + tonumber(ARGV[1]), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
return 1
"""


class Adaptive:
    """How many requests at a time, between 1 and `most`: additive increase, multiplicative decrease.

    Pure arithmetic; `now` and latencies are seconds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(min(2, most))
        self._usual: float | None = None
        self._recent: float | None = None
        self._cut_at = float("-inf")

    @property
    def allowed(self) -> int:
        return max(1, int(self._allowed))

    def bore(self, latency: float) -> None:
        """An answer came after `latency`. Grows by one a round of answers while latency holds."""
        self._recent = latency if self._recent is None else 0.8 * self._recent + 0.2 * latency
        # The usual latency follows quicker answers at once and slower ones only over hundreds.
        if self._usual is None or self._recent < self._usual:
            self._usual = self._recent
        else:
            self._usual += 0.005 * (self._recent - self._usual)
        if self._recent <= LATENCY_SLACK * self._usual:
            self._allowed = min(float(self._most), self._allowed + 1.0 / max(self._allowed, 1.0))

    def strained(self, started: float, now: float) -> None:
        """The target was too busy for a request that began at `started`.

        Requests that were under way together halve it once, not once each.
        """
        if started >= self._cut_at:
            self._allowed = max(1.0, self._allowed / 2)
            self._cut_at = now


class Slot:
    """Leave to send one request. Say how it went: :meth:`bore` or :meth:`strained`."""

    def __init__(self, adaptive: Adaptive) -> None:
        self._adaptive = adaptive
        self._started = time.monotonic()

    def bore(self, latency: float) -> None:
        self._adaptive.bore(latency)

    def strained(self) -> None:
        self._adaptive.strained(self._started, time.monotonic())


class Limiter:
    """The limit of one target in this process; share one instance among all runs of the process.

    `connections` holds over all workers where `redis` is given, else over this process.
    """

    def __init__(self, target: str, connections: int, redis: Redis | None = None) -> None:
        self._adaptive = Adaptive(connections)
        self._in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._permits = (
            _Permits(f"accession:permits:{target}", connections, redis) if redis is not None else None
        )

    @property
    def allowed(self) -> int:
        """How many requests this process would send at a time right now."""
        return self._adaptive.allowed

    @property
    def in_use(self) -> int:
        return self._in_use

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait for leave to send one request, first come first served; it is given back at the end."""
        await self._enter()
        try:
            if self._permits is None:
                yield Slot(self._adaptive)
            else:
                async with self._permits.permit():
                    yield Slot(self._adaptive)
        finally:
            self._leave()

    async def close(self) -> None:
        if self._permits is not None:
            await self._permits.close()

    async def _enter(self) -> None:
        if self._in_use < self.allowed and not self._waiting:
            self._in_use += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was given just as we were cancelled
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        self._in_use -= 1
        while self._waiting and self._in_use < self.allowed:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_use += 1
                turn.set_result(None)


class _Idle(NamedTuple):
    """A permit between two requests: `until` it may serve further ones, `since` it serves none."""

    permit: str
    until: float
    since: float


class _Permits:
    """Permits of one target in Redis."""

    def __init__(self, key: str, limit: int, redis: Redis) -> None:
        self._key = key
        self._limit = limit
        self._redis = redis
        self._acquire = redis.register_script(_ACQUIRE)
        self._renew = redis.register_script(_RENEW)
        self._held: set[str] = set()
        self._idle: list[_Idle] = []
        self._returner: asyncio.Task[None] | None = None
        self._renewer: asyncio.Task[None] | None = None
        self._away_until = float("-inf")

    @contextlib.asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        permit, until = await self._take()
        try:
            yield
        finally:
            if time.monotonic() < until:
                self._idle.append(_Idle(permit, until, time.monotonic()))
                if self._returner is None or self._returner.done():
                    self._returner = asyncio.create_task(self._return_idle())
            else:
                await self._give_back(permit)

    async def close(self) -> None:
        for task in (self._renewer, self._returner):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._renewer = self._returner = None
        while self._idle:
            await self._give_back(self._idle.pop().permit)

    async def _take(self) -> tuple[str, float]:
        """A permit, and the moment from which it is to be given back."""
        if self._idle:
            idle = self._idle.pop()
            return idle.permit, idle.until
        permit = uuid.uuid4().hex
        try:
            await self._wait(permit)
        except BaseException:
            # Redis may have granted it without our hearing of it.
            await self._give_back(permit)
            raise
        self._held.add(permit)
        if self._renewer is None or self._renewer.done():
            self._renewer = asyncio.create_task(self._keep_renewing())
        return permit, time.monotonic() + PERMIT_KEPT

    async def _give_back(self, permit: str) -> None:
        self._held.discard(permit)
        await self._ask(lambda: self._redis.zrem(self._key, permit))

    async def _return_idle(self) -> None:
        while self._idle:
            await asyncio.sleep(PERMIT_IDLE)
            now = time.monotonic()
            late = [one for one in self._idle if now - one.since >= PERMIT_IDLE or now >= one.until]
            self._idle = [one for one in self._idle if one not in late]
            for one in late:
                await self._give_back(one.permit)

    async def _wait(self, permit: str) -> None:
        pause = 0.1
        while True:
            answer = await self._ask(
                lambda: self._acquire([self._key], [permit, self._limit, int(PERMIT_LIFE * 1000)])
            )
            if answer != 0:  # held, or Redis is away and the local limit decides
                return
            # Who has waited longer asks more often, so that nobody waits for ever.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the load
            pause = max(0.01, pause * 0.9)

    async def _keep_renewing(self) -> None:
        while self._held:
            await asyncio.sleep(PERMIT_LIFE / 3)
            if self._held:
                await self._ask(lambda: self._renew([self._key], [int(PERMIT_LIFE * 1000), *self._held]))

    async def _ask(self, call: Callable[[], Awaitable[Any]]) -> int | None:
        """Redis' answer, or None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(REDIS_PATIENCE):
                return int(await call())
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + REDIS_PAUSE
            logger.warning(
                "Redis does not answer (%s): the limit of connections to a target holds in each worker "
                "alone until it does.",
                type(error).__name__,
            )
            return None
