"""A target that cannot be reached: wait for it with growing pauses, say so, and give up in the end."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio.to_thread

from service.store import runs
from service.store.database import now_ms
from worker.context import RunContext, StoppedError
from worker.errors import Fatal, Retriable

T = TypeVar("T")


class Outage:
    """Shared by all senders of a run: one outage, one clock."""

    def __init__(self, context: RunContext, seconds: Callable[[], float]) -> None:
        """`seconds`: how long an outage may last by now (longer after the first write)."""
        self._context = context
        self._seconds = seconds
        self._since: float | None = None
        self._announced = False

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call a read of the target, and wait while it is away.

        Raises what `wait` raises.
        """
        attempt = 0
        while True:
            self._context.check()
            attempt += 1
            try:
                result = await call()
            except Retriable as error:
                await self.wait(attempt, error.message, error.retry_after)
            else:
                await self.over()
                return result

    async def over(self) -> None:
        """An answer came: whatever was, is over."""
        if self._since is None:
            return
        lasted = time.monotonic() - self._since
        self._since = None
        if self._announced:
            self._announced = False
            self._context.log.say("info", "target-back", f"The target answers again after {lasted:.0f} s.")
            await anyio.to_thread.run_sync(
                runs.set_waiting, self._context.db, self._context.claim, None, None
            )

    async def wait(self, attempt: int, why: str, retry_after: float | None) -> None:
        """Pause before the next try (`attempt` counts from 1).

        Raises `Fatal` (`target-down`) when the outage has lasted too long, `StoppedError` when the run
        was told to stop meanwhile.
        """
        now = time.monotonic()
        if self._since is None:
            self._since = now
        allowed = self._seconds()
        left = allowed - (now - self._since)
        if left <= 0:
            raise Fatal("target-down", f"{why} It did not come back within {allowed:.0f} s.")
        pause = retry_after if retry_after is not None else min(0.25 * 2 ** min(attempt, 10), 60.0)
        pause = min(pause * random.uniform(0.75, 1.25), left)  # noqa: S311 - jitter, not a secret
        if pause >= 1.0:
            await self._announce(why, pause)
        if await self._context.stop.wait(pause):
            raise StoppedError

    async def _announce(self, why: str, pause: float) -> None:
        if not self._announced:
            self._announced = True
            self._context.log.say("warning", "target-down", f"{why} Waiting for it.")
        until = now_ms() + int(pause * 1000)
        context = self._context
        await anyio.to_thread.run_sync(runs.set_waiting, context.db, context.claim, why, until)
        await anyio.to_thread.run_sync(context.flush)
