"""What media need once all else is planned: old ones go when their new ones stand, all get their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from service.store import ledger, ledger_parts, plans
from service.store.ledger import LedgerKey, LedgerRow
from service.store.ledger_parts import PART_BY, KnownPart
from service.store.plans import Action, Entry, Outcome
from worker.context import RunContext
from worker.planning import primary
from worker.planning.absent import NO_FILE, REMOVAL_DEPTH
from worker.planning.changes import Change, Changes
from worker.planning.decide import Decision, Meaning
from worker.planning.links import Settled
from worker.planning.merge import Unmergeable
from worker.planning.merging import Candidate, Merger, encoded
from worker.planning.met import LookUps
from worker.planning.parts import Rearranged
from worker.records import Draft, Problem
from worker.targets.base import Saved

SLICE = 200
ORDER_DEPTH = REMOVAL_DEPTH - 1
"""When all media are there, and before the old ones go."""
NAME = "media order"
ARRANGED = (NAME, primary.NAME)
"""Names of changes that are neither those of a property nor of a field."""
ORDERED = 50_000
"""What the ordinal of the order of an item's media is more by than the item's."""
REPLACED = 100_000
"""What the ordinal of a media is more by, of the one whose place it takes."""


NO_RECORD = (NO_FILE, 0, 0)
GOES = Problem("warning", "absent", "Its record does not name it any more: it is deleted.")


def _succeeded(
    aside: Sequence[KnownPart], parts: Sequence[KnownPart], listing: Mapping[int, str]
) -> list[KnownPart]:
    """Of media that were set aside, those whose place another has taken that stands."""
    keys = {(part.item, part.known.key_digest) for part in parts if part.known.resource_id in listing}
    found = []
    for old in aside:
        number, place = old.known.resource_id, old.known.key_digest
        if any(item == old.item and ledger.aside(key, number) == place for item, key in keys):
            found.append(old)
    return found


def _place(item: Entry, saved: Saved) -> tuple[str, int, int]:
    """Where a media of that item stands in the report: its record names it no more."""
    return item.file, item.row, item.ordinal + REPLACED + saved.id


class MediaPass:
    """Adds entries to the plan of one run, behind all others."""

    def __init__(
        self,
        context: RunContext,
        look_ups: LookUps,
        merger: Merger,
        scopes: Sequence[str] = (),
        *,
        removes: bool = False,
    ) -> None:
        """`scopes`: those that the run writes to; `removes`: whether media go that were added to an item and
        that its record names no more."""
        self._scopes = scopes
        self._removes = removes
        self.removed = 0
        """How many of those go."""
        self._context = context
        self._look_ups = look_ups
        self._merger = merger

    def entries(self, first: int, rearranged: Sequence[Rearranged]) -> Iterator[list[Entry]]:
        """Numbered from `first`, in chunks."""
        seq = first
        for chunk in self._all(rearranged):
            yield [msgspec.structs.replace(one, seq=seq + place) for place, one in enumerate(chunk)]
            seq += len(chunk)

    def _all(self, rearranged: Sequence[Rearranged]) -> Iterator[list[Entry]]:
        for start in range(0, len(rearranged), SLICE):
            self._context.check()
            chunk = rearranged[start : start + SLICE]
            yield self._orders(chunk)
            if self._removes:
                yield self._left(chunk)
        yield self._begun()
        after = 0
        while page := plans.replacing(self._context.db, self._context.claim.run_id, after, SLICE):
            self._context.check()
            after = page[-1].seq
            yield self._removals(page)

    # --- the old ones -----------------------------------------------------------------------------

    def _removals(self, page: Sequence[Entry]) -> list[Entry]:
        self._merger.begin()
        current = self._look_ups.current("media", [one.resource_id or 0 for one in page])
        return [
            self._removal(entry, saved)
            for entry in page
            if (saved := current.get(entry.resource_id or 0)) is not None
        ]

    def _begun(self) -> list[Entry]:
        """Those of which an earlier run has created the successors, and left off before they went."""
        db, target = self._context.db, self._context.target
        parts = ledger_parts.parts_aside(db, target, self._scopes) if self._scopes else []
        listing = self._look_ups.listing("media") if parts else {}
        there = [part for part in parts if part.known.resource_id in listing]
        there = _succeeded(there, ledger_parts.parts(db, target, [part.item for part in there]), listing)
        if not there:
            return []
        self._merger.begin()
        current = self._look_ups.current("media", [part.known.resource_id for part in there])
        note = Problem("warning", "replaced", "Another media has taken its place: it is deleted.")
        return [
            self._goes(NO_RECORD, part, saved, note)
            for part in there
            if (saved := current.get(part.known.resource_id)) is not None
        ]

    def _removal(self, new: Entry, saved: Saved) -> Entry:
        draft = Draft(new.destination, "media", new.ordinal, "delete")
        judged = self._merger.judge_removal(
            Candidate(draft, Settled(draft), Meaning(""), Decision("delete", saved.id)), saved, self._look_ups
        )
        note = Problem("warning", "replaced", f"Media {saved.id} goes once what replaces it stands in Omeka.")
        problems = (note, *judged.problems) if judged.action == "delete" else judged.problems
        return msgspec.structs.replace(
            new,
            # Of the same record, and another resource of it: both are counted.
            ordinal=new.ordinal + REPLACED,
            action=judged.action,
            parent_seq=None,
            completes=new.seq,
            key_digest=ledger.aside(new.key_digest, saved.id) if new.key_digest is not None else None,
            depth=REMOVAL_DEPTH,
            draft=None,
            meant=None,
            media_meant=None,
            linked=None,
            changes=judged.changes,
            before=judged.before,
            problems=msgspec.json.encode(problems),
            code=problems[0].code,
            message=problems[0].message,
            outcome="rejected" if judged.action == "reject" else None,
            outcome_id=saved.id if judged.action == "reject" else None,
        )

    # --- what a record names no more --------------------------------------------------------------

    def _left(self, items: Sequence[Rearranged]) -> list[Entry]:
        run_id, db = self._context.claim.run_id, self._context.db
        seqs = [one.seq for one in items]
        media, entries = plans.media_of(db, run_id, seqs), plans.entries_by_seq(db, run_id, seqs)
        by_number = {one.resource_id: one for one in entries.values() if one.resource_id is not None}
        named = {
            number: {one.resource_id for one in media.get(entry.seq, ())}
            for number, entry in by_number.items()
        }
        listing = self._look_ups.listing("media")
        left = [
            part
            for part in self._look_ups.parts(sorted(by_number))
            if part.known.withdrawn is None
            and part.known.resource_id not in named[part.item]
            and part.known.resource_id in listing
        ]
        if not left:
            return []
        self._merger.begin()
        current = self._look_ups.current("media", [one.known.resource_id for one in left])
        found = [
            self._goes(_place(by_number[part.item], saved), part, saved, GOES)
            for part in left
            if (saved := current.get(part.known.resource_id)) is not None
        ]
        self.removed += sum(one.outcome is None for one in found)
        return found

    def _goes(self, place: tuple[str, int, int], part: KnownPart, saved: Saved, note: Problem) -> Entry:
        """`place`: file, row and ordinal."""
        draft = Draft("media", "media", saved.id, "delete")
        decision = Decision("delete", saved.id, known=part.known)
        judged = self._merger.judge_removal(
            Candidate(draft, Settled(draft), Meaning(""), decision), saved, self._look_ups
        )
        problems = judged.problems if judged.action != "delete" else (note, *judged.problems)
        outcome = {"reject": "rejected", "skip": "skipped"}.get(judged.action)
        return Entry(
            seq=0,
            file=place[0],
            row=place[1],
            ordinal=place[2] or saved.id,
            destination="media",
            kind="media",
            action=judged.action,
            identifier=part.known.identifier,
            scope=part.scope,
            by=PART_BY,
            key_digest=part.known.key_digest,
            depth=REMOVAL_DEPTH,
            resource_id=saved.id,
            changes=judged.changes,
            before=judged.before,
            problems=msgspec.json.encode(problems),
            code=problems[0].code,
            message=problems[0].message,
            outcome=outcome,  # type: ignore[arg-type]
            outcome_id=saved.id if outcome else None,
        )

    # --- the order --------------------------------------------------------------------------------

    def _orders(self, items: Sequence[Rearranged]) -> list[Entry]:
        run_id, db = self._context.claim.run_id, self._context.db
        media = plans.media_of(db, run_id, [one.seq for one in items])
        entries = plans.entries_by_seq(db, run_id, [one.seq for one in items])
        numbers = [one.resource_id for one in entries.values() if one.resource_id is not None]
        current = self._look_ups.afresh("item", numbers)
        known = self._known([entries[one.seq] for one in items if one.primary and one.seq in entries])
        found = []
        for one in items:
            entry = entries.get(one.seq)
            if entry is None:
                continue
            arranging = Arranging.of(one, entry, media.get(one.seq, ()))
            saved = current.get(entry.resource_id or 0)
            order = None
            if entry.action == "create":
                order = _chosen_of_new(arranging)
            elif saved is not None:
                order = self._order(arranging, saved, known.get(one.seq))
            if order is not None:
                found.append(order)
        return found

    def _known(self, items: Sequence[Entry]) -> dict[int, LedgerRow]:
        """What the ledger holds of these items, by entry."""
        together: defaultdict[LedgerKey, list[Entry]] = defaultdict(list)
        for one in items:
            if one.key_digest is not None:
                key = LedgerKey(self._context.target, one.kind, one.scope or "", one.by or "")
                together[key].append(one)
        found = {}
        for key, several in together.items():
            rows = ledger.rows(self._context.db, key, [one.key_digest or "" for one in several])
            for one in several:
                row = rows.get(one.key_digest or "")
                if row is not None and row.resource_id == one.resource_id:
                    found[one.seq] = row
        return found

    def _order(self, arranging: Arranging, saved: Saved, known: LedgerRow | None) -> Entry | None:
        """None: the media stand as they should, or there is only one."""
        order, new = arranging.order, arranging.new
        if not order:
            return None
        choice = self._merger.choose(arranging.wanted(saved, known), saved, known)
        if isinstance(choice, Unmergeable):
            problem = Problem("reject", choice.code, choice.message)
            return arranging.settled("reject", "rejected", (problem,))
        notes = tuple(
            Problem("warning", f"conflict-{one.resolution}", one.message) for one in choice.conflicts
        )
        before, after = saved.media_ids, arranged(saved.media_ids, order)
        changes = []
        if not new and before != after:
            changes.append(_change(NAME, before, after, arranging.names))
        visible = bool(choice.sent) and saved.primary is not None
        if visible:
            was = (saved.primary,) if saved.primary is not None else ()
            changes.append(_change(primary.NAME, was, (choice.sent,), arranging.names))
        if not new and not changes and not choice.sent:
            return arranging.settled("unchanged", "unchanged", notes) if notes else None
        draft = arranging.draft(choice.sent or (arranging.chosen if not choice.conflicts else 0))
        return msgspec.structs.replace(
            arranging.entry,
            action="complete" if new and not visible else "update",
            completes=arranging.item.seq if new and not visible else None,
            draft=msgspec.json.encode(draft),
            before=saved.modified.encode() if visible or not new else None,
            changes=encoded(Changes(tuple(changes), choice.conflicts)) if changes else None,
            problems=msgspec.json.encode(notes) if notes else None,
            code=notes[0].code if notes else None,
            message=notes[0].message if notes else None,
        )


class Arranging(Struct, frozen=True):
    """What a record says of the media of one item, by the entries of the plan."""

    item: Entry
    meant: str
    """`ledger.media_meant`, once it is so."""
    order: tuple[int, ...]
    """As in `Draft.order`."""
    chosen: int
    """As in `Draft.chosen`."""
    replaces: Mapping[int, int]
    names: Mapping[int, str]

    @classmethod
    def of(cls, wanted: Rearranged, item: Entry, media: Sequence[Entry]) -> Arranging:
        numbers = {
            one.seq: number
            for one in media
            if (number := -one.seq if one.action == "create" else one.resource_id) is not None
            and one.outcome != "rejected"
        }
        names = {one.resource_id: one.identifier or "" for one in media if one.resource_id is not None}
        names |= {-one.seq: f"{one.identifier or 'media'} (new)" for one in media}
        replaces = {
            one.resource_id: -one.seq
            for one in media
            if one.action == "create" and one.resource_id is not None and one.seq in numbers
        }
        chosen = numbers.get(wanted.primary, 0)
        return cls(item, wanted.media, tuple(numbers.values()), chosen, replaces, names)

    @property
    def new(self) -> bool:
        """Whether some of them are still to be created."""
        return any(number < 0 for number in self.order)

    @property
    def entry(self) -> Entry:
        """The entry that arranges them: what becomes of the item itself is told by its own."""
        return msgspec.structs.replace(
            self.item,
            ordinal=self.item.ordinal + ORDERED,
            parent_seq=None,
            depth=ORDER_DEPTH,
            media_meant=self.meant,
            changes=None,
            problems=None,
            outcome=None,
            outcome_id=None,
            code=None,
            message=None,
        )

    def draft(self, chosen: int) -> Draft:
        return Draft(
            self.item.destination, "item", self.item.ordinal, "load", order=self.order, chosen=chosen
        )

    def wanted(self, saved: Saved, known: LedgerRow | None) -> primary.Wanted:
        first = next(iter(saved.media_ids), 0)
        # What no record names stays on its place, a new one comes to that of its record.
        ahead = (first,) if first and first not in self.order and first not in self.replaces else ()
        same = known is not None and known.media_meant == self.meant
        return primary.Wanted(self.chosen, (*ahead, *self.order), self.replaces, same)

    def settled(self, action: Action, outcome: Outcome, problems: Sequence[Problem]) -> Entry:
        """Of which nothing is sent."""
        return msgspec.structs.replace(
            self.entry,
            action=action,
            completes=None,
            draft=None,
            before=None,
            problems=msgspec.json.encode(problems),
            code=problems[0].code,
            message=problems[0].message,
            outcome=outcome,
            outcome_id=self.item.resource_id,
        )


def _chosen_of_new(arranging: Arranging) -> Entry | None:
    """What says of an item that is created which of its media is the primary one: all of them stand then."""
    if not arranging.chosen:
        return None
    return msgspec.structs.replace(
        arranging.entry,
        action="complete",
        completes=arranging.item.seq,
        draft=msgspec.json.encode(arranging.draft(arranging.chosen)),
        before=None,
    )


def arranged(present: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """The media of an item with those of `wanted` in that order, on the places that they have together: what
    else stands there stays where it is."""
    there = [one for one in wanted if one in present]
    left = iter(there)
    return tuple(next(left) if one in there else one for one in present)


def _change(name: str, before: Sequence[int], after: Sequence[int], names: Mapping[int, str]) -> Change:
    def shown(ids: Sequence[int]) -> str:
        return ", ".join(names.get(one) or f"media {one}" for one in ids)

    old, new = shown(before), shown(after)
    return Change(name, (old,), (new,), (), (old,), (new,))
