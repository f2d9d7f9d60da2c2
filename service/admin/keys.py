"""API keys: who has one, what it may do; a new one, shown once; the end of one."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from service.admin.controls import target_options
from service.admin.site import SIGN_IN, Page, Visit
from service.errors import bad_parameter, refusal, shown
from service.store.keys import SCOPES, Key, Scope, create_key, list_keys, revoke_key_number

PATH = "/admin/keys"
MEANINGS: dict[Scope, str] = {
    "upload": "bring control files, batches and files",
    "schedule": "run, pause, cancel and undo imports",
    "read": "read batches, logs, reports and plans",
    "admin": "sign in to these pages, and manage keys",
}
"""What a key of each scope may do."""


class KeyForm(Struct, frozen=True):
    label: Annotated[str, Meta(description="What the key is for, or who has it.")] = ""
    scope: Annotated[tuple[str, ...], Meta(description="What it may do.")] = ()
    target: Annotated[str, Meta(description="The only target that it may see; none: all.")] = ""


class Nothing(Struct, frozen=True):
    pass


async def show_keys(visit: Visit) -> Response:
    visit.query(Nothing)
    return await _page(visit, KeyForm(scope=("upload", "schedule", "read")))


async def _page(visit: Visit, form: KeyForm, problem: str = "", status: int = 200) -> Response:
    keys = [key for key in await visit.db.run(list_keys) if _is_ours(visit, key)]
    return await visit.render(
        "keys.html",
        status,
        valid=[key for key in reversed(keys) if key.revoked_at is None],
        revoked=[key for key in reversed(keys) if key.revoked_at is not None],
        scopes=SCOPES,
        meanings=MEANINGS,
        form=form,
        problem=problem,
        target_options=target_options(visit, "All targets" if visit.key.target is None else None),
    )


def _is_ours(visit: Visit, key: Key) -> bool:
    """A key that is bound to a target knows of no keys but those that are bound to it too."""
    return visit.key.target is None or key.target == visit.key.target


async def post_key(visit: Visit) -> Response:
    form = await visit.form(KeyForm)
    label = form.label.strip()
    problem = _problem(visit, form, label)
    if problem:
        return await _page(visit, form, problem, 400)
    scopes = tuple(scope for scope in SCOPES if scope in form.scope)
    target = form.target or visit.key.target
    new = await visit.db.run(create_key, label, scopes, target)
    # No redirect: the key would have to be kept somewhere for the next page.
    return await visit.render("key-made.html", new=new, scopes=SCOPES, meanings=MEANINGS)


def _problem(visit: Visit, form: KeyForm, label: str) -> str:
    unknown = sorted(set(form.scope) - set(SCOPES))
    if not 1 <= len(label) <= 255:
        return "Say what the key is for, or who has it: 1 to 255 characters."
    if unknown:
        return f"{shown(unknown[0])} is nothing that a key may do."
    if not form.scope:
        return "Choose what the key may do: at least one thing."
    if form.target and form.target not in visit.services.settings.targets:
        return f"There is no target {shown(form.target)}. Choose one of the list."
    if not _is_ours_target(visit, form.target):
        return f"Your key is bound to {visit.key.target}: it makes keys for that target only."
    return ""


def _is_ours_target(visit: Visit, target: str) -> bool:
    return visit.key.target is None or target in ("", visit.key.target)


async def show_key(visit: Visit) -> Response:
    visit.query(Nothing)
    key = await _key(visit)
    return await visit.render("key.html", one=key, scopes=SCOPES, meanings=MEANINGS)


async def _key(visit: Visit) -> Key:
    """The key whose number stands in the address. Raises `ApiError` 404."""
    number = visit.path("number")
    for key in await visit.db.run(list_keys):
        if str(key.id) == number and _is_ours(visit, key):
            return key
    raise refusal(404, "key-unknown", "There is no such key.")


async def post_revoke(visit: Visit) -> Response:
    await visit.form(Nothing)
    key = await _key(visit)
    revoked = await visit.db.run(revoke_key_number, key.id)
    if revoked is None:
        raise bad_parameter("number", f"The key {key.label} was revoked before.")
    if visit.session is not None and key.id == visit.session.key_id:
        await visit.sign_out()
        return visit.redirect(SIGN_IN, "You revoked the key that you were signed in with.")
    said = f"The key {key.label} is revoked: nobody gets in with it any more, and its sessions are over."
    return visit.redirect(PATH, said)


PAGES = (
    Page("GET", PATH, show_keys, section="keys"),
    Page("POST", PATH, post_key, section="keys"),
    Page("GET", f"{PATH}/{{number}}", show_key, section="keys"),
    Page("POST", f"{PATH}/{{number}}/revoke", post_revoke, section="keys"),
)
