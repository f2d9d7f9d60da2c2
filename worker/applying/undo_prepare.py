"""Entries of an undo made ready to be sent: earlier states against what stands there now."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from service.store import journal, plans
from service.store.journal import OpenOperation
from service.store.ledger import LedgerRow
from service.store.plans import Entry
from service.store.put_back import stamp_now
from worker.applying import images, keys, standing
from worker.applying.images import PreImage
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing, kind_of, operation
from worker.applying.prepared import Prepared, Surroundings, as_sent, read_since
from worker.applying.results import RefusedResult, Stands
from worker.applying.shown_assets import ShownAssets
from worker.applying.undo_step import step_of
from worker.context import RunContext
from worker.records import RESOURCES, Content, Draft, Kind
from worker.targets.base import Adapter, Linking, Saved, SentFile


class UndoPreparer:
    """Makes the entries of an undo ready, in groups. See `Preparer`, whose place it takes."""

    def __init__(self, context: RunContext, adapter: Adapter, outage: Outage) -> None:
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._adapter = adapter
        self._outage = outage
        self._coming: frozenset[int] | None = None
        self._shown = ShownAssets(context.db, context.target, adapter)

    async def surroundings(self, entries: Sequence[Entry]) -> Surroundings:
        if self._coming is None:
            self._coming = frozenset(await self._db.run(keys.coming_back, self._run_id, self._adapter))
        completed = sorted({one.completes for one in entries if one.completes is not None})
        others = await self._db.run(plans.entries_by_seq, self._run_id, completed)
        attempts = await self._db.run(journal.attempts, self._run_id, [one.seq for one in entries])
        return Surroundings({}, {}, others, attempts)

    async def prepare(self, entries: Sequence[Entry], highest: Mapping[Kind, int]) -> list[Prepared]:
        """One for each entry, in order."""
        about = await self.surroundings(entries)
        pictures = await self._pictures(entries)
        numbers = await self._numbers(entries, pictures)
        # From here on it is being read; a wait before that makes nothing stale.
        await self._outage.admitted()
        read_at = time.monotonic()
        saved = await self._standing(entries, numbers)
        known = await self._known(entries)
        prepared: list[Prepared] = []
        for entry in entries:
            attempt = about.attempts.get(entry.seq, 0) + 1
            if entry.action == "create":
                above = highest.get(kind_of(entry), 0)
                prepared.append(self._recreate(entry, pictures[entry.seq], attempt, above))
                continue
            number = self._number_now(entry, numbers)
            current = saved.get((kind_of(entry), number))
            if current is None:
                prepared.append(self._gone(entry))
            elif entry.action != "complete" and await self._conflict(entry, current):
                prepared.append(self._left(entry, current))
            elif entry.action == "delete":
                used = await self._use_of(current)
                if used is None:
                    prepared.append(self._delete(entry, current, known.get(entry.seq), attempt))
                else:
                    prepared.append(self._used(entry, current, used))
            else:
                one = await self._change(entry, current, pictures, numbers, attempt)
                main = about.others.get(entry.completes or 0)
                prepared.append(_completing(one, main) if entry.action == "complete" else one)
        return [read_since(one, read_at) for one in prepared]

    async def _use_of(self, current: Saved) -> str | None:
        """What would be lost with it, were it deleted; None: nothing."""
        if current.kind == "asset" and (shown := await self._shown.by(current.id)) is not None:
            return f"It is the thumbnail of {shown}, which would lose it."
        return await self._outage.patiently(partial(self._adapter.in_use, current))

    async def _change(
        self,
        entry: Entry,
        current: Saved,
        pictures: Mapping[int, PreImage],
        numbers: Mapping[int, int],
        attempt: int,
    ) -> Prepared:
        """What gives a resource its earlier state, or the links back that went with others."""
        if entry.action == "complete":
            parts = [pictures[seq] for seq in step_of(entry).sources]
            if any(one.order for one in parts) and not current.media_known:
                current = await self._outage.patiently(partial(self._adapter.with_media, current))
            return self._relink(entry, current, parts, numbers, attempt)
        image = pictures[entry.seq]
        if self._earlier(image).media_ids and not current.media_known:
            current = await self._outage.patiently(partial(self._adapter.with_media, current))
        return self._restore(entry, current, image, numbers, await self._dead_links(image, numbers), attempt)

    def create(
        self, entry: Entry, about: Surroundings, above_id: int, attempt: int | None = None
    ) -> Outgoing | RefusedResult:
        """The create of an entry as it was sent. `prepare` or `as_meant` has been called before."""
        assert entry.before is not None
        number = attempt if attempt is not None else about.attempts.get(entry.seq, 0) + 1
        return self._recreate(entry, images.unpack(entry.before), number, above_id)

    async def as_meant(self, entry: Entry, opened: OpenOperation) -> Outgoing | None:
        """The operation of an intent without outcome, as it was sent; None where that cannot be told."""
        if opened.method == "create":
            return await as_sent(self._context, self, entry, opened)
        about = await self.surroundings([entry])
        if opened.method == "delete" and opened.resource_id is not None:
            gone = self._outgoing(entry, "delete", opened.resource_id, b"", opened.attempt)
            return msgspec.structs.replace(gone, forgets=entry.key_digest is not None)
        if opened.pre_image is None:
            return None
        stood = images.unpack(opened.pre_image)
        pictures = await self._pictures([entry])
        again = await self._change(
            entry,
            self._adapter.saved(stood.saved, stood.kind),
            pictures,
            await self._numbers([entry], pictures),
            opened.attempt,
        )
        if not isinstance(again, Outgoing) or again.digest != opened.payload_digest:
            return None  # restoring again finds out what is left to do
        main = about.others.get(entry.completes or 0)
        return msgspec.structs.replace(again, completed=main if entry.action == "complete" else None)

    # --- what is needed ---------------------------------------------------------------------------

    async def _pictures(self, entries: Sequence[Entry]) -> dict[int, PreImage]:
        """What stood before, of these entries and of what brings links back to them."""
        sources = [seq for one in entries if one.action == "complete" for seq in step_of(one).sources]
        deleted = await self._db.run(plans.entries_by_seq, self._run_id, sorted(set(sources)))
        together = (*entries, *deleted.values())
        return {one.seq: images.unpack(one.before) for one in together if one.before is not None}

    async def _numbers(self, entries: Sequence[Entry], pictures: Mapping[int, PreImage]) -> dict[int, int]:
        """Old number → new one, of everything that these entries speak of and that was created again."""
        key = self._adapter.key
        wanted = {key(kind_of(one), one.resource_id) for one in entries if one.resource_id is not None}
        for image in pictures.values():
            wanted |= self._adapter.linked_in(image.saved, image.kind) | {key(image.kind, image.id)}
            wanted |= {key(one.kind, one.id) for one in image.inbound}
            wanted |= {key("item", one) for one in image.members}
            wanted |= {key("media", one) for one in (*image.order, *self._earlier(image).media_ids)}
        return await self._db.run(keys.keys_now, self._context.batch_id, wanted, self._adapter)

    async def _standing(
        self, entries: Sequence[Entry], numbers: Mapping[int, int]
    ) -> dict[tuple[Kind, int], Saved]:
        ids: defaultdict[Kind, set[int]] = defaultdict(set)
        for entry in entries:
            if entry.action != "create" and entry.resource_id is not None:
                ids[kind_of(entry)].add(self._number_now(entry, numbers))
        return {
            (kind, one.id): one
            for kind, several in ids.items()
            for one in await standing.read(self._adapter, self._outage, kind, several)
        }

    def _number_now(self, entry: Entry, numbers: Mapping[int, int]) -> int:
        """The number of an entry's resource by now. Numbers of what is no resource stay."""
        number = entry.resource_id or 0
        if entry.kind not in RESOURCES:
            return number
        return keys.renumbered(numbers, kind_of(entry), number, self._adapter)

    async def _known(self, entries: Sequence[Entry]) -> dict[int, LedgerRow]:
        """Entry → what the ledger holds of its resource; None of a resource that took its place since."""
        return await self._db.run(standing.own_rows, self._context.target, entries)

    async def _dead_links(self, image: PreImage, numbers: Mapping[int, int]) -> frozenset[int]:
        """What the earlier state links to and that is there no more: such a value would be refused."""
        left = set(self._adapter.linked_in(image.saved, image.kind)) - numbers.keys()
        for kind in RESOURCES:
            if ids := keys.numbers(left, kind, self._adapter):
                there = await standing.read(self._adapter, self._outage, kind, ids)
                left -= {self._adapter.key(kind, one.id) for one in there}
        return frozenset(left)

    # --- operations -------------------------------------------------------------------------------

    def _recreate(self, entry: Entry, image: PreImage, attempt: int, above: int) -> Outgoing:
        """Without what links to others that come back too: whichever is first, the request is the same."""
        assert self._coming is not None
        step = step_of(entry)
        without = self._coming.union(step.dead)
        payload = self._adapter.recreate_payload(
            image.saved, image.kind, image.media, step.numbers, without, images.place_of(image)
        )
        made = self._outgoing(entry, "create", None, payload, attempt, above)
        earlier = self._earlier(image)
        media = [self._adapter.saved(one, "media") for one in image.media]
        files = [*([earlier] if image.kind == "media" else []), *media]
        request = msgspec.structs.replace(made.operation, files=self._files(files))
        row = image.ledger
        if row is not None and row.part_of is not None:
            part_of = keys.renumbered(step.numbers, "item", row.part_of, self._adapter)
            row = msgspec.structs.replace(row, part_of=part_of)
        return msgspec.structs.replace(
            made, operation=request, ledger=row, parts=image.media_ledger, puts_back=earlier
        )

    def _files(self, media: Sequence[Saved]) -> tuple[SentFile, ...]:
        """The files that come back with these."""
        originals = [found for one in media if (found := self._adapter.original(one)) is not None]
        return tuple(SentFile(one.name, one.media_type, Content(one.digest, one.size)) for one in originals)

    def _restore(
        self,
        entry: Entry,
        current: Saved,
        image: PreImage,
        numbers: Mapping[int, int],
        dead: frozenset[int],
        attempt: int,
    ) -> Prepared:
        payload = self._adapter.restore_payload(image.saved, image.kind, current, numbers, dead)
        earlier = self._earlier(image)
        if payload is None:
            stands = self._outgoing(entry, "update", current.id, b"", 0)
            stands = msgspec.structs.replace(stands, ledger=image.ledger, puts_back=earlier)
            return Stands(stands, current, "unchanged")
        made = self._outgoing(entry, "update", current.id, payload, attempt)
        return msgspec.structs.replace(
            made,
            before=current,
            pre_image=images.pack(images.image_of(current, None)),
            ledger=image.ledger,
            forgets=image.ledger is None,
            puts_back=earlier,
        )

    def _relink(
        self,
        entry: Entry,
        current: Saved,
        pictures: Sequence[PreImage],
        numbers: Mapping[int, int],
        attempt: int,
    ) -> Prepared:
        """What went with resources that are there again: its own links among them, then those that led there,
        the newest first; so each finds its place."""
        key = self._adapter.key
        here = key(current.kind, current.id)

        def now(kind: Kind, number: int) -> int:
            return numbers.get(key(kind, number), key(kind, number))

        own = next((one for one in pictures if now(one.kind, one.id) == here), None)
        values = self._own_links(own, numbers) if own is not None else []
        sets = self._own_sets(own, numbers) if own is not None else []
        linked = self._adapter.linked(self._earlier(own)) if own is not None else frozenset[int]()
        for image in pictures:
            if image is own or key(image.kind, image.id) not in numbers:
                continue  # what it led to could not be created again
            if image.id not in linked:  # otherwise it stands among its own
                values.extend(
                    Linking(one.term, one.value, one.position)
                    for one in image.inbound
                    if (one.kind, now(one.kind, one.id)) == (current.kind, here)
                )
            if current.kind == "item" and here in {now("item", one) for one in image.members}:
                sets.append(image.id)
        # Of several media the one that went first tells most of the order.
        orders = [one.order for one in pictures if one.kind == "media"] if current.kind == "item" else []
        order = [
            keys.renumbered(numbers, "media", one, self._adapter) for one in max(orders, key=len, default=())
        ]
        primary = _same_place(self._earlier(own), current) if own is not None else 0
        for image in pictures:
            if image.chosen and current.chosen is None:  # nobody has chosen another since
                primary = keys.renumbered(numbers, "media", image.id, self._adapter)
        before = self._earlier(own) if own is not None else None
        payload = self._adapter.relink_payload(current, values, sets, numbers, order, primary, before)
        if payload is None:
            return Stands(self._outgoing(entry, "update", current.id, b"", 0), current, "unchanged")
        made = self._outgoing(entry, "update", current.id, payload, attempt)
        pre_image = images.pack(images.image_of(current, None))
        return msgspec.structs.replace(made, before=current, pre_image=pre_image, puts_back=current)

    def _own_links(self, image: PreImage, numbers: Mapping[int, int]) -> list[Linking]:
        """The links of what was created again to what came back with it, in their order."""
        saved = self._earlier(image)
        assert self._coming is not None
        found = [
            one
            for number in self._adapter.linked(saved) & self._coming & numbers.keys()
            for one in self._adapter.values_linking(saved, number)
        ]
        return sorted(found, key=lambda one: (one.term, one.position))

    def _own_sets(self, image: PreImage, numbers: Mapping[int, int]) -> list[int]:
        """The item sets that it was in and that came back with it."""
        assert self._coming is not None
        return [
            one
            for one in self._adapter.memberships(self._earlier(image))
            if (key := self._adapter.key("item-set", one)) in self._coming and key in numbers
        ]

    def _earlier(self, image: PreImage) -> Saved:
        return self._adapter.saved(image.saved, image.kind)

    def _delete(self, entry: Entry, current: Saved, known: LedgerRow | None, attempt: int) -> Outgoing:
        made = self._outgoing(entry, "delete", current.id, b"", attempt)
        pre_image = images.pack(images.image_of(current, known))
        return msgspec.structs.replace(made, before=current, pre_image=pre_image, forgets=known is not None)

    async def _conflict(self, entry: Entry, current: Saved) -> bool:
        step = step_of(entry)
        if not step.modified or current.modified == step.modified or step.force:
            return False
        if step.content and step.content == standing.but_for_its_place(self._adapter, current):
            return False
        # What this undo itself has touched since is nobody's edit.
        ours = await self._db.run(stamp_now, self._context.batch_id, entry.kind, current.id)
        return ours != current.modified

    def _left(self, entry: Entry, current: Saved) -> RefusedResult:
        message = (
            f"{entry.kind} {current.id} was edited after this undo was planned (at {current.modified}). It "
            "was left as it is. To undo it all the same: force=true."
        )
        return RefusedResult(self._outgoing(entry, "update", current.id, b"", 0), "undo-conflict", message)

    def _used(self, entry: Entry, current: Saved, used: str) -> RefusedResult:
        name = f"{entry.kind} {current.id} “{current.title or ''}”"
        outgoing = self._outgoing(entry, "update", current.id, b"", 0)
        return RefusedResult(outgoing, "in-use", f"{name} was left as it is. {used}")

    def _gone(self, entry: Entry) -> Prepared:
        outgoing = self._outgoing(entry, "update", entry.resource_id, b"", 0)
        message = f"{entry.kind} {entry.resource_id} is not there any more."
        forgets = msgspec.structs.replace(outgoing, forgets=entry.key_digest is not None)
        return Stands(forgets, None, "skipped", "gone", message)

    def _outgoing(
        self,
        entry: Entry,
        method: str,
        resource_id: int | None,
        payload: bytes,
        attempt: int,
        above: int = 0,
    ) -> Outgoing:
        draft = Draft(entry.destination, kind_of(entry), entry.ordinal)
        request = operation(entry, attempt, method, resource_id, payload)  # type: ignore[arg-type]
        return Outgoing(entry, (), draft, request, attempt, above, undoes=entry.action != "complete")


def _same_place(earlier: Saved, current: Saved) -> int:
    """Of an item that came back with its media: the one that stands where the chosen one stood; 0: none was
    chosen, or none stands there."""
    if earlier.chosen is None or len(current.media_ids) != len(earlier.media_ids):
        return 0
    return dict(zip(earlier.media_ids, current.media_ids, strict=True)).get(earlier.chosen, 0)


def _completing(one: Prepared, main: Entry | None) -> Prepared:
    """What fails here is told at the entry that it completes."""
    if isinstance(one, Outgoing):
        return msgspec.structs.replace(one, completed=main)
    return msgspec.structs.replace(one, outgoing=msgspec.structs.replace(one.outgoing, completed=main))
