"""Deletions made ready: what goes is kept first, whole, so that an undo can bring it back."""

from __future__ import annotations

from functools import partial
from typing import assert_never

import msgspec

from service.control.model import OnConflict
from service.store import ledger_parts
from service.store.ledger import LedgerRow
from service.store.plans import Entry
from worker.applying import images, standing
from worker.applying.originals import Originals
from worker.applying.outage import Outage
from worker.applying.outgoing import Outgoing, draft_of, operation
from worker.applying.prepared import Prepared, Surroundings, Ways, empty, refuse
from worker.applying.results import Stands
from worker.context import RunContext
from worker.errors import Reject
from worker.planning.merging import Merger
from worker.records import RESOURCES
from worker.targets.base import Adapter, Saved


class Deletions:
    """Makes the deletions of an import ready."""

    def __init__(
        self,
        context: RunContext,
        adapter: Adapter,
        outage: Outage,
        ways: Ways,
        originals: Originals,
    ) -> None:
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._adapter = adapter
        self._outage = outage
        self._on_conflict: OnConflict = ways.on_conflict
        self._exactly = ways.exactly
        self._merger = Merger(adapter, ways.on_conflict)
        self._originals = originals

    async def prepare(
        self, entry: Entry, saved: Saved, known: LedgerRow | None, about: Surroundings
    ) -> Prepared:
        if self._exactly and entry.before is not None and entry.before.decode() != saved.modified:
            message = f"{saved.kind} {saved.id} was edited after the plan was made, and was not deleted."
            return refuse(entry, "plan-stale", message)
        moved = self._edited_since(entry, saved, known)
        if moved is not None:
            return moved
        kept = self._replacement(entry, about)
        if kept is not None:
            return kept
        if not saved.media_known:
            saved = await self._outage.patiently(partial(self._adapter.with_media, saved))
        media = await standing.read(self._adapter, self._outage, "media", saved.media_ids)
        media.sort(key=lambda one: saved.media_ids.index(one.id))  # as they come back
        files = [saved, *media] if saved.kind == "media" else media
        lost = self._merger.cannot_be_restored(saved, files)
        if lost is not None:
            return refuse(entry, lost.code, lost.message)
        try:
            kept_files = {one.id: one for one in await self._originals.keep(files)}
        except Reject as error:
            return refuse(entry, error.code, error.message)
        media = [kept_files.get(one.id, one) for one in media]
        if saved.kind == "media":
            saved = kept_files.get(saved.id, saved)
        inbound = await self._inbound(saved)
        item = await self._item_of(saved)
        image = msgspec.structs.replace(
            images.image_of(saved, self._as_known(entry, saved, known, about)),
            media=tuple(images.representation(one) for one in media),
            media_ledger=tuple(await self._db.run(ledger_parts.part_rows, self._context.target, saved.id))
            if media
            else (),
            order=item.media_ids if item is not None else (),
            chosen=item is not None and item.chosen == saved.id,
            inbound=tuple(inbound),
            members=await self._members(saved),
        )
        number = about.attempts.get(entry.seq, 0) + 1
        return Outgoing(
            entry,
            (),
            draft_of(entry),
            operation(entry, number, "delete", saved.id, b""),
            number,
            before=saved,
            pre_image=images.pack(image),
        )

    def _replacement(self, entry: Entry, about: Surroundings) -> Prepared | None:
        """A media that another takes the place of goes only when that stands as it should; None: it does."""
        if entry.completes is None:
            return None
        new = about.others.get(entry.completes)
        if new is not None and new.outcome == "created" and new.outcome_id is not None:
            return None
        message = "What should take its place does not stand in Omeka as it should: it is kept."
        outgoing = empty(entry)
        return Stands(outgoing, None, "skipped", "replacement-missing", message)

    def _as_known(
        self, entry: Entry, saved: Saved, known: LedgerRow | None, about: Surroundings
    ) -> LedgerRow | None:
        """What the ledger holds of a resource that goes. A media whose place another has taken had that one's
        key before."""
        if known is None or entry.by != ledger_parts.PART_BY or entry.completes is None:
            return known
        new = about.others.get(entry.completes)
        if new is None or new.key_digest is None or known.resource_id != saved.id:
            return known
        return msgspec.structs.replace(known, key_digest=new.key_digest, withdrawn=None)

    async def _item_of(self, saved: Saved) -> Saved | None:
        """Of a media: its item, with all of its media."""
        item = self._adapter.item_of(saved) if saved.kind == "media" else None
        if item is None:
            return None
        found = await standing.read(self._adapter, self._outage, "item", [item])
        return await self._outage.patiently(partial(self._adapter.with_media, found[0])) if found else None

    def _edited_since(self, entry: Entry, saved: Saved, known: LedgerRow | None) -> Prepared | None:
        """What becomes of a deletion where somebody edited the resource after it was planned; None: it is
        carried out."""
        if entry.before is None or entry.before.decode() == saved.modified or known is None:
            return None
        if known.resource_id == saved.id and known.modified == saved.modified:
            return None  # this run itself touched it since, as the ledger knows
        name = f"{saved.kind} {saved.id} “{saved.title or ''}”"
        note = f"Somebody has edited {name} after it was planned to be deleted"
        match self._on_conflict:
            case "keep":
                outgoing = empty(entry)
                return Stands(outgoing, saved, "skipped", "conflict-keep", f"{note}. It is kept.")
            case "reject":
                return refuse(entry, "conflict", f"{note}. Nothing was done.")
            case "overwrite":
                self._context.log.about(entry, "warning", "conflict-overwrite", f"{note}. It is deleted.")
                return None
            case _:
                assert_never(self._on_conflict)

    async def _members(self, saved: Saved) -> tuple[int, ...]:
        if saved.kind != "item-set":
            return ()
        return tuple(await self._outage.patiently(partial(self._adapter.members, saved.id)))

    async def _inbound(self, saved: Saved) -> list[images.Inbound]:
        """The values of other resources that link to this one: Omeka removes them with it."""
        sources = self._adapter.linking(saved)
        found: list[images.Inbound] = []
        left = set(sources)
        for kind in RESOURCES:
            if not left:
                break
            for other in await standing.read(self._adapter, self._outage, kind, left):
                left.discard(other.id)
                found.extend(
                    images.Inbound(other.kind, other.id, one.term, one.value, one.position)
                    for one in self._adapter.values_linking(other, saved.id)
                )
        return found
