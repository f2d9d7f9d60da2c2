"""What went with the resources that an undo brings back: links, places, orders. Blocking, in the planning
thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from itertools import islice

import msgspec

from service.store import plans
from service.store.plans import Entry
from service.store.unlinked import media_put_back, undos_since_written
from worker.applying import keys
from worker.applying.images import PreImage
from worker.applying.undo_found import SLICE, image_of, in_order, met
from worker.applying.undo_left import take_over
from worker.applying.undo_step import Step, step_of
from worker.context import RunContext
from worker.planning.look_ups import Reads
from worker.records import RESOURCES, Kind
from worker.targets.base import Adapter

RELINK = 2
"""Depth of what gives links back: behind all that is created again and restored."""


class UndoLinks:
    """Of the undo of one batch, once it is planned what comes back and what is restored."""

    def __init__(self, context: RunContext, adapter: Adapter, reads: Reads) -> None:
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._batch_id = context.batch_id
        self._adapter = adapter
        self._reads = reads

    def bring_back(self, last: int) -> None:
        """Entries that give back what went with the resources that are created again: one a resource, since
        each change of it says all of its values."""
        unlinked = list(take_over(self._context, self._reads))
        coming = keys.coming_back(self._db, self._run_id, self._adapter)
        if not coming:
            return
        followers: dict[tuple[str, int], Entry] = {}
        sources: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        own = self._own({(kind, number) for kind, number, _ in unlinked})
        for kind, number, there in unlinked:
            if (kind, number) not in own:
                followers.setdefault((kind, number), _follower(there[0], kind, number))
                sources[kind, number].extend(one.seq for one in there)
        after = 0
        while page := plans.read_plan(self._db, self._run_id, after=after, limit=SLICE):
            after = page[-1].seq
            made = self._linking([one for one in page if one.action == "create" and one.seq <= last], coming)
            with self._context.transaction() as connection:
                plans.replace_entries(connection, self._run_id, [one.seq for one in made], made)
            self._tell_orders(made, coming)
            for entry in made:
                for kind, number in self._followers(entry, image_of(entry), coming):
                    followers.setdefault((kind, number), _follower(entry, kind, number))
                    sources[kind, number].append(entry.seq)
        seq = plans.highest_seq(self._db, self._run_id)
        ready = iter(followers.items())
        while chunk := list(islice(ready, SLICE)):
            entries = []
            for subject, follower in chunk:
                seq += 1
                step = msgspec.json.encode(Step(sources=tuple(sources[subject])))
                entries.append(msgspec.structs.replace(follower, seq=seq, draft=step))
            with self._context.transaction() as connection:
                plans.insert_entries(connection, self._run_id, entries)

    def _tell_orders(self, made: Sequence[Entry], coming: set[int]) -> None:
        """Tell the entries that give items their earlier state how the files stood that come back to them: a
        target may tell that apart from the item, so it is not in that state."""
        placed = [
            (image, item) for image in map(image_of, made) if (item := self._item_of(image)) is not None
        ]
        wanted = {self._adapter.key("item", item) for _, item in placed} - coming
        if not wanted:
            return
        numbers = keys.keys_now(self._db, self._batch_id, wanted, self._adapter)
        orders: dict[tuple[str, int], tuple[int, ...]] = {}
        for image, item in placed:
            subject = ("item", keys.renumbered(numbers, "item", item, self._adapter))
            # The one that went first tells most.
            orders[subject] = max(orders.get(subject, ()), image.order, key=len)
        told = []
        for subject, one in met(self._db, self._run_id, sorted(orders))[0].items():
            if one.action != "update" or one.before is None:
                continue
            told.append(
                msgspec.structs.replace(one, before=in_order(self._adapter, one.before, orders[subject]))
            )
        with self._context.transaction() as connection:
            plans.replace_entries(connection, self._run_id, [one.seq for one in told], told)

    def tell_earlier_orders(self) -> None:
        """The same of files that an undo of this batch has brought back which did not come to its end, and
        may not have put them in their places."""
        for run_id in undos_since_written(self._db, self._batch_id, self._run_id):
            after = 0
            while page := media_put_back(self._db, run_id, after, SLICE):
                self._context.check()
                after = page[-1].seq
                self._tell_orders(page, set())

    def _item_of(self, image: PreImage) -> int | None:
        """The item of a media whose place among others was noted."""
        if image.kind != "media" or not image.order:
            return None
        return self._adapter.item_of(self._adapter.saved(image.saved, "media"))

    def _linking(self, entries: Sequence[Entry], coming: set[int]) -> list[Entry]:
        """Entries of what comes back, with what became meanwhile of the resources that it linked to."""
        linked = {one.seq: self._linked(image_of(one)) - coming for one in entries}
        wanted = set[int]().union(*linked.values())
        numbers = keys.keys_now(self._db, self._batch_id, wanted, self._adapter)
        left = {numbers.get(one, one) for one in wanted}
        for kind in RESOURCES:
            if ids := keys.numbers(left, kind, self._adapter):
                left -= {self._adapter.key(kind, one) for one in self._reads.current(kind, ids)}
        result = []
        for entry in entries:
            step = msgspec.structs.replace(
                step_of(entry),
                numbers={one: numbers[one] for one in linked[entry.seq] if one in numbers},
                dead=tuple(sorted(one for one in linked[entry.seq] if numbers.get(one, one) in left)),
            )
            result.append(msgspec.structs.replace(entry, draft=msgspec.json.encode(step)))
        return result

    def _linked(self, image: PreImage) -> set[int]:
        found = set(self._adapter.linked_in(image.saved, image.kind))
        return found.union(*(self._adapter.linked_in(one, "media") for one in image.media))

    def _followers(self, entry: Entry, image: PreImage, coming: set[int]) -> list[tuple[Kind, int]]:
        """What has to be changed once this is there again."""
        subjects: set[tuple[Kind, int]] = {(one.kind, one.id) for one in image.inbound}
        subjects |= {("item", number) for number in image.members}
        # Its place among others: they may not stand as the numbers of their places say.
        if (item := self._item_of(image)) is not None:
            subjects.add(("item", item))
        wanted = {self._adapter.key(kind, number) for kind, number in subjects}
        numbers = keys.keys_now(self._db, self._batch_id, wanted - coming, self._adapter)
        subjects = {
            (kind, keys.renumbered(numbers, kind, number, self._adapter)) for kind, number in subjects
        }
        subjects -= self._own(subjects)
        saved = self._adapter.saved(image.saved, image.kind)
        own_links = self._adapter.linked_in(image.saved, image.kind) & coming
        if saved.chosen is not None or own_links or self._adapter.comes_after(saved):
            # Its own links to what comes back too, which of its media is the primary one, and what no create
            # says: written once all of them are there.
            subjects.add((image.kind, entry.resource_id or 0))
        return sorted(subjects)

    def _own(self, subjects: Set[tuple[Kind, int]]) -> set[tuple[Kind, int]]:
        """Those that this very undo deletes, or gives their whole earlier state: they need no more, and must
        not be touched."""
        known, _ = met(self._db, self._run_id, sorted(subjects))
        return {one for one in subjects if one in known and known[one].action in ("update", "delete")}


def _follower(entry: Entry, kind: str, number: int) -> Entry:
    return msgspec.structs.replace(
        entry,
        kind=kind,
        action="complete",
        completes=entry.seq,
        depth=RELINK,
        resource_id=number,
        draft=None,
        before=None,
        changes=None,
        problems=None,
        code=None,
        message=None,
        key_digest=None,
        outcome=None,
        outcome_id=None,
    )
