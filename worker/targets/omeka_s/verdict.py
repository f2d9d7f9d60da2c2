"""How to read Omeka S's own errors in an answer."""

from __future__ import annotations

from worker.records import Json
from worker.targets.http import Reply
from worker.targets.omeka_s.representation import Unreadable, decode
from worker.targets.redact import excerpt, redact

VERSION_HEADER = "omeka-s-version"


def error_messages(reply: Reply) -> dict[str, str] | None:
    """Omeka's own errors, flattened: key → text; None where the answer is not one of its API.

    `{"errors": {"o:item_set": ["Item sets must be an array"]}}`; keys and depth vary.
    """
    try:
        body = decode(reply.body)
    except Unreadable:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("errors"), dict | list | str):
        return None
    errors = body["errors"]
    named = errors if isinstance(errors, dict) else {"error": errors}
    return {key: redact(" ".join("; ".join(_texts(value)).split())) for key, value in named.items()}


def quotable(text: str) -> str:
    """A text of Omeka's for a message: brief, and without the parameters of an SQL statement."""
    return excerpt(text.partition(" with params ")[0], 500)


def _texts(value: Json) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [] if value is None else [str(value)]
