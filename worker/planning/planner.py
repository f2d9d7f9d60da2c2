"""Mapped records → plan entries, a chunk at a time: look everything up once a chunk, then decide each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from service.control.model import Control
from service.store.ledger import Known
from service.store.plans import Entry, Outcome
from worker.planning.decide import Decision, Met, decide, meant_digest, with_defaults
from worker.planning.met import LookUps, Meetings
from worker.planning.templates import Templates
from worker.records import Draft, Identity, Mapped, Problem
from worker.targets.base import Resolver

INLINE_MEDIA = 20
"""Most media that travel in the request that creates their item."""


def target_problems(mapped: Mapped, resolver: Resolver) -> tuple[Problem, ...]:
    """What the target would refuse, or drop silently, of the resources that a record became."""
    return tuple(problem for draft in mapped.drafts for problem in resolver.problems(draft))


class Planner:
    """Turns chunks of mapped records into entries; keeps nothing but the next number between chunks."""

    def __init__(self, control: Control, resolver: Resolver, look_ups: LookUps) -> None:
        self._control = control
        self._resolver = resolver
        self._look_ups = look_ups
        self._templates = Templates(control.templates, resolver)
        self._seq = 0

    def plan(self, chunk: Sequence[Mapped]) -> list[Entry]:
        """The entries of these records, in order."""
        met = Meetings(self._look_ups, chunk)
        entries: list[Entry] = []
        for mapped in chunk:
            entries.extend(self._plan_record(self._templates.settle(mapped), met))
        return entries

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
        met = Meetings(self._look_ups, loading)
        result = {}
        for index, mapped in enumerate(loading):
            missing = frozenset(
                (draft.otherwise, _sought(draft)) for draft in mapped.drafts if not self._stands(draft, met)
            )
            if missing:
                result[index] = missing
        return result

    def _stands(self, draft: Draft, met: Meetings) -> bool:
        if draft.identity is None:
            return draft.resource_id in self._look_ups.listing(draft.kind)
        found = met.of(draft)
        return found.known is not None or bool(found.bearers) or found.earlier is not None

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _plan_record(self, mapped: Mapped, met: Meetings) -> Iterable[Entry]:
        if mapped.skipped is not None:
            problem = Problem("warning", "skipped", mapped.skipped)
            return [self._without_effect(mapped, "skip", (problem, *mapped.problems))]
        if mapped.rejected:
            return [self._without_effect(mapped, "reject", mapped.problems)]
        before = self._seq
        entries = self._plan_drafts(mapped, met)
        # What is not sent is not looked at: the target took it once already.
        sent = any(entry.action not in ("unchanged", "skip") for entry in entries)
        unknown = target_problems(mapped, self._resolver) if sent else ()
        if any(problem.severity != "warning" for problem in unknown):
            self._seq = before
            return [self._without_effect(mapped, "reject", (*mapped.problems, *unknown))]
        # A record is written whole or not at all: one refused resource takes the others with it.
        refused = next((entry for entry in entries if entry.action == "reject"), None)
        if refused is not None:
            entries = [entry if entry is refused else _with_it(entry) for entry in entries]
        notes = (*mapped.problems, *unknown)
        if notes and entries:
            entries[0] = _add_problems(entries[0], notes)
        for entry in entries:
            met.remember(entry)
        return entries

    def _plan_drafts(self, mapped: Mapped, met: Meetings) -> list[Entry]:
        media: dict[int, list[Draft]] = {}
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                media.setdefault(draft.item, []).append(draft)
        entries: list[Entry] = []
        for draft in mapped.drafts:
            if draft.kind == "media" and draft.item is not None:
                continue
            own = media.get(draft.ordinal, [])
            decision, meant = self._decide(draft, own, met)
            parent = self._entry(mapped, draft, decision, meant)
            entries.append(parent)
            entries.extend(self._plan_media(mapped, parent, own))
        return entries

    def _decide(self, draft: Draft, media: Sequence[Draft], met: Meetings) -> tuple[Decision, str]:
        meant = meant_digest(draft, media)
        if draft.resource_id is not None:
            listing = self._look_ups.listing(draft.kind)
            if draft.resource_id not in listing:
                message = f"{draft.kind} {draft.resource_id} is not in the target."
                return Decision("reject", None, (Problem("reject", "not-found", message),)), meant
            known = Known("", "", draft.resource_id, "", listing[draft.resource_id])
            numbered = msgspec.structs.replace(
                draft, identity=Identity("", ("o:id",), (str(draft.resource_id),))
            )
            return decide(numbered, meant, Met(known), None, listing), meant
        if draft.identity is None:
            return Decision("create"), meant
        match = self._control.match.get(draft.destination)
        not_found = match.not_found if match is not None else None
        listing = self._look_ups.listing(draft.kind)
        return decide(draft, meant, met.of(draft), not_found, listing), meant

    def _plan_media(self, mapped: Mapped, parent: Entry, media: Sequence[Draft]) -> Iterable[Entry]:
        for position, draft in enumerate(media):
            if parent.action == "create":
                entry = self._entry(mapped, draft, Decision("create"), None)
                # Those beyond the limit follow in requests of their own, once the item is there.
                depth = parent.depth if position < INLINE_MEDIA else parent.depth + 1
            elif parent.action == "unchanged" and parent.meant is not None:
                entry, depth = self._entry(mapped, draft, Decision("unchanged"), None), parent.depth
            elif parent.action == "unchanged":
                entry, depth = self._entry(mapped, draft, Decision("create"), None), parent.depth + 1
            else:
                entry, depth = self._entry(mapped, draft, Decision(parent.action), None), parent.depth
            yield msgspec.structs.replace(entry, parent_seq=parent.seq, depth=depth)

    def _entry(self, mapped: Mapped, draft: Draft, decision: Decision, meant: str | None) -> Entry:
        identity = draft.identity
        writes = decision.action == "create"
        if draft.action == "load" and not writes:
            meant = None  # loaded to be referred to: what it holds was not said by this record
        return Entry(
            seq=self._next(),
            file=mapped.file,
            row=mapped.row,
            ordinal=draft.ordinal,
            destination=draft.destination,
            kind=draft.kind,
            action=decision.action,
            identifier=identity.shown if identity else None,
            scope=identity.scope if identity else None,
            by=" ".join(identity.by) if identity else None,
            key_digest=identity.digest if identity else None,
            resource_id=decision.resource_id,
            draft=msgspec.json.encode(with_defaults(draft, self._control)) if writes else None,
            meant=meant,
            problems=msgspec.json.encode(decision.problems) if decision.problems else None,
            outcome=_settled(decision.action),
            outcome_id=decision.resource_id,
            code=decision.problems[0].code if decision.problems else None,
            message=decision.problems[0].message if decision.problems else None,
        )

    def _without_effect(self, mapped: Mapped, action: str, problems: Sequence[Problem]) -> Entry:
        first = next((p for p in problems if p.severity != "warning"), problems[0])
        identity = next(iter(mapped.identities), None)
        draft = next(iter(mapped.drafts), None)
        return Entry(
            seq=self._next(),
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
        problems=msgspec.json.encode([problem]),
        code=problem.code,
        message=problem.message,
    )


def _add_problems(entry: Entry, more: Sequence[Problem]) -> Entry:
    present = msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else []
    together = [*present, *more]
    return msgspec.structs.replace(
        entry,
        problems=msgspec.json.encode(together),
        code=entry.code or together[0].code,
        message=entry.message or together[0].message,
    )
