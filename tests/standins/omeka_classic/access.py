"""Who asks, and what Omeka's access list lets them do and see."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.shared.php import Query

from .database import Database
from .errors import ApiError, denied
from .model import Collection, Exhibit, ExhibitPage, File, Geolocation, Item, Row, SimplePage, User

_ADMIN = frozenset({"super", "admin"})
_CONTRIBUTOR = _ADMIN | {"contributor"}
_ADD: dict[str, frozenset[str]] = {
    "items": _CONTRIBUTOR,
    "collections": _CONTRIBUTOR,
    "files": _CONTRIBUTOR,
    "geolocations": _CONTRIBUTOR,
    "element_sets": frozenset({"super"}),
    "elements": _ADMIN,
    "item_types": _ADMIN,
    "tags": _ADMIN,
}


@dataclass(frozen=True)
class Caller:
    """The user of a request; ``user`` is None for the anonymous."""

    user: User | None

    @property
    def role(self) -> str:
        """The role, or an empty string."""
        return self.user.role if self.user else ""

    @property
    def id(self) -> int | None:
        """The user's id."""
        return self.user.id if self.user else None

    def may_add(self, resource: str) -> None:
        """Raise 403 unless records of this kind may be created."""
        if self.role not in _ADD[resource]:
            raise denied()

    def may_change(self, resource: str, owner: int | None) -> None:
        """Raise 403 unless the record of that owner may be changed or deleted."""
        if self.role in _ADD[resource] and (self.role in _ADMIN or owner == self.id):
            return
        raise denied()

    def may_read(self, row: Row) -> None:
        """Raise 403 unless the record may be read, which is a question of users only."""
        if isinstance(row, User) and self.role != "super" and row.id != self.id:
            raise denied()

    def sees(self, db: Database, row: Row) -> bool:
        """Whether the record exists for this caller: any user sees what is private."""
        if self.user is not None:
            return True
        if isinstance(row, Item | Collection | Exhibit):
            return row.public
        if isinstance(row, File | Geolocation):
            return db.items[row.item].public
        if isinstance(row, ExhibitPage):
            return db.exhibits[row.exhibit].public
        return row.is_published if isinstance(row, SimplePage) else True


def identify(database: Database, query: Query) -> Caller:
    """The owner of the key in the query; a key that is no active user's is refused."""
    if "key" not in query:
        return Caller(None)
    for key in database.keys.values():
        if key.key == query["key"]:
            user = database.users.get(key.user)
            if user is not None and user.active:
                return Caller(user)
    raise ApiError(403, "Invalid key.")
