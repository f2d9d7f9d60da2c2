"""The second pass: once every record is planned, it is known where links lead and in which order to write.

Blocking, in the planning thread; entries stream through in chunks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, islice

import msgspec

from service.store import links, plans
from service.store.links import LinkRow
from service.store.plans import Entry
from worker.context import RunContext
from worker.planning.decide import MERGED, without_defaults
from worker.planning.depths import Graph
from worker.planning.duplicates import merged
from worker.planning.entries import unsettled_links
from worker.planning.links import links_of
from worker.planning.planner import Planned, Planner
from worker.records import Draft, Mapped, Problem, Sought

SLICE = 500
"""Entries a transaction."""


class Settling:
    """Decides what waited for its links, and orders the plan."""

    def __init__(self, context: RunContext, planner: Planner) -> None:
        self._context = context
        self._db = context.db
        self._run_id = context.claim.run_id
        self._planner = planner

    def decide_pending(self) -> Iterator[Planned]:
        """Decide everything that waits; yields each chunk as it is now.

        A refused resource takes away what others link to; these are decided again, until nothing changes.
        """
        yield from self._merge_duplicates()
        while True:
            links.settle_in_batch(self._db, self._context.claim, check=self._context.check)
            refused: list[int] = []
            after = 0
            while waiting := plans.pending(self._db, self._run_id, after, SLICE):
                self._context.check()
                after = waiting[-1].seq
                planned = self._replan(waiting)
                refused.extend(_refused(waiting, planned.entries))
                yield planned
            links.reopen(self._db, self._context.claim, refused)
            if not plans.pending(self._db, self._run_id, 0, 1):
                break
        with self._context.transaction() as connection:
            plans.forget_drafts(connection, self._run_id)

    def _merge_duplicates(self) -> Iterator[Planned]:
        """Add the records of an identity that was there already to the first that bears it."""
        after = 0
        while waiting := plans.pending(self._db, self._run_id, after, SLICE):
            self._context.check()
            after = waiting[-1].seq
            second = [one for one in waiting if one.action == "skip" and one.completes is not None]
            if not second:
                continue
            first = plans.entries_by_seq(self._db, self._run_id, [one.completes or 0 for one in second])
            grown: dict[int, Draft] = {}
            for entry in second:
                number = entry.completes or 0
                grown[number] = merged(grown.get(number) or _draft(first[number]), _draft(entry))
            entries = [
                msgspec.structs.replace(first[seq], draft=msgspec.json.encode(draft))
                for seq, draft in grown.items()
            ]
            done = [_added(one) for one in second]
            seqs = [*grown, *(one.seq for one in second)]
            with self._context.transaction() as connection:
                links.remove_links(connection, self._run_id, seqs)
                plans.replace_entries(connection, self._run_id, seqs, [*entries, *done])
                rows = [row for seq, draft in grown.items() for row in unsettled_links(seq, draft)]
                links.insert_links(connection, self._run_id, rows)
                keys = [row for seq, draft in grown.items() for row in self._planner.keys_of(seq, draft)]
                links.insert_keys(connection, self._run_id, keys)
            yield Planned(done)

    def _replan(self, waiting: Sequence[Entry]) -> Planned:
        records = [_record(list(group)) for _, group in groupby(waiting, lambda one: (one.file, one.row))]
        seqs = {
            (record.file, record.row): next(
                one.seq for one in waiting if (one.file, one.row) == (record.file, record.row)
            )
            for record in records
        }
        own = [one.seq for one in waiting]
        planned = self._planner.replan(records, seqs, self._made(waiting))
        originals = {one.seq: one.draft for one in waiting}
        # Kept until all is decided: what is refused later may have it decided once more.
        planned.entries = [
            entry
            if entry.draft is not None or entry.action == "reject"
            else msgspec.structs.replace(entry, draft=originals.get(entry.seq))
            for entry in planned.entries
        ]
        with self._context.transaction() as connection:
            links.remove_links(connection, self._run_id, own)
            plans.replace_entries(connection, self._run_id, own, planned.entries)
            links.insert_links(connection, self._run_id, planned.links)
            links.insert_keys(connection, self._run_id, planned.keys)
        return planned

    def _made(self, waiting: Sequence[Entry]) -> dict[Sought, int]:
        """What the links of these entries seek → the entry that makes it (below zero), or its number."""
        seqs = [one.seq for one in waiting]
        places: dict[tuple[int, int], int] = {
            (row.seq, row.n): number for row, number in links.made(self._db, self._run_id, seqs)
        }
        found: dict[Sought, int] = {}
        for entry in waiting:
            for n, one in enumerate(links_of(_draft(entry))):
                if (entry.seq, n) in places:
                    found[one] = places[entry.seq, n]
        return found

    # --- order ------------------------------------------------------------------------------------

    def order(self, unfinished: Collection[int] = ()) -> int:
        """Give every entry its depth, and completing entries to the circles among them and to those of which
        creating leaves something out (`unfinished`); how many."""
        graph = Graph(size := plans.highest_seq(self._db, self._run_id))
        self._fill(graph)
        completing = 0
        deepest = 0
        left = set(unfinished)
        placed = graph.placed()
        while chunk := list(islice(placed, SLICE)):
            self._context.check()
            deepest = max(deepest, *(one.depth for one in chunk))
            cyclic = [one.seq for one in chunk if one.cyclic]
            left.difference_update(cyclic)
            entries, rows = self._completing(cyclic, size + completing)
            completing += len(entries)
            with self._context.transaction() as connection:
                plans.set_depths(connection, self._run_id, [(one.seq, one.depth) for one in chunk])
                plans.insert_entries(connection, self._run_id, entries)
                links.insert_links(connection, self._run_id, rows)
        for start in range(0, len(left), SLICE):
            self._context.check()
            chosen = sorted(left)[start : start + SLICE]
            entries, rows = self._completing(chosen, size + completing)
            completing += len(entries)
            with self._context.transaction() as connection:
                plans.insert_entries(connection, self._run_id, entries)
                links.insert_links(connection, self._run_id, rows)
        if completing:
            # Behind everything that any of them could link to.
            with self._context.transaction() as connection:
                plans.set_depth_of_completing(connection, self._run_id, deepest + 1)
        return completing

    def _fill(self, graph: Graph) -> None:
        after = (0, -1)
        while (page := links.edges(self._db, self._run_id, after, 5000)).edges:
            self._context.check()
            for edge in page.edges:
                graph.add(edge.seq, edge.to_seq)
            after = page.after
        last = 0
        while followers := links.followers(self._db, self._run_id, last, 5000):
            self._context.check()
            for edge in followers:
                graph.add(edge.seq, edge.to_seq, follows=True)
            last = followers[-1].seq

    def _completing(self, seqs: Sequence[int], highest: int) -> tuple[list[Entry], list[LinkRow]]:
        """A second entry for each of these resources: all its links, once both ends exist, and whatever else
        its creation left out. None for what is not created after all."""
        found = plans.entries_by_seq(self._db, self._run_id, seqs)
        rows = links.links_of(self._db, self._run_id, seqs)
        entries: list[Entry] = []
        copied: list[LinkRow] = []
        created = [found[seq] for seq in seqs if seq in found and found[seq].draft is not None]
        for number, entry in enumerate(created, start=highest + 1):
            entries.append(
                msgspec.structs.replace(
                    entry,
                    seq=number,
                    action="complete",
                    completes=entry.seq,
                    parent_seq=None,
                    problems=None,
                    code=None,
                    message=None,
                )
            )
            copied.extend(msgspec.structs.replace(row, seq=number) for row in rows.get(entry.seq, ()))
        return entries, copied


def _added(entry: Entry) -> Entry:
    problem = Problem("warning", entry.code or MERGED, entry.message or "")
    problems = msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else []
    return msgspec.structs.replace(
        entry,
        pending=False,
        draft=None,
        outcome="skipped",
        problems=msgspec.json.encode([problem, *problems]),
    )


def counted(entries: Iterable[Entry]) -> Counter[str]:
    """The counts that these entries bring."""
    counts: Counter[str] = Counter()
    for entry in entries:
        counts["planned"] += 1
        counts[f"action:{entry.action}"] += 1
        if entry.outcome is not None:
            counts[entry.outcome] += 1
    return counts


def _record(entries: list[Entry]) -> Mapped:
    """A record as it was mapped, from what its entries keep."""
    problems: list[Problem] = []
    for entry in entries:
        if entry.problems:
            problems.extend(msgspec.json.decode(entry.problems, type=list[Problem]))
    warnings = tuple(problem for problem in problems if problem.severity == "warning")
    drafts = tuple(without_defaults(_draft(entry), entry.meant) for entry in entries)
    identities = tuple(draft.identity for draft in drafts if draft.identity is not None)
    return Mapped(entries[0].file, entries[0].row, drafts, warnings, identities=identities)


def _draft(entry: Entry) -> Draft:
    assert entry.draft is not None, "an entry that waits keeps its draft"
    return msgspec.json.decode(entry.draft, type=Draft)


def _refused(before: Sequence[Entry], after: Sequence[Entry]) -> list[int]:
    """Entries that were to make something and are rejected now."""
    still = {entry.seq for entry in after if entry.action != "reject"}
    return [entry.seq for entry in before if entry.action == "create" and entry.seq not in still]
