"""Control files, batches and their files in the store, on both databases."""

from __future__ import annotations

import hashlib
import threading

import pytest
from sqlalchemy import func, insert, select

from service.store import batches, runs, tables
from service.store.batches import BatchFilter, NewBatch, NewFile
from service.store.blobs import Digest, Stored
from service.store.database import Database
from service.store.keys import Key, create_key


def digest(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest())


@pytest.fixture
def key(database: Database) -> Key:
    return create_key(database, "a").key


def saved(db: Database, key: Key, text: str = "control", comment: str = "c") -> Digest:
    batches.save_control(db, key, Stored(digest(text), len(text), new=True), comment)
    return digest(text)


def a_batch(db: Database, key: Key, target: str = "tate", **more: str) -> batches.BatchFacts:
    return batches.create_batch(db, key, NewBatch(saved(db, key), "A batch", target, **more))


def a_file(name: str = "data0", text: str = "[]") -> NewFile:
    return NewFile(name, digest(text), len(text), f"{name}.json")


def a_run(db: Database, key: Key, batch: batches.BatchFacts, mode: runs.RunMode = "import") -> runs.RunFacts:
    made_of = batches.inputs_digest(batch.control_digest, batches.batch_files(db, batch.id))
    return runs.schedule_run(
        db,
        batch_id=batch.id,
        mode=mode,
        options=runs.RunOptions(),
        key_id=key.id,
        inputs_digest=made_of,
        check=lambda connection: batches.require_inputs(connection, batch, made_of),
    )


def ended(db: Database, run: runs.RunFacts, *, wrote: bool = False) -> None:
    claim = runs.claim_run(db, run.id, "w", 60_000)
    assert claim is not None
    if wrote:
        with db.write() as connection:
            connection.execute(
                insert(tables.operation).values(
                    run_id=run.id,
                    key="1.1",
                    seq=1,
                    attempt=1,
                    fence=1,
                    method="create",
                    kind="item",
                    payload_digest="0" * 64,
                    intent_at=1,
                )
            )
    runs.end_run(db, claim, "finished")


def test_a_control_file_is_found_by_its_comment_the_newest_first(database: Database, key: Key) -> None:
    saved(database, key, "one", "map")
    saved(database, key, "two", "other")
    assert batches.control_named(database, key, "map") == digest("one")
    saved(database, key, "two", "map")
    assert batches.control_named(database, key, "map") in {digest("one"), digest("two")}
    assert batches.control_named(database, key, "other") is None
    assert batches.control_named(database, key, "ma%") is None
    stranger = create_key(database, "b").key
    assert batches.control_named(database, stranger, "map") is None


def test_a_batch_is_as_it_was_made(database: Database, key: Key) -> None:
    first = a_batch(database, key)
    second = a_batch(database, key, corrects=first.id)
    assert batches.batch_facts(database, second.id) == batches.BatchFacts(
        id=second.id,
        control_digest=digest("control"),
        comment="A batch",
        target="tate",
        key_id=key.id,
        key_label="a",
        corrects=first.id,
        created_at=second.created_at,
    )
    with pytest.raises(batches.BatchMissingError):
        batches.batch_facts(database, "nosuch")


def test_a_key_of_another_target_sees_neither_batch_nor_bytes(database: Database, key: Key) -> None:
    batch = a_batch(database, key)
    batches.add_files(database, key, batch.id, [a_file()])
    bound = create_key(database, "b", target="other").key
    own = create_key(database, "c", target="tate").key
    with pytest.raises(batches.BatchMissingError):
        batches.batch_facts(database, batch.id, bound)
    assert batches.list_batches(database, bound, BatchFilter(), 10) == []
    assert [batches.readable_size(database, bound, one) for one in (digest("control"), digest("[]"))] == [
        None
    ] * 2
    assert batches.batch_facts(database, batch.id, own) == batch
    assert [batches.readable_size(database, own, one) for one in (digest("control"), digest("[]"))] == [7, 2]
    # Whoever uploads the same bytes may read them, whatever else uses them.
    batches.save_control(database, bound, Stored(digest("[]"), 2, new=False), "mine")
    assert batches.readable_size(database, bound, digest("[]")) == 2


def test_files_go_in_all_or_none(database: Database, key: Key) -> None:
    batch = a_batch(database, key)
    batches.add_files(database, key, batch.id, [a_file("b"), a_file("a")])
    with pytest.raises(batches.FileConflictError):
        batches.add_files(database, key, batch.id, [a_file("c"), a_file("a", "other")])
    assert [(one.name, one.digest) for one in batches.batch_files(database, batch.id)] == [
        ("a", digest("[]")),
        ("b", digest("[]")),
    ]
    assert batches.readable_size(database, key, digest("other")) is None
    batches.add_files(database, key, batch.id, [a_file("a", "other")], replace=True)
    assert [one.digest for one in batches.batch_files(database, batch.id)] == [digest("other"), digest("[]")]
    with pytest.raises(batches.BatchMissingError):
        batches.add_files(database, key, "nosuch", [a_file()])


