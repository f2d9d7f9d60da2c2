"""How far a run is, as a person would ask: what it does, how much of it, how fast, how long yet. Pure."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from service.admin.words import MODES, duration, number, plural
from service.store.runs import RunFacts
from service.store.states import ACTIVE
from service.store.summary import OUTCOMES

WINDOW = 20_000
"""Milliseconds over which the pace is measured while somebody looks."""
LEAST = 2_000
"""Over less, it is not told."""


class Progress(Struct, frozen=True):
    """`total` None: nobody knows yet. `rate` in records a second; `left` in milliseconds."""

    stage: str
    done: int
    total: int | None
    rate: float | None
    left: int | None
    waits: str = ""
    """What it waits for and until when, in a sentence."""

    @property
    def percent(self) -> float | None:
        return min(100.0, 100 * self.done / self.total) if self.total else None

    @property
    def words(self) -> str:
        """`1,200 of 5,000 records`"""
        if self.total is None:
            return plural(self.done, "record")
        return f"{number(self.done)} of {plural(self.total, 'record')}"

    @property
    def rate_words(self) -> str:
        if self.rate is None:
            return "–"
        return f"{self.rate:,.0f} a second" if self.rate >= 10 else f"{self.rate:.1f} a second"

    @property
    def left_words(self) -> str:
        return f"about {duration(self.left)}" if self.left is not None else "–"


class Meter:
    """Watches a run go on, and tells its pace over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[str, int, int]] = deque()

    def rate(self, stage: str, done: int, now: int) -> float | None:
        """Records a second, from what was seen in this stage; None before anything was."""
        if self._seen and self._seen[-1][0] != stage:
            self._seen.clear()
        self._seen.append((stage, done, now))
        while now - self._seen[0][2] > WINDOW and len(self._seen) > 2:
            self._seen.popleft()
        _, before, since = self._seen[0]
        return 1000 * (done - before) / (now - since) if now - since >= LEAST else None


def progress(run: RunFacts, now: int, meter: Meter | None = None) -> Progress | None:
    """Of a run that goes on; None once it has ended. Times in ms since 1970 UTC."""
    if run.state not in ACTIVE:
        return None
    writes = run.planned_at is not None
    done = sum(run.counts.get(name, 0) for name in OUTCOMES) if writes else run.counts.get("read", 0)
    total = run.counts.get("planned") if writes else run.records_total
    began = run.planned_at if writes else run.started_at
    rate = meter.rate(run.phase, done, now) if meter is not None else None
    if rate is None and began is not None and now - began >= LEAST and run.state == "running":
        rate = 1000 * done / (now - began)
    waits = _waits(run, now)
    if waits:
        rate = None
    left = int(1000 * (total - done) / rate) if rate and total is not None and total > done else None
    return Progress(_stage(run, writes), done, total, rate or None, left, waits)


def _stage(run: RunFacts, writes: bool) -> str:
    if run.cancel_requested:
        return "Being cancelled"
    match run.state:
        case "scheduled":
            return "Waiting for a worker"
        case "paused":
            return "Paused"
        case "interrupted":
            return "Its worker went away; another one takes over soon"
    if run.pause_requested:
        return "Being paused"
    if writes:
        return "Taking back in Omeka" if run.mode == "undo" else "Writing into Omeka"
    what = "Finding out what is to be taken back" if run.mode == "undo" else "Reading and comparing"
    return f"{what} (nothing is written yet)"


def _waits(run: RunFacts, now: int) -> str:
    """`The target answered 503; it goes on in 12 s.`"""
    if run.state != "waiting" or not run.waiting_for:
        return ""
    said = run.waiting_for.rstrip(".")
    if run.waiting_until is None:
        return f"{said}."
    soon = run.waiting_until - now
    return f"{said}. Next try {'in ' + duration(soon) if soon > 1000 else 'now'}."


def title(run: RunFacts) -> str:
    """`Dry run`, `Undo (its plan only)`"""
    return f"{MODES.get(run.mode, run.mode)}{' (its plan only)' if run.options.dry_run else ''}"
