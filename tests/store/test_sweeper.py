"""What a sweep rings for, and how it rings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from service.settings import JOB_RUN, JOB_TASK, load_settings
from service.store import journal, runs, steering
from service.store.blobs import DiskBlobs
from service.store.database import Database
from service.store.runs import RunOptions
from tests.store.support import batch_of
from worker.job import Workshop
from worker.limiters import Limiters
from worker.main import JOB_TIMEOUT, make_worker
from worker.sweeper import ring_run, sweep

HOUR = 3_600_000


class Queue:
    """Remembers what it was rung for."""

    def __init__(self, *, away: bool = False) -> None:
        self.rings: list[tuple[str, str, str]] = []
        self.away = away

    async def enqueue_job(self, job: str, subject: str, *, _job_id: str) -> None:
        if self.away:
            raise RedisConnectionError
        self.rings.append((job, subject, _job_id))

    @property
    def runs(self) -> list[str]:
        return sorted(subject for job, subject, _ in self.rings if job == JOB_RUN)


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Workshop:
    settings = load_settings(data_dir=tmp_path / "data", targets={})
    return Workshop(settings, database, DiskBlobs(tmp_path / "blobs"), Limiters(None), "one")


def scheduled(db: Database, name: str) -> str:
    return runs.schedule_run(
        db,
        batch_id=batch_of(db, name),
        mode="import",
        options=RunOptions(),
        key_id=1,
        inputs_digest="i",
    ).id


def rung(shop: Workshop) -> Queue:
    queue: Any = Queue()
    asyncio.run(sweep(shop, queue))
    found: Queue = queue
    return found


def test_it_rings_for_what_a_worker_should_hold_and_none_does(shop: Workshop, batch_id: str) -> None:
    db = shop.db
    new, given_back, dead, held, paused, ended, answered, left = (
        scheduled(db, f"b{n}") for n in range(10, 18)
    )
    claims = {}
    for one in (given_back, held, paused, ended, answered, left):
        claims[one] = runs.claim_run(db, one, "w", HOUR)
        assert claims[one] is not None
    assert runs.claim_run(db, dead, "w", -1) is not None
    runs.release_run(db, claims[given_back])  # type: ignore[arg-type]
    steering.request_pause(db, paused)
    runs.release_run(db, claims[paused])  # type: ignore[arg-type]
    runs.end_run(db, claims[ended], "finished")  # type: ignore[arg-type]
    runs.end_run(db, claims[answered], "finished")  # type: ignore[arg-type]
    journal.record_stray(db, answered, "1.1", 7, None)
    intent = journal.Intent("1.1", 1, 1, "create", "item", "d")
    journal.record_intents(db, claims[left], [intent])  # type: ignore[arg-type]
    runs.end_run(db, claims[left], "cancelled")  # type: ignore[arg-type]
    assert rung(shop).runs == sorted([new, given_back, dead, answered, left])


def test_every_ring_is_a_new_job(shop: Workshop, batch_id: str) -> None:
    """The queue takes an id that it knows for one job, and would swallow the second ring."""
    run_id = scheduled(shop.db, "b9")
    queue: Any = Queue()
    for _ in range(2):
        asyncio.run(sweep(shop, queue))
    asyncio.run(ring_run(queue, run_id))
    assert queue.runs == [run_id] * 3
    assert len({job_id for _, _, job_id in queue.rings}) == 3


def test_a_queue_that_is_away_is_no_error_to_who_rings(shop: Workshop) -> None:
    queue: Any = Queue(away=True)
    asyncio.run(ring_run(queue, "a run"))


def test_the_queue_never_ends_a_run_nor_repeats_one(shop: Workshop) -> None:
    async def functions() -> dict[str, Any]:
        return dict(make_worker(shop.settings, shop, None).functions)  # type: ignore[arg-type]

    made = asyncio.run(functions())
    assert set(made) == {JOB_RUN, JOB_TASK}
    for one in made.values():
        assert one.max_tries == 1
        assert one.timeout_s == JOB_TIMEOUT >= 7 * 24 * 3600
