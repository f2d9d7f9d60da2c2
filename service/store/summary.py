"""A run in one sentence."""

from __future__ import annotations

from service.store.runs import RunFacts

OUTCOMES = (
    "created",
    "updated",
    "deleted",
    "unchanged",
    "skipped",
    "rejected",
    "failed",
    "uncertain",
    "altered",
)
ACTIONS = (
    ("create", "to create"),
    ("update", "to update"),
    ("delete", "to delete"),
    ("unchanged", "unchanged"),
    ("skip", "skipped"),
    ("reject", "rejected"),
)


def summary(facts: RunFacts, *, planned: bool | None = None) -> str:
    """`500 records read: 490 created, 10 rejected. 512 requests.`

    `planned`: what the plan holds rather than what was done; by default so for a dry run.
    """
    counts = facts.counts
    if planned is None:
        planned = facts.mode == "dry-run"
    if planned:
        parts = [f"{n} {word}" for action, word in ACTIONS if (n := counts.get(f"action:{action}", 0))]
    else:
        parts = [f"{n} {name}" for name in OUTCOMES if (n := counts.get(name, 0))]
    read = counts.get("read", 0)
    what = ", ".join(parts) or "nothing to do"
    records = "1 record" if read == 1 else f"{read} records"
    left_out = f", {n} left out" if (n := counts.get("left-out", 0)) else ""
    return f"{records} read{left_out}: {what}. {facts.requests} requests to the target."
