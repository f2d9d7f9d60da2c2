"""Records of an Omeka Classic made ready for another one: what the preset `omeka-classic-site` reads there.

Pure. What the API of Omeka Classic does not take is said at its own record; owners are counted, with a name
of each, and said at the end (`notes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from service.control.classic_site import DUBLIN_CORE, ITEM_TYPE, TAGS
from service.control.classic_to_classic import LEFT, TEXTS, WHY
from service.control.model import RecordProcessor
from worker.mapping.text import strip_html
from worker.readers.base import count
from worker.readers.classic_site import place_of
from worker.records import Json

Record = Mapping[str, Json]
_MOST = 40
"""Owners that are named each; of very many those with most records."""
_DATES = {"added": "Date Created", "modified": "Date Modified"}
"""Date there → element of Dublin Core (Extended) here."""
_PAGES = "its API takes no pages. Make them in Omeka."


class ClassicToClassic:
    """One reading of one site."""

    def __init__(self, preset: RecordProcessor, source: str) -> None:
        self._preset = preset
        self._source = source
        self._owners: Counter[str] = Counter()

    def ready(self, record: Record) -> dict[str, Json]:
        """The record with the keys of the preset, beside its own."""
        match record.get("resource"):
            case "items":
                return {**record, **self._item(record)}
            case "collections":
                return {**record, **self._collection(record)}
            case "element_sets":
                return self._element_set(record)
            case "item_types":
                return self._item_type(record)
            case "exhibits":
                return {**record, **_exhibit(record)}
            case "simple_pages":
                name = f"Simple page “{_text(record, 'title')}” ({_text(record, 'slug')})"
                return {**record, LEFT: [], WHY: f"{name} is not taken over to an Omeka Classic: {_PAGES}"}
            case "users":
                name = f"User {_text(record, 'email') or _text(record, 'username')}"
                why = f"{name} is not made in this Omeka Classic: its API makes no users. Add who is missing."
                return {**record, LEFT: [], WHY: why}
            case _:
                return dict(record)

    def notes(self) -> tuple[str, ...]:
        """Whose records now belong to somebody else."""
        if not self._owners:
            return ()
        named = ", ".join(f"{name} ({n})" for name, n in self._owners.most_common(_MOST))
        rest = len(self._owners) - _MOST
        more = f" and {count(rest, 'other')}" if rest > 0 else ""
        return (
            "Omeka Classic's API sets no owners: what is created belongs to the user of the target's key. "
            f"There the records belong to {named}{more}.",
        )

    # --- records ----------------------------------------------------------------------------------

    def _head(self, record: Record, kind: str) -> dict[str, Json]:
        owner = record.get("owner")
        number = owner.get("id") if isinstance(owner, dict) else None
        if number:
            self._owners[_text(record, "owner_email") or f"user {number}"] += 1
        return {
            "identity": f"{self._source}/{kind}/{record.get('id')}",
            "public": record.get("public") is True,
            "featured": record.get("featured") is True,
            TEXTS: self._texts(record),
        }

    def _collection(self, record: Record) -> dict[str, Json]:
        head = self._head(record, "collections")
        texts = head[TEXTS]
        assert isinstance(texts, dict), "it was made here"
        core = texts.setdefault(DUBLIN_CORE, {})
        assert isinstance(core, dict), "it was made here"
        # By its title items name it, so it needs one.
        core.setdefault("Title", [{"text": _text(record, "title"), "html": False}])
        return head

    def _item(self, record: Record) -> dict[str, Json]:
        kind = _text(record, "item_type_name")
        head = self._head(record, "items")
        tags = record.get("tag_names")
        if (to := self._preset.element_map.get(TAGS)) is not None:
            _add(head[TEXTS], to, [{"text": tag, "html": False} for tag in _list(tags)])
            tags = []
        return {
            **head,
            "class": self._preset.type_map.get(kind, kind) or None,
            "item-set": record.get("collection_title"),
            "tag_names": tags,
            **place_of(record),
            "files": [*map(self._file, _list(record.get("files")))],
            LEFT: [*self._left(record)],
        }

    def _file(self, file: Json) -> Json:
        return {**file, TEXTS: self._texts(file)} if isinstance(file, dict) else file

    def _left(self, record: Record) -> Iterator[Json]:
        if record.get("collection") and record.get("collection_title") is None:
            yield f"Item {record.get('id')} is in a collection there that the source's key does not show."

    # --- element sets and item types --------------------------------------------------------------

    def _element_set(self, record: Record) -> dict[str, Json]:
        """Without the elements that go by another name here; nothing of it where none is left."""
        name = _text(record, "name")
        members = [
            one
            for one in _list(record.get("element_list"))
            if isinstance(one, dict) and f"{name}:{one.get('name')}" not in self._preset.element_map
        ]
        if not members and name not in (DUBLIN_CORE, ITEM_TYPE) and record.get("element_list"):
            return {**record, "resource": "element_sets that are mapped"}
        return {**record, "members": [{k: v for k, v in one.items() if v is not None} for one in members]}

    def _item_type(self, record: Record) -> dict[str, Json]:
        name = _text(record, "name")
        if name in self._preset.type_map:
            return {**record, "resource": "item_types that are mapped"}
        members = [one for one in _list(record.get("element_names")) if one not in self._preset.element_map]
        return {**record, "members": members}

    # --- texts ------------------------------------------------------------------------------------

    def _texts(self, record: Record) -> dict[str, Json]:
        """The texts by the names that they have here."""
        found: dict[str, Json] = {}
        elements = record.get("elements")
        for of, named in elements.items() if isinstance(elements, dict) else ():
            for name, texts in named.items() if isinstance(named, dict) else ():
                full = f"{of}:{name}"
                _add(found, self._preset.element_map.get(full, full), [*map(self._text, _list(texts))])
        if self._preset.dates:
            for key, name in _DATES.items():
                if said := _text(record, key):
                    _add(found, f"{DUBLIN_CORE}:{name}", [{"text": said, "html": False}])
        return found

    def _text(self, one: Json) -> Json:
        strips = self._preset.html == "strip" and isinstance(one, dict) and one.get("html") is True
        if not strips or not isinstance(one, dict):
            return one
        return {"text": strip_html(_text(one, "text")).strip(), "html": False}


def _exhibit(record: Record) -> dict[str, Json]:
    name = f"Exhibit “{_text(record, 'title')}” ({_text(record, 'slug')})"
    pages = [one for one in _list(record.get("pages")) if isinstance(one, dict)]
    left: list[Json] = [
        f"{name}: its page “{_text(one, 'title')}” ({_text(one, 'slug')}) is not taken over." for one in pages
    ]
    why = f"{name} is not taken over to an Omeka Classic: its API takes no exhibits. Make it in Omeka."
    return {LEFT: left, WHY: why}


def _add(texts: Json, name: str, more: list[Json]) -> None:
    """Texts of an element in full, or of a term of Dublin Core; of "" none."""
    if not name or not more:
        return
    assert isinstance(texts, dict), "it was made here"
    of, _, element = name.partition(":")
    named = texts.setdefault(of.strip(), {})
    assert isinstance(named, dict), "it was made here"
    there = named.setdefault(element.strip(), [])
    assert isinstance(there, list), "it was made here"
    there.extend(more)


def _text(record: Record, key: str) -> str:
    found = record.get(key)
    return found if isinstance(found, str) else ""


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
