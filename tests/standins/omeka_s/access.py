"""Who asks, and what Omeka's access list lets them do and see."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.shared.php import Query

from .database import Database
from .errors import denied
from .model import Media, Resource, User, Value

_SEE_ALL = {"global_admin", "site_admin", "editor", "reviewer"}
_EDIT_ALL = {"global_admin", "site_admin", "editor"}
_WRITE = _SEE_ALL | {"author"}
_ADMIN = {"global_admin", "site_admin"}
_CREATE = {
    "Item": _WRITE,
    "ItemSet": _WRITE,
    "Media": _WRITE,
    "Asset": _WRITE,
    "ResourceTemplate": _WRITE,
    "Vocabulary": _EDIT_ALL,
    "Property": _EDIT_ALL,
    "ResourceClass": _EDIT_ALL,
    "Site": _EDIT_ALL,
    "User": _ADMIN,
    "CustomVocab": _WRITE,
}


@dataclass(frozen=True)
class Caller:
    """The user of a request; ``user`` is None for the anonymous, which includes every wrong key."""

    user: User | None

    @property
    def role(self) -> str:
        """The role, or an empty string."""
        return self.user.role if self.user else ""

    @property
    def sees_all(self) -> bool:
        """Whether private resources and values of others are visible."""
        return self.role in _SEE_ALL

    def sees(self, row: Resource) -> bool:
        """Whether a resource exists for this caller."""
        return row.public or self.sees_all or (self.user is not None and row.owner == self.user.id)

    def sees_value(self, row: Resource, value: Value) -> bool:
        """Whether a value of a visible resource is shown."""
        return value.public or self.sees_all or (self.user is not None and row.owner == self.user.id)

    def may_create(self, entity: str) -> None:
        """Raise 403 unless resources of this kind may be created."""
        if self.role not in _CREATE.get(entity, _ADMIN):
            raise denied("create", f"Omeka\\Api\\Adapter\\{entity}Adapter")

    def may_try(self, action: str, entity: str) -> None:
        """Raise 403 unless the adapter lets this role try to update or delete at all."""
        if self.role not in _CREATE.get(entity, _ADMIN):
            raise denied(action, f"Omeka\\Api\\Adapter\\{entity}Adapter")

    def may_change(self, action: str, entity: str, owner: int | None) -> None:
        """Raise 403 unless this very row may be updated or deleted."""
        mine = self.user is not None and owner == self.user.id
        everything = _EDIT_ALL | ({"reviewer"} if action == "update" else set())
        if not mine and self.role not in everything:
            raise denied(action, f"Omeka\\Entity\\{entity}")

    def may_give_away(self, entity: str, owner: int | None) -> None:
        """Raise 403 unless the owner may be set to somebody else."""
        if self.role not in _EDIT_ALL and (self.user is None or owner != self.user.id):
            raise denied("change-owner", f"Omeka\\Entity\\{entity}")

    def may_search_users(self) -> None:
        """Raise 403 for the anonymous."""
        if self.user is None:
            raise denied("search", "Omeka\\Api\\Adapter\\UserAdapter")


def identify(database: Database, query: Query) -> Caller:
    """The owner of the key in the query; headers play no part, and a wrong key is not an error."""
    identity, credential = query.get("key_identity"), query.get("key_credential")
    if isinstance(identity, str):
        key = database.keys.get(identity)
        user = database.users.get(key.user) if key else None
        if key and user and user.active and key.credential == credential:
            return Caller(user)
    return Caller(None)


def media_seen(caller: Caller, media: list[Media]) -> list[Media]:
    """Those media which the caller sees."""
    return media if caller.sees_all else [m for m in media if caller.sees(m)]
