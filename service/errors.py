"""What goes wrong for a caller: a status, and for each problem one line that says what to do.

Everything that leaves as an error is made here. As text it is one line a problem; with
`Accept: application/json` it is a problem document (RFC 9457). What was not foreseen is logged under a
number, and the caller sees the number only: no stack trace, path, statement or secret leaves the process.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.negotiation import wants_json
from service.store.database import CommitUnknownError, StoreUnavailableError

logger = logging.getLogger(__name__)

Code = Literal[
    "parameter-missing",
    "parameter-unknown",
    "parameter-repeated",
    "parameter-invalid",
    "body-malformed",
    "body-type",
    "control-invalid",
    "control-unknown",
    "file-not-expected",
    "file-missing",
    "file-unknown",
    "target-unknown",
    "source-unknown",
    "key-missing",
    "key-unknown",
    "key-throttled",
    "scope-missing",
    "target-forbidden",
    "source-forbidden",
    "foreign-origin",
    "path-unknown",
    "method-not-allowed",
    "batch-unknown",
    "run-unknown",
    "task-unknown",
    "batch-active",
    "batch-applied",
    "batch-idle",
    "batch-paused",
    "batch-not-paused",
    "batch-cancelling",
    "batch-changing",
    "batch-corrected",
    "removed",
    "file-conflict",
    "digest-differs",
    "upload-active",
    "upload-differs",
    "upload-gap",
    "plan-missing",
    "plan-unknown",
    "plan-differs",
    "dry-run-first",
    "nothing-to-undo",
    "nothing-to-retry",
    "nothing-failed",
    "too-large",
    "unavailable",
    "wrong-schema",
    "unexpected",
]
"""Stable names of problems, beside those of control files; `docs/http-api.md` lists each."""

CODES: tuple[Code, ...] = get_args(Code)


class Problem(Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong. `parameter` names a form or query parameter, `pointer` (JSON pointer)
    a place in the control file."""

    message: str
    code: str
    parameter: str | None = None
    pointer: str | None = None


class ProblemDocument(Struct, frozen=True):
    """RFC 9457. `detail` is what the text answer would be."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Problem, ...]


class ApiError(Exception):
    """Ends a request with this status; raised anywhere below a route."""

    def __init__(
        self, status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.status = status
        self.problems = tuple(problems)
        self.headers = dict(headers or {})


def refusal(status: int, code: Code, message: str, parameter: str | None = None) -> ApiError:
    """An error of a single problem."""
    return ApiError(status, [Problem(message, code, parameter)])


def bad_parameter(parameter: str, message: str, code: Code = "parameter-invalid") -> ApiError:
    return refusal(400, code, message, parameter)


def together(errors: Sequence[ApiError]) -> ApiError:
    """Several errors as one, with the lowest of their statuses: what is wrong in itself comes first."""
    problems = [problem for error in errors for problem in error.problems]
    return ApiError(min(error.status for error in errors), problems)


def shown(value: str, most: int = 80) -> str:
    """A value as it may stand within a message: shortened, on one line."""
    short = value if len(value) <= most else value[:most] + "…"
    return '"' + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short) + '"'


def error_response(request: Request, error: ApiError) -> Response:
    text = "\n".join(problem.message for problem in error.problems)
    headers = {"Cache-Control": "no-store", **error.headers}
    if wants_json(request.headers.get("accept")):
        document = ProblemDocument(
            "about:blank", HTTPStatus(error.status).phrase, error.status, text, error.problems
        )
        body = msgspec.json.encode(document)
        return Response(body, error.status, headers, media_type="application/problem+json")
    return PlainTextResponse(text + "\n", error.status, headers)


async def on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(request, error)


async def on_store_unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreUnavailableError)
    return error_response(request, store_unavailable(request, error))


def store_unavailable(request: Request, error: StoreUnavailableError) -> ApiError:
    """The 503 that says what is safe and what to do, to scripts and to people alike; the log has why."""
    logger.error("%s %s: %s", request.method, request.scope["path"], error, exc_info=error)
    now = "what you sent now was not taken."
    if request.method in ("GET", "HEAD"):
        now = "ask again."
    elif isinstance(error, CommitUnknownError):
        now = "whether what you sent now was taken is not known: look before you send it again."
    problem = Problem(f"{error} What was answered 200 before is safe; {now}", "unavailable")
    return ApiError(503, [problem], {"Retry-After": "10"})


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    path = shown(request.scope["path"], 200)
    if error.status_code == 404:
        return error_response(request, refusal(404, "path-unknown", f"There is nothing at {path}."))
    if error.status_code == 405:
        allowed = ", ".join(allowed_methods(request))
        problem = Problem(f"{request.method} is not possible at {path}; use {allowed}.", "method-not-allowed")
        return error_response(request, ApiError(405, [problem], {"Allow": allowed}))
    headers = dict(error.headers or {})
    return error_response(
        request, ApiError(error.status_code, [Problem(error.detail, "unexpected")], headers)
    )


async def on_disconnect(_request: Request, _error: Exception) -> Response:
    """Nobody listens any more; this ends the request without a line in the log of errors."""
    return PlainTextResponse("", 400)


async def on_unexpected(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    logger.error(
        "Unexpected error %s in %s %s", number, request.method, request.scope["path"], exc_info=error
    )
    message = (
        f"Something unexpected happened. Tell who runs this service the number {number}: it is in its log."
    )
    return error_response(request, refusal(500, "unexpected", message))


HANDLERS = {
    ApiError: on_api_error,
    StoreUnavailableError: on_store_unavailable,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
    Exception: on_unexpected,
}


def allowed_methods(request: Request) -> list[str]:
    """The methods of all routes of the request's path (Starlette itself names those of the first only)."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.path_regex.match(request.scope["path"]):
            methods |= route.methods or set()
    return sorted(methods)
