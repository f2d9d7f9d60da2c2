"""What a cancelled import may leave, and what makes it whole."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from service.store.changes import Changes
from service.store.plans import Entry
from tests.acceptance.laws import DONE, Import, check_once, check_rest, ids
from tests.acceptance.worlds import contents


def check_part(done: Import) -> None:
    """Each record was written once, or not at all; and what is told of it is so.

    Links aside: those of a circle come when all of it is there.
    """
    check_once(done.after, ended=False)
    check_rest(done)  # what is not told as written is as it was
    for one in done.entries:
        assert one.outcome in (None, *DONE, "unchanged", "skipped", "rejected"), one
    made = {one.identifier for one in done.entries if one.outcome == "created"}
    new = ids(done.after) - ids(done.before)
    names = {name for number, name in done.after.numbers().items() if number in new}
    assert names == made, f"there is {sorted(names)}, told as created is {sorted(map(str, made))}"
    rows = {row.name: row for row in done.order.rows}
    for one in done.entries:
        name = one.identifier or ""
        now = done.after.named(name)
        if one.outcome == "deleted":
            assert now is None, f"{name} is told as deleted"
        elif one.outcome in ("created", "updated"):
            assert contents(now, "dcterms:title") == Counter([("literal", "", rows[name].title)]), name


def made_whole(parts: Sequence[Import], last: Import) -> Import:
    """Several runs of one batch as if they were one: of each record the run that wrote it, or else the newest
    that speaks of it.

    All are of the same `before`; what a run planned of a record that an earlier one has written goes on from
    there, and is none of its own.
    """
    said: dict[object, list[tuple[Entry, Changes]]] = {}
    for part in (*parts, last):
        mine: defaultdict[object, list[tuple[Entry, Changes]]] = defaultdict(list)
        for one in part.entries:
            if part is last or one.outcome is not None:
                mine[one.identifier or (one.file, one.row)].append((one, part.planned[one.seq]))
        written = {record for record, several in said.items() if any(e.outcome in DONE for e, _ in several)}
        said |= {record: several for record, several in mine.items() if record not in written}
    every = [one for several in said.values() for one in several]
    entries = [msgspec.structs.replace(one, seq=number) for number, (one, _) in enumerate(every, 1)]
    planned = {number: changes for number, (_, changes) in enumerate(every, 1)}
    back = frozenset[str]().union(*(one.taken_back for one in (*parts, last)))
    return replace(last, entries=entries, planned=planned, taken_back=back)


def newest_word(runs: Sequence[Sequence[Entry]]) -> Mapping[str, int]:
    """Outcome → how many records have it by the newest run that speaks of them; `runs`: oldest first."""
    said: dict[tuple[str, int, int], str] = {}
    for entries in runs:
        # What a run had planned and left to the next may be that one's under another entry.
        said |= {(one.file, one.row, one.ordinal): one.outcome for one in entries if one.outcome is not None}
    return Counter(said.values())
