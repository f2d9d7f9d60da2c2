from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from worker.errors import Fatal, Retriable
from worker.stopping import Stop, StoppedError
from worker.targets.http import (
    Caller,
    Failure,
    Outcome,
    Patience,
    Reply,
    TargetHttp,
    Tenure,
    parse_retry_after,
)
from worker.targets.limits import Limiter

from .scripted import answer, scripted

KEYS = {"key_identity": "IDENTITYIDENTITY", "key_credential": "CREDENTIAL/+&CREDENTIAL"}
QUICK = Patience(attempts=3, first_pause=0.0, longest_pause=0.0, jitter=0.0)


def _http(
    url: str, limiter: Limiter | None = None, timeout: float = 5.0, tenure: Tenure | None = None
) -> TargetHttp:
    return TargetHttp(
        f"{url}/api", KEYS, limiter or Limiter("t", 2), timeout, QUICK, caller=Caller(tenure=tenure)
    )


def _run(script: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(script(), 30))  # type: ignore[arg-type]


def judge(outcome: Outcome) -> int:
    if isinstance(outcome, Failure):
        raise Retriable("no-answer", outcome.detail)
    if outcome.status == 429:
        raise Retriable("busy", "busy", outcome.retry_after)
    if outcome.status != 200:
        raise Fatal("no", "no")
    return outcome.status


def test_the_key_travels_in_the_query_and_nowhere_else() -> None:
    async def script() -> None:
        async with scripted(answer(200)) as server:
            http = _http(server.url)
            await http.read("items", (("property[0][text]", "a b&c"),), judge)
            await http.write("POST", "items", b"{}")
            await http.close()
        read, write = server.asked
        keys = "key_identity=IDENTITYIDENTITY&key_credential=CREDENTIAL%2F%2B%26CREDENTIAL"
        assert read.target == f"/api/items?property%5B0%5D%5Btext%5D=a+b%26c&{keys}"
        assert (write.method, write.target, write.body) == ("POST", f"/api/items?{keys}", b"{}")
        assert write.headers["content-type"] == "application/json"
        assert "content-type" not in read.headers
        for asked in server.asked:
            assert not any("IDENTITY" in value or "CREDENTIAL" in value for value in asked.headers.values())

    _run(script)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    async def script() -> None:
        async with scripted(answer(status, b"", location="/install")) as server:
            http = _http(server.url)
            outcome = await http.write("POST", "items", b"{}")
            await http.close()
        assert isinstance(outcome, Reply)
        assert (outcome.status, outcome.headers["location"], len(server.asked)) == (status, "/install", 1)

    _run(script)


def test_no_cookie_is_ever_sent_back() -> None:
    async def script() -> None:
        async with scripted(answer(200, set_cookie="session=1; path=/")) as server:
            http = _http(server.url)
            await http.write("POST", "items", b"{}")
            await http.write("POST", "items", b"{}")
            await http.close()
        assert all("cookie" not in asked.headers for asked in server.asked)

    _run(script)


CUT_OFF = b"HTTP/1.1 200 X\r\ncontent-length: 9\r\nconnection: close\r\n\r\n["


@pytest.mark.parametrize("bad", [answer(429), answer(429, retry_after="0"), None, CUT_OFF])
def test_a_read_is_repeated_until_it_works(bad: bytes | None) -> None:
    async def script() -> None:
        async with scripted(bad, answer(200)) as server:
            http = _http(server.url)
            assert await http.read("items", (), judge) == 200
            await http.close()
        assert (len(server.asked), http.requests) == (2, 2)

    _run(script)


def test_a_read_gives_up_after_its_attempts_with_the_last_reason() -> None:
    async def script() -> None:
        async with scripted(answer(429, retry_after="0")) as server:
            http = _http(server.url)
            with pytest.raises(Retriable) as error:
                await http.read("items", (), judge)
            await http.close()
        assert (error.value.code, error.value.retry_after, len(server.asked)) == ("busy", 0.0, QUICK.attempts)

    _run(script)


def test_a_long_retry_after_is_left_to_the_caller() -> None:
    async def script() -> None:
        async with scripted(answer(429, retry_after="120")) as server:
            http = _http(server.url)
            with pytest.raises(Retriable) as error:
                await http.read("items", (), judge)
            await http.close()
        assert (error.value.retry_after, len(server.asked)) == (120.0, 1)

    _run(script)


