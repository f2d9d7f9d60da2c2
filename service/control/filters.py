"""Filters: a name, or an object of one name with its parameters."""

from __future__ import annotations

import re

from service.control import haplo
from service.control.context import Context
from service.control.document import Node
from service.control.keys import REFUSED_KEYS as _REFUSED_KEYS
from service.control.kinds import shown
from service.control.model import (
    DateFilter,
    DateForm,
    DateOrder,
    Filter,
    Format,
    Prefix,
    Replace,
    SimpleFilter,
    SimpleFilterName,
    Source,
    Suffix,
)
from service.control.patterns import (
    DatePatternError,
    date_pattern,
    pattern_fault,
    pattern_groups,
    replacement_fault,
)
from service.control.problems import quoted
from service.control.shapes import DATE, REPLACE
from service.control.words import OBJECT_FILTERS, SIMPLE_FILTERS

_SIMPLE: dict[str, SimpleFilterName] = {name: name for name in SIMPLE_FILTERS} | haplo.TAKEN_FILTERS
_ORDERS: dict[str, DateOrder] = {"dmy": "dmy", "mdy": "mdy", "ymd": "ymd"}
_FORMS: dict[str, DateForm] = {"edtf": "edtf", "interval": "interval", "timestamp": "timestamp"}


def filters(context: Context, node: Node | None) -> tuple[Filter, ...]:
    """The sound filters of a list; what is wrong is reported."""
    if node is None:
        return ()
    return tuple(made for item in node.items if (made := one_filter(context, item)) is not None)


def one_filter(context: Context, node: Node) -> Filter | None:
    if node.kind == "string":
        return _by_name(context, node)
    if node.kind != "object":
        context.problems.error(
            "wrong-kind", node, f"a filter is a name or an object of one name, not {shown(node)}."
        )
        return None
    if context.version == 0:
        context.problems.error("version-1-key", node, "filters with parameters belong to version 1.")
        return None
    names = [key for key in node.members if key != "comment"]
    if len(names) != 1:
        allowed = ", ".join(OBJECT_FILTERS)
        context.problems.error(
            "contradiction", node, f"an object of one filter with its parameters is needed, one of {allowed}."
        )
        return None
    return _by_object(context, names[0], node.members[names[0]])


def _by_name(context: Context, node: Node) -> Filter | None:
    name = node.text
    simple = _SIMPLE.get(name)
    if simple is not None and (context.version == 1 or name in haplo.TAKEN_FILTERS):
        return SimpleFilter(simple)
    if name == "date" and context.version == 1:
        return DateFilter()
    refused = haplo.FILTERS.get(name)
    if refused is not None:
        context.problems.error("haplo", node, f"the filter {quoted(name)} is not taken over: {refused.here}.")
    elif simple is not None:
        context.problems.error("version-1-key", node, f"the filter {quoted(name)} belongs to version 1.")
    elif name in OBJECT_FILTERS:
        context.problems.error(
            "wrong-kind", node, f'the filter {quoted(name)} has parameters: write {{"{name}": …}}.'
        )
    else:
        allowed = [*haplo.TAKEN_FILTERS] if context.version == 0 else [*_SIMPLE, *OBJECT_FILTERS]
        context.problems.unknown("unknown-filter", node, "filter", name, allowed)
    return None


def _by_object(context: Context, name: str, node: Node) -> Filter | None:
    match name:
        case "replace":
            return _replace(context, node)
        case "date":
            return _date(context, node)
        case "prefix" | "suffix" | "format":
            if node.kind != "string":
                context.problems.error("wrong-kind", node, f"must be a text, not {shown(node)}.")
                return None
            if name == "format":
                return _format(context, node)
            return Prefix(node.text) if name == "prefix" else Suffix(node.text)
        case _ if name in _SIMPLE:
            context.problems.error(
                "wrong-kind", node, f'the filter "{name}" has no parameters: write "{name}".'
            )
        case _ if name in _REFUSED_KEYS:
            context.problems.error("haplo", node, f'"{name}" is not taken over: {_REFUSED_KEYS[name]}.')
        case _:
            context.problems.unknown("unknown-filter", node, "filter", name, [*_SIMPLE, *OBJECT_FILTERS])
    return None


def _replace(context: Context, node: Node) -> Replace | None:
    given = context.read(REPLACE, node)
    pattern, replacement = given.get("pattern"), given.get("with")
    if pattern is None:
        return None
    fault = pattern_fault(pattern.text)
    if fault is not None:
        context.problems.error("pattern", pattern, fault + ".")
        return None
    if replacement is None:
        return None
    fault = replacement_fault(replacement.text, pattern_groups(pattern.text))
    if fault is not None:
        context.problems.error("pattern", replacement, fault + ".")
        return None
    return Replace(pattern.text, replacement.text)


def _format(context: Context, node: Node) -> Format | None:
    """`{key}` is a key of the context, `{{` and `}}` are braces."""
    pieces: list[str | Source] = []
    text = ""
    for match in re.finditer(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+", node.text):
        found = match[0]
        if match[1] is not None and match[1].strip():
            if text:
                pieces.append(text)
            pieces.append(Source(match[1].strip()))
            text = ""
        elif found in ("{{", "}}"):
            text += found[0]
        elif found[0] in "{}":
            context.problems.error(
                "pattern",
                node,
                f"a brace in {quoted(node.text)} is not closed or empty; write {{{{ for a brace.",
            )
            return None
        else:
            text += found
    if text:
        pieces.append(text)
    return Format(tuple(pieces))


def _date(context: Context, node: Node) -> DateFilter | None:
    given = context.read(DATE, node)
    formats = given.get("formats")
    sound = True
    for item in formats.items if formats is not None else ():
        sound = check_date_pattern(context, item) and sound
    if not sound:
        return None
    return DateFilter(
        order=_ORDERS.get(given.text("order")),
        formats=given.texts("formats"),
        circa=given.whole("circa", 5),
        none=given.texts("none"),
        to=_FORMS.get(given.text("to"), "edtf"),
    )


def check_date_pattern(context: Context, node: Node) -> bool:
    try:
        date_pattern(node.text)
    except DatePatternError as error:
        context.problems.error("pattern", node, f"{error}.")
        return False
    return True
