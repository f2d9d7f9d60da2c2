"""What came of operations, and how it is written down: journal, plan, ledger and log at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec
import orjson
from msgspec import Struct
from sqlalchemy import Connection

from service.store import journal, ledger, ledger_parts, plan_places, plans, undo
from service.store.journal import OperationEnd
from service.store.ledger import LedgerKey, LedgerRow
from service.store.ledger_parts import PART_BY
from service.store.plans import Entry, EntryOutcome, Outcome
from service.store.put_back import PutBack, put_back
from worker.applying.outgoing import Outgoing, ledger_key
from worker.context import RunContext
from worker.planning.absent import withdrawn_after
from worker.planning.groups import group
from worker.records import Problem
from worker.targets.base import Difference, Saved, Touched


class Written(Struct, frozen=True):
    """The target carried a create or an update out. `adopted`: found by looking, the answer was lost."""

    outgoing: Outgoing
    saved: Saved
    differences: tuple[Difference, ...]
    adopted: bool = False
    touched: tuple[Touched, ...] = ()
    """What else it changed: journal and ledger are told how that stands now."""


class Deleted(Struct, frozen=True):
    """The target carried a deletion out, or it was found to have."""

    outgoing: Outgoing
    adopted: bool = False


class Stands(Struct, frozen=True):
    """Nothing had to be sent: the resource stands as meant (`saved`), or there is nothing to be done."""

    outgoing: Outgoing
    saved: Saved | None
    outcome: Literal["unchanged", "skipped"]
    code: str | None = None
    message: str | None = None
    known: bool = False
    """Whether the ledger knows the resource: then it is told how that stands."""


class RefusedResult(Struct, frozen=True):
    """The target will not take it, or it may not be sent."""

    outgoing: Outgoing
    code: str
    message: str


class Ended(Struct, frozen=True):
    """The operation ended without settling its entry: never sent, or given up for lost and sent again."""

    outgoing: Outgoing
    outcome: Literal["not-sent", "superseded"]
    message: str


class Uncertain(Struct, frozen=True):
    """Several resources could be the one: reported with ids, never guessed."""

    outgoing: Outgoing
    ids: tuple[int, ...]


class Apart(Struct, frozen=True):
    """The target did not take an item with its files: the item is sent alone, and its files one by one."""

    outgoing: Outgoing
    code: str
    message: str


Result = Written | Deleted | Stands | RefusedResult | Ended | Uncertain | Apart


class Recorder:
    """Writes results down. One thread at a time; blocking."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def record(self, results: Sequence[Result]) -> None:
        """One fenced transaction for all of them.

        Raises `FenceLostError` or `StoreUnavailableError`: nothing was written then, call it again or
        keep the answers as strays (unless the context is in doubt). The log lines are said by
        :meth:`announce`, once.
        """
        context = self._context
        run_id = context.claim.run_id
        ends = [end for result in results if (end := self._end(result)) is not None]
        outcomes = [outcome for result in results for outcome in _reported(result)]
        corrected = [(main, now) for result in results for main, now in _corrected(result)]
        counts: Counter[str] = Counter()
        for result in results:
            counts.update(_counted(result))
        taken_back = [
            (result.outgoing.entry.kind, result.outgoing.entry.resource_id or 0)
            for result in results
            if result.outgoing.undoes and isinstance(result, Written | Deleted | Stands)
        ]
        with context.transaction(counts) as connection:
            undo.mark_undone(connection, context.batch_id, run_id, taken_back)
            put_back(connection, context.target, [one for result in results for one in _put_back(result)])
            put_back(connection, context.target, [one for result in results for one in _touched(result)])
            journal.record_ends(connection, context.claim, ends)
            plans.set_outcomes(connection, run_id, [*outcomes, *(now for _, now in corrected)])
            moved = _moved(results)
            changes = [(one.seq, one.changes) for one in moved if one.changes is not None]
            plans.set_changes(connection, run_id, changes)
            # What was done otherwise is found by that, too.
            plan_places.add_places(connection, run_id, group(moved).places)
            for result in results:
                _set_aside(connection, result)
            ledger.upsert(connection, [row for result in results for row in _ledger(result)])
            ledger.refresh(connection, [row for result in results for row in _refreshed(result)])
            removed = [(result, key) for result in results for key in self._removed(result)]
            # A media that an undo has deleted leaves its key to the one whose place it was to take.
            undone = [one for result, one in removed if result.outgoing.undoes and one[0].by == PART_BY]
            back = ledger_parts.predecessors(connection, undone)
            ledger.remove(connection, [one for _, one in removed])
            ledger_parts.bring_back(connection, back)
            ledger_parts.remove_parts(connection, context.target, _gone_items(results))
            for result in results:
                if isinstance(result, Apart):
                    entry = result.outgoing.entry
                    plans.set_apart(connection, run_id, entry.seq, entry.depth + 1)

    def record_strays(self, results: Sequence[Result]) -> None:
        """The run is another's: all that may still be written is that these answers came."""
        context = self._context
        for result in results:
            operation = result.outgoing.operation
            match result:
                case Written(saved=saved):
                    answer: bytes | None = orjson.dumps(saved.body)
                    number = saved.id
                case Deleted():
                    assert operation.resource_id is not None, "a deletion says of what"
                    number, answer = operation.resource_id, None
                case _:
                    continue  # nothing came of it in the target
            journal.record_stray(context.db, context.claim.run_id, operation.key, number, answer)

    def _end(self, result: Result) -> OperationEnd | None:
        key = result.outgoing.operation.key
        match result:
            case Written(saved=saved, differences=differences, adopted=adopted):
                return OperationEnd(
                    key,
                    "done",
                    answer_id=saved.id,
                    adopted=adopted,
                    saved_modified=saved.modified,
                    altered=msgspec.json.encode(differences) if differences else None,
                )
            case Deleted(adopted=adopted):
                return OperationEnd(key, "done", adopted=adopted)
            case Stands():
                return None  # nothing was meant, so the journal has nothing of it
            case RefusedResult(code=code, message=message) | Apart(code=code, message=message):
                return OperationEnd(key, "refused", code=code, message=message)
            case Ended(outcome=outcome, message=message):
                return OperationEnd(key, outcome, message=message)
            case Uncertain(ids=ids):
                return OperationEnd(key, "uncertain", code="uncertain", message=_uncertain_text(ids))
            case _:
                assert_never(result)

    def _removed(self, result: Result) -> list[tuple[LedgerKey, str, int]]:
        """The ledger forgets what is gone, by our doing or by what was found."""
        entry, outgoing = result.outgoing.entry, result.outgoing
        done = isinstance(result, Written | Deleted | Stands)
        gone = isinstance(result, Deleted) or (isinstance(result, Stands) and result.code == "gone")
        forgotten = outgoing.forgets and done if outgoing.undoes else gone
        if not forgotten or entry.key_digest is None:
            return []
        key = ledger_key(self._context.target, entry)
        number = outgoing.operation.resource_id or entry.resource_id or 0
        return [(key, entry.key_digest, number)]

    def announce(self, result: Result) -> None:
        """Say in the log what came of it."""
        entry, log = result.outgoing.entry, self._context.log
        for conflict in result.outgoing.moved.conflicts if result.outgoing.moved is not None else ():
            log.about(entry, "warning", f"conflict-{conflict.resolution}", conflict.message)
        match result:
            case Written(saved=saved, differences=differences, adopted=adopted):
                found = " (its answer was lost; it was found and adopted)" if adopted else ""
                word = "created" if result.outgoing.operation.method == "create" else "updated"
                said = _UNDONE[word] if result.outgoing.undoes else word
                log.about(entry, "info", word, f"{entry.kind} {saved.id} {said}{found}")
                for lack in result.outgoing.lacks:
                    log.about(entry, "warning", lack.problem.code, lack.problem.message)
                for media, problem in result.outgoing.missing:
                    log.about(media, "error", problem.code, problem.message)
                if differences:
                    log.about(entry, "error", "altered", altered_text(differences))
            case Deleted():
                found = " (the answer was lost; it is gone)" if result.adopted else ""
                number = result.outgoing.operation.resource_id
                log.about(entry, "info", "deleted", f"{entry.kind} {number} deleted{found}")
            case Stands(outcome=outcome, code=code, message=message):
                if message:
                    log.about(entry, "warning", code or outcome, message)
            case RefusedResult(code=code, message=message):
                log.about(entry, "error", code, message)
            case Apart(code=code, message=message):
                text = f"{message} It is sent without its files, and these one by one."
                log.about(entry, "warning", code, text)
            case Ended(outcome=outcome, message=message):
                log.about(entry, "warning" if outcome == "superseded" else "debug", outcome, message)
            case Uncertain(ids=ids):
                log.about(entry, "error", "uncertain", _uncertain_text(ids))
            case _:
                assert_never(result)


