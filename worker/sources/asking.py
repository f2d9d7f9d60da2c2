"""Requests to a source: at its own address only, repeated while that may help, judged alike for any Omeka."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import anyio.to_thread
import httpx2

from service.settings import SourceSettings
from worker.errors import Fatal, Reject, Retriable
from worker.fetching import Answer, Fetcher, Reachable, origin
from worker.records import Json
from worker.sources.pages import Entry, Listed
from worker.stopping import Stop, StoppedError
from worker.targets.backoff import pause
from worker.targets.http import MAX_ANSWER, parse_retry_after
from worker.targets.redact import excerpt, redact

TRIES = 5
MOST_TIMEOUTS = 10
"""How many times its time limit without a byte a request may take in all."""
LONGEST_RETRY_AFTER = 120.0
"""Seconds of a `Retry-After` that are waited; a source that asks for more is asked again after these."""
_NEXT = re.compile(r"""rel=["']?next\b""", re.IGNORECASE)
_LAST = re.compile(r"""[?&]page=(\d+)[^>]*>\s*;\s*rel=["']?last\b""", re.IGNORECASE)

Query = Sequence[tuple[str, str | int]]


class Refusal(Reject):
    """The source has answered, and will answer the same again: `status` says what."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(code, message)
        self.status = status


class SourceHttp:
    """Asks one source, one request at a time. Every message is without its key."""

    def __init__(self, name: str, settings: SourceSettings, stop: Stop) -> None:
        self.name = name
        self.site = settings.site
        self.has_key = bool(settings.keys)
        self._api = settings.api
        self._keys = settings.keys
        self._pause = settings.pause
        self._stop = stop
        self._asked_at = 0.0
        self.requests = 0
        self._longest = MOST_TIMEOUTS * settings.timeout
        timeout = httpx2.Timeout(settings.timeout, connect=min(10.0, settings.timeout))
        # Whoever runs this service has named it, so it may stand within the own network.
        reachable = Reachable(MAX_ANSWER, frozenset({origin(settings.site)}))
        self._fetcher = Fetcher(reachable, timeout=timeout)

    async def json(
        self, path: str, query: Query = (), *, tries: int = TRIES
    ) -> tuple[Json, Mapping[str, str]]:
        """The JSON at a path of the API, and the headers of the answer.

        Raises `Refusal` (4xx), `Retriable` where it failed `tries` times in a row, `Fatal` for a key that
        is not known, `StoppedError`.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._ask(path, query)
                return self._judged(path, answer), answer.headers
            except Retriable as error:
                if attempt >= tries:
                    raise
                asked = error.retry_after
                wait = pause(attempt, None if asked is None else min(asked, LONGEST_RETRY_AFTER))
                if await self._stop.wait(wait):
                    raise StoppedError from None

    async def _ask(self, path: str, query: Query) -> Answer:
        rest = self._asked_at + self._pause - time.monotonic()
        if self._stop or (rest > 0 and await self._stop.wait(rest)):
            raise StoppedError
        parameters = urlencode(query)
        address = f"{self._api}/{path}" + (f"?{parameters}" if parameters else "")
        self.requests += 1
        try:
            async with asyncio.timeout(self._longest):
                return await self._stop.unless(self._answer(address))
        except TimeoutError as error:
            message = f"{self.site}: {path} did not end within {self._longest:.0f} s."
            raise Retriable("source-failed", message) from error
        except Retriable as error:
            raise Retriable("source-down", self._hide(error.message)) from error
        except Reject as error:
            raise Fatal("source-refused", self._hide(error.message)) from error
        finally:
            self._asked_at = time.monotonic()

    async def _answer(self, address: str) -> Answer:
        # A read that is left off does no harm: its thread ends by itself.
        return await anyio.to_thread.run_sync(
            self._fetcher.answer, address, self._keys, abandon_on_cancel=True
        )

    def _judged(self, path: str, answer: Answer) -> Json:
        status = answer.status
        if status == 200:
            try:
                body: Json = json.loads(answer.body)
            except (ValueError, RecursionError):
                raise self._failed(path, "answers with a page instead of JSON", answer) from None
            return body
        if status == 429 or status >= 500:
            raise self._failed(path, f"answers {status}", answer)
        if 300 <= status < 400:
            raise self._failed(path, f"leads elsewhere ({status}), which is not followed", answer)
        message = self._said(answer)
        if status in (401, 403) and self.has_key:
            raise Refusal(
                "source-key-refused",
                f"The source “{self.name}” ({self.site}) does not let its key read {path} "
                f"({status}{message}). "
                "See that the key is right, that it is active, and that its API is on.",
                status,
            )
        text = f"The source “{self.name}” ({self.site}) answers {status} for {path}{message}."
        raise Refusal("source-refused", text, status)

    def _failed(self, path: str, what: str, answer: Answer) -> Retriable:
        asked = parse_retry_after(answer.headers.get("retry-after"))
        message = f"{self.site}: {path} {what}{self._said(answer)}."
        return Retriable("source-failed", message, asked)

    def _said(self, answer: Answer) -> str:
        """The message that a body of JSON bears, for a person."""
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError):
            return ""
        said = body.get("message") if isinstance(body, dict) else None
        return f": {excerpt(self._hide(said))}" if isinstance(said, str) and said else ""

    def _hide(self, text: str) -> str:
        return redact(text, self._keys.values())


def listed(body: Json, headers: Mapping[str, str], total_header: str) -> Listed:
    """A page of a list. Raises `Retriable` where the body is none.

    What `Link` says is looked at, never asked: whether there is a next page, and how many there are.
    """
    if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
        raise Retriable("source-failed", "The answer is not a list of records.")
    entries: tuple[Entry, ...] = tuple(entry for entry in body if isinstance(entry, dict))
    link = headers.get("link", "")
    total = headers.get(total_header, "")
    last = _LAST.search(link)
    return Listed(
        entries,
        bool(_NEXT.search(link)) and bool(entries),
        int(total) if total.isdecimal() else 0,
        int(last[1]) if last else 0,
    )
