"""The circuit breaker of a target: while it is away, one request at a time finds out whether it is back.

Shared by all runs of a process. Pure: the clock and chance are given. A few outages in a row open it; then
nothing leaves until the pause is over, and of all who ask then one is let through, the probe. Its outcome is
the others' too: an outage makes the pause longer, any other answer closes the breaker. Beside that, what
the target asked for (`Retry-After`) is kept by everybody, whoever was told (`asked` tells other workers).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from worker.targets.backoff import pause

OPENS_AFTER = 3
"""Outages in a row, of whichever requests."""
PROBE_LOOK = 0.25
"""Seconds after which those who wait for a probe ask again."""


class Shut(NamedTuple):
    """No request may leave. `asked`: the target itself said so. `seconds`: when to ask again."""

    reason: Literal["asked", "down"]
    why: str
    seconds: float


class Ticket(NamedTuple):
    """Leave of one request; give it back with what came of it."""

    probe: bool
    era: int


class Breaker:
    """Times are seconds of `clock`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._why = ""
        self._until: float | None = None
        self._probing = False
        self._era = 0
        self._asked_until = float("-inf")
        self._asked_why = ""

    @property
    def open(self) -> bool:
        return self._until is not None

    def shut(self, *, urgent: bool = False) -> Shut | None:
        """Why no request may leave now; None: one may. `urgent`: somebody waits for its answer, so it does
        not wait for the pause of an outage, only for what the target asked for."""
        now = self._clock()
        if now < self._asked_until:
            return Shut("asked", self._asked_why, self._asked_until - now)
        if self._until is None or urgent:
            return None
        if self._probing:
            return Shut("down", self._why, PROBE_LOOK)
        return Shut("down", self._why, self._until - now) if now < self._until else None

    def enter(self) -> Ticket:
        """Take leave for one request, right after `shut` said None."""
        probe = self._until is not None and not self._probing
        self._probing = self._probing or probe
        return Ticket(probe, self._era)

    def answered(self) -> None:
        """The target answered, and not with an outage."""
        self._failures = 0
        if self._until is not None:
            self._until = None
            self._probing = False
            self._era += 1

    def away(self, ticket: Ticket, why: str) -> None:
        """The target was away for this request."""
        if ticket.era != self._era:
            return  # it began before the target was back
        if self._until is not None and not ticket.probe:
            return  # under way when the breaker opened: nothing new
        self._failures += 1
        self._why = why
        if self._failures >= OPENS_AFTER:
            self._probing = False
            self._until = self._clock() + pause(self._failures, None, self._chance)

    def asked(self, seconds: float, why: str) -> float:
        """The target asked to be left alone for so long. The seconds for which it will be: somewhat more."""
        seconds = pause(1, seconds, self._chance)
        self.heard(seconds, why)
        return seconds

    def heard(self, seconds: float, why: str) -> None:
        """It asked somebody else for so long."""
        until = self._clock() + seconds
        if until > self._asked_until:
            self._asked_until, self._asked_why = until, why

    def forget(self, ticket: Ticket) -> None:
        """Nothing is known of what came of the request: it was given up."""
        if ticket.probe and ticket.era == self._era:
            self._probing = False

    def probe_soon(self) -> None:
        """Somebody cannot wait for the pause: the next request is the probe."""
        if self._until is not None:
            self._until = min(self._until, self._clock())
