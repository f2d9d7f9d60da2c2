"""When a request may go to a target, and how many at a time.

Before each: not in quiet hours, not while the target is away (`breaker`) or has asked to be left alone. Then
two limits hold together: a local one that adapts (it grows while answers stay quick, and is halved by 429,
503 and timeouts), and one over all workers, kept as permits in Redis. A permit is a member of a sorted set
whose score is the moment at which it expires; it is renewed while it is held, so that a worker that died
blocks nobody for longer than `PERMIT_LIFE`. At last the rate (`rate`), where one is set.

Redis is a courtesy, not a truth: when it is away, slow or was emptied, the local limit goes on alone
and permits that are held are entered again as soon as it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import NamedTuple

from redis.asyncio import Redis

from worker.errors import Held, Hold
from worker.targets.breaker import Breaker, Ticket
from worker.targets.rate import Rate
from worker.targets.schedule import Schedule
from worker.targets.shared import Shared

PERMIT_LIFE = 10.0
"""Seconds until a permit that is not renewed expires."""
PERMIT_KEPT = 1.0
"""Seconds for which a permit serves one request after another; then it is given back, others wait."""
PERMIT_IDLE = 0.05
"""Seconds that a permit waits for the next request. Asking Redis twice a request would cost as much again."""
RATE_WAIT = 0.5
"""Seconds that a request waits for its turn with its permit in hand; for longer ones it comes again, and
hears meanwhile whether it is still wanted."""
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
    """Leave to send one request. Say how it went: :meth:`answered` or :meth:`away`, and what it tells of the
    load: :meth:`bore` or :meth:`strained`."""

    def __init__(self, adaptive: Adaptive, breaker: Breaker, ticket: Ticket) -> None:
        self._adaptive = adaptive
        self._breaker = breaker
        self._ticket = ticket
        self._started = time.monotonic()
        self.told = False

    def bore(self, latency: float) -> None:
        self._adaptive.bore(latency)

    def strained(self) -> None:
        self._adaptive.strained(self._started, time.monotonic())

    def answered(self) -> None:
        """The target is there."""
        self.told = True
        self._breaker.answered()

    def away(self, why: str) -> None:
        """The target is away. `why`: for a person, without secrets."""
        self.told = True
        self._breaker.away(self._ticket, why)

    def asked(self, seconds: float, why: str) -> None:
        """The target asks to be left alone for so long."""
        self._breaker.asked(seconds, why)


class Limiter:
    """The limits of one target in this process; share one instance among all runs of the process.

    `schedule` says how many connections and requests a second there may be, and when; they hold over all
    workers where `redis` is given, else over this process. `now`: the time of day, for tests.
    """

    def __init__(
        self,
        target: str,
        schedule: Schedule | int,
        redis: Redis | None = None,
        *,
        breaker: Breaker | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`schedule`: a number is that many connections, always."""
        self._target = target
        self._schedule = Schedule(schedule) if isinstance(schedule, int) else schedule
        self._now = now
        self._breaker = breaker or Breaker()
        self._adaptive = Adaptive(self._schedule.connections)
        self._in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        shared = Shared(redis) if redis is not None else None
        self._permits = _Permits(f"accession:permits:{target}", shared) if shared is not None else None
        self._rate = Rate(f"accession:rate:{target}", shared)

    @property
    def allowed(self) -> int:
        """How many requests this process would send at a time right now."""
        return min(self._adaptive.allowed, self._schedule.at(self._now()).connections)

    @property
    def seconds_a_request(self) -> float:
        """The least time between two requests of all workers that the settings allow now."""
        rate = self._schedule.at(self._now()).requests_per_second
        return 1.0 / rate if rate is not None else 0.0

    def held(self, *, urgent: bool = False) -> Hold | None:
        """Why no request may leave now, and for how long; None: one may.

        `urgent`: a person waits for the answer, so it does not wait for the pauses of an outage.
        """
        now = self._now()
        if self._schedule.at(now).quiet:
            until = self._schedule.quiet_until(now)
            seconds = (until - now).total_seconds() if until is not None else 3600.0
            told = self._schedule.told(until, now) if until is not None else "further notice"
            return Hold("quiet", f"Quiet hours of {self._target} until {told}.", max(seconds, 0.01))
        shut = self._breaker.shut(urgent=urgent)
        return Hold(shut.reason, shut.why, shut.seconds) if shut is not None else None

    @property
    def away(self) -> bool:
        """Whether the target is thought to be away."""
        return self._breaker.open

    def probe_soon(self) -> None:
        """Let the next request through although the pause of an outage is not over."""
        self._breaker.probe_soon()

    @property
    def in_use(self) -> int:
        return self._in_use

    @contextlib.asynccontextmanager
    async def slot(self, *, urgent: bool = False) -> AsyncIterator[Slot]:
        """Wait for leave to send one request, first come first served; it is given back at the end.

        Raises :class:`Held` where it is not to be sent now at all.
        """
        self._require(urgent)
        await self._enter()
        try:
            async with contextlib.AsyncExitStack() as stack:
                if self._permits is not None:
                    await stack.enter_async_context(self._permits.permit(self._most))
                await self._await_turn()
                # Much may have happened while it waited.
                self._require(urgent)
                slot = Slot(self._adaptive, self._breaker, ticket := self._breaker.enter())
                try:
                    yield slot
                finally:
                    if not slot.told:
                        self._breaker.forget(ticket)
        finally:
            self._leave()

    def _require(self, urgent: bool) -> None:
        hold = self.held(urgent=urgent)
        if hold is not None:
            raise Held(hold)

    def _most(self) -> int:
        return self._schedule.at(self._now()).connections

    async def _await_turn(self) -> None:
        rate = self._schedule.at(self._now()).requests_per_second
        if rate is None:
            return
        wait = await self._rate.reserve(rate, RATE_WAIT)
        if wait < 0:
            raise Held(Hold("rate", f"{self._target} takes {rate:g} requests a second.", -wait))
        if wait > 0:
            await asyncio.sleep(wait)

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

    def __init__(self, key: str, shared: Shared) -> None:
        self._key = key
        self._shared = shared
        self._acquire = shared.redis.register_script(_ACQUIRE)
        self._renew = shared.redis.register_script(_RENEW)
        self._held: set[str] = set()
        self._idle: list[_Idle] = []
        self._returner: asyncio.Task[None] | None = None
        self._renewer: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def permit(self, limit: Callable[[], int]) -> AsyncIterator[None]:
        """`limit`: how many there may be by now."""
        permit, until = await self._take(limit)
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

    async def _take(self, limit: Callable[[], int]) -> tuple[str, float]:
        """A permit, and the moment from which it is to be given back."""
        if self._idle:
            idle = self._idle.pop()
            return idle.permit, idle.until
        permit = uuid.uuid4().hex
        try:
            await self._wait(permit, limit)
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
        await self._shared.ask(lambda: self._shared.redis.zrem(self._key, permit))

    async def _return_idle(self) -> None:
        while self._idle:
            await asyncio.sleep(PERMIT_IDLE)
            now = time.monotonic()
            late = [one for one in self._idle if now - one.since >= PERMIT_IDLE or now >= one.until]
            self._idle = [one for one in self._idle if one not in late]
            for one in late:
                await self._give_back(one.permit)

    async def _wait(self, permit: str, limit: Callable[[], int]) -> None:
        pause = 0.1
        while True:
            answer = await self._shared.ask(
                lambda: self._acquire([self._key], [permit, limit(), int(PERMIT_LIFE * 1000)])
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
                await self._shared.ask(
                    lambda: self._renew([self._key], [int(PERMIT_LIFE * 1000), *self._held])
                )
