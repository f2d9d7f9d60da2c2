"""`absent`: what becomes of the resources that a scope wrote and no record mentions any more.

Nothing is removed on a mere suspicion: see `Doubts`. Blocking, in the planning thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from service.control.model import Control, Match
from service.store import absent
from service.store.ledger import Known, LedgerKey
from service.store.plans import Entry
from worker.context import RunContext
from worker.errors import Fatal
from worker.planning.budgets import exceeds
from worker.planning.changes import Change, Changes
from worker.planning.decide import Decision, Meaning
from worker.planning.links import Settled
from worker.planning.merging import UNPUBLISHED, Candidate, Judged, Merger, encoded
from worker.planning.met import LookUps
from worker.records import KINDS, Draft, Fields, Kind, Problem
from worker.targets.base import Saved

NO_FILE = ""
"""`Entry.file` of what no record of the batch speaks of."""
REMOVAL_DEPTH = 2**30
"""What is removed is removed last: until then something may still link to it."""
SLICE = 500


class Doubts(Struct):
    """Why nothing may be removed. Each is a sentence for the log."""

    found: list[str] = []

    def add(self, sentence: str) -> None:
        if sentence not in self.found:
            self.found.append(sentence)


class Removals(Struct, frozen=True):
    """What one match removes. `of`: how many resources its scope wrote."""

    label: str
    count: int
    of: int


class AbsentPass:
    """Plans the removals of one run, once every record is planned."""

    def __init__(self, context: RunContext, control: Control, look_ups: LookUps, merger: Merger) -> None:
        self._context = context
        self._control = control
        self._look_ups = look_ups
        self._merger = merger

    @property
    def wanted(self) -> bool:
        return any(match.absent != "keep" for match in self._control.match.values())

    def entries(self, first: int) -> Iterator[list[Entry]]:
        """The entries of everything that is to go, numbered from `first`, in chunks."""
        seq = first
        for label, match in self._control.match.items():
            kind = KINDS.get(match.destination.kind)
            if match.absent == "keep" or kind is None:
                continue
            key = self._key(match, kind)
            after = ""
            while page := absent.absent(self._context.db, self._context.claim.run_id, key, after, SLICE):
                self._context.check()
                after = page[-1].key_digest
                chunk = []
                for entry in self._page(label, match, kind, page):
                    chunk.append(msgspec.structs.replace(entry, seq=seq))
                    seq += 1
                yield chunk

    def scope_size(self, label: str) -> int:
        match = self._control.match[label]
        kind = KINDS[match.destination.kind]
        return absent.size(self._context.db, self._key(match, kind))

    def _key(self, match: Match, kind: Kind) -> LedgerKey:
        by = (" | " if match.any_of else " ").join(map(str, match.by))
        return LedgerKey(self._context.target, kind, match.scope, by)

    def _page(self, label: str, match: Match, kind: Kind, page: Sequence[Known]) -> Iterator[Entry]:
        listing = self._look_ups.listing(kind)
        there = [known for known in page if known.resource_id in listing]
        if match.absent == "unpublish":
            there = [known for known in there if known.withdrawn is None]
        if not there:
            return
        self._merger.begin()
        current = self._look_ups.current(kind, [known.resource_id for known in there])
        for known in there:
            saved = current.get(known.resource_id)
            if saved is None:
                continue
            if match.absent == "unpublish":
                if saved.public:
                    yield _unpublish(label, kind, known, match, saved)
            else:
                draft = Draft(label, kind, known.resource_id, "delete")
                judged = self._merger.judge_removal(
                    Candidate(draft, Settled(draft), Meaning(""), Decision("delete", known=known)),
                    saved,
                    self._look_ups,
                )
                yield _remove(label, kind, known, match, judged)


def _entry(label: str, kind: Kind, known: Known, match: Match) -> Entry:
    return Entry(
        seq=0,
        file=NO_FILE,
        row=0,
        ordinal=known.resource_id,
        destination=label,
        kind=kind,
        action="delete",
        identifier=known.identifier,
        scope=match.scope,
        by=(" | " if match.any_of else " ").join(map(str, match.by)),
        key_digest=known.key_digest,
        resource_id=known.resource_id,
        depth=REMOVAL_DEPTH,
    )


def _unpublish(label: str, kind: Kind, known: Known, match: Match, saved: Saved) -> Entry:
    draft = Draft(label, kind, known.resource_id, "load", fields=Fields(public=False))
    change = Change("public", ("true",), ("false",), (), ("true",), ("false",))
    return msgspec.structs.replace(
        _entry(label, kind, known, match),
        action="unpublish",
        draft=msgspec.json.encode(draft),
        changes=encoded(Changes((change,))),
        before=saved.modified.encode(),
        meant="",
        media_meant=known.media_meant,
        linked=known.linked,
        code="absent",
        message="No record mentions it any more: it is taken from the public.",
    )


def _remove(label: str, kind: Kind, known: Known, match: Match, judged: Judged) -> Entry:
    entry = _entry(label, kind, known, match)
    note = Problem("warning", "absent", "No record mentions it any more: it is deleted.")
    problems = judged.problems if judged.action != "delete" else (note, *judged.problems)
    outcome = {"reject": "rejected", "skip": "skipped"}.get(judged.action)
    return msgspec.structs.replace(
        entry,
        action=judged.action,
        changes=judged.changes,
        before=judged.before,
        problems=msgspec.json.encode(problems),
        code=problems[0].code,
        message=problems[0].message,
        outcome=outcome,
        outcome_id=known.resource_id if outcome else None,
    )


def is_unpublishing(entry: Entry) -> bool:
    """Whether the entry takes a resource from the public because no record mentions it."""
    return entry.action == "unpublish"


def withdrawn_after(entry: Entry) -> str | None:
    """What `ledger.withdrawn` says once the entry is carried out."""
    return UNPUBLISHED if is_unpublishing(entry) else None


def check_removals(removals: Sequence[Removals], control: Control, said: str | None) -> None:
    """Raise `Fatal` when more would go than the control file (or, this once, `said`) allows."""
    for one in removals:
        limit = exceeds(said, control.max_removals, one.count, one.of)
        if limit is not None:
            raise Fatal(
                "too-many-removals",
                f"{one.count} of the {one.of} resources that {one.label} has written would be removed, more "
                f"than maxRemovals allows ({limit}). Nothing was written. Is the data complete? If all of "
                "them shall go, schedule once with a higher maxRemovals.",
            )
