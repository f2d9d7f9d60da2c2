"""What the identities and links of one chunk of records meet, looked up in a handful of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from service.store.ledger import Known, LedgerRow
from service.store.ledger_parts import KnownPart
from service.store.plans import Action, Entry
from worker.planning.decide import Earlier, Met
from worker.planning.links import LATER, Nowhere, ambiguous, links_of, not_found
from worker.records import RESOURCES, Draft, Identity, Kind, Mapped, Sought
from worker.targets.base import LinkTarget, Saved


class Subject(Struct, frozen=True):
    """What identities are looked up among: one kind, one scope, one set of properties."""

    kind: Kind
    scope: str
    by: tuple[str, ...]
    any_scope: bool = False
    """Whether what was written under other scopes counts too: for a `load` or a link that names none."""
    alternatives: bool = False
    """Whether any of the properties may bear the identifier, rather than each its part."""

    @property
    def by_text(self) -> str:
        return (" | " if self.alternatives else " ").join(self.by)


class LookUps(Protocol):
    """What planning asks of the outside: ledger, surveys, the plan so far. Never a record at a time."""

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]: ...

    def rows(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, LedgerRow]:
        """What the ledger keeps for merging of these identities."""
        ...

    def parts(self, items: Sequence[int]) -> Sequence[KnownPart]:
        """The media that this service has added to these items, and that have no identity of their own."""
        ...

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]: ...

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]: ...

    def listing(self, kind: Kind) -> Mapping[int, str]: ...

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        """The resources as they stand in the target now; those that are gone are absent."""
        ...

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        """The same, read now: which media an item has changes without a stamp of the item."""
        ...

    def confirm_gone(self, kind: Kind, ids: Sequence[int]) -> None:
        """Make sure that what the listing lacks is not there by number either.

        Raises `Retriable` where the target contradicts itself.
        """
        ...


_Among = tuple[Kind, str, tuple[str, ...], bool, bool]
"""The fields of a `Subject`."""


class _Looked(Struct, frozen=True):
    """What was found of one subject, by digest."""

    subject: Subject
    by_text: str
    known: dict[str, Known]
    bearers: Mapping[str, Sequence[int]]


class ChunkMet:
    """What the identities of one chunk's drafts met."""

    def __init__(self, look_ups: LookUps, chunk: Sequence[Mapped], *, again: bool = False) -> None:
        """`again`: the records stand in the plan already, so no `new` is asked for an earlier one."""
        wanted: dict[_Among, set[str]] = {}
        asked: set[str] = set()
        for mapped in chunk:
            for draft in mapped.drafts:
                identity = draft.identity
                if identity is None:
                    continue
                digest = identity.digest
                wanted.setdefault(_among(draft, identity), set()).add(digest)
                if not again or draft.action != "new":
                    asked.add(digest)
        self._again = again
        self._looked: dict[_Among, _Looked] = {}
        for among, digests in wanted.items():
            subject, ordered = Subject(*among), sorted(digests)
            self._looked[among] = _Looked(
                subject,
                subject.by_text,
                dict(look_ups.known(subject, ordered)),
                look_ups.bearers(subject, ordered),
            )
        self._earlier: dict[tuple[str, str, str, str], Earlier] = {
            key: Earlier(entry.file, entry.row, entry.action, entry.resource_id, entry.seq)
            for key, entry in look_ups.planned(sorted(asked)).items()
        }

    def of(self, draft: Draft) -> Met:
        identity = draft.identity
        assert identity is not None
        looked, digest = self._looked[_among(draft, identity)], identity.digest
        earlier = None
        if not self._again or draft.action != "new":
            earlier = self._earlier.get((draft.kind, identity.scope, looked.by_text, digest))
        return Met(looked.known.get(digest), tuple(looked.bearers.get(digest, ())), earlier)

    def numbered(self, known: Known) -> Met:
        """Of a resource that is loaded by its number."""
        return Met(known)

    def every_known(self) -> Iterator[tuple[Kind, Known]]:
        for looked in self._looked.values():
            for known in looked.known.values():
                yield looked.subject.kind, known

    def forget(self, draft: Draft) -> None:
        """The resource that the ledger holds under this identity no longer bears it."""
        assert draft.identity is not None
        self._looked[_among(draft, draft.identity)].known.pop(draft.identity.digest, None)

    def remember(
        self, mapped: Mapped, draft: Draft, action: Action, resource_id: int | None, seq: int
    ) -> None:
        """This record of the chunk bears its identity; later ones are told so."""
        identity = draft.identity
        if identity is not None and action != "reject":
            looked = self._looked[_among(draft, identity)]
            key = (draft.kind, identity.scope, looked.by_text, identity.digest)
            if key not in self._earlier:
                self._earlier[key] = Earlier(mapped.file, mapped.row, action, resource_id, seq)


def _among(draft: Draft, identity: Identity) -> _Among:
    """The fields of the subject among which the draft's identity is looked up."""
    anywhere = draft.action != "new" and not identity.scope
    return draft.kind, identity.scope, identity.by, anywhere, identity.alternatives


def subject_of(draft: Draft) -> Subject:
    assert draft.identity is not None
    return Subject(*_among(draft, draft.identity))


def find_links(
    look_ups: LookUps, chunk: Iterable[Mapped], made: Mapping[Sought, int] | None
) -> dict[Sought, LinkTarget | Nowhere]:
    """Where the links of these records lead: to what stands in the target, or (`made`) to what an entry of
    the plan creates. `made` None: what is not there may still come."""
    sought = dict.fromkeys(one for mapped in chunk for draft in mapped.drafts for one in links_of(draft))
    resolution: dict[Sought, LinkTarget | Nowhere] = {}
    by_subject: defaultdict[Subject, list[Sought]] = defaultdict(list)
    for one in sought:
        if one.number is not None:
            resolution[one] = _by_number(look_ups, one, one.number)
        else:
            by_subject[_subject_sought(one)].append(one)
    for subject, several in by_subject.items():
        digests = sorted({one.identity.digest for one in several})
        known, bearers = look_ups.known(subject, digests), look_ups.bearers(subject, digests)
        for one in several:
            digest = one.identity.digest
            resolution[one] = _by_identity(look_ups, one, known.get(digest), bearers.get(digest, ()), made)
    return resolution


def _subject_sought(one: Sought) -> Subject:
    assert one.kind is not None, "only a number leads to a resource of any kind"
    identity: Identity = one.identity
    return Subject(one.kind, identity.scope, identity.by, one.any_scope, identity.alternatives)


def _by_number(look_ups: LookUps, one: Sought, number: int) -> LinkTarget | Nowhere:
    for kind in RESOURCES if one.kind is None else (one.kind,):
        if number in look_ups.listing(kind):
            return LinkTarget(kind, number)
    return not_found(one)


def _by_identity(
    look_ups: LookUps,
    one: Sought,
    known: Known | None,
    bearers: Sequence[int],
    made: Mapping[Sought, int] | None,
) -> LinkTarget | Nowhere:
    assert one.kind is not None
    if known is not None and known.resource_id in look_ups.listing(one.kind):
        return LinkTarget(one.kind, known.resource_id)
    if len(bearers) == 1:
        return LinkTarget(one.kind, bearers[0])
    if bearers:
        return ambiguous(one, bearers)
    if made is None:
        return LATER
    if one in made:
        # Above zero: it stands in the target after all, under another identity of the plan's.
        return LinkTarget(one.kind, made[one])
    return not_found(one)