def test_a_read_that_is_refused_is_not_repeated() -> None:
    async def script() -> None:
        async with scripted(answer(404)) as server:
            http = _http(server.url)
            with pytest.raises(Fatal):
                await http.read("items", (), judge)
            await http.close()
        assert len(server.asked) == 1

    _run(script)


@pytest.mark.parametrize("first", [answer(429), answer(500), answer(503), None])
def test_a_write_is_sent_once_whatever_comes(first: bytes | None) -> None:
    async def script() -> None:
        async with scripted(first, answer(200)) as server:
            http = _http(server.url)
            outcome = await http.write("POST", "items", b'{"a": 1}')
            await http.close()
        assert len(server.asked) == 1
        assert isinstance(outcome, Failure) == (first is None)
        assert (http.requests, http.bytes_sent) == (1, 8)

    _run(script)


def test_a_refused_connection_is_known_not_to_be_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        async def script() -> None:
            http = _http(url)
            outcome = await http.write("POST", "items", b"{}")
            await http.close()
            assert isinstance(outcome, Failure)
            assert (outcome.reason, outcome.sent) == ("unreachable", False)

        _run(script)


def test_an_unknown_host_is_known_not_to_be_sent() -> None:
    async def script() -> None:
        http = _http("http://no-such-host.invalid")
        outcome = await http.write("POST", "items", b"{}")
        await http.close()
        assert isinstance(outcome, Failure)
        assert (outcome.reason, outcome.sent) == ("unreachable", False)

    _run(script)


def test_a_timeout_may_have_been_sent() -> None:
    async def script() -> None:
        async with scripted(answer(200)) as server:
            server.hold = asyncio.Event()
            http = _http(server.url, timeout=0.2)
            outcome = await http.write("POST", "items", b"{}")
            await http.close()
        assert outcome == Failure("timeout", True, "no answer within 0.2 s")

    _run(script)


