"""Searching resources: which parameters filter, and which are passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from tests.standins.shared.collation import fold
from tests.standins.shared.php import Query, is_numeric, to_int

from .access import Caller
from .database import AnyResource, Database
from .errors import failed
from .knobs import Knobs
from .model import Item, ItemSet, Json, Media, Value
from .sql import too_many_tables

Test: TypeAlias = Callable[[AnyResource], bool]

_DATES = (
    ("created_after", "created", 1),
    ("created_before", "created", -1),
    ("modified_after", "modified", 1),
    ("modified_before", "modified", -1),
)
_WHEN = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d))?)?)?)?)?")
_SCALARS = {
    "id": "id",
    "title": "title",
    "is_public": "public",
    "created": "created",
    "modified": "modified",
    "owner": "owner",
    "resource_class": "resource_class",
    "resource_template": "template",
    "thumbnail": "thumbnail",
}
_MEDIA_SCALARS = {"ingester": "ingester", "media_type": "media_type", "size": "size", "item": "item"}


class Search:
    """One search of a kind of resources."""

    def __init__(self, database: Database, knobs: Knobs, caller: Caller) -> None:
        self._db = database
        self._knobs = knobs
        self._caller = caller
        self._zone = ZoneInfo(knobs.time_zone)

    def run(self, kind: str, query: Query, per_page: int) -> list[AnyResource]:
        """All that match, in order."""
        tests = self._tests(kind, query, per_page)
        rows = self._candidates(kind, query)
        if not self._caller.sees_all:
            rows = (r for r in rows if self._caller.sees(r))
        for test in tests:
            rows = filter(test, rows)
        return self._sorted(list(rows), query)

    def scalars(self, kind: str, rows: list[AnyResource], name: str) -> Json:
        """``{id: value}`` of one column; a list where there is nothing, as PHP's empty array is."""
        fields = _SCALARS | (_MEDIA_SCALARS if kind == "media" else {})
        if name not in fields:
            adapter = {"items": "Item", "item_sets": "ItemSet", "media": "Media"}.get(kind, "Resource")
            raise failed(
                500,
                f'The "{name}" field is not available in the '
                f"Omeka\\Api\\Adapter\\{adapter}Adapter adapter class.",
            )
        found = {str(r.id): getattr(r, fields[name]) for r in rows}
        if name in ("created", "modified"):
            found = {
                k: f"{datetime.fromtimestamp(v, self._zone):%Y-%m-%d %H:%M:%S}" for k, v in found.items()
            }
        return found or []

    def _candidates(self, kind: str, query: Query) -> Iterable[AnyResource]:
        wanted = self._wanted_ids(query)
        if kind == "resources":
            every: Iterable[AnyResource] = self._db.resources()
            return every if wanted is None else (r for r in every if r.id in wanted)
        table: dict[int, AnyResource] = getattr(self._db, kind)
        if wanted is None:
            return table.values()
        return (table[n] for n in wanted if n in table)

    @staticmethod
    def _wanted_ids(query: Query) -> set[int] | None:
        sent = query.get("id")
        if sent is None:
            return None
        parts = sent.split(",") if isinstance(sent, str) else [p for p in sent.values() if isinstance(p, str)]
        given = [p for p in parts if p != ""]
        # Not a number: the database compares with 0, which no row has.
        return {to_int(p) for p in given} if given else None

    # Filters

    def _tests(self, kind: str, query: Query, per_page: int) -> list[Test]:
        tests: list[Test] = []
        public = query.get("is_public")
        if is_numeric(public):
            flag = to_int(public) != 0
            tests.append(lambda r: r.public is flag)
        for name, field in (
            ("owner_id", "owner"),
            ("resource_class_id", "resource_class"),
            ("resource_template_id", "template"),
        ):
            wanted = _numbers(query.get(name))
            if wanted:
                tests.append(lambda r, field=field, wanted=wanted: getattr(r, field) in wanted)  # type: ignore[misc]
        tests += self._time_tests(query)
        tests += self._kind_tests(kind, query)
        tests += self._property_tests(query, per_page)
        text = query.get("search")
        if isinstance(text, str) and text:
            tests.append(self._clause({"property": "", "type": "in", "text": text}) or (lambda r: True))
        return tests

    def _time_tests(self, query: Query) -> list[Test]:
        tests: list[Test] = []
        for name, field, direction in _DATES:
            sent = query.get(name)
            limit = self._moment(sent) if isinstance(sent, str) else None
            if limit is not None:
                tests.append(
                    lambda r, f=field, d=direction, at=limit: (getattr(r, f) - at) * d > 0  # type: ignore[misc]
                )
        return tests

    def _moment(self, text: str) -> float | None:
        """Digits in the server's zone, whatever offset is written behind them."""
        found = _WHEN.match(text)
        if found is None:
            return None
        parts = [int(p) if p else low for p, low in zip(found.groups(), (1, 1, 1, 0, 0, 0), strict=True)]
        try:
            return datetime(*parts, tzinfo=self._zone).timestamp()  # type: ignore[arg-type,misc]
        except ValueError:
            return None

    @staticmethod
    def _kind_tests(kind: str, query: Query) -> list[Test]:
        tests: list[Test] = []
        sets, sites = _numbers(query.get("item_set_id")), _numbers(query.get("site_id"))
        if kind == "items" and sets:
            tests.append(lambda r: isinstance(r, Item) and not sets.isdisjoint(r.item_sets))
        if kind == "items" and sites:
            tests.append(lambda r: isinstance(r, Item) and not sites.isdisjoint(r.sites))
        if kind == "media":
            of = _numbers(query.get("item_id"))
            if of:
                tests.append(lambda r: isinstance(r, Media) and r.item in of)
            media_type = query.get("media_type")
            if isinstance(media_type, str) and media_type:
                tests.append(lambda r: isinstance(r, Media) and r.media_type == media_type)
        if kind == "item_sets" and is_numeric(query.get("is_open")):
            is_open = to_int(query["is_open"]) != 0
            tests.append(lambda r: isinstance(r, ItemSet) and r.is_open is is_open)
        return tests

    def _property_tests(self, query: Query, per_page: int) -> list[Test]:
        clauses = query.get("property")
        if not isinstance(clauses, dict):
            return []
        # SQL binds AND closer than OR, and the clauses are strung together without brackets.
        groups: list[list[Test]] = []
        seen: list[tuple[int | None, str, bool]] = []
        for clause in clauses.values():
            test = self._clause(clause) if isinstance(clause, dict) else None
            if test is None or not isinstance(clause, dict):
                continue
            alternative = clause.get("joiner") == "or"
            if groups and not alternative:
                groups[-1].append(test)
            else:
                groups.append([test])
            seen.append((self._property(clause.get("property")), str(clause.get("text", "")), alternative))
        if len(seen) + 2 > self._knobs.max_join:
            raise failed(500, too_many_tables(seen, self._knobs.max_join, per_page))
        return [lambda r: any(all(t(r) for t in group) for group in groups)] if groups else []

    def _property(self, sent: Json) -> int | None:
        """Id of the property of a clause; None for any property, 0 for an unknown one."""
        if not isinstance(sent, str) or sent in ("", "0"):
            return None
        return to_int(sent) if is_numeric(sent) else self._db.property_by_term(sent) or 0

    def _clause(self, clause: Query) -> Test | None:
        kind, text = clause.get("type"), clause.get("text")
        if "property" not in clause or not isinstance(kind, str):
            return None
        text = text.strip() if isinstance(text, str) else ""
        if kind not in ("ex", "nex") and text in ("", "0"):
            return None
        number = self._property(clause["property"])
        base = kind.removeprefix("n")
        positive = self._positive(base, number, text)
        if positive is None:
            return None
        return positive if base == kind else (lambda r: not positive(r))

    def _positive(self, kind: str, number: int | None, text: str) -> Test | None:
        key = fold(text)
        if kind == "eq":
            if number is not None:
                found = self._db.equal(number, text)
                if self._caller.sees_all:
                    return lambda r: r.id in found
            return self._any(number, lambda v: key in self._keys(v))
        if kind == "in":
            return self._any(number, lambda v: any(key in k for k in self._keys(v)))
        if kind == "sw":
            return self._any(number, lambda v: any(k.startswith(key) for k in self._keys(v)))
        if kind == "ew":
            return self._any(number, lambda v: any(k.endswith(key) for k in self._keys(v)))
        if kind == "res":
            return self._any(number, lambda v: v.target is not None and v.target == to_int(text))
        return self._any(number, lambda v: True) if kind == "ex" else None

    def _any(self, number: int | None, test: Callable[[Value], bool]) -> Test:
        return lambda r: any(
            (number is None or v.property == number) and self._caller.sees_value(r, v) and test(v)
            for v in r.values
        )

    def _keys(self, value: Value) -> list[str]:
        texts = [value.value, value.uri]
        if value.target is not None:
            target = self._db.resource(value.target)
            texts.append(target.title if target else None)
        return [fold(t) for t in texts if t is not None]

    # Order

    def _sorted(self, rows: list[AnyResource], query: Query) -> list[AnyResource]:
        field = query.get("sort_by")
        descending = str(query.get("sort_order", "")).lower() == "desc"
        rows.sort(key=lambda r: r.id, reverse=descending)
        number = self._db.property_by_term(field) if isinstance(field, str) else None
        if number is not None:
            rows.sort(key=lambda r: self._first(r, number), reverse=descending)
        elif field == "title":
            rows.sort(key=lambda r: fold(r.title or ""), reverse=descending)
        elif field in ("created", "modified"):
            rows.sort(key=lambda r: getattr(r, field), reverse=descending)
        elif field == "is_public":
            rows.sort(key=lambda r: r.public, reverse=descending)
        return rows

    @staticmethod
    def _first(row: AnyResource, number: int) -> str:
        return fold(next((v.value or "" for v in row.values if v.property == number), ""))


def _numbers(sent: Json) -> set[int]:
    parts = sent.values() if isinstance(sent, dict) else [sent]
    return {to_int(p) for p in parts if isinstance(p, str) and is_numeric(p)}
