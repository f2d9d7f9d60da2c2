"""What a target asked for (`Retry-After`), told to all workers: it is meant for whoever asks, not for one.

It stands in Redis until it is over. A worker looks at most every `LOOK` seconds, so a request that it sends
within that time of the answer to another may still arrive.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from worker.targets.shared import Shared

LOOK = 0.1

# KEYS[1]: why; it expires when the target may be asked again. ARGV: why, ms. The longest wish counts.
_TELL = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
"""
_HEAR = "return {redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[1])}"


class Wish(NamedTuple):
    """To be left alone for so many `seconds`."""

    seconds: float
    why: str


class Asked:
    """What one target asked for."""

    def __init__(self, key: str, shared: Shared) -> None:
        self._key = key
        self._shared = shared
        self._tell = shared.redis.register_script(_TELL)
        self._hear = shared.redis.register_script(_HEAR)
        self._looked = float("-inf")

    async def tell(self, wish: Wish) -> None:
        arguments: list[str | int] = [wish.why, max(int(wish.seconds * 1000), 1)]
        await self._shared.ask(lambda: self._tell([self._key], arguments))

    async def heard(self) -> Wish | None:
        """What any worker was asked, as far as it is not over."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return None
        self._looked = now
        answer = await self._shared.ask(lambda: self._hear([self._key]))
        if answer is None or int(answer[0]) <= 0 or answer[1] is None:
            return None
        return Wish(int(answer[0]) / 1000, answer[1].decode())
