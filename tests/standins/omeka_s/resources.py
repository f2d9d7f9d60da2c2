"""Create, update and delete items, item sets and media."""

from __future__ import annotations

import copy
from typing import TypeVar

from tests.standins.shared.multipart import Upload
from tests.standins.shared.php import is_numeric, members, to_int, truthy

from . import mapping
from .access import Caller
from .database import AnyResource, Database
from .errors import ApiError, PageError, invalid, not_found
from .ingest import RENDERERS, StoredFile, ingest
from .knobs import Knobs
from .model import Item, ItemSet, Json, Media, Resource, Value
from .values import Values

KINDS: dict[str, type[Item] | type[ItemSet] | type[Media]] = {
    "items": Item,
    "item_sets": ItemSet,
    "media": Media,
}
TITLE = 1
_TRIM = " \t\n\r\0\x0b"
R = TypeVar("R", bound=Resource)


class Change:
    """One create or update: the row as it would become, and what must be stored with it."""

    def __init__(self, row: AnyResource, data: Json, *, update: bool, partial: bool) -> None:
        self.row = row
        self.data = data if isinstance(data, dict) else {}
        self.sent = data
        self.update = update
        self.partial = partial
        self.media: list[Media] = []
        self.files: list[StoredFile] = []
        self.dropped: list[Media] = []

    def touches(self, key: str) -> bool:
        """Whether a field is set by the request: a partial update leaves out what it does not name."""
        return not self.partial or key in self.data


