"""How a run waits for its target: for how long, what it says, and how many requests that costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from service.settings import load_settings
from service.store import logs, runs
from service.store.database import Database
from service.store.tables import api_key, blob
from tests.store.support import batch_of, claimed
from tests.unit.targets.scripted import Scripted, answer, scripted
from tests.unit.targets.test_schedule import window
from worker.applying.outage import Outage
from worker.context import RunContext, RunLog
from worker.errors import Fatal, Retriable
from worker.stopping import Stop, StoppedError, StopReason
from worker.targets.backoff import SCATTER
from worker.targets.breaker import OPENS_AFTER, Breaker
from worker.targets.http import Caller, Outcome, Patience, Reply, TargetHttp, Verb
from worker.targets.limits import Limiter
from worker.targets.schedule import Schedule

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LUNCH = Schedule(4, None, [window("mon-sun", "12:00", "13:00")], "Europe/London")
DOWN = "The web server got no answer."


class Hall:
    """A database with runs, and one target that they share."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now = NOON
        self.limiter = Limiter("museum", LUNCH, now=lambda: self.now)
        self.breaker: Breaker = self.limiter._breaker
        self.after_lunch()
        with db.write() as connection:
            connection.execute(
                insert(api_key).values(id=1, label="nightly", prefix="p", digest="d", scopes="", created_at=0)
            )
            connection.execute(insert(blob).values(digest="c", size=1, created_at=0))

    def at_lunch(self) -> None:
        self.now = NOON

    def after_lunch(self) -> None:
        self.now = NOON + timedelta(hours=1)

    def run(self, name: str = "a", *, wrote: bool = False, **settings: Any) -> Outage:
        claim = claimed(self.db, batch_of(self.db, name, "museum"), mode="import")
        context = RunContext(self.db, claim, "museum", RunLog(claim.run_id, 0), Stop())
        return Outage(context, load_settings(**settings), self.limiter, wrote=wrote)

    def break_down(self, times: int = OPENS_AFTER) -> None:
        for _ in range(times):
            self.breaker.away(self.breaker.enter(), DOWN)

    def waiting(self, outage: Outage) -> tuple[str, str | None]:
        facts = runs.run_facts(self.db, outage._context.claim.run_id)
        assert facts is not None
        return facts.state, facts.waiting_for

    def said(self, outage: Outage) -> list[str]:
        outage._context.flush()
        return [line.code for line in logs.read_log(self.db, outage._context.claim.run_id)]


@pytest.fixture
def hall(sqlite: Database) -> Iterator[Hall]:
    yield Hall(sqlite)


def run(script: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(script(), 40))  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


# --- how many requests an outage costs --------------------------------------------------------------

GATEWAY = answer(502, b"<html>bad gateway</html>")


def away(method: Verb, outcome: Outcome) -> str | None:
    return None if isinstance(outcome, Reply) and outcome.status == 200 else DOWN


def judge(outcome: Outcome) -> int:
    if away("GET", outcome):
        raise Retriable("target-bad-gateway", DOWN)
    return 1


def test_the_senders_of_all_runs_send_one_probe_a_pause_in_an_outage(hall: Hall) -> None:
    """3 runs of 8 senders in an outage of 4 seconds."""
    lasts, began = 4.0, time.monotonic()
    asked_at: list[float] = []

    async def script() -> Scripted:
        outages = [hall.run(name, outage=60.0) for name in ("a", "b", "c")]

        def respond(_: object) -> bytes:
            asked_at.append(time.monotonic() - began)
            return GATEWAY if asked_at[-1] < lasts else answer(200)

        async with scripted(respond) as server:
            https = [
                TargetHttp(
                    f"{server.url}/api",
                    {},
                    hall.limiter,
                    5.0,
                    Patience(),
                    caller=Caller(one.pause),
                    outage=away,
                )
                for one in outages
            ]
            reads = [
                one.patiently(lambda http=http: http.read("items", (), judge))  # type: ignore[misc]
                for one, http in zip(outages, https, strict=True)
                for _ in range(8)
            ]
            assert await asyncio.gather(*reads) == [1] * 24
            for http in https:
                await http.close()
            return server

    run(script)
    during = [moment for moment in asked_at if moment < lasts]
    # Those that open it, those under way beside them, and the probes: the pauses are 2 s, 4 s … but for
    # chance.
    probes, left, pause = 0, lasts, 2.0
    while left > 0:
        probes, left, pause = probes + 1, left - pause * (1 - SCATTER), pause * 2
    assert len(during) <= OPENS_AFTER + hall.limiter.allowed + probes, during
    assert len(during) > OPENS_AFTER, "a probe was sent at all"
    assert len(asked_at) == len(during) + 24


