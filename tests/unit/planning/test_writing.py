"""The plan is written behind the thread that makes it, and is there all the same whenever it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert

from service.store import plans, runs
from service.store.database import Database
from service.store.plans import Entry
from service.store.runs import FenceLostError, RunOptions
from service.store.tables import api_key, batch, blob
from worker.context import RunContext, RunLog
from worker.planning.writing import BYTES, LINES, Kept, PlanWriter, Seen
from worker.records import identity_digest
from worker.stopping import Stop


def entry(number: int, draft: bytes | None = None) -> Entry:
    return Entry(
        seq=number,
        file="data0",
        row=number,
        ordinal=0,
        destination="item",
        kind="item",
        action="unchanged" if draft is None else "create",
        identifier=f"A{number}",
        scope="tate",
        by="dcterms:identifier",
        key_digest=identity_digest((f"A{number}",)),
        draft=draft,
    )


def key(one: Entry) -> tuple[str, str, str, str]:
    return one.kind, one.scope or "", one.by or "", one.key_digest or ""


@pytest.fixture
def context(sqlite: Database) -> RunContext:
    with sqlite.write() as connection:
        connection.execute(
            insert(api_key).values(id=1, label="nightly", prefix="p", digest="d", scopes="", created_at=0)
        )
        connection.execute(insert(blob).values(digest="c", size=1, created_at=0))
        connection.execute(
            insert(batch).values(
                id="b1", control_digest="c", comment="", target="omeka", key_id=1, created_at=0
            )
        )
    run = runs.schedule_run(
        sqlite, batch_id="b1", mode="import", options=RunOptions(), key_id=1, inputs_digest="i"
    )
    claim = runs.claim_run(sqlite, run.id, "one", 60_000)
    assert claim is not None
    return RunContext(sqlite, claim, "omeka", RunLog(run.id, 0), Stop())


@pytest.fixture
def writers(context: RunContext) -> Iterator[list[str]]:
    """The names of the threads that wrote entries, in order."""
    names: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if "INTO plan_entry" in statement:
            names.append(threading.current_thread().name.partition("_")[0])

    event.listen(context.db.engine, "before_cursor_execute", note)
    yield names
    event.remove(context.db.engine, "before_cursor_execute", note)


def in_database(context: RunContext) -> list[Entry]:
    return plans.read_plan(context.db, context.claim.run_id)


def counts(context: RunContext) -> dict[str, int]:
    facts = runs.run_facts(context.db, context.claim.run_id)
    assert facts is not None
    return dict(facts.counts)


def test_entries_and_counts_are_in_the_database_when_it_is_left(context: RunContext) -> None:
    entries = [entry(number) for number in range(1, 36)]
    with PlanWriter(context, entries=10) as plan:
        for start in range(0, len(entries), 7):
            plan.keep(Kept(entries[start : start + 7]), {"read": 7, "planned": 7})
    assert in_database(context) == entries
    assert counts(context) == {"read": 35, "planned": 35}


def test_counts_without_an_entry_are_kept_too(context: RunContext) -> None:
    with PlanWriter(context) as plan:
        plan.keep(Kept([]), {"read": 200, "left-out": 200})
    assert counts(context) == {"read": 200, "left-out": 200}


def test_a_key_that_was_kept_a_moment_ago_is_found(context: RunContext) -> None:
    first, second = entry(1), entry(2)
    with PlanWriter(context) as plan:
        plan.keep(Kept([first]), {"read": 1})
        plan.keep(Kept([second]), {"read": 1})
        assert in_database(context) == []
        assert plan.planned([second.key_digest or "", identity_digest(("nobody",))]) == {key(second): second}
        assert in_database(context) == [first, second]


def test_keys_that_were_never_kept_cost_no_query(context: RunContext) -> None:
    queries: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    with PlanWriter(context) as plan:
        plan.keep(Kept([entry(number) for number in range(50)]), {"read": 50})
        event.listen(context.db.engine, "before_cursor_execute", note)
        assert plan.planned([identity_digest((f"B{number}",)) for number in range(50)]) == {}
        event.remove(context.db.engine, "before_cursor_execute", note)
    assert queries == []


def test_what_changes_nothing_is_written_behind_and_all_else_at_once(
    context: RunContext, writers: list[str]
) -> None:
    here = threading.current_thread().name.partition("_")[0]
    with PlanWriter(context, entries=20) as plan:
        plan.keep(Kept([entry(number) for number in range(1, 21)]), {"read": 20})
        plan.settle()
        assert writers == ["plan"]
        plan.keep(Kept([entry(number, b"{}") for number in range(21, 41)]), {"read": 20})
        assert writers == ["plan", here]
        for _ in range(LINES + 1):
            context.log.say("warning", "note", "Something to tell.")
        plan.keep(Kept([entry(number) for number in range(41, 61)]), {"read": 20})
        assert writers == ["plan", here, here]


def test_large_entries_do_not_pile_up(context: RunContext) -> None:
    big = [entry(1, b"{}" + b" " * BYTES), entry(2, b"{}")]
    with PlanWriter(context) as plan:
        plan.keep(Kept(big), {"read": 2})
        assert in_database(context) == big


def test_a_lost_run_is_told_by_the_next_call_and_writes_nothing(context: RunContext) -> None:
    context.claim = msgspec.structs.replace(context.claim, fence=context.claim.fence - 1)
    plan = PlanWriter(context, entries=1)
    plan.keep(Kept([entry(1)]), {"read": 1})
    with pytest.raises(FenceLostError), plan:
        plan.settle()
    assert in_database(context) == []


def test_an_error_on_the_way_is_not_covered_and_leaves_no_thread(context: RunContext) -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), PlanWriter(context, entries=5) as plan:
        plan.keep(Kept([entry(number) for number in range(1, 6)]), {"read": 5})
        plan.keep(Kept([entry(6)]), {"read": 1})
        raise KeyError
    assert threading.active_count() == before
    assert [one.seq for one in in_database(context)] == [1, 2, 3, 4, 5]


@given(st.sets(st.text()), st.sets(st.text()))
def test_what_was_added_is_never_denied(added: set[str], others: set[str]) -> None:
    seen = Seen()
    for text in added:
        seen.add(identity_digest((text,)))
    assert all(identity_digest((text,)) in seen for text in added)
    if not added:
        assert not any(identity_digest((text,)) in seen for text in others)


def test_what_was_not_added_is_hardly_ever_taken_for_known() -> None:
    seen = Seen()
    for number in range(70_000):
        seen.add(identity_digest((f"A{number}",)))
    wrong = sum(identity_digest((f"B{number}",)) in seen for number in range(20_000))
    assert wrong < 20
