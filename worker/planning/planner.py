"""Mapped records → plan entries, a chunk at a time: look everything up once a chunk, then decide each.

A record whose links lead to what is not known yet is kept as `pending` and decided in a second pass,
when everything is planned (`worker.planning.settling`): by the same code, with more known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from service.control.model import Control
from service.store.ledger import Known
from service.store.links import KeyRow, LinkRow
from service.store.plans import Entry, Outcome
from worker.errors import Fatal
from worker.planning import links
from worker.planning.decide import (
    Decision,
    Meaning,
    Policy,
    decide,
    is_merged,
    meant_digest,
    media_digest,
    policy_of,
    with_defaults,
)
from worker.planning.links import Nowhere, Resolution, Settled, links_of, settle
from worker.planning.merging import Candidate, Judged, Merger
from worker.planning.met import ChunkMet, LookUps, find_links, subject_of
from worker.planning.templates import Templates
from worker.records import Draft, Identity, Kind, Mapped, Problem, Sought, identity_digest
from worker.targets.base import Resolver

INLINE_MEDIA = 20
"""Most media that travel in the request that creates their item."""


class Planned(Struct):
    """What a chunk of records became."""

    entries: list[Entry] = []
    links: list[LinkRow] = []
    keys: list[KeyRow] = []
    refreshed: list[Judged] = []
    """Known resources that stand as meant, though the ledger's row is older: it may be brought up to date."""


class _Plan(Struct, gc=False):
    """One draft on its way to an entry."""

    seq: int
    draft: Draft
    settled: Settled
    meaning: Meaning
    decision: Decision
    parent: _Plan | None = None
    position: int = 0
    """Among the media of its item, from 0."""
    changes: bytes | None = None
    before: bytes | None = None


def target_problems(mapped: Mapped, resolver: Resolver) -> tuple[Problem, ...]:
    """What the target would refuse, or drop silently, of the resources that a record became."""
    return tuple(problem for draft in mapped.drafts for problem in resolver.problems(draft))


