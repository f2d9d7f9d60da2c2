"""At most so many requests a second to a target, over all workers.

Each request reserves the next free moment (the generic cell rate algorithm without a burst): they leave
evenly, so no second has more than its share. The moment stands in Redis, by Redis' own clock; while that is
away each worker keeps to its share of the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from worker.targets.shared import Shared

MICRO = 1_000_000

# KEYS[1]: the moment (µs) from which the next request may leave. ARGV: interval in µs, longest wait in µs.
# Answers the µs to wait, the moment being reserved; or, where that is longer, -1 - µs, and nothing is.
_RESERVE = """
local now = redis.call('TIME')
local us = now[1] * 1000000 + now[2]
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
if due < us then due = us end
local wait = due - us
if wait > tonumber(ARGV[2]) then return -1 - wait end
local next = due + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - us) / 1000) + 1000)
return wait
"""


class Even:
    """The same in one process. Pure arithmetic; times are seconds."""

    def __init__(self) -> None:
        self._due = float("-inf")

    def reserve(self, now: float, interval: float, most: float) -> float:
        """Seconds to wait, the moment being reserved; or, where that is longer than `most`, the seconds as
        a negative number, and nothing is reserved."""
        wait = max(self._due - now, 0.0)
        if wait > most:
            return -wait
        self._due = now + wait + interval
        return wait


class Rate:
    """The rate of one target."""

    def __init__(self, key: str, shared: Shared | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._key = key
        self._shared = shared
        self._clock = clock
        self._alone = Even()
        self._reserve = shared.redis.register_script(_RESERVE) if shared is not None else None

    async def reserve(self, per_second: float, most: float, sharers: int = 1) -> float:
        """As :meth:`Even.reserve`, for the next request of any worker. `sharers`: how many workers
        share it while Redis is away."""
        interval = 1.0 / per_second
        if self._shared is not None and self._reserve is not None:
            script = self._reserve
            arguments = [max(int(interval * MICRO), 1), int(most * MICRO)]
            told = await self._shared.ask(lambda: script([self._key], arguments))
            if told is not None:
                answer = int(told)
                wait = answer / MICRO if answer >= 0 else (answer + 1) / MICRO
                # Should Redis go away now, we go on from here.
                self._alone.reserve(self._clock() + max(wait, 0.0), interval, 0.0)
                return wait
        return self._alone.reserve(self._clock(), interval * sharers, most)
