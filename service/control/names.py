"""Destinations and names: `item:artist`, `value:uri`, `load:by-identifier`; `dcterms:title`, `public`."""

from __future__ import annotations

import re
from typing import get_args

from service.control import haplo
from service.control.context import Context
from service.control.document import Node
from service.control.model import (
    PSEUDO_PARTS,
    AnyDestination,
    Destination,
    DestinationKind,
    Element,
    FieldName,
    FieldWord,
    LoadKey,
    Name,
    Part,
    Property,
    PseudoKind,
    PseudoValue,
    Term,
)
from service.control.problems import quoted
from service.control.suggest import nearest
from service.control.words import (
    BUILT_IN_PREFIXES,
    DCTERMS,
    DESTINATIONS,
    DestinationDoc,
    FieldDoc,
)

_TERM = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*):([A-Za-z0-9_][A-Za-z0-9_.~-]*)")
_ELEMENT = re.compile(r"([^:]*[^:\s]):\s*(\S.*)")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_FIELD_WORDS: dict[str, FieldWord] = {word: word for word in get_args(FieldWord)}
_KINDS: dict[str, DestinationKind] = {kind: kind for kind in DESTINATIONS}
_PSEUDO: dict[str, PseudoKind] = {kind: kind for kind in PSEUDO_PARTS}


# --- destinations ---------------------------------------------------------------------------------


def any_destination(context: Context, node: Node) -> AnyDestination | None:
    """A destination that values may go to: a resource's, or a pseudo-destination."""
    text = node.text
    if text.startswith("value:"):
        return pseudo_value(context, node)
    if text.startswith("load:"):
        return load_key(context, node)
    return destination(context, node)


def destination(context: Context, node: Node) -> Destination | None:
    """A destination that resources are made or loaded in."""
    label = node.text
    word, colon, own = label.partition(":")
    if label.startswith(("value:", "load:")):
        context.problems.error(
            "unknown-destination", node, f"{quoted(label)} collects values; it is no resource."
        )
        return None
    kind = _KINDS.get(word)
    if kind is None or (colon and not _LABEL.fullmatch(own)):
        _unknown_destination(context, node, word, own, known=kind is not None)
        return None
    if colon and context.version == 0:
        context.problems.error(
            "version-1-key", node, f'labels such as {quoted(label)} belong to version 1; say "{word}".'
        )
        return None
    if context.model not in DESTINATIONS[kind].models:
        context.problems.error(
            "not-supported", node, f'the destination "{word}" does not exist in the model "{context.model}".'
        )
        return None
    return Destination(label, kind)


def _unknown_destination(context: Context, node: Node, word: str, own: str, *, known: bool) -> None:
    if known:
        context.problems.error(
            "unknown-destination",
            node,
            f"{quoted(own)} is no label: letters, digits, . _ - up to 63 of them, such as {word}:artist.",
        )
        return
    allowed = [kind for kind, doc in DESTINATIONS.items() if context.model in doc.models]
    context.problems.unknown("unknown-destination", node, "destination", word, [*allowed, *_pseudo_labels()])


def _pseudo_labels() -> list[str]:
    return [f"value:{kind}" for kind in PSEUDO_PARTS]


def pseudo_value(context: Context, node: Node) -> PseudoValue | None:
    text = node.text
    kind = _PSEUDO.get(text.removeprefix("value:")) if text.startswith("value:") else None
    if kind is not None:
        return PseudoValue(kind)
    refused = haplo.STRUCTURED.get(text)
    if refused is not None:
        context.problems.error("haplo", node, f"{quoted(text)} is not taken over: {refused.here}.")
    else:
        context.problems.unknown("unknown-destination", node, "pseudo-destination", text, _pseudo_labels())
    return None


def load_key(context: Context, node: Node) -> LoadKey | None:
    """`load:by-id`, `load:by-ref`, `load:by-identifier` (a property of dcterms), `load:by-bibo:isbn`."""
    text = node.text
    part = text.removeprefix("load:by-")
    if text.startswith("load:by-"):
        if part in ("id", "ref"):
            return LoadKey(text, part, None)
        if part in DCTERMS:
            return LoadKey(text, part, Term(f"dcterms:{part}"))
        if _TERM.fullmatch(part):
            return LoadKey(text, part, Term(part))
    words = ["load:by-id", "load:by-ref", *(f"load:by-{local}" for local in DCTERMS)]
    close = nearest(text, words)
    advice = (
        f'did you mean "{close}"?'
        if close
        else 'say "load:by-id", "load:by-identifier" or "load:by-" and a term.'
    )
    context.problems.error("unknown-destination", node, f"{quoted(text)} loads nothing: {advice}")
    return None


