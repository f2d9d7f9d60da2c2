"""The answers that an Omeka S can give, by the rows of the table in `docs/errors.md`.

The table says what each means; here are, for each of its rows, answers that belong to it: recorded ones by
the name of the exchange, and some that nobody recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from tests.unit.targets.exchanges import reply
from worker.targets.http import Failure, FailureReason, Outcome, Reply

Column = Literal["first", "read", "write"]
COLUMNS: tuple[Column, ...] = ("first", "read", "write")
ROW = re.compile(r"^\| (\S+) \| \*\*(.+?)\*\*(.*?) \| (\S.*?) \| (\S+) \| (\S+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One answer as the table has it. `code`: "" where it is no error; `first_code`: of the first
    question."""

    name: str
    code: str
    first: str
    first_code: str
    read: str
    write: str
    does: str

    @property
    def outage(self) -> bool:
        return self.does.startswith("Outage. ")

    @property
    def looks_once(self) -> bool:
        return self.does.startswith("Looks once")


def _row(match: re.Match[str]) -> Row:
    code, name, _, first, read, write, does = match.groups()
    code = code.strip("`–")
    word, _, other = first.partition(" as ")
    return Row(name, code, word, other.strip("`") or code, read, write, does)


PAGE = (Path(__file__).parents[1] / "docs" / "errors.md").read_text(encoding="utf-8")
TABLE = PAGE.split("### Omeka S\n")[1].split("\n\n")[1]
ROWS = {row.name: row for row in map(_row, ROW.finditer(TABLE))}


JSON = {"content-type": "application/ld+json", "omeka-s-version": "4.2.0", "omeka-s-total-results": "1"}
HTML = {"content-type": "text/html"}
PAGE_OF_SOMEBODY = b"<!DOCTYPE html><html><body>We are back soon.</body></html>"


def said(status: int, text: str, key: str = "error", **headers: str) -> Reply:
    """Errors as Omeka's API gives them."""
    return Reply(status, JSON | headers, orjson.dumps({"errors": {key: [text]}}))


def failed(text: str) -> Reply:
    """A 500 of Omeka's API."""
    return Reply(500, JSON, orjson.dumps({"errors": {"error": text}}))


def sql(statement: str, state: str, reason: str = "went wrong", params: str = '["x"]') -> Reply:
    executing = f"An exception occurred while executing '{statement}' with params {params}"
    return failed(f"{executing}:\n\nSQLSTATE[{state}]: {reason}")


def page(status: int, **headers: str) -> Reply:
    """Not Omeka's own."""
    return Reply(
        status, HTML | {name.replace("_", "-"): one for name, one in headers.items()}, PAGE_OF_SOMEBODY
    )


@dataclass(frozen=True)
class Case:
    """An answer that belongs to a row; `name` is that of the recorded exchange, where there is one."""

    row: str
    name: str
    outcome: Outcome
    columns: tuple[Column, ...] = COLUMNS

    @property
    def recorded(self) -> bool:
        return " " not in self.name

    def __str__(self) -> str:
        return f"{self.row}: {self.name}"


INSERT_VALUE = "INSERT INTO `value` (type) VALUES (?)"
OF_WRITES: tuple[Column, ...] = ("write",)
LATER: tuple[Column, ...] = ("read", "write")
"""To the first question any JSON will do that comes with Omeka's version."""
OF_READS: tuple[Column, ...] = ("first", "read")

RECORDED: dict[str, tuple[str, ...]] = {
    "302 to `/install` or `/maintenance`": (
        "db-down-post",
        "db-down-get",
        "maintenance-post",
        "maintenance-get",
    ),
    "2xx without JSON": ("maintenance-page", "accept-turtle"),
    "403 for the kind": (
        "no-auth-create",
        "bad-key-create",
        "bearer-header-ignored",
        "inactive-user-create",
        "patch-no-auth",
        "item-delete-no-auth",
        "users-anonymous",
        "bad-key-users",
    ),
    "403 for the resource": ("author-patch-others-item", "author-create-with-other-owner"),
    "4xx of the web server": ("patch-collection",),
    "404 or 410 of the web server": ("media-file-after-delete",),
    "404 for the resource": ("patch-unknown-item", "unknown-item"),
    "404 for a deletion": ("item-delete-again",),
    "404 for a reference": (
        "item-create-unknown-class",
        "item-create-unknown-template",
        "item-create-unknown-item-set",
        "item-create-item-set-is-an-item",
        "item-create-unknown-value-resource",
        "author-add-to-others-private-item-set",
        "media-upload-unknown-item",
    ),
    "413": ("media-upload-over-nginx-limit",),
    "422 for the size": ("media-upload-over-upload_max_filesize",),
    "422 for a fetch": ("media-url-not-found", "media-url-unreachable", "media-url-invalid"),
    "422 otherwise": (
        "item-create-item-set-not-array",
        "patch-required-missing",
        "media-unknown-ingester",
        "media-upload-csv-rejected",
    ),
    "4xx of the API otherwise": ("bad-json", "invalid-utf8-json", "deep-json", "wrong-content-type"),
    "500 for a value": ("item-create-unknown-property-id", "item-create-long-language"),
    "500 for the kind": ("unknown-resource",),
    "5xx of the API otherwise": ("many-or-clauses", "return-scalar-unknown"),
    "5xx without JSON": (
        "per-page-huge-memory-exhausted",
        "item-create-missing-type",
        "item-create-property-auto-unknown",
        "item-set-delete",
        "media-upload-over-post_max_size",
    ),
    "502, 503 or 504": ("fpm-down", "many-ids"),
}
"""Exchanges with a real Omeka S, in `tests/contract/omeka_s/exchanges`."""


