"""What a batch did to the target, and what was taken back of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.store import journal, plans, runs, undo
from service.store.database import Database
from service.store.journal import Intent, OperationEnd
from service.store.plans import EntryOutcome
from service.store.put_back import numbers_now
from service.store.runs import Claim
from service.store.tables import operation
from service.store.undo import Effect, Later
from tests.store.support import analyze, batch_of, claimed, entry, explained, keep, known, uses

EVERYTHING = (2**31 - 1, 0)


def intend(db: Database, claim: Claim, seq: int, method: Any, number: int | None = None, **more: Any) -> str:
    attempt = more.pop("attempt", 1)
    key = f"{seq}.{attempt}"
    kind = more.pop("kind", "item")
    pre_image = more.pop("pre_image", None)
    intent = Intent(key, seq, attempt, method, kind, "d", number, None, pre_image)
    journal.record_intents(db, claim, [intent])
    return key


def did(
    db: Database,
    claim: Claim,
    seq: int,
    method: Any,
    number: int | None = None,
    *,
    answer: int | None = None,
    outcome: Any = "done",
    modified: str | None = "now",
    **more: Any,
) -> None:
    """An operation of an entry, from intent to outcome."""
    key = intend(db, claim, seq, method, number, **more)
    with runs.fenced(db, claim) as connection:
        end = OperationEnd(key, outcome, answer_id=answer, saved_modified=modified)
        journal.record_ends(connection, claim, [end])


def pairs(found: list[Effect]) -> list[tuple[int, int, str, int]]:
    return [(one.seq, one.attempt, one.method, one.resource_id) for one in found]


def over(db: Database, claim: Claim) -> None:
    runs.end_run(db, claim, "finished")


def test_the_effects_of_a_run_are_what_changed_or_may_have_changed_a_resource_newest_first(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(
        database,
        claim,
        known(1, "a", outcome="created"),
        *(entry(n, action="update") for n in (2, 3, 4, 5)),
        entry(6, action="delete"),
        entry(7),
    )
    did(database, claim, 1, "create", answer=101, modified="2026-11-22 10:00:00")
    did(database, claim, 2, "update", 20, answer=20, pre_image=b"was")
    did(database, claim, 3, "update", 30, outcome="refused")
    did(database, claim, 4, "update", 40, outcome="superseded", pre_image=b"was")
    did(database, claim, 4, "update", 40, answer=40, attempt=2, pre_image=b"is")
    did(database, claim, 5, "update", 50, outcome="not-sent")
    did(database, claim, 6, "delete", 60, modified=None)
    did(database, claim, 7, "create", outcome="superseded")
    did(database, claim, 7, "create", answer=107, attempt=2)
    did(database, claim, 7, "delete", 106, attempt=3)  # the twin that came late
    found = undo.effects(database, claim.run_id, EVERYTHING, 100)
    assert pairs(found) == [
        (7, 2, "create", 107),
        (6, 1, "delete", 60),
        (4, 2, "update", 40),
        (4, 1, "update", 40),
        (2, 1, "update", 20),
        (1, 1, "create", 101),
    ]
    assert found[-1] == Effect(
        run_id=claim.run_id,
        key="1.1",
        seq=1,
        attempt=1,
        method="create",
        kind="item",
        resource_id=101,
        saved_modified="2026-11-22 10:00:00",
        pre_image=None,
        file="data0",
        row=1,
        ordinal=0,
        destination="item",
        identifier="a",
        scope="tate",
        by="dcterms:identifier",
        key_digest="a",
        outcome="created",
    )
    assert found[2].pre_image == b"is"
    assert pairs(undo.effects(database, claim.run_id, (4, 2), 2)) == [
        (4, 1, "update", 40),
        (2, 1, "update", 20),
    ]


def test_what_was_taken_back_has_no_effect_any_more(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(database, claim, *(entry(n) for n in (1, 2, 3, 4)))
    did(database, claim, 1, "create", answer=7)
    did(database, claim, 2, "update", 7, answer=7)
    did(database, claim, 3, "create", answer=7, kind="media")
    did(database, claim, 4, "create", answer=8)
    over(database, claim)
    other = batch_of(database, "b2")
    later = claimed(database, other, mode="import")
    keep(database, later, entry(1, action="update"))
    did(database, later, 1, "update", 7, answer=7)
    over(database, later)
    back = claimed(database, batch_id, mode="undo")
    with runs.fenced(database, back) as connection:
        undo.mark_undone(connection, batch_id, back.run_id, [("item", 7), ("item", 999)])
        undo.mark_undone(connection, batch_id, back.run_id, [])
    assert pairs(undo.effects(database, claim.run_id, EVERYTHING, 10)) == [
        (4, 1, "create", 8),
        (3, 1, "create", 7),
    ]
    assert pairs(undo.effects(database, later.run_id, EVERYTHING, 10)) == [(1, 1, "update", 7)]
    with database.read() as reading:
        marked = reading.execute(select(operation.c.undone_by).where(operation.c.run_id == claim.run_id))
        assert [row.undone_by for row in marked].count(back.run_id) == 2
    assert undo.anything_stands(database, batch_id)
    with runs.fenced(database, back) as connection:
        undo.mark_undone(connection, batch_id, back.run_id, [("item", 8), ("media", 7)])
    assert not undo.anything_stands(database, batch_id)


def test_only_imports_and_retries_are_undone_newest_first(database: Database, batch_id: str) -> None:
    made = []
    for mode in ("dry-run", "import", "retry", "undo"):
        claim = claimed(database, batch_id, mode=mode)
        over(database, claim)
        made.append(claim.run_id)
    assert undo.runs_that_wrote(database, batch_id) == [made[2], made[1]]
    assert undo.runs_that_wrote(database, "another") == []


def test_a_later_batch_that_changed_a_resource_is_named(database: Database, batch_id: str) -> None:
    first = claimed(database, batch_id, mode="import")
    keep(database, first, entry(1))
    did(database, first, 1, "create", answer=7)
    over(database, first)
    since = first.run_id
    for batch, target, more in (
        ("later", "omeka", {"number": 7, "answer": 7}),
        ("refused", "omeka", {"number": 8, "answer": None, "outcome": "refused"}),
        ("elsewhere", "another", {"number": 9, "answer": 9}),
        ("media", "omeka", {"number": 10, "answer": 10, "kind": "media"}),
        ("deletes", "omeka", {"number": 11, "answer": None, "method": "delete"}),
    ):
        claim = claimed(database, batch_of(database, batch, target, f"of {batch}"), mode="import")
        keep(database, claim, entry(1, action="update"))
        did(database, claim, 1, **{"method": "update", **more})  # type: ignore[arg-type]
        over(database, claim)
    own = claimed(database, batch_id, mode="retry")
    keep(database, own, entry(1, action="update"))
    did(database, own, 1, "update", 12, answer=12)
    over(database, own)
    found = undo.changed_later(database, batch_id, "item", [7, 8, 9, 10, 11, 12], since)
    assert found == {
        7: Later("item", 7, "later", "of later"),
        11: Later("item", 11, "deletes", "of deletes"),
    }
    assert undo.changed_later(database, batch_id, "item", [7], own.run_id) == {}
    assert undo.changed_later(database, batch_id, "item", [], since) == {}


def test_creates_whose_outcome_nobody_knows_are_counted(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(database, claim, *(entry(n) for n in (1, 2, 3, 4)))
    did(database, claim, 1, "create", answer=7)
    did(database, claim, 2, "create", outcome="uncertain")
    intend(database, claim, 3, "create")
    intend(database, claim, 4, "update", 9)
    assert undo.unknown_creates(database, batch_id) == 2
    assert undo.unknown_creates(database, "another") == 0


def test_what_was_created_again_is_known_by_its_old_number(database: Database, batch_id: str) -> None:
    back = claimed(database, batch_id, mode="undo")
    keep(
        database,
        back,
        entry(1, resource_id=7),
        entry(2, resource_id=8),
        entry(3, resource_id=9, action="update"),
        entry(4),
    )
    with runs.fenced(database, back) as connection:
        outcomes = [
            EntryOutcome(1, "undone", 107),
            EntryOutcome(3, "undone", 9),
            EntryOutcome(4, "undone", 5),
        ]
        plans.set_outcomes(connection, back.run_id, outcomes)
    assert numbers_now(database, batch_id, [7, 8, 9]) == {("item", 7): 107}
    assert numbers_now(database, batch_id, []) == {}
    assert undo.to_recreate(database, back.run_id) == {("item", 7), ("item", 8)}


def test_the_media_that_an_import_made_for_an_item_are_known(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(
        database,
        claim,
        entry(1, outcome="created", outcome_id=7),
        entry(2, kind="media", parent_seq=1, outcome="created", outcome_id=70),
        entry(3, kind="media", parent_seq=1, outcome="rejected"),
        entry(4, kind="media", parent_seq=1, depth=1, outcome="created", outcome_id=71),
        entry(5, outcome="created", outcome_id=8),
        entry(6, kind="media", parent_seq=5, outcome="created", outcome_id=72),
    )
    assert undo.media_made(database, claim.run_id, 1) == {70, 71}


def test_the_queries_of_undo_use_their_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id, mode="import")
    keep(database, claim, *(entry(n) for n in range(1, 1001)))
    methods: tuple[Any, ...] = ("create", "update")
    intents = [
        Intent(f"{n}.1", n, 1, methods[n % 2], "item", "d", n if n % 2 else None) for n in range(1, 1001)
    ]
    journal.record_intents(database, claim, intents)
    with runs.fenced(database, claim) as connection:
        ends = [OperationEnd(f"{n}.1", "done", answer_id=n) for n in range(1, 1001)]
        journal.record_ends(connection, claim, ends)
    over(database, claim)
    back = claimed(database, batch_id, mode="undo")
    analyze(database)

    def mark() -> None:
        with runs.fenced(database, back) as connection:
            undo.mark_undone(connection, batch_id, back.run_id, [("item", 7)])

    uses(
        database,
        lambda: undo.effects(database, claim.run_id, (500, 1), 20),
        "ix_operation_entry",
        table="operation",
    )
    uses(database, mark, "ix_operation_answer", "ix_operation_resource", table="operation")
    plan = explained(
        database,
        lambda: undo.changed_later(database, batch_id, "item", [7, 8], "0"),
        table="operation",
    )
    assert "ix_operation_answer" in plan
    assert "ix_operation_resource" in plan
