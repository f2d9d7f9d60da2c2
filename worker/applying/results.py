"""What came of operations, and how it is written down: journal, plan, ledger and log at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec
import orjson
from msgspec import Struct

from service.store import journal, ledger, plans
from service.store.journal import OperationEnd
from service.store.ledger import LedgerKey, LedgerRow
from service.store.plans import EntryOutcome, Outcome
from worker.applying.outgoing import Outgoing
from worker.context import RunContext
from worker.targets.base import Difference, Saved


class Written(Struct, frozen=True):
    """The target carried it out. `adopted`: found by looking, since the answer was lost."""

    outgoing: Outgoing
    saved: Saved
    differences: tuple[Difference, ...]
    adopted: bool = False


class RefusedResult(Struct, frozen=True):
    """The target will not take it."""

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


Result = Written | RefusedResult | Ended | Uncertain


class Recorder:
    """Writes results down. One thread at a time; blocking."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def record(self, results: Sequence[Result]) -> None:
        """One fenced transaction for all of them.

        Raises `FenceLostError` or `StoreUnavailableError`: nothing was written then, call it again or
        keep the answers as strays. The log lines are said by :meth:`announce`, once.
        """
        context = self._context
        ends = [self._end(result) for result in results]
        outcomes = [outcome for result in results for outcome in self._outcomes(result)]
        rows = [row for result in results for row in self._ledger(result)]
        counts: Counter[str] = Counter(outcome.outcome for outcome in outcomes)
        with context.transaction(counts) as connection:
            journal.record_ends(connection, context.claim, ends)
            plans.set_outcomes(connection, context.claim.run_id, outcomes)
            ledger.upsert(connection, rows)

    def record_strays(self, results: Sequence[Result]) -> None:
        """The run is another's: all that may still be written is that these answers came."""
        context = self._context
        for result in results:
            if isinstance(result, Written):
                answer = orjson.dumps(result.saved.body)
                journal.record_stray(
                    context.db, context.claim.run_id, result.outgoing.operation.key, result.saved.id, answer
                )

    def _end(self, result: Result) -> OperationEnd:
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
            case RefusedResult(code=code, message=message):
                return OperationEnd(key, "refused", code=code, message=message)
            case Ended(outcome=outcome, message=message):
                return OperationEnd(key, outcome, message=message)
            case Uncertain(ids=ids):
                return OperationEnd(key, "uncertain", code="uncertain", message=_uncertain_text(ids))
            case _:
                assert_never(result)

    def _outcomes(self, result: Result) -> list[EntryOutcome]:
        outgoing = result.outgoing
        match result:
            case Written(saved=saved, differences=differences):
                outcome: Outcome = "altered" if differences else "created"
                text = altered_text(differences) if differences else None
                code = "altered" if differences else None
                own = EntryOutcome(outgoing.entry.seq, outcome, saved.id, code, text)
                return [own, *_media_outcomes(outgoing, saved)]
            case RefusedResult(code=code, message=message):
                return _all(outgoing, "rejected", code, message)
            case Ended():
                return []
            case Uncertain(ids=ids):
                return _all(outgoing, "uncertain", "uncertain", _uncertain_text(ids))
            case _:
                assert_never(result)

    def _ledger(self, result: Result) -> list[LedgerRow]:
        if not isinstance(result, Written) or result.outgoing.entry.key_digest is None:
            return []
        entry, saved = result.outgoing.entry, result.saved
        assert entry.key_digest is not None
        return [
            LedgerRow(
                key=LedgerKey(self._context.target, entry.kind, entry.scope or "", entry.by or ""),
                key_digest=entry.key_digest,
                identifier=entry.identifier or "",
                resource_id=saved.id,
                meant=entry.meant or "",
                saved=orjson.dumps(saved.body),
                modified=saved.modified,
                run_id=self._context.claim.run_id,
                operation_key=result.outgoing.operation.key,
                altered=msgspec.json.encode(result.differences) if result.differences else None,
            )
        ]

    def announce(self, result: Result) -> None:
        """Say in the log what came of it."""
        entry, log = result.outgoing.entry, self._context.log
        match result:
            case Written(saved=saved, differences=differences, adopted=adopted):
                found = " (its answer was lost; it was found and adopted)" if adopted else ""
                log.about(entry, "info", "created", f"{entry.kind} {saved.id} created{found}")
                if differences:
                    log.about(entry, "error", "altered", altered_text(differences))
            case RefusedResult(code=code, message=message):
                log.about(entry, "error", code, message)
            case Ended(outcome=outcome, message=message):
                log.about(entry, "warning" if outcome == "superseded" else "debug", outcome, message)
            case Uncertain(ids=ids):
                log.about(entry, "error", "uncertain", _uncertain_text(ids))
            case _:
                assert_never(result)


def altered_text(differences: Sequence[Difference]) -> str:
    parts = [f"{one.name}: meant {one.meant}, saved {one.saved}" for one in differences]
    return "The target saved something else than was meant. " + "; ".join(parts)


def _uncertain_text(ids: Sequence[int]) -> str:
    return (
        "The answer of the target was lost, and several resources could be this record: "
        + ", ".join(str(one) for one in ids)
        + ". Nothing was chosen; look at them and delete what is too much."
    )


def _media_outcomes(outgoing: Outgoing, saved: Saved) -> list[EntryOutcome]:
    ids = list(saved.media_ids)
    return [
        EntryOutcome(entry.seq, "created", ids[index])
        if index < len(ids)
        else EntryOutcome(entry.seq, "altered", None, "altered", "The target did not save this media.")
        for index, entry in enumerate(outgoing.inline)
    ]


def _all(outgoing: Outgoing, outcome: Outcome, code: str, message: str) -> list[EntryOutcome]:
    return [
        EntryOutcome(entry.seq, outcome, None, code, message) for entry in (outgoing.entry, *outgoing.inline)
    ]
