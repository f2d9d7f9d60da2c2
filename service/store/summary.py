"""A run in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from service.store.runs import RunFacts

OUTCOMES = (
    "updated",
    "created",
    "deleted",
    "unpublished",
    "undone",
    "unchanged",
    "skipped",
    "rejected",
    "failed",
    "uncertain",
    "altered",
)
ACTIONS = (
    ("update", "to update"),
    ("create", "to create"),
    ("delete", "to delete"),
    ("unpublish", "to unpublish"),
    ("unchanged", "unchanged"),
    ("skip", "skipped"),
    ("reject", "rejected"),
)
NOTHING = "nothing to do"
_PLANNED = [(f"action:{action}", words) for action, words in ACTIONS]


def summary(facts: RunFacts, *, planned: bool | None = None, going: bool = False) -> str:
    """`500 records read: 20 updated, 10 created, 470 unchanged. 42 requests to the target.`

    `planned`: what the plan holds rather than what was done; by default so for a dry run.
    `going`: the run goes on, so what is not done may still come.
    """
    counts = facts.counts
    if planned is None:
        planned = facts.mode == "dry-run" or facts.options.dry_run
    nothing = "nothing done yet" if going else NOTHING
    names = _PLANNED if planned else [(name, name) for name in OUTCOMES]
    what = _words(names, counts) or nothing
    left_out = f", {n} left out" if (n := counts.get("left-out", 0)) else ""
    return f"{records(facts)} read{left_out}: {what}. {facts.requests} requests to the target."


def planned_words(counts: Mapping[str, int]) -> str:
    """`20 to update, 10 to create, 465 unchanged`: what a plan holds."""
    return _words(_PLANNED, counts) or NOTHING


def records(facts: RunFacts) -> str:
    """What the run is about: records of files, or of an undo the resources that its batch has changed."""
    read = facts.counts.get("read", 0)
    what = "resource" if facts.mode == "undo" else "record"
    return f"{read} {what}" if read == 1 else f"{read} {what}s"


def _words(names: list[tuple[str, str]], counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {words}" for name, words in names if (n := counts.get(name, 0)))