# --- patience ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrote", "words"),
    [
        (False, "It did not come back within 0 s. Nothing was written. Schedule the batch again once"),
        (True, "What was written stands. Schedule the batch again once the target is back, or undo it."),
    ],
)
def test_a_run_gives_up_in_the_end_and_says_what_to_do(hall: Hall, wrote: bool, words: str) -> None:
    patience = {"outage": 30.0, "outage_after_write": 0.3} if wrote else {"outage": 0.3}
    outage = hall.run(wrote=wrote, **patience)

    async def script() -> None:
        async def never() -> None:
            raise Retriable("target-bad-gateway", DOWN)

        with pytest.raises(Fatal) as fatal:
            await outage.patiently(never)
        assert fatal.value.code == "target-down"
        assert fatal.value.message.startswith(DOWN)
        assert words in fatal.value.message

    run(script)


def test_what_the_target_asks_for_is_waited_for_although_patience_is_shorter(hall: Hall) -> None:
    outage = hall.run(outage=0.3)

    async def script() -> None:
        began = time.monotonic()
        await outage.wait(1, DOWN, 1.0)
        assert time.monotonic() - began >= 1.0
        with pytest.raises(Fatal):
            await outage.wait(2, DOWN, 1.0)

    run(script)
    assert hall.said(outage) == ["target-down"]


def test_a_run_whose_patience_is_shorter_than_the_pause_of_others_looks_for_itself(hall: Hall) -> None:
    hall.break_down(9)  # the pauses of a long outage
    calls: list[float] = []

    async def script(works: bool) -> None:
        outage = hall.run(f"works {works}", outage=0.3)

        async def call() -> None:
            async with hall.limiter.slot() as slot:
                calls.append(1)
                if works:
                    slot.answered()
                    return
                slot.away(DOWN)
            raise Retriable("target-bad-gateway", DOWN)

        if works:
            await outage.patiently(call)
        else:
            with pytest.raises(Fatal):
                await outage.patiently(call)

    hall.breaker._until = time.monotonic() + 50
    run(lambda: script(False))
    assert len(calls) == 1
    hall.breaker._until = time.monotonic() + 50
    run(lambda: script(True))
    assert (len(calls), hall.limiter.away) == (2, False)


def test_quiet_hours_in_an_outage_are_no_part_of_it(hall: Hall) -> None:
    outage = hall.run(outage=0.6)

    async def script() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(outage.wait(1, DOWN, None), 0.1)
        hall.at_lunch()
        senders = [asyncio.create_task(outage.admitted()) for _ in range(5)]
        await asyncio.sleep(1.2)
        hall.after_lunch()
        await asyncio.gather(*senders)
        await outage.wait(2, DOWN, None)  # a tenth of a second of patience was used up, not more
        await asyncio.sleep(0.6)
        with pytest.raises(Fatal):
            await outage.wait(3, DOWN, None)

    run(script)


# --- when a wait ends -------------------------------------------------------------------------------


def test_an_answer_to_another_ends_the_pause_of_all(hall: Hall) -> None:
    async def script() -> None:
        outage, other = hall.run("a"), hall.run("b")
        hall.break_down()
        pauses = [asyncio.create_task(one.wait(6, DOWN, None)) for one in (outage, outage, other)]
        asked = asyncio.create_task(outage.wait(1, DOWN, 3.0))
        await asyncio.sleep(0.6)
        assert not any(task.done() for task in pauses)
        hall.breaker.answered()
        await outage.over()
        await asyncio.wait_for(asyncio.gather(*pauses), 2.0)
        assert not asked.done(), "what the target asked of this request is kept"
        outage.leave_off()
        with pytest.raises(StoppedError):
            await asked

    run(script)


