"""What the identities of a chunk met: everything is looked up once a chunk, in a handful of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from service.store.ledger import Known
from service.store.plans import Entry
from worker.planning.decide import Earlier, Met
from worker.records import Draft, Kind, Mapped


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


class Meetings:
    """What one chunk's identities met, looked up in a handful of queries."""

    def __init__(self, look_ups: LookUps, chunk: Sequence[Mapped]) -> None:
        wanted: dict[Subject, set[str]] = {}
        for mapped in chunk:
            for draft in mapped.drafts:
                if draft.identity is not None:
                    wanted.setdefault(_subject(draft), set()).add(draft.identity.digest)
        self._known: dict[tuple[Subject, str], Known] = {}
        self._bearers: dict[tuple[Subject, str], tuple[int, ...]] = {}
        for subject, digests in wanted.items():
            ordered = sorted(digests)
            for digest, known in look_ups.known(subject, ordered).items():
                self._known[subject, digest] = known
            for digest, ids in look_ups.bearers(subject, ordered).items():
                self._bearers[subject, digest] = tuple(ids)
        everything = sorted({digest for digests in wanted.values() for digest in digests})
        self._earlier = {key: _earlier(entry) for key, entry in look_ups.planned(everything).items()}

    def of(self, draft: Draft) -> Met:
        assert draft.identity is not None
        subject, digest = _subject(draft), draft.identity.digest
        key = (draft.kind, subject.scope, subject.by_text, digest)
        return Met(
            self._known.get((subject, digest)),
            self._bearers.get((subject, digest), ()),
            self._earlier.get(key),
        )

    def remember(self, entry: Entry) -> None:
        if entry.key_digest is not None and entry.action != "reject":
            key = (entry.kind, entry.scope or "", entry.by or "", entry.key_digest)
            self._earlier.setdefault(key, _earlier(entry))


def _subject(draft: Draft) -> Subject:
    assert draft.identity is not None
    scope = draft.identity.scope
    return Subject(draft.kind, scope, draft.identity.by, draft.action == "load" and not scope)


def _earlier(entry: Entry) -> Earlier:
    return Earlier(entry.file, entry.row, entry.action, entry.resource_id)
