"""Drafts against what stands in the target: whether anything changes, what, and over whose edits.

One comparison for the plan and for the moment of sending: `compare` is what both call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec
import orjson
from msgspec import UNSET, Struct

from service.control.model import OnConflict
from service.store.ledger import LedgerRow
from service.store.plans import Action
from worker.errors import Reject
from worker.planning.changes import Change, Changes
from worker.planning.decide import Decision, Meaning
from worker.planning.links import Resolution, Settled, settle
from worker.planning.merge import Merge, Unmergeable, merge
from worker.planning.met import LookUps, Subject, subject_of
from worker.planning.part_key import PartKey
from worker.planning.primary import Choice, Wanted, choose
from worker.planning.values import Base, Current, Footing, Meant
from worker.records import Content, Draft, Identity, Kind, MediaSource, Problem, Sought
from worker.targets.base import Difference, LinkTarget, Saved

UNPUBLISHED = "unpublish"
"""`ledger.withdrawn` of a resource that was public until no record mentioned it."""


class Comparer(Protocol):
    """The part of an adapter that turns both sides into one form."""

    def current(self, saved: Saved) -> Current: ...

    def meant(self, draft: Draft, links: Mapping[Sought, LinkTarget], current: Current | None) -> Meant: ...

    def saved(self, representation: bytes, kind: Kind) -> Saved: ...

    def bears(self, saved: Saved, identity: Identity) -> bool: ...

    def restorable(self, media: Saved) -> bool:
        """Whether a deleted media could be made again from its representation, and the bytes of its file."""
        ...

    def told_apart(self, media: Saved) -> tuple[str, str]:
        """By what a media is told from the others of its item: `MediaSource.name`, and its `digest`."""
        ...

    def told_name(self, source: MediaSource) -> str:
        """How the target tells the name of a file that came from there."""
        ...

    def left_out(self, draft: Draft) -> bool:
        """Whether creating the draft leaves something of it to a change that comes after that."""
        ...

    def is_content(self, content: Content, told: str) -> bool:
        """Whether these bytes are those that `told_apart` tells. Blocking."""
        ...


class Compared(Struct, frozen=True):
    """A draft compared with its resource."""

    current: Current
    merged: Merge


Comparison: TypeAlias = Compared | Unmergeable


class Candidate(Struct, frozen=True):
    """A draft whose resource stands in the target."""

    draft: Draft
    settled: Settled
    meaning: Meaning
    decision: Decision
    part: PartKey | None = None
    """Of a media without an identity: where the ledger has it."""

    @property
    def where(self) -> tuple[Subject, str] | None:
        """Under what the ledger has it, if it does."""
        if self.draft.identity is not None:
            return subject_of(self.draft), self.draft.identity.digest
        if self.part is not None and self.part.digest:
            return Subject(self.draft.kind, self.part.scope, (self.part.by,)), self.part.digest
        return None


class Judged(Struct, frozen=True):
    """What comparing has shown."""

    candidate: Candidate
    action: Action
    problems: tuple[Problem, ...] = ()
    changes: bytes | None = None
    """JSON of `Changes`."""
    before: bytes | None = None
    """The `modified` that the plan was made against."""
    outdated: bool = False
    """The ledger knows the resource, which stands as meant, but not as it stands now."""
    saved: Saved | None = None
    footing: Footing = Footing()


def compare(
    comparer: Comparer,
    draft: Draft,
    links: Mapping[Sought, LinkTarget],
    saved: Saved,
    state: LedgerRow | None,
    meaning: str,
    on_conflict: OnConflict,
) -> Comparison:
    """What the draft makes of the resource as it stands (`saved`), with what the ledger knows (`state`).

    `meaning`: the digest of the draft, whose links are settled. Raises `Reject`.
    """
    current = comparer.current(saved)
    # The same words may lead to another resource than they did: then it is not the same that is meant.
    same = state is not None and (state.meant, state.linked) == (meaning, settle(draft, links).linked)
    # Of a media that came with its item no answer told how it was saved.
    base = _base(comparer, state, draft.kind, same) if state is not None and state.saved else None
    merged = merge(comparer.meant(draft, links, current), current, base, on_conflict)
    return merged if isinstance(merged, Unmergeable) else Compared(current, merged)


def chosen_of(
    comparer: Comparer, wanted: Wanted, saved: Saved, known: LedgerRow | None, on_conflict: OnConflict
) -> Choice | Unmergeable:
    """What the target is to be told of an item's primary media, with what the ledger knows of the item."""
    before = comparer.saved(known.saved, saved.kind) if known is not None and known.saved else None
    return choose(wanted, saved, known, before, on_conflict)


