"""The wish to stop a run: who sets it, who hears it, and what is left off at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")

StopReason = Literal["cancel", "pause", "shutdown", "lost"]


class StoppedError(Exception):
    """A stage left off because the run was told to stop; `Stop.reason` says why."""


class Stop:
    """Set once, by whoever learns first that the run must not go on; every loop looks at it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._left_off: set[asyncio.Future[Any]] = set()
        self.reason: StopReason | None = None

    def set(self, reason: StopReason) -> None:
        # A lost run outranks everything: whoever owns it now decides about the rest.
        if self.reason is None or reason == "lost":
            self.reason = reason
            self._event.set()
            for call in self._left_off:
                call.cancel()

    def heard(self) -> None:
        """Everything was left off: what is done from here on belongs to the end of the run, and only a lost
        run leaves that off too."""
        if self.reason != "lost":
            self._event.clear()

    def __bool__(self) -> bool:
        return self._event.is_set()

    async def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the run is to stop. True: it is."""
        try:
            await asyncio.wait_for(self._event.wait(), max(seconds, 0))
        except TimeoutError:
            return False
        return True

    async def unless(self, call: Coroutine[Any, Any, T]) -> T:
        """What `call` gives. It is cancelled as soon as the run is to stop, so it must be one that does no
        harm half done: a read, a wait. Raises `StoppedError`."""
        if self:
            call.close()
            raise StoppedError
        task = asyncio.ensure_future(call)
        self._left_off.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if self and (current is None or not current.cancelling()):
                raise StoppedError from None
            raise
        finally:
            self._left_off.discard(task)
