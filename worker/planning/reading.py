"""What stands in the target, for the planning thread: listings, and representations that are read once.

A kept copy counts while the target lists the same stamp for the resource, and while all that it links to
stands: Omeka takes links to a deleted resource away without a stamp. Nothing is ever a request a record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import anyio.from_thread

from service.store import representations
from service.store.representations import Kept
from worker.applying.outage import Outage
from worker.context import RunContext
from worker.planning.merging import representation
from worker.records import RESOURCES, Kind, identity_digest
from worker.targets.base import Adapter, Saved

T = TypeVar("T")

SLICE = 500
"""Kept copies a query."""
HUNDRED = 100
"""Resources a request."""


class Representations:
    """Resources of one target as they stand, for one run.

    Blocking: its methods are called in threads that anyio started. They wait while the target is away, and
    raise what `Outage.wait` raises.
    """

    def __init__(self, context: RunContext, adapter: Adapter, outage: Outage) -> None:
        self._context = context
        self._db = context.db
        self._target = context.target
        self._adapter = adapter
        self._outage = outage
        self._listings: dict[Kind, dict[int, str]] = {}
        self._gone: defaultdict[Kind, set[int]] = defaultdict(set)
        self._later: dict[tuple[Kind, int], str] = {}
        """The stamps of what was edited after it was listed, and read since."""

    def listing(self, kind: Kind) -> Mapping[int, str]:
        """Number → modified of everything of the kind, listed once."""
        if kind not in self._listings:
            self.list_anew(kind)
        return self._listings[kind]

    def list_anew(self, kind: Kind) -> Mapping[int, str]:
        """The same, as it is now."""
        self._listings[kind] = dict(self._ask(lambda: self._adapter.listing(kind)))
        return self._listings[kind]

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        """These resources as they stand; those that are not listed, or are gone since, are absent."""
        listing = self.listing(kind)
        wanted = [number for number in dict.fromkeys(ids) if number in listing]
        found: dict[int, Saved] = {}
        for part in _sliced(wanted, SLICE):
            found.update(self._kept(kind, part))
        for part in _sliced([number for number in wanted if number not in found], HUNDRED):
            found.update(self._read(kind, part))
        return found

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        """The same, read now: which media an item has changes without a stamp of the item."""
        listing = self.listing(kind)
        found: dict[int, Saved] = {}
        for part in _sliced([number for number in dict.fromkeys(ids) if number in listing], HUNDRED):
            for number, saved in self._read(kind, part).items():
                found[number] = saved if saved.media_known else self.with_media(saved)
        return found

    def with_media(self, saved: Saved) -> Saved:
        """An item that knows its media."""
        return self._ask(lambda: self._adapter.with_media(saved))

    def gone(self, kind: Kind, ids: Sequence[int]) -> frozenset[int]:
        """Which of these neither the listing has nor a read by number finds. What is found all the same is
        put into the listing."""
        listing = self.listing(kind)
        asked = self._gone[kind]
        doubtful = [one for one in dict.fromkeys(ids) if one not in listing and one not in asked]
        for part in _sliced(doubtful, HUNDRED):
            there = self._read(kind, part)
            self._listings[kind].update({number: saved.modified for number, saved in there.items()})
            asked.update(number for number in part if number not in there)
        return frozenset(asked.intersection(ids))

    def bear(self, kind: Kind, digest: str, by: tuple[str, ...], ids: Sequence[int]) -> list[int]:
        """Which of these resources bear the identity as they stand."""
        current = self.current(kind, ids)
        return [
            number
            for number in ids
            if number in current
            and digest in map(identity_digest, self._adapter.identities(current[number], by))
        ]

    def _kept(self, kind: Kind, ids: Sequence[int]) -> dict[int, Saved]:
        listing = self._listings[kind]
        found: dict[int, Saved] = {}
        if not self._adapter.stamped(kind):
            return found
        for copy in representations.kept(self._db, self._target, kind, ids):
            number = copy.resource_id
            stamp = self._later.get((kind, number), listing[number])
            if number in found or copy.modified != stamp:
                continue
            saved = self._adapter.saved(copy.saved, kind)
            if self._links_stand(saved):
                found[number] = saved
        return found

    def _links_stand(self, saved: Saved) -> bool:
        left = self._adapter.linked(saved)
        for kind in RESOURCES:
            if not left:
                break
            left = left - self.listing(kind).keys()
        return not left

    def _read(self, kind: Kind, ids: Sequence[int]) -> dict[int, Saved]:
        self._context.check()
        read = {saved.id: saved for saved in self._ask(lambda: self._adapter.read(kind, ids))}
        listing = self._listings[kind]
        for number, saved in read.items():
            if saved.modified != listing.get(number):
                self._later[kind, number] = saved.modified
        rows = [Kept(saved.id, saved.modified, representation(saved)) for saved in read.values()]
        with self._context.transaction() as connection:
            representations.keep(connection, self._target, kind, rows)
        return read

    def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        return anyio.from_thread.run(self._outage.patiently, call)


def _sliced(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
