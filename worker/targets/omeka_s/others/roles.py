"""What a user may become: never more than a reader but by the control file's own word, never an administrator
unless the target's settings allow it. No password is ever set. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.control.suggest import nearest
from worker.errors import Reject
from worker.planning.values import Current
from worker.records import Draft, Problem

ROLES = ("researcher", "author", "reviewer", "editor", "site_admin", "global_admin")
"""Omeka S's own, by their names in its API. `site_admin` is what its pages call supervisor."""
ADMIN_ROLES = frozenset({"site_admin", "global_admin"})
_ALLOW = "Set allow_admin_roles for this target in the settings if that is meant."


def check(draft: Draft, allow_admin_roles: bool) -> Iterator[Problem]:
    role = draft.fields.own.get("role")
    if not isinstance(role, str) or not role:
        return
    if role.casefold() in ("supervisor", *ADMIN_ROLES) and not allow_admin_roles:
        message = f"No import makes an administrator (“{role}”). {_ALLOW}"
        yield Problem("reject", "role-refused", message, value=role)
    elif role not in ROLES:
        meant = "site_admin" if role.casefold() == "supervisor" else nearest(role, ROLES)
        hint = f" Did you mean “{meant}”?" if meant else ""
        message = f"There is no role “{role}”: Omeka has {', '.join(ROLES)}.{hint}"
        yield Problem("reject", "role-unknown", message, value=role)


def require_no_administrator(draft: Draft, current: Current, allow_admin_roles: bool) -> None:
    """Who is an administrator stays one, and keeps the name that Omeka shows. Raises `Reject`."""
    roles = [held.content.text for held in current.fields["role"]]
    if allow_admin_roles or not ADMIN_ROLES.intersection(one for one in roles if one):
        return
    said = {word: value for word, value in draft.fields.own.items() if word in ("role", "name")}
    for word, value in said.items():
        if [value] != [held.content.text for held in current.fields[word]]:
            raise Reject(
                "role-refused",
                f"user {current.id} is an administrator in Omeka ({roles[0]}), and no import changes the "
                f"{word} of one. {_ALLOW}",
            )
