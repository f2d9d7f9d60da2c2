from __future__ import annotations

import asyncio

import pytest

from worker.cancelling import end_tasks


async def _deaf(times: int, heard: list[int]) -> None:
    """Goes on where a cancellation is swallowed, as the queue's client does now and then."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append(len(heard))
            if len(heard) > times:
                raise


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_task_that_swallows_a_cancellation_ends_all_the_same(times: int) -> None:
    heard: list[int] = []

    async def run() -> None:
        task = asyncio.create_task(_deaf(times, heard))
        await asyncio.sleep(0)
        await asyncio.wait_for(end_tasks(task, again=0.01), 30)
        assert task.done()

    asyncio.run(run())
    assert len(heard) == times + 1


def test_what_has_ended_by_itself_raises_nothing() -> None:
    async def fail() -> None:
        raise ValueError("nobody's any more")

    async def run() -> None:
        failed = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await end_tasks(failed)
        await end_tasks()

    asyncio.run(run())


def test_a_cancellation_in_the_turn_of_the_answer_is_dropped_by_the_language_and_heard_here() -> None:
    """The very race: without a second cancellation this listener would listen for ever."""

    async def run() -> None:
        rung = asyncio.Event()
        turns = 0

        async def listen() -> None:
            nonlocal turns
            while True:
                await asyncio.wait_for(rung.wait(), 60)
                rung.clear()
                turns += 1

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.01)
        rung.set()
        await asyncio.sleep(0)  # what was waited for is there, and the listener has not had its turn
        await end_tasks(task, again=0.01)
        assert task.cancelled()

    asyncio.run(asyncio.wait_for(run(), 30))
