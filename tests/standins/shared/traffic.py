"""How many requests came, and which; and how many are carried out at a time."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from .php import Json, Query, build_query

RECENT = 5000
_NUMBER = re.compile(r"/\d+[^/]*")
_FILE = re.compile(r"(/files/\w+/).+")
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
_SECRET = {"key", "key_identity", "key_credential"}


class Slots(Protocol):
    """The knobs of how much is carried out at a time, and what each request costs."""

    delay_ms: float
    workers: int


class Traffic:
    """Exact counts, and the last requests in the order in which they were answered. Keys are left out."""

    def __init__(self) -> None:
        self._busy = 0
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self._most = self._busy
        self._counts: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._recent: deque[Json] = deque(maxlen=RECENT)
        self._writes = 0

    def came(self) -> float:
        """A request is here as a whole. The moment, in seconds since 1970."""
        self._busy += 1
        self._most = max(self._most, self._busy)
        return time.time()

    def note(self, method: str, path: str, query: Query, status: int, at: float) -> None:
        """Count one request that came `at` that moment, and is about to be answered."""
        self._busy -= 1
        pattern = _FILE.sub(r"\1{name}", _NUMBER.sub("/{id}", path))
        self._counts[f"{method} {pattern}"] += 1
        self._statuses[str(status)] += 1
        write = method in _WRITES and path.startswith("/api/")
        self._writes += write
        shown = build_query({k: v for k, v in query.items() if k not in _SECRET})
        self._recent.append(
            {
                "method": method,
                "path": path,
                "query": shown,
                "status": status,
                "at": at,
                "elapsed_ms": round((time.time() - at) * 1000, 1),
            }
        )

    def report(self, last: int) -> Json:
        """Counts and the ``last`` requests."""
        total = sum(self._counts.values())
        return {
            "total": total,
            "reads": total - self._writes,
            "writes": self._writes,
            "counts": dict(self._counts),
            "statuses": dict(self._statuses),
            "most_at_a_time": self._most,
            "recent": [*self._recent][-last:] if last else [],
        }


class Workers:
    """A pool of workers, each busy for ``delay_ms`` with every request before it does the work."""

    def __init__(self, knobs: Slots) -> None:
        self._knobs = knobs
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a free worker, and for what it does first."""
        await self._take()
        try:
            if self._knobs.delay_ms:
                await asyncio.sleep(self._knobs.delay_ms / 1000)
            yield
        finally:
            self._release()

    async def _take(self) -> None:
        while self._knobs.workers and self._busy >= self._knobs.workers:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._busy += 1

    def _release(self) -> None:
        self._busy -= 1
        if self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
