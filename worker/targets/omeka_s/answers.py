"""What an answer of Omeka S means: one function, one taxonomy.

The rule for writes: *refused* and *not-done* are said only where Omeka (or what stands before it)
certainly did nothing. Everything else is *lost*: it may have taken effect, and the executor looks
before it sends again. `docs/errors.md` has the table; its tests name the recorded exchange that proves a row.
"""

from __future__ import annotations

import re
from typing import assert_never

from worker.errors import Fatal, Retriable
from worker.records import Json, Kind
from worker.targets.base import Answer, Done, Lost, NotDone, Refused
from worker.targets.base import Method as Write
from worker.targets.http import Failure, Outcome, Reply, Verb
from worker.targets.omeka_s.client_errors import of_client_error
from worker.targets.omeka_s.representation import Unreadable, decode, saved_from
from worker.targets.omeka_s.verdict import Verdict, busy, error_messages, quotable
from worker.targets.redact import excerpt, redact


def classify(method: Verb, outcome: Outcome) -> Verdict:
    """The meaning of any answer, or lack of one, to a request of that method."""
    match outcome:
        case Failure():
            return _of_failure(outcome)
        case Reply(status=status) if 200 <= status < 300:
            return _of_success(outcome)
        case Reply(status=status) if 300 <= status < 400:
            return _of_redirect(outcome)
        case Reply(status=status) if 400 <= status < 500:
            return of_client_error(method, outcome)
        case Reply():
            return _of_server_error(outcome)
        case _:
            assert_never(outcome)


def answer_to_write(method: Write, kind: Kind, resource_id: int | None, verdict: Verdict) -> Answer:
    """The executor's view of a write: `Done` only with the representation that belongs to it."""
    match verdict.judgement:
        case "refused":
            return Refused(verdict.code, verdict.message, verdict.status)
        case "not-done":
            return NotDone(verdict.code, verdict.message, verdict.retry_after, verdict.outage)
        case "lost":
            return Lost(verdict.code, verdict.message)
        case "ok":
            return _done(method, kind, resource_id, verdict.body)
        case _:
            assert_never(verdict.judgement)


def body_of_read(outcome: Outcome) -> Json:
    """The JSON of a read.

    Raises `Retriable` where asking again may help, `Fatal` where it cannot.
    """
    verdict = classify("GET", outcome)
    match verdict.judgement:
        case "ok":
            return verdict.body
        case "not-done" | "lost":
            raise Retriable(verdict.code, verdict.message, verdict.retry_after)
        case "refused":
            raise Fatal(verdict.code, verdict.message)
        case _:
            assert_never(verdict.judgement)


# --- without an answer ----------------------------------------------------------------------------


def _of_failure(failure: Failure) -> Verdict:
    match failure.reason:
        case "unreachable":
            return Verdict(
                "not-done",
                "target-unreachable",
                f"The target cannot be reached ({failure.detail}). Check its address and whether it is up.",
                outage=True,
            )
        case "timeout":
            return Verdict(
                "lost",
                "target-timeout",
                f"The target did not answer in time ({failure.detail}). It may be overloaded; fewer "
                "connections or a longer timeout in the target's settings may help.",
                outage=True,
            )
        case "broken":
            return Verdict(
                "lost",
                "target-connection-lost",
                f"The connection broke before the answer was complete ({failure.detail}).",
                outage=True,
            )
        case "held-back":
            return Verdict("not-done", "held-back", f"It was not sent: {failure.detail}.")
        case "too-large":
            return Verdict(
                "lost", "target-answer-unreadable", f"The target's answer cannot be used: {failure.detail}."
            )
        case _:
            assert_never(failure.reason)


# --- 2xx, 3xx -------------------------------------------------------------------------------------


def _of_success(reply: Reply) -> Verdict:
    try:
        return Verdict("ok", status=reply.status, body=decode(reply.body))
    except Unreadable:
        return _unreadable(reply.status)


def _unreadable(status: int) -> Verdict:
    return Verdict(
        "lost",
        "target-answer-unreadable",
        f"The target answered {status}, but not with what Omeka's API answers. An outage page, a proxy or a "
        "login page may stand before it; look at the address in a browser.",
        status=status,
        outage=True,
    )


