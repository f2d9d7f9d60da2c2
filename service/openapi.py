"""The API's description, OpenAPI 3.1, made from the same operations as the routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from service.api.context import Answer, Operation
from service.api.forms import descriptions
from service.errors import ProblemDocument
from service.settings import VERSION

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PATH_PARAMETERS = {
    "batch_id": "A batch's identifier: 26 characters that sort by time of creation.",
    "digest": "SHA-256 in 64 hexadecimal digits.",
    "name": "A configured target's name.",
    "task_id": "A task's identifier.",
}
_WHEN = {
    400: "A parameter is missing, wrong or unknown; one line a problem.",
    401: "No API key, or an unknown one.",
    403: "The key lacks the scope or the target, or the request comes from another site's page.",
    404: "It does not exist, or the key may not see it.",
    410: "It was there, and was removed: it is kept no longer.",
    409: "The state forbids it; the message says the state and what is allowed.",
    413: "Larger than a setting allows, which the message names.",
    415: "The body is in neither form encoding.",
    429: "Too many wrong keys from this address; `Retry-After` says how long to wait.",
    502: "A worker could not do it, or the target could not be asked; the message says why.",
    503: "Database, store or queue cannot be reached. What was answered 200 is safe.",
}
_KEYS: list[Schema] = [{"basic": []}, {"bearer": []}]


def document(operations: Iterable[Operation]) -> Schema:
    """The whole description as plain data."""
    operations = list(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Accession",
            "version": VERSION,
            "description": "Batch imports into Omeka in four steps: control, batch, file, schedule.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _components(operations), "securitySchemes": _SECURITY},
    }


_SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "User `haplo`, password an API key."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
}


def _operation(operation: Operation) -> Schema:
    result: Schema = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}_{operation.path}").strip("_"),
        "summary": operation.summary,
        "parameters": [
            *_path_parameters(operation.path),
            *_query_parameters(operation.query),
            *_header_parameters(operation.headers),
        ],
        "responses": _responses(operation),
    }
    if operation.scope is not None:
        result["security"] = _KEYS
        other = f" or `{operation.or_scope}`" if operation.or_scope else ""
        result["description"] = f"Needs a key with the scope `{operation.scope}`{other}."
    if operation.form is not None:
        schema = _form_schema(operation)
        media_types = ("multipart/form-data", "application/x-www-form-urlencoded")
        result["requestBody"] = {
            "required": bool(schema.get("required")),
            "content": {media_type: {"schema": schema} for media_type in media_types},
        }
    if operation.body:
        result["requestBody"] = {
            "description": operation.body,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    return result


def _path_parameters(path: str) -> list[Schema]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(query: type[Struct] | None) -> list[Schema]:
    if query is None:
        return []
    schema = _inline(query)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": describe,
            "schema": schema["properties"][name],
        }
        for name, describe in descriptions(query).items()
    ]


def _header_parameters(headers: Mapping[str, str]) -> list[Schema]:
    return [
        {"name": name, "in": "header", "description": describe, "schema": {"type": "string"}}
        for name, describe in headers.items()
    ]


def _form_schema(operation: Operation) -> Schema:
    assert operation.form is not None
    schema = _inline(operation.form)
    schema["additionalProperties"] = False
    for name in operation.files:
        beside = {field.name: field.default for field in fields(operation.form)}
        one: Schema = {"type": "string", "format": "binary"}
        schema["properties"][name] = {"type": "array", "items": one} if beside.get("name") == () else one
        if "digest" not in beside:
            schema["required"] = [*schema.get("required", []), name]
    return schema


def _inline(type_: type[Struct]) -> Schema:
    """The schema of a Struct of parameters. On the wire a parameter is text: there is no null."""
    (_,), components = msgspec.json.schema_components([type_], ref_template=_REF)
    schema = components[type_.__name__]
    properties = {name: _without_null(one) for name, one in schema.get("properties", {}).items()}
    result: Schema = {"type": "object", "properties": properties}
    if schema.get("required"):
        result["required"] = schema["required"]
    return result


def _without_null(schema: Schema) -> Schema:
    result = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    if "anyOf" in result:
        others = [one for one in result.pop("anyOf") if one != {"type": "null"}]
        result |= others[0]
    return result


def _responses(operation: Operation) -> dict[str, Schema]:
    result = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    if operation.method == "HEAD":
        for answer in result.values():
            del answer["content"]
    errors = set(operation.errors) | {400, 503}
    if operation.scope is not None:
        errors |= {401, 403, 429}
    elif operation.method not in ("GET", "HEAD"):
        errors.add(403)
    for status in sorted(errors - set(operation.answers)):
        schema = {"$ref": _REF.format(name=ProblemDocument.__name__)}
        result[str(status)] = {"description": _WHEN[status]}
        if operation.method == "HEAD":
            continue
        result[str(status)] |= {
            "content": {
                "text/plain": {"schema": {"type": "string", "description": "One line a problem."}},
                "application/problem+json": {"schema": schema},
            },
        }
    return result


def _answer(answer: Answer) -> Schema:
    media_types = answer.media_types or ("text/plain", *(("application/json",) if answer.json else ()))
    result: Schema = {
        "description": answer.description,
        "content": {media_type: {"schema": _answer_schema(answer, media_type)} for media_type in media_types},
    }
    if answer.headers:
        result["headers"] = {
            name: {"description": describe, "required": True, "schema": {"type": "integer", "minimum": 0}}
            for name, describe in answer.headers.items()
        }
    return result


def _answer_schema(answer: Answer, media_type: str) -> Schema:
    text: Schema = {"type": "string"}
    if media_type == "text/plain" and answer.text:
        text["description"] = answer.text
    if answer.json is None or media_type not in ("application/json",):
        return text
    refs = [{"$ref": _REF.format(name=type_.__name__)} for type_ in answer.types]
    ref: Schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    # Where JSON is one of several streamed forms, it is an array of rows.
    return {"type": "array", "items": ref} if answer.media_types else ref


def _components(operations: Iterable[Operation]) -> Mapping[str, Schema]:
    types: set[type[Struct]] = {ProblemDocument}
    for operation in operations:
        types.update(type_ for answer in operation.answers.values() for type_ in answer.types)
    ordered = sorted(types, key=lambda type_: type_.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    return components