def test_a_batch_takes_no_files_while_a_run_is_active_or_after_a_write(database: Database, key: Key) -> None:
    batch = a_batch(database, key)
    dry = a_run(database, key, batch, "dry-run")
    with pytest.raises(runs.RunActiveError):
        batches.add_files(database, key, batch.id, [a_file()])
    ended(database, dry)
    batches.add_files(database, key, batch.id, [a_file()])
    ended(database, a_run(database, key, batch), wrote=True)
    with pytest.raises(batches.BatchAppliedError):
        batches.add_files(database, key, batch.id, [a_file("more")])


def test_a_run_is_made_of_exactly_the_files_that_were_seen(database: Database, key: Key) -> None:
    """Many put files in while others schedule: no run exists whose inputs are not those of its digest."""
    batch = a_batch(database, key)
    start = threading.Barrier(4)
    made: list[runs.RunFacts] = []

    def put(name: str) -> None:
        start.wait()
        try:
            batches.add_files(database, key, batch.id, [a_file(name)])
        except runs.RunActiveError:
            return

    def schedule() -> None:
        start.wait()
        try:
            made.append(a_run(database, key, batch))
        except (batches.InputsChangedError, runs.RunActiveError):
            return

    threads = [threading.Thread(target=put, args=[name]) for name in ("a", "b")]
    threads += [threading.Thread(target=schedule) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) <= 1
    for run in made:
        files = batches.batch_files(database, batch.id)
        assert run.inputs_digest == batches.inputs_digest(batch.control_digest, files)


def test_a_file_put_in_between_makes_the_schedule_fail_rather_than_differ(
    database: Database, key: Key
) -> None:
    batch = a_batch(database, key)
    before = batches.inputs_digest(batch.control_digest, [])
    batches.add_files(database, key, batch.id, [a_file()])
    with pytest.raises(batches.InputsChangedError):
        runs.schedule_run(
            database,
            batch_id=batch.id,
            mode="import",
            options=runs.RunOptions(),
            key_id=key.id,
            inputs_digest=before,
            check=lambda connection: batches.require_inputs(connection, batch, before),
        )
    assert runs.runs_of_batch(database, batch.id) == []


def test_inputs_are_the_same_in_any_order_and_differ_by_name_and_bytes(database: Database, key: Key) -> None:
    batch = a_batch(database, key)
    batches.add_files(database, key, batch.id, [a_file("a"), a_file("b", "x")])
    files = batches.batch_files(database, batch.id)
    assert batches.inputs_digest(digest("c"), files) == batches.inputs_digest(digest("c"), files[::-1])
    assert batches.inputs_digest(digest("c"), files) != batches.inputs_digest(digest("d"), files)
    assert batches.inputs_digest(digest("c"), files) != batches.inputs_digest(digest("c"), files[:1])


def test_batches_are_listed_newest_first_from_any_one_on(database: Database, key: Key) -> None:
    made = [a_batch(database, key) for _ in range(5)]
    ordered = sorted(made, key=lambda one: (one.created_at, one.id), reverse=True)
    assert batches.list_batches(database, key, BatchFilter(), 3) == ordered[:3]
    last = ordered[2]
    following = BatchFilter(before=(last.created_at, last.id))
    assert batches.list_batches(database, key, following, 3) == ordered[3:]
    assert batches.list_batches(database, key, BatchFilter(comment="a BA"), 9) == ordered
    assert batches.list_batches(database, key, BatchFilter(comment="_"), 9) == []
    assert batches.list_batches(database, key, BatchFilter(target="other"), 9) == []


def test_a_batch_goes_with_its_runs_and_logs_and_only_if_it_never_wrote(database: Database, key: Key) -> None:
    batch, other = a_batch(database, key), a_batch(database, key)
    run = a_run(database, key, batch, "dry-run")
    with pytest.raises(runs.RunActiveError):
        batches.delete_batch(database, batch.id)
    with database.write() as connection:
        rows = [
            {"run_id": run.id, "seq": seq, "at": 1, "level": "info", "code": "x", "message": "x"}
            for seq in range(1, 4500)
        ]
        connection.execute(insert(tables.log_line), rows)
    ended(database, run)
    batches.delete_batch(database, batch.id)
    with database.read() as connection:
        left = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.run, tables.log_line, tables.batch)
        ]
    assert left == [0, 0, 1]
    ended(database, a_run(database, key, other), wrote=True)
    with pytest.raises(batches.BatchAppliedError):
        batches.delete_batch(database, other.id)
    with pytest.raises(batches.BatchMissingError):
        batches.delete_batch(database, batch.id)


def test_a_batch_that_another_corrects_is_kept(database: Database, key: Key) -> None:
    first = a_batch(database, key)
    second = a_batch(database, key, corrects=first.id)
    with pytest.raises(batches.BatchReferredError, match=second.id):
        batches.delete_batch(database, first.id)
