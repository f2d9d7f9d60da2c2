"""What an answer of Omeka S means: its rules of the taxonomy (`worker.targets.judging`).

The tests name the recorded exchange that proves a row of `docs/errors.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from worker.outage_pages import why_away
from worker.records import Json
from worker.targets.base import Operation
from worker.targets.http import Outcome, Reply, Verb
from worker.targets.judging import (
    Asked,
    Rules,
    bad_gateway,
    begins_as_json,
    failed,
    judged,
    redirected,
    refuses_for_now,
    unreadable,
)
from worker.targets.omeka_s.client_errors import of_client_error
from worker.targets.omeka_s.representation import Unreadable, decode, saved_from
from worker.targets.omeka_s.verdict import VERSION_HEADER, error_messages, quotable
from worker.targets.redact import excerpt
from worker.targets.verdict import Verdict, busy, required


def judge(asked: Asked, outcome: Outcome) -> Verdict:
    """The meaning of any answer, or lack of one, to what was asked."""
    return judged(_RULES, asked, outcome)


def _of_proof(verdict: Verdict, reply: Reply) -> Verdict:
    """What is no Omeka S, or another address, is not waited for at the first question."""
    ours = VERSION_HEADER in reply.headers
    if reply.status == 403 and ours:
        return msgspec.structs.replace(verdict, judgement="fatal", code="target-key-refused")
    if verdict.code == "target-not-omeka" or reply.status in {301, 308}:
        return msgspec.structs.replace(verdict, judgement="fatal", code="target-not-omeka")
    if verdict.code == "target-locked":
        return verdict
    if verdict.judgement in {"done", "fatal", "reject"} and not ours:
        why = verdict.message or "It answers with JSON, but not as Omeka S does."
        message = f"There is no Omeka S API at this address. {why}"
        return Verdict("fatal", "target-not-omeka", message, status=reply.status)
    return verdict


def outage(method: Verb, outcome: Outcome) -> str | None:
    """Why an outcome says that Omeka is away, for a person; None where it does not.

    Asked of every answer, so a success is not read for it: Omeka's begin as JSON does.
    """
    if isinstance(outcome, Reply) and _is_omekas(outcome):
        return None
    verdict = judge("read", outcome)
    return verdict.message if verdict.outage else None


def body_of_read(outcome: Outcome) -> Json:
    """The JSON of a read.

    Raises `Retriable` where asking again may help, `Fatal` where it cannot.
    """
    return required(judge("read", outcome))


def proof(outcome: Outcome) -> tuple[Json, Mapping[str, str]]:
    """JSON and headers of the answer to the first question. Raises as `body_of_read`."""
    body = required(judge("proof", outcome))
    assert isinstance(outcome, Reply)
    return body, outcome.headers


# --- 2xx, 3xx -------------------------------------------------------------------------------------


def _of_success(operation: Operation | None, reply: Reply) -> Verdict:
    """Done only with the representation that belongs to a write."""
    try:
        body = decode(reply.body)
        if operation is None:
            return Verdict("done", status=reply.status, body=body)
        if operation.method == "delete":
            # The deleted representation, without its number.
            if isinstance(body, dict) and "o:id" in body and body["o:id"] is None:
                return Verdict("done", status=reply.status, body=body)
            return _unreadable(reply)
        saved = saved_from(body, operation.kind)
    except Unreadable:
        return _unreadable(reply)
    if operation.method == "update" and saved.id != operation.resource_id:
        return _unreadable(reply)
    return Verdict("done", status=reply.status, body=body, saved=saved)


def _unreadable(reply: Reply) -> Verdict:
    return unreadable(reply, from_omeka=_is_omekas(reply))


def _is_omekas(reply: Reply) -> bool:
    return reply.status == 200 and begins_as_json(reply)


def _of_redirect(reply: Reply) -> Verdict:
    why = why_away(reply.headers.get("location", ""))
    if why is not None:
        return Verdict(
            "retriable",
            "target-down",
            f"Omeka is down: {why}.",
            status=reply.status,
            retry_after=reply.retry_after,
            outage=True,
        )
    return redirected(reply)


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
    if refuses_for_now(reply):
        return busy(reply)
    if status in {502, 503, 504}:
        return bad_gateway(reply)
    errors = error_messages(reply)
    text = " ".join(errors.values()) if errors else ""
    if sql := _SQL.match(text):
        return _of_sql_error(status, sql)
    if text.startswith("The API does not support the "):
        return Verdict("reject", "target-unsupported", f"Omeka says: {quotable(text)}", status=status)
    return failed(reply, quotable(text) if text else "", by_omeka=bool(errors))


def _of_sql_error(status: int, sql: re.Match[str]) -> Verdict:
    state = sql["state"]
    # The statement's parameters are people's data: only the database's own last word is quoted.
    reason = excerpt(sql["reason"])
    own = sql["statement"] != "SELECT" and sql["table"] in _OWN_TABLES
    # The transaction was undone, but it may have been one that a module began after the resource was saved.
    if own and state == "40001":
        message = f"Two writes met in Omeka's database, which undid this one: {reason}"
        return Verdict("unknown", "target-busy", message, status=status, look_once=True)
    if own and (state == "23000" or state.startswith("22")):
        message = f"Omeka's database does not take a value of this resource: {reason}"
        return Verdict("reject", "target-database-refused", message, status=status, look_once=True)
    message = f"Omeka's database failed: {reason}"
    return Verdict("unknown", "target-failed", message, status=status, look_once=True)


_RULES = Rules(_of_success, _of_redirect, of_client_error, _of_server_error, _of_proof)