def _base(comparer: Comparer, state: LedgerRow, kind: Kind, same: bool) -> Base:
    return Base(
        saved=comparer.current(comparer.saved(state.saved, kind)),
        footing=msgspec.json.decode(state.footing, type=Footing) if state.footing else Footing(),
        same_draft=same,
        altered=altered_before(state),
    )


def altered_before(state: LedgerRow | None) -> tuple[Difference, ...]:
    """What the target saved otherwise than meant, as the ledger has it."""
    if state is None or state.altered is None:
        return ()
    return tuple(msgspec.json.decode(state.altered, type=list[Difference]))


def returning(draft: Draft, withdrawn: str | None) -> Draft:
    """A record that returns after its resource was unpublished for its absence: public again."""
    if withdrawn != UNPUBLISHED or draft.fields.public is not UNSET:
        return draft
    return msgspec.structs.replace(draft, fields=msgspec.structs.replace(draft.fields, public=True))


class Merger:
    """Compares the candidates of a chunk."""

    def __init__(self, comparer: Comparer, on_conflict: OnConflict, begin: Begin | None = None) -> None:
        """`begin`: called once before the first comparison, to list what only comparing needs."""
        self._comparer = comparer
        self._on_conflict = on_conflict
        self._begin = begin

    def begin(self) -> None:
        if self._begin is not None:
            self._begin()
            self._begin = None

    def bears(self, saved: Saved, identity: Identity) -> bool:
        return self._comparer.bears(saved, identity)

    @property
    def comparer(self) -> Comparer:
        return self._comparer

    def current(self, saved: Saved) -> Current:
        return self._comparer.current(saved)

    def choose(self, wanted: Wanted, saved: Saved, known: LedgerRow | None) -> Choice | Unmergeable:
        """Which media of an item is to be its primary one."""
        return chosen_of(self._comparer, wanted, saved, known, self._on_conflict)

    def judge(
        self, candidates: Sequence[Candidate], look_ups: LookUps, resolution: Resolution
    ) -> list[Judged]:
        """One for each candidate, in order. Everything is read in a few requests and queries."""
        self.begin()
        ids: defaultdict[Kind, list[int]] = defaultdict(list)
        known: defaultdict[Subject, list[str]] = defaultdict(list)
        for one in candidates:
            assert one.decision.resource_id is not None
            ids[one.draft.kind].append(one.decision.resource_id)
            if one.decision.known is not None and one.where is not None:
                subject, digest = one.where
                known[subject].append(digest)
        current = {kind: look_ups.current(kind, numbers) for kind, numbers in ids.items()}
        states = {
            (subject, digest): state
            for subject, digests in known.items()
            for digest, state in look_ups.rows(subject, digests).items()
        }
        links = {one: to for one, to in resolution.items() if isinstance(to, LinkTarget)}
        return [self._judge(one, current, states, links, look_ups) for one in candidates]

    def _judge(
        self,
        one: Candidate,
        current: Mapping[Kind, Mapping[int, Saved]],
        states: Mapping[tuple[Subject, str], LedgerRow],
        links: Mapping[Sought, LinkTarget],
        look_ups: LookUps,
    ) -> Judged:
        resource_id = one.decision.resource_id
        assert resource_id is not None
        saved = current[one.draft.kind].get(resource_id)
        if saved is None:
            message = f"{one.draft.kind} {resource_id} was deleted while this plan was made."
            return Judged(one, "reject", (Problem("reject", "gone", message),))
        if one.decision.action == "delete":
            return self.judge_removal(one, saved, look_ups)
        state = states.get(one.where) if one.where is not None else None
        known = one.decision.known
        draft = returning(one.settled.draft, known.withdrawn if known is not None else None)
        try:
            compared = compare(
                self._comparer, draft, links, saved, state, one.meaning.draft, self._on_conflict
            )
        except Reject as error:
            return Judged(one, "reject", (Problem("reject", error.code, error.message),))
        if isinstance(compared, Unmergeable):
            return Judged(one, "reject", (Problem("reject", compared.code, compared.message),))
        merged = compared.merged
        problems = tuple(Problem("warning", f"conflict-{c.resolution}", c.message) for c in merged.conflicts)
        if not merged.changes:
            kept = encoded(Changes((), merged.conflicts)) if merged.conflicts else None
            return Judged(
                one,
                "unchanged",
                problems,
                kept,
                outdated=state is not None,
                saved=saved,
                footing=merged.footing,
            )
        changes = encoded(Changes(merged.changes, merged.conflicts))
        return Judged(one, "update", problems, changes, saved.modified.encode())

    def judge_removal(self, one: Candidate, saved: Saved, look_ups: LookUps) -> Judged:
        """A resource that is to be deleted: whether it may be."""
        if not saved.media_known:
            saved = look_ups.afresh(saved.kind, [saved.id]).get(saved.id, saved)
        media = look_ups.current("media", saved.media_ids) if saved.media_ids else {}
        lost = self.cannot_be_restored(saved, media.values())
        if lost is not None:
            return Judged(one, "reject", (lost,))
        known = one.decision.known
        problems: tuple[Problem, ...] = ()
        if known is not None and known.modified != saved.modified:
            note = (
                f"Somebody has edited {saved.kind} {saved.id} “{saved.title or ''}” since it was imported, "
                "and it is to be deleted."
            )
            if self._on_conflict == "keep":
                return Judged(one, "skip", (Problem("warning", "conflict-keep", f"{note} It is kept."),))
            if self._on_conflict == "reject":
                return Judged(one, "reject", (Problem("reject", "conflict", f"{note} Nothing was done."),))
            problems = (Problem("warning", "conflict-overwrite", f"{note} It is deleted all the same."),)
        return Judged(one, "delete", problems, encoded(removal(saved)), saved.modified.encode())

    def cannot_be_restored(self, saved: Saved, media: Iterable[Saved]) -> Problem | None:
        """A deletion that could not be undone is refused."""
        lost = [str(one.id) for one in media if not self._comparer.restorable(one)]
        if not lost:
            return None
        return Problem(
            "reject",
            "delete-would-lose-files",
            f"{saved.kind} {saved.id} “{saved.title or ''}” has files (media {', '.join(lost)}), of which no "
            "copy is kept here: deleting it could not be undone, so it was not deleted. Delete it in Omeka "
            "if it shall go, or unpublish it.",
        )


class Begin(Protocol):
    def __call__(self) -> None: ...


def encoded(changes: Changes) -> bytes:
    return msgspec.json.encode(changes)


def removal(saved: Saved) -> Changes:
    """A deletion as a person reads it: what goes is the whole resource."""
    title = saved.title or f"{saved.kind} {saved.id}"
    return Changes((Change(saved.kind, removed=(title,), before=(title,)),))


def footing_json(footing: Footing) -> bytes | None:
    """As the ledger keeps it: mostly nothing."""
    return msgspec.json.encode(footing) if footing != Footing() else None


def representation(saved: Saved) -> bytes:
    return orjson.dumps(saved.body)
