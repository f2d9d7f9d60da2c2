"""What an answer of Omeka Classic means: its rules of the taxonomy (`worker.targets.judging`).

Its tests name the recorded exchange that proves a row. Omeka Classic has no transactions: a write that is
answered with a 500 may have taken effect in part (`138`, `139`). So its own word of failure is *unknown*
where sending again may help, and a reject that is looked for once where the message says that it never will.
"""

from __future__ import annotations

import re

import msgspec

from worker.records import Json
from worker.targets.base import Method, Operation, OperationKey
from worker.targets.decoding import Unreadable, decode
from worker.targets.http import Outcome, Reply, Verb
from worker.targets.judging import (
    Asked,
    Rules,
    bad_gateway,
    begins_as_json,
    failed,
    judged,
    of_web_server,
    redirected,
    refuses_for_now,
    unreadable,
)
from worker.targets.omeka_classic.representation import FilteredTexts, saved_from
from worker.targets.redact import excerpt, redact
from worker.targets.verdict import Verdict, busy, required

TOTAL_HEADER = "omeka-total-results"


def judge(asked: Asked, outcome: Outcome) -> Verdict:
    """The meaning of any answer, or lack of one, to what was asked."""
    return judged(_RULES, asked, outcome)


def _of_proof(verdict: Verdict, reply: Reply) -> Verdict:
    """What is no Omeka Classic, or another address, is not waited for at the first question."""
    if verdict.code == "target-locked":
        return verdict
    if verdict.judgement == "done":
        body = verdict.body
        if isinstance(body, dict) and isinstance(body.get("omeka_version"), str):
            return verdict
        return Verdict("fatal", "target-not-omeka", _NOT_HERE, status=reply.status)
    if verdict.code == "target-not-omeka" or reply.status in {301, 308}:
        return msgspec.structs.replace(verdict, judgement="fatal", code="target-not-omeka")
    if verdict.judgement in {"fatal", "reject"} and message_of(reply) is None:
        why = f"{_NOT_HERE} {verdict.message}"
        return Verdict("fatal", "target-not-omeka", why, status=reply.status)
    return verdict


_NOT_HERE = "There is no Omeka Classic API at this address."


def outage(method: Verb, outcome: Outcome) -> str | None:
    """Why an outcome says that Omeka is away, for a person; None where it does not."""
    if isinstance(outcome, Reply) and outcome.status < 300 and _is_omekas(outcome):
        return None
    verdict = judge("read", outcome)
    return verdict.message if verdict.outage else None


def _is_omekas(reply: Reply) -> bool:
    return reply.status == 204 or begins_as_json(reply)


def body_of_read(outcome: Outcome) -> Json:
    """The JSON of a read.

    Raises `Retriable` where asking again may help, `Fatal` where it cannot.
    """
    return required(judge("read", outcome))


def proof(outcome: Outcome) -> Json:
    """The JSON of the answer to the first question. Raises as `body_of_read`."""
    return required(judge("proof", outcome))


def message_of(reply: Reply) -> str | None:
    """Omeka's own word for an error, with what it names; None where the answer is not one of its API."""
    try:
        body = decode(reply.body)
    except Unreadable:
        return None
    if not isinstance(body, dict) or not isinstance(message := body.get("message"), str):
        return None
    errors = body.get("errors")
    if isinstance(errors, dict):
        named = "; ".join(f"{key}: {text}" for key, text in errors.items())
        message = f"{message} {named}"
    return redact(" ".join(message.split()))


# --- 2xx, 3xx -------------------------------------------------------------------------------------


def _of_success(operation: Operation | None, reply: Reply) -> Verdict:
    """Done only with the representation that belongs to a write; a deletion is answered with 204 alone."""
    if operation is not None and operation.method == "delete":
        done = reply.status == 204
        return Verdict("done", status=reply.status) if done else _unreadable(reply)
    try:
        body = decode(reply.body)
        if operation is None:
            return Verdict("done", status=reply.status, body=body)
        saved = saved_from(body, operation.kind)
    except FilteredTexts:
        return Verdict("unknown", "target-texts-filtered", FILTERED, status=reply.status)
    except Unreadable:
        return _unreadable(reply)
    if operation.method == "update" and saved.id != operation.resource_id:
        return _unreadable(reply)
    return Verdict("done", status=reply.status, body=body, saved=saved)


FILTERED = (
    "This Omeka leaves out which texts are HTML, since its option api_filter_element_texts is on: whatever "
    "was written back would lose that. Switch it off (Settings, API: “Filter element texts”) and start again."
)


def _unreadable(reply: Reply) -> Verdict:
    return unreadable(reply, from_omeka=begins_as_json(reply))


# --- 4xx ------------------------------------------------------------------------------------------


