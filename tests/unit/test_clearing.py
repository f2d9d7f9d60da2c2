"""One worker clears up, once in a while, whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from service.settings import Settings
from service.store.blobs import DiskBlobs
from service.store.database import Database, StoreUnavailableError
from worker import clearing
from worker.job import Workshop
from worker.limiters import Limiters


class Queue:
    """As much of Redis as a turn needs; time stands still."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.lasts: list[int] = []
        self.away = 0

    async def set(self, key: str, value: str, *, nx: bool, px: int) -> bool | None:
        if self.away:
            self.away -= 1
            raise RedisConnectionError
        if nx and key in self.held:
            return None
        self.held[key] = value
        self.lasts.append(px)
        return True


def shop(db: Database, folder: Path, name: str, hours: float = 24.0) -> Workshop:
    settings = Settings(data_dir=folder, retention_every=hours)
    return Workshop(settings, db, DiskBlobs(folder / "blobs"), Limiters(None), name)


async def for_a_while(queue: Queue, *shops: Workshop) -> None:
    workers = [asyncio.create_task(clearing.clear_for_ever(one, queue)) for one in shops]  # type: ignore[arg-type]
    await asyncio.sleep(0.2)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


@pytest.fixture
def cleared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    async def clear(shop: Workshop) -> None:
        done.append(shop.name)

    monkeypatch.setattr(clearing, "clear", clear)
    monkeypatch.setattr(clearing, "LOOK", 0.01)
    return done


def test_of_several_workers_one_clears_up(sqlite: Database, tmp_path: Path, cleared: list[str]) -> None:
    queue = Queue()
    asyncio.run(for_a_while(queue, shop(sqlite, tmp_path, "one"), shop(sqlite, tmp_path, "two")))
    assert (len(cleared), queue.lasts) == (1, [24 * 3600 * 1000])


def test_when_its_time_is_over_it_is_done_again(sqlite: Database, tmp_path: Path, cleared: list[str]) -> None:
    queue = Queue()
    asyncio.run(for_a_while(queue, shop(sqlite, tmp_path, "one")))
    queue.held.clear()
    asyncio.run(for_a_while(queue, shop(sqlite, tmp_path, "two")))
    assert cleared == ["one", "two"]


def test_it_can_be_switched_off(sqlite: Database, tmp_path: Path, cleared: list[str]) -> None:
    asyncio.run(for_a_while(Queue(), shop(sqlite, tmp_path, "one", hours=0)))
    assert cleared == []


def test_a_queue_that_is_away_is_asked_again(
    sqlite: Database, tmp_path: Path, cleared: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue()
    queue.away = 2
    with caplog.at_level(logging.WARNING):
        asyncio.run(for_a_while(queue, shop(sqlite, tmp_path, "one")))
    assert cleared == ["one"]
    assert caplog.text.count("clearing up left off (ConnectionError)") == 2


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), RuntimeError("a fault of ours")])
def test_a_failure_ends_nothing_else(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked: list[str] = []

    def collect(*_: Any, **__: Any) -> Any:
        asked.append("")
        raise error

    class Forgetful(Queue):
        async def set(self, key: str, value: str, *, nx: bool, px: int) -> bool | None:
            return True

    monkeypatch.setattr(clearing, "collect", collect)
    monkeypatch.setattr(clearing, "LOOK", 0.01)
    asyncio.run(for_a_while(Forgetful(), shop(sqlite, tmp_path, "one")))
    assert len(asked) > 1


def test_a_worker_that_is_stopped_stops_it(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def collect(*_: Any, stop: Any, **__: Any) -> list[Any]:
        while not stop():
            threading.Event().wait(0.005)
        ended.set()
        return []

    monkeypatch.setattr(clearing, "collect", collect)
    asyncio.run(for_a_while(Queue(), shop(sqlite, tmp_path, "one")))
    assert ended.wait(10)
