"""Sends the recorded requests to stand-ins, one after the other, and keeps both answers for comparison.

The recordings changed the state that the next one saw, and some of the writes between them were left out. So
before an exchange the stand-in gets what is missing: rows as recorded bodies show them, requests that were
left out, the id that the next row took. Ids are therefore the same on both sides; only the address, times
and the names of stored files are mapped.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.contract.replaying import TRANSPORT, Answer, Outcome
from tests.standins.omeka_classic import StandIn

from .client import Client, text
from .exchanges import HOSTS, Exchange, body_of, load

KEY = "{{key of super}}"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_STORED = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?=\.)")
_COOKIE = re.compile(r"=[^;]+;")


@dataclass
class Replay:
    """One run through the recordings of the two sites."""

    standins: dict[str, StandIn]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)

    def run(self) -> dict[str, Outcome]:
        """Repeat every exchange."""
        for file, exchange in load().items():
            standin = self.standins[exchange.site]
            prepare = PREPARATIONS.get(file)
            if prepare is not None:
                prepare(standin)
            self.outcomes[file] = self._one(exchange, standin)
        return self.outcomes

    def _one(self, exchange: Exchange, standin: StandIn) -> Outcome:
        self._align(exchange, standin)
        status, headers, raw = _send(exchange, standin)
        is_json = headers.get("content-type") == "application/json"
        body: Any = json.loads(raw) if is_json else raw.decode("utf-8")
        self._learn(exchange.body, body)
        host = HOSTS[exchange.site]
        recorded = {k.lower(): v for k, v in exchange.response["headers"].items()}
        return Outcome(
            Answer(exchange.response["status"], _headers(recorded, host), self._normal(exchange.body, host)),
            Answer(status, _headers(headers, standin.url), self._normal(body, standin.url)),
        )

    def _align(self, exchange: Exchange, standin: StandIn) -> None:
        """Let the next row take the id that it took then."""
        number = LOST_IDS.get(exchange.file)
        if exchange.response["status"] == 201:
            number = exchange.body["id"]
        if number is not None:
            standin.seed(next_ids={exchange.request["path"].split("/")[2]: number})

    def _learn(self, expected: Any, actual: Any) -> None:
        """The stand-in names stored files itself: note which name stands for which recorded one."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            for key, value in expected.items():
                self._learn(value, actual.get(key))
        elif isinstance(expected, str) and isinstance(actual, str):
            theirs, ours = _STORED.search(expected), _STORED.search(actual)
            if theirs and ours:
                self._aliases.setdefault(ours[0], theirs[0])

    def _normal(self, value: Any, host: str) -> Any:
        if isinstance(value, dict):
            return {key: self._normal(part, host) for key, part in value.items()}
        if isinstance(value, list):
            return [self._normal(part, host) for part in value]
        if not isinstance(value, str):
            return value
        # In what was recorded as text, JSON's slashes are escaped.
        value = value.replace(host, "HOST").replace(host.replace("/", "\\/"), "HOST")
        value = _TIME.sub("TIME", value)
        for ours, theirs in self._aliases.items():
            value = value.replace(ours, theirs)
        return value


def _send(exchange: Exchange, standin: StandIn) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(standin.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        request = exchange.request
        connection.request(request["method"], exchange.target, exchange.content, request["headers"])
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def _headers(headers: dict[str, str], host: str) -> dict[str, str]:
    shown = {k: v.replace(host, "HOST") for k, v in headers.items() if k not in TRANSPORT}
    if "set-cookie" in shown:
        shown["set-cookie"] = _COOKIE.sub("=SESSION;", shown["set-cookie"], count=1)
    return shown


# What the recordings do not show of the state between them.


def _carl(standin: StandIn) -> None:
    standin.add_user("contributor", username="carl", key="{{key of carl}}")


def _texts_again(standin: StandIn) -> None:
    """Somebody made it private; its texts are still those of the last exchange."""
    texts = body_of("121-item-put-replaces-element-texts")["element_texts"]
    standin.seed([body_of("123-item-put-empty-element-texts") | {"element_texts": texts}])


def _as_shown(file: str) -> Callable[[StandIn], None]:
    """The item as it was shown afterwards."""
    return lambda standin: _seed(standin, body_of(file))


def _seed(standin: StandIn, *items: dict[str, Any]) -> None:
    standin.seed(items)


def _failed_put(standin: StandIn) -> None:
    """The update that answered 500 for its second text."""
    with Client(standin) as client:
        texts = [text("first ok"), {"text": "no html", "element": {"id": 50}}]
        assert client.request("PUT", "/items/1", json={"element_texts": texts}).status_code == 500


def _without_location(standin: StandIn) -> None:
    with Client(standin) as client:
        assert client.request("DELETE", "/geolocations/1").status_code == 204


PREPARATIONS: dict[str, Callable[[StandIn], None]] = {
    "117-item-put-other-owner-contributor": _carl,
    "123-item-put-empty-element-texts": _texts_again,
    "126-item-put-collection-null": _as_shown("126-item-put-collection-null"),
    "136-item-post-bad-element-id": lambda s: _seed(s, {"id": 2}, {"id": 3}),
    "149-item-after-failed-put": _failed_put,
    "195-item-put-noop-empty-object": _as_shown("195-item-put-noop-empty-object"),
    "231-item-after-collection-delete": _without_location,
}
LOST_IDS = {"138-item-post-text-without-html": 5}
