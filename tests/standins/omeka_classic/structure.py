"""Element sets, elements, item types, tags and locations."""

from __future__ import annotations

from collections.abc import Iterable

from tests.standins.shared.collation import fold
from tests.standins.shared.php import Json, to_int

from .database import Database
from .errors import ApiError, invalid, sql
from .model import Element, ElementSet, Exhibit, Geolocation, Item, ItemType, Record, Row, Tag
from .php import Columns, empty, number_in, text
from .records import Sent

_NAME_LENGTH = 255


class Structure:
    """Writes what describes records rather than being one."""

    def __init__(self, database: Database, columns: Columns) -> None:
        self._db = database
        self._columns = columns

    def create(self, resource: str, data: Sent) -> Row:
        """A new row of one of these resources."""
        row: Row
        match resource:
            case "element_sets":
                row = self._element_set(data)
            case "elements":
                row = self._element(data)
            case "item_types":
                row = self._item_type(data)
            case _:
                row = self._geolocation(data)
        self._db.put(row)
        return row

    def update(self, row: Row, data: Sent) -> None:
        """Change what was sent."""
        match row:
            case Element():
                self._change_element(row, data)
            case ItemType():
                self._change_item_type(row, data)
            case Geolocation():
                self._place(row, data)
            case _:
                raise TypeError(f"{row.table} cannot be updated")
        self._db.put(row)

    def delete(self, row: Row) -> None:
        """Remove a row and what hangs on it."""
        match row:
            case ElementSet():
                for element in [e for e in self._db.elements.values() if e.element_set == row.id]:
                    self._drop_element(element)
            case Element():
                self._drop_element(row)
                return
            case ItemType():
                for item in self._db.items.values():
                    if item.item_type == row.id:
                        item.item_type = None
                        self._db.put(item)
            case Tag():
                bearers: list[Item | Exhibit] = [*self._db.items.values(), *self._db.exhibits.values()]
                for tagged in bearers:
                    if row.id in tagged.tags:
                        tagged.tags.remove(row.id)
                        self._db.put(tagged)
            case _:
                pass
        self._db.delete(row)

    # Elements

    def _element_set(self, data: Sent) -> ElementSet:
        name = self._name(data, "element_sets")
        if _taken(name, self._db.element_sets.values()):
            raise invalid({"Name": "Name of element set must be unique."})
        if not name:
            raise invalid({"Name": "Name of element set must not be empty."})
        return ElementSet(
            id=self._db.next_id("element_sets"),
            name=name,
            description=_text(data, "description"),
            record_type=_text(data, "record_type"),
        )

    def _element(self, data: Sent) -> Element:
        name = self._name(data, "elements")
        owner = to_int(number_in(data, "element_set"))
        element_set = self._db.element_sets.get(owner)
        if element_set is None:
            raise sql("Column 'element_set_id' cannot be null")
        self._check_element(name, element_set)
        return Element(
            id=self._db.next_id("elements"),
            element_set=owner,
            name=name,
            description=_text(data, "description"),
            comment=_text(data, "comment"),
            order=None if data.get("order") is None else to_int(data["order"]),
        )

    def _check_element(self, name: str, element_set: ElementSet) -> None:
        if not name:
            raise invalid({"name": "Name must not be empty."})
        others = (e for e in self._db.elements.values() if e.element_set == element_set.id)
        if _taken(name, others):
            message = f'An element named "{name}" already exists for the "{element_set.name}" element set.'
            raise invalid({"name": message})

    def _change_element(self, row: Element, data: Sent) -> None:
        """Its comment and its place; a PUT passes over all else (`setPutData` of Omeka's `Api_Element`)."""
        row.comment = _text(data, "comment", row.comment)
        if data.get("order") is not None:
            row.order = to_int(data["order"])

    def _drop_element(self, row: Element) -> None:
        records: list[Record] = [
            *self._db.items.values(),
            *self._db.collections.values(),
            *self._db.files.values(),
        ]
        for record in records:
            if any(t.element == row.id for t in record.texts):
                record.texts = [t for t in record.texts if t.element != row.id]
                self._db.put(record)
        for kind in self._db.item_types.values():
            if row.id in kind.elements:
                kind.elements.remove(row.id)
                self._db.put(kind)
        self._db.delete(row)

    # Item types

    def _item_type(self, data: Sent) -> ItemType:
        name = self._name(data, "item_types")
        sent = data.get("elements")
        numbers: list[int] = []
        for one in sent if isinstance(sent, list) else []:
            if isinstance(one, dict):
                number = to_int(one.get("id"))
                if number not in self._db.elements:
                    raise ApiError(500, "Invalid element data.")
                numbers.append(number)
        self._check_item_type(name, 0)
        return ItemType(
            id=self._db.next_id("item_types"),
            name=name,
            description=_text(data, "description"),
            elements=numbers,
        )

    def _check_item_type(self, name: str, own: int) -> None:
        if _taken(name, (t for t in self._db.item_types.values() if t.id != own)):
            raise invalid({"name": "The item type name must be unique."})
        if not name:
            raise invalid({"name": "The item type name must have between 1 and 255 characters."})

    def _change_item_type(self, row: ItemType, data: Sent) -> None:
        sent = data.get("elements")
        if isinstance(sent, list):
            # At once, whatever is said of the name; what does not exist is passed over.
            numbers = (to_int(one["id"]) for one in sent if isinstance(one, dict) and one.get("id"))
            row.elements = [n for n in numbers if n in self._db.elements]
            self._db.put(row)
        name = self._name(data, "item_types") if data.get("name") is not None else row.name
        self._check_item_type(name, row.id)
        row.name = name
        row.description = _text(data, "description", row.description)

    # Locations

    def _geolocation(self, data: Sent) -> Geolocation:
        number = number_in(data, "item")
        if number is None:
            raise sql("No data supplied for parameters in prepared statement")
        item = to_int(number)
        errors = {}
        if item not in self._db.items:
            errors["item_id"] = "Location requires a valid item ID."
        elif self._db.location_of(item) is not None:
            errors["item_id"] = "A location already exists for the provided item."
        for name in ("latitude", "longitude", "zoom_level"):
            if empty(data.get(name)):
                errors[name] = f"Location requires a {name.replace('_', ' ')}."
        if errors:
            raise invalid(errors)
        row = Geolocation(
            id=self._db.next_id("geolocations"), item=item, latitude=0.0, longitude=0.0, zoom_level=0
        )
        self._place(row, data)
        return row

    def _place(self, row: Geolocation, data: Sent) -> None:
        """Map type and address become empty where they are not sent."""
        address, map_type = _text(data, "address") or "", _text(data, "map_type") or ""
        self._columns.check(address, "locations", "address")
        row.address, row.map_type = address, map_type
        if data.get("latitude") is not None:
            row.latitude = _float(data["latitude"])
        if data.get("longitude") is not None:
            row.longitude = _float(data["longitude"])
        if data.get("zoom_level") is not None:
            row.zoom_level = to_int(data["zoom_level"])

    def _name(self, data: Sent, table: str) -> str:
        name = text(data["name"]) if data.get("name") is not None else ""
        self._columns.check(name, table, "name", _NAME_LENGTH)
        return name


def _taken(name: str, rows: Iterable[ElementSet | Element | ItemType]) -> bool:
    return any(fold(row.name) == fold(name) for row in rows)


def _text(data: Sent, name: str, otherwise: str | None = None) -> str | None:
    return otherwise if data.get(name) is None else text(data[name])


def _float(value: Json) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
