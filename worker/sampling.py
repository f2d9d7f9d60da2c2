"""Measures a run while it goes on, for the charts that people look at."""

from __future__ import annotations

import time
from collections.abc import Callable

from service.store.samples import Measured, record_sample
from worker.context import RunContext

MOST = 200
"""Measurements, about, of the first part of a run. From then on the next one is a two-hundredth of the time
so far away, so that their number grows with the logarithm of it."""


class Sampler:
    """`every`: seconds between two measurements, at least."""

    def __init__(
        self, context: RunContext, every: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._context = context
        self._every = every
        self._clock = clock
        self._began = self._last = clock()
        self._requests = 0

    @property
    def due(self) -> bool:
        now = self._clock()
        return now - self._last >= max(self._every, (now - self._began) / MOST)

    def take(self) -> None:
        """Measure, and keep it. Blocking. Raises `FenceLostError`, `StoreUnavailableError`."""
        context, now = self._context, self._clock()
        requests = context.adapter.requests if context.adapter is not None else self._requests
        latency = context.limiter.latency if context.limiter is not None else None
        measured = Measured(
            took_ms=round((now - self._last) * 1000),
            requests=max(0, requests - self._requests),
            latency_ms=round(latency * 1000) if latency is not None else None,
            at_once=context.limiter.allowed if context.limiter is not None else None,
        )
        # The next one begins here, also when this one is not kept: it is worth no second attempt.
        self._last, self._requests = now, requests
        record_sample(context.db, context.claim, measured)