class Planner:
    """Turns chunks of mapped records into entries; keeps nothing but the next number between chunks."""

    def __init__(self, control: Control, resolver: Resolver, look_ups: LookUps, merger: Merger) -> None:
        self._control = control
        self._resolver = resolver
        self._look_ups = look_ups
        self._merger = merger
        self._templates = Templates(control.templates, resolver)
        self._policies = {label: policy_of(match) for label, match in control.match.items()}
        self._aliases = _aliases(control)
        self._seq = 0
        self._again = False

    def plan(self, chunk: Sequence[Mapped]) -> Planned:
        """The entries of these records, in order."""
        settled = [self._templates.settle(mapped) for mapped in chunk]
        return self._plan(settled, {}, None)

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
        resolution = find_links(self._look_ups, chunk, made)
        planned = Planned()
        records: list[tuple[Mapped, list[_Plan]]] = []
        for mapped in chunk:
            if made is not None:
                self._seq = seqs[mapped.file, mapped.row] - 1
            if mapped.skipped is not None or mapped.rejected:
                self._unwritten(mapped, planned)
                continue
            plans = self._decide_all(mapped, met, resolution)
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
        records: Sequence[tuple[Mapped, list[_Plan]]],
        resolution: Resolution,
        planned: Planned,
    ) -> None:
        """Decide the candidates for an update: all that must be read for them is read at once."""
        wanted = [
            (Candidate(plan.draft, plan.settled, plan.meaning, plan.decision), plan)
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

    def _decide_all(self, mapped: Mapped, met: ChunkMet, resolution: Resolution) -> list[_Plan]:
        media: dict[int, list[Draft]] = {}
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                media.setdefault(draft.item, []).append(draft)
        plans: list[_Plan] = []
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                continue
            own = media.get(draft.ordinal, [])
            parent = self._decide(draft, own, met, resolution)
            plans.append(parent)
            plans.extend(self._decide_media(parent, own, met, resolution))
        return plans

    def _decide(self, draft: Draft, media: Sequence[Draft], met: ChunkMet, resolution: Resolution) -> _Plan:
        self._seq += 1
        settled = settle(draft, resolution)
        travelling = [one for one in media if one.identity is None]
        meaning = Meaning(meant_digest(settled.draft), media_digest(travelling), settled.linked)
        decision = self._decision(draft, meaning, met)
        if media and is_merged(decision):
            note = (
                f"{decision.problems[0].message.split(':')[0]}, and this record has media: those cannot be "
                "added to another record. Make one record of the rows first, with `group`."
            )
            decision = Decision("reject", None, (Problem("reject", "duplicate-identity", note),))
        return _Plan(self._seq, draft, settled, meaning, decision)

    def _merges(self, draft: Draft) -> bool:
        return self._policies.get(draft.destination, Policy()).duplicates == "merge"

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
        policy = self._policies.get(draft.destination, Policy())
        return decide(draft, meaning, met.of(draft), policy, listing)

    def _decide_media(
        self, parent: _Plan, media: Sequence[Draft], met: ChunkMet, resolution: Resolution
    ) -> Iterator[_Plan]:
        for position, draft in enumerate(media):
            self._seq += 1
            settled = settle(draft, resolution)
            meaning = Meaning(meant_digest(settled.draft), "", settled.linked)
            decision = self._media_decision(parent, draft, meaning, met)
            yield _Plan(self._seq, draft, settled, meaning, decision, parent, position)

    def _media_decision(self, parent: _Plan, draft: Draft, meaning: Meaning, met: ChunkMet) -> Decision:
        above = parent.decision
        if above.action == "create":
            return Decision("create")
        if above.action not in ("update", "unchanged"):
            return Decision(above.action)
        if draft.identity is not None:
            return self._decision(draft, meaning, met)
        if parent.draft.action == "load":
            return Decision("create")  # nothing says which media of the item it could be
        if above.known is not None and above.known.media_meant == parent.meaning.media:
            return Decision("unchanged")
        note = (
            "The media of this item stand in the target, or are not those that were imported with it; "
            'without a match for "media" they cannot be told apart, and were left as they are.'
        )
        return Decision("skip", problems=(Problem("warning", "media-not-compared", note),))

    def _waits(self, plans: Sequence[_Plan], resolution: Resolution) -> bool:
        """Whether a link of the record leads to what a later record may still bring, or a later record may
        be added to it."""
        if not self._again and any(self._merges(plan.draft) for plan in plans):
            return True
        return any(resolution[one] == links.LATER for plan in plans for one in links_of(plan.draft))

    def _finish(self, mapped: Mapped, plans: list[_Plan], resolution: Resolution, planned: Planned) -> None:
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
        refused = next((entry for entry in entries if entry.action == "reject"), None)
        if refused is not None:
            entries = [entry if entry is refused else _with_it(entry) for entry in entries]
        if notes and entries:
            entries[0] = _add_problems(entries[0], notes)
        planned.entries.extend(entries)
        for plan, entry in zip(plans, entries, strict=True):
            if entry.action in ("create", "update"):
                planned.links.extend(_link_rows(plan.seq, plan.settled.draft, resolution))
                planned.keys.extend(self.keys_of(plan.seq, plan.draft))

    def _keep_pending(
        self, mapped: Mapped, plans: list[_Plan], resolution: Resolution, planned: Planned
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
            planned.links.extend(_link_rows(plan.seq, plan.draft, resolution))
            planned.keys.extend(self.keys_of(plan.seq, plan.draft))

    def _refuse(
        self, mapped: Mapped, plans: Sequence[_Plan], problems: Sequence[Problem], planned: Planned
    ) -> None:
        """One entry for the whole record; the identities that it bears are mentioned all the same."""
        first = plans[0].seq
        entry = self._without_effect(mapped, first, "reject", problems)
        planned.entries.append(entry)
        planned.keys.extend(_mentions(first, mapped))

    def _unwritten(self, mapped: Mapped, planned: Planned) -> None:
        self._seq += 1
        if mapped.skipped is not None:
            problem = Problem("warning", "skipped", mapped.skipped)
            entry = self._without_effect(mapped, self._seq, "skip", (problem, *mapped.problems))
        else:
            entry = self._without_effect(mapped, self._seq, "reject", mapped.problems)
        planned.entries.append(entry)
        planned.keys.extend(_mentions(self._seq, mapped))

    # --- entries ----------------------------------------------------------------------------------

    def _entry(self, mapped: Mapped, plan: _Plan) -> Entry:
        draft, decision, identity = plan.draft, plan.decision, plan.draft.identity
        writes = decision.action in ("create", "update")
        kept = with_defaults(plan.settled.draft, self._control) if decision.action == "create" else None
        if decision.action == "update":
            kept = plan.settled.draft
        # Loaded to be referred to: what it holds was not said by this record.
        meant = plan.meaning.draft if writes or draft.action == "new" else None
        problem = decision.problems[0] if decision.problems else None
        return Entry(
            seq=plan.seq,
            file=mapped.file,
            row=mapped.row,
            ordinal=draft.ordinal,
            destination=draft.destination,
            kind=draft.kind,
            action=decision.action,
            parent_seq=_maker(plan.parent) if plan.parent is not None else None,
            identifier=identity.shown if identity else None,
            scope=identity.scope if identity else None,
            by=identity.by_text if identity else None,
            key_digest=identity.digest if identity else None,
            depth=_media_depth(plan),
            resource_id=decision.resource_id,
            draft=msgspec.json.encode(kept) if kept is not None else None,
            before=plan.before,
            changes=plan.changes,
            meant=meant,
            media_meant=_media_meant(plan) if meant is not None else None,
            linked=plan.meaning.linked if meant is not None else None,
            completes=decision.completes,
            problems=msgspec.json.encode(decision.problems) if decision.problems else None,
            outcome=_settled(decision.action),
            outcome_id=decision.resource_id if _settled(decision.action) else None,
            code=problem.code if problem else None,
            message=problem.message if problem else None,
        )

    def _without_effect(self, mapped: Mapped, seq: int, action: str, problems: Sequence[Problem]) -> Entry:
        first = next((p for p in problems if p.severity != "warning"), problems[0])
        identity = next(iter(mapped.identities), None)
        draft = next(iter(mapped.drafts), None)
        if identity is None and draft is not None:
            identity = draft.identity
        return Entry(
            seq=seq,
            file=mapped.file,
            row=mapped.row,
            ordinal=0,
            destination=draft.destination if draft else "",
            kind=draft.kind if draft else "",
            action="skip" if action == "skip" else "reject",
            identifier=identity.shown if identity else None,
            problems=msgspec.json.encode(problems),
            outcome="skipped" if action == "skip" else "rejected",
            code=first.code,
            message=first.message,
        )

    def keys_of(self, seq: int, draft: Draft) -> Iterator[KeyRow]:
        """Properties that links look for and that are not its identity, with what the draft gives them."""
        for by in self._aliases.get(draft.kind, ()):
            if draft.identity is not None and draft.identity.by == by:
                continue
            for part in draft.properties:
                if part.term != by[0] or part.on_update == "remove":
                    continue
                for value in part.values:
                    text = (value.uri or value.text or "").strip()
                    if text and value.link is None:
                        scope = draft.identity.scope if draft.identity else ""
                        yield KeyRow(seq, draft.kind, scope, by[0], identity_digest((text,)), True)


def _maker(parent: _Plan) -> int:
    """The entry that tells the number of a media's item: one that only names what an earlier record creates
    never learns it."""
    made, named = parent.decision.completes, parent.decision.action == "unchanged"
    return made if named and made is not None else parent.seq


def _media_meant(plan: _Plan) -> str:
    """Of a resource that stands, media are not written with it: those that the ledger knows of stay so."""
    if plan.decision.action == "create":
        return plan.meaning.media
    return plan.decision.known.media_meant if plan.decision.known is not None else ""


def _media_depth(plan: _Plan) -> int:
    """0: it travels with its item, or has none; 1: it follows in a request of its own, as it does when it
    stands already or links to what is still to be created."""
    if plan.parent is None or plan.decision.action not in ("create", "update", "delete"):
        return 0
    if plan.decision.action != "create":
        return 1  # at 0 it would be taken for a part of its item's request, and never be sent
    new = any(number < 0 for number in plan.settled.numbers)
    inline = plan.parent.decision.action == "create" and plan.position < INLINE_MEDIA and not new
    return 0 if inline else 1


def _aliases(control: Control) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Kind → single properties by which links look for resources of it."""
    found: defaultdict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
    for kind, by in links.properties_sought(control):
        found[kind][by] = None
    return {kind: tuple(several) for kind, several in found.items()}


def unsettled_links(seq: int, draft: Draft) -> Iterator[LinkRow]:
    """The links of a draft of which nothing is known yet."""
    return _link_rows(seq, draft, dict.fromkeys(links_of(draft), links.LATER))


def _link_rows(seq: int, draft: Draft, resolution: Resolution) -> Iterator[LinkRow]:
    for n, one in enumerate(links_of(draft)):
        found = resolution[one]
        number = found.id if not isinstance(found, Nowhere) else None
        identity = one.identity
        yield LinkRow(
            seq=seq,
            n=n,
            kind=one.kind or "",
            scope=identity.scope,
            any_scope=one.any_scope,
            by=identity.by_text,
            key_digest=identity.digest,
            to_id=number if number is not None and number > 0 else None,
            to_seq=-number if number is not None and number < 0 else None,
        )


def _mentions(seq: int, mapped: Mapped) -> Iterator[KeyRow]:
    """Every identity that was read from a record that is not written: it is not absent."""
    drafts = {draft.identity: draft.kind for draft in mapped.drafts if draft.identity is not None}
    for identity in dict.fromkeys((*mapped.identities, *drafts)):
        # Of which kind it is, a record that failed early does not tell: then it counts for all.
        yield KeyRow(seq, drafts.get(identity, ""), identity.scope, identity.by_text, identity.digest, False)


def _sought(draft: Draft) -> str:
    return draft.identity.shown if draft.identity is not None else str(draft.resource_id)


def _settled(action: str) -> Outcome | None:
    """The outcome of an entry for which nothing is to be sent."""
    match action:
        case "unchanged":
            return "unchanged"
        case "skip":
            return "skipped"
        case "reject":
            return "rejected"
        case _:
            return None


def _with_it(entry: Entry) -> Entry:
    if entry.action not in ("create", "update", "delete"):
        return entry
    note = "Another resource of the same record was refused; the record is written whole or not at all."
    problem = Problem("reject", "record-refused", note)
    return msgspec.structs.replace(
        entry,
        action="reject",
        outcome="rejected",
        draft=None,
        changes=None,
        before=None,
        problems=msgspec.json.encode([problem]),
        code=problem.code,
        message=problem.message,
    )


def _add_problems(entry: Entry, more: Iterable[Problem]) -> Entry:
    present = msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else []
    together = [*present, *more]
    return msgspec.structs.replace(
        entry,
        problems=msgspec.json.encode(together),
        code=entry.code or together[0].code,
        message=entry.message or together[0].message,
    )


__all__ = ["LookUps", "Planned", "Planner", "subject_of", "target_problems"]
