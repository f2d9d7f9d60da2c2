"""The JSON Schema of version 1, made of the tables that the parser reads by.

It judges what a schema can: keys, kinds of values, words. What depends on other parts of the file (a
name that exists in its destination, a mapping that is there) only the parser judges.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

from service.control.haplo import TAKEN_FILTERS
from service.control.kinds import JsonSchema
from service.control.shapes import (
    ANY,
    DATE,
    DYNAMIC_SHAPE,
    FIELDS_VALUE,
    LINK,
    MATCH,
    RECORD_PROCESSOR,
    REPLACE,
    ROOT,
    TABLE,
    TABLE_ENTRY,
    VALUE,
    WHERE,
)
from service.control.shapes_actions import ACTIONS
from service.control.shapes_files import GROUP, READERS
from service.control.words import OBJECT_FILTERS, SIMPLE_FILTERS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def control_schema() -> dict[str, Any]:
    """A new copy each time; JSON Schema 2020-12."""
    return deepcopy(_schema())


@lru_cache(maxsize=1)
def _schema() -> JsonSchema:
    root = ROOT.schema()
    root["properties"]["dataImportControlFileVersion"] |= {"type": "number", "const": 1}
    root["properties"]["$schema"] = {"type": "string", "description": "For editors; has no effect."}
    root["properties"]["files"]["propertyNames"] = {"minLength": 1, "maxLength": 255}
    return {
        "$schema": DIALECT,
        "title": "Accession control file, version 1",
        **root,
        "$defs": {
            "instructions": {"type": "array", "items": {"$ref": "#/$defs/instruction"}},
            "instruction": _chosen_by("action", {name: f"action-{name}" for name in ACTIONS}, "field"),
            **{f"action-{name}": action.shape.schema() for name, action in ACTIONS.items()},
            "file": _chosen_by("read", {name: f"read-{name}" for name in READERS}, None),
            **{f"read-{name}": reader.shape.schema() for name, reader in READERS.items()},
            "table": _table(),
            "filter": _filter(),
            "record-processor": RECORD_PROCESSOR.schema(),
            "match": MATCH.schema(),
            "any": ANY.schema(),
            "where": WHERE.schema(),
            "value": VALUE.schema(),
            "fields-value": FIELDS_VALUE.schema(),
            "dynamic": DYNAMIC_SHAPE.schema(),
            "link": LINK.schema(),
            "group": GROUP.schema(),
        },
    }


def _chosen_by(key: str, definitions: dict[str, str], otherwise: str | None) -> JsonSchema:
    """An object whose other keys depend on one of them."""
    choices: list[JsonSchema] = [
        {
            "if": {"properties": {key: {"const": word}}, "required": [key]},
            "then": {"$ref": f"#/$defs/{definition}"},
        }
        for word, definition in definitions.items()
    ]
    made: JsonSchema = {"type": "object", "properties": {key: {"enum": list(definitions)}}, "allOf": choices}
    if otherwise is None:
        return made | {"required": [key]}
    choices.append(
        {"if": {"not": {"required": [key]}}, "then": {"$ref": f"#/$defs/{definitions[otherwise]}"}}
    )
    return made


def _table() -> JsonSchema:
    """A table is Haplo's if it has "using" or an object as "values", else plain."""
    references = {
        "anyOf": [
            {"required": ["using"]},
            {"properties": {"values": {"type": "object"}}, "required": ["values"]},
        ]
    }
    plain = {"type": "object", "additionalProperties": TABLE_ENTRY.schema()}
    return {"type": "object", "if": references, "then": TABLE.schema(), "else": plain}


def _filter() -> JsonSchema:
    parameters: dict[str, JsonSchema] = {name: {"type": "string"} for name in OBJECT_FILTERS}
    parameters["replace"] = REPLACE.schema()
    parameters["date"] = DATE.schema()
    choices = [
        {
            "type": "object",
            "properties": {name: schema, "comment": {}},
            "required": [name],
            "additionalProperties": False,
        }
        for name, schema in parameters.items()
    ]
    return {"oneOf": [{"enum": [*SIMPLE_FILTERS, *TAKEN_FILTERS, "date"]}, *choices]}
