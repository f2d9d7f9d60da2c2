"""What the identities of a chunk met: everything is looked up once a chunk, in a handful of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from service.store.ledger import Known
from service.store.plans import Entry
from worker.planning.decide import Earlier, Met
from worker.records import Draft, Identity, Kind, Mapped


class Subject(Struct, frozen=True, gc=False):
    """What identities are looked up among: one kind, one scope, one set of properties."""

    kind: Kind
    scope: str
    by: tuple[str, ...]
    any_scope: bool = False
    """Whether what was written under other scopes counts too: for a `load` that names none."""

    @property
    def by_text(self) -> str:
        return " ".join(self.by)


class LookUps(Protocol):
    """What planning asks of the outside: ledger, surveys, the plan so far. Never a record at a time."""

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]: ...

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]: ...

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]: ...

    def listing(self, kind: Kind) -> Mapping[int, str]: ...


class _Looked(Struct, frozen=True):
    """What was found of one subject, by digest."""

    subject: Subject
    by_text: str
    known: Mapping[str, Known]
    bearers: Mapping[str, Sequence[int]]


class Meetings:
    """What one chunk's identities met, looked up in a handful of queries."""

    def __init__(self, look_ups: LookUps, chunk: Sequence[Mapped]) -> None:
        wanted: dict[tuple[Kind, str, tuple[str, ...], bool], set[str]] = {}
        for mapped in chunk:
            for draft in mapped.drafts:
                if draft.identity is not None:
                    wanted.setdefault(_sought_among(draft, draft.identity), set()).add(draft.identity.digest)
        self._looked: dict[tuple[Kind, str, tuple[str, ...], bool], _Looked] = {}
        for among, digests in wanted.items():
            subject, ordered = Subject(*among), sorted(digests)
            self._looked[among] = _Looked(
                subject, subject.by_text, look_ups.known(subject, ordered), look_ups.bearers(subject, ordered)
            )
        everything = sorted(set().union(*wanted.values()))
        self._earlier = {key: _earlier(entry) for key, entry in look_ups.planned(everything).items()}

    def of(self, draft: Draft) -> Met:
        identity = draft.identity
        assert identity is not None
        looked, digest = self._looked[_sought_among(draft, identity)], identity.digest
        return Met(
            looked.known.get(digest),
            tuple(looked.bearers.get(digest, ())),
            self._earlier.get((draft.kind, identity.scope, looked.by_text, digest)),
        )

    def remember(self, entry: Entry) -> None:
        if entry.key_digest is not None and entry.action != "reject":
            key = (entry.kind, entry.scope or "", entry.by or "", entry.key_digest)
            if key not in self._earlier:
                self._earlier[key] = _earlier(entry)


def _sought_among(draft: Draft, identity: Identity) -> tuple[Kind, str, tuple[str, ...], bool]:
    """The fields of the subject among which the draft's identity is looked up."""
    return draft.kind, identity.scope, identity.by, draft.action == "load" and not identity.scope


def _earlier(entry: Entry) -> Earlier:
    return Earlier(entry.file, entry.row, entry.action, entry.resource_id)