def test_an_answer_that_drips_for_ever_ends_at_the_time_limit() -> None:
    async def script() -> None:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
            try:
                while True:
                    writer.write(b"1\r\n[\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            except ConnectionError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        http = _http(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=0.3)
        outcome = await http.write("POST", "items", b"{}")
        await http.close()
        server.close()
        assert isinstance(outcome, Failure)
        assert (outcome.reason, outcome.sent) == ("timeout", True)

    _run(script)


def test_a_broken_compression_is_no_answer() -> None:
    async def script() -> None:
        async with scripted(answer(200, b"not gzip at all", content_encoding="gzip")) as server:
            http = _http(server.url)
            outcome = await http.write("POST", "items", b"{}")
            await http.close()
        assert isinstance(outcome, Failure)
        assert (outcome.reason, outcome.sent) == ("broken", True)

    _run(script)


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.targets.http.MAX_ANSWER", 1000)

    async def script() -> None:
        async with scripted(answer(200, b"x" * 1001)) as server:
            http = _http(server.url)
            outcome = await http.write("POST", "items", b"{}")
            await http.close()
        assert outcome == Failure("too-large", True, "the answer is larger than 1000 bytes")

    _run(script)


def test_no_log_at_any_level_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx2", "httpcore2", "httpcore2.http11", "httpcore2.connection", "stamina"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    link = '<http://h/api/items?key_identity=IDENTITYIDENTITY&key_credential=CREDENTIAL>; rel="next"'

    async def script() -> None:
        async with scripted(answer(429, link=link), answer(200, link=link)) as server:
            http = _http(server.url)
            await http.read("items", (), judge)
            await http.close()

    _run(script)
    assert any(record.name == "stamina" for record in caplog.records)
    assert "IDENTITY" not in caplog.text
    assert "CREDENTIAL" not in caplog.text


def test_no_more_requests_at_a_time_than_the_limit() -> None:
    async def script() -> None:
        async with scripted(answer(200)) as server:
            server.hold = asyncio.Event()
            http = _http(server.url, Limiter("t", 2))
            sends = [asyncio.create_task(http.write("POST", "items", b"{}")) for _ in range(7)]
            while len(server.asked) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            server.hold.set()
            await asyncio.gather(*sends)
            await http.close()
        assert (server.most_at_once, len(server.asked)) == (2, 7)

    _run(script)


@pytest.mark.parametrize("first", [answer(429), answer(503)])
def test_a_busy_target_gets_fewer_requests_at_a_time(first: bytes) -> None:
    async def script() -> None:
        limiter = Limiter("t", 2)
        async with scripted(first, answer(200)) as server:
            http = _http(server.url, limiter)
            assert limiter.allowed == 2
            await http.write("POST", "items", b"{}")
            assert limiter.allowed == 1
            await http.write("POST", "items", b"{}")
            await http.close()
        assert limiter.allowed == 2

    _run(script)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0", 0.0),
        ("-3", 0.0),
        ("1.5", 1.5),
        ("999999", 3600.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_whatever_it_says(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_may_be_a_moment() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    seconds = parse_retry_after(in_a_minute)
    assert seconds is not None
    assert 55 < seconds <= 60


class Lease:
    """A tenure that a test takes and gives."""

    def __init__(self) -> None:
        self.holds = True
        self.lost = False

    async def regained(self) -> None:
        while not self.holds:
            if self.lost:
                raise LookupError("another's")
            await asyncio.sleep(0.01)


def test_what_waited_for_a_slot_leaves_only_if_the_lease_still_holds_then() -> None:
    async def script() -> None:
        async with scripted(answer(200), answer(200), answer(200)) as server:
            lease, limiter = Lease(), Limiter("t", 1)
            http = _http(server.url, limiter, tenure=lease)
            async with limiter.slot():
                reading = asyncio.create_task(http.read("items", (), judge))
                writing = asyncio.create_task(http.write("POST", "items", b"{}"))
                await asyncio.sleep(0.05)
                lease.holds = False
            held_back = await writing
            assert isinstance(held_back, Failure)
            assert (held_back.reason, held_back.sent) == ("held", False)
            await asyncio.sleep(0.05)
            # The read waits, and without a slot: others may need it.
            assert (server.asked, limiter.in_use, http.requests) == ([], 0, 0)
            lease.holds = True
            assert await reading == 200
            assert [one.method for one in server.asked] == ["GET"]
            lease.holds, lease.lost = False, True
            with pytest.raises(LookupError):
                await http.read("items", (), judge)
            assert len(server.asked) == 1
            await http.close()

    _run(script)


def test_a_read_is_left_off_when_the_run_is_to_stop_also_before_its_next_try() -> None:
    async def script() -> None:
        for script_answer, hold in ((answer(200), asyncio.Event()), (answer(429, retry_after="2"), None)):
            async with scripted(script_answer) as server:
                server.hold = hold
                stop, limiter = Stop(), Limiter("t", 1)
                http = TargetHttp(f"{server.url}/api", KEYS, limiter, 60.0, caller=Caller(stop=stop))
                reading = asyncio.create_task(http.read("items", (), judge))
                while not server.asked or (hold is None and limiter.in_use):
                    await asyncio.sleep(0.01)
                stop.set("pause")
                with pytest.raises(StoppedError):
                    await asyncio.wait_for(reading, 1)
                assert (len(server.asked), limiter.in_use) == (1, 0)
                if hold is not None:
                    hold.set()
                await http.close()

    _run(script)


def test_a_write_under_way_is_awaited_and_none_is_begun_when_the_run_is_to_stop() -> None:
    async def script() -> None:
        async with scripted(answer(200)) as server:
            server.hold = asyncio.Event()
            stop, limiter = Stop(), Limiter("t", 1)
            http = TargetHttp(f"{server.url}/api", KEYS, limiter, 60.0, caller=Caller(stop=stop))
            writes = [asyncio.create_task(http.write("POST", "items", b"{}")) for _ in range(3)]
            while not server.asked:
                await asyncio.sleep(0.01)
            stop.set("pause")
            # Those that wait for their turn give it up at once.
            done, _ = await asyncio.wait(writes, timeout=0.5)
            assert len(done) == 2
            assert all(isinstance(one.exception(), StoppedError) for one in done)
            server.hold.set()
            await asyncio.wait(writes)
            answered = [one.result() for one in writes if one.exception() is None]
            assert [one.status for one in answered if isinstance(one, Reply)] == [200]
            with pytest.raises(StoppedError):
                await http.write("POST", "items", b"{}")
            assert (len(server.asked), limiter.in_use) == (1, 0)
            await http.close()

    _run(script)
