"""Bytes that come while the same bytes go: what was answered is there, whoever came first."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import pytest
from sqlalchemy import update

from service.store import batches, garbage, garbage_bytes, held
from service.store.batches import BytesRemovedError, NewBatch, NewFile
from service.store.blobs import Digest
from service.store.database import StoreUnavailableError
from service.store.tables import blob
from tests.store.garbage_world import RETENTION, World, now

DATA = b"the same bytes again"

Steps = Iterator[None]
"""Somebody's work, in steps between which others may do theirs."""


def bringing(world: World, batch_id: str, answered: list[Digest]) -> Steps:
    """As `POST file` with a file."""
    incoming = world.blobs.begin()
    incoming.write(DATA)
    digest = incoming.finish()
    yield
    held.hold(world.db, {digest: len(DATA)})
    yield
    incoming.commit()
    yield
    batches.add_files(world.db, world.key, batch_id, [NewFile("data0", digest, len(DATA), "a")])
    yield
    held.require_standing(world.blobs, [digest])
    answered.append(digest)


def naming(world: World, batch_id: str, answered: list[Digest]) -> Steps:
    """As `POST file` with the digest of bytes that are there already."""
    digest = digest_of()
    if not held.hold_known(world.db, [digest]):
        return
    yield
    if world.blobs.size(digest) is None:
        return
    yield
    batches.add_files(world.db, world.key, batch_id, [NewFile("data1", digest, len(DATA), "a")])
    yield
    held.require_standing(world.blobs, [digest])
    answered.append(digest)


def removing(world: World) -> Steps:
    for page in garbage_bytes.unused(world.db, world.blobs, RETENTION, now(world.db)):
        yield
        marked = garbage_bytes.mark(world.db, world.blobs, page, RETENTION, now(world.db))
        yield
        for one in marked:
            garbage_bytes.remove(world.db, world.blobs, one.digest)


def standing_still(world: World) -> Steps:
    """Somebody's machine sleeps for longer than bytes are held; the others' go on."""
    with world.db.write() as connection:
        back = 30 * 24 * 3600 * 1000
        connection.execute(
            update(blob).where(blob.c.created_at != held.GONE).values(created_at=blob.c.created_at - back)
        )
    yield


def digest_of() -> Digest:
    return Digest(hashlib.sha256(DATA).hexdigest())


def orders(first: int, second: int) -> Iterator[Sequence[int]]:
    """All orders of so many steps of the one (0) and of the other (1)."""
    for places in combinations(range(first + second), second):
        yield [int(place in places) for place in range(first + second)]


def carried_out(order: Sequence[int], *actors: Steps) -> None:
    for number in order:
        next(actors[number], None)
    for actor in actors:
        for _ in actor:
            pass


Bring = Callable[[World, str, list[Digest]], Steps]


@pytest.mark.parametrize(("bring", "steps"), [(bringing, 5), (naming, 4)])
def test_in_whatever_order_what_was_answered_is_there(world: World, bring: Bring, steps: int) -> None:
    ends = set()
    for order in orders(steps, 3):
        _old_garbage(world)
        batch_id = _batch(world)
        answered: list[Digest] = []
        carried_out(order, bring(world, batch_id, answered), removing(world))
        if bring is bringing:
            assert answered, order
        ends.add(bool(answered))
        _is_true(world, answered, order)
        batches.delete_batch(world.db, batch_id)
    assert ends == ({True} if bring is bringing else {True, False})


@pytest.mark.parametrize(("bring", "steps"), [(bringing, 5), (naming, 4)])
def test_who_slept_in_between_is_not_told_what_is_not_so(world: World, bring: Bring, steps: int) -> None:
    refused = 0
    for nap in range(1, steps):
        for order in orders(steps - nap, 3):
            _old_garbage(world)
            batch_id = _batch(world)
            answered: list[Digest] = []
            actor = bring(world, batch_id, answered)
            for _ in range(nap):
                next(actor, None)
            list(standing_still(world))
            try:
                carried_out(order, actor, removing(world))
            except StoreUnavailableError:
                refused += 1
            _is_true(world, answered, order)
            batches.delete_batch(world.db, batch_id)
    assert refused


def test_a_control_file_that_was_removed_in_between_makes_no_batch(world: World) -> None:
    digest = world.control()
    with world.db.write() as connection:
        connection.execute(update(blob).values(created_at=held.GONE))
    with pytest.raises(BytesRemovedError):
        batches.create_batch(world.db, world.key, NewBatch(digest, "", "omeka"))


@pytest.mark.parametrize("bring", [bringing, naming])
def test_both_at_the_same_time(world: World, bring: Bring) -> None:
    for turn in range(25):
        _old_garbage(world)
        batch_id = _batch(world)
        answered: list[Digest] = []
        start = threading.Barrier(3)
        failed: list[BaseException] = []

        def work(
            actor: Steps, start: threading.Barrier = start, failed: list[BaseException] = failed
        ) -> None:
            try:
                start.wait()
                for _ in actor:
                    pass
            except BaseException as error:
                failed.append(error)

        actors = [bring(world, batch_id, answered), removing(world), removing(world)]
        threads = [threading.Thread(target=work, args=(one,)) for one in actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert answered or bring is naming
        _is_true(world, answered, [turn])
        batches.delete_batch(world.db, batch_id)


def _old_garbage(world: World) -> None:
    digest = world.upload(DATA)
    list(standing_still(world))
    assert world.there(digest)


def _batch(world: World) -> str:
    return batches.create_batch(world.db, world.key, NewBatch(world.control(), "", "omeka")).id


def _is_true(world: World, answered: Sequence[Digest], order: Sequence[int]) -> None:
    """What was answered is there, and stays; else either nobody knows the bytes, or they are there."""
    garbage.collect(world.db, world.blobs, RETENTION)
    for digest in answered:
        assert b"".join(world.blobs.open_range(digest)) == DATA, order
        assert not held.was_removed(world.db, digest)