class Resources:
    """The adapters of the three kinds of resources."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._values = Values(database, knobs)

    def find(self, kind: str, number: int | None, shown: str, caller: Caller) -> AnyResource:
        """A visible resource, or 404; ``shown`` is the id as the message quotes it."""
        row: AnyResource | None = getattr(self._db, kind).get(number)
        if row is None or not caller.sees(row):
            raise not_found(KINDS[kind].entity, shown)
        return row

    async def create(self, kind: str, data: Json, files: dict[str, Upload], caller: Caller) -> AnyResource:
        """A new resource."""
        cls = KINDS[kind]
        caller.may_create(cls.entity)
        now = self._db.now()
        row = cls(id=0, created=now, modified=now, owner=caller.user.id if caller.user else None)
        change = Change(row, data, update=False, partial=False)
        await self._hydrate(change, files, caller)
        return self._save(change)

    async def update(self, row: AnyResource, data: Json, caller: Caller, *, partial: bool) -> AnyResource:
        """Change a resource; ``o:modified`` moves even if nothing else does."""
        caller.may_change("update", row.entity, row.owner)
        changed = copy.copy(row)
        changed.modified = self._db.now()
        change = Change(changed, data, update=True, partial=partial)
        await self._hydrate(change, {}, caller)
        return self._save(change)

    def delete(self, row: AnyResource) -> None:
        """Remove a resource, its media and files, and every value elsewhere that links to it (unstamped)."""
        for number in list(self._db.linked_by.get(row.id, ())):
            source = self._db.resource(number)
            if source is not None and source.id != row.id:
                source.values = [v for v in source.values if v.target != row.id]
                self._db.put(source)
        if isinstance(row, Item):
            for media in self._db.media_in(row):
                self.delete(media)
        elif isinstance(row, ItemSet):
            for item in [i for i in self._db.items.values() if row.id in i.item_sets]:
                item.item_sets = [n for n in item.item_sets if n != row.id]
                self._db.put(item)
        elif row.has_original:
            self._db.files.delete(f"original/{row.filename}")
        self._db.delete(row)

    # Hydration

    async def _hydrate(self, change: Change, files: dict[str, Upload], caller: Caller) -> None:
        row, data = change.row, change.data
        if isinstance(row, Item):
            self._check_lists(data)
        if isinstance(row, Media) and not change.update:
            await self._ingest(change, row, files, caller)
        if change.touches("o:is_public"):
            row.public = truthy(data.get("o:is_public", True))
        row.values = self._values.hydrate(
            row.values, change.sent, update=change.update, partial=change.partial
        )
        self._hydrate_owner(change, caller)
        self._hydrate_references(change)
        if isinstance(row, Item):
            self._hydrate_item(change, row, caller)
            await self._hydrate_media(change, row, files, caller)
        elif isinstance(row, ItemSet):
            if change.touches("o:is_open"):
                row.is_open = truthy(data.get("o:is_open", False))
        else:
            self._hydrate_medium(change, row)
        self._require(row)
        row.title = self._title(row)

    @staticmethod
    def _check_lists(data: Json) -> None:
        errors: dict[str, list[Json]] = {}
        if "o:item_set" in data and not isinstance(data["o:item_set"], list | dict):
            errors["o:item_set"] = ["Item sets must be an array"]
        if "o:media" in data and not isinstance(data["o:media"], list | dict):
            errors.setdefault("o:item_set", []).append("Media must be an array")
        if errors:
            raise invalid(errors)

    def _hydrate_owner(self, change: Change, caller: Caller) -> None:
        if "o:owner" not in change.data:
            return
        sent = change.data["o:owner"]
        number = to_int(sent["o:id"]) if isinstance(sent, dict) and is_numeric(sent.get("o:id")) else None
        if number is None and not change.update:
            return
        if number is not None and number not in self._db.users:
            raise not_found("User", str(number))
        if number != change.row.owner:
            caller.may_give_away(change.row.entity, number)
        change.row.owner = number

    def _hydrate_references(self, change: Change) -> None:
        row = change.row
        if change.touches("o:resource_class"):
            row.resource_class = self._reference(
                change, "o:resource_class", "resource_classes", "ResourceClass"
            )
        if change.touches("o:resource_template"):
            row.template = self._reference(change, "o:resource_template", "templates", "ResourceTemplate")
        if change.touches("o:thumbnail"):
            row.thumbnail = self._reference(change, "o:thumbnail", "assets", "Asset")

    def _reference(self, change: Change, key: str, table: str, entity: str) -> int | None:
        sent = change.data.get(key)
        if not isinstance(sent, dict) or not is_numeric(sent.get("o:id")):
            return None
        number = to_int(sent["o:id"])
        if number not in getattr(self._db, table):
            raise not_found(entity, str(number))
        return number

    def _hydrate_item(self, change: Change, row: Item, caller: Caller) -> None:
        if change.touches("o:item_set"):
            row.item_sets = []
            for number in _ids(change.data.get("o:item_set")):
                self.find("item_sets", number, str(number), caller)
                row.item_sets.append(number)
        if not change.update and "o:site" not in change.data:
            row.sites = [s.id for s in self._db.sites.values() if s.assign_new_items]
        elif change.touches("o:site"):
            row.sites = []
            for number in _ids(change.data.get("o:site")):
                if number not in self._db.sites:
                    raise not_found("Site", str(number))
                row.sites.append(number)
        if mapping.MODULE in self._knobs.modules and change.touches(mapping.KEY):
            sent, seen = change.data.get(mapping.KEY, []), list(self._db.media)
            row.features = mapping.hydrated(row.features, sent, self._db.next_id, seen)
        if change.touches("o:primary_media"):
            row.primary_media = self._own_media(change.data.get("o:primary_media"), row)

    def _own_media(self, sent: Json, row: Item) -> int | None:
        """The primary media that an item is told: one of its own, else none. No exchange shows how it is set;
        this follows Omeka's code (`ItemAdapter`), which looks for the number among the media of the item."""
        number = to_int(sent["o:id"]) if isinstance(sent, dict) and is_numeric(sent.get("o:id")) else None
        return number if number in {media.id for media in self._db.media_in(row)} else None

    async def _hydrate_media(
        self, change: Change, row: Item, files: dict[str, Upload], caller: Caller
    ) -> None:
        if not change.touches("o:media"):
            return
        errors: list[Json] = []
        kept: list[Media] = []
        for position, sent in enumerate(members(change.data.get("o:media", [])), 1):
            data = sent if isinstance(sent, dict) else {}
            if data.get("o:id") is not None:
                media = copy.copy(self._media(data["o:id"], caller))
                if data.get("o:is_public") is not None:
                    media.public = truthy(data["o:is_public"])
            else:
                media = Media(id=0, created=row.modified, modified=row.modified, owner=row.owner, item=row.id)
                sub = Change(media, data, update=False, partial=False)
                try:
                    await self._hydrate(sub, files, caller)
                except ApiError as error:
                    if error.status != 422:
                        raise
                    errors.append(error.errors)
                change.files += sub.files
            media.position = position
            kept.append(media)
        if errors:
            raise invalid({"o:media": errors})
        retained = {m.id for m in kept}
        change.dropped = [m for m in self._db.media_in(row) if m.id not in retained]
        # A media of another item may be named, but stays where it is.
        change.media = [m for m in kept if not m.id or m.item == row.id]

    def _media(self, sent: Json, caller: Caller) -> Media:
        found = self.find("media", to_int(sent), str(sent), caller)
        if not isinstance(found, Media):
            raise PageError
        return found

    async def _ingest(self, change: Change, row: Media, files: dict[str, Upload], caller: Caller) -> None:
        name = change.data.get("o:ingester")
        if not isinstance(name, str) or name not in RENDERERS:
            errors: dict[str, list[Json]] = {"o:ingester": ["Media must set a valid ingester."]}
            if row.item is None:
                errors["o:item"] = ["Media must belong to an item."]
            raise invalid(errors)
        row.ingester, row.renderer = name, RENDERERS[name]
        if row.item is None:
            sent = change.data.get("o:item")
            if isinstance(sent, dict) and is_numeric(sent.get("o:id")):
                item = self.find("items", to_int(sent["o:id"]), str(sent["o:id"]), caller)
                caller.may_change("update", "Item", item.owner)
                row.item = item.id
        source = change.data.get("o:source")
        if isinstance(source, str):
            row.source = source
        file = await ingest(row, change.data, files, self._knobs)
        if file is not None:
            change.files.append(file)
        if row.item is None:
            raise invalid({"o:item": ["Media must belong to an item."]})

    @staticmethod
    def _hydrate_medium(change: Change, row: Media) -> None:
        data = change.data
        if change.touches("o:lang"):
            row.lang = data.get("o:lang")
        if change.touches("o:alt_text"):
            row.alt_text = data.get("o:alt_text")
        if is_numeric(data.get("position")) and not change.update:
            row.position = to_int(data["position"])

    def _require(self, row: AnyResource) -> None:
        template = self._db.templates.get(row.template) if row.template is not None else None
        if template is None:
            return
        present = {v.property for v in row.values}
        missing = [p for p in template.properties if p.is_required and p.property not in present]
        if missing:
            messages: list[Json] = [
                f'The "{template.label}" resource template requires a '
                f'"{p.alternate_label or self._db.properties[p.property].label}" value'
                for p in missing
            ]
            raise invalid({"o:resource_template_property": messages})

    def _title(self, row: AnyResource) -> str | None:
        template = self._db.templates.get(row.template) if row.template is not None else None
        number = (template.title_property if template else None) or TITLE
        first = next((v for v in row.values if v.property == number), None)
        return self._title_of(first) if first else None

    def _title_of(self, value: Value) -> str | None:
        text = value.value or value.uri
        if value.target is not None:
            target = self._db.resource(value.target)
            text = target.title if target else None
        return text.strip(_TRIM) if text else None

    # Saving

    def _save(self, change: Change) -> AnyResource:
        row = change.row
        number = row.id or self._db.next_id("resources")
        self._values.check(row.values, number)
        for media in change.media:
            media.item = number
            media.id = media.id or self._db.next_id("resources")
            self._values.check(media.values, media.id)
        # From here on nothing fails: all of it is saved, or none.
        row.id = number
        self._db.put(row)
        for media in change.dropped:
            self.delete(media)
        for media in change.media:
            self._db.put(media)
        for file in change.files:
            self._db.files.write(f"original/{file.filename}", file.content)
        return row


def _ids(sent: Json) -> list[int]:
    """Ids given as ``{"o:id": N}`` or as plain numbers, each once; anything else is passed over."""
    found: dict[int, None] = {}
    for one in members(sent):
        number = one.get("o:id") if isinstance(one, dict) else one
        if is_numeric(number):
            found[to_int(number)] = None
    return list(found)
