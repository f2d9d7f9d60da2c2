"""`link`: by what a value finds the resource that it stands for."""

from __future__ import annotations

from service.control.context import Context
from service.control.document import Node
from service.control.model import FieldName, Link, Property
from service.control.names import destination, property_name
from service.control.problems import quoted
from service.control.shapes import LINK
from service.control.words import IDENTITIES


def link(context: Context, node: Node) -> Link | None:
    """None when something is wrong with it, which is reported."""
    given = context.read(LINK, node)
    said = given.get("to")
    to = destination(context, said) if said is not None else None
    if to is None or said is None:
        return None
    if to.kind in IDENTITIES:
        context.problems.error("not-supported", said, f'no value can link to a "{to.kind}".')
        return None
    pointer = node.pointer
    match = context.matches.get(to.label)
    by_node = given.get("by")
    if by_node is None and match is None:
        if to.label not in context.match_labels:
            context.problems.error(
                "no-match",
                said,
                f'nothing says by what {quoted(to.label)} is found: give it a "match", or say "by" here.',
            )
        return None
    scope = given.text("scope", match.scope if match is not None else "")
    if by_node is None and match is not None:
        if len(match.by) > 1 and not match.any_of:
            together = " and ".join(map(str, match.by))
            context.problems.error(
                "contradiction",
                said,
                f"{quoted(to.label)} is known by {together} together, and a link has one value: say with "
                '"by" which single property finds it.',
            )
            return None
        return Link(
            to,
            tuple(one for one in match.by if not isinstance(one, FieldName)),
            scope,
            any_of=match.any_of,
            pointer=pointer,
        )
    if given.texts("by") == ("id",):
        return Link(to, (), scope, by_number=True, pointer=pointer)
    by = _properties(context, by_node)
    return Link(to, by, scope, pointer=pointer) if by else None


def _properties(context: Context, node: Node | None) -> tuple[Property, ...]:
    """All sound, or none."""
    if node is None:
        return ()
    items = node.items if node.kind == "array" else [node]
    made = [property_name(context, item) for item in items]
    sound = [name for name in made if name is not None]
    return tuple(sound) if len(sound) == len(items) else ()
