"""4xx: what Omeka S, or what stands before it, will not take."""

from __future__ import annotations

import re

from worker.targets.http import Reply
from worker.targets.judging import of_web_server
from worker.targets.omeka_s.verdict import error_messages, quotable
from worker.targets.verdict import Verdict

_ITSELF_GONE = re.compile(r'^Omeka\\Entity\\(\w+) entity with criteria \{"id":"\d+"\} not found$')
_REFERENCE_GONE = re.compile(
    r'^(?:Omeka\\Entity\\(?P<entity>\w+) entity with criteria \{"id":(?P<id>\d+)\} not found'
    r"|Resource not found with id (?P<resource>\d+)\.)$"
)
_DENIED = re.compile(
    r"^Permission denied for the current user to (?P<action>[\w-]+) the "
    r"Omeka\\(?P<level>Api\\Adapter|Entity)\\(?P<what>\w+?)(?:Adapter)? resource\.$"
)
_WORDS = {
    "ResourceClass": "resource class",
    "ResourceTemplate": "resource template",
    "ItemSet": "item set",
    "Item": "item",
    "Media": "media",
    "User": "user",
    "Site": "site",
    "Asset": "asset",
}


def of_client_error(reply: Reply) -> Verdict:
    status = reply.status
    errors = error_messages(reply)
    if errors is None:
        return of_web_server(reply, "Omeka S")
    text = " ".join(errors.values())
    match status:
        case 403:
            return _denied(status, text)
        case 404:
            return _missing(status, text)
        case 422 if "download" in errors or "ingest_url" in errors:
            code, message = "target-ingest-failed", f"Omeka could not fetch the file: {quotable(text)}"
        case 413 | 422 if status == 413 or "upload" in errors:
            code, message = "target-too-large", f"Omeka takes no file of that size: {quotable(text)}"
        case 422:
            code, message = "target-validation", f"Omeka refused it: {quotable(text)}"
        case _:
            code, message = (
                "target-refused-request",
                f"Omeka does not take this request ({status}): {quotable(text)}",
            )
    return Verdict("reject", code, message, status=status)


def _denied(status: int, text: str) -> Verdict:
    found = _DENIED.match(text)
    if found is None:
        return Verdict("reject", "not-allowed", f"Omeka does not allow it: {quotable(text)}", status=status)
    action, what = found["action"], _WORDS.get(found["what"], found["what"])
    if found["level"] == "Entity":
        return Verdict(
            "reject",
            "not-allowed",
            f"The owner of the target's key may not {action} this {what}: in Omeka, authors may change only "
            "what is theirs and set no other owner. Use the key of an editor or administrator.",
            status=status,
        )
    return Verdict(
        "fatal",
        "target-key-refused",
        f"Omeka does not let this key {action} any {what}: it was revoked, its owner was deactivated, or the "
        "owner's role does not allow it. Check the key in Omeka (Users, API keys) and the target's settings.",
        status=status,
    )


def _missing(status: int, text: str) -> Verdict:
    if _ITSELF_GONE.match(text):
        return Verdict(
            "reject",
            "target-gone",
            "The resource is no longer in Omeka, or the key's owner may not see it.",
            status=status,
        )
    if found := _REFERENCE_GONE.match(text):
        number = found["id"] or found["resource"]
        what = _WORDS.get(found["entity"] or "", "resource")
        return Verdict(
            "reject",
            "target-unknown-reference",
            f"It names {what} {number}, which is not in Omeka (any more) or not visible to the key's owner.",
            status=status,
        )
    return Verdict(
        "reject", "target-refused-request", f"Omeka does not find it: {quotable(text)}", status=status
    )
