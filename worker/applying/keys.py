"""Numbers of resources, told apart by kind where a target counts each kind by itself.

What an undo maps (an old number to the number by now, what comes back) it maps by `Adapter.key`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from service.store import undo
from service.store.database import Database
from service.store.put_back import numbers_now
from worker.records import KINDS, RESOURCES, Kind
from worker.targets.base import Adapter


def keys_now(db: Database, batch_id: str, keys: Collection[int], adapter: Adapter) -> dict[int, int]:
    """Old key → the one that it has by now, of resources that any undo on the batch's target put back."""
    ids = {number for kind in RESOURCES for number in numbers(keys, kind, adapter)}
    found = {
        adapter.key(KINDS[kind], old): adapter.key(KINDS[kind], now)
        for (kind, old), now in numbers_now(db, batch_id, sorted(ids)).items()
        if kind in RESOURCES
    }
    return {key: now for key, now in found.items() if key in keys}


def coming_back(db: Database, undo_run: str, adapter: Adapter) -> set[int]:
    """The keys of everything that this undo creates again."""
    return {adapter.key(KINDS[kind], number) for kind, number in undo.to_recreate(db, undo_run)}


def numbers(keys: Collection[int], kind: Kind, adapter: Adapter) -> list[int]:
    """Those of that kind, ascending; all of them where the kinds share one series."""
    found = (adapter.number(key, kind) for key in keys)
    return sorted({one for one in found if one is not None})


def renumbered(numbers: Mapping[int, int], kind: Kind, number: int, adapter: Adapter) -> int:
    """The number of a resource by now."""
    key = adapter.key(kind, number)
    now = adapter.number(numbers.get(key, key), kind)
    assert now is not None, "what is put back is of the kind that it was"
    return now
