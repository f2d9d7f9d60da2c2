"""How many requests may be under way to a target, over all workers: permits that expire and are renewed.

In Redis stands how many permits each worker has, and until when that holds. A worker always says its whole
number, so that a word that got lost is made up for by the next one. It says it again every `RENEWED` seconds
while it has some, and until Redis has heard that it gave them back; the permits of one that died fall back
after `PERMIT_LIFE`.

While Redis is away, and for `SETTLING` seconds after it came back or was emptied (what it knows of the others
may be wrong until they have spoken), a worker goes on with its share at most: the limit divided by the
workers that used this target when Redis was last heard, and at least one. So the limit still holds, but for
permits that one had over its share at that moment, until they are given back (`PERMIT_KEPT`, or as long as a
request takes); where there are more workers than permits; and for a worker that has just started.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from worker.cancelling import end_tasks
from worker.targets.shared import REDIS_PATIENCE, REDIS_PAUSE, Shared

PERMIT_LIFE = 10.0
"""Seconds until permits that are not renewed expire."""
RENEWED = 1.0
"""Seconds between two renewals."""
PERMIT_KEPT = 1.0
"""Seconds for which a permit serves one request after another; then it is given back, others wait."""
PERMIT_IDLE = 0.05
"""Seconds that a permit waits for the next request. Asking Redis twice a request would cost as much again."""
SETTLING = REDIS_PAUSE + REDIS_PATIENCE + 2 * RENEWED
"""Seconds within which every worker that lives has spoken to a Redis that came back."""

# KEYS[1]: a hash of worker → "permits:expires (ms):turn", and `mark` → when the hash was begun. It has no
# life of its own: that it is missing tells those who knew it that Redis was emptied.
# ARGV: worker, permits, limit (-1: none), life in ms, turn, the mark that the worker knows, a new mark.
# Answers whether the worker has so many permits now (else one less), how many workers use the target, and the
# mark. Redis' own clock is used, since workers' clocks differ. `turn` counts what a worker says: a word that
# comes late changes nothing.
_SAY = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local mark = redis.call('HGET', KEYS[1], 'mark')
if not mark then
  mark = ARGV[7]
  redis.call('HSET', KEYS[1], 'mark', mark)
end
local others, taken, late = 0, 0, false
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= 'mark' then
    local permits, expires, turn = string.match(all[i + 1], '^(%d+):(%d+):(%d+)$')
    if all[i] == ARGV[1] then
      late = tonumber(turn) > tonumber(ARGV[5])
    elseif tonumber(expires) <= ms then
      redis.call('HDEL', KEYS[1], all[i])
    else
      others = others + 1
      taken = taken + tonumber(permits)
    end
  end
end
local limit = tonumber(ARGV[3])
local permits = tonumber(ARGV[2])
local granted = 1
if limit >= 0 and ((ARGV[6] ~= '' and ARGV[6] ~= mark) or taken + permits > limit) then
  granted = 0
  permits = permits - 1
end
if not late then
  local word = string.format('%d:%.0f:%d', permits, ms + tonumber(ARGV[4]), tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], ARGV[1], word)
end
return {granted, others + 1, mark}
"""


class _Idle(NamedTuple):
    """A permit between two requests: `until` it may serve further ones, `since` it serves none."""

    until: float
    since: float


