"""Records that are planned without the others of their batch: what earlier runs did is not done twice.

A resource with an identity is known again by that. One without (no `match`) would simply be created anew,
where nothing but the journal knows it. And of two records of one identity the second, planned alone, would
overwrite what the first has written, where the whole batch would refuse it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from service.store.outcomes import Latest, Spoken
from service.store.plans import WRITING, Entry
from worker.records import Problem

_Key = tuple[str, int, int]


def not_made_twice(entries: Sequence[Entry], earlier: Sequence[Latest]) -> list[Entry]:
    """The entries of whole records, with creates that were done already turned into `unchanged`.

    `earlier`: what earlier runs made of these records without an identity, or may have (`outcomes.made`).
    A record of which it is not known whether its resource was created is refused, with what to do.
    """
    # What is known to be there outranks a doubt of another run.
    known_last = sorted(earlier, key=lambda one: not _in_doubt(one))
    made = {(one.file, one.row, one.ordinal): one for one in known_last}
    if not made:
        return list(entries)
    result: list[Entry] = []
    for _, group in groupby(entries, lambda one: (one.file, one.row)):
        result.extend(_record(list(group), made))
    return result


class _Draft(msgspec.Struct, frozen=True):
    action: str = "new"


def not_said_twice(entries: Sequence[Entry], spoken: Sequence[Spoken]) -> list[Entry]:
    """The entries of whole records, those refused whose identity another record of the batch has taken."""
    taken: dict[tuple[str, str, str, str], Spoken] = {}
    for one in sorted(spoken, key=lambda one: (one.file, one.row)):
        taken.setdefault((one.kind, one.scope, one.by, one.key_digest), one)
    if not taken:
        return list(entries)
    result: list[Entry] = []
    for _, group in groupby(entries, lambda one: (one.file, one.row)):
        record = list(group)
        other = {one.seq: found for one in record if (found := _taken_by(one, taken)) is not None}
        first = next((one for one in record if one.seq in other), None)
        if first is None:
            result.extend(record)
            continue
        found = other[first.seq]
        problem = Problem(
            "reject",
            "duplicate-identity",
            f"“{first.identifier}” stands in {found.file} row {found.row} too, which an earlier run wrote."
            " One identifier may stand for one record of a batch: correct one of the two.",
        )
        result.extend(_rejected(one, problem if one is first else _WITH_IT) for one in record)
    return result


def _taken_by(entry: Entry, taken: Mapping[tuple[str, str, str, str], Spoken]) -> Spoken | None:
    if entry.key_digest is None or entry.draft is None:
        return None
    found = taken.get((entry.kind, entry.scope or "", entry.by or "", entry.key_digest))
    if found is None or (found.file, found.row) == (entry.file, entry.row):
        return None
    return found if msgspec.json.decode(entry.draft, type=_Draft).action == "new" else None


def _in_doubt(one: Latest) -> bool:
    return one.unknown or one.outcome == "uncertain"


def _record(entries: Sequence[Entry], made: Mapping[_Key, Latest]) -> list[Entry]:
    doubtful = next((one for one in entries if _doubtful(one, made)), None)
    if doubtful is not None:
        return [_refused(one, doubtful) for one in entries]
    standing: dict[int, int] = {}
    result = []
    for entry in entries:
        earlier = _earlier(entry, made)
        if earlier is not None and earlier.resource_id is not None:
            standing[entry.seq] = entry.depth
            entry = _unchanged(entry, earlier.resource_id)
        elif entry.parent_seq in standing and entry.action == "create":
            # Its item stands: it cannot travel in the request that creates it.
            depth = standing[entry.parent_seq] + 1
            entry = msgspec.structs.replace(entry, depth=max(entry.depth, depth))
        result.append(entry)
    return result


def _earlier(entry: Entry, made: Mapping[_Key, Latest]) -> Latest | None:
    found = made.get((entry.file, entry.row, entry.ordinal))
    return found if found is not None and found.kind == entry.kind and entry.action == "create" else None


def _doubtful(entry: Entry, made: Mapping[_Key, Latest]) -> bool:
    earlier = _earlier(entry, made)
    return earlier is not None and _in_doubt(earlier)


def _unchanged(entry: Entry, resource_id: int) -> Entry:
    return msgspec.structs.replace(
        entry,
        action="unchanged",
        outcome="unchanged",
        draft=None,
        resource_id=resource_id,
        outcome_id=resource_id,
    )


def _refused(entry: Entry, doubtful: Entry) -> Entry:
    if entry is not doubtful:
        return _rejected(entry, _WITH_IT)
    # It stays in doubt, also for the next retry.
    return msgspec.structs.replace(_rejected(entry, _DOUBT), outcome="uncertain")


_DOUBT = Problem(
    "reject",
    "uncertain",
    "An earlier run sent this, and it is not known whether it was created; without a match nothing would know"
    " it again. Look for it in the target; if it is not there, import the record in a new batch.",
)
_WITH_IT = Problem(
    "reject",
    "record-refused",
    "Another resource of the same record was refused; the record is written whole or not at all.",
)


def _rejected(entry: Entry, problem: Problem) -> Entry:
    if entry.action not in WRITING and not entry.pending:
        return entry
    return msgspec.structs.replace(
        entry,
        action="reject",
        outcome="rejected",
        pending=False,
        draft=None,
        problems=msgspec.json.encode([problem]),
        code=problem.code,
        message=problem.message,
    )
