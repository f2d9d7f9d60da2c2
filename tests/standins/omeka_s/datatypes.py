"""Data types: what a value must be to be saved at all, how it is stored, how it is shown.

An invalid value is dropped without a word; that is what ``read`` returning None means.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Collection

from tests.standins.shared.php import is_numeric, to_int

from .model import Json, Value

XSD = "http://www.w3.org/2001/XMLSchema#"
_TRIM = " \t\n\r\0\x0b"
_ISO = re.compile(
    r"(?P<year>-?\d{4,})(-(?P<month>\d{2}))?(-(?P<day>\d{2}))?"
    r"(?P<time>(T(?P<hour>\d{2}))?(:(?P<minute>\d{2}))?(:(?P<second>\d{2}))?)"
    r"(?P<offset>([+-]\d{2})?(:\d{2})?|Z?)\Z"
)
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?\Z")
_WKT = re.compile(
    r"\s*(POINT|LINESTRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION|CIRCLE)\s*\(.*\)\s*\Z", re.I | re.S
)
_PAIR = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\Z")
_SAFE_INTEGER = 2**53 - 1


def _text(data: Json, key: str) -> str | None:
    text = data.get(key)
    return text if isinstance(text, str) and text.strip(_TRIM) else None


def _language(data: Json) -> str | None:
    language = data.get("@language")
    return language if isinstance(language, str) else None


def _literal(data: Json, value: Value) -> bool:
    value.value = _text(data, "@value")
    value.lang = _language(data)
    return value.value is not None


def _uri(data: Json, value: Value) -> bool:
    uri = _text(data, "@id")
    if uri is None or uri.strip(_TRIM).lower().startswith("javascript:"):
        return False
    value.uri = uri
    label, language = data.get("o:label"), data.get("o:lang")
    value.value = label if isinstance(label, str) and label else None
    value.lang = language if isinstance(language, str) and language else None
    return True


def _resource(data: Json, value: Value) -> bool:
    target = data.get("value_resource_id")
    if not is_numeric(target):
        return False
    value.target = to_int(target)
    return True


def _vocab(data: Json, value: Value) -> bool:
    if "value_resource_id" in data and _resource(data, value):
        return True
    return _uri(data, value) if _text(data, "@id") else _literal(data, value)


def _suggested(data: Json, value: Value) -> bool:
    return _uri(data, value) if _text(data, "@id") else _literal(data, value)


def _timestamp(data: Json, value: Value) -> bool:
    value.value = iso(data.get("@value"))
    return value.value is not None


def _integer(data: Json, value: Value) -> bool:
    number = data.get("@value")
    if not is_numeric(number) or abs(to_int(number)) > _SAFE_INTEGER:
        return False
    value.value = str(to_int(number))
    return True


def _interval(data: Json, value: Value) -> bool:
    text = data.get("@value")
    parts = text.split("/") if isinstance(text, str) else []
    if len(parts) != 2:
        return False
    start, end = iso(parts[0]), iso(parts[1])
    if start is None or end is None or start >= end:
        return False
    value.value = f"{start}/{end}"
    return True


def _duration(data: Json, value: Value) -> bool:
    text = data.get("@value")
    value.value = text if isinstance(text, str) and _DURATION.match(text) else None
    return value.value is not None


def _geometry(data: Json, value: Value) -> bool:
    text = data.get("@value")
    value.value = text if isinstance(text, str) and _WKT.match(text) else None
    return value.value is not None


def _coordinates(data: Json, value: Value) -> bool:
    found = _PAIR.match(data["@value"]) if isinstance(data.get("@value"), str) else None
    if found is None or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        return False
    value.value = f"{found[1]},{found[2]}"
    return True


Reader = Callable[[Json, Value], bool]

_CORE: dict[str, Reader] = {
    "literal": _literal,
    "uri": _uri,
    "resource": _resource,
    "resource:item": _resource,
    "resource:itemset": _resource,
    "resource:media": _resource,
}
_MODULES: dict[str, dict[str, Reader]] = {
    "NumericDataTypes": {
        "numeric:timestamp": _timestamp,
        "numeric:integer": _integer,
        "numeric:interval": _interval,
        "numeric:duration": _duration,
    },
    "DataTypeGeometry": {
        "geography": _geometry,
        "geometry": _geometry,
        "geography:coordinates": _coordinates,
    },
}


def reader(name: str, modules: Collection[str], custom_vocabs: Collection[int]) -> Reader | None:
    """How values of the data type ``name`` are read; None where this installation does not know it."""
    found = _CORE.get(name)
    if found is not None:
        return found
    for module in modules:
        if name in _MODULES.get(module, {}):
            return _MODULES[module][name]
    head, _, tail = name.partition(":")
    if head == "customvocab" and "CustomVocab" in modules and tail.isdigit() and int(tail) in custom_vocabs:
        return _vocab
    if head in ("valuesuggest", "valuesuggestall") and tail and "ValueSuggest" in modules:
        return _suggested
    return None


def names(modules: Collection[str], custom_vocabs: Collection[int]) -> list[str]:
    """Data types by name, as /api/data_types lists them."""
    every = [*_CORE]
    for module in modules:
        every += _MODULES.get(module, {})
    if "CustomVocab" in modules:
        every += [f"customvocab:{n}" for n in custom_vocabs]
    return every


def iso(text: Json) -> str | None:
    """An ISO 8601 time of reduced accuracy as the NumericDataTypes module saves it; None if it rejects it.

    The module lets any day up to 31 pass, and PHP then carries over: 2023-02-30 is saved as 2023-03-02.
    """
    found = _ISO.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    part = found.groupdict()
    if (part["hour"] and not part["day"]) or (part["offset"] and not part["time"]):
        return None
    if part["day"] and not part["month"]:
        return None
    year, month, day = int(part["year"]), int(part["month"] or 1), int(part["day"] or 1)
    ranges = ((month, 1, 12), (day, 1, 31), *((int(part[p] or 0), 0, top) for p, top in _CLOCK))
    if any(not low <= number <= high for number, low, high in ranges):
        return None
    if day > (last := _days(year, month)):
        year, month, day = (year, month + 1, day - last)
    saved = f"{year:05d}" if year < 0 else f"{year:04d}"
    if part["month"]:
        saved += f"-{month:02d}"
    if part["day"]:
        saved += f"-{day:02d}"
    return saved + part["time"] + ("+00:00" if part["offset"] == "Z" else part["offset"])


_CLOCK = (("hour", 23), ("minute", 59), ("second", 59))


def _days(year: int, month: int) -> int:
    return calendar.monthrange(2000 + year % 400, month)[1]


def show(value: Value, shown: dict[str, Json]) -> None:
    """Add the value's own keys to its JSON-LD object (links to resources aside)."""
    if value.uri is not None:
        shown["@id"] = value.uri
        if value.value:
            shown["o:label"] = value.value
        if value.lang:
            shown["o:lang"] = value.lang
        return
    if value.type == "numeric:integer":
        shown["@value"] = int(value.value or 0)
        shown["@type"] = f"{XSD}integer"
        return
    shown["@value"] = value.value
    if value.type == "numeric:timestamp":
        shown["@type"] = f"{XSD}{_precision(value.value or '')}"
    elif value.type == "numeric:duration":
        shown["@type"] = f"{XSD}duration"
    if value.lang:
        shown["@language"] = value.lang


def _precision(saved: str) -> str:
    if "T" in saved:
        return "dateTime"
    return ("gYear", "gYearMonth", "date")[saved.lstrip("-").count("-")]