_OUTAGE_PAGES = {
    "install": "its database does not answer (it redirects to its installation page)",
    "maintenance": "it is being upgraded (it redirects to its maintenance page)",
}


def _of_redirect(reply: Reply) -> Verdict:
    location = reply.headers.get("location", "")
    page = location.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    if page in _OUTAGE_PAGES:
        return Verdict(
            "not-done",
            "target-down",
            f"Omeka is down: {_OUTAGE_PAGES[page]}.",
            status=reply.status,
            retry_after=reply.retry_after,
            outage=True,
        )
    return Verdict(
        "lost",
        "target-redirected",
        f"The target redirects to {excerpt(redact(location)) or 'nowhere'}, which is never followed. If the "
        "site has moved (to https, say), write its new address into the target's settings.",
        status=reply.status,
        outage=True,
    )


# --- 5xx ------------------------------------------------------------------------------------------

_SQL = re.compile(
    r"^An exception occurred while executing "
    r"'(?P<statement>INSERT INTO|UPDATE|DELETE FROM|SELECT) `?(?P<table>\w*)`?.*"
    r"SQLSTATE\[(?P<state>\w{5})\]: (?P<reason>.*)",
    re.DOTALL,
)
_OWN_TABLES = frozenset({"value", "resource", "item", "item_set", "media", "item_item_set", "item_site"})
"""Tables that Omeka writes in the one transaction of the resource itself. An error in another table may
come from a module that acts after the resource was saved."""


def _of_server_error(reply: Reply) -> Verdict:
    status = reply.status
    if status == 503 and reply.retry_after is not None and not {"via", "x-varnish"} & reply.headers.keys():
        # Deliberate refusal. Caches before a site send it too, after a backend that broke off half-way.
        return busy(reply)
    if status in {502, 503, 504}:
        return Verdict(
            "lost",
            "target-bad-gateway",
            f"The web server before Omeka got no answer from it ({status}): PHP is down, restarting or "
            "overloaded.",
            status=status,
            retry_after=reply.retry_after,
            outage=True,
        )
    errors = error_messages(reply)
    text = " ".join(errors.values()) if errors else ""
    if sql := _SQL.match(text):
        return _of_sql_error(status, sql)
    if text.startswith("The API does not support the "):
        return Verdict("refused", "target-unsupported", f"Omeka says: {quotable(text)}", status=status)
    return Verdict(
        "lost",
        "target-failed",
        f"Omeka failed ({status}{f': {quotable(text)}' if text else ''}). Its administrator finds the "
        "reason in Omeka's or PHP's log.",
        status=status,
        outage=not errors,
    )


def _of_sql_error(status: int, sql: re.Match[str]) -> Verdict:
    state = sql["state"]
    # The statement's parameters are people's data: only the database's own last word is quoted.
    reason = excerpt(sql["reason"])
    own = sql["statement"] != "SELECT" and sql["table"] in _OWN_TABLES
    if own and state == "40001":
        return Verdict(
            "not-done",
            "target-busy",
            f"Two writes met in Omeka's database, which undid this one: {reason}",
            status=status,
        )
    if own and (state == "23000" or state.startswith("22")):
        return Verdict(
            "refused",
            "target-database-refused",
            f"Omeka's database does not take a value of this resource, and nothing was saved: {reason}",
            status=status,
        )
    return Verdict("lost", "target-failed", f"Omeka's database failed: {reason}", status=status)


# --- 2xx of a write -------------------------------------------------------------------------------


def _done(method: Write, kind: Kind, resource_id: int | None, body: Json) -> Answer:
    if method == "delete":
        # The deleted representation, without its number.
        if isinstance(body, dict) and "o:id" in body and body["o:id"] is None:
            return Done(None)
    else:
        try:
            saved = saved_from(body, kind)
        except Unreadable:
            pass
        else:
            if method == "create" or saved.id == resource_id:
                return Done(saved)
    verdict = _unreadable(200)
    return Lost(verdict.code, verdict.message)
