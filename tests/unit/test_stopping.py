from __future__ import annotations

import asyncio

import pytest

from worker.stopping import Stop, StoppedError


async def forever(seen: list[str]) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        seen.append("left off")
        await asyncio.sleep(0)
        seen.append("cleaned up")
        raise


def test_a_call_is_left_off_when_the_run_is_to_stop() -> None:
    async def check() -> None:
        stop, seen = Stop(), list[str]()
        asyncio.get_running_loop().call_later(0.01, stop.set, "pause")
        with pytest.raises(StoppedError):
            await stop.unless(forever(seen))
        # What it held is given back before anything else is done.
        assert seen == ["left off", "cleaned up"]

    asyncio.run(check())


def test_no_call_is_begun_once_the_run_is_to_stop() -> None:
    async def check() -> None:
        stop, seen = Stop(), list[str]()
        stop.set("cancel")
        with pytest.raises(StoppedError):
            await stop.unless(forever(seen))
        assert seen == []

    asyncio.run(check())


def test_a_call_that_ends_gives_its_result_or_its_own_failure() -> None:
    async def check() -> None:
        async def answer() -> int:
            await asyncio.sleep(0)
            return 7

        async def failure() -> int:
            raise ValueError

        stop = Stop()
        assert await stop.unless(answer()) == 7
        with pytest.raises(ValueError):
            await stop.unless(failure())

    asyncio.run(check())


def test_whoever_is_cancelled_from_elsewhere_is_cancelled_and_not_stopped() -> None:
    async def check() -> None:
        stop, seen = Stop(), list[str]()
        task = asyncio.create_task(stop.unless(forever(seen)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["left off", "cleaned up"]

    asyncio.run(check())


def test_what_belongs_to_the_end_of_a_run_goes_on_unless_the_run_is_lost() -> None:
    async def check() -> None:
        stop, seen = Stop(), list[str]()
        stop.set("cancel")
        assert stop
        stop.heard()
        assert not stop
        stop.set("pause")  # the next heartbeat
        assert (bool(stop), stop.reason) == (False, "cancel")
        assert not await stop.wait(0)
        asyncio.get_running_loop().call_later(0.01, stop.set, "lost")
        with pytest.raises(StoppedError):
            await stop.unless(forever(seen))
        stop.heard()
        assert (bool(stop), stop.reason) == (True, "lost")

    asyncio.run(check())
