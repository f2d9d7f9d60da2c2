"""Sends the recorded requests to a stand-in, one after the other, and keeps both answers for comparison.

The recordings changed the state that the next one saw, and some of the writes between them were left out. So
before an exchange the stand-in gets what is missing: rows as recorded bodies show them, the id that the next
row took, the state of the server. Ids are therefore the same on both sides; only the address, times, the
names of stored files and digests of made-up contents are mapped.
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
from tests.standins.omeka_s import StandIn

from .exchanges import HOST, Exchange, body_of, content, digest, load

KEY = ("KEY_IDENTITY", "KEY_CREDENTIAL")
AUTHOR: dict[str, Any] = {"identity": "AUTHOR_KEY_IDENTITY", "credential": "AUTHOR_KEY_CREDENTIAL"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
_COOKIE = re.compile(r"=[^;]+;")
_CREATED = {"items": "resources", "item_sets": "resources", "media": "resources"}
_SEQUENCES = {"resource_templates": "templates"}


@dataclass
class Replay:
    """One run through the recordings."""

    standin: StandIn
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)

    def run(self, skipped: set[str]) -> dict[str, list[Outcome]]:
        """Repeat every exchange but the skipped."""
        for file, parts in load().items():
            if file in skipped:
                continue
            prepare = PREPARATIONS.get(file)
            if prepare is not None:
                prepare(self.standin)
            self.outcomes[file] = [self._one(part) for part in parts]
        return self.outcomes

    def _one(self, exchange: Exchange) -> Outcome:
        self._align(exchange)
        status, headers, raw = self._send(exchange)
        is_json = "json" in headers.get("content-type", "")
        body: Any = json.loads(raw) if is_json else raw.decode("utf-8")
        self._learn(exchange.body, body)
        expected = Answer(
            exchange.response["status"],
            self._headers(exchange.response["headers"], HOST),
            self._normal(exchange.body, HOST),
        )
        actual = Answer(
            status, self._headers(headers, self.standin.url), self._normal(body, self.standin.url)
        )
        size = len(json.dumps(body, ensure_ascii=False).replace(self.standin.url, HOST))
        return Outcome(expected, _cut(actual, expected, size))

    def _align(self, exchange: Exchange) -> None:
        """Let the next row take the id that it took then (an SQL error takes one too)."""
        if exchange.request["method"] != "POST":
            return
        table = urlsplit(exchange.target).path.split("/")[2]
        number = exchange.body.get("o:id") if isinstance(exchange.body, dict) else None
        number = number or LOST_IDS.get(exchange.file)
        if number is not None:
            sequence = _CREATED.get(table) or _SEQUENCES.get(table, table)
            self.standin.seed(next_ids={sequence: number})

    # Sending

    def _send(self, exchange: Exchange) -> tuple[int, dict[str, str], bytes]:
        request = exchange.request
        headers = {k: v for k, v in request["headers"].items() if k != "content-length"}
        body = self._body(exchange, headers)
        target = exchange.target
        if exchange.file in KEYLESS_RECORDINGS:
            target += "?key_identity={}&key_credential={}".format(*KEY)
        parts = urlsplit(self.standin.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            connection.request(request["method"], target, body, headers)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def _body(self, exchange: Exchange, headers: dict[str, str]) -> bytes | None:
        body = exchange.request["body"]
        if body is None:
            return None
        if isinstance(body, str):
            return body.encode()
        if isinstance(body, dict) and "hex" in body:
            return bytes.fromhex(body["hex"])
        if isinstance(body, dict) and "truncated" in body:
            body = {k: v for k, v in exchange.body.items() if k.startswith("dcterms:")}
        if isinstance(body, dict) and "multipart" in body:
            boundary = headers["content-type"].partition("boundary=")[2]
            return self._multipart(body["multipart"], boundary)
        return json.dumps(body).replace(HOST, self.standin.url).encode()

    def _multipart(self, parts: dict[str, Any], boundary: str) -> bytes:
        sent = b""
        for name, part in parts.items():
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
            if name == "data":
                data = json.dumps(part).encode()
            else:
                data = content(part)
                head += f'; filename="{part["filename"]}"\r\nContent-Type: {part["content_type"]}'
                self._aliases[digest(data)] = part["sha256"]
            sent += head.encode() + b"\r\n\r\n" + data + b"\r\n"
        return sent + f"--{boundary}--\r\n".encode()

    # Normalising

    def _learn(self, expected: Any, actual: Any) -> None:
        """The stand-in names stored files itself: note which name stands for which recorded one."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            for key, value in expected.items():
                self._learn(value, actual.get(key))
        elif isinstance(expected, list) and isinstance(actual, list):
            for one, other in zip(expected, actual, strict=False):
                self._learn(one, other)
        elif isinstance(expected, str) and isinstance(actual, str):
            theirs, ours = _STORED.search(expected), _STORED.search(actual)
            if theirs and ours:
                self._aliases.setdefault(ours[0], theirs[0])

    def _normal(self, value: Any, host: str) -> Any:
        if isinstance(value, dict):
            return {self._normal(k, host): self._normal(v, host) for k, v in value.items()}
        if isinstance(value, list):
            return [self._normal(v, host) for v in value]
        if not isinstance(value, str):
            return value
        value = _TIME.sub("TIME", value.replace(host, "HOST"))
        if host != HOST:
            for ours, theirs in self._aliases.items():
                value = value.replace(ours, theirs)
        return value

    def _headers(self, headers: dict[str, str], host: str) -> dict[str, str]:
        shown = {k: v.replace(host, "HOST") for k, v in headers.items() if k not in TRANSPORT}
        if "set-cookie" in shown:
            shown["set-cookie"] = _COOKIE.sub("=SESSION;", shown["set-cookie"], count=1)
        return shown


