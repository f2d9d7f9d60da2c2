"""One target's HTTP: a pool of connections, limits, time limits, and repeats of what may be repeated.

- The key is added to the query at the last moment and to nothing else; every text that leaves this
  module is redacted.
- No redirect is ever followed (Omeka S sends 302 to a page that answers 200 when its database is
  down) and no address out of an answer is ever requested.
- Reads are repeated a few times, with growing pauses or as `Retry-After` says. **Writes are sent once.**
- Nothing is sent that the limiter holds back (quiet hours, a target that is away): a read then raises
  :class:`worker.errors.Held`, a write was not sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal, Protocol, TypeAlias, TypeVar, assert_never
from urllib.parse import urlencode

import httpx2
import stamina
from msgspec import Struct, field

from service.settings import VERSION
from worker.errors import Held, Reject, Retriable
from worker.stopping import Stop
from worker.targets.limits import Limiter, Slot
from worker.targets.multipart import Form
from worker.targets.redact import excerpt, redact, silence_http_loggers

silence_http_loggers()

T = TypeVar("T")

Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

SLOWEST_UPLOAD = 32 * 1024
"""Bytes a second: a request of many bytes may take as much longer as a slow line needs for them."""
MAX_ANSWER = 256 * 1024 * 1024
"""Bytes of a decoded answer. Beyond this it is no answer of an Omeka that we could use."""
CONNECT_TIMEOUT = 10.0
MAX_RETRY_AFTER = 3600.0
PATIENT_RETRY_AFTER = 2.0
"""Seconds of `Retry-After` that a read waits by itself; longer ones are the caller's to wait, who hears
meanwhile whether the answer is still wanted."""


class Reply(Struct, frozen=True):
    """What the target answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        return parse_retry_after(self.headers.get("retry-after"))


FailureReason = Literal["unreachable", "timeout", "broken", "too-large", "held"]


class Failure(Struct, frozen=True):
    """No answer. `sent`: whether the target may have got the request. `detail` is redacted.

    `held`: it was not to be sent now, or whether it may be is not certain.
    """

    reason: FailureReason
    sent: bool
    detail: str


Outcome: TypeAlias = Reply | Failure
Body: TypeAlias = bytes | Form | None


class _Request(Struct, frozen=True):
    method: Verb
    path: str
    query: tuple[tuple[str, str | int], ...] = ()
    body: Body = None
    headers: Mapping[str, str] = {}


class Tenure(Protocol):
    """The leave to send at all, which whoever sends may have lost without knowing it yet."""

    @property
    def holds(self) -> bool:
        """Whether it holds for certain at this moment."""
        ...

    async def regained(self) -> None:
        """Wait until it holds for certain; raise where it never will again."""
        ...


class Patience(Struct, frozen=True):
    """How reads are repeated: `attempts` in all, pauses in seconds."""

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 8.0
    jitter: float = 0.5


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class Caller(Struct, frozen=True):
    """For whom requests are sent.

    `pause` waits so many seconds, and raises when the caller does not want to go on; `urgent`: a person
    waits for the answer, so the pauses of an outage are not waited for; `tenure`: the leave to send, where it
    may be lost; `stop`: once that is set reads are left off and no write is begun (`StoppedError`), while a
    write that is under way is awaited.
    """

    pause: Callable[[float], Awaitable[None]] = _sleep
    urgent: bool = False
    tenure: Tenure | None = None
    stop: Stop = field(default_factory=Stop)


def _never(method: Verb, outcome: Outcome) -> str | None:
    return None


