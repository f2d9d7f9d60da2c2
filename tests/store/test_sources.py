"""What is read from a source: pages that a takeover finds, and the file of the batch that they become."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select, update

from service.store import batches, held, sources
from service.store.blobs import Digest, Stored
from service.store.database import Database
from service.store.runs import Claim, FenceLostError
from service.store.sources import Pull, StoredPage
from service.store.tables import batch, run
from tests.store.garbage_world import World
from tests.store.support import batch_of, claimed


def digest(text: str) -> Digest:
    return Digest(hashlib.sha256(text.encode()).hexdigest())


@pytest.fixture(autouse=True)
def _key(request: pytest.FixtureRequest) -> None:
    """A key and a control file, where the test has no world of its own."""
    if "world" not in request.fixturenames:
        request.getfixturevalue("batch_id")


def begun(database: Database, name: str, mark: str = "2026-01-01T00:00:00+00:00") -> tuple[Claim, Pull]:
    claim = claimed(database, batch_of(database, name))
    pull = Pull(name, "old", "old-site", "", mark, 0, ended=False)
    sources.begin_pull(database, claim, pull)
    return claim, pull


def add(database: Database, claim: Claim, pull: Pull, number: int, *, failed: bool = False) -> StoredPage:
    page = StoredPage(number, digest(f"page {number}"), f'{{"page":{number}}}', failed)
    sources.add_pages(database, claim, pull, [page], {page.digest: 6})
    return page


def end(database: Database, claim: Claim, pull: Pull, failed: int = 0) -> Stored:
    stored = Stored(digest("all"), 3, new=True)
    held.hold(database, {stored.digest: 3})
    sources.end_pull(database, claim, pull, stored, failed)
    return stored


def test_pages_are_found_in_their_order_by_whoever_takes_over(database: Database) -> None:
    claim, pull = begun(database, "p1")
    pages = [add(database, claim, pull, number, failed=number == 2) for number in (1, 2, 3)]
    assert sources.pages_of(database, pull) == pages
    assert sources.pull_of(database, "p1", "old") == pull
    assert sources.pull_of(database, "p1", "other") is None


def test_at_the_end_it_is_a_file_of_the_batch_and_the_run_was_made_of_it(database: Database) -> None:
    claim, pull = begun(database, "p1")
    add(database, claim, pull, 1)
    stored = end(database, claim, pull)
    (file,) = batches.batch_files(database, "p1")
    assert (file.name, file.digest, file.size) == ("old", stored.digest, 3)
    assert sources.pages_of(database, pull) == []
    found = sources.pull_of(database, "p1", "old")
    assert found is not None
    assert found.ended
    with database.read() as connection:
        control = connection.execute(select(batch.c.control_digest).where(batch.c.id == "p1")).scalar_one()
        inputs = connection.execute(select(run.c.inputs_digest).where(run.c.id == claim.run_id)).scalar_one()
    assert inputs == batches.inputs_digest(Digest(control), [file])


def test_a_worker_that_has_lost_the_run_adds_nothing(database: Database) -> None:
    claim, pull = begun(database, "p1")
    with database.write() as connection:
        connection.execute(update(run).where(run.c.id == claim.run_id).values(fence=run.c.fence + 1))
    with pytest.raises(FenceLostError):
        add(database, claim, pull, 1)
    with pytest.raises(FenceLostError):
        end(database, claim, pull)
    assert batches.batch_files(database, "p1") == []
    assert sources.pages_of(database, pull) == []


def test_a_mark_counts_for_the_same_control_file_and_target_and_when_no_page_is_missing(
    database: Database,
) -> None:
    for name, mark, failed in (("p1", "2026-01-01", 0), ("p2", "2026-02-01", 0), ("p3", "2026-03-01", 1)):
        claim, pull = begun(database, name, mark)
        end(database, claim, pull, failed)
    begun(database, "p4", "2026-04-01")  # not ended
    batch_of(database, "p5")
    assert sources.marks(database, "p5", "old", "old-site") == [("2026-02-01", "p2"), ("2026-01-01", "p1")]
    assert sources.marks(database, "p5", "other", "old-site") == []
    assert sources.marks(database, "p2", "old", "old-site") == [("2026-01-01", "p1")]
    batch_of(database, "p6", target="another")
    assert sources.marks(database, "p6", "old", "old-site") == []


def test_pages_stay_while_their_source_is_being_read_and_go_when_it_is_a_file(world: World) -> None:
    batch_id = world.batch()
    claim = world.claim(batch_id, "dry-run")
    pull = Pull(batch_id, "old", "old-site", "", "", 0, ended=False)
    sources.begin_pull(world.db, claim, pull)
    stored = held.put(world.db, world.blobs, [b"a page"])
    page = StoredPage(1, Digest(stored.digest), "{}", failed=False)
    sources.add_pages(world.db, claim, pull, [page], {page.digest: stored.size})
    world.let_pass(1)
    world.collect()
    assert world.there(page.digest)
    whole = held.put(world.db, world.blobs, [b"all of it"])
    sources.end_pull(world.db, claim, pull, whole, 0)
    world.let_pass(1)
    world.collect()
    assert not world.there(page.digest)
    assert world.there(whole.digest)
