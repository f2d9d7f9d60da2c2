"""Mapped records → plan entries, a chunk at a time: look everything up once a chunk, then decide each.

A record whose links lead to what is not known yet is kept as `pending` and decided in a second pass,
when everything is planned (`worker.planning.settling`): by the same code, with more known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import is_

import msgspec
from msgspec import Struct

from service.control.model import Control
from service.control.names_used import names_used
from service.store.ledger import Known
from service.store.links import KeyRow, LinkRow
from service.store.plans import Entry
from worker.attachments.rules import USUAL, FileRules
from worker.errors import Fatal
from worker.planning import links
from worker.planning.decide import (
    Decision,
    Meaning,
    Policy,
    decide,
    is_merged,
    is_unchanged,
    meant_digest,
    media_digest,
    policy_of,
)
from worker.planning.entries import (
    SETS_FIRST,
    Intended,
    add_problems,
    alias_rows,
    aliases_of,
    entry_of,
    link_rows,
    mention_rows,
    not_whole,
    with_it,
    without_effect,
)
from worker.planning.links import Resolution, has_links, links_of, settle
from worker.planning.merging import Candidate, Judged, Merger
from worker.planning.met import ChunkMet, LookUps, find_links
from worker.planning.owners import Owners
from worker.planning.parts import ChunkParts, Paired, Rearranged, Room, in_place, rearranged
from worker.planning.pictures import asset_of
from worker.planning.places import Places
from worker.planning.templates import Templates
from worker.planning.uploads import Uploads, file_digest, of_file
from worker.records import Draft, Identity, Kind, Mapped, Problem, Sought
from worker.targets.base import Resolver


class Planned(Struct):
    """What a chunk of records became."""

    entries: list[Entry] = []
    links: list[LinkRow] = []
    keys: list[KeyRow] = []
    refreshed: list[Judged] = []
    """Known resources that stand as meant, though the ledger's row is older: it may be brought up to date."""
    rearranged: list[Rearranged] = []
    """Items whose media may stand in another order than the record has them."""
    unfinished: list[int] = []
    """Entries that create what a second one has to complete."""


def target_problems(mapped: Mapped, resolver: Resolver) -> tuple[Problem, ...]:
    """What the target would refuse, or drop silently, of the resources that a record became."""
    return tuple(problem for draft in mapped.drafts for problem in resolver.problems(draft))


