"""How long things are kept, and which phases say that they are no longer there.

What is removed of a run is told by its `phase`, which goes on from `done`:

- `reducing`, then `reduced`: only what an undo needs is still there;
- `removing`, then `removed`: only the run itself is, with its counts.

The first of each pair is set in one transaction, before any row goes: from then on nobody counts on the
rows, so it does not matter when (or whether at once) they go. The second says that all of them have gone.
"""

from __future__ import annotations

from msgspec import Struct

from service.settings import Settings

DAY = 24 * 3600 * 1000
"""Milliseconds."""

REDUCED = ("reducing", "reduced")
REMOVED = ("removing", "removed")
GONE_PHASES = (*REDUCED, *REMOVED)
"""Phases of runs whose report, plan and log are not there any more."""


class Retention(Struct, frozen=True):
    """In days, as in the settings; 0: for ever. See `docs/retention.md`."""

    uploads: float = 0
    dry_runs: float = 0
    batches: float = 0
    reports: float = 0
    undo: float = 0


def retention_of(settings: Settings) -> Retention:
    return Retention(
        uploads=settings.retention_uploads,
        dry_runs=settings.retention_dry_runs,
        batches=settings.retention_batches,
        reports=settings.retention_reports,
        undo=settings.retention_undo,
    )


def cutoff(now: int, days: float) -> int | None:
    """What was last used before this moment (ms) is kept no longer; None: it is kept for ever."""
    return now - int(days * DAY) if days > 0 else None


def shown_days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"
