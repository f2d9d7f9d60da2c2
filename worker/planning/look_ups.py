"""The planner's look-ups over the real stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.store import ledger
from service.store.database import Database
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.plans import Entry
from worker.planning.met import Subject
from worker.planning.writing import PlanWriter
from worker.records import Kind
from worker.targets.base import Saved


class Reads(Protocol):
    """Reads of the target from the planning thread."""

    def listing(self, kind: Kind) -> Mapping[int, str]: ...

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]: ...


class StoredLookUps:
    """Ledger, surveys and the plan so far, in the database; listings, taken once at the start of the run."""

    def __init__(
        self,
        db: Database,
        target: str,
        plan: PlanWriter,
        listings: Mapping[Kind, Mapping[int, str]],
        surveys: Mapping[tuple[Kind, tuple[str, ...]], int],
        reads: Reads,
    ) -> None:
        """`plan`: of this run, as far as it is made. `surveys`: the survey of each kind and `by`, its id."""
        self._reads = reads
        self._db = db
        self._target = target
        self._plan = plan
        self._listings = dict(listings)
        self._surveys = surveys

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]:
        key = LedgerKey(self._target, subject.kind, subject.scope, subject.by_text)
        return ledger.look_up(self._db, key, digests)

    def rows(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, LedgerRow]:
        key = LedgerKey(self._target, subject.kind, subject.scope, subject.by_text)
        return ledger.rows(self._db, key, digests)

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]:
        survey_id = self._surveys.get((subject.kind, subject.by))
        found = ledger.bearers(self._db, survey_id, digests) if survey_id is not None else {}
        if subject.any_scope:
            written = ledger.written_anywhere(self._db, self._target, subject.kind, subject.by_text, digests)
            found = {
                digest: sorted({*found.get(digest, ()), *written.get(digest, ())})
                for digest in found.keys() | written.keys()
            }
        listing = self.listing(subject.kind)
        return {digest: [one for one in ids if one in listing] for digest, ids in found.items()}

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]:
        return self._plan.planned(digests)

    def listing(self, kind: Kind) -> Mapping[int, str]:
        if kind not in self._listings:
            self._listings[kind] = self._reads.listing(kind)
        return self._listings[kind]

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        return self._reads.current(kind, ids)

    def confirm_gone(self, kind: Kind, ids: Sequence[int]) -> None:
        pass