WAITS = ("quiet", "down", "asked", "backing off", "turn")


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize("reason", ["cancel", "pause", "shutdown", "left off"])
def test_every_wait_ends_within_a_second_when_the_run_is_to_stop(hall: Hall, wait: str, reason: Any) -> None:
    async def script() -> None:
        outage = hall.run(outage_after_write=3600.0, wrote=True)
        match wait:
            case "quiet":
                hall.at_lunch()
                task = asyncio.create_task(outage.admitted())
            case "down":
                hall.break_down(9)
                task = asyncio.create_task(outage.admitted())
            case "asked":
                hall.breaker.asked(60.0, "Busy.")
                task = asyncio.create_task(outage.admitted())
            case "backing off":
                task = asyncio.create_task(outage.wait(8, DOWN, None))
            case _:
                task = asyncio.create_task(outage.pause(60.0))
        await asyncio.sleep(0.5)
        assert not task.done()
        if reason == "left off":
            outage.leave_off()
        else:
            stop: StopReason = reason
            outage._context.stop.set(stop)
        with pytest.raises(StoppedError):
            await asyncio.wait_for(task, 1.0)

    run(script)


# --- what is seen of it -----------------------------------------------------------------------------


def test_quiet_hours_are_said_once_by_all_senders_and_end_by_themselves(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = hall.run()
    written: list[object] = []
    there = runs.set_waiting

    def set_waiting(db: Any, claim: Any, why: Any, moment: Any) -> None:
        written.append((why, moment))
        there(db, claim, why, moment)

    monkeypatch.setattr(runs, "set_waiting", set_waiting)

    async def script() -> None:
        hall.at_lunch()
        senders = [asyncio.create_task(outage.admitted()) for _ in range(8)]
        await until(lambda: hall.waiting(outage)[0] == "waiting")
        await asyncio.sleep(0.6)
        why = "Quiet hours of museum until 13:00 Europe/London (2026-11-26 13:00 UTC)."
        assert hall.waiting(outage) == ("waiting", why)
        assert not any(task.done() for task in senders)
        hall.after_lunch()
        await asyncio.gather(*senders)
        assert hall.waiting(outage) == ("running", None)

    run(script)
    assert hall.said(outage) == ["target-quiet", "quiet-over"]
    assert len(written) == 2


def test_an_outage_says_why_until_when_and_how_long_it_was(hall: Hall) -> None:
    outage = hall.run()

    async def script() -> None:
        pausing = asyncio.create_task(outage.wait(4, DOWN, None))
        await until(lambda: hall.waiting(outage)[0] == "waiting")
        assert hall.waiting(outage) == ("waiting", DOWN)
        facts = runs.run_facts(hall.db, outage._context.claim.run_id)
        assert facts is not None
        assert facts.waiting_until is not None
        assert 1.0 < facts.waiting_until / 1000 - time.time() < 6.0
        await outage.over()
        await pausing
        assert hall.waiting(outage) == ("running", None)

    run(script)
    outage._context.flush()
    first, last = logs.read_log(hall.db, outage._context.claim.run_id)
    assert (first.code, first.level, last.code) == ("target-down", "warning", "target-back")
    assert first.message.startswith(f"{DOWN} Waiting for it; it is asked again in ")
    assert last.message.startswith("The target answers again after ")


def test_a_run_that_goes_on_is_not_left_waiting_by_a_sender_that_was_slow_to_say_so(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = hall.run()
    there = runs.set_waiting

    def slow(db: Any, claim: Any, why: Any, moment: Any) -> None:
        if why is not None:
            time.sleep(0.4)
        there(db, claim, why, moment)

    monkeypatch.setattr(runs, "set_waiting", slow)

    async def script() -> None:
        pausing = asyncio.create_task(outage.wait(4, DOWN, None))
        await asyncio.sleep(0.1)
        await outage.over()
        await pausing
        assert hall.waiting(outage) == ("running", None)

    run(script)
