"""Tasks that are cancelled, and that have ended when one goes on."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN = 0.5
"""Seconds after which a task that goes on all the same is cancelled once more."""


async def end_tasks(*tasks: asyncio.Task[Any], again: float = AGAIN) -> None:
    """Cancel them until each has ended; what they raise is nobody's any more.

    Once is not enough: `asyncio.wait_for` of Python 3.11, with which libraries wait for the queue too,
    drops a cancellation that comes in the same turn of the loop as what it waited for.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