_STORED = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


def _cut(actual: Answer, expected: Answer, size: int) -> Answer:
    """Where the recorder kept only start and size of a long body, keep as much of ours, in its spelling."""
    if not (isinstance(expected.body, dict) and "truncated" in expected.body):
        return actual
    text, recorded = expected.body["truncated"], expected.body["bytes"]
    # Items of which only the number is known may be longer or shorter here.
    close = abs(size - recorded) <= recorded * 0.01
    start = json.dumps(actual.body, ensure_ascii=False)[: len(text)]
    return Answer(actual.status, actual.headers, {"truncated": start, "bytes": recorded if close else size})


# What the recordings do not show of the state between them.


def _fresh(standin: StandIn) -> None:
    admin = body_of("205-users")[0]
    hello = body_of("192-page-zero")[0]
    stored = urlsplit(hello["thumbnail_display_urls"]["large"]).path.rsplit("/", 1)[1]
    media = {
        "o:id": 2,
        "o:item": {"o:id": 1},
        "o:filename": stored,
        "o:media_type": "image/jpeg",
        "o:original_url": stored,
        "o:thumbnail_urls": stored,
    }
    standin.seed([hello], users=[admin], media=[media])


def _item_with(number: int, title: str) -> dict[str, Any]:
    value = {"type": "literal", "property_id": 1, "@value": title}
    return {"o:id": number, "dcterms:title": [value]}


def _items(*numbers: int) -> Callable[[StandIn], None]:
    """Items that nothing else is known of."""
    return lambda standin: _seed_items(standin, [_item_with(n, f"left out {n}") for n in numbers])


def _seed_items(standin: StandIn, items: list[Any]) -> None:
    standin.seed(items)


def _long_title(standin: StandIn) -> None:
    standin.seed([_item_with(24, "x" * 100_000)])


def _before_update(standin: StandIn) -> None:
    standin.seed([_item_with(29, "left out 29"), body_of("090-patch-no-values")])


def _url_media(standin: StandIn) -> None:
    media = next(m for m in body_of("135-media-of-item") if m["o:id"] == 41)
    standin.seed(media=[media | {"o:source": media["o:source"].replace(HOST, standin.url)}])


def _author_key(standin: StandIn) -> None:
    standin.add_user(id=3, **AUTHOR)


def _later(standin: StandIn) -> None:
    """25 minutes and some thousands of requests on: 2,292 items, of which the last but one was 3991."""
    have = len(standin.dump()["items"])
    numbers = [3991, *range(70, 70 + 2291 - have - 1)]
    standin.seed([_item_with(n, f"later {n}") for n in sorted(numbers)])
    standin.seed([_item_with(3993, "holder")])


def _inactive(standin: StandIn) -> None:
    standin.add_user(id=3, active=False, **AUTHOR)


PREPARATIONS: dict[str, Callable[[StandIn], None]] = {
    "002-api-resources": _fresh,
    "038-item-create-list-of-items": _items(14),
    "046-item-create-missing-type": _items(20),
    "050-item-create-long-language": _long_title,
    "090-patch-no-values": _before_update,
    "096-patch-empty-value-list": lambda s: _seed_items(s, [body_of("096-patch-empty-value-list")]),
    "132-media-html": _url_media,
    "150-search-eq-id": lambda s: _seed_items(s, body_of("154-search-eq-accent-insensitive")),
    "210-author-create-item": _author_key,
    "302-media-upload-text-sniffed-octet-stream": _later,
    "308-item-set-duplicated-in-request": _items(3995),
    "320-inactive-user-create": _inactive,
    "322-maintenance-get": lambda s: _turn(s, maintenance=True),
    "331-db-down-get": lambda s: _turn(s, maintenance=False, database_down=True),
    "334-fpm-down": lambda s: _turn(s, database_down=False, fpm_down=True),
    "335-fpm-back": lambda s: _turn(s, fpm_down=False),
    "341-per-page-huge-memory-exhausted": lambda s: _turn(s, max_rendered=2000),
}
LOST_IDS = {"043-item-create-unknown-property-id": 19, "050-item-create-long-language": 25}
KEYLESS_RECORDINGS = {"230-concurrent-creates"}


def _turn(standin: StandIn, **knobs: Any) -> None:
    standin.knobs(**knobs)
