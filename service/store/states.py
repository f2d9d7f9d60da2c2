"""The states of runs and batches, derived from what is recorded. Nothing sets a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

RunState = Literal[
    "scheduled",
    "running",
    "waiting",
    "paused",
    "interrupted",
    "dry-run",
    "complete",
    "complete-with-errors",
    "failed",
    "cancelled",
    "undone",
]
BatchState = Literal["uploading", RunState]
RunMode = Literal["import", "dry-run", "retry", "undo"]
Ending = Literal["finished", "failed", "cancelled"]

ACTIVE: frozenset[RunState] = frozenset({"scheduled", "running", "waiting", "paused", "interrupted"})
FAULTS = ("rejected", "failed", "uncertain", "altered", "unused")
"""Counts that make a finished import `complete-with-errors`."""


class RunColumns(Protocol):
    """What of a run's row its state follows from."""

    @property
    def mode(self) -> str: ...
    @property
    def ending(self) -> str | None: ...
    @property
    def started_at(self) -> int | None: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def lease_until(self) -> int: ...
    @property
    def pause_requested_at(self) -> int | None: ...
    @property
    def waiting_until(self) -> int | None: ...


def run_state(
    run: RunColumns, faults: int, now: int, *, preview: bool = False, obstructed: bool = False
) -> RunState:
    """The state of a run; `faults` is the sum of its counts named in :data:`FAULTS`, `now` in ms.

    `preview`: an undo that only shows its plan. `obstructed`: another run is in the way to its scopes.
    """
    if run.ending == "failed":
        return "failed"
    if run.ending == "cancelled":
        return "cancelled"
    if run.ending == "finished":
        if run.mode == "dry-run" or preview:
            return "dry-run"
        if run.mode == "undo":
            return "undone"
        return "complete-with-errors" if faults else "complete"
    if run.pause_requested_at is not None and (run.owner is None or run.lease_until < now):
        # Until its worker has heard of it and given it back, it is what it was.
        return "paused"
    if run.started_at is None or run.owner is None:
        # Never claimed, or given back in order by a worker that was told to stop, or that lacks something.
        return "waiting" if obstructed or run.waiting_until is not None else "scheduled"
    if run.lease_until < now:
        return "interrupted"
    return "waiting" if run.waiting_until is not None else "running"


def batch_state(states_newest_first: Sequence[RunState]) -> BatchState:
    """The state of a batch: that of its newest run, or `uploading` when there was none."""
    return states_newest_first[0] if states_newest_first else "uploading"
