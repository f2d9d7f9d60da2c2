"""Signing in with a key of the scope `admin`, and signing out."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.session import ENTRY_LIFETIME
from service.admin.site import CSRF, SIGN_IN, Page, Visit, not_ours
from service.api.forms import Captured
from service.auth import require_scope
from service.errors import ApiError
from service.uploads import read_form

ENTRY = "accession-entry"
"""The cookie that proves that the form to sign in was shown to this browser."""
HOME = "/admin/batches"


class SignInQuery(Struct, frozen=True):
    next: Annotated[str, Meta(description="Where to go then.")] = HOME


class SignInForm(Struct, frozen=True):
    key: Annotated[Captured, Meta(description="An API key of the scope admin.")]
    next: Annotated[str, Meta(description="Where to go then.")] = HOME


class Nothing(Struct, frozen=True):
    pass


async def show_sign_in(visit: Visit) -> Response:
    query = visit.query(SignInQuery)
    return await _sign_in_page(visit, _within(query.next))


async def sign_in(visit: Visit) -> Response:
    entry = visit.request.cookies.get(ENTRY, "")
    async with read_form(visit.request, visit.services.form_limits) as form:
        if not entry or not any(
            visit.site.signer.is_token(f"entry:{entry}", one) for one in form.texts(CSRF)
        ):
            raise not_ours()
        wanted = visit.fields(SignInForm, form, also=(CSRF,))
    try:
        key = await visit.services.doorkeeper.recognise(visit.request, wanted.key.strip())
        require_scope(key, "admin")
    except ApiError as error:
        status = 403 if error.status == 401 else error.status
        response = await _sign_in_page(visit, _within(wanted.next), _problem(error), status)
        if "Retry-After" in error.headers:
            response.headers["Retry-After"] = error.headers["Retry-After"]
        return response
    await visit.sign_in(key)
    visit.set_cookie(ENTRY, "", 0)
    return visit.redirect(_within(wanted.next))


async def sign_out(visit: Visit) -> Response:
    await visit.form(Nothing)
    await visit.sign_out()
    return visit.redirect(SIGN_IN, "You are signed out.")


def _problem(error: ApiError) -> str:
    match error.problems[0].code:
        case "key-unknown":
            return "This key is unknown, or was revoked. Check that it was copied whole: it begins with acc_."
        case "scope-missing":
            return "This key may not look here. Use one of the scope admin."
        case _:
            return error.problems[0].message


async def _sign_in_page(visit: Visit, following: str, problem: str = "", status: int = 200) -> Response:
    entry = secrets.token_urlsafe(18)
    visit.set_cookie(ENTRY, entry, ENTRY_LIFETIME)
    token = visit.site.signer.token(f"entry:{entry}")
    return await visit.render("sign-in.html", status, following=following, problem=problem, csrf=token)


def _within(path: str) -> str:
    """The path if it is one of our pages, else the first page: nobody is sent elsewhere."""
    parts = urlsplit(path)
    ours = (
        path.startswith("/admin/")
        and not parts.scheme
        and not parts.netloc
        and "\\" not in path
        and "/.." not in parts.path
        and path.isprintable()
    )
    return path if ours and not path.startswith(SIGN_IN) else HOME


PAGES = (
    Page("GET", SIGN_IN, show_sign_in, open=True),
    Page("POST", SIGN_IN, sign_in, open=True),
    Page("POST", "/admin/sign-out", sign_out),
)
