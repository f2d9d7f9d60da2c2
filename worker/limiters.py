"""One limiter a target, shared by all runs of the process."""

from __future__ import annotations

from redis.asyncio import Redis

from worker.targets.limits import Limiter


class Limiters:
    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._limiters: dict[str, Limiter] = {}

    def of(self, target: str, connections: int) -> Limiter:
        if target not in self._limiters:
            self._limiters[target] = Limiter(target, connections, self._redis)
        return self._limiters[target]

    async def close(self) -> None:
        for limiter in self._limiters.values():
            await limiter.close()
