"""Which records of a batch a run is about: `only`, `limit`, and what a retry leaves alone.

A record is chosen in three steps, each as early as it can be told: by its row and by what earlier runs
say of it (before it is mapped), by its identity (before it is planned), by what the plan would do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Protocol

from service.control.chosen import ACTIONS, Choice
from service.store.outcomes import Latest, Spoken
from service.store.plans import Entry
from worker.records import Identity, Mapped, normal_identity


class EarlierRuns(Protocol):
    """What earlier runs say of records, many at a time."""

    def retried(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        """Of the runs whose outcomes stand."""

    def made(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        """Of the same runs, what they made without an identity, or may have made."""

    def spoken_of(self, digests: Sequence[str]) -> Sequence[Spoken]:
        """Records that they wrote, or found as they should be, under these identities."""

    def reported(self, file: str, rows: Sequence[int]) -> Sequence[Latest]:
        """As the batch's report has it."""


class Selection:
    """The choice of one run, used in the order of its records. Counts what it leaves out.

    `lists` are the identifiers in the files that the choice names; `corrects`: the batch brings failed
    records of another again, and so holds some of the records of its scope only.
    """

    def __init__(
        self,
        choice: Choice,
        earlier: EarlierRuns,
        *,
        limit: int | None = None,
        retry: bool = False,
        corrects: bool = False,
        lists: Iterable[Collection[str]] = (),
    ) -> None:
        self._choice = choice
        self._earlier = earlier
        self._limit = limit
        self._retry = retry
        self._corrects = corrects
        self._named = frozenset(map(normal_identity, choice.identifiers))
        listed = list(lists)
        self._listed = frozenset().union(*listed) if listed else None
        self._met: set[str] = set()
        self._taken = 0
        self.left_out = 0
        """Records so far that were not chosen."""
        self.made: Sequence[Latest] = ()
        """What earlier runs made of the rows that were looked at last, and nothing but the journal knows."""

    @property
    def narrowed(self) -> bool:
        """Whether some of the batch's records may be left out."""
        return bool(self._choice) or self._limit is not None or self._retry

    @property
    def partial(self) -> bool:
        """Whether the run sees some of its scope's records only: then none may be taken for absent."""
        return self.narrowed or self._corrects

    @property
    def by_action(self) -> bool:
        """Whether the choice depends on what the plan would do; the limit then counts entries of the plan."""
        return bool(self._choice.actions)

    # --- before mapping -------------------------------------------------------------------------

    def rows(self, file: str, numbers: Sequence[int]) -> frozenset[int]:
        """Those of these rows that are to be mapped; the others are left out."""
        wanted = [] if self._full else [one for one in numbers if self._choice.takes_row(one)]
        self.made = ()
        if wanted and self._retry:
            again = {one.row for one in self._earlier.retried(file, wanted) if not one.settled}
            wanted = [one for one in wanted if one in again]
        if wanted and self._choice.outcomes:
            reported = self._earlier.reported(file, wanted)
            told = {one.row for one in reported if one.outcome in self._choice.outcomes}
            wanted = [one for one in wanted if one in told]
        if wanted and self._retry:
            self.made = self._earlier.made(file, wanted)
        self.left_out += len(numbers) - len(wanted)
        return frozenset(wanted)

    # --- before planning ------------------------------------------------------------------------

    def mapped(self, chunk: Sequence[Mapped]) -> list[Mapped]:
        """Those of these records that are to be planned."""
        chosen = [one for one in chunk if self._identified(one.identities)]
        if not self.by_action:
            chosen = self._limited(chosen)
        self.left_out += len(chunk) - len(chosen)
        return chosen

    def _identified(self, identities: Sequence[Identity]) -> bool:
        if not self._named and self._listed is None:
            return True
        shown = {normal_identity(one.shown) for one in identities}
        for wanted in (self._named or None, self._listed):
            if wanted is not None:
                self._met |= shown & wanted
        return (not self._named or bool(shown & self._named)) and (
            self._listed is None or bool(shown & self._listed)
        )

    def _limited(self, records: list[Mapped]) -> list[Mapped]:
        if self._limit is None:
            return records
        room = max(self._limit - self._taken, 0)
        self._taken += min(len(records), room)
        return records[:room]

    @property
    def _full(self) -> bool:
        return self._limit is not None and self._taken >= self._limit

    # --- before the plan is kept ----------------------------------------------------------------

    def planned(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries of the records that the plan would treat as was asked for.

        Records that are still pending stay, uncounted: whoever decides them asks :meth:`takes_actions` and
        :meth:`room_for` then.
        """
        if not self.by_action:
            return list(entries)
        kept: list[Entry] = []
        for _, group in groupby(entries, lambda one: (one.file, one.row)):
            record = list(group)
            undecided = any(one.pending for one in record)
            if undecided or (self.takes_actions(one.action for one in record) and self.room_for()):
                kept.extend(record)
            else:
                self.left_out += 1
        return kept

    def takes_actions(self, actions: Iterable[str]) -> bool:
        """Whether a record of which this becomes is chosen."""
        return not self.by_action or any(ACTIONS.get(one) in self._choice.actions for one in actions)

    def spoken_of(self, entries: Sequence[Entry]) -> Sequence[Spoken]:
        """What earlier runs of the batch wrote under the identities of these: where all records are planned
        the planner sees it itself."""
        digests = {one.key_digest for one in entries if one.key_digest is not None}
        return self._earlier.spoken_of(sorted(digests)) if self.narrowed and digests else ()

    # --- without a file: what the journal holds ---------------------------------------------------

    def takes(self, entry: Entry, outcome: str | None) -> bool:
        """Whether a resource that an earlier run planned is chosen (for an undo); `outcome` is its latest.

        All but the action, which is that of the plan to be made (:meth:`takes_actions`), and the limit
        (:meth:`room_for`).
        """
        shown = normal_identity(entry.identifier or "")
        return (
            self._choice.takes_row(entry.row)
            and (not self._choice.outcomes or outcome in self._choice.outcomes)
            and (not self._named or shown in self._named)
            and (self._listed is None or shown in self._listed)
        )

    def room_for(self, records: int = 1) -> bool:
        """Take these further records if the limit allows."""
        if self._limit is not None and self._taken + records > self._limit:
            return False
        self._taken += records
        return True

    # --- afterwards -----------------------------------------------------------------------------

    def not_met(self) -> list[str]:
        """Identifiers that were asked for and that no record had which was looked at."""
        return sorted((self._named | (self._listed or frozenset())) - self._met)
