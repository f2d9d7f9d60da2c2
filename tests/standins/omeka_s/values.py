"""Values of a resource from a request's JSON: what is dropped, which rows are used again."""

from __future__ import annotations

from collections.abc import Iterator

from tests.standins.shared.php import is_numeric, members, to_int, truthy

from .database import Database
from .datatypes import reader
from .errors import PageError, failed
from .knobs import Knobs
from .model import Json, Value

MAX_LANGUAGE = 255


class Values:
    """Reads values as the hydrator of the real server does."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._linked = True

    def hydrate(self, existing: list[Value], data: Json, *, update: bool, partial: bool) -> list[Value]:
        """The values a resource has after the request.

        Rows are used again in their order, whatever property they were of: a value sent without
        ``is_public`` keeps the flag of the row it lands on. A partial update without any valid value leaves
        all rows alone; with one it drops those not used again.
        """
        rows = list(existing)
        if update and isinstance(data, dict):
            cleared = {to_int(n) for n in members(data.get("clear_property_values"))}
            rows = [v for v in rows if v.property not in cleared]
        new: list[Value] = []
        for sent, value in self._read(data):
            if sent.get("is_public") is not None:
                value.public = truthy(sent["is_public"])
            elif len(new) < len(rows):
                value.public = rows[len(new)].public
            annotation = sent.get("@annotation")
            if isinstance(annotation, dict) and annotation:
                value.annotation = [v for _, v in self._read(annotation)] or None
            new.append(value)
        if partial and not new:
            return rows
        return new

    def read(self, data: Json) -> list[Value]:
        """All valid values of a document, without looking whether what they link to is there."""
        self._linked = False
        values = []
        for sent, value in self._read(data):
            value.public = truthy(sent.get("is_public", True))
            annotation = sent.get("@annotation")
            if isinstance(annotation, dict):
                value.annotation = [v for _, v in self._read(annotation)] or None
            values.append(value)
        self._linked = True
        return values

    def check(self, values: list[Value], resource: int) -> None:
        """Raise what the database would: unknown properties and overlong languages are SQL errors."""
        for value in values:
            if value.annotation:
                # An annotation is a resource of its own, and takes a number.
                self.check(value.annotation, self._db.next_id("resources"))
            if value.property not in self._db.properties:
                raise _sql_error(value, resource, _FOREIGN_KEY)
            if value.lang is not None and len(value.lang) > MAX_LANGUAGE:
                raise _sql_error(value, resource, _TOO_LONG)

    def _read(self, data: Json) -> Iterator[tuple[Json, Value]]:
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        for term, objects in pairs:
            for sent in members(objects):
                if isinstance(sent, dict) and sent.get("property_id") is not None:
                    value = self._value(term, sent)
                    if value is not None:
                        yield sent, value

    def _value(self, term: Json, sent: Json) -> Value | None:
        name = sent.get("type")
        number = sent["property_id"]
        if number == "auto":
            number = self._db.property_by_term(str(term))
            if number is None:
                raise PageError
        if not isinstance(name, str):
            # The real code hands null to a function that takes a string only.
            raise PageError
        read = reader(name, self._knobs.modules, self._db.custom_vocabs)
        if read is None:
            return None
        value = Value(type=name, property=to_int(number) if is_numeric(number) else 0)
        if not read(sent, value):
            return None
        altering = self._knobs.altering.get(str(value.property))
        if altering is not None and name == "literal":
            if altering == "drop":
                return None
            value.value = (value.value or "").upper()
        if value.target is not None and self._linked and self._db.resource(value.target) is None:
            raise failed(404, f"Resource not found with id {value.target}.")
        return value


_FOREIGN_KEY = (
    "SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: a foreign key "
    "constraint fails (`omeka`.`value`, CONSTRAINT `FK_1D775834549213EC` FOREIGN KEY (`property_id`) "
    "REFERENCES `property` (`id`) ON DELETE CASCADE)"
)
_TOO_LONG = "SQLSTATE[22001]: String data, right truncated: 1406 Data too long for column 'lang' at row 1"


def _sql_error(value: Value, resource: int, reason: str) -> Exception:
    row: list[Json] = [value.type, value.lang, value.value, value.uri, int(value.public)]
    row += [resource, value.property, value.target, None]
    shown = ", ".join("null" if v is None else f'"{v}"' if isinstance(v, str) else str(v) for v in row)
    return failed(
        500,
        "An exception occurred while executing 'INSERT INTO `value` (type, lang, `value`, uri, is_public, "
        "resource_id, property_id, value_resource_id, value_annotation_id) VALUES "
        f"(?, ?, ?, ?, ?, ?, ?, ?, ?)' with params [{shown}]:\n\n{reason}",
    )