# --- names ----------------------------------------------------------------------------------------


def name(context: Context, node: Node, where: AnyDestination) -> Name | None:
    """A name within a destination."""
    text = node.text
    match where:
        case PseudoValue():
            return _part(context, node, text, where.label, PSEUDO_PARTS[where.kind])
        case LoadKey():
            return _part(context, node, text, where.label, (where.part,))
        case Destination():
            return _resource_name(context, node, text, where)


def _part(context: Context, node: Node, text: str, label: str, parts: tuple[str, ...]) -> Part | None:
    if text in parts:
        return Part(text)
    context.problems.unknown("unknown-name", node, f'name in "{label}":', text, parts)
    return None


def _resource_name(context: Context, node: Node, text: str, where: Destination) -> Name | None:
    doc = DESTINATIONS[where.kind]
    word = _FIELD_WORDS.get(text)
    if word is not None and word in doc.fields:
        if context.model in doc.fields[word].models:
            return FieldName(word)
        context.problems.error(
            "not-supported", node, f'the name "{text}" does not exist in the model "{context.model}".'
        )
        return None
    if ":" not in text:
        _unknown_field(context, node, text, where, doc)
        return None
    if not doc.properties:
        context.problems.error(
            "unknown-name",
            node,
            f'a destination "{where.kind}" has no properties. Names: {_fields(context, doc)}.',
        )
        return None
    return property_name(context, node)


def _fields(context: Context, doc: DestinationDoc) -> str:
    return ", ".join(sorted(word for word, field in doc.fields.items() if context.model in field.models))


def _unknown_field(context: Context, node: Node, text: str, where: Destination, doc: DestinationDoc) -> None:
    local = {term.lower(): term for term in DCTERMS}.get(text.lower().replace(" ", ""))
    if local is not None and doc.properties:
        said = f'unknown name {quoted(text)}: did you mean "dcterms:{local}"?'
    elif homes := [kind for kind, other in sorted(DESTINATIONS.items()) if text in other.fields]:
        listed = " and ".join(f'"{kind}"' for kind in homes)
        said = f'"{text}" is a name of {listed}, not of "{where.kind}".'
    else:
        said = _nearest_name(context, text, where, doc)
    context.problems.error("unknown-name", node, said)


def _nearest_name(context: Context, text: str, where: Destination, doc: DestinationDoc) -> str:
    fields = [word for word, field in doc.fields.items() if context.model in field.models]
    close = nearest(text, fields)
    if close is None and doc.properties:
        term = nearest(text, DCTERMS)
        close = f"dcterms:{term}" if term else None
    if close is not None:
        return f'unknown name {quoted(text)}: did you mean "{close}"?'
    has = ", ".join(fields) + (" or a term such as dcterms:title" if doc.properties else "")
    return f'unknown name {quoted(text)}. A destination "{where.kind}" has {has}.'


def property_name(context: Context, node: Node) -> Property | None:
    """A term, or an element in full; reports what cannot be either, and terms that do not exist anywhere."""
    text = node.text
    term = _TERM.fullmatch(text)
    if term is not None and not (context.model == "omeka-classic" and term[1] not in ("dcterms", "dc")):
        return _term(context, node, text, term[1], term[2])
    element = _ELEMENT.fullmatch(text)
    if element is not None and context.model != "omeka-s":
        return Element(element[1], element[2])
    if element is not None:
        said = f'{quoted(text)} is no term; elements in full exist in the model "omeka-classic" only.'
        context.problems.error("not-supported", node, said)
    else:
        context.problems.error("unknown-name", node, f"{quoted(text)} is no term such as dcterms:title.")
    return None


def _term(context: Context, node: Node, text: str, prefix: str, local: str) -> Term | None:
    if prefix == "dcterms" and local not in DCTERMS:
        close = nearest(local, DCTERMS)
        advice = f': did you mean "dcterms:{close}"?' if close else ". Dublin Core has no such property."
        context.problems.error("unknown-name", node, f"unknown term {quoted(text)}{advice}")
        return None
    if prefix not in BUILT_IN_PREFIXES:
        close = "dcterms" if prefix == "dc" else nearest(prefix, BUILT_IN_PREFIXES)
        if close is not None and close != prefix:
            context.problems.warn(
                "unknown-name", node, f'{quoted(text)}: did you mean "{close}:{local}"? The target decides.'
            )
    return Term(text)


def field_doc(where: Destination, field: FieldName) -> FieldDoc:
    """What a field is; the name was parsed for this destination."""
    return DESTINATIONS[where.kind].fields[field.name]
