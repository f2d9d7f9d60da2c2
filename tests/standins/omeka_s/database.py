"""The tables of the stand-in, with the indexes that keep it quick at tens of thousands of items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from tests.standins.shared.collation import fold
from tests.standins.shared.storage import Files, Journal

from . import vocabularies
from .model import (
    Asset,
    CustomVocab,
    Item,
    ItemSet,
    Key,
    Media,
    Resource,
    Site,
    SitePage,
    Template,
    Term,
    User,
    Value,
    Vocabulary,
)

Row: TypeAlias = (
    Item | ItemSet | Media | User | Key | Vocabulary | Term | Template | Site | SitePage | Asset | CustomVocab
)
AnyResource: TypeAlias = Item | ItemSet | Media


class Database:
    """All rows by id, in memory; each write is also journaled where a path was given."""

    def __init__(self, journal: Journal, files: Files) -> None:
        self.files = files
        self.clock = 0
        """The moment at which time stands still (seconds since 1970); 0: it goes on."""
        self._journal = journal
        self.items: dict[int, Item] = {}
        self.item_sets: dict[int, ItemSet] = {}
        self.media: dict[int, Media] = {}
        self.users: dict[int, User] = {}
        self.keys: dict[str, Key] = {}
        self.vocabularies: dict[int, Vocabulary] = {}
        self.properties: dict[int, Term] = {}
        self.resource_classes: dict[int, Term] = {}
        self.templates: dict[int, Template] = {}
        self.sites: dict[int, Site] = {}
        self.site_pages: dict[int, SitePage] = {}
        self.assets: dict[int, Asset] = {}
        self.custom_vocabs: dict[int, CustomVocab] = {}
        self.media_of: dict[int, list[int]] = {}
        self.linked_by: dict[int, dict[int, None]] = {}
        self._equal: dict[int, dict[str, set[int]]] = {}
        self._titles: dict[str, set[int]] | None = None
        self._property_of: dict[str, int] = {}
        self._next: dict[str, int] = {}
        self._dirty: dict[tuple[str, str], bytes | None] = {}
        self._snapshots: dict[int, _Snapshot] = {}
        self._load()

    # Ids and time

    def next_id(self, table: str) -> int:
        """Take the next number of a sequence; all resources (and value annotations) share ``resources``."""
        number = self._next.get(table, 0) + 1
        self._next[table] = number
        self._dirty[("next", table)] = b"%d" % number
        return number

    def set_next_id(self, table: str, number: int) -> None:
        """Let the next id of a sequence be ``number``."""
        self._next[table] = number - 1
        self._dirty[("next", table)] = b"%d" % (number - 1)

    def reserve(self, table: str, number: int) -> None:
        """Never give out ``number`` again."""
        if number > self._next.get(table, 0):
            self.set_next_id(table, number + 1)

    def now(self) -> int:
        """The time of a stamp: whole seconds."""
        return self.clock or int(time.time())

    # Reading

    def resource(self, number: int) -> AnyResource | None:
        """An item, item set or media by id."""
        return self.items.get(number) or self.item_sets.get(number) or self.media.get(number)

    def resources(self) -> Iterator[AnyResource]:
        """All resources by ascending id."""
        every: list[AnyResource] = [*self.items.values(), *self.item_sets.values(), *self.media.values()]
        every.sort(key=lambda r: r.id)
        return iter(every)

    def property_by_term(self, term: str) -> int | None:
        """Id of the property ``prefix:name``."""
        return self._property_of.get(term)

    def media_in(self, item: Item) -> list[Media]:
        """Media of an item in their order: those without a position come first."""
        rows = [self.media[n] for n in self.media_of.get(item.id, ())]
        rows.sort(key=lambda m: (m.position is not None, m.position or 0, m.id))
        return rows

    def equal(self, number: int, text: str) -> set[int]:
        """Ids of resources with a value equal to ``text``: a literal, a URI, a linked title."""
        index = self._equal.get(number)
        if index is None:
            index = self._equal[number] = {}
            for resource in self.resources():
                self._index_values(index, number, resource)
        key = fold(text)
        found = set(index.get(key, ()))
        for target in self._by_title().get(key, ()):
            for source in self.linked_by.get(target, ()):
                row = self.resource(source)
                if row and any(v.property == number and v.target == target for v in row.values):
                    found.add(source)
        return found

    # Writing

    def put(self, row: Row) -> None:
        """Insert or replace a row and refresh the indexes that it is in."""
        if isinstance(row, Resource):
            self._forget(row.id)
            self._table(row)[row.id] = row
            self.reserve("resources", row.id)
            self._remember(row)
        elif isinstance(row, Key):
            self.keys[row.identity] = row
        else:
            name = _table_name(row)
            getattr(self, name)[row.id] = row
            self.reserve(name, row.id)
            if name == "properties" and isinstance(row, Term):
                self._property_of[row.term] = row.id
        self._note(row, deleted=False)

    def delete(self, row: Row) -> None:
        """Remove a row."""
        if isinstance(row, Resource):
            self._forget(row.id)
            del self._table(row)[row.id]
            if isinstance(row, Item):
                self.media_of.pop(row.id, None)
        elif isinstance(row, Key):
            del self.keys[row.identity]
        else:
            del getattr(self, _table_name(row))[row.id]
            if isinstance(row, Term) and not row.is_class:
                self._property_of.pop(row.term, None)
        self._note(row, deleted=True)

    def _note(self, row: Row, *, deleted: bool) -> None:
        if self._journal.kept:
            body = None if deleted else msgspec.json.encode(row)
            self._dirty[(_table_name(row), _row_key(row))] = body

    def commit(self) -> None:
        """Write what has changed to the journal, in one transaction."""
        if self._dirty:
            self._journal.write(self._dirty)
            self._dirty = {}

    def close(self) -> None:
        """Commit and close the journal."""
        self.commit()
        self._journal.close()

    # Indexes

    def _table(self, row: Resource) -> dict[int, Resource]:
        table: dict[int, Resource] = getattr(self, row.kind)
        return table

    def _by_title(self) -> dict[str, set[int]]:
        if self._titles is None:
            self._titles = {}
            for resource in self.resources():
                self._titles.setdefault(fold(resource.title or ""), set()).add(resource.id)
        return self._titles

    @staticmethod
    def _texts(values: Iterable[Value], number: int) -> Iterator[str]:
        for value in values:
            if value.property == number:
                if value.value is not None:
                    yield fold(value.value)
                if value.uri is not None:
                    yield fold(value.uri)

    def _index_values(self, index: dict[str, set[int]], number: int, resource: Resource) -> None:
        for text in self._texts(resource.values, number):
            index.setdefault(text, set()).add(resource.id)

    def _remember(self, row: Resource) -> None:
        for value in row.values:
            if value.target is not None:
                self.linked_by.setdefault(value.target, {})[row.id] = None
        for number, index in self._equal.items():
            self._index_values(index, number, row)
        if self._titles is not None:
            self._titles.setdefault(fold(row.title or ""), set()).add(row.id)
        if isinstance(row, Media) and row.item is not None:
            siblings = self.media_of.setdefault(row.item, [])
            if row.id not in siblings:
                siblings.append(row.id)
        self._snapshots[row.id] = _Snapshot(row)

    def _forget(self, number: int) -> None:
        # Rows are changed in place, so what the indexes hold of them is kept beside.
        old = self._snapshots.pop(number, None)
        if old is None:
            return
        for target in old.targets:
            sources = self.linked_by.get(target)
            if sources is not None:
                sources.pop(number, None)
        for pid, index in self._equal.items():
            for text in self._texts(old.values, pid):
                index.get(text, set()).discard(number)
        if self._titles is not None:
            self._titles.get(fold(old.title or ""), set()).discard(number)
        if old.item is not None and number in self.media_of.get(old.item, ()):
            self.media_of[old.item].remove(number)

    def _load(self) -> None:
        for vocabulary in vocabularies.standard():
            self.vocabularies[vocabulary.id] = vocabulary
        for term in vocabularies.properties():
            self.properties[term.id] = term
            self._property_of[term.term] = term.id
        for term in vocabularies.classes():
            self.resource_classes[term.id] = term
        self._next = {
            "vocabularies": max(self.vocabularies),
            "properties": max(self.properties),
            "resource_classes": max(self.resource_classes),
            "templates": 1,
        }
        for table, key, body in self._journal.read():
            if table == "next":
                self._next[key] = int(body)
            else:
                self.put(msgspec.json.decode(body, type=_TYPES[table]))
        self._dirty = {}


class _Snapshot:
    """What the indexes know of a resource."""

    __slots__ = ("item", "targets", "title", "values")

    def __init__(self, row: Resource) -> None:
        self.values = [*row.values]
        self.targets = {v.target for v in row.values if v.target is not None}
        self.title = row.title
        self.item = row.item if isinstance(row, Media) else None


_TYPES: dict[str, type[Row]] = {
    "items": Item,
    "item_sets": ItemSet,
    "media": Media,
    "users": User,
    "keys": Key,
    "vocabularies": Vocabulary,
    "properties": Term,
    "resource_classes": Term,
    "templates": Template,
    "sites": Site,
    "site_pages": SitePage,
    "assets": Asset,
    "custom_vocabs": CustomVocab,
}
_NAMES = {cls: name for name, cls in _TYPES.items() if cls is not Term}


def _table_name(row: Row) -> str:
    if isinstance(row, Term):
        return "resource_classes" if row.is_class else "properties"
    return _NAMES[type(row)]


def _row_key(row: Row) -> str:
    return row.identity if isinstance(row, Key) else str(row.id)
