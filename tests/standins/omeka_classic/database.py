"""The tables of the stand-in, with the indexes that its answers need."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from tests.standins.shared.collation import fold
from tests.standins.shared.storage import Files, Journal

from . import standard
from .model import (
    TYPES,
    Collection,
    Element,
    ElementSet,
    Exhibit,
    ExhibitPage,
    File,
    Geolocation,
    Item,
    ItemType,
    Key,
    Row,
    SimplePage,
    Tag,
    User,
)


class Database:
    """All rows by id, in memory; each write is also journaled where a path was given."""

    def __init__(self, journal: Journal, files: Files) -> None:
        self.stored = files
        """The bytes of files, by names such as ``original/abc.jpg``."""
        self.clock = 0
        """The moment at which time stands still (seconds since 1970); 0: it goes on."""
        self._journal = journal
        self.items: dict[int, Item] = {}
        self.collections: dict[int, Collection] = {}
        self.files: dict[int, File] = {}
        self.element_sets: dict[int, ElementSet] = {}
        self.elements: dict[int, Element] = {}
        self.item_types: dict[int, ItemType] = {}
        self.tags: dict[int, Tag] = {}
        self.users: dict[int, User] = {}
        self.keys: dict[int, Key] = {}
        self.geolocations: dict[int, Geolocation] = {}
        self.exhibits: dict[int, Exhibit] = {}
        self.exhibit_pages: dict[int, ExhibitPage] = {}
        self.simple_pages: dict[int, SimplePage] = {}
        self._files_of: dict[int, set[int]] = {}
        self._location_of: dict[int, int] = {}
        self._tag_of: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self._dirty: dict[tuple[str, str], bytes | None] = {}
        self._load()

    # Ids and time

    def next_id(self, table: str) -> int:
        """Take the next number of a table; it is taken even if nothing comes of it."""
        number = self.last_id(table) + 1
        self.set_next_id(table, number + 1)
        return number

    def last_id(self, table: str) -> int:
        """The last number that was taken of a table."""
        return self._next.get(table, 0)

    def set_next_id(self, table: str, number: int) -> None:
        """Let the next id of a table be ``number``."""
        self._next[table] = number - 1
        self._dirty[("next", table)] = b"%d" % (number - 1)

    def now(self) -> int:
        """The time of a stamp: whole seconds."""
        return self.clock or int(time.time())

    # Reading

    def table(self, name: str) -> dict[int, Row]:
        """A table by the name of its resource."""
        rows: dict[int, Row] = getattr(self, name)
        return rows

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table by ascending id."""
        for _, row in sorted(self.table(name).items()):
            yield row

    def files_of(self, item: int) -> list[File]:
        """The files of an item in their order, as `Table_File` has it: those without one come last."""
        found = [self.files[number] for number in self._files_of.get(item, ())]
        return sorted(found, key=lambda f: (f.order is None, f.order or 0, f.id))

    def location_of(self, item: int) -> Geolocation | None:
        """The location of an item."""
        number = self._location_of.get(item)
        return None if number is None else self.geolocations[number]

    def tag_named(self, name: str) -> Tag | None:
        """The tag whose name the collation holds equal."""
        number = self._tag_of.get(fold(name))
        return None if number is None else self.tags[number]

    def used_tags(self) -> set[int]:
        """Tags that an item or an exhibit bears."""
        used = {tag for item in self.items.values() for tag in item.tags}
        return used.union(*(exhibit.tags for exhibit in self.exhibits.values()))

    # Writing

    def put(self, row: Row) -> None:
        """Insert or replace a row."""
        self._forget(row)
        self.table(row.table)[row.id] = row
        if isinstance(row, File):
            self._files_of.setdefault(row.item, set()).add(row.id)
        elif isinstance(row, Geolocation):
            self._location_of[row.item] = row.id
        elif isinstance(row, Tag):
            self._tag_of[fold(row.name)] = row.id
        if row.id > self.last_id(row.table):
            self.set_next_id(row.table, row.id + 1)
        if self._journal.kept:
            self._dirty[(row.table, str(row.id))] = msgspec.json.encode(row)

    def delete(self, row: Row) -> None:
        """Remove a row; what hangs on it is the caller's business."""
        self._forget(row)
        del self.table(row.table)[row.id]
        if self._journal.kept:
            self._dirty[(row.table, str(row.id))] = None

    def commit(self) -> None:
        """Write what has changed to the journal, in one transaction."""
        if self._dirty:
            self._journal.write(self._dirty)
            self._dirty = {}

    def close(self) -> None:
        """Commit and close the journal."""
        self.commit()
        self._journal.close()

    def _forget(self, row: Row) -> None:
        old = self.table(row.table).get(row.id)
        if isinstance(old, File):
            self._files_of.get(old.item, set()).discard(old.id)
        elif isinstance(old, Geolocation):
            self._location_of.pop(old.item, None)
        elif isinstance(old, Tag):
            self._tag_of.pop(fold(old.name), None)

    def _load(self) -> None:
        stored = list(self._journal.read())
        if not stored:
            for row in standard.rows():
                self.put(row)
        for table, key, body in stored:
            if table == "next":
                self._next[key] = int(body)
            else:
                self.put(msgspec.json.decode(body, type=TYPES[table]))
        if stored:
            self._dirty = {}
