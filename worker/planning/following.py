"""`schedule plan=RUN`: the plan of a dry run taken over as it is, if it still fits what stands in the target.

Blocking, in the planning thread; nothing is written to the target by it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from service.store import plan_copy, plans, runs
from service.store.ledger_parts import PART_BY
from service.store.plans import Entry
from worker.context import RunContext
from worker.errors import Fatal
from worker.planning.absent import NO_FILE, AbsentPass, Removals
from worker.planning.changes import Changes
from worker.planning.media_pass import ARRANGED
from worker.planning.merging import Merger
from worker.planning.met import LookUps, Subject
from worker.planning.phase import Totals
from worker.records import KINDS, Draft, Kind
from worker.targets.base import Saved

SLICE = 500
NAMED = 20
"""Differences that the failure of a run names."""


class FollowedPlan:
    """Takes over the plan of a dry run."""

    def __init__(
        self, context: RunContext, look_ups: LookUps, merger: Merger, absent: AbsentPass, plan: str
    ) -> None:
        self._absent = absent
        self._removed: Counter[str] = Counter()
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._look_ups = look_ups
        self._merger = merger
        self._plan = plan
        self._stale: list[str] = []
        self._count = 0

    def carry_out(self) -> Totals:
        """Copy the plan; what it holds. Raises `Fatal` (`plan-stale`) if what it touches has changed."""
        plan_copy.copy_plan(self._db, self._context.claim, self._plan)
        read = plan_copy.records_read(self._db, self._plan)
        counts = plans.tally(self._db, self._run_id)
        counts["read"] = read
        with self._context.transaction(counts) as connection:
            runs.set_phase(connection, self._context.claim, "plan", records_total=read)
        after = 0
        while page := plans.read_plan(self._db, self._run_id, after=after, limit=SLICE):
            self._context.check()
            after = page[-1].seq
            self._compare(page)
            self._removals(page)
        if self._stale:
            more = f"\n… and {self._count - len(self._stale)} more." if self._count > len(self._stale) else ""
            raise Fatal(
                "plan-stale",
                f"The target has changed since the dry run {self._plan}: {self._count} of the resources that "
                "it touches stand otherwise. Nothing was written. Make a new dry run.\n"
                + "\n".join(self._stale)
                + more,
            )

        return Totals(
            read=read,
            rejected=plans.rejected_records(self._db, self._run_id),
            removals=[
                Removals(label, n, self._absent.scope_size(label)) for label, n in self._removed.items()
            ],
        )

    def _compare(self, page: Sequence[Entry]) -> None:
        self._compare_standing([one for one in page if one.action in ("update", "unpublish", "delete")])
        self._compare_new([one for one in page if one.action == "create" and one.key_digest is not None])

    def _compare_standing(self, entries: Sequence[Entry]) -> None:
        moved: defaultdict[Kind, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.resource_id is None:
                continue  # of what the plan itself creates
            kind = KINDS[entry.kind]
            planned = entry.before.decode() if entry.before is not None else ""
            if self._look_ups.listing(kind).get(entry.resource_id) != planned:
                moved[kind].append(entry)
        for kind, several in moved.items():
            self._merger.begin()
            named = several[: max(NAMED - len(self._stale), 0)]
            current = self._look_ups.current(kind, [one.resource_id or 0 for one in named])
            self._stale.extend(
                _line(entry, self._differs(entry, current.get(entry.resource_id or 0))) for entry in named
            )
            self._count += len(several)

    def _differs(self, entry: Entry, saved: Saved | None) -> str:
        if saved is None:
            return "it was deleted"
        current = self._merger.current(saved)
        planned = msgspec.json.decode(entry.changes, type=Changes) if entry.changes else Changes()
        parts = []
        for change in planned.changes:
            held = current.properties.get(change.name) or current.fields.get(change.name, ())
            now = tuple(one.shown() for one in held)
            if change.name not in (entry.kind, *ARRANGED) and sorted(now) != sorted(change.before):
                parts.append(f"{change.name} was {_list(change.before)}, now {_list(now)}")
        return "; ".join(parts) or f"something else of it was edited (at {saved.modified})"

    def _compare_new(self, entries: Sequence[Entry]) -> None:
        wanted: defaultdict[Subject, list[Entry]] = defaultdict(list)
        for entry in entries:
            assert entry.draft is not None
            identity = msgspec.json.decode(entry.draft, type=Draft).identity
            if identity is not None:
                subject = Subject(
                    KINDS[entry.kind], identity.scope, identity.by, False, identity.alternatives
                )
                wanted[subject].append(entry)
            elif entry.by == PART_BY:
                wanted[Subject(KINDS[entry.kind], entry.scope or "", (PART_BY,))].append(entry)
        for subject, several in wanted.items():
            digests = [one.key_digest or "" for one in several]
            known = self._look_ups.known(subject, digests)
            bearers = {} if subject.by == (PART_BY,) else self._look_ups.bearers(subject, digests)
            listing = self._look_ups.listing(subject.kind)
            for entry in several:
                digest = entry.key_digest or ""
                held = known.get(digest)
                # What it is to replace is there, of course.
                there = held is not None and held.resource_id in listing
                ids = [held.resource_id] if held is not None and there else []
                ids = [one for one in ids if one != entry.resource_id]
                ids.extend(bearers.get(digest, ()))
                if not ids:
                    continue
                self._count += 1
                if len(self._stale) < NAMED:
                    numbers = ", ".join(map(str, ids))
                    self._stale.append(_line(entry, f"it is there by now ({numbers})"))

    def _removals(self, page: Sequence[Entry]) -> None:
        for entry in page:
            if entry.file == NO_FILE and entry.outcome is None:
                self._removed[entry.destination] += 1


def _line(entry: Entry, why: str) -> str:
    number = f" {entry.resource_id}" if entry.resource_id is not None else ""
    where = f"{entry.file}:{entry.row} " if entry.file else ""
    return f"{where}{entry.kind}{number} [{entry.identifier or ''}]: {why}"


def _list(values: Sequence[str]) -> str:
    return ", ".join(f"“{value}”" for value in values) or "nothing"
