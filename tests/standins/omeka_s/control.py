"""The endpoints under /standin: knobs, counts, the whole state, bulk rows, users. No real Omeka has them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime

import msgspec

from tests.standins.shared.control import Control as BaseControl
from tests.standins.shared.storage import Spool
from tests.standins.shared.traffic import Traffic

from .access import Caller
from .database import Database, Row
from .knobs import Knobs
from .model import (
    Asset,
    CustomVocab,
    Item,
    ItemSet,
    Json,
    Key,
    Media,
    Site,
    Template,
    TemplateProperty,
    User,
)
from .render import Renderer
from .resources import KINDS
from .values import Values

ADMIN = User(id=1, name="Admin", email="admin@example.org", role="global_admin", created=0)
_DUMPED = ("items", "item_sets", "media", "users", "sites", "assets", "templates", "custom_vocabs")


class Control(BaseControl):
    """Answers the requests under /standin."""

    def __init__(self, database: Database, knobs: Knobs, traffic: Traffic) -> None:
        super().__init__(database, knobs, traffic)
        self._db = database
        self._knobs = knobs

    def seed(self, document: Json) -> Json:
        """Rows as they are given; answers their ids."""
        return Seeder(self._db, self._knobs).seed(document)

    def dump(self) -> Json:
        """All resources as the administrator sees them."""
        renderer = Renderer(self._db, Caller(ADMIN), "", maps=True)
        dump: dict[str, Json] = {}
        for table in _DUMPED:
            rows = sorted(getattr(self._db, table).values(), key=lambda r: r.id)
            dump[table] = [_plain(renderer.row(row)) for row in rows]
        own = sorted((v for v in self._db.vocabularies.values() if v.id > 4), key=lambda v: v.id)
        dump["vocabularies"] = [_plain(renderer.row(row)) for row in own]
        return dump

    def add_user(self, data: Json) -> Json:
        """A user with a key."""
        number = data.get("id") or self._db.next_id("users")
        user = self._db.users.get(number) or User(
            id=number,
            name=data.get("name", f"User {number}"),
            email=data.get("email", f"user{number}@example.org"),
            role=data.get("role", "author"),
            created=self._db.now(),
        )
        user.active = data.get("active", True)
        key = Key(
            identity=data.get("identity") or secrets.token_hex(16),
            credential=data.get("credential") or secrets.token_hex(16),
            user=number,
        )
        self._db.put(user)
        self._db.put(key)
        return {"id": number, "identity": key.identity, "credential": key.credential}


def _plain(shown: Json) -> Json:
    shown.pop("@context")
    return shown


def ensure_admin(database: Database, identity: str | None, credential: str | None) -> Key:
    """The administrator's key: the given one, the stored one, or a new one."""
    if ADMIN.id not in database.users:
        database.put(msgspec.structs.replace(ADMIN, created=database.now()))
    stored = next((k for k in database.keys.values() if k.user == ADMIN.id), None)
    if stored is None or identity is not None:
        stored = Key(
            identity=identity or secrets.token_hex(16),
            credential=credential or secrets.token_hex(16),
            user=ADMIN.id,
        )
        database.put(stored)
    return stored


class Seeder:
    """Puts rows into the database as given, ids and times included, without permissions or validation."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._values = Values(database, knobs)

    def seed(self, document: Json) -> Json:
        """Rows by resource name, in the API's own JSON; a list stands for items. Answers the ids."""
        sections: dict[str, Json] = {"items": document} if isinstance(document, list) else {**document}
        for table, number in sections.pop("next_ids", {}).items():
            self._db.set_next_id(table, number)
        return {name: [self._put(name, shown) for shown in rows] for name, rows in sections.items()}

    def _put(self, name: str, shown: Json) -> int:
        if name in KINDS:
            row: Json = self._resource(name, shown)
        else:
            row = _OTHERS[name](self._db, shown)
        self._db.put(row)
        number: int = row.id
        return number

    def _resource(self, name: str, shown: Json) -> Row:
        now = self._db.now()
        row = KINDS[name](
            id=shown.get("o:id") or self._db.next_id("resources"),
            created=_seconds(shown.get("o:created"), now),
            modified=_seconds(shown.get("o:modified"), now),
            public=shown.get("o:is_public", True),
            owner=_ref(shown.get("o:owner"), ADMIN.id),
            resource_class=_ref(shown.get("o:resource_class")),
            template=_ref(shown.get("o:resource_template")),
            thumbnail=_ref(shown.get("o:thumbnail")),
        )
        row.values = self._values.read(shown)
        row.module = {key: value for key, value in shown.items() if key.startswith("o-module-")}
        title = next((v for v in row.values if v.property == 1), None)
        row.title = shown.get("o:title", title.value or title.uri if title else None)
        if isinstance(row, Item):
            row.item_sets = [s["o:id"] for s in shown.get("o:item_set", [])]
            row.sites = [s["o:id"] for s in shown.get("o:site", [])]
        elif isinstance(row, ItemSet):
            row.is_open = shown.get("o:is_open", False)
        else:
            self._medium(row, shown)
        return row

    def _medium(self, row: Media, shown: Json) -> None:
        row.item = _ref(shown.get("o:item"))
        row.ingester = shown.get("o:ingester", "upload")
        row.renderer = shown.get("o:renderer", "file")
        row.source = shown.get("o:source")
        row.media_type = shown.get("o:media_type")
        row.sha256, row.size = shown.get("o:sha256"), shown.get("o:size")
        storage, _, extension = (shown.get("o:filename") or "").partition(".")
        row.storage, row.extension = storage or None, extension or None
        row.lang, row.alt_text = shown.get("o:lang"), shown.get("o:alt_text")
        row.has_original = bool(shown.get("o:original_url"))
        row.has_thumbnails = bool(shown.get("o:thumbnail_urls"))
        row.position = shown.get("position")
        row.data = shown.get("data") or None
        content = shown.get("content")
        if content is not None:
            decoded = base64.b64decode(content)
            row.sha256, row.size = hashlib.sha256(decoded).hexdigest(), len(decoded)
            self._db.files.write(f"original/{row.filename}", Spool(decoded))


