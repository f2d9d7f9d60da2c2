"""Creating, updating and deleting records, each in the order in which Omeka does it."""

from __future__ import annotations

from tests.standins.shared.php import to_int

from .access import Caller
from .database import Database
from .errors import invalid
from .knobs import Knobs
from .model import Collection, File, Geolocation, Item, Row
from .php import flag, number_in
from .records import Records, Sent, texts_sent
from .request import ApiRequest, json_object
from .structure import Structure
from .uploads import Uploads


class Writing:
    """Carries out POST, PUT and DELETE."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._records = Records(database, knobs)
        self._uploads = Uploads(database, knobs, self._records)
        self._structure = Structure(database, self._records.columns)

    def create(self, request: ApiRequest, caller: Caller) -> Row:
        """A new record; raises ApiError, perhaps with the record left behind."""
        if request.resource == "files":
            return self._uploads.create(request, caller)
        caller.may_add(request.resource)
        data = json_object(request.body)
        if request.resource == "items":
            return self._create_item(data, request.newest_tag, caller)
        if request.resource == "collections":
            return self._create_collection(data, caller)
        return self._structure.create(request.resource, data)

    def update(self, request: ApiRequest, row: Row, caller: Caller) -> Row:
        """Change what was sent of a record; raises ApiError, perhaps with some of it done."""
        caller.may_change(request.resource, self._owner(row))
        data = json_object(request.body)
        match row:
            case Item():
                self._update_item(row, data, request.newest_tag)
            case Collection():
                self._change_head(row, data)
                row.modified = self._db.now()
                self._save(row, data)
            case File():
                self._uploads.change(row, data)
            case _:
                self._structure.update(row, data)
        return row

    def delete(self, request: ApiRequest, row: Row, caller: Caller) -> None:
        """Remove a record and what hangs on it."""
        caller.may_change(request.resource, self._owner(row))
        match row:
            case Item():
                self._delete_item(row)
            case Collection():
                for item in self._db.items.values():
                    if item.collection == row.id:
                        item.collection = None
                        self._db.put(item)
                self._db.delete(row)
            case File():
                self._uploads.remove(row)
            case _:
                self._structure.delete(row)

    def _owner(self, row: Row) -> int | None:
        if isinstance(row, Item | Collection):
            return row.owner
        return self._db.items[row.item].owner if isinstance(row, File | Geolocation) else None

    # Items

    def _create_item(self, data: Sent, newest: int, caller: Caller) -> Item:
        now = self._db.now()
        item = Item(id=0, added=now, modified=now, owner=caller.id)
        self._change_head(item, data)
        tags = self._records.tags(data, None, newest)
        texts = texts_sent(data)
        self._validate(item)
        item.id = self._db.next_id("items")
        item.tags = tags or []
        self._db.put(item)
        self._records.save_texts(item, texts)
        return item

    def _update_item(self, item: Item, data: Sent, newest: int) -> None:
        before = (item.item_type, item.collection, item.public, item.featured)
        try:
            self._change_head(item, data)
            tags = self._records.tags(data, item, newest)
            texts = texts_sent(data)
            self._validate(item)
        except Exception:
            item.item_type, item.collection, item.public, item.featured = before
            self._db.put(item)
            raise
        item.modified = self._db.now()
        if tags is not None:
            item.tags = tags
        self._db.put(item)
        self._records.save_texts(item, texts)
        self._db.put(item)

    def _change_head(self, row: Item | Collection, data: Sent) -> None:
        for name in ("public", "featured"):
            if data.get(name) is not None:
                setattr(row, name, flag(data[name]))
        if isinstance(row, Item):
            for name in ("item_type", "collection"):
                if number_in(data, name) is not None:
                    setattr(row, name, to_int(number_in(data, name)))

    def _validate(self, item: Item) -> None:
        errors = {}
        if item.item_type is not None and item.item_type not in self._db.item_types:
            errors["item_type_id"] = "Invalid item type."
        if item.collection is not None and item.collection not in self._db.collections:
            errors["collection_id"] = "Invalid collection."
        if errors:
            raise invalid(errors)

    def _delete_item(self, item: Item) -> None:
        for file in self._db.files_of(item.id):
            self._uploads.remove(file)
        location = self._db.location_of(item.id)
        if location is not None:
            self._db.delete(location)
        self._db.delete(item)

    # Collections

    def _create_collection(self, data: Sent, caller: Caller) -> Collection:
        now = self._db.now()
        row = Collection(id=0, added=now, modified=now, owner=caller.id)
        self._change_head(row, data)
        texts = texts_sent(data)
        row.id = self._db.next_id("collections")
        self._db.put(row)
        self._records.save_texts(row, texts)
        return row

    def _save(self, row: Collection, data: Sent) -> None:
        texts = texts_sent(data)
        self._db.put(row)
        self._records.save_texts(row, texts)
        self._db.put(row)
