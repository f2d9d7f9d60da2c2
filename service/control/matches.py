"""`match`: how the resources of a destination are known again."""

from __future__ import annotations

from service.control.context import Context
from service.control.document import Node, key_node
from service.control.filters import filters
from service.control.keys import Read
from service.control.kinds import entries
from service.control.model import (
    Absent,
    Destination,
    DestinationKind,
    Duplicates,
    FieldName,
    FieldWord,
    Found,
    Gone,
    Match,
    NotFound,
    Property,
    Selector,
    Source,
)
from service.control.names import destination, property_name
from service.control.problems import quoted
from service.control.shapes import ANY, MATCH, WHERE
from service.control.words import IDENTIFYING, IDENTITIES, RESOURCE_KINDS, WHERE_FIELDS

_NOT_FOUND: dict[str, NotFound] = {"create": "create", "skip": "skip", "reject": "reject"}
_FOUND: dict[str, Found] = {"update": "update", "skip": "skip", "reject": "reject"}
_GONE: dict[str, Gone] = {"skip": "skip", "create": "create", "reject": "reject"}
_DUPLICATES: dict[str, Duplicates] = {"reject": "reject", "merge": "merge"}
_ABSENT: dict[str, Absent] = {"keep": "keep", "unpublish": "unpublish", "delete": "delete"}


def read_matches(context: Context, node: Node | None) -> None:
    """Puts the sound ones into the context."""
    every = entries(node)
    context.match_labels = frozenset(label for label, _ in every)
    for label, child in every:
        if label == "media" and (by := child.members.get("by")) is not None and by.text == BY_FILE:
            _of_files(context, child)
            continue
        made = _match(context, child)
        if made is not None:
            context.matches[label] = made


BY_FILE = "file"
"""`by` of media that are known by their item, and by what they show or are called: as without any match."""


def _of_files(context: Context, node: Node) -> None:
    """What is said of media that have no identity of their own."""
    given = context.read(MATCH, node)
    for key in given.values.keys() - {"by", "absent", "comment"}:
        said = f'"{key}" is for media with an identifier; by "{BY_FILE}" there is "absent" only.'
        context.problems.error("contradiction", given.values[key], said)
    absent = given.text("absent", "keep")
    if absent == "unpublish":
        said = "media without an identifier are kept or deleted."
        context.problems.error("not-supported", given.values["absent"], said)
    context.media_absent = _ABSENT.get(absent, "keep")


def _match(context: Context, node: Node) -> Match | None:
    where = destination(context, key_node(node))
    given = context.read(MATCH, node)
    if where is not None and where.kind not in RESOURCE_KINDS and where.kind not in IDENTITIES:
        having = ", ".join((*RESOURCE_KINDS, *IDENTITIES))
        context.problems.error("not-supported", node, f'a "{where.kind}" has no match; only {having} have.')
        where = None
    by: tuple[Property | FieldName, ...]
    if where is not None and where.kind in IDENTITIES:
        _refuse_of_resources(context, given, where.kind)
        by, any_of = _by_names(context, given.get("by"), where.kind), False
    else:
        by, any_of = _by(context, given.get("by"))
    inputs = _inputs(context, given)
    if inputs is None or not by or where is None:
        return None
    if not _counts(context, given, by, any_of, inputs):
        return None
    return Match(
        where,
        by,
        any_of=any_of,
        inputs=inputs,
        filters=filters(context, given.get("filters")),
        scope=given.text("scope"),
        where=_where(context, given.get("where"), where.kind),
        not_found=_NOT_FOUND.get(given.text("notFound")),
        found=_FOUND.get(given.text("found"), "update"),
        gone=_GONE.get(given.text("gone"), "skip"),
        duplicates=_DUPLICATES.get(given.text("duplicates"), "reject"),
        absent=_ABSENT.get(given.text("absent"), "keep"),
        pointer=node.pointer,
    )


def default_match(where: Destination, pointer: str) -> Match | None:
    """How something that is no resource is known again where nothing else is said; None for resources."""
    names = IDENTITIES.get(where.kind)
    return None if names is None else Match(where, tuple(map(FieldName, names)), pointer=pointer)


