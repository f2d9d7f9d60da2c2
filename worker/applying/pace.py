"""How much may be meant ahead of its sending: at most a second's worth."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """Measures the rate of answers over the last seconds.

    Intents are committed ahead of their requests so that the disk is not waited for before each;
    but all that is meant and unanswered when a worker dies must be looked for by its successor, so
    it is never more than the target answers in a second.
    """

    def __init__(self, connections: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._answers: deque[float] = deque(maxlen=512)
        self.slowest = 0.0
        """Seconds of the slowest answer seen."""

    def answered(self, seconds: float) -> None:
        self._answers.append(self._clock())
        self.slowest = max(self.slowest, seconds)

    @property
    def rate(self) -> float:
        """Answers a second over the last two seconds (or the last 512 answers)."""
        now = self._clock()
        while self._answers and now - self._answers[0] > 2.0:
            self._answers.popleft()
        if len(self._answers) < 2:
            return 0.0
        # Over a second at least: the first few answers, close together, promise nothing about the next.
        return len(self._answers) / max(now - self._answers[0], 1.0)

    @property
    def window(self) -> int:
        """Most intents that may be without an answer."""
        return max(self._connections, min(int(self.rate), 500))
