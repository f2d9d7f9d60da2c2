"""Who asks, and what they may: keys, scopes, throttling of failures, requests of foreign pages.

A route says which scope it wants; nothing is decided by the request's URL, which is the client's word.
Neither a key nor any part of a wrong one is ever logged.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ApiError, Problem, error_response, refusal
from service.store.database import Database, StoreUnavailableError
from service.store.keys import Key, find_key, record_use
from service.store.keys import Scope as KeyScope

logger = logging.getLogger(__name__)

USER = "haplo"
Realm = Literal["Accession", "Accession admin"]
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

WINDOW = 60.0
"""Seconds during which failed keys are counted."""
MOST_ADDRESSES = 10_000
"""Addresses remembered at a time: whoever has more than that is not stopped by counting."""
USE_INTERVAL = 60.0
"""Seconds between two notes of a key's use: reading must not become writing."""


class Throttle:
    """Counts failed keys by address. A valid key never comes here."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, address: str) -> int | None:
        """Note a failure; the seconds to wait when there were too many, else None."""
        now = time.monotonic()
        failures = self._failures.setdefault(address, deque())
        self._failures.move_to_end(address)
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        while failures and failures[0] <= now - WINDOW:
            failures.popleft()
        if len(failures) >= self._per_minute:
            return max(1, round(failures[0] + WINDOW - now))
        failures.append(now)
        return None


class Doorkeeper:
    """Finds the key of a request, or refuses it."""

    def __init__(self, db: Database, failed_keys_per_minute: int, trusted_proxies: Sequence[str]) -> None:
        """`trusted_proxies`: addresses or networks whose `X-Forwarded-For` is believed."""
        self._db = db
        self._throttle = Throttle(failed_keys_per_minute)
        self._proxies = [ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._noted: dict[int, float] = {}

    async def identify(self, request: Request, realm: Realm = "Accession") -> Key:
        """Raises `ApiError` 401 without a valid key, 429 after too many wrong ones from one address."""
        presented = presented_key(request.headers.get("authorization"), bearer=realm == "Accession")
        if presented is None:
            raise _unauthorized(
                realm,
                "key-missing",
                f"An API key is needed: HTTP Basic with the user {USER} and the key as password"
                " (curl --user haplo:KEY), or Authorization: Bearer KEY.",
            )
        return await self.recognise(request, presented, realm)

    async def recognise(self, request: Request, presented: str, realm: Realm = "Accession") -> Key:
        """The key that was presented, whichever way. Raises `ApiError` as `identify` does."""
        key = await self._db.run(find_key, presented)
        if key is None:
            wait = self._throttle.failed(client_address(request, self._proxies))
            if wait is not None:
                message = f"Too many wrong keys came from this address. Try again in {wait} seconds."
                raise ApiError(429, [Problem(message, "key-throttled")], {"Retry-After": str(wait)})
            raise _unauthorized(
                realm,
                "key-unknown",
                f"The API key is unknown or was revoked, or the user is not {USER}. Check it, or make one:"
                " accession keys create LABEL.",
            )
        await self.note_use(key)
        return key

    async def note_use(self, key: Key) -> None:
        """Remember when the key was last used, to the minute."""
        now = time.monotonic()
        if now - self._noted.get(key.id, -USE_INTERVAL) < USE_INTERVAL:
            return
        self._noted[key.id] = now
        try:
            await self._db.run(record_use, key.id)
        except StoreUnavailableError:
            logger.warning("The use of key %s could not be noted: the database is busy.", key.prefix)


def require_scope(key: Key, scope: KeyScope) -> None:
    """Raises `ApiError` 403."""
    if scope not in key.scopes:
        has = ", ".join(sorted(key.scopes)) or "none"
        raise refusal(
            403,
            "scope-missing",
            f"This key lacks the scope {scope} (it has: {has}). Use another, or make one:"
            f" accession keys create LABEL --scope {scope}.",
        )


def presented_key(authorization: str | None, *, bearer: bool = True) -> str | None:
    """What the header presents as a key; None when it presents none. A wrong user makes it a wrong key."""
    scheme, _, rest = (authorization or "").partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer" and rest and bearer:
        return rest
    if scheme.lower() != "basic" or not rest:
        return None
    try:
        user, colon, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if colon and user == USER else ""


def client_address(request: Request, proxies: Sequence[Network]) -> str:
    """By what failures are counted: the peer, or the nearest address before proxies that are trusted.

    Of IPv6 the network of 64 bits: one machine has as many addresses in it as it likes.
    """
    peer = request.client.host if request.client is not None else ""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    address = peer
    while hops and _is_trusted(address, proxies):
        address = hops.pop()
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return peer
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _is_trusted(address: str, proxies: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in proxies)


def _unauthorized(realm: Realm, code: Literal["key-missing", "key-unknown"], message: str) -> ApiError:
    challenge = {"WWW-Authenticate": f'Basic realm="{realm}", charset="UTF-8"'}
    return ApiError(401, [Problem(message, code)], challenge)


class OriginGuard:
    """Refuses unsafe requests that a browser sends for another site's page: it may hold our credentials."""

    def __init__(self, app: ASGIApp, public_url: str = "") -> None:
        self._app = app
        self._own = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
            headers = Headers(scope=scope)
            if self._is_foreign(headers):
                error = refusal(
                    403,
                    "foreign-origin",
                    "This request comes from a page of another site (Origin or Sec-Fetch-Site). Scripts send"
                    " neither; behind a proxy, set ACCESSION_PUBLIC_URL to the address that users see.",
                )
                await error_response(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_foreign(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site") == "cross-site":
            return True
        origin = headers.get("origin")
        if origin is None:
            return False
        own = self._own or headers.get("host", "").lower()
        return urlsplit(origin).netloc.lower() != own or not own
