"""How long to wait before the next try: growing, scattered, and never shorter than the target asked for."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST = 0.25
"""Half of the first pause, in seconds; each is twice the one before."""
LONGEST = 60.0
SCATTER = 0.25
"""How much of a pause chance takes or adds, so that those who failed together do not come back together."""
ASKED_SCATTER = 0.1
"""How much chance adds to a pause that the target asked for. It takes nothing from it."""


def pause(
    attempt: int, retry_after: float | None = None, chance: Callable[[], float] = random.random
) -> float:
    """Seconds before the next try, after `attempt` (from 1) that failed.

    `retry_after`: seconds that the target asked for; `chance`: a number from 0 to 1.
    """
    if retry_after is not None:
        return retry_after * (1 + ASKED_SCATTER * chance())
    usual = min(FIRST * 2.0 ** min(attempt, 32), LONGEST)
    return usual * (1 - SCATTER + 2 * SCATTER * chance())
