"""The endpoints under /standin: the whole state, bulk rows, users. No real Omeka has them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from tests.standins.shared.control import Control as BaseControl
from tests.standins.shared.php import Json
from tests.standins.shared.traffic import Traffic

from .access import Caller
from .database import Database
from .knobs import Knobs
from .model import TYPES, File, Key, Row, User
from .render import Renderer
from .seeding import Seeder

SUPER = User(id=1, username="super", name="Super User", email="super@example.org", role="super")


class Control(BaseControl):
    """Answers the requests under /standin."""

    def __init__(self, database: Database, knobs: Knobs, traffic: Traffic) -> None:
        super().__init__(database, knobs, traffic)
        self._db = database
        self._knobs = knobs

    def dump(self) -> Json:
        """All records as a super user sees them, by resource, in the order of their ids. A file also has the
        SHA-256 of its stored bytes; keys are left out."""
        renderer = Renderer(self._db, Knobs(), Caller(SUPER), "")

        def shown(row: Row) -> Json:
            document = renderer.row(row)
            if isinstance(row, File):
                content = self._db.stored.find(f"original/{row.filename}")
                document["sha256"] = None if content is None else _sha256(content.chunks())
            return document

        return {name: [shown(row) for row in self._db.rows(name)] for name in TYPES if name != "keys"}

    def seed(self, document: Json) -> Json:
        """Rows as they are given; answers their ids."""
        return Seeder(self._db).seed(document)

    def add_user(self, data: Json) -> Json:
        """A user with a key, or another key for one that exists."""
        number = data.get("id") or self._db.next_id("users")
        user = self._db.users.get(number)
        if user is None:
            username = data.get("username", f"user{number}")
            user = User(
                id=number,
                username=username,
                name=data.get("name", f"User {number}"),
                email=data.get("email", f"{username}@example.org"),
                role=data["role"],
            )
        user.active = data.get("active", True)
        self._db.put(user)
        key = Key(id=self._db.next_id("keys"), key=data.get("key") or secrets.token_hex(20), user=number)
        self._db.put(key)
        return {"id": number, "key": key.key}


def ensure_super(database: Database, given: str | None) -> str:
    """The super user's key: the given one, the stored one, or a new one."""
    if SUPER.id not in database.users:
        database.put(SUPER)
    stored = next((key.key for key in database.keys.values() if key.user == SUPER.id), None)
    if stored is None or (given is not None and given != stored):
        stored = given or secrets.token_hex(20)
        database.put(Key(id=database.next_id("keys"), key=stored, user=SUPER.id))
    return stored


def _sha256(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