# --- entries --------------------------------------------------------------------------------------


def _outcomes(result: Result) -> list[EntryOutcome]:
    outgoing = result.outgoing
    entry = outgoing.entry
    match result:
        case Written(saved=saved, differences=differences):
            done: Outcome = "created" if outgoing.operation.method == "create" else "updated"
            if entry.action == "unpublish":
                done = "unpublished"
            if outgoing.undoes:
                done = "undone"
            text = altered_text(differences) if differences else None
            code = "altered" if differences else None
            for lack in outgoing.lacks if not differences else ():
                if lack.seq == entry.seq:
                    code, text = lack.problem.code, lack.problem.message
            own = EntryOutcome(entry.seq, "altered" if differences else done, saved.id, code, text)
            return [own, *_media_outcomes(outgoing, saved)]
        case Deleted():
            gone: Outcome = "undone" if outgoing.undoes else "deleted"
            return [EntryOutcome(entry.seq, gone, outgoing.operation.resource_id)]
        case Stands(saved=saved, outcome=outcome, code=code, message=message):
            number = saved.id if saved is not None else entry.resource_id
            word: Outcome = "undone" if outgoing.undoes else outcome
            return [EntryOutcome(entry.seq, word, number, code, message)]
        case RefusedResult(code=code, message=message):
            return _all(outgoing, "rejected", code, message)
        case Ended() | Apart():
            return []
        case Uncertain(ids=ids):
            return _all(outgoing, "uncertain", "uncertain", _uncertain_text(ids))
        case _:
            assert_never(result)


