"""Listings: which rows, in which order, and how many the total says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.standins.shared.collation import fold
from tests.standins.shared.php import Json, Query, members, to_int

from .access import Caller
from .database import Database
from .errors import ApiError
from .model import Item, Row

_TRUE = {"true", "1", "on", "yes"}
_BLANK = " \t\n\r\0\v"
_DELIMITER = ","


@dataclass(frozen=True)
class Found:
    """Rows in their order, and the total that the site claims."""

    rows: list[Row]
    total: int


def search(db: Database, caller: Caller, resource: str, query: Query) -> Found:
    """All rows of a resource that the caller sees and the query asks for."""
    rows: Iterable[Row] = (row for row in db.rows(resource) if caller.sees(db, row))
    for name, value in query.items():
        test = _FILTERS.get(resource, {}).get(name)
        if test is not None and not (isinstance(value, str) and not value.strip(_BLANK)):
            rows = _kept(db, rows, test, value)
    found = [*rows]
    if resource == "tags":
        used = db.used_tags()
        found = [row for row in found if row.id in used]
        # Seen on the real site: who has no key is told the number of all tags.
        return Found(_sorted(db, found, query), len(found) if caller.user else len(db.tags))
    return Found(_sorted(db, found, query), len(found))


Test = Callable[[Database, Any, Any], bool]


def _kept(db: Database, rows: Iterable[Row], test: Test, value: Json) -> list[Row]:
    return [row for row in rows if test(db, row, value)]


# Order


def _sorted(db: Database, rows: list[Row], query: Query) -> list[Row]:
    field, direction = query.get("sort_field"), query.get("sort_dir")
    if not isinstance(field, str) or not field:
        return rows
    key = _sort_key(db, rows, field)
    if key is None:
        return rows
    return sorted(rows, key=key, reverse=direction in ("d", "desc"))


def _sort_key(db: Database, rows: list[Row], field: str) -> Callable[[Any], Any] | None:
    if rows and field in rows[0].__struct_fields__:

        def by_column(row: Any) -> Any:
            value = getattr(row, field)
            return (value is not None, fold(value) if isinstance(value, str) else value or 0, row.id)

        return by_column
    set_name, comma, name = field.partition(",")
    element = _element(db, set_name, name) if comma else None
    if element is None:
        return None

    def by_text(row: Any) -> Any:
        texts = sorted(fold(t.text) for t in row.texts if t.element == element)
        return (not texts, texts[:1], row.id)

    return by_text


def _element(db: Database, set_name: str, name: str) -> int | None:
    sets = {s.id for s in db.element_sets.values() if fold(s.name) == fold(set_name)}
    return next(
        (e.id for e in db.elements.values() if e.element_set in sets and fold(e.name) == fold(name)), None
    )


# Filters


def _boolean(value: Json) -> bool:
    return isinstance(value, str) and value.strip().lower() in _TRUE


def _is(attribute: str) -> Test:
    return lambda _, row, value: bool(getattr(row, attribute)) is _boolean(value)


def _number(attribute: str) -> Test:
    return lambda _, row, value: getattr(row, attribute) == to_int(value)


def _text(attribute: str) -> Test:
    return lambda _, row, value: fold(getattr(row, attribute) or "") == fold(str(value))


def _since(attribute: str) -> Test:
    def after(_: Database, row: Any, value: Json) -> bool:
        return bool(getattr(row, attribute) > _moment(value))

    return after


def _moment(value: Json) -> float:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ApiError(500, f"unsupported ISO8601 format ({value})") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _item_type(db: Database, row: Any, value: Json) -> bool:
    kind = db.item_types.get(row.item_type or 0)
    if kind is None:
        return False
    return kind.id == int(value) if str(value).isdigit() else fold(kind.name) == fold(str(value))


def _names(db: Database, row: Any) -> set[str]:
    return {fold(db.tags[number].name) for number in row.tags}


def _wanted(value: Json) -> set[str]:
    names = value.split(_DELIMITER) if isinstance(value, str) else [str(v) for v in members(value)]
    return {fold(name.strip()) for name in names}


def _tagged(db: Database, row: Any, value: Json) -> bool:
    return _wanted(value) <= _names(db, row)


def _untagged(db: Database, row: Any, value: Json) -> bool:
    return not _wanted(value) <= _names(db, row)


def _has_image(db: Database, row: Any, value: Json) -> bool:
    files = db.files_of(row.id)
    return any(file.has_derivative is _boolean(value) for file in files)


def _range(_: Database, row: Any, value: Json) -> bool:
    for part in str(value).split(","):
        found = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if found and int(found[1]) <= row.id <= int(found[2] or found[1]):
            return True
    return False


def _simple(db: Database, row: Item, value: Json) -> bool:
    terms = fold(str(value))
    if any(terms in fold(text.text) for text in row.texts):
        return True
    return bool({terms, *terms.split()} & _names(db, row))


def _advanced(_: Database, row: Item, value: Json) -> bool:
    outcome = True
    for clause in members(value):
        if not isinstance(clause, dict) or not clause.get("element_id") or not clause.get("type"):
            continue
        test = _CLAUSES.get(clause["type"])
        if test is None:
            raise ApiError(500, "Invalid search type given!")
        texts = [fold(t.text) for t in row.texts if t.element == to_int(clause["element_id"])]
        holds = test(texts, fold(str(clause.get("terms", ""))))
        outcome = (outcome or holds) if clause.get("joiner") == "or" else (outcome and holds)
    return outcome


_CLAUSES: dict[str, Callable[[list[str], str], bool]] = {
    "contains": lambda texts, terms: any(terms in text for text in texts),
    "does not contain": lambda texts, terms: not any(terms in text for text in texts),
    "is exactly": lambda texts, terms: terms in texts,
    "is not exactly": lambda texts, terms: terms not in texts,
    "is empty": lambda texts, _: not texts,
    "is not empty": lambda texts, _: bool(texts),
    "starts with": lambda texts, terms: any(text.startswith(terms) for text in texts),
    "ends with": lambda texts, terms: any(text.endswith(terms) for text in texts),
}


def _of_type(db: Database, row: Any, value: Json) -> bool:
    kind = db.item_types.get(to_int(value))
    return kind is not None and row.id in kind.elements


_SINCE = {"added_since": _since("added"), "modified_since": _since("modified")}
_STATES = {"public": _is("public"), "featured": _is("featured")}
_FILTERS: dict[str, dict[str, Test]] = {
    "items": {
        **_STATES,
        **_SINCE,
        "owner": _number("owner"),
        "collection": _number("collection"),
        "item_type": _item_type,
        "tags": _tagged,
        "excludeTags": _untagged,
        "hasImage": _has_image,
        "range": _range,
        "search": _simple,
        "advanced": _advanced,
    },
    "collections": {**_STATES, **_SINCE, "owner": _number("owner")},
    "files": {
        **_SINCE,
        "item": _number("item"),
        "order": _number("order"),
        "size_greater_than": lambda _, row, value: bool(row.size > to_int(value)),
        "has_derivative_image": _is("has_derivative"),
        "mime_type": _text("mime_type"),
    },
    "element_sets": {"name": _text("name"), "record_type": _text("record_type")},
    "elements": {"element_set": _number("element_set"), "name": _text("name"), "item_type": _of_type},
    "item_types": {"name": _text("name")},
    "exhibits": {**_STATES, "tag": _tagged, "tags": _tagged},
    "exhibit_pages": {
        "exhibit": _number("exhibit"),
        "parent": _number("parent"),
        "order": _number("order"),
        "topOnly": lambda _, row, __: row.parent is None,
        "item": lambda _, row, value: bool(row.shows(to_int(value))),
    },
}
