"""`mapping`: named tables, of values or of resources."""

from __future__ import annotations

from service.control import haplo
from service.control.context import Context
from service.control.document import Node
from service.control.kinds import entries
from service.control.model import DestinationKind, MappingTable
from service.control.problems import quoted
from service.control.shapes import TABLE, TABLE_ENTRY
from service.control.words import RESOURCE_KINDS


def read_tables(context: Context, node: Node | None) -> None:
    """Puts the sound ones into the context."""
    every = entries(node)
    context.table_names = frozenset(name for name, _ in every)
    for name, child in every:
        table = (
            _plain(context, name, child) if _is_plain(context, child) else _references(context, name, child)
        )
        if table is not None:
            context.tables[name] = table


def _is_plain(context: Context, node: Node) -> bool:
    """Haplo's tables have "using", or hold an object as "values"; others are plain, which is version 1."""
    if context.version == 0:
        return False
    values = node.members.get("values")
    return not (values is not None and values.kind == "object") and "using" not in node.members


def _plain(context: Context, name: str, node: Node) -> MappingTable | None:
    sound = [TABLE_ENTRY.check(child, context.problems) for child in node.members.values()]
    if not all(sound):
        return None
    return MappingTable(
        name, {key: child.plain() for key, child in node.members.items()}, pointer=node.pointer
    )


def _references(context: Context, name: str, node: Node) -> MappingTable | None:
    using = node.members.get("using")
    refused = haplo.MAPPINGS.get(using.text) if using is not None else None
    if using is not None and refused is not None and not refused.taken:
        context.problems.error("haplo", using, f"{quoted(using.text)} is not taken over: {refused.here}.")
        return None
    given = context.read(TABLE, node)
    values = given.get("values")
    numbers = given.text("using") == "id"
    for child in values.members.values() if values is not None else ():
        if numbers and child.kind == "string" and not child.text.isdigit():
            context.problems.error(
                "value", child, f"must be the number of a resource, not {quoted(child.text)}."
            )
    types = given.get("types")
    for item in types.items if types is not None else ():
        _check_type(context, item)
    match given.text("using"):
        case "id" | "title" | "identifier" as kind:
            plain = {key: child.plain() for key, child in entries(values)}
            return MappingTable(name, plain, kind, given.texts("types"), node.pointer)
        case _:
            return None


_OLD_CODES = ("std:type:", "example:type:")


def _check_type(context: Context, node: Node) -> None:
    """Kinds, class terms and labels of templates are any text; only Haplo's codes are surely none."""
    if node.text.startswith(_OLD_CODES):
        kinds: tuple[DestinationKind, ...] = RESOURCE_KINDS
        said = f"{quoted(node.text)} is a type of Haplo; say {', '.join(kinds)}, a class or a template."
        context.problems.error("haplo", node, said)
