"""What an answer means, in the words of `docs/errors.md`, whatever kind of Omeka gave it."""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec
from msgspec import Struct

from worker.errors import Fatal, Retriable
from worker.records import Json
from worker.targets.base import HELD, Answer, Barred, Done, Lost, NotDone, Refused, Saved
from worker.targets.http import Failure, Reply

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


def of_read(verdict: Verdict) -> Verdict:
    """Reading again does no harm; and there is no record that could be rejected in place of the run."""
    match verdict.judgement:
        case "unknown":
            return msgspec.structs.replace(verdict, judgement="retriable")
        case "reject":
            return msgspec.structs.replace(verdict, judgement="fatal")
        case "done" | "fatal" | "retriable":
            return verdict
        case _:
            assert_never(verdict.judgement)


def answer_to_write(verdict: Verdict) -> Answer:
    """The executor's view of a write."""
    match verdict.judgement:
        case "done":
            return Done(verdict.saved)
        case "fatal":
            return Barred(verdict.code, verdict.message)
        case "retriable":
            return NotDone(verdict.code, verdict.message, verdict.retry_after, verdict.outage)
        case "reject":
            return Refused(verdict.code, verdict.message, verdict.status, verdict.look_once)
        case "unknown":
            return Lost(verdict.code, verdict.message, verdict.look_once)
        case _:
            assert_never(verdict.judgement)


def required(verdict: Verdict) -> Json:
    """The JSON of an answer to a read. Raises `Retriable` where asking again may help, `Fatal` where not."""
    match verdict.judgement:
        case "done":
            return verdict.body
        case "retriable":
            raise Retriable(verdict.code, verdict.message, verdict.retry_after)
        case "fatal":
            raise Fatal(verdict.code, verdict.message)
        case _:
            raise AssertionError("of a read nothing is unknown, and there is no record to be rejected")


def of_failure(failure: Failure) -> Verdict:
    match failure.reason:
        case "unreachable":
            return Verdict(
                "retriable",
                "target-unreachable",
                f"The target cannot be reached ({failure.detail}). Check its address and whether it is up.",
                outage=True,
            )
        case "timeout":
            return Verdict(
                "unknown",
                "target-timeout",
                f"The target did not answer in time ({failure.detail}). It may be overloaded; fewer "
                "connections or a longer timeout in the target's settings may help.",
                outage=True,
            )
        case "broken":
            return Verdict(
                "unknown",
                "target-connection-lost",
                f"The connection broke before the answer was complete ({failure.detail}).",
                outage=True,
            )
        case "held":
            return Verdict("retriable", HELD, failure.detail)
        case "too-large":
            message = f"The target's answer cannot be used: {failure.detail}."
            return Verdict("unknown", "target-answer-unreadable", message)
        case _:
            assert_never(failure.reason)


def locked(status: int) -> Verdict:
    """Omeka itself never says this, so it is the same for every request."""
    return Verdict(
        "fatal",
        "target-locked",
        f"The web server before Omeka asks for a password of its own ({status}). Open the path of the "
        "API to this service.",
        status=status,
    )


def busy(reply: Reply) -> Verdict:
    return Verdict(
        "retriable",
        "target-busy",
        f"The target is too busy ({reply.status}).",
        status=reply.status,
        retry_after=reply.retry_after,
    )


def file_gone(error: OSError) -> Refused:
    """Of a write whose file cannot be read: nothing was sent."""
    reason = error.strerror or error
    message = f"The file cannot be read any more ({reason}). Upload it again, in another batch."
    return Refused("blob-missing", message, 0)
