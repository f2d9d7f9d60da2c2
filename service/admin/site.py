"""What all pages share: who visits, how a page is drawn, how a form is checked, how an error looks.

A page is a :class:`Page`: address, handler, and what it needs. Its handler gets a :class:`Visit`, which is
the `Call` that the routes of the API get, so both use the same functions; beside that it has the session.
"""

from __future__ import annotations

import functools
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlencode, urlsplit

from anyio.to_thread import run_sync
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from service.admin import words
from service.admin.secret import signing_secret
from service.admin.session import LIFETIME, Flash, Session, Signer, Tone
from service.admin.static_files import StaticFiles
from service.api.context import Call, Operation, Services
from service.api.lines import moment
from service.auth import require_scope
from service.errors import ApiError, Problem, error_response, refusal, store_unavailable
from service.settings import VERSION
from service.store.database import StoreUnavailableError
from service.store.keys import Key, valid_key
from service.store.runs import RunFacts
from service.store.sessions import end_session, key_of_session
from service.store.summary import summary
from service.uploads import Form, read_form

logger = logging.getLogger(__name__)
T = TypeVar("T", bound=Struct)

HEADERS = {
    # No script, style or picture but our own files; forms go nowhere else; nobody frames a page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    # With `no-referrer` browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SIGN_IN = "/admin/sign-in"
CSRF = "csrf"
"""The field of every form that proves that it is ours."""
ADMITTED_AGAIN = 5.0
"""Seconds between two looks whether somebody who watches still may."""
FLASH = "accession-said"
MOST_FLASH = 1000
"""Characters of what the next page says: a cookie holds 4096 bytes."""


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the navigation."""

    name: str
    title: str
    path: str


SECTIONS: Sequence[Section] = (
    Section("batches", "Batches", "/admin/batches"),
    Section("new", "New import", "/admin/new"),
    Section("controls", "Control files", "/admin/controls"),
    Section("targets", "Targets", "/admin/targets"),
    Section("keys", "Keys", "/admin/keys"),
    Section("system", "System", "/admin/system"),
)

TABS: Sequence[tuple[str, str, str]] = (
    ("batch", "Overview", ""),
    ("plan", "Plan", "/plan"),
    ("report", "Report", "/report"),
    ("log", "Log", "/log"),
)
"""The pages of one batch: name, title, what stands after the batch's address."""

Shown: TypeAlias = "Callable[[Visit], Awaitable[Response]]"


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or what a form of it does. `open`: it needs no session."""

    method: Literal["GET", "POST"]
    path: str
    handler: Shown
    section: str = ""
    open: bool = False
    fragment: bool = False
    """It is no page of its own but a part that scripts fetch, or a file: no errors as pages."""

    def __post_init__(self) -> None:
        assert self.path.startswith("/admin"), self.path


class Site:
    """Made once, by the application."""

    def __init__(self, services: Services) -> None:
        public = urlsplit(services.settings.public_url)
        self.services = services
        self.base = public.path.rstrip("/")
        """What stands before `/admin` in the addresses that users see."""
        self.https = public.scheme == "https"
        self.files = StaticFiles(self.base)
        self.templates = _environment()

    @functools.cached_property
    def signer(self) -> Signer:
        """Reads, or makes, the secret: call it in a thread. Raises `StoreUnavailableError`."""
        return Signer(signing_secret(self.services.settings))

    def route(self, page: Page) -> Route:
        operation = Operation(page.method, page.path, _never, page.path)

        async def endpoint(request: Request) -> Response:
            visit = Visit(request, self.services, operation, None, site=self, page=page)
            try:
                await run_sync(lambda: self.signer)
                await self.services.readiness.require()
                if not page.open and not await visit.admit():
                    return visit.to_sign_in()
                response = await page.handler(visit)
            except ClientDisconnect:
                raise
            except Exception as error:
                response = await visit.failed(error)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return Route(page.path, endpoint, methods=[page.method], name=f"{page.method} {page.path}")


@dataclass(slots=True)
class Visit(Call):
    """One request of a page."""

    site: Site
    page: Page
    session: Session | None = None
    _is_ours: bool = False
    """Whether the form has shown that it is ours."""
    _admitted_at: float = field(default_factory=time.monotonic)
    _cookies: list[Callable[[Response], None]] = field(default_factory=list)

    # --- who visits -------------------------------------------------------------------------------

    @property
    def key(self) -> Key:
        """Who signed in. Nothing may be done for anybody before the form has shown that it is ours."""
        assert self.maybe_key is not None, "an open page has no key"
        assert self.page.method == "GET" or self._is_ours, "read the form first"
        return self.maybe_key

    @property
    def secure(self) -> bool:
        return self.site.https or self.request.url.scheme == "https"

    @property
    def cookie_name(self) -> str:
        # With this prefix no other host of the domain, and no page without https, can set it.
        return "__Host-accession" if self.secure else "accession"

    async def admit(self) -> bool:
        """Whether somebody is signed in. Raises `ApiError` for a key that may not look here."""
        if self.request.headers.get("authorization") is not None and self.page.method == "GET":
            self.maybe_key = await self.services.doorkeeper.identify(self.request, "Accession admin")
        else:
            cookie = self.request.cookies.get(self.cookie_name)
            self.session = self.site.signer.read_session(cookie, int(time.time()))
            if self.session is None:
                return False
            self.maybe_key = await self.db.run(key_of_session, self.session.key_id, self.session.nonce)
            if self.maybe_key is None:
                return False
            await self.services.doorkeeper.note_use(self.maybe_key)
        require_scope(self.maybe_key, "admin")
        return True

    async def still_admitted(self) -> bool:
        """Whether who began to watch may still look: keys are revoked, sessions end."""
        now = time.monotonic()
        if now - self._admitted_at < ADMITTED_AGAIN:
            return True
        self._admitted_at = now
        assert self.maybe_key is not None, "nobody was admitted"
        if self.session is None:
            return await self.db.run(valid_key, self.maybe_key.id) is not None
        if self.session.ends <= time.time():
            return False
        return await self.db.run(key_of_session, self.session.key_id, self.session.nonce) is not None

    async def sign_in(self, key: Key) -> None:
        """From now on this browser is signed in, in a session that has never been before."""
        await self._end_session()
        session = self.site.signer.begin(key.id, int(time.time()))
        cookie = self.site.signer.session_cookie(session)
        self.set_cookie(self.cookie_name, cookie, LIFETIME)

    async def sign_out(self) -> None:
        await self._end_session()
        self.set_cookie(self.cookie_name, "", 0)

    async def _end_session(self) -> None:
        """Who has a copy of this browser's cookie is signed out too."""
        cookie = self.request.cookies.get(self.cookie_name)
        session = self.site.signer.read_session(cookie, int(time.time()))
        if session is not None:
            await self.db.run(end_session, session.nonce, session.ends)

    def to_sign_in(self) -> Response:
        """To a browser the form, to anything else a challenge."""
        if self.request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Refresh": "true"})
        if "text/html" not in self.request.headers.get("accept", "") or self.page.fragment:
            challenge = {"WWW-Authenticate": 'Basic realm="Accession admin", charset="UTF-8"'}
            message = (
                f"Sign in at {SIGN_IN}, or for reading send HTTP Basic with the user haplo and a key of the"
                " scope admin."
            )
            return error_response(self.request, ApiError(401, [Problem(message, "key-missing")], challenge))
        query = self.request.url.query
        here = self.request.scope["path"] + (f"?{query}" if query else "")
        after = f"?{urlencode({'next': here})}" if self.page.method == "GET" else ""
        return RedirectResponse(self.address(f"{SIGN_IN}{after}"), 303)

    # --- what it sends ----------------------------------------------------------------------------

    async def form(self, type_: type[T]) -> T:
        """A form without files. Raises `ApiError`: 403 for one that is not ours."""
        async with read_form(self.request, self.services.form_limits) as form:
            self.require_ours(form)
            return self.fields(type_, form, also=(CSRF,))

    def require_ours(self, form: Form) -> None:
        """Raises `ApiError` 403 unless the form (what came of it so far) carries the session's token."""
        nonce = self.session.nonce if self.session is not None else ""
        if not nonce or not any(self.site.signer.is_token(nonce, one) for one in form.texts(CSRF)):
            raise not_ours()
        self._is_ours = True

    # --- what it gets -----------------------------------------------------------------------------

    def address(self, path: str, **query: object) -> str:
        """An address of ours as the browser sees it; what is None is left out."""
        pairs = [
            (name, one)
            for name, value in query.items()
            if value is not None
            for one in (value if isinstance(value, list | tuple) else [value])
        ]
        return f"{self.site.base}{path}" + (f"?{urlencode(pairs)}" if pairs else "")

    async def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page of this template."""
        flash = self.site.signer.read_flash(self.request.cookies.get(FLASH))
        if flash is not None and not self.page.fragment:
            self.set_cookie(FLASH, "", 0)
        html = await self.html(template, flash=flash, **context)
        response = HTMLResponse(html, status)
        for set_cookie in self._cookies:
            set_cookie(response)
        return response

    async def html(self, template: str, **context: Any) -> str:
        """The same as text: a part of a page."""
        token = self.site.signer.token(self.session.nonce) if self.session is not None else ""
        own = {
            "visit": self,
            "address": self.address,
            "static": self.site.files.address,
            "sections": SECTIONS,
            "section": self.page.section,
            "tabs": TABS,
            "key": self.maybe_key,
            "csrf_name": CSRF,
            "csrf": token,
            "version": VERSION,
        }
        return await self.site.templates.get_template(template).render_async({**own, **context})

    def redirect(self, path: str, said: str = "", tone: Tone = "good", **query: object) -> Response:
        """After a form: to the page that shows what it did, which says so."""
        if said:
            short = said if len(said) <= MOST_FLASH else f"{said[:MOST_FLASH]}…"
            self.set_cookie(FLASH, self.site.signer.flash_cookie(Flash(tone, short)), 60)
        response = RedirectResponse(self.address(path, **query), 303)
        for set_cookie in self._cookies:
            set_cookie(response)
        return response

    def set_cookie(self, name: str, value: str, max_age: int) -> None:
        """Of the answer; `max_age` 0 removes it. No script reads it."""

        def on(response: Response) -> None:
            response.set_cookie(
                name, value, max_age=max_age, path="/", secure=self.secure, httponly=True, samesite="lax"
            )

        self._cookies.append(on)

    async def failed(self, error: Exception) -> Response:
        """An error as a page; to what is no browser, and to scripts of a page, as text."""
        known = self._known(error)
        headers = {"Cache-Control": "no-store", **known.headers}
        if self.page.fragment or "WWW-Authenticate" in known.headers:
            return error_response(self.request, known)
        try:
            response = await self.render("error.html", known.status, problems=known.problems)
        except StoreUnavailableError:  # without a secret there is no page
            return error_response(self.request, known)
        response.headers.update(headers)
        return response

    def _known(self, error: Exception) -> ApiError:
        if isinstance(error, ApiError):
            return error
        if isinstance(error, StoreUnavailableError):
            return store_unavailable(self.request, error)
        code = secrets.token_hex(4)
        logger.error(
            "Unexpected error %s in %s %s",
            code,
            self.request.method,
            self.request.scope["path"],
            exc_info=error,
        )
        message = (
            f"Something unexpected happened. Tell who runs this service the number {code}: it is in its log."
        )
        return refusal(500, "unexpected", message)


def not_ours() -> ApiError:
    return refusal(
        403,
        "foreign-origin",
        "This form was not made for you, or you signed in again since: nothing was done. Go back, reload the"
        " page and send it again; your browser must accept cookies.",
    )


async def _never(_call: Call) -> Response:
    raise AssertionError("pages have handlers of their own")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.admin"),
        autoescape=True,
        undefined=StrictUndefined,
        enable_async=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    environment.filters["moment"] = moment
    environment.filters["summary"] = _summary
    environment.filters["nl2br"] = _with_breaks
    environment.filters["prose"] = _prose
    environment.globals["plural"] = words.plural
    environment.globals["states"] = words.STATES
    environment.globals["health"] = words.HEALTH
    environment.globals["target_kinds"] = words.TARGET_KINDS
    return environment


def _with_breaks(text: str) -> Markup:
    """Line breaks as such; everything else escaped."""
    return Markup("<br>").join(text.splitlines())


def _prose(text: str) -> Markup:
    """Lines of a message, what stands in backquotes as code; everything else escaped."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one of them is alone
        return _with_breaks(text)
    shown = [
        Markup("<code>{}</code>").format(piece) if place % 2 else Markup("<br>").join(piece.split("\n"))
        for place, piece in enumerate(pieces)
    ]
    return Markup().join(shown)


def _summary(facts: RunFacts) -> str:
    return summary(facts, going=facts.ended_at is None)