def _reported(result: Result) -> list[EntryOutcome]:
    """What a report says of it: of an entry that completes another nothing, that one tells it."""
    outcomes = _outcomes(result)
    if result.outgoing.entry.action != "complete":
        return outcomes
    return [msgspec.structs.replace(one, reported=False) for one in outcomes]


def _gone_items(results: Sequence[Result]) -> list[int]:
    """The numbers of items that are no longer there, nor are their media."""
    return [
        number
        for result in results
        if isinstance(result, Deleted)
        and result.outgoing.entry.kind == "item"
        and (number := result.outgoing.operation.resource_id) is not None
    ]


def _corrected(result: Result) -> list[tuple[str, EntryOutcome]]:
    """What a completing entry says of the one that it completes: (its outcome before, its outcome now)."""
    main = result.outgoing.completed
    if main is None:
        return []
    before = main.outcome or "created"
    match result:
        case RefusedResult(code=code, message=message):
            text = f"It was created, but not all of it could be written: {message}"
            return [(before, EntryOutcome(main.seq, "failed", main.outcome_id, code, text))]
        case Written(differences=differences) if differences:
            now = EntryOutcome(main.seq, "altered", main.outcome_id, "altered", altered_text(differences))
            return [(before, now)]
        case _:
            return []


def _counted(result: Result) -> Counter[str]:
    counts: Counter[str] = Counter()
    entry, outcomes = result.outgoing.entry, _outcomes(result)
    if entry.action != "complete":
        counts.update(outcome.outcome for outcome in outcomes)
    if outcomes and entry.outcome == "uncertain":  # until its answer came after all
        counts["uncertain"] -= len(outcomes)
    for before, now in _corrected(result):
        counts[before] -= 1
        counts[now.outcome] += 1
    return counts


def _moved(results: Sequence[Result]) -> list[Entry]:
    """Entries with their changes where something else was done than planned, since somebody had edited
    meanwhile."""
    return [
        msgspec.structs.replace(result.outgoing.entry, changes=result.outgoing.moved.changes)
        for result in results
        if isinstance(result, Written) and result.outgoing.moved is not None
    ]


# --- ledger ---------------------------------------------------------------------------------------


def _ledger(result: Result) -> list[LedgerRow]:
    row = result.outgoing.ledger
    if result.outgoing.undoes:
        saved = result.saved if isinstance(result, Written | Stands) else None
        if row is None or saved is None:
            return []
        if result.outgoing.puts_back is not None and result.outgoing.puts_back.modified != row.modified:
            # It was edited when the batch came, and stands so again: the edit is not ours by that.
            return [msgspec.structs.replace(row, resource_id=saved.id), *_restored(result)]
        return [_standing(row, saved), *_restored(result)]
    if not isinstance(result, Written) or row is None:
        return []
    altered = (*result.outgoing.carried, *result.differences)
    return [
        *_parts(result),
        msgspec.structs.replace(
            _standing(row, result.saved),
            operation_key=result.outgoing.operation.key,
            altered=msgspec.json.encode(altered) if altered else None,
            withdrawn=withdrawn_after(result.outgoing.entry),
            part_of=result.outgoing.part_of or row.part_of,
        ),
    ]


def _set_aside(connection: Connection, result: Result) -> None:
    """A media that takes the place of another takes its key too: that one is remembered until it is gone.

    So it is with one that an undo creates again, until the undo deletes what had replaced it.
    """
    entry, row = result.outgoing.entry, result.outgoing.ledger
    if not isinstance(result, Written) or row is None or (entry.action, entry.by) != ("create", PART_BY):
        return
    undoes = result.outgoing.undoes
    number = ledger_parts.holder(connection, row.key, row.key_digest) if undoes else entry.resource_id
    if number is not None and number != result.saved.id:
        goes = undoes or not result.differences
        ledger_parts.set_aside(connection, row.key, row.key_digest, number, goes=goes)


