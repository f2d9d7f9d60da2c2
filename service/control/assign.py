"""What gives values to names: the settings around a value, and the short form of `fields`."""

from __future__ import annotations

import re
from dataclasses import replace

from service.control.context import Context
from service.control.document import Node, NodeKind
from service.control.keys import Read
from service.control.model import (
    AnyDestination,
    Assign,
    Constant,
    Destination,
    FieldName,
    Input,
    Name,
    Of,
    OnError,
    OnUpdate,
    Part,
    Source,
)
from service.control.names import any_destination, field_doc, name
from service.control.problems import quoted
from service.control.shapes import FIELDS_VALUE
from service.control.values import value_spec
from service.control.words import OURS_BY_DEFAULT

_MEMBERS = (FieldName("properties"), FieldName("classes"))
_PRIMARY = FieldName("primary")
_ITEM = Destination("item", "item")
_ON_UPDATE: dict[str, OnUpdate] = {
    "replace": "replace",
    "append": "append",
    "remove": "remove",
    "keep": "keep",
}
_OF: dict[str, Of] = {"all": "all", "language": "language", "type": "type", "ours": "ours"}
_SHORT = re.compile(
    r"(?P<name>\S.*?)(?:\s+\^\^(?P<type>\S(?:.*?\S)?))?(?:\s+@(?P<language>\S+))?(?:\s+§(?P<flag>\S+))?\s*"
)


def assign(
    context: Context,
    given: Read,
    value: Input,
    on_error: OnError | None,
    where: AnyDestination | None = None,
    named: Name | None = None,
) -> Assign | None:
    """An assignment of what was read; destination and name are read too unless they are known already."""
    if where is None:
        node = given.get("destination")
        where = any_destination(context, node) if node is not None else _ITEM
    if named is None and where is not None:
        node = given.get("name")
        named = name(context, node, where) if node is not None else None
    if where is None or named is None:
        return None
    multivalue = given.flag("multivalue")
    if isinstance(value, Constant) and isinstance(value.value, list) and _holds_one(where, named):
        context.problems.error("contradiction", given.node, f'"{named}" holds one value, not a list.')
    _check_settings(context, given, where, named)
    return Assign(
        where,
        named,
        value_spec(context, given, value, named, where if isinstance(where, Destination) else None),
        multivalue=multivalue,
        on_update=_on_update(context, given, multivalue),
        of=_OF.get(given.text("of"), "ours" if _is_shared(where, named) else "all"),
        on_error=on_error,
        pointer=given.node.pointer,
    )


def _on_update(context: Context, given: Read, multivalue: bool) -> OnUpdate:
    if context.version == 0:
        return "append" if multivalue else "replace"
    return _ON_UPDATE.get(given.text("onUpdate"), "replace")


def _is_shared(where: AnyDestination, named: Name) -> bool:
    """The content of a page is shared too: its editors add blocks."""
    if not isinstance(named, FieldName):
        return False
    of_page = isinstance(where, Destination) and where.kind == "site-page" and named.name == "html"
    return of_page or named.name in OURS_BY_DEFAULT


def _holds_one(where: AnyDestination, named: Name) -> bool:
    if isinstance(named, Part):
        return True
    if isinstance(named, FieldName) and isinstance(where, Destination):
        return not field_doc(where, named).many
    return False


def _check_settings(context: Context, given: Read, where: AnyDestination, named: Name) -> None:
    if context.version == 0:
        return
    problems = context.problems
    if given.flag("multivalue") and _holds_one(where, named):
        problems.error("contradiction", given.values["multivalue"], f'"{named}" holds one value.')
    for key in ("onUpdate", "of"):
        if key in given and isinstance(named, Part):
            problems.error("contradiction", given.values[key], f'"{key}" belongs to names of resources.')
    for key in ("onUpdate", "of"):
        if key in given and named in _MEMBERS:
            said = f'"{key}" has no effect on "{named}": members are added and changed, and never taken away.'
            problems.error("contradiction", given.values[key], said)
        if key in given and named == _PRIMARY:
            said = f'"{key}" has no effect on "primary": of an item one media is the primary one.'
            problems.error("contradiction", given.values[key], said)
    if "of" in given and given.text("onUpdate", "replace") != "replace":
        problems.error("contradiction", given.values["of"], '"of" says what "replace" replaces.')
    if "of" in given and given.text("of") in ("language", "type") and isinstance(named, FieldName):
        said = f'"of": "{given.text("of")}" belongs to properties, not to "{named}".'
        problems.error("contradiction", given.values["of"], said)


# --- the short form -------------------------------------------------------------------------------


def field_assign(
    context: Context, node: Node, column: Source, where: Destination, on_error: OnError | None
) -> Assign | None:
    """An entry of `fields` written as an object."""
    given = context.read(FIELDS_VALUE, node)
    made = assign(context, given, column, context.on_error(given, on_error), where)
    return _appending(made)


def short_form(
    context: Context, node: Node, column: Source, where: Destination, on_error: OnError | None
) -> Assign | None:
    """`TERM [^^TYPE] [@LANG] [§private]`, as the object that it stands for."""
    match = _SHORT.fullmatch(node.text.strip())
    if match is None:
        context.problems.error("value", node, f"{quoted(node.text)} is no name.")
        return None
    flag = match["flag"]
    if flag not in (None, "private", "public"):
        context.problems.unknown("unknown-word", node, "mark behind §:", flag, ("private", "public"))
    values = {
        key: _within(node, text)
        for key, text in (("name", match["name"]), ("type", match["type"]), ("language", match["language"]))
        if text is not None
    }
    if flag is not None:
        values["public"] = _within(node, flag == "public")
    return _appending(assign(context, Read(node, values), column, on_error, where))


def _within(node: Node, value: str | bool) -> Node:
    """A part of a text, at the place of that text."""
    kind: NodeKind = "string" if isinstance(value, str) else "boolean"
    return Node(kind, value, parent=node.parent, key=node.key, offset=node.offset, lines=node.lines)


def _appending(made: Assign | None) -> Assign | None:
    if made is None or _holds_one(made.destination, made.name):
        return made
    return replace(made, multivalue=True)
