"""A plan made from the journal: what a batch created goes, what it changed or deleted comes back.

Newest first, so that of several operations on one resource the oldest decides what it was. Created again
first, then restored and linked, deleted last: until then something may link to it. Blocking, in the
planning thread.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import msgspec

from service.store import ledger, links, plan_groups, plans, undo
from service.store.ledger_parts import PART_BY
from service.store.links import KeyRow
from service.store.plans import Action, Entry
from service.store.runs import ever_wrote
from service.store.undo import Effect, Later
from worker.applying import images, standing
from worker.applying.images import PreImage
from worker.applying.undo_found import KEY, LEFT, SLICE, digest_of, image_of, in_order, met
from worker.applying.undo_links import UndoLinks
from worker.applying.undo_step import Step, step_of
from worker.applying.undo_unseen import Unseen
from worker.context import RunContext
from worker.errors import Fatal
from worker.planning.changes import Change, Changes
from worker.planning.groups import group
from worker.planning.look_ups import Reads
from worker.planning.merging import encoded
from worker.planning.selection import Selection
from worker.planning.settling import counted
from worker.planning.values import Held
from worker.records import KINDS, Kind, Problem
from worker.targets.base import Adapter, Saved

CREATE, RESTORE = 0, 1
"""Depths of an undo; links come back behind them (`undo_links`)."""
DELETE: Mapping[str, int] = {
    "media": 3,
    "item": 4,
    "item-set": 5,
    "site-page": 6,
    "site": 7,
    "user": 8,
    "asset": 9,
    "resource-template": 10,
    "vocabulary": 11,
    "item-type": 12,
    "element-set": 13,
}
"""Deletions come last, parts before the whole."""
_LATE = ("element-set",)
"""Kinds of which a change is taken back as late as they are deleted: what it added goes only when nothing
uses it any more."""


class UndoPlan:
    """Plans the undo of one batch."""

    def __init__(
        self, context: RunContext, adapter: Adapter, reads: Reads, selection: Selection, *, force: bool
    ) -> None:
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._adapter = adapter
        self._reads = reads
        self._batch_id = context.batch_id
        self._selection = selection
        self._force = force
        self._seq = 0

    def carry_out(self) -> None:
        """Plan everything. Raises `Fatal` when the batch never wrote, `StoppedError`.

        When nothing that it wrote stands any more, it is undone: that may have turned out since somebody
        asked, about the last writes of a run that was cancelled.
        """
        found = 0
        for run_id in undo.runs_that_wrote(self._db, self._batch_id):
            before = (2**31 - 1, 2**31 - 1)
            while effects := undo.effects(self._db, run_id, before, SLICE):
                self._context.check()
                before = (effects[-1].seq, effects[-1].attempt)
                found += len(effects)
                self._keep(effects)
        if not found and not ever_wrote(self._db, self._batch_id):
            raise Fatal("nothing-to-undo", "This batch has written nothing.")
        unknown = undo.unknown_creates(self._db, self._batch_id)
        if unknown:
            self._context.log.say(
                "warning",
                "unknown-left",
                f"Of {unknown} creates of this batch it is not known whether they took effect. What they may "
                "have made is not removed: look for it in the target.",
            )
        self._judge_all()

    # --- gathering --------------------------------------------------------------------------------

    def _keep(self, effects: Sequence[Effect]) -> None:
        """An entry for each resource that was not met yet; an older effect says what it was before."""
        newest_first: defaultdict[tuple[str, int], list[Effect]] = defaultdict(list)
        for effect in effects:
            newest_first[effect.kind, effect.resource_id].append(effect)
        known, left = met(self._db, self._run_id, newest_first.keys())
        entries: list[Entry] = []
        keys: list[KeyRow] = []
        for subject, several in newest_first.items():
            effect = several[0]
            if subject in known:
                entries.append(reduce(self._before, several, known[subject]))
            elif subject not in left:
                entry = self._entry(effect)
                chosen = self._selection.takes(entry, effect.outcome)
                if chosen:
                    self._seq += 1
                    numbered = msgspec.structs.replace(entry, seq=self._seq)
                    entries.append(reduce(self._before, several, numbered))
                number = self._seq if chosen else LEFT
                keys.append(KeyRow(number, effect.kind, KEY, "", digest_of(effect.resource_id), False))
        with self._context.transaction() as connection:
            plans.replace_entries(connection, self._run_id, [one.seq for one in known.values()], entries)
            links.insert_keys(connection, self._run_id, keys)

    def _entry(self, effect: Effect) -> Entry:
        deleted = effect.method == "delete"
        step = Step(effect.saved_modified or "", effect.run_id, force=self._force)
        return Entry(
            seq=0,
            file=effect.file,
            row=effect.row,
            ordinal=effect.ordinal,
            destination=effect.destination,
            kind=effect.kind,
            action="create" if deleted else "update",
            identifier=effect.identifier,
            scope=effect.scope,
            by=effect.by,
            key_digest=effect.key_digest,
            depth=CREATE if deleted else DELETE[effect.kind] if effect.kind in _LATE else RESTORE,
            resource_id=effect.resource_id,
            draft=msgspec.json.encode(step),
        )

    def _before(self, entry: Entry, effect: Effect) -> Entry:
        """The entry, with what an effect, older than those met so far, says of the state before the batch."""
        if effect.method == "create" and entry.action == "create":
            # Created and deleted by the same batch: nothing of it is left, nor was anything before.
            return msgspec.structs.replace(entry, action="unchanged", outcome="unchanged", before=None)
        if effect.method == "create" and entry.action != "unchanged":
            made = undo.media_made(self._db, effect.run_id, effect.seq) if entry.kind == "item" else ()
            step = msgspec.structs.replace(step_of(entry), media=tuple(sorted(made)))
            return msgspec.structs.replace(
                entry,
                action="delete",
                depth=DELETE[entry.kind],
                before=None,
                draft=msgspec.json.encode(step),
            )
        return msgspec.structs.replace(entry, before=self._as_it_stood(effect.pre_image, entry.before))

    def _as_it_stood(self, older: bytes | None, newer: bytes | None) -> bytes | None:
        """What stood before the older one of two writes. A target may tell the order of an item's media apart
        from the item, and only the newer one may have asked for it."""
        if older is None or newer is None:
            return older
        later = images.unpack(newer)
        if later.kind != "item":
            return older
        return in_order(self._adapter, older, self._adapter.saved(later.saved, "item").media_ids)

    # --- judging ----------------------------------------------------------------------------------

    def _judge_all(self) -> None:
        after = 0
        last = plans.highest_seq(self._db, self._run_id)
        while page := plans.read_plan(self._db, self._run_id, after=after, limit=SLICE):
            page = [entry for entry in page if entry.seq <= last]
            if not page:
                break
            self._context.check()
            after = page[-1].seq
            judged = self._chosen(list(self._judge(page)))
            counts = counted(judged)
            counts["read"] = len(judged)
            for entry in judged:
                self._say(entry)
            with self._context.transaction(counts) as connection:
                plans.replace_entries(connection, self._run_id, [one.seq for one in page], judged)
                plan_groups.add_groups(connection, self._run_id, *group(judged))
        came_back = UndoLinks(self._context, self._adapter, self._reads)
        came_back.bring_back(last)
        came_back.tell_earlier_orders()

    def _chosen(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that do what was asked for, as far as the limit goes."""
        return [
            one
            for one in entries
            if self._selection.takes_actions([one.action]) and self._selection.room_for()
        ]

    def _judge(self, page: Sequence[Entry]) -> Iterator[Entry]:
        ids: defaultdict[Kind, list[int]] = defaultdict(list)
        for entry in page:
            if entry.action in ("update", "delete") and entry.resource_id is not None:
                ids[KINDS[entry.kind]].append(entry.resource_id)
        current = {kind: self._reads.current(kind, numbers) for kind, numbers in ids.items()}
        since = min((step_of(entry).since for entry in page), default="")
        later = {
            kind: undo.changed_later(self._db, self._batch_id, kind, numbers, since)
            for kind, numbers in ids.items()
        }
        unseen = Unseen(self._db, self._context.target, self._adapter, page)
        returned = self._returned([one for one in page if one.action == "create"])
        for entry in page:
            kind, number = KINDS[entry.kind], entry.resource_id or 0
            if entry.seq in returned:
                yield self._came_back(entry, returned[entry.seq])
                continue
            saved = current.get(kind, {}).get(number)
            edited = unseen.edited(entry, saved)
            yield self._judged(entry, saved, later.get(kind, {}).get(number), edited=edited)

    def _judged(self, entry: Entry, saved: Saved | None, later: Later | None, *, edited: bool) -> Entry:
        match entry.action:
            case "unchanged":
                return entry
            case "create":
                return self._comes_back(entry)
            case "update" | "delete" if saved is None:
                return self._gone(entry)
            case "update" | "delete":
                assert saved is not None
                return self._stands(entry, saved, later, edited=edited)
            case _:
                raise AssertionError(f"an undo does not plan {entry.action}")

    def _returned(self, entries: Sequence[Entry]) -> dict[int, int]:
        """Deleted resources of which the record came back since: entry → the number that it has now."""
        found: dict[int, int] = {}
        for key, several in standing.by_ledger_key(self._context.target, entries).items():
            known = ledger.look_up(self._db, key, [one.key_digest or "" for one in several])
            there = set(self._reads.current(KINDS[key.kind], [one.resource_id for one in known.values()]))
            if key.by == PART_BY:  # what took its place goes with this undo
                there -= undo.made_by_batch(self._db, self._batch_id, sorted(there))
            for one in several:
                held = known.get(one.key_digest or "")
                if held is not None and held.resource_id in there:
                    found[one.seq] = held.resource_id
        return found

    def _came_back(self, entry: Entry, number: int) -> Entry:
        text = (
            f"{entry.kind} {entry.resource_id} “{_title(image_of(entry))}” was deleted, and its record came "
            f"back since, as {entry.kind} {number}: it is not created a second time. Undo the later batch "
            "first."
        )
        return _settled(entry, "reject", "rejected", Problem("reject", "undo-conflict", text))

    def _comes_back(self, entry: Entry) -> Entry:
        image = image_of(entry)
        title = _title(image)
        note = Problem(
            "warning",
            "new-number",
            f"{entry.kind} {entry.resource_id} “{title}” was deleted; it comes back, with a new number.",
        )
        changes = Changes((Change(entry.kind, added=(title,), after=(title,)),))
        return _noted(msgspec.structs.replace(entry, changes=encoded(changes)), [note])

    def _gone(self, entry: Entry) -> Entry:
        if entry.action == "delete":
            return entry  # found gone when it is carried out: then the ledger forgets it
        message = (
            f"{entry.kind} {entry.resource_id} was deleted by somebody since: there is nothing to restore."
        )
        return _settled(entry, "skip", "skipped", Problem("warning", "gone", message))

    def _stands(self, entry: Entry, saved: Saved, later: Later | None, *, edited: bool) -> Entry:
        step = step_of(entry)
        why = self._edited(entry, saved, step, later)
        if why is None and edited:
            why = f"{entry.kind} {saved.id} “{saved.title or ''}” was edited by somebody since."
        problems: list[Problem] = []
        if why is not None and not self._force:
            text = f"{why} It was left as it is. To undo it all the same: force=true."
            return _settled(entry, "reject", "rejected", Problem("reject", "undo-conflict", text))
        if why is not None:
            problems.append(Problem("warning", "undo-forced", f"{why} It is undone all the same."))
        if entry.action == "delete":
            title = saved.title or f"{entry.kind} {saved.id}"
            changes = Changes((Change(entry.kind, removed=(title,), before=(title,)),))
        else:
            changes = self._changes(image_of(entry), saved)
            problems.extend(self._left(image_of(entry), saved))
        step = msgspec.structs.replace(step, content=standing.but_for_its_place(self._adapter, saved))
        entry = msgspec.structs.replace(
            entry,
            draft=msgspec.json.encode(step),
            changes=encoded(changes) if changes.changes else None,
        )
        return _noted(entry, problems)

    def _edited(self, entry: Entry, saved: Saved, step: Step, later: Later | None) -> str | None:
        """Why the resource is no longer as the batch left it; None where it is."""
        name = f"{entry.kind} {saved.id} “{saved.title or ''}”"
        if later is not None:
            return f"{name} was changed by the later batch {later.batch_id} ({later.comment})."
        if step.modified and saved.modified != step.modified and not self._only_moved(entry, saved):
            return f"{name} was edited by somebody since (at {saved.modified})."
        if entry.action == "delete":
            if not saved.media_known:
                saved = self._reads.with_media(saved)
            strange = sorted(set(saved.media_ids) - set(step.media))
            strange = sorted(set(strange) - undo.made_by_batch(self._db, self._batch_id, strange))
            if strange:
                shown = ", ".join(map(str, strange))
                return f"{name} has media that this batch did not bring ({shown})."
        return None

    def _only_moved(self, entry: Entry, saved: Saved) -> bool:
        row = standing.own_rows(self._db, self._context.target, [entry]).get(entry.seq)
        if row is None or entry.kind != "media":
            return False
        wrote = standing.but_for_its_place(self._adapter, self._adapter.saved(row.saved, "media"))
        return wrote != "" and wrote == standing.but_for_its_place(self._adapter, saved)

    def _left(self, image: PreImage, saved: Saved) -> Iterator[Problem]:
        """What the batch added and the undo leaves."""
        earlier = self._adapter.current(self._adapter.saved(image.saved, image.kind))
        current = self._adapter.current(saved)
        for name in sorted(self._adapter.stays(KINDS[image.kind])):
            for one in _change(name, earlier.fields.get(name, ()), current.fields.get(name, ())):
                text = (
                    f"{image.kind} {saved.id} “{saved.title or ''}” keeps {', '.join(one.added)} ({name}): "
                    "taken away, every value that uses it would go with it. Take it away in Omeka."
                )
                yield Problem("warning", "members-stay", text)
        for name in self._adapter.not_restored(image.saved, image.kind, saved):
            shown = ", ".join(held.shown() for held in current.fields.get(name, ()))
            text = (
                f"{image.kind} {saved.id} “{saved.title or ''}” keeps {shown} ({name}): Omeka's API can "
                "exchange that and not take it off. Take it off in Omeka."
            )
            yield Problem("warning", "field-stays", text)

    def _changes(self, image: PreImage, saved: Saved) -> Changes:
        earlier = self._adapter.current(self._adapter.saved(image.saved, image.kind))
        current = self._adapter.current(saved)
        found = []
        for name in dict.fromkeys((*current.properties, *earlier.properties)):
            found.extend(_change(name, current.properties.get(name, ()), earlier.properties.get(name, ())))
        stay = {*self._adapter.stays(KINDS[image.kind])}
        stay.update(self._adapter.not_restored(image.saved, image.kind, saved))
        for name in earlier.fields.keys() - stay:
            found.extend(_change(name, current.fields.get(name, ()), earlier.fields[name]))
        return Changes(tuple(found))

    def _say(self, entry: Entry) -> None:
        for problem in msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else ():
            self._context.log.problem(problem, file=entry.file, row=entry.row, identifier=entry.identifier)


def _title(image: PreImage) -> str:
    found = msgspec.json.decode(image.saved)
    title = found.get("o:title") if isinstance(found, dict) else None
    return title if isinstance(title, str) else f"{image.kind} {image.id}"


def _change(name: str, before: Sequence[Held], after: Sequence[Held]) -> list[Change]:
    then, now = _shown(before), _shown(after)
    if Counter(then) == Counter(now):
        return []
    removed = tuple((Counter(then) - Counter(now)).elements())
    added = tuple((Counter(now) - Counter(then)).elements())
    return [Change(name, removed, added, (), then, now)]


def _shown(values: Sequence[Held]) -> tuple[str, ...]:
    return tuple(value.shown() for value in values)


def _settled(entry: Entry, action: Action, outcome: str, problem: Problem) -> Entry:
    return msgspec.structs.replace(
        _noted(entry, [problem]), action=action, outcome=outcome, outcome_id=entry.resource_id
    )


def _noted(entry: Entry, problems: Sequence[Problem]) -> Entry:
    if not problems:
        return entry
    first = problems[0]
    return msgspec.structs.replace(
        entry, problems=msgspec.json.encode(problems), code=first.code, message=first.message
    )