def parse_retry_after(value: str | None) -> float | None:
    """Seconds of a `Retry-After` (a number or an HTTP date), at most an hour; None when it says nothing."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = (when - datetime.now(UTC)).total_seconds()
    if seconds != seconds:  # not a number
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _no_cookies() -> CookieJar:
    # A session cookie would make PHP serialise our requests on its session file.
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


class TargetHttp:
    """HTTP to one target. `keys` go into the query of every request.

    `timeout` is the time in seconds that one request may take as a whole, from the moment it has a slot;
    files that are sent with it have time of their own.
    The caller's `tenure` is asked right before each request leaves: where it does not hold for certain a read
    waits, and a write is held back, since what it says may be stale when it holds again.
    """

    def __init__(
        self,
        api: str,
        keys: Mapping[str, str],
        limiter: Limiter,
        timeout: float,
        patience: Patience | None = None,
        *,
        caller: Caller | None = None,
        outage: Callable[[Verb, Outcome], str | None] = _never,
    ) -> None:
        """`outage`: why an outcome means that the target is away, for a person; None: it does not."""
        self._caller = caller or Caller()
        self._stop = self._caller.stop
        self._outage = outage
        self._api = api.rstrip("/")
        self._keys = dict(keys)
        self._limiter = limiter
        self._timeout = timeout
        self._patience = patience or Patience()
        self._secrets = tuple(value for value in keys.values() if value)
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout), pool=None),
            # The limiter decides how many requests run; the pool only keeps connections warm.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=4.0),
            follow_redirects=False,
            trust_env=False,
            cookies=_no_cookies(),
            headers={"User-Agent": f"Accession/{VERSION}", "Accept": "*/*"},
        )
        self.requests = 0
        self.bytes_sent = 0

    async def read(
        self, path: str, query: Iterable[tuple[str, str | int]], judge: Callable[[Outcome], T]
    ) -> T:
        """GET, repeated while `judge` raises :class:`Retriable`; what `judge` returns or finally raises.

        Raises :class:`Held` when nothing is to be sent now, `StoppedError` when the caller is to stop.
        """
        return await self._stop.unless(self._repeated(path, query, judge))

    async def _repeated(
        self, path: str, query: Iterable[tuple[str, str | int]], judge: Callable[[Outcome], T]
    ) -> T:
        patience = self._patience
        params = tuple(query)
        async for attempt in stamina.retry_context(
            on=_worth_repeating,
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_pause,
            wait_max=patience.longest_pause,
            wait_jitter=patience.jitter,
        ):
            with attempt:
                return judge(await self._send(_Request("GET", path, params)))
        raise AssertionError("stamina ends in a result or an exception")

    async def write(
        self, method: Verb, path: str, body: bytes | Form | None, headers: Mapping[str, str] | None = None
    ) -> Outcome:
        """Send a write, once, whatever comes of it. `body`: JSON, or a form with files; `headers`: further
        ones."""
        try:
            return await self._send(_Request(method, path, (), body, headers or {}))
        except Held as held:
            return Failure("held", False, held.message)

    async def close(self) -> None:
        await self._client.aclose()

    def redact(self, text: str) -> str:
        return redact(text, self._secrets)

    async def _send(self, request: _Request) -> Outcome:
        while True:
            tenure = self._caller.tenure
            try:
                async with AsyncExitStack() as stack:
                    slot_of = self._limiter.slot(urgent=self._caller.urgent)
                    # Others may be before it for long: the wish to stop is heard here too.
                    slot = await self._stop.unless(stack.enter_async_context(slot_of))
                    # Asked with the slot in hand: that may have been long in coming.
                    if tenure is None or tenure.holds:
                        return await self._send_now(slot, request)
            except Held as held:
                if held.hold.reason != "rate":
                    raise
                # Its turn comes later. Were it waited for by whoever asked for several things at once, all
                # of them would be asked for again.
                await self._caller.pause(held.hold.seconds)
                continue
            if request.method != "GET":
                return Failure("held", False, "Whether the run is still this worker's is not certain.")
            # Without a slot: whoever has the run by now needs it.
            await tenure.regained()

    async def _send_now(self, slot: Slot, request: _Request) -> Outcome:
        body = request.body
        self.requests += 1
        self.bytes_sent += body.length if isinstance(body, Form) else len(body or b"")
        started = time.monotonic()
        outcome = await self._exchange(request)
        self._tell(slot, request.method, outcome, time.monotonic() - started)
        return outcome

    async def _exchange(self, wanted: _Request) -> Outcome:
        body = wanted.body
        # Written out at once: the library would parse and copy the address for each parameter set.
        parameters = urlencode([*wanted.query, *self._keys.items()])
        request = self._client.build_request(
            wanted.method,
            f"{self._api}/{wanted.path}?{parameters}",
            content=body.chunks() if isinstance(body, Form) else body,
            headers={**_headers(body), **wanted.headers},
        )
        longer = body.length / SLOWEST_UPLOAD if isinstance(body, Form) else 0.0
        try:
            async with asyncio.timeout(self._timeout + longer):
                response = await self._client.send(request, stream=True)
                try:
                    return await self._receive(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return Failure("timeout", True, f"no answer within {self._timeout:g} s")
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            # Raised before a byte of the request is written.
            return Failure("unreachable", False, self._say(error))
        except httpx2.TimeoutException as error:
            return Failure("timeout", True, self._say(error))
        except (httpx2.RequestError, httpx2.StreamError) as error:
            return Failure("broken", True, self._say(error))
        except (OSError, Reject) as error:
            # Of a file that is sent: the target has got a part of the request at most, and answers nothing.
            return Failure("broken", True, self._say(error))

    async def _receive(self, response: httpx2.Response) -> Outcome:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_ANSWER:
                return Failure("too-large", True, f"the answer is larger than {MAX_ANSWER} bytes")
            chunks.append(chunk)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, b"".join(chunks))

    def _tell(self, slot: Slot, method: Verb, outcome: Outcome, seconds: float) -> None:
        """Tell the limiter how the target bore it, and whether it is there."""
        match outcome:
            case Reply(status=429 | 503) | Failure(reason="timeout"):
                slot.strained()
            case Reply(status=status) if status < 500 and method != "GET":
                slot.bore(seconds)  # only the times of writes are alike enough to compare
            case _:
                pass
        why = self._outage(method, outcome)
        if why is not None:
            slot.away(self.redact(why))
        elif isinstance(outcome, Reply):
            slot.answered()
        if isinstance(outcome, Reply) and outcome.retry_after and (why or outcome.status in {429, 503}):
            asked = f"The target asks to be left alone for {outcome.retry_after:.0f} s ({outcome.status})."
            slot.asked(outcome.retry_after, asked)

    def _say(self, error: Exception) -> str:
        return excerpt(self.redact(str(error) or type(error).__name__))


def _headers(body: Body) -> dict[str, str]:
    match body:
        case None:
            return {}
        case bytes():
            return {"Content-Type": "application/json"}
        case Form():
            return {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        case _:
            assert_never(body)


def _worth_repeating(error: Exception) -> bool | float:
    """For stamina: whether a read is repeated, and after how many seconds where the target said so."""
    if not isinstance(error, Retriable):
        return False
    if error.retry_after is None:
        return True
    return error.retry_after if error.retry_after <= PATIENT_RETRY_AFTER else False
