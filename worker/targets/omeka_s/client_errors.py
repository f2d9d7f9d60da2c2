"""4xx: what Omeka S, or what stands before it, will not take."""

from __future__ import annotations

import re

from worker.targets.http import Reply
from worker.targets.omeka_s.verdict import error_messages, quotable
from worker.targets.verdict import Verdict, busy, locked

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
    if status == 429:
        return busy(reply)
    if status == 408:
        message = "The target waited too long for the request."
        return Verdict("unknown", "target-timeout", message, status=status)
    if status in {401, 407}:
        return locked(status)
    errors = error_messages(reply)
    if errors is None:
        return _from_the_web_server(reply)
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


def _from_the_web_server(reply: Reply) -> Verdict:
    """A 4xx that is not Omeka's API's own: a web server, proxy or firewall before it, or another site."""
    status = reply.status
    if status in {404, 410}:
        return Verdict(
            "retriable",
            "target-not-omeka",
            f"There is no Omeka S API at this address ({status}). Check the target's address: it is the "
            "site's, or the one that ends in /api.",
            status=status,
            outage=True,
        )
    if status == 413:
        return Verdict(
            "reject",
            "target-too-large",
            "The request is larger than the target's web server takes (413). Its administrator can raise "
            "that limit (client_max_body_size, LimitRequestBody).",
            status=status,
        )
    return Verdict(
        "reject",
        "target-blocked",
        f"The web server before Omeka refused this request ({status}), probably by a firewall rule that its "
        "content met. The target's administrator finds it in the server's log.",
        status=status,
    )


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
