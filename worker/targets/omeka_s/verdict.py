"""What an answer means, in the words of `docs/errors.md`, and how to read Omeka S's own errors in it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from worker.records import Json
from worker.targets.base import Saved
from worker.targets.http import Reply
from worker.targets.omeka_s.representation import Unreadable, decode
from worker.targets.redact import excerpt, redact

VERSION_HEADER = "omeka-s-version"

Judgement = Literal["done", "fatal", "retriable", "reject", "unknown"]


class Verdict(Struct, frozen=True):
    """What an answer means. `code` and `message` are "" where it is *done*.

    `body`: the JSON of an answer; `saved`: what it holds, after a create or an update; `outage`: nothing else
    has to be tried before the target is back; `look_once`: of a write, see `worker.targets.base`.
    """

    judgement: Judgement
    code: str = ""
    message: str = ""
    status: int = 0
    retry_after: float | None = None
    outage: bool = False
    body: Json = None
    saved: Saved | None = None
    look_once: bool = False


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


def busy(reply: Reply) -> Verdict:
    return Verdict(
        "retriable",
        "target-busy",
        f"The target is too busy ({reply.status}).",
        status=reply.status,
        retry_after=reply.retry_after,
    )
