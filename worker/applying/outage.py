"""A target that must not be asked now, or does not answer: wait, say so, and give up in the end.

Three reasons to wait, of which only the last two have an end that is not known and so count as an outage:
quiet hours of the settings; a target that asks to be left alone; a target that is away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import anyio.to_thread

from service.settings import Settings
from service.store import runs
from service.store.database import now_ms
from worker.context import RunContext
from worker.errors import Fatal, Held, Hold, Retriable
from worker.stopping import StoppedError
from worker.targets.backoff import pause
from worker.targets.limits import Limiter

T = TypeVar("T")

LOOK = 0.25
"""Seconds between two looks whether a wait is over sooner than thought."""
SHORT = 1.0
"""Seconds of a wait of which nothing is said."""
LAST_LOOK = 5.0
"""Seconds that the last try of a run may take to get its turn, where others try too."""


class Waiting(NamedTuple):
    """What a run shows while it waits: why, and until when (ms since 1970)."""

    why: str
    until: int


class Outage:
    """Shared by all stages and senders of a run: one outage, one clock."""

    def __init__(
        self, context: RunContext, settings: Settings, limiter: Limiter, *, wrote: bool = False
    ) -> None:
        """`wrote`: whether the run has written by now, also by an earlier worker (`journal.has_written`): an
        outage is borne longer from then on."""
        self._context = context
        self._before = settings.outage
        self._after = settings.outage_after_write
        self._limiter = limiter
        self.wrote = wrote
        self._since: float | None = None
        self._announced = False
        self._said_quiet: str | None = None
        self._quiet_since = 0.0
        self._last_look: float | None = None
        self._left_off = False
        self._wanted: Waiting | None = None
        self._shown: Waiting | None = None
        self._showing = asyncio.Lock()

    @property
    def seconds_a_request(self) -> float:
        """The least time between two requests that the target's settings allow now."""
        return self._limiter.seconds_a_request

    def leave_off(self) -> None:
        """The run ends for another reason: nobody waits any more, but raises `StoppedError`."""
        self._left_off = True

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call a read of the target, and wait while it is away or not to be asked.

        Raises what `wait` raises.
        """
        attempt = 0
        while True:
            self._check()
            attempt += 1
            try:
                result = await call()
            except Held as held:
                attempt -= 1
                await self._hold(held.hold)
            except Retriable as error:
                await self.wait(attempt, error.message, error.retry_after)
            else:
                await self.over()
                return result

    async def admitted(self) -> None:
        """Wait until a request may be sent. Raises what `wait` raises."""
        while (hold := self._limiter.held()) is not None:
            await self._hold(hold)

    async def over(self) -> None:
        """An answer came: whatever was, is over."""
        if self._since is None:
            return
        lasted = time.monotonic() - self._since
        self._since = self._last_look = None
        if self._announced:
            self._announced = False
            self._context.log.say("info", "target-back", f"The target answers again after {lasted:.0f} s.")
            await self._show(None)

    async def wait(self, attempt: int, why: str, retry_after: float | None) -> None:
        """Pause before the next try (`attempt` counts from 1).

        Raises `Fatal` (`target-down`) when the outage has lasted too long, `StoppedError` when the run
        was told to stop meanwhile.
        """
        left = self._left(why)
        seconds = pause(attempt, retry_after)
        if retry_after is None:
            seconds = min(seconds, left)
        if seconds >= SHORT:
            await self._announce(why, seconds)
        until = time.monotonic() + seconds
        was_away = False
        while (rest := until - time.monotonic()) > 0:
            await self._sleep(min(rest, LOOK))
            back = self._since is None or (was_away and not self._limiter.away)
            if back and retry_after is None:
                return  # another request was answered, of this run or another
            was_away = was_away or self._limiter.away

    async def pause(self, seconds: float) -> None:
        """Wait so long for the turn of a request. Raises `StoppedError`."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            await self._sleep(min(rest, LOOK))
        self._check()

    # --- holds ------------------------------------------------------------------------------------

    async def _hold(self, hold: Hold) -> None:
        """Wait until the limiter lets requests through, or has another reason not to."""
        match hold.reason:
            case "quiet":
                await self._keep_quiet(hold)
            case "rate":
                await self.pause(hold.seconds)
            case "asked":
                # The target has said when it may be asked; its next answer tells whether it was in time.
                self._begin()
                await self._announce_and_look(hold)
            case "down":
                if time.monotonic() - self._begin() < self._borne:
                    await self._announce_and_look(hold)
                else:
                    await self._look_for_the_last_time(hold)

    async def _look_for_the_last_time(self, hold: Hold) -> None:
        """The pause of the breaker may be longer than the patience of this run: it is let through once."""
        now = time.monotonic()
        if self._last_look is None:
            self._last_look = now
            self._limiter.probe_soon()
        elif now - self._last_look < LAST_LOOK:
            await self._sleep(LOOK)
        else:
            self._left(hold.why)

    async def _announce_and_look(self, hold: Hold) -> None:
        if hold.seconds >= SHORT:
            await self._announce(hold.why, hold.seconds)
        await self._sleep(min(hold.seconds, LOOK))

    async def _keep_quiet(self, hold: Hold) -> None:
        if self._said_quiet is None:
            self._quiet_since = time.monotonic()
        if self._said_quiet != hold.why:
            self._said_quiet = hold.why
            self._context.log.say("info", "target-quiet", f"{hold.why} The run waits, and goes on by itself.")
        await self._show(Waiting(hold.why, now_ms() + int(hold.seconds * 1000)))
        while (now := self._limiter.held()) is not None and now.reason == "quiet":
            await self._sleep(min(now.seconds, LOOK))
        await self._end_quiet()

    async def _end_quiet(self) -> None:
        if self._said_quiet is None:
            return  # another sender was quicker
        self._said_quiet = None
        if self._since is not None:
            # Nobody asked meanwhile: an outage from before is no older for it.
            self._since += time.monotonic() - max(self._quiet_since, self._since)
        self._context.log.say("info", "quiet-over", "The quiet hours are over; the run goes on.")
        await self._show(None)

    # --- patience ---------------------------------------------------------------------------------

    def _begin(self) -> float:
        if self._since is None:
            self._since = time.monotonic()
        return self._since

    @property
    def _borne(self) -> float:
        """Seconds for which an outage is borne by now."""
        return self._after if self.wrote else self._before

    def _left(self, why: str) -> float:
        """Seconds for which the outage is still borne. Raises `Fatal` when it has lasted too long."""
        allowed = self._borne
        left = allowed - (time.monotonic() - self._begin())
        if left > 0:
            return left
        if self.wrote:
            advice = "What was written stands. Schedule the batch again once the target is back, or undo it."
        else:
            advice = "Nothing was written. Schedule the batch again once the target is back."
        raise Fatal("target-down", f"{why} It did not come back within {allowed:.0f} s. {advice}")

    async def _sleep(self, seconds: float) -> None:
        self._check()
        if await self._context.stop.wait(seconds):
            raise StoppedError
        self._check()

    def _check(self) -> None:
        if self._left_off:
            raise StoppedError
        self._context.check()

    # --- what is seen of it -----------------------------------------------------------------------

    async def _announce(self, why: str, seconds: float) -> None:
        if not self._announced:
            self._announced = True
            text = f"{why} Waiting for it; it is asked again in {seconds:.0f} s."
            self._context.log.say("warning", "target-down", text)
        await self._show(Waiting(why, now_ms() + int(seconds * 1000)))

    async def _show(self, wanted: Waiting | None) -> None:
        """Write down that the run waits, or no longer does. What is written last is what was wanted last,
        whoever comes first to the database."""
        self._wanted = wanted
        async with self._showing:
            wanted = self._wanted
            if _alike(wanted, self._shown):
                return
            why, until = wanted if wanted is not None else (None, None)
            context = self._context
            await anyio.to_thread.run_sync(runs.set_waiting, context.db, context.claim, why, until)
            self._shown = wanted
        await anyio.to_thread.run_sync(context.flush)


def _alike(one: Waiting | None, other: Waiting | None) -> bool:
    """Several senders wait for the same: they need not all say so."""
    if one is None or other is None:
        return one is other
    return one.why == other.why and abs(one.until - other.until) < 1000 * SHORT