def _failure(reason: FailureReason) -> Failure:
    return Failure(reason, reason not in ("unreachable", "held"), f"it is {reason}")


ITEM = orjson.dumps({"@id": "http://omeka/api/items/5", "o:id": 5, "o:title": "Work"})
MEDIA = ITEM.replace(b"items", b"media")

UNRECORDED = (
    Case("What was asked for", "a list", Reply(200, JSON, b"[]"), OF_READS),
    Case("What was asked for", "the item that was created", Reply(200, JSON, ITEM), OF_WRITES),
    Case("No connection", "no connection", _failure("unreachable")),
    Case("Not sent", "not sent", _failure("held")),
    Case("No answer", "no answer in time", _failure("timeout")),
    Case("Connection broken", "connection broken", _failure("broken")),
    Case("Endless answer", "endless answer", _failure("too-large")),
    Case("2xx without JSON", "no body", Reply(200, JSON, b"")),
    Case("2xx without JSON", "204 with nothing", Reply(204, {}, b"")),
    Case("2xx without JSON", "page of a host", page(200)),
    Case("200 with other JSON", "cut off", Reply(200, JSON, b'{"o:id": 5, "dcterms:ti')),
    Case("200 with other JSON", "null instead", Reply(200, JSON, b"null"), LATER),
    Case(
        "200 with other JSON",
        "a media for an item",
        Reply(200, JSON, ITEM.replace(b"items", b"media")),
        ("read", "write"),
    ),
    Case(
        "302 to `/install` or `/maintenance`", "in a folder", page(302, location="http://h/omeka/install?x=1")
    ),
    Case("302 to `/install` or `/maintenance`", "with a slash", page(302, location="/maintenance/")),
    Case("Other 3xx", "to a login", page(302, location="/login")),
    Case("Other 3xx", "to nowhere", page(302)),
    Case("Other 3xx", "for a while", page(307, location="https://x.org/api/items")),
    Case("301 or 308", "moved for ever", page(301, location="https://x.org/api/items")),
    Case("301 or 308", "moved, with its method", page(308, location="https://x.org/api/items")),
    Case("401 or 407", "of a web server", page(401)),
    Case("401 or 407", "of a proxy", page(407)),
    Case("401 or 407", "of a module", said(401, "Log in first")),
    Case("403 for the resource", "of a module", said(403, "Some module says no")),
    Case("4xx of the web server", "a firewall", page(403)),
    Case("4xx of the web server", "not acceptable", page(406)),
    Case("4xx of the web server", "of a cache", page(412)),
    Case("404 or 410 of the web server", "not found", page(404)),
    Case("404 or 410 of the web server", "gone for ever", page(410)),
    Case("408", "too slow", page(408)),
    Case("413", "too large", page(413)),
    Case("429", "of a web server", page(429)),
    Case("429", "of a module", said(429, "Slow down", retry_after="1")),
    Case("4xx of the API otherwise", "a conflict", said(409, "Somebody else is at it")),
    Case("4xx of the API otherwise", "a precondition", said(412, "It has changed")),
    Case("4xx of the API otherwise", "a teapot", said(418, "Tea only")),
    Case("4xx of the API otherwise", "a module's 404", said(404, "Some module finds nothing")),
    Case("500 for a value", "too long", sql(INSERT_VALUE, "22001", "Data too long for column 'lang'")),
    Case("500 for a deadlock", "two writes met", sql(INSERT_VALUE, "40001", "Deadlock found")),
    Case("5xx of the API otherwise", "a module failed", failed("A module failed after the item was saved")),
    Case("5xx of the API otherwise", "database gone", sql(INSERT_VALUE, "HY000", "server has gone away")),
    Case("5xx of the API otherwise", "index broken", sql("INSERT INTO fulltext_search (id) V", "23000")),
    Case(
        "5xx of the API otherwise",
        "a module's table",
        sql("INSERT INTO some_module (id) VALUES (?)", "40001"),
    ),
    Case("5xx without JSON", "no space", page(507)),
    Case("502, 503 or 504", "no answer of PHP", page(504)),
    Case("502, 503 or 504", "not available", page(503)),
    Case("502, 503 or 504", "of one cache", page(503, retry_after="5", x_varnish="9")),
    Case("502, 503 or 504", "of another cache", page(503, retry_after="5", via="1.1 cache")),
    Case("503 with `Retry-After`", "on purpose", page(503, retry_after="1")),
)


def cases() -> Iterator[Case]:
    for row, names in RECORDED.items():
        for name in names:
            yield Case(row, name, reply(name))
    yield from UNRECORDED


CASES = tuple(cases())