class Planner:
    """Turns chunks of mapped records into entries; keeps nothing but the next number between chunks."""

    def __init__(
        self,
        control: Control,
        resolver: Resolver,
        look_ups: LookUps,
        merger: Merger,
        rules: FileRules = USUAL,
        uploads: Uploads | None = None,
    ) -> None:
        """`rules`: which files the target takes, and how many of them with their item. `uploads`: the files
        of the batch; none: it has none."""
        self._rules = rules
        self._uploads = uploads or Uploads()
        # Only where something may be called after them; elsewhere they are items' equals.
        self._sets_first = "item_sets" in names_used(control).coming
        self._control = control
        self._resolver = resolver
        self._look_ups = look_ups
        self._merger = merger
        self._templates = Templates(control.templates, resolver)
        self._places = Places(control, resolver)
        self._owners = Owners(resolver, lenient=control.record_processor is not None)
        self._policies = {
            label: policy_of(match, control.on_conflict) for label, match in control.match.items()
        }
        self._default = policy_of(None, control.on_conflict)
        self._merging = frozenset(
            label for label, policy in self._policies.items() if policy.duplicates == "merge"
        )
        self._aliases = aliases_of(control)
        self._seq = 0
        self._again = False

    def plan(self, chunk: Sequence[Mapped]) -> Planned:
        """The entries of these records, in order."""
        settled = [self._settled(one) for one in chunk]
        return self._plan(settled, {}, None)

    def _settled(self, mapped: Mapped) -> Mapped:
        """What files, templates, and the maps and owners that there are make of it."""
        placed = self._places.settle(self._uploads.settle(mapped))
        return self._owners.settle(self._expected(self._templates.settle(placed)))

    def _expected(self, mapped: Mapped) -> Mapped:
        """What it brings counts as known for it and for what comes after it."""
        for draft in mapped.drafts:
            if draft.picture is not None:
                self._resolver.expect(asset_of(draft.picture))
        drafts = tuple([self._resolver.expect(draft) for draft in mapped.drafts])
        return (
            mapped if all(map(is_, drafts, mapped.drafts)) else msgspec.structs.replace(mapped, drafts=drafts)
        )

    def replan(
        self, records: Sequence[Mapped], seqs: Mapping[tuple[str, int], int], made: Mapping[Sought, int]
    ) -> Planned:
        """Records that were pending, decided now. `seqs`: the first entry of each (file, row); `made`: what
        links seek → the entry that creates it. What is neither there nor in the target, there is not."""
        return self._plan(records, seqs, made)

    def missing_loads(self, chunk: Sequence[Mapped]) -> dict[int, frozenset[tuple[str, str]]]:
        """Which loads that have an `otherwise` find nothing.

        Index in the chunk → pairs of the pointer of the `otherwise` and what was sought.
        """
        loading = [
            Mapped(mapped.file, mapped.row, tuple(draft for draft in mapped.drafts if draft.otherwise))
            for mapped in chunk
        ]
        if not any(mapped.drafts for mapped in loading):
            return {}
        met = ChunkMet(self._look_ups, loading)
        result = {}
        for index, mapped in enumerate(loading):
            missing = frozenset(
                (draft.otherwise, _sought(draft)) for draft in mapped.drafts if not self._stands(draft, met)
            )
            if missing:
                result[index] = missing
        return result

    def _stands(self, draft: Draft, met: ChunkMet) -> bool:
        if draft.identity is None:
            return draft.resource_id in self._look_ups.listing(draft.kind)
        found = met.of(draft)
        return found.known is not None or bool(found.bearers) or found.earlier is not None

    # --- a chunk ----------------------------------------------------------------------------------

    def _plan(
        self,
        chunk: Sequence[Mapped],
        seqs: Mapping[tuple[str, int], int],
        made: Mapping[Sought, int] | None,
    ) -> Planned:
        self._again = made is not None
        met = ChunkMet(self._look_ups, chunk, again=self._again)
        self._forget_strangers(chunk, met)
        parts = ChunkParts(self._look_ups, self._merger.comparer, chunk, met)
        linking = [mapped for mapped in chunk if any(map(has_links, mapped.drafts))]
        resolution = find_links(self._look_ups, linking, made)
        planned = Planned()
        records: list[tuple[Mapped, list[Intended]]] = []
        for mapped in chunk:
            if made is not None:
                self._seq = seqs[mapped.file, mapped.row] - 1
            if mapped.skipped is not None or mapped.rejected or not mapped.drafts:
                self._unwritten(mapped, planned)
                continue
            plans = self._decide_all(mapped, met, resolution, parts)
            for plan in plans:
                decision = plan.decision
                met.remember(mapped, plan.draft, decision.action, decision.resource_id, plan.seq)
            records.append((mapped, plans))
        self._compare(records, resolution, planned)
        for mapped, plans in records:
            self._finish(mapped, plans, resolution, planned)
        planned.entries.sort(key=lambda entry: entry.seq)
        return planned

    def _forget_strangers(self, chunk: Sequence[Mapped], met: ChunkMet) -> None:
        """What moved and no longer bears the identity that it was written under is not that resource."""
        moved: defaultdict[Kind, list[int]] = defaultdict(list)
        for kind, known in met.every_known():
            if self._look_ups.listing(kind).get(known.resource_id) not in (None, known.modified):
                moved[kind].append(known.resource_id)
        gone: defaultdict[Kind, list[int]] = defaultdict(list)
        for kind, known in met.every_known():
            if known.resource_id not in self._look_ups.listing(kind):
                gone[kind].append(known.resource_id)
        for kind, ids in gone.items():
            self._look_ups.confirm_gone(kind, ids)
        if not moved:
            return
        self._merger.begin()
        for kind, ids in moved.items():
            current = self._look_ups.current(kind, ids)
            for mapped in chunk:
                for draft in mapped.drafts:
                    if draft.kind == kind and draft.identity is not None:
                        held = met.of(draft).known
                        saved = current.get(held.resource_id) if held is not None else None
                        if saved is not None and not self._merger.bears(saved, draft.identity):
                            met.forget(draft)

    def _compare(
        self,
        records: Sequence[tuple[Mapped, list[Intended]]],
        resolution: Resolution,
        planned: Planned,
    ) -> None:
        """Decide the candidates for an update: all that must be read for them is read at once."""
        wanted = [
            (Candidate(plan.draft, plan.settled, plan.meaning, plan.decision, plan.part), plan)
            for mapped, plans in records
            if not self._waits(plans, resolution)
            for plan in plans
            if plan.decision.action in ("update", "delete") and plan.decision.resource_id is not None
        ]
        if not wanted:
            return
        judged = self._merger.judge([candidate for candidate, _ in wanted], self._look_ups, resolution)
        for (_, plan), one in zip(wanted, judged, strict=True):
            problems = (*plan.decision.problems, *one.problems)
            plan.decision = msgspec.structs.replace(plan.decision, action=one.action, problems=problems)
            plan.changes, plan.before = one.changes, one.before
            if one.outdated:
                planned.refreshed.append(one)

    # --- a record ---------------------------------------------------------------------------------

    def _decide_all(
        self, mapped: Mapped, met: ChunkMet, resolution: Resolution, parts: ChunkParts
    ) -> list[Intended]:
        media: dict[int, list[Draft]] = {}
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                media.setdefault(draft.item, []).append(draft)
        plans: list[Intended] = []
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                continue
            own = in_place(media.get(draft.ordinal, []))
            parent = self._decide(draft, own, met, resolution)
            plans.append(parent)
            plans.extend(self._decide_media(parent, own, met, resolution, parts))
        return plans

    def _decide(
        self, draft: Draft, media: Sequence[Draft], met: ChunkMet, resolution: Resolution
    ) -> Intended:
        self._seq += 1
        settled = settle(draft, resolution)
        media_meant = media_digest(media) or file_digest(settled.draft)
        meaning = Meaning(meant_digest(settled.draft), media_meant, settled.linked)
        decision = of_file(draft, meaning, self._decision(draft, meaning, met))
        if media and is_merged(decision):
            note = (
                f"{decision.problems[0].message.split(':')[0]}, and this record has media: those cannot be "
                "added to another record. Make one record of the rows first, with `group`."
            )
            decision = Decision("reject", None, (Problem("reject", "duplicate-identity", note),))
        if decision.completes is not None and any(one.primary for one in media):
            note = (
                "Another record of this batch creates the item, so this one cannot say which media is its "
                "primary one. Say it in that record, or import this one in a later batch."
            )
            decision = Decision("reject", None, (Problem("reject", "primary-elsewhere", note),))
        return Intended(self._seq, draft, settled, meaning, decision)

    def _decision(self, draft: Draft, meaning: Meaning, met: ChunkMet) -> Decision:
        listing = self._look_ups.listing(draft.kind)
        if draft.resource_id is not None:
            if draft.resource_id not in listing:
                message = f"{draft.kind} {draft.resource_id} is not in the target."
                return Decision("reject", None, (Problem("reject", "not-found", message),))
            known = Known("", "", draft.resource_id, "", listing[draft.resource_id])
            numbered = msgspec.structs.replace(
                draft, identity=Identity("", ("o:id",), (str(draft.resource_id),))
            )
            found = decide(numbered, meaning, met.numbered(known), Policy(), listing)
            return msgspec.structs.replace(found, known=None)
        if draft.identity is None:
            return Decision("create")
        policy = self._policies.get(draft.destination, self._default)
        return decide(draft, meaning, met.of(draft), policy, listing)

    def _decide_media(
        self,
        parent: Intended,
        media: Sequence[Draft],
        met: ChunkMet,
        resolution: Resolution,
        parts: ChunkParts,
    ) -> Iterator[Intended]:
        unnamed = [draft for draft in media if draft.identity is None]
        paired = dict(zip(map(id, unnamed), parts.paired(parent, unnamed), strict=True))
        room = Room(self._rules)
        for position, draft in enumerate(media):
            self._seq += 1
            settled = settle(draft, resolution)
            meaning = Meaning(meant_digest(settled.draft), "", settled.linked)
            found = paired.get(id(draft))
            decision = self._media_decision(parent, draft, meaning, met, found)
            inline = decision.action == "create" and room.takes(draft)
            key = found.key if found is not None else None
            yield Intended(self._seq, draft, settled, meaning, decision, parent, position, key, inline)

    def _media_decision(
        self, parent: Intended, draft: Draft, meaning: Meaning, met: ChunkMet, found: Paired | None
    ) -> Decision:
        above = parent.decision
        if above.action not in ("create", "update", "unchanged"):
            return Decision(above.action)
        if draft.source is not None and draft.source.refused is not None:
            return Decision("reject", problems=(draft.source.refused,))
        if above.action == "create":
            return Decision("create")
        if draft.identity is not None:
            return self._decision(draft, meaning, met)
        part = found.part if found is not None else None
        if found is None or part is None:
            return Decision("create")
        listing = self._look_ups.listing("media")
        if part.resource_id not in listing:
            note = (
                f"Media {part.resource_id} “{found.key.shown}” was imported, and somebody has deleted it "
                "since. It is not added again."
            )
            return Decision("skip", part.resource_id, (Problem("warning", "gone", note),))
        if found.replaces:
            note = f"“{found.key.shown}” has other bytes: media {part.resource_id} is replaced."
            return Decision("create", part.resource_id, (Problem("warning", "replaced", note),))
        if part.known is not None and is_unchanged(
            part.known, meaning, listing[part.resource_id], self._control.on_conflict
        ):
            return Decision("unchanged", part.resource_id, known=part.known)
        return Decision("update", part.resource_id, known=part.known)

    def _waits(self, plans: Sequence[Intended], resolution: Resolution) -> bool:
        """Whether a link of the record leads to what a later record may still bring, or a later record may
        be added to it."""
        if (
            not self._again
            and self._merging
            and any(plan.draft.destination in self._merging for plan in plans)
        ):
            return True
        if not resolution:
            return False
        return any(resolution[one] == links.LATER for plan in plans for one in links_of(plan.draft))

    def _finish(
        self, mapped: Mapped, plans: list[Intended], resolution: Resolution, planned: Planned
    ) -> None:
        if self._waits(plans, resolution):
            self._keep_pending(mapped, plans, resolution, planned)
            return
        found = [problem for plan in plans for problem in plan.settled.problems]
        # What is not sent is not looked at: the target took it once already.
        sent = any(plan.decision.action not in ("unchanged", "skip") for plan in plans)
        if sent:
            drafts = tuple(plan.settled.draft for plan in plans)
            found.extend(target_problems(msgspec.structs.replace(mapped, drafts=drafts), self._resolver))
        refusals = [problem for problem in found if problem.severity != "warning"]
        for problem in refusals:
            if problem.severity == "stop":
                raise Fatal(problem.code, f"{mapped.file}, row {mapped.row}: {problem.message}")
        notes = (*mapped.problems, *found)
        if refusals:
            self._refuse(mapped, plans, notes, planned)
            return
        entries = [self._entry(mapped, plan) for plan in plans]
        # A record is written whole or not at all: one refused resource takes the others with it.
        # But for a file that cannot be sent: that costs its media alone.
        whole = [entry for plan, entry in zip(plans, entries, strict=True) if not plan.alone]
        refused = next((entry for entry in whole if entry.action == "reject"), None)
        if refused is not None:
            entries = [entry if entry is refused else with_it(entry) for entry in entries]
        else:
            items = list(rearranged(plans, removes=self._control.media_absent == "delete"))
            entries = not_whole(entries, {one.seq for one in items})
            planned.rearranged.extend(items)
            left_out = self._merger.comparer.left_out
            planned.unfinished.extend(
                plan.seq
                for plan, entry in zip(plans, entries, strict=True)
                if entry.action == "create" and left_out(plan.settled.draft)
            )
        if notes and entries:
            entries[0] = add_problems(entries[0], notes)
        planned.entries.extend(entries)
        for plan, entry in zip(plans, entries, strict=True):
            if entry.action in ("create", "update"):
                planned.links.extend(link_rows(plan.seq, plan.settled.draft, resolution))
                planned.keys.extend(self.keys_of(plan.seq, plan.draft))

    def _entry(self, mapped: Mapped, plan: Intended) -> Entry:
        entry = entry_of(mapped, plan, self._control)
        if self._sets_first and plan.draft.kind == "item-set" and not has_links(plan.draft):
            return msgspec.structs.replace(entry, depth=min(entry.depth, SETS_FIRST))
        return entry

    def _keep_pending(
        self, mapped: Mapped, plans: list[Intended], resolution: Resolution, planned: Planned
    ) -> None:
        for index, plan in enumerate(plans):
            entry = self._entry(mapped, plan)
            problems = mapped.problems if index == 0 else ()
            merged = is_merged(plan.decision)
            planned.entries.append(
                msgspec.structs.replace(
                    entry,
                    pending=True,
                    draft=msgspec.json.encode(plan.draft),
                    problems=msgspec.json.encode(problems) if problems else None,
                    outcome=None,
                    code=entry.code if merged else None,
                    message=entry.message if merged else None,
                )
            )
            planned.links.extend(link_rows(plan.seq, plan.draft, resolution))
            planned.keys.extend(self.keys_of(plan.seq, plan.draft))

    def _refuse(
        self, mapped: Mapped, plans: Sequence[Intended], problems: Sequence[Problem], planned: Planned
    ) -> None:
        """One entry for the whole record; the identities that it bears are mentioned all the same."""
        first = plans[0].seq
        entry = without_effect(mapped, first, "reject", problems)
        planned.entries.append(entry)
        planned.keys.extend(mention_rows(first, mapped))

    def _unwritten(self, mapped: Mapped, planned: Planned) -> None:
        """A record of which nothing is made; with nothing to say of it either, it leaves no trace."""
        if mapped.skipped is None and not mapped.problems:
            return
        self._seq += 1
        if mapped.skipped is None and not mapped.rejected:
            entry = without_effect(mapped, self._seq, "skip", mapped.problems)
        elif mapped.skipped is not None:
            problem = Problem("warning", "skipped", mapped.skipped)
            entry = without_effect(mapped, self._seq, "skip", (problem, *mapped.problems))
        else:
            entry = without_effect(mapped, self._seq, "reject", mapped.problems)
        planned.entries.append(entry)
        planned.keys.extend(mention_rows(self._seq, mapped))

    def keys_of(self, seq: int, draft: Draft) -> Iterable[KeyRow]:
        """What links may find an entry of this draft by, beside its identity."""
        return alias_rows(self._aliases, seq, draft)


def _sought(draft: Draft) -> str:
    return draft.identity.shown if draft.identity is not None else str(draft.resource_id)
