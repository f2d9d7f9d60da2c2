"""When a request may go to a target, and how many at a time.

Before each: not in quiet hours, not while the target is away (`breaker`) or has asked to be left alone. Then
two limits hold together: a local one that adapts (it grows while answers stay quick, and is halved by 429,
503 and timeouts), and one over all workers, kept as permits in Redis that expire (`permits`). Then the rate
(`rate`), where one is set; and at last what other workers were asked by the target (`asked`).

Redis is a courtesy, not a truth: when it is away, slow or was emptied, each worker goes on with its share of
connections and rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from redis.asyncio import Redis

from worker.errors import Held, Hold
from worker.targets.asked import Asked, Wish
from worker.targets.breaker import Breaker, Ticket
from worker.targets.permits import Permits
from worker.targets.rate import Rate
from worker.targets.schedule import Schedule
from worker.targets.shared import Shared

RATE_WAIT = 0.5
"""Seconds that a request waits for its turn with its permit in hand; for longer ones it comes again, and
hears meanwhile whether it is still wanted."""
LATENCY_SLACK = 2.0
"""How many times the usual latency still counts as holding."""


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

    @property
    def recent(self) -> float | None:
        """The latency of the last answers, the newest of which count most; None before the first."""
        return self._recent

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
        self.wish: Wish | None = None
        """What the target asked for with this answer."""

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
        self.wish = Wish(self._breaker.asked(seconds, why), why)


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
        self._permits = Permits(f"accession:permits:{target}", shared) if shared is not None else None
        self._rate = Rate(f"accession:rate:{target}", shared)
        self._asked = Asked(f"accession:asked:{target}", shared) if shared is not None else None

    @property
    def allowed(self) -> int:
        """How many requests this process would send at a time right now."""
        return min(self._adaptive.allowed, self._schedule.at(self._now()).connections)

    @property
    def latency(self) -> float | None:
        """Seconds that an answer takes lately; None before the first."""
        return self._adaptive.recent

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
                if self._asked is not None and (heard := await self._asked.heard()) is not None:
                    self._breaker.heard(heard.seconds, heard.why)
                # Much may have happened while it waited.
                self._require(urgent)
                slot = Slot(self._adaptive, self._breaker, ticket := self._breaker.enter())
                try:
                    yield slot
                finally:
                    if not slot.told:
                        self._breaker.forget(ticket)
                    if self._asked is not None and slot.wish is not None:
                        await self._asked.tell(slot.wish)
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
        sharers = self._permits.sharers if self._permits is not None else 1
        wait = await self._rate.reserve(rate, RATE_WAIT, sharers)
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
