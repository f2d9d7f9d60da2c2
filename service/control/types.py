"""The type of a value, from the keys that say it or imply it."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

from service.control import haplo
from service.control.context import Context
from service.control.document import Node
from service.control.filters import check_date_pattern
from service.control.keys import Read
from service.control.model import (
    BooleanType,
    DatetimeType,
    FieldName,
    MappedReference,
    Name,
    OmekaType,
    Part,
    PlainType,
    PlainTypeName,
    TypeSpec,
)
from service.control.problems import quoted, unknown_word
from service.control.suggest import nearest
from service.control.words import (
    GEOGRAPHY_TYPES,
    LABELLED_FAMILIES,
    NUMERIC_TYPES,
    OPEN_TYPES,
    PLAIN_TYPES,
    FieldDoc,
)

_PLAIN: dict[str, PlainTypeName] = {
    "literal": "literal",
    "html": "html",
    "uri": "uri",
    "resource": "resource",
    "integer": "integer",
    "number": "number",
}
_IMPLIED = {
    "link": "resource",
    "refMapping": "resource",
    "dateFormat": "datetime",
    "trueValue": "boolean",
    "falseValue": "boolean",
}
_OF_FIELDS = {"text": "literal", "boolean": "boolean", "integer": "integer", "link": "resource"}
"""The type of the values of a field."""
_NEEDS = {
    "link": ("resource",),
    "refMapping": ("resource",),
    "dateFormat": ("datetime",),
    "timeZone": ("datetime",),
    "trueValue": ("boolean",),
    "falseValue": ("boolean",),
}
"""Which types take a key."""


def type_spec(context: Context, given: Read, name: Name | None, field: FieldDoc | None) -> TypeSpec | None:
    """None when something is wrong with it, which is reported."""
    said = given.get("type")
    word = said.text if said is not None else _implied(given, name, field)
    if said is not None and not _known(context, said, word):
        return None
    _check_company(context, given, word)
    if not _fits(context, given, word, name, field):
        return None
    if word == "boolean":
        return BooleanType(given.texts("trueValue"), given.texts("falseValue"))
    if word == "datetime":
        return _datetime(context, given)
    if "refMapping" in given:
        return _reference(context, given.values["refMapping"])
    plain = _PLAIN.get(word)
    if plain == "literal":
        return PlainType("literal", named=said is not None)
    return PlainType(plain) if plain is not None else OmekaType(word)


def _implied(given: Read, name: Name | None, field: FieldDoc | None) -> str:
    for key, word in _IMPLIED.items():
        if key in given:
            return word
    if field is not None:
        return _OF_FIELDS[field.value]
    return "boolean" if name == Part("public") else "literal"


def _known(context: Context, node: Node, word: str) -> bool:
    family, colon, member = word.partition(":")
    if word in PLAIN_TYPES or word in NUMERIC_TYPES or word in GEOGRAPHY_TYPES:
        return True
    if family in OPEN_TYPES:
        if member.strip():
            return True
        context.problems.error("unknown-type", node, f'"{family}:" needs a name behind the colon.')
        return False
    meaning = haplo.TYPES.get(word)
    if meaning is not None:
        context.problems.error("haplo", node, f"{quoted(word)} is a type of Haplo. Here: {meaning.here}")
        return False
    if family == "resource":
        context.problems.error("unknown-type", node, 'say "resource", and what it is in its "link".')
        return False
    known = [*PLAIN_TYPES, *NUMERIC_TYPES, *GEOGRAPHY_TYPES, *(f"{open_type}:" for open_type in OPEN_TYPES)]
    if (
        colon
        and member
        and family not in ("numeric", "geography", "geometry")
        and nearest(word, known) is None
    ):
        context.problems.warn(
            "unknown-type", node, f"the data type {quoted(word)} is left to the target to judge."
        )
        return True
    context.problems.error(
        "unknown-type", node, unknown_word("type", word, known, search=not context.problems.full)
    )
    return False


def _check_company(context: Context, given: Read, word: str) -> None:
    """Keys that belong to another type than the one that is said."""
    for key, types in _NEEDS.items():
        if key in given and word not in types:
            context.problems.error(
                "contradiction",
                given.values[key],
                f'"{key}" belongs to the type "{types[0]}", not to "{word}".',
            )
    if "link" in given and "refMapping" in given:
        context.problems.error(
            "contradiction",
            given.values["refMapping"],
            '"link" and "refMapping" exclude each other; keep one.',
        )


def _fits(context: Context, given: Read, word: str, name: Name | None, field: FieldDoc | None) -> bool:
    """Fields and parts of pseudo-destinations take only some types."""
    allowed: tuple[str, ...]
    if field is not None and isinstance(name, FieldName):
        allowed = (_OF_FIELDS[field.value],)
    elif isinstance(name, Part):
        allowed = ("literal", "boolean", "integer", "number", "datetime", *_refs(given))
    else:
        return True
    if word in allowed:
        return True
    node = given.get("type") or next(given.values[key] for key in _IMPLIED if key in given)
    context.problems.error(
        "contradiction", node, f'"{name}" takes no value of the type "{word}", only {" or ".join(allowed)}.'
    )
    return False


def _refs(given: Read) -> tuple[str, ...]:
    """A table may lead to the number by which a resource is loaded."""
    return ("resource",) if "refMapping" in given else ()


def _datetime(context: Context, given: Read) -> DatetimeType | None:
    pattern, zone = given.get("dateFormat"), given.get("timeZone")
    if pattern is None:
        if "dateFormat" not in given.node.members:
            context.problems.error(
                "missing-key", given.node, 'the type "datetime" needs "dateFormat", such as "dd/MM/yyyy".'
            )
        return None
    sound = check_date_pattern(context, pattern)
    if zone is not None and zone.text not in _zones():
        said = unknown_word("time zone", zone.text, _zones(), search=not context.problems.full)
        context.problems.error("value", zone, said.split(" Allowed:")[0])
        return None
    return DatetimeType(pattern.text, zone.text if zone is not None else None) if sound else None


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _reference(context: Context, node: Node) -> MappedReference | None:
    table = context.tables.get(node.text)
    if table is not None and table.using is not None:
        return MappedReference(table)
    if table is not None:
        context.problems.error(
            "unknown-table", node, f'the mapping {quoted(node.text)} is a plain table; it needs "using".'
        )
    elif node.text not in context.table_names:
        context.problems.unknown("unknown-table", node, "mapping", node.text, context.table_names)
    return None


def takes_label(spec: TypeSpec) -> bool:
    return _family(spec) in LABELLED_FAMILIES


def takes_language(spec: TypeSpec) -> bool:
    return _family(spec) in ("literal", "html", "uri", "customvocab", "valuesuggest", "valuesuggestall") or (
        isinstance(spec, OmekaType) and not spec.name.startswith(("numeric", "geography", "geometry"))
    )


def _family(spec: TypeSpec) -> str:
    match spec:
        case PlainType(name) | OmekaType(name):
            return name.partition(":")[0]
        case BooleanType():
            return "boolean"
        case DatetimeType():
            return "datetime"
        case MappedReference():
            return "resource"
