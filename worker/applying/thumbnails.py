"""Thumbnails whose assets did not come to stand: what becomes of the resources that were to show them. Pure.

The asset stands in the plan before its resources, and the target refused it, or its name is not there for
another reason. That costs the thumbnail; the resource is written without it, and the next import tries again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct

from service.store.plans import Entry
from worker.records import Draft, Problem
from worker.targets.base import Adapter


class Lack(Struct, frozen=True):
    """A resource that is written without its thumbnail."""

    seq: int
    problem: Problem


def without_missing(
    adapter: Adapter, drafts: Sequence[tuple[Entry, Draft]]
) -> tuple[list[Draft], tuple[Lack, ...]]:
    """The drafts, without thumbnails that are not there; of one that is needed the problem rejects."""
    result: list[Draft] = []
    lacks: list[Lack] = []
    for entry, draft in drafts:
        name = draft.fields.thumbnail
        if draft.picture is not None and isinstance(name, str) and not adapter.has_asset(name):
            lacks.append(Lack(entry.seq, _problem(draft)))
            fields = msgspec.structs.replace(draft.fields, thumbnail=UNSET)
            draft = msgspec.structs.replace(draft, picture=None, fields=fields)
        result.append(draft)
    return result, tuple(lacks)


def refusal(lacks: Sequence[Lack]) -> Problem | None:
    return next((one.problem for one in lacks if one.problem.severity != "warning"), None)


def _problem(draft: Draft) -> Problem:
    assert draft.picture is not None
    what = f"No asset could be made of “{draft.picture.value}”: why stands at that asset."
    if draft.picture.needed:
        return Problem("reject", "thumbnail-missing", f"{what} The record is not to be written without it.")
    return Problem(
        "warning", "thumbnail-missing", f"{what} The {draft.kind} was written without a thumbnail."
    )