def _restored(result: Result) -> list[LedgerRow]:
    """Rows of the media that came back with an item, under their new numbers."""
    earlier = result.outgoing.puts_back
    if earlier is None or not isinstance(result, Written):
        return []
    numbers = dict(zip(earlier.media_ids, result.saved.media_ids, strict=False))
    return [
        msgspec.structs.replace(
            row, resource_id=numbers[row.resource_id], part_of=result.saved.id, saved=b"", modified=""
        )
        for row in result.outgoing.parts
        if row.resource_id in numbers
    ]


def _parts(result: Written) -> list[LedgerRow]:
    """Rows of the media that came with an item: of how they were saved, nothing is known yet."""
    numbers = dict(zip((one.seq for one in result.outgoing.inline), result.saved.media_ids, strict=False))
    by_key = {one.key_digest: numbers.get(one.seq) for one in result.outgoing.inline}
    return [
        msgspec.structs.replace(
            row,
            resource_id=number,
            part_of=result.saved.id,
            operation_key=result.outgoing.operation.key,
        )
        for row in result.outgoing.parts
        if (number := by_key.get(row.key_digest)) is not None
    ]


def _touched(result: Result) -> list[PutBack]:
    return [
        PutBack(
            one.saved.kind,
            one.saved.id,
            one.saved.id,
            one.was,
            one.saved.modified,
            orjson.dumps(one.saved.body),
        )
        for one in (result.touched if isinstance(result, Written) else ())
    ]


def _put_back(result: Result) -> list[PutBack]:
    earlier, entry = result.outgoing.puts_back, result.outgoing.entry
    if earlier is None or not isinstance(result, Written | Stands) or result.saved is None:
        return []
    saved = result.saved
    number = saved.id
    media: tuple[tuple[int, int], ...] = ()
    if entry.action == "create":
        number, media = entry.resource_id or 0, tuple(zip(earlier.media_ids, saved.media_ids, strict=False))
    answer = orjson.dumps(saved.body)
    return [PutBack(saved.kind, number, saved.id, earlier.modified, saved.modified, answer, media)]


def _refreshed(result: Result) -> list[LedgerRow]:
    row = result.outgoing.ledger
    if not isinstance(result, Stands) or result.saved is None or row is None or not result.known:
        return []
    return [_standing(row, result.saved)]


def _standing(row: LedgerRow, saved: Saved) -> LedgerRow:
    """The row of a resource as it stands now."""
    return msgspec.structs.replace(
        row, resource_id=saved.id, saved=orjson.dumps(saved.body), modified=saved.modified
    )


_UNDONE = {"created": "created again", "updated": "restored"}


# --- words ----------------------------------------------------------------------------------------


def altered_text(differences: Sequence[Difference]) -> str:
    parts = [f"{one.name}: meant {one.meant}, saved {one.saved}" for one in differences]
    return "The target saved something else than was meant. " + "; ".join(parts)


def _uncertain_text(ids: Sequence[int]) -> str:
    return (
        f"The answer of the target was lost, and {'several resources' if len(ids) > 1 else 'a resource'} "
        "could be this record: "
        + ", ".join(str(one) for one in ids)
        + ". Nothing was chosen; look at them and delete what is too much."
    )


def _media_outcomes(outgoing: Outgoing, saved: Saved) -> list[EntryOutcome]:
    ids = list(saved.media_ids)
    refused = [
        EntryOutcome(entry.seq, "rejected", None, problem.code, problem.message)
        for entry, problem in outgoing.missing
    ]
    lacks = {one.seq: one.problem for one in outgoing.lacks}
    return refused + [
        EntryOutcome(entry.seq, "created", ids[index], *_said(lacks.get(entry.seq)))
        if index < len(ids)
        else EntryOutcome(entry.seq, "altered", None, "altered", "The target did not save this media.")
        for index, entry in enumerate(outgoing.inline)
    ]


def _said(problem: Problem | None) -> tuple[str | None, str | None]:
    return (problem.code, problem.message) if problem is not None else (None, None)


def _all(outgoing: Outgoing, outcome: Outcome, code: str, message: str) -> list[EntryOutcome]:
    missing = [entry for entry, _ in outgoing.missing]
    return [
        EntryOutcome(entry.seq, outcome, None, code, message)
        for entry in (outgoing.entry, *outgoing.inline, *missing)
    ]
