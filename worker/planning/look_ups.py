"""The planner's look-ups over the real stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.store import ledger, ledger_parts, surveys
from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.ledger_parts import KnownPart
from service.store.plans import Entry
from service.store.surveys import Bearer
from worker.planning.met import Subject
from worker.planning.survey import Surveys
from worker.planning.writing import PlanWriter
from worker.records import Kind
from worker.targets.base import Saved


class Reads(Protocol):
    """Reads of the target from the planning thread."""

    def listing(self, kind: Kind) -> Mapping[int, str]: ...

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]: ...

    def with_media(self, saved: Saved) -> Saved: ...


class Standing(Reads, Protocol):
    """What stands in the target, read once. See `worker.planning.reading.Representations`."""

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]: ...

    def gone(self, kind: Kind, ids: Sequence[int]) -> frozenset[int]: ...

    def bear(self, kind: Kind, digest: str, by: tuple[str, ...], ids: Sequence[int]) -> list[int]: ...


class StoredLookUps:
    """Ledger, surveys and the plan so far, in the database; and what stands in the target."""

    def __init__(self, db: Database, target: str, plan: PlanWriter, found: Surveys, reads: Standing) -> None:
        """`plan`: of this run, as far as it is made."""
        self._reads = reads
        self._db = db
        self._target = target
        self._plan = plan
        self._surveys = found

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]:
        key = LedgerKey(self._target, subject.kind, subject.scope, subject.by_text)
        return ledger.look_up(self._db, key, digests)

    def rows(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, LedgerRow]:
        key = LedgerKey(self._target, subject.kind, subject.scope, subject.by_text)
        return ledger.rows(self._db, key, digests)

    def parts(self, items: Sequence[int]) -> Sequence[KnownPart]:
        return ledger_parts.parts(self._db, self._target, items)

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]:
        ids = self._surveys.of(subject.kind, subject.scope, subject.by, alternatives=subject.alternatives)
        surveyed = surveys.bearers(self._db, ids, digests)
        found = {digest: self._confirmed(subject, digest, met) for digest, met in surveyed.items()}
        if subject.any_scope:
            listing = self.listing(subject.kind)
            written = ledger.written_anywhere(self._db, self._target, subject.kind, subject.by_text, digests)
            for digest, numbers in written.items():
                there = {number for number in numbers if number in listing}
                found[digest] = sorted(there.union(found.get(digest, ())))
            return found
        return self._without_others(subject, found)

    def _confirmed(self, subject: Subject, digest: str, met: Sequence[Bearer]) -> list[int]:
        """Those that still bear it. What moved since it was surveyed (our own writes) is looked at again."""
        listing = self.listing(subject.kind)
        certain = {one.resource_id for one in met if listing.get(one.resource_id) == one.modified}
        moved = {one.resource_id for one in met if one.resource_id in listing} - certain
        if moved:
            each = [(one,) for one in subject.by] if subject.alternatives else [subject.by]
            for by in each:
                certain.update(self._reads.bear(subject.kind, digest, by, sorted(moved)))
        return sorted(certain)

    def _without_others(
        self, subject: Subject, found: Mapping[str, Sequence[int]]
    ) -> Mapping[str, Sequence[int]]:
        """What the ledger holds under other scopes only is another source's: for this one it is not there."""
        numbers = sorted({number for several in found.values() for number in several})
        held = ledger.holders(self._db, self._target, subject.kind, numbers) if numbers else {}
        others = {
            number
            for number, several in held.items()
            if all(holder.scope != subject.scope for holder in several)
        }
        return {digest: [one for one in several if one not in others] for digest, several in found.items()}

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]:
        return self._plan.planned(digests)

    def listing(self, kind: Kind) -> Mapping[int, str]:
        return self._reads.listing(kind)

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        return self._reads.current(kind, ids)

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        return self._reads.afresh(kind, ids)

    def gone(self, kind: Kind, ids: Sequence[int]) -> frozenset[int]:
        return self._reads.gone(kind, ids)

    def confirm_gone(self, kind: Kind, ids: Sequence[int]) -> None:
        self._reads.gone(kind, ids)
