"""What came of operations, as it is written down: plan, journal, ledger and counts in one transaction."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from sqlalchemy import select

from service.store import journal, ledger, plans, runs
from service.store.database import Database
from service.store.ledger import LedgerKey, LedgerRow
from service.store.plan_places import blocks
from service.store.plans import Entry
from service.store.runs import Claim
from service.store.tables import operation as operations
from tests.store.support import claimed, entry, keep, known
from tests.unit.planning.given import NOW, standing
from worker.applying.outgoing import Moved, Outgoing, ledger_row, operation
from worker.applying.results import (
    Deleted,
    Ended,
    Recorder,
    RefusedResult,
    Result,
    Stands,
    Uncertain,
    Written,
)
from worker.context import RunContext, RunLog
from worker.planning.merging import UNPUBLISHED
from worker.records import Draft
from worker.stopping import Stop
from worker.targets.base import Difference, Saved

KEY = LedgerKey("omeka", "item", "tate", "dcterms:identifier")


class Run:
    """A run whose results are recorded."""

    def __init__(self, db: Database, batch_id: str, mode: Any = "import") -> None:
        self.db = db
        self.claim: Claim = claimed(db, batch_id, mode=mode)
        self.context = RunContext(db, self.claim, "omeka", RunLog(self.claim.run_id, 0), Stop(), batch_id)

    def outgoing(self, one: Entry, method: Any, number: int | None = None, **more: Any) -> Outgoing:
        """An entry on its way: in the plan, and its intent in the journal."""
        keep(self.db, self.claim, one)
        sent = operation(one, 1, method, number, b"{}")
        row = ledger_row("omeka", self.claim.run_id, one, "3 4")
        draft = Draft("item", "item", 0)
        made = Outgoing(one, more.pop("inline", ()), draft, sent, 1, **{"ledger": row, **more})
        journal.record_intents(self.db, self.claim, [made.intent])
        return made

    def record(self, *results: Result) -> None:
        Recorder(self.context).record(results)

    def entry(self, seq: int) -> Entry:
        return plans.entries_by_seq(self.db, self.claim.run_id, [seq])[seq]

    def ended(self, seq: int) -> tuple[str | None, int | None]:
        with self.db.read() as connection:
            row = connection.execute(
                select(operations.c.outcome, operations.c.answer_id).where(
                    operations.c.run_id == self.claim.run_id, operations.c.seq == seq
                )
            ).one()
        return row.outcome, row.answer_id

    def ledger(self) -> dict[str, LedgerRow]:
        return ledger.rows(self.db, KEY, ["a", "b", "c"])

    def knows(self, digest: str, **more: Any) -> LedgerRow:
        row = LedgerRow(KEY, digest, digest, 7, "before", b"{}", "then", "earlier", "9.1")
        row = msgspec.structs.replace(row, **more)
        with runs.fenced(self.db, self.claim) as connection:
            ledger.upsert(connection, [row])
        return row

    def counts(self) -> dict[str, int]:
        facts = runs.run_facts(self.db, self.claim.run_id)
        assert facts is not None
        return {name: n for name, n in facts.counts.items() if n}


@pytest.fixture
def run(database: Database, batch_id: str) -> Run:
    return Run(database, batch_id)


def saved(number: int = 7, **more: Any) -> Saved:
    return standing(number, {"dcterms:title": ["One"]}, modified=NOW, **more)


LOST = Difference("dcterms:title", "One", "(nothing)")
TEXT = "The target saved something else than was meant. dcterms:title: meant One, saved (nothing)"


def row_of(run: Run, one: Saved, **more: Any) -> LedgerRow:
    row = LedgerRow(
        key=KEY,
        key_digest="a",
        identifier="a",
        resource_id=one.id,
        meant="m",
        saved=orjson.dumps(one.body),
        modified=NOW,
        run_id=run.claim.run_id,
        operation_key="1.1",
        media_meant="mm",
        linked="3 4",
    )
    return msgspec.structs.replace(row, **more)


def test_a_create_is_written_everywhere_with_its_media(run: Run) -> None:
    media = [entry(n, kind="media", parent_seq=1) for n in (2, 3)]
    keep(run.db, run.claim, *media)
    made = run.outgoing(known(1, "a", meant="m", media_meant="mm"), "create", inline=tuple(media))
    one = saved(**{"o:media": [{"o:id": 70}]})
    run.record(Written(made, one, ()))
    assert [(run.entry(n).outcome, run.entry(n).outcome_id, run.entry(n).code) for n in (1, 2, 3)] == [
        ("created", 7, None),
        ("created", 70, None),
        ("altered", None, "altered"),
    ]
    assert run.ended(1) == ("done", 7)
    assert run.ledger() == {"a": row_of(run, one)}
    assert run.counts() == {"created": 2, "altered": 1}


def test_what_was_altered_is_kept_with_what_was_reported_before(run: Run) -> None:
    before = Difference("dcterms:date", "1863", "(nothing)")
    made = run.outgoing(
        known(1, "a", action="update", meant="m", media_meant="mm"), "update", 7, carried=(before,)
    )
    run.record(Written(made, saved(), (LOST,)))
    now = run.entry(1)
    assert (now.outcome, now.outcome_id, now.code, now.message) == ("altered", 7, "altered", TEXT)
    assert run.ledger() == {"a": row_of(run, saved(), altered=msgspec.json.encode([before, LOST]))}
    assert run.counts() == {"altered": 1}


def test_an_update_of_what_somebody_edited_shows_what_was_done_instead(run: Run) -> None:
    one = known(1, "a", action="update", changes=b'{"changes":[]}')
    made = run.outgoing(one, "update", 7, moved=Moved(b'{"changes":[{"name":"public"}]}'))
    run.record(Written(made, saved(), ()))
    assert run.entry(1).changes == b'{"changes":[{"name":"public"}]}'
    # It is found in the plan by what was done.
    assert blocks(run.db, run.claim.run_id, ("name", "public"), "update", 0, 1) == [0]


def test_unpublishing_is_counted_and_remembered_as_such(run: Run) -> None:
    run.knows("a")
    one = known(1, "a", action="unpublish", meant="", media_meant="mm", file="", row=0)
    run.record(Written(run.outgoing(one, "update", 7), saved(), ()))
    assert (run.entry(1).outcome, run.counts()) == ("unpublished", {"unpublished": 1})
    assert run.ledger()["a"] == row_of(run, saved(), meant="", withdrawn=UNPUBLISHED)


def test_what_was_deleted_is_forgotten(run: Run) -> None:
    run.knows("a")
    kept = run.knows("b")
    run.record(Deleted(run.outgoing(known(1, "a", action="delete"), "delete", 7)))
    assert (run.entry(1).outcome, run.entry(1).outcome_id, run.ended(1)) == ("deleted", 7, ("done", None))
    assert run.ledger() == {"b": kept}


def test_what_is_gone_already_is_forgotten_too(run: Run) -> None:
    run.knows("a")
    made = run.outgoing(known(1, "a", action="delete", resource_id=7), "delete", 7)
    run.record(Stands(made, None, "skipped", "gone", "item 7 was deleted by somebody."))
    now = run.entry(1)
    assert (now.outcome, now.outcome_id, now.code, now.message) == (
        "skipped",
        7,
        "gone",
        "item 7 was deleted by somebody.",
    )
    assert run.ledger() == {}


def test_a_known_resource_that_stands_as_meant_is_brought_up_to_date_and_stays_whose_it_was(
    run: Run,
) -> None:
    run.knows("a", withdrawn=UNPUBLISHED)
    run.knows("b")
    for seq, digest in ((1, "a"), (2, "b"), (3, "c")):
        made = run.outgoing(known(seq, digest, action="update", meant="m", media_meant="mm"), "update", 7)
        run.record(Stands(made, saved(), "unchanged", known=digest != "b"))
    assert [run.entry(n).outcome for n in (1, 2, 3)] == ["unchanged"] * 3
    refreshed = row_of(run, saved(), run_id="earlier", operation_key="9.1")
    assert run.ledger() == {"a": refreshed, "b": run.knows("b")}, "what it does not know it does not learn"


def test_a_refusal_is_told_at_the_entry_and_at_what_travelled_with_it(run: Run) -> None:
    media = entry(2, kind="media", parent_seq=1)
    keep(run.db, run.claim, media)
    made = run.outgoing(known(1, "a"), "create", inline=(media,))
    run.record(RefusedResult(made, "refused-by-target", "Too large."))
    assert [(run.entry(n).outcome, run.entry(n).code, run.entry(n).message) for n in (1, 2)] == [
        ("rejected", "refused-by-target", "Too large.")
    ] * 2
    assert (run.ended(1), run.ledger(), run.counts()) == (("refused", None), {}, {"rejected": 2})


def test_what_ended_without_settling_its_entry_leaves_it_open(run: Run) -> None:
    made = run.outgoing(known(1, "a"), "create")
    run.record(Ended(made, "superseded", "Given up for lost."))
    assert (run.entry(1).outcome, run.ended(1), run.counts()) == (None, ("superseded", None), {})


def test_several_that_it_could_be_are_named_and_none_is_chosen(run: Run) -> None:
    run.record(Uncertain(run.outgoing(known(1, "a"), "create"), (5, 6)))
    now = run.entry(1)
    assert (now.outcome, now.outcome_id, now.code) == ("uncertain", None, "uncertain")
    assert now.message is not None
    assert "several resources could be this record: 5, 6." in now.message
    assert run.ledger() == {}


@pytest.mark.parametrize(
    ("refused", "expected", "counts"),
    [
        (False, ("created", None, None), {"created": 1}),
        (
            True,
            (
                "failed",
                "gone",
                "It was created, but not all of it could be written: It was deleted.",
            ),
            {"failed": 1},
        ),
    ],
)
def test_links_that_complete_a_resource_are_told_at_the_one_that_they_complete(
    run: Run, refused: bool, expected: Any, counts: dict[str, int]
) -> None:
    run.record(Written(run.outgoing(known(1, "a"), "create"), saved(), ()))
    completing = known(2, "a", action="complete", completes=1, meant="m", media_meant="mm")
    made = run.outgoing(completing, "update", 7, completed=run.entry(1))
    run.record(RefusedResult(made, "gone", "It was deleted.") if refused else Written(made, saved(), ()))
    main = run.entry(1)
    assert ((main.outcome, main.code, main.message), run.counts()) == (expected, counts)


def test_what_is_undone_gets_its_row_of_the_ledger_back(database: Database, batch_id: str) -> None:
    first = Run(database, batch_id)
    first.record(Written(first.outgoing(known(1, "a"), "create"), saved(), ()))
    runs.end_run(database, first.claim, "finished")
    back = Run(database, batch_id, "undo")
    before = LedgerRow(KEY, "a", "a", 7, "before", b"{}", "then", "earlier", "9.1", withdrawn=UNPUBLISHED)
    undoing = known(1, "a", action="update", resource_id=7)
    back.record(
        Written(back.outgoing(undoing, "update", 7, ledger=before, undoes=True), saved(), ()),
    )
    assert (back.entry(1).outcome, back.counts()) == ("undone", {"undone": 1})
    now = msgspec.structs.replace(before, saved=orjson.dumps(saved().body), modified=NOW)
    assert back.ledger() == {"a": now}
    with database.read() as connection:
        marked = connection.execute(
            select(operations.c.undone_by).where(operations.c.run_id == first.claim.run_id)
        ).scalar_one()
    assert marked == back.claim.run_id


def test_what_an_undo_deletes_is_forgotten_where_the_ledger_knew_it(
    database: Database, batch_id: str
) -> None:
    back = Run(database, batch_id, "undo")
    back.knows("a")
    kept = back.knows("b")
    for seq, digest, forgets in ((1, "a", True), (2, "b", False)):
        one = known(seq, digest, action="delete", resource_id=7)
        back.record(Deleted(back.outgoing(one, "delete", 7, ledger=None, undoes=True, forgets=forgets)))
    assert [back.entry(n).outcome for n in (1, 2)] == ["undone", "undone"]
    assert back.ledger() == {"b": kept}