def _of_client_error(reply: Reply) -> Verdict:
    status = reply.status
    text = message_of(reply)
    if text is None:
        return of_web_server(reply, "Omeka Classic")
    match status:
        case 403:
            return _denied(text)
        case 404 if "Record not found" in text:
            message = "The resource is no longer in Omeka, or the key's owner may not see it."
            return Verdict("reject", "target-gone", message, status=status)
        case 404:
            message = f"This Omeka does not offer it: {quotable(text)}"
            return Verdict("reject", "target-unsupported", message, status=status)
        case 405:
            message = f"This Omeka does not do that: {quotable(text)}"
            return Verdict("reject", "target-unsupported", message, status=status)
        case 400 if found := _REFERENCE.search(text):
            what = found[1]
            message = f"It names a {what} that is not in Omeka (any more): {quotable(text)}"
            return Verdict("reject", "target-unknown-reference", message, status=status)
        case 400 if text.startswith("Error when saving record"):
            # It was checked before anything was saved (`129`, `205`).
            message = f"Omeka refused it: {quotable(text)}"
            return Verdict("reject", "target-validation", message, status=status)
        case 413:
            message = f"Omeka takes no file of that size: {quotable(text)}"
            return Verdict("reject", "target-too-large", message, status=status)
        case _:
            message = f"Omeka does not take this request ({status}): {quotable(text)}"
            return Verdict("reject", "target-refused-request", message, status=status)


_REFERENCE = re.compile(r"Invalid (item type|collection|item)\.")


def _denied(text: str) -> Verdict:
    if "key" in text.lower() or "API is disabled" in text:
        return Verdict(
            "fatal",
            "target-key-refused",
            f"Omeka does not take this key ({quotable(text)}): it was removed, its owner is not active any "
            "more, or the API is switched off. Check the key in Omeka (Users, API keys), the site's API "
            "settings, and `key` in the target's settings.",
            status=403,
        )
    return Verdict(
        "reject",
        "not-allowed",
        f"The owner of the target's key may not do this ({quotable(text)}): in Omeka, contributors may "
        "change only what is theirs. Use the key of an administrator or a super user.",
        status=403,
    )


# --- 5xx ------------------------------------------------------------------------------------------

_NEVER = (
    re.compile(r"could not be ingested because it has a disallowed"),
    re.compile(r"Tags must be given a name|tag.*(?:character|long)", re.IGNORECASE),
    re.compile(r"Incorrect string value|Data too long for column|cannot be null|Out of range value"),
    re.compile(r"There is no element \""),
    re.compile(r"unsupported ISO8601 format"),
    re.compile(r"(?:file ?name|path).*too long|too long.*(?:file ?name|path)", re.IGNORECASE),
)
"""Faults of what was sent that Omeka answers with a 500: sending them again would not help. `183`, `185`,
`186` and `188` (files), `163` (a tag), `138` (a column), `140` and `141` (an element)."""
_MET = re.compile(r"already taken for this tag|Duplicate entry .* for key")
"""Two requests that bring the same new tag; nothing was saved."""


def _of_server_error(reply: Reply) -> Verdict:
    status = reply.status
    if refuses_for_now(reply):
        return busy(reply)
    text = message_of(reply)
    if status in {502, 503, 504} and text is None:
        return bad_gateway(reply)
    if text is not None and any(one.search(text) for one in _NEVER):
        message = f"Omeka does not take it: {quotable(text)}"
        return Verdict("reject", "target-validation", message, status=status, look_once=True)
    if text is not None and _MET.search(text):
        message = f"Two writes brought the same new tag: {quotable(text)}"
        return Verdict("unknown", "target-busy", message, status=status, look_once=True)
    return failed(reply, quotable(text) if text else "", by_omeka=text is not None)


def quotable(text: str) -> str:
    """A text of Omeka's for a message: brief."""
    return excerpt(text, 500)


def judge_location(method: Method, outcome: Outcome) -> Verdict:
    """What any answer to a write of an item's location means; that is no record of this service's own."""
    return judged(_OF_LOCATION, Operation(OperationKey(""), method, "item", None, b""), outcome)


def _location_written(operation: Operation | None, reply: Reply) -> Verdict:
    if operation is not None and operation.method == "delete":
        return Verdict("done", status=reply.status) if reply.status == 204 else _unreadable(reply)
    try:
        body = decode(reply.body)
    except Unreadable:
        return _unreadable(reply)
    if not isinstance(body, dict) or "latitude" not in body:
        return _unreadable(reply)
    return Verdict("done", status=reply.status, body=body)


_OF_LOCATION = Rules(_location_written, redirected, _of_client_error, _of_server_error, _of_proof)
_RULES = Rules(_of_success, redirected, _of_client_error, _of_server_error, _of_proof)
