"""How any Omeka's answer is judged: the parts of the taxonomy that no kind of Omeka has of its own.

The rule for writes: *fatal*, *retriable* and *reject* are said only where Omeka (or what stands before it)
certainly did nothing. Everything else is *unknown*: it may have taken effect, and the executor looks before
it sends again. `docs/errors.md` has the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeAlias, assert_never

import msgspec
from msgspec import Struct

from worker.targets.base import Operation
from worker.targets.http import Failure, Outcome, Reply
from worker.targets.redact import excerpt, redact
from worker.targets.verdict import Verdict, busy, locked, of_failure, of_read

_BEGINS_AS_JSON = re.compile(rb"\s*(?:[{\[]|null)")

Asked: TypeAlias = Literal["proof", "read"] | Operation
"""`proof`: the first question to a target, whether it is one, and the key good."""


class Rules(Struct, frozen=True):
    """What one kind of Omeka has of its own, by what it answers. A read is no operation."""

    success: Callable[[Operation | None, Reply], Verdict]
    redirect: Callable[[Reply], Verdict]
    client_error: Callable[[Reply], Verdict]
    server_error: Callable[[Reply], Verdict]
    proof: Callable[[Verdict, Reply], Verdict]
    """What is said of the answer to the first question, by what it would mean otherwise."""


def judged(rules: Rules, asked: Asked, outcome: Outcome) -> Verdict:
    """The meaning of any answer, or lack of one, to what was asked."""
    verdict = _of_write(rules, asked if isinstance(asked, Operation) else None, outcome)
    match asked:
        case Operation():
            return verdict
        case "read":
            return of_read(verdict)
        case "proof":
            return of_read(rules.proof(verdict, outcome) if isinstance(outcome, Reply) else verdict)
        case _:
            assert_never(asked)


def _of_write(rules: Rules, operation: Operation | None, outcome: Outcome) -> Verdict:
    match outcome:
        case Failure():
            return of_failure(outcome)
        case Reply(status=status) if 200 <= status < 300:
            return rules.success(operation, outcome)
        case Reply(status=status) if 300 <= status < 400:
            return rules.redirect(outcome)
        case Reply(status=status) if 400 <= status < 500:
            verdict = before_omeka(outcome) or rules.client_error(outcome)
            if verdict.code == "target-gone" and operation is not None and operation.method == "delete":
                return msgspec.structs.replace(verdict, judgement="unknown", look_once=True)
            return verdict
        case Reply():
            return rules.server_error(outcome)
        case _:
            assert_never(outcome)


def begins_as_json(reply: Reply) -> bool:
    """Whether it may be an answer of the API's, by its first bytes: a page of HTML is none."""
    return _BEGINS_AS_JSON.match(reply.body) is not None


# --- what stands before Omeka ---------------------------------------------------------------------


def before_omeka(reply: Reply) -> Verdict | None:
    """A 4xx whose status alone says what it means; None where its text has to be read."""
    match reply.status:
        case 429:
            return busy(reply)
        case 408:
            message = "The target waited too long for the request."
            return Verdict("unknown", "target-timeout", message, status=408)
        case 401 | 407:
            return locked(reply.status)
        case _:
            return None


def of_web_server(reply: Reply, omeka: str) -> Verdict:
    """A 4xx that is not the API's own: a web server, proxy or firewall before it, or another site.

    `omeka`: the kind that is looked for, as a person calls it.
    """
    status = reply.status
    if status in {404, 410}:
        return Verdict(
            "retriable",
            "target-not-omeka",
            f"There is no {omeka} API at this address ({status}). Check the target's address: it is the "
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


def redirected(reply: Reply) -> Verdict:
    location = reply.headers.get("location", "")
    return Verdict(
        "unknown",
        "target-redirected",
        f"The target redirects to {excerpt(redact(location)) or 'nowhere'}, which is never followed. If the "
        "site has moved (to https, say), write its new address into the target's settings.",
        status=reply.status,
        outage=True,
    )


def unreadable(reply: Reply, *, from_omeka: bool) -> Verdict:
    """A success without what belongs to it. `from_omeka`: JSON that is cut off, or of something else, comes
    from Omeka all the same; then it is no outage."""
    return Verdict(
        "unknown",
        "target-answer-unreadable",
        f"The target answered {reply.status}, but not with what Omeka's API answers. An outage page, a proxy "
        "or a login page may stand before it; look at the address in a browser.",
        status=reply.status,
        outage=not from_omeka,
    )


# --- 5xx ------------------------------------------------------------------------------------------


def refuses_for_now(reply: Reply) -> bool:
    """A deliberate refusal. Caches before a site send it too, after a backend that broke off half-way."""
    by_cache = {"via", "x-varnish"} & reply.headers.keys()
    return reply.status == 503 and reply.retry_after is not None and not by_cache


def bad_gateway(reply: Reply) -> Verdict:
    return Verdict(
        "unknown",
        "target-bad-gateway",
        f"The web server before Omeka got no answer from it ({reply.status}): PHP is down, restarting or "
        "overloaded.",
        status=reply.status,
        retry_after=reply.retry_after,
        outage=True,
    )


def failed(reply: Reply, said: str, *, by_omeka: bool) -> Verdict:
    """Anything else. `said`: Omeka's own words, as they may be quoted; `by_omeka`: whether it was Omeka that
    answered, and not what stands before it."""
    return Verdict(
        "unknown",
        "target-failed",
        f"Omeka failed ({reply.status}{f': {said}' if said else ''}). Its administrator finds the "
        "reason in Omeka's or PHP's log.",
        status=reply.status,
        outage=not by_omeka,
        # Omeka's own word comes when it has done with the request; what a gateway says may come before.
        look_once=by_omeka,
    )
