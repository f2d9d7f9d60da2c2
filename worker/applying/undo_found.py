"""The resources of an undo, found again while it is planned. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from service.store import links, plans
from service.store.database import Database
from service.store.plans import Entry
from worker.applying import images
from worker.applying.images import PreImage
from worker.records import identity_digest
from worker.targets.base import Adapter

SLICE = 200
"""Entries that are read at a time."""
KEY = "undo"
"""`plan_key.scope` under which the resources of an undo are found again while it is planned."""
LEFT = 0
"""`plan_key.seq` of those that were not chosen."""


def met(
    db: Database, run_id: str, subjects: Collection[tuple[str, int]]
) -> tuple[dict[tuple[str, int], Entry], set[tuple[str, int]]]:
    """Which of these resources were met before: with their entries, or left out."""
    digests = {digest_of(number): number for _, number in subjects}
    keys = links.keys_among(db, run_id, KEY, list(digests))
    found = plans.entries_by_seq(db, run_id, [one.seq for one in keys if one.seq != LEFT])
    # Others may have the same number: item 5 is not collection 5.
    known = {subject: one for one in found.values() if (subject := subject_of(one)) in subjects}
    left = {(one.kind, digests[one.key_digest]) for one in keys if one.seq == LEFT}
    return known, left


def in_order(adapter: Adapter, state: bytes, order: Sequence[int]) -> bytes:
    """The earlier state of an item, with the order of its media where it does not tell one."""
    image = images.unpack(state)
    if not order or adapter.saved(image.saved, "item").media_known:
        return state
    saved = adapter.with_order(image.saved, order)
    return images.pack(msgspec.structs.replace(image, saved=saved))


def image_of(entry: Entry) -> PreImage:
    assert entry.before is not None, "what is restored has an earlier state"
    return images.unpack(entry.before)


def subject_of(entry: Entry) -> tuple[str, int]:
    return entry.kind, entry.resource_id or 0


def digest_of(number: int) -> str:
    return identity_digest((str(number),))
