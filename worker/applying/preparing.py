"""Entries of the plan made ready to be sent: links by number, updates against what stands there now.

What is about to be changed is read right before, a hundred resources a request: the plan may be hours old,
a stamp has only whole seconds, and Omeka takes links away without any. So the comparison that the plan
made is made again here, with the same code; where nothing moved, the outcome is the same.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from service.store import journal, links, plans
from service.store.journal import OpenOperation
from service.store.ledger import LedgerRow
from service.store.links import LinkRow
from service.store.plans import Entry
from worker.applying import images, standing, thumbnails
from worker.applying.deleting import Deletions
from worker.applying.fetched import Fetched
from worker.applying.originals import Originals
from worker.applying.outage import Outage
from worker.applying.outgoing import Moved, Outgoing, draft_of, files_of, kind_of, ledger_row, operation
from worker.applying.prepared import Prepared, Surroundings, Ways, as_sent, empty, read_since, refuse
from worker.applying.results import RefusedResult, Stands
from worker.context import RunContext
from worker.errors import Reject
from worker.planning.absent import is_unpublishing
from worker.planning.changes import Changes
from worker.planning.links import Nowhere, Settled, links_of, refused, settle, without
from worker.planning.media_pass import arranged
from worker.planning.merge import Merge, Unmergeable
from worker.planning.merging import (
    Compared,
    Merger,
    altered_before,
    chosen_of,
    compare,
    encoded,
    footing_json,
    returning,
)
from worker.planning.primary import Wanted
from worker.records import Kind, Problem, Sought
from worker.targets.base import Adapter, LinkTarget, Saved


class Preparer:
    """Makes the entries of an import ready. See `Prepares`."""

    def __init__(
        self,
        context: RunContext,
        adapter: Adapter,
        outage: Outage,
        ways: Ways,
        originals: Originals,
        fetched: Fetched,
    ) -> None:
        self._deletions = Deletions(context, adapter, outage, ways, originals)
        self._fetched = fetched
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._adapter = adapter
        self._on_conflict = ways.on_conflict
        self._exactly = ways.exactly
        self._outage = outage
        self._merger = Merger(adapter, ways.on_conflict)

    async def surroundings(self, entries: Sequence[Entry]) -> Surroundings:
        """Look up what these entries need. A handful of queries, however many they are."""
        seqs = [one.seq for one in entries]
        inline = await self._db.run(plans.children, self._run_id, seqs)
        carried = [one.seq for several in inline.values() for one in several]
        rows = await self._db.run(links.links_of, self._run_id, [*seqs, *carried])
        needed = {row.to_seq for several in rows.values() for row in several if row.to_seq is not None}
        needed |= {one.parent_seq for one in entries if one.parent_seq is not None}
        needed |= {one.completes for one in entries if one.completes is not None}
        needed |= {-one for entry in entries if entry.draft for one in draft_of(entry).order if one < 0}
        others = await self._db.run(plans.entries_by_seq, self._run_id, sorted(needed))
        # A media that travels with its item stands as deep as the item does.
        items = {one.parent_seq for one in others.values() if one.parent_seq is not None and one.depth == 0}
        others |= await self._db.run(plans.entries_by_seq, self._run_id, sorted(items - others.keys()))
        attempts = await self._db.run(journal.attempts, self._run_id, seqs)
        return Surroundings(inline, rows, others, attempts)

    async def prepare(self, entries: Sequence[Entry], highest: Mapping[Kind, int]) -> list[Prepared]:
        """One for each entry, in order. `highest`: the highest id of each kind in the target."""
        about = await self.surroundings(entries)
        await self._fetched.ready([*entries, *(one for several in about.inline.values() for one in several)])
        prepared: dict[int, Prepared] = {}
        standing: list[tuple[Entry, int]] = []
        for entry in entries:
            if entry.action == "create":
                prepared[entry.seq] = self.create(entry, about, highest.get(kind_of(entry), 0))
                continue
            resource_id = entry.resource_id or about.made_by(entry.completes)
            if resource_id is None:
                message = "The resource that this would change was not written by this run."
                prepared[entry.seq] = refuse(entry, "link-refused", message)
            else:
                standing.append((entry, resource_id))
        prepared.update(await self._prepare_standing(standing, about))
        return [prepared[entry.seq] for entry in entries]

    async def as_meant(self, entry: Entry, opened: OpenOperation) -> Outgoing | None:
        """The operation of an intent without outcome, as it was sent; None where that cannot be told."""
        if opened.method == "create":
            return await as_sent(self._context, self, entry, opened)
        about = await self.surroundings([entry])
        image = images.unpack(opened.pre_image) if opened.pre_image is not None else None
        if image is None:
            return None
        saved = self._adapter.saved(image.saved, image.kind)
        if opened.method == "delete":
            one = operation(entry, opened.attempt, "delete", saved.id, b"")
            return Outgoing(
                entry, (), draft_of(entry), one, opened.attempt, before=saved, pre_image=opened.pre_image
            )
        await self._outage.patiently(self._adapter.prepare_updates)
        change = self._order if draft_of(entry).order else self.update
        again = change(entry, saved, image.ledger, about, opened.attempt)
        if not isinstance(again, Outgoing) or again.digest != opened.payload_digest:
            return None
        return again

    # --- creates ----------------------------------------------------------------------------------

    def create(
        self, entry: Entry, about: Surroundings, above_id: int, attempt: int | None = None
    ) -> Outgoing | RefusedResult:
        """The create of an entry. The same entry gives the same request, also to another worker."""
        item_id = about.made_by(entry.parent_seq)
        if entry.parent_seq is not None and item_id is None:
            message = "Its item was not written, so there is nothing that this media could belong to."
            return refuse(entry, "item-refused", message)
        own, later = self._settle(entry, about)
        ready = self._fetched.settle(own.draft)
        if isinstance(ready, Problem):
            return refuse(entry, ready.code, ready.message)
        own = msgspec.structs.replace(own, draft=ready)
        inline, media, missing = self._inline(entry, about)
        drafts, lacks = thumbnails.without_missing(
            self._adapter, [(entry, own.draft), *zip(inline, (one.draft for one in media), strict=True)]
        )
        if (lacking := thumbnails.refusal(lacks)) is not None:
            return refuse(entry, lacking.code, lacking.message, inline)
        without = {one.seq for one in lacks}
        for settled in (own, *media):
            refusal = next((one for one in settled.problems if one.severity != "warning"), None)
            if refusal is not None:
                return refuse(entry, refusal.code, refusal.message, inline)
        try:
            payload = self._adapter.create_payload(drafts[0], drafts[1:], self._links(entry, about), item_id)
        except Reject as error:  # what it names was to come with this run, and did not
            return refuse(entry, error.code, error.message, inline)
        number = attempt if attempt is not None else about.attempts.get(entry.seq, 0) + 1
        whole = not later and entry.seq not in without and not self._adapter.left_out(own.draft)
        row = ledger_row(self._context.target, self._run_id, entry, own.linked, whole=whole)
        return Outgoing(
            entry,
            tuple(inline),
            drafts[0],
            operation(entry, number, "create", None, payload, files_of(drafts)),
            number,
            above_id,
            ledger=row,
            missing=missing,
            lacks=lacks,
            parts=tuple(
                part for one in inline if (part := self._part(one, one.seq not in without)) is not None
            ),
            part_of=item_id,
        )

    def _inline(
        self, entry: Entry, about: Surroundings
    ) -> tuple[list[Entry], list[Settled], tuple[tuple[Entry, Problem], ...]]:
        """The media that travel with an item, settled, and those whose file could not be fetched."""
        inline: list[Entry] = []
        media: list[Settled] = []
        missing: list[tuple[Entry, Problem]] = []
        for one in about.inline.get(entry.seq, []):
            settled, _ = self._settle(one, about)
            ready = self._fetched.settle(settled.draft)
            if isinstance(ready, Problem):
                missing.append((one, ready))
            else:
                inline.append(one)
                media.append(msgspec.structs.replace(settled, draft=ready))
        return inline, media, tuple(missing)

    def _part(self, entry: Entry, whole: bool) -> LedgerRow | None:
        """The ledger's row of a media that travels with its item."""
        return ledger_row(self._context.target, self._run_id, entry, entry.linked or "", whole=whole)

    def _settle(self, entry: Entry, about: Surroundings) -> tuple[Settled, frozenset[Sought]]:
        """The draft with its links by number, and what it links to that does not exist yet (in a circle)."""
        draft = draft_of(entry)
        resolution: dict[Sought, LinkTarget | Nowhere] = {}
        later: set[Sought] = set()
        depth = about.depth_of(entry.seq) if entry.seq in about.others else entry.depth
        for one, row in zip(links_of(draft), about.rows.get(entry.seq, ()), strict=True):
            target = about.others.get(row.to_seq) if row.to_seq is not None else None
            number = row.to_id or about.made_by(row.to_seq)
            if target is not None and entry.action == "create" and about.depth_of(target.seq) >= depth:
                later.add(one)
            if number is not None:
                resolution[one] = LinkTarget(_kind_linked(one, row, target), number)
            else:
                resolution[one] = refused(one)
        return settle(without(draft, later), resolution), frozenset(later)

    def _links(self, entry: Entry, about: Surroundings) -> dict[Sought, LinkTarget]:
        found: dict[Sought, LinkTarget] = {}
        for one in (entry, *about.inline.get(entry.seq, ())):
            for sought, row in zip(links_of(draft_of(one)), about.rows.get(one.seq, ()), strict=True):
                number = row.to_id or about.made_by(row.to_seq)
                if number is not None:
                    target = about.others.get(row.to_seq) if row.to_seq is not None else None
                    found[sought] = LinkTarget(_kind_linked(sought, row, target), number)
        return found

    # --- updates and deletions --------------------------------------------------------------------

    async def _prepare_standing(
        self, entries: Sequence[tuple[Entry, int]], about: Surroundings
    ) -> dict[int, Prepared]:
        if not entries:
            return {}
        await self._outage.patiently(self._adapter.prepare_updates)
        # From here on it is being read; a wait before that makes nothing stale.
        await self._outage.admitted()
        read_at = time.monotonic()
        ids: defaultdict[Kind, list[int]] = defaultdict(list)
        for entry, resource_id in entries:
            ids[kind_of(entry)].append(resource_id)
        saved: dict[tuple[Kind, int], Saved] = {}
        for kind, numbers in ids.items():
            found = await standing.read(self._adapter, self._outage, kind, numbers)
            saved.update({(kind, one.id): one for one in found})
        known = await standing.known_rows(self._db, self._context.target, [entry for entry, _ in entries])
        prepared: dict[int, Prepared] = {}
        for entry, resource_id in entries:
            current = saved.get((kind_of(entry), resource_id))
            if current is None:
                prepared[entry.seq] = self._gone(entry, resource_id)
            elif entry.action == "delete":
                prepared[entry.seq] = await self._deletions.prepare(
                    entry, current, known.get(entry.seq), about
                )
            elif draft_of(entry).order:
                if not current.media_known:
                    current = await self._outage.patiently(partial(self._adapter.with_media, current))
                prepared[entry.seq] = self._order(entry, current, known.get(entry.seq), about)
            else:
                prepared[entry.seq] = self.update(entry, current, known.get(entry.seq), about)
        return {seq: read_since(one, read_at) for seq, one in prepared.items()}

    def _gone(self, entry: Entry, resource_id: int) -> Prepared:
        outgoing = empty(entry)
        message = f"{entry.kind} {resource_id} was deleted by somebody after this was planned."
        if entry.action == "delete":
            return Stands(outgoing, None, "skipped", "gone", message)
        return RefusedResult(outgoing, "gone", message)

    def update(
        self,
        entry: Entry,
        saved: Saved,
        known: LedgerRow | None,
        about: Surroundings,
        attempt: int | None = None,
    ) -> Prepared:
        """What makes the entry's draft of the resource as it stands (`saved`)."""
        if known is not None and known.resource_id != saved.id:
            known = None
        settled, _ = self._settle(entry, about)
        refusal = next((one for one in settled.problems if one.severity != "warning"), None)
        if refusal is not None:
            return refuse(entry, refusal.code, refusal.message)
        (meant,), lacks = thumbnails.without_missing(self._adapter, [(entry, settled.draft)])
        if (lacking := thumbnails.refusal(lacks)) is not None:
            return refuse(entry, lacking.code, lacking.message)
        draft = returning(meant, known.withdrawn if known else None)
        if is_unpublishing(entry):
            draft = meant
        links = self._links(entry, about)
        try:
            compared = compare(
                self._adapter, draft, links, saved, known, entry.meant or "", self._on_conflict
            )
        except Reject as error:
            return refuse(entry, error.code, error.message)
        if isinstance(compared, Unmergeable):
            return refuse(entry, compared.code, compared.message)
        moved = self._moved(entry, saved, compared)
        footing = footing_json(compared.merged.footing)
        row = ledger_row(
            self._context.target, self._run_id, entry, settled.linked, footing=footing, whole=not lacks
        )
        completed = None
        if entry.action == "complete" and entry.completes is not None:
            completed = about.others.get(entry.completes)
        if moved is not None and self._exactly:
            return refuse(entry, "plan-stale", _stale(entry, saved, compared))
        if not compared.merged.changes:
            outgoing = empty(entry, row, completed)
            code, message = (lacks[0].problem.code, lacks[0].problem.message) if lacks else (None, None)
            return Stands(outgoing, saved, "unchanged", code, message, known=known is not None)
        number = attempt if attempt is not None else about.attempts.get(entry.seq, 0) + 1
        payload = self._adapter.update_payload(compared.current, compared.merged)
        return Outgoing(
            entry,
            (),
            meant,
            operation(entry, number, "update", saved.id, payload),
            number,
            before=saved,
            pre_image=images.pack(images.image_of(saved, known)),
            ledger=row,
            lacks=lacks,
            carried=compared.merged.altered,
            completed=completed,
            moved=moved,
        )

    def _moved(self, entry: Entry, saved: Saved, compared: Compared) -> Moved | None:
        """What becomes of the resource after all, where somebody edited it after it was planned."""
        merged = compared.merged
        if entry.before is None or not (entry.before.decode() != saved.modified or _otherwise(entry, merged)):
            return None
        return Moved(encoded(Changes(merged.changes, merged.conflicts)), merged.conflicts)

    def _order(
        self,
        entry: Entry,
        saved: Saved,
        known: LedgerRow | None,
        about: Surroundings,
        attempt: int | None = None,
    ) -> Prepared:
        """The media of an item in the order of its record, and the primary one of them, as far as they are
        there."""
        draft = draft_of(entry)
        numbers = {one: one if one > 0 else about.made_by(-one) or 0 for one in draft.order}
        made = [about.others[-one] for one in draft.order if one < 0]
        replaces = {
            one.resource_id: one.outcome_id
            for one in made
            if one.resource_id is not None and one.outcome_id is not None
        }
        order = arranged(saved.media_ids, [numbers[one] for one in draft.order])
        row = known if known is not None and known.resource_id == saved.id else None
        chosen = numbers.get(draft.chosen, 0)
        wanted = Wanted(
            chosen if chosen in saved.media_ids else 0,
            [one for one in order if one not in replaces],
            replaces,
            same=row is not None and row.media_meant == entry.media_meant,
        )
        choice = chosen_of(self._adapter, wanted, saved, row, self._on_conflict)
        if isinstance(choice, Unmergeable):
            return refuse(entry, choice.code, choice.message)
        main = about.others.get(entry.completes or 0)
        completed = main if main is not None and main.action == "create" else None
        written_last = row is not None and row.run_id == self._run_id and row.modified == saved.modified
        if row is not None:
            whole = all(one.outcome_id is not None for one in made)
            row = msgspec.structs.replace(
                row,
                media_meant=(entry.media_meant or "") if whole else "",
                run_id=self._run_id,
                footing=footing_json(choice.footing),
            )
        if order == saved.media_ids and not choice.sent:
            outgoing = empty(entry, row, completed)
            return Stands(outgoing, saved, "unchanged", known=row is not None)
        planned = entry.before.decode() if entry.before is not None else saved.modified
        if self._exactly and planned != saved.modified and not written_last:
            message = f"{saved.kind} {saved.id} was edited after the plan was made, and was left alone."
            return refuse(entry, "plan-stale", message)
        number = attempt if attempt is not None else about.attempts.get(entry.seq, 0) + 1
        moved = order if order != saved.media_ids else ()
        return Outgoing(
            entry,
            (),
            draft,
            operation(entry, number, "update", saved.id, self._adapter.order_payload(moved, choice.sent)),
            number,
            before=saved,
            pre_image=images.pack(images.image_of(saved, known)),
            ledger=row,
            carried=altered_before(row),
            completed=completed,
        )


def _kind_linked(one: Sought, row: LinkRow, target: Entry | None) -> Kind:
    if target is not None:
        return kind_of(target)
    return one.kind or "item"


def _otherwise(entry: Entry, merged: Merge) -> bool:
    """Whether other values stand in what changes than when it was planned: stamps have whole seconds only."""
    planned = msgspec.json.decode(entry.changes, type=Changes) if entry.changes else Changes()
    return {one.name: one.before for one in planned.changes} != {
        one.name: one.before for one in merged.changes
    }


def _stale(entry: Entry, saved: Saved, compared: Compared) -> str:
    now = "; ".join(change.text for change in compared.merged.changes) or "nothing to change"
    return (
        f"{saved.kind} {saved.id} was edited after the plan was made, and was left alone. By now this record "
        f"would mean: {now}. Plan again."
    )