def _ref(sent: Json, default: int | None = None) -> int | None:
    return sent["o:id"] if sent else default


def _seconds(sent: Json, default: int) -> int:
    if sent is None:
        return default
    text = sent["@value"] if isinstance(sent, dict) else sent
    return int(datetime.fromisoformat(text).timestamp())


def _user_row(db: Database, shown: Json) -> User:
    return User(
        id=shown.get("o:id") or db.next_id("users"),
        name=shown["o:name"],
        email=shown["o:email"],
        role=shown["o:role"],
        created=_seconds(shown.get("o:created"), db.now()),
        active=shown.get("o:is_active", True),
    )


def _template_row(db: Database, shown: Json) -> Template:
    return Template(
        id=shown.get("o:id") or db.next_id("templates"),
        label=shown["o:label"],
        owner=_ref(shown.get("o:owner"), ADMIN.id),
        resource_class=_ref(shown.get("o:resource_class")),
        title_property=_ref(shown.get("o:title_property")),
        description_property=_ref(shown.get("o:description_property")),
        properties=[
            TemplateProperty(
                property=p["o:property"]["o:id"],
                alternate_label=p.get("o:alternate_label"),
                alternate_comment=p.get("o:alternate_comment"),
                data_type=p.get("o:data_type", []),
                is_required=p.get("o:is_required", False),
                is_private=p.get("o:is_private", False),
                default_lang=p.get("o:default_lang"),
            )
            for p in shown.get("o:resource_template_property", [])
        ],
    )


def _site_row(db: Database, shown: Json) -> Site:
    now = db.now()
    return Site(
        id=shown.get("o:id") or db.next_id("sites"),
        slug=shown["o:slug"],
        title=shown["o:title"],
        created=_seconds(shown.get("o:created"), now),
        modified=_seconds(shown.get("o:modified"), now),
        page=db.next_id("site_pages"),
        owner=_ref(shown.get("o:owner"), ADMIN.id),
        public=shown.get("o:is_public", True),
        assign_new_items=shown.get("o:assign_new_items", False),
    )


def _asset_row(db: Database, shown: Json) -> Asset:
    storage, _, extension = shown["o:filename"].partition(".")
    return Asset(
        id=shown.get("o:id") or db.next_id("assets"),
        name=shown.get("o:name"),
        storage=storage,
        extension=extension,
        media_type=shown["o:media_type"],
        alt_text=shown.get("o:alt_text"),
        owner=_ref(shown.get("o:owner"), ADMIN.id),
    )


def _custom_vocab_row(db: Database, shown: Json) -> CustomVocab:
    return CustomVocab(
        id=shown.get("o:id") or db.next_id("custom_vocabs"),
        label=shown["o:label"],
        lang=shown.get("o:lang"),
        terms=shown.get("o:terms"),
        uris=shown.get("o:uris"),
        item_set=_ref(shown.get("o:item_set")),
        owner=_ref(shown.get("o:owner"), ADMIN.id),
    )


_OTHERS = {
    "users": _user_row,
    "resource_templates": _template_row,
    "sites": _site_row,
    "assets": _asset_row,
    "custom_vocabs": _custom_vocab_row,
}
