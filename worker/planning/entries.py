"""Decided drafts → plan entries, with what they link to and the identities that they bear. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Struct

from service.control.model import Control
from service.store.links import KeyRow, LinkRow
from service.store.plans import Entry, Outcome
from worker.planning import links
from worker.planning.absent import REMOVAL_DEPTH
from worker.planning.decide import Decision, Meaning, with_defaults
from worker.planning.links import Nowhere, Resolution, Settled, links_of
from worker.planning.part_key import PartKey
from worker.records import Draft, Mapped, Problem, identity_digest

Aliases: TypeAlias = "Mapping[str, tuple[tuple[str, ...], ...]]"
"""Kind → properties by which links look for resources of it."""


class Intended(Struct, gc=False):
    """One draft on its way to an entry."""

    seq: int
    draft: Draft
    settled: Settled
    meaning: Meaning
    decision: Decision
    parent: Intended | None = None
    position: int = 0
    """Among the media of its item, from 0."""
    part: PartKey | None = None
    """Of a media without an identity: where the ledger has it."""
    inline: bool = False
    """Of a media: whether there is room for it in the request that creates its item."""
    changes: bytes | None = None
    before: bytes | None = None

    @property
    def alone(self) -> bool:
        """Whether what refuses it does not refuse its record."""
        return self.draft.source is not None and self.draft.source.refused is not None


def entry_of(mapped: Mapped, plan: Intended, control: Control) -> Entry:
    """The entry of a draft that was decided."""
    draft, decision, identity = plan.draft, plan.decision, plan.draft.identity
    writes = decision.action in ("create", "update")
    kept = with_defaults(_placed(plan), control) if decision.action == "create" else None
    if decision.action == "update":
        kept = plan.settled.draft
    # Loaded to be referred to: what it holds was not said by this record.
    meant = plan.meaning.draft if writes or draft.action == "new" else None
    problem = decision.problems[0] if decision.problems else None
    key = key_of(plan)
    return Entry(
        seq=plan.seq,
        file=mapped.file,
        row=mapped.row,
        ordinal=draft.ordinal,
        destination=draft.destination,
        kind=draft.kind,
        action=decision.action,
        parent_seq=_maker(plan.parent) if plan.parent is not None else None,
        identifier=identity.shown if identity else plan.part.shown if plan.part else None,
        scope=key.scope if key else None,
        by=key.by if key else None,
        key_digest=key.digest if key else None,
        depth=REMOVAL_DEPTH if decision.action == "delete" else depth_of(plan),
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


def not_whole(entries: Sequence[Entry], seqs: Collection[int]) -> list[Entry]:
    """Of items that are created and whose media still need something then: should the run end before that,
    the next one finds that they are not as meant."""
    return [
        msgspec.structs.replace(one, media_meant="") if one.seq in seqs and one.action == "create" else one
        for one in entries
    ]


def key_of(plan: Intended) -> PartKey | None:
    """Where the ledger has the resource; None: nowhere."""
    identity = plan.draft.identity
    if identity is not None:
        return PartKey(identity.scope, identity.digest, identity.shown, identity.by_text)
    return plan.part if plan.part is not None and plan.part.digest else None


def _placed(plan: Intended) -> Draft:
    """A media that is new says where it stands: sent without its item it would come first."""
    draft = plan.settled.draft
    if plan.parent is None or draft.fields.position is not UNSET:
        return draft
    fields = msgspec.structs.replace(draft.fields, position=plan.position + 1)
    return msgspec.structs.replace(draft, fields=fields)


def without_effect(mapped: Mapped, seq: int, action: str, problems: Sequence[Problem]) -> Entry:
    """The one entry of a record of which nothing is written."""
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


def alias_rows(aliases: Aliases, seq: int, draft: Draft) -> Iterator[KeyRow]:
    """Properties that links look for and that are not its identity, with what the draft gives them."""
    for by in aliases.get(draft.kind, ()):
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


def _maker(parent: Intended) -> int:
    """The entry that tells the number of a media's item: one that only names what an earlier record creates
    never learns it."""
    made, named = parent.decision.completes, parent.decision.action == "unchanged"
    return made if named and made is not None else parent.seq


def _media_meant(plan: Intended) -> str:
    """Of a resource that stands, media are not written with it: those that the ledger knows of stay so."""
    if plan.decision.action == "create":
        return plan.meaning.media
    return plan.decision.known.media_meant if plan.decision.known is not None else ""


DEPTHS: Mapping[str, int] = {
    "vocabulary": -60,
    "element-set": -60,
    "item-type": -55,
    "resource-template": -50,
    "asset": -40,
    "user": -30,
    "site": -20,
    "site-page": REMOVAL_DEPTH // 2,
}
"""What is no resource is written before all that may be called after it, and pages behind all that stands on
them. Resources have depths from 0."""


SETS_FIRST = -25
"""Depth of item sets where sites or items of the batch may be called after them."""


def depth_of(plan: Intended) -> int:
    return DEPTHS.get(plan.draft.kind, _media_depth(plan))


def _media_depth(plan: Intended) -> int:
    """0: it travels with its item, or has none; 1: it follows in a request of its own, as it does when it
    stands already or links to what is still to be created."""
    if plan.parent is None or plan.decision.action not in ("create", "update", "delete"):
        return 0
    if plan.decision.action != "create":
        return 1  # at 0 it would be taken for a part of its item's request, and never be sent
    new = any(number < 0 for number in plan.settled.numbers)
    inline = plan.parent.decision.action == "create" and plan.inline and not new
    return 0 if inline else 1


def aliases_of(control: Control) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Kind → single properties by which links look for resources of it."""
    found: defaultdict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
    for kind, by in links.properties_sought(control):
        found[kind][by] = None
    return {kind: tuple(several) for kind, several in found.items()}


def unsettled_links(seq: int, draft: Draft) -> Iterator[LinkRow]:
    """The links of a draft of which nothing is known yet."""
    return link_rows(seq, draft, dict.fromkeys(links_of(draft), links.LATER))


def link_rows(seq: int, draft: Draft, resolution: Resolution) -> Iterator[LinkRow]:
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


def mention_rows(seq: int, mapped: Mapped) -> Iterator[KeyRow]:
    """Every identity that was read from a record that is not written: it is not absent."""
    drafts = {draft.identity: draft.kind for draft in mapped.drafts if draft.identity is not None}
    for identity in dict.fromkeys((*mapped.identities, *drafts)):
        # Of which kind it is, a record that failed early does not tell: then it counts for all.
        yield KeyRow(seq, drafts.get(identity, ""), identity.scope, identity.by_text, identity.digest, False)


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


def with_it(entry: Entry) -> Entry:
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


def add_problems(entry: Entry, more: Iterable[Problem]) -> Entry:
    present = msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else []
    together = [*present, *more]
    return msgspec.structs.replace(
        entry,
        problems=msgspec.json.encode(together),
        code=entry.code or together[0].code,
        message=entry.message or together[0].message,
    )