class Permits:
    """The permits of one target that this process has."""

    def __init__(self, key: str, shared: Shared) -> None:
        self._key = key
        self._shared = shared
        self._script = shared.redis.register_script(_SAY)
        self._worker = uuid.uuid4().hex
        self._speaking = asyncio.Lock()
        self._turn = 0
        self._mark = ""
        self._workers = 1
        self._alone_until = float("-inf")
        self._held = 0
        self._told: int | None = 0
        """How many Redis believes us to have; None: that is not certain."""
        self._idle: list[_Idle] = []
        self._returner: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def sharers(self) -> int:
        """By how many a limit is to be divided: the workers on this target while Redis cannot be relied on,
        else one."""
        return self._workers if self._alone else 1

    @contextlib.asynccontextmanager
    async def permit(self, limit: Callable[[], int]) -> AsyncIterator[None]:
        """Wait for a permit. `limit`: how many there may be by now."""
        until = await self._take(limit)
        try:
            yield
        finally:
            if time.monotonic() < until:
                self._idle.append(_Idle(until, time.monotonic()))
                if self._returner is None or self._returner.done():
                    self._returner = asyncio.create_task(self._return_idle())
            else:
                await self._give_back(1)

    async def close(self) -> None:
        """Give back what serves no request. Nothing is renewed any more."""
        await end_tasks(*(task for task in (self._keeper, self._returner) if task is not None))
        self._keeper = self._returner = None
        self._held -= len(self._idle)
        self._idle.clear()
        async with self._speaking:
            if self._held != self._told:
                await self._say(self._held)

    # --- taking and giving back -------------------------------------------------------------------

    async def _take(self, limit: Callable[[], int]) -> float:
        """Wait for a permit; the moment from which it is to be given back."""
        pause = 0.1
        while True:
            now = time.monotonic()
            while self._idle:
                idle = self._idle.pop()
                if now < idle.until:
                    return idle.until
                # This process stood still meanwhile, and others may have got it.
                self._held -= 1
            async with self._speaking:
                # From here on, also where we are cancelled: Redis may grant it without our hearing of it.
                self._keep()
                if await self._granted(limit()):
                    self._held += 1
                    return time.monotonic() + PERMIT_KEPT
            # Who has waited longer asks more often, so that nobody waits for ever.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the load
            pause = max(0.01, pause * 0.9)

    async def _granted(self, limit: int) -> bool:
        """Whether there may be one more."""
        if self._alone and self._held >= max(1, limit // self._workers):
            return False
        granted = await self._say(self._held + 1, limit)
        return self._held < max(1, limit // self._workers) if granted is None else granted

    async def _give_back(self, number: int) -> None:
        self._held -= number
        self._keep()
        async with self._speaking:
            await self._say(self._held)

    async def _return_idle(self) -> None:
        while self._idle:
            await asyncio.sleep(PERMIT_IDLE)
            now = time.monotonic()
            late = [one for one in self._idle if now - one.since >= PERMIT_IDLE or now >= one.until]
            if late:
                self._idle = [one for one in self._idle if one not in late]
                await self._give_back(len(late))

    def _keep(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_saying())

    async def _keep_saying(self) -> None:
        while True:
            await asyncio.sleep(RENEWED)
            if not self._held and self._told == 0:
                return
            async with self._speaking:
                await self._say(self._held)

    # --- talking to Redis -------------------------------------------------------------------------

    @property
    def _alone(self) -> bool:
        return time.monotonic() < self._alone_until

    async def _say(self, permits: int, limit: int = -1) -> bool | None:
        """Tell Redis how many we have, or ask (with a limit) for so many. Whether we have them now; None: it
        does not answer. One at a time."""
        self._turn += 1
        life = int(PERMIT_LIFE * 1000)
        arguments: list[str | int] = [
            self._worker,
            permits,
            limit,
            life,
            self._turn,
            self._mark,
            uuid.uuid4().hex,
        ]
        self._told = None
        answer = await self._shared.ask(lambda: self._script([self._key], arguments))
        if answer is None:
            self._alone_until = time.monotonic() + SETTLING
            return None
        granted, workers, mark = bool(answer[0]), int(answer[1]), answer[2].decode()
        self._told = permits if granted else permits - 1
        # One that was emptied does not know the others yet.
        if self._mark not in ("", mark):
            self._alone_until = time.monotonic() + SETTLING
        self._workers = max(self._workers, workers) if self._alone else workers
        self._mark = mark
        return granted
