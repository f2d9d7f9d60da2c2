"""One limiter a target, shared by all runs of the process."""

from __future__ import annotations

from redis.asyncio import Redis

from service.settings import TargetSettings
from worker.targets.limits import Limiter
from worker.targets.schedule import Schedule


class Limiters:
    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._limiters: dict[str, Limiter] = {}

    def of(self, target: str, settings: TargetSettings) -> Limiter:
        if target not in self._limiters:
            self._limiters[target] = Limiter(target, Schedule.of(settings), self._redis)
        return self._limiters[target]

    async def close(self) -> None:
        for limiter in self._limiters.values():
            await limiter.close()