_OF_RESOURCES = {
    "where": "narrows a search, and everything of this kind is listed anyway",
    "absent": "removes resources; remove these by hand, or with an undo",
}


def _refuse_of_resources(context: Context, given: Read, kind: DestinationKind) -> None:
    for key, why in _OF_RESOURCES.items():
        if key in given and not (key == "absent" and given.text("absent") == "keep"):
            context.problems.error("not-supported", given.values[key], f'"{key}" {why} ("{kind}").')
    if given.text("duplicates") == "merge":
        said = f'a "{kind}" is not merged from several records: bring each in one record.'
        context.problems.error("not-supported", given.values["duplicates"], said)


def _by_names(context: Context, node: Node | None, kind: DestinationKind) -> tuple[FieldName, ...]:
    """The names by which something that is no resource is known; () when one of them is not sound."""
    if node is None:
        return ()
    allowed = IDENTIFYING[kind]
    items = node.items if node.kind == "array" else [node]
    made = [FieldName(word) for item in items for word in allowed if item.text == word]
    if len(made) == len(items) and len(set(made)) == len(made):
        return tuple(made)
    said = f'a "{kind}" is known by {", ".join(allowed)}, each at most once.'
    context.problems.error("not-supported", node, said)
    return ()


def _by(context: Context, node: Node | None) -> tuple[tuple[Property, ...], bool]:
    """The properties, and whether they are alternatives; () when one of them is not sound."""
    if node is None:
        return (), False
    any_of = node.kind == "object"
    if any_of:
        alternatives = context.read(ANY, node).get("any")
        if alternatives is None:
            return (), True
        node = alternatives
    items = node.items if node.kind == "array" else [node]
    made = [property_name(context, item) for item in items]
    sound = [name for name in made if name is not None]
    for place, name in enumerate(made):
        if name is not None and name in made[:place]:
            context.problems.error("contradiction", items[place], f'"{name}" stands twice in "by".')
    return (tuple(sound) if len(sound) == len(items) else ()), any_of


def _inputs(context: Context, given: Read) -> tuple[Selector, ...] | None:
    """None when the expression is not sound, or a key that should give them is not."""
    if "source" in given:
        return tuple(Source(key) for key in given.texts("source"))
    if "expression" in given:
        made = context.selector(given)
        return (made,) if made is not None else None
    broken = any(key in given.node.members for key in ("source", "expression"))
    if not broken and "filters" in given:
        said = '"filters" are for the identifier: say "source" or "expression" too.'
        context.problems.error("contradiction", given.values["filters"], said)
    return None if broken else ()


def _counts(
    context: Context,
    given: Read,
    by: tuple[Property | FieldName, ...],
    any_of: bool,
    inputs: tuple[Selector, ...],
) -> bool:
    """One source for each of `by`, or one for all alternatives; an expression may give a list."""
    sources = [one for one in inputs if isinstance(one, Source)]
    if not sources:
        return True
    wanted = 1 if any_of else len(by)
    if len(sources) == wanted:
        return True
    what = "alternatives have one identifier" if any_of else f'"by" names {len(by)} properties'
    said = f'{what}, but "source" names {len(sources)} keys; name {wanted}.'
    context.problems.error("contradiction", given.values["source"], said)
    return False


_OF_ITEMS: tuple[FieldWord, ...] = ("item-set", "site")
"""Of a set or a media, Omeka does not tell in which sets or sites it is."""


def _where(
    context: Context, node: Node | None, kind: DestinationKind
) -> tuple[tuple[FieldWord, str | int], ...]:
    if node is None:
        return ()
    given = context.read(WHERE, node)
    made: list[tuple[FieldWord, str | int]] = []
    for field in WHERE_FIELDS:
        child = given.get(field)
        if child is not None and field in _OF_ITEMS and kind != "item":
            others = ", ".join(quoted(one) for one in WHERE_FIELDS if one not in _OF_ITEMS)
            said = f'{quoted(field)} narrows items only; for "{kind}" say {others}, or leave it out.'
            context.problems.error("not-supported", child, said)
        elif child is not None:
            value = child.scalar
            made.append((field, int(value) if isinstance(value, (int, float)) else child.text))
    return tuple(made)
