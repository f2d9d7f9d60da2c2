"""The one fetcher: everything that this service asks of an address which somebody else wrote down.

Refused are addresses within the own network (after the name was resolved; the connection then goes to the
very address that was looked at), redirects to another site, and more bytes than allowed. Sites that the
settings name are trusted: whoever runs this service put them there.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit, urlunsplit

import httpx2
from msgspec import Struct

from service.settings import VERSION
from worker.errors import Reject, Retriable
from worker.outage_pages import why_away
from worker.targets.redact import excerpt, redact

MOST_REDIRECTS = 5
TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_CHUNK = 256 * 1024

Resolve = Callable[[str, int], list[str]]


def resolved(host: str, port: int) -> list[str]:
    """The numeric addresses of a host. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Reachable(Struct, frozen=True):
    """Whom may be asked, and how much may come."""

    largest: int
    """Bytes; more is refused."""
    trusted: frozenset[str] = frozenset()
    """Origins (`https://host:port`) that may stand within the own network."""


class Answer(Struct, frozen=True):
    """What an address answered, whatever it was. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher:
    """Blocking: use it in a thread."""

    def __init__(
        self, reachable: Reachable, resolve: Resolve = resolved, *, timeout: httpx2.Timeout = TIMEOUT
    ) -> None:
        self._reachable = reachable
        self._resolve = resolve
        self._timeout = timeout

    def chunks(self, address: str) -> Iterator[bytes]:
        """The bytes at an address, in pieces.

        Raises `Reject` (`fetch-refused`: it may not be asked, or answers that there is nothing;
        `fetch-too-large`) and `Retriable` (`fetch-failed`: it cannot be reached now).
        """
        here = _parts(address)
        for _ in range(MOST_REDIRECTS + 1):
            with self._asked(here) as answer:
                target = answer.headers.get("location") if 300 <= answer.status_code < 400 else None
                if target is None:
                    _require_success(answer, address)
                    yield from self._body(answer, address)
                    return
                why = why_away(target)
                if why is not None:
                    raise _failed(address, why)
                after = _parts(urljoin(urlunsplit(here), target))
                if _origin(after) != _origin(here):
                    raise _refused(address, f"it leads on to another site ({_origin(after)})")
                here = after
        raise _refused(address, "it leads on and on")

    def answer(self, address: str, secret: Mapping[str, str]) -> Answer:
        """The one answer of an address, not followed anywhere. `secret`: parameters of the query that are
        in no message.

        Raises as `chunks`, but no status is an error.
        """
        with self._asked(_parts(address), urlencode(secret)) as answer:
            body = b"".join(self._body(answer, address))
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status_code, headers, body)

    @contextmanager
    def _asked(self, here: SplitResult, secret: str = "") -> Iterator[httpx2.Response]:
        host, port = here.hostname or "", here.port or (443 if here.scheme == "https" else 80)
        number = self._allowed(here, host, port)
        shown = f"[{number}]" if ":" in number else number
        query = "&".join(part for part in (here.query, secret) if part)
        pinned = urlunsplit(here._replace(netloc=f"{shown}:{port}", query=query, fragment=""))
        headers = {"Host": here.netloc.rpartition("@")[2], "User-Agent": f"Accession/{VERSION}"}
        try:
            with (
                httpx2.Client(timeout=self._timeout, follow_redirects=False, trust_env=False) as client,
                client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": host}) as answer,
            ):
                yield answer
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            why = redact(str(error) or type(error).__name__)
            raise _failed(urlunsplit(here), why) from error

    def _allowed(self, here: SplitResult, host: str, port: int) -> str:
        """The numeric address that is asked."""
        try:
            numbers = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise _failed(urlunsplit(here), f"the name {host} is not known") from error
        if _origin(here) not in self._reachable.trusted:
            inside = [one for one in numbers if not ipaddress.ip_address(one.partition("%")[0]).is_global]
            if inside or not numbers:
                raise _refused(urlunsplit(here), "it is within this service's own network")
        return numbers[0]

    def _body(self, answer: httpx2.Response, address: str) -> Iterator[bytes]:
        size = 0
        for chunk in answer.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > self._reachable.largest:
                message = f"{excerpt(address)} sends more than {self._reachable.largest:,} bytes."
                raise Reject("fetch-too-large", message)
            yield chunk


def origin(address: str) -> str:
    """`https://host:port` of an address."""
    return _origin(_parts(address))


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        named = parts.hostname and parts.port != 0
    except ValueError:
        raise _refused(address, "it is no address") from None
    if parts.scheme not in {"http", "https"} or not named:
        raise _refused(address, "it is no address of the web")
    if parts.username is not None or parts.password is not None:
        raise _refused("(an address)", "it holds a user or a password")
    return parts


def _origin(parts: SplitResult) -> str:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def _require_success(answer: httpx2.Response, address: str) -> None:
    status = answer.status_code
    if status == 200:
        return
    if status == 429 or status >= 500:
        raise _failed(address, f"it answers {status}")
    raise _refused(address, f"it answers {status}")


def _refused(address: str, why: str) -> Reject:
    return Reject("fetch-refused", f"{excerpt(address)} cannot be fetched: {why}.")


def _failed(address: str, why: str) -> Retriable:
    return Retriable("fetch-failed", f"{excerpt(address)} could not be fetched: {excerpt(why)}.")
