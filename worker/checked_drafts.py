"""Drafts as a check shows them: short, in words, without what only a run needs. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from service.store.control_check import CheckedDraft, CheckedField, CheckedProperty, CheckedValue
from worker.records import Draft, Fields, Link, Property, Value

MOST_TEXT = 500
"""Characters of one value that are shown."""
MOST_VALUES = 100
"""Values of one property that are shown."""

_NAMES = {
    "resource_class": "class",
    "item_sets": "item-set",
    "sites": "site",
    "alt_text": "alt-text",
}
"""Of fields, as the control file has them."""


def checked_draft(draft: Draft) -> CheckedDraft:
    identity = draft.identity
    if identity is not None:
        by, values = identity.by, tuple(map(_short, identity.values))
    elif draft.resource_id is not None:
        by, values = ("o:id",), (str(draft.resource_id),)
    else:
        by, values = (), ()
    return CheckedDraft(
        destination=draft.destination,
        action=draft.action,
        by=by,
        identity=values,
        scope=identity.scope if identity else "",
        fields=(*_fields(draft.fields), *((CheckedField("primary", "yes"),) if draft.primary else ())),
        properties=tuple(_property(one) for one in draft.properties),
        source=f"{draft.source.ingester}: {_short(draft.source.value)}" if draft.source else "",
    )


def _fields(fields: Fields) -> Iterable[CheckedField]:
    for name in Fields.__struct_fields__:
        value = getattr(fields, name)
        if value is UNSET or name in ("of", "on_update", "own"):
            continue
        yield CheckedField(_NAMES.get(name, name), _field_text(value))
    for word, value in fields.own.items():
        yield CheckedField(word, _field_text(value))


def _field_text(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(map(str, value)) or "none"
        case _:
            return _short(str(value))


def _property(one: Property) -> CheckedProperty:
    values = tuple(_value(value) for value in one.values[:MOST_VALUES])
    left = len(one.values) - len(values)
    more = (CheckedValue("literal", f"… and {left} more values"),) if left else ()
    return CheckedProperty(one.term, (*values, *more), one.on_update, one.pointer)


def _value(value: Value) -> CheckedValue:
    return CheckedValue(
        type=value.type,
        text=_short(value.text or ""),
        uri=_short(value.uri or ""),
        label=_short(value.label or ""),
        language=value.language or "",
        public=value.public,
        link=_link(value.link) if value.link else "",
        annotations=sum(len(one.values) for one in value.annotation or ()),
    )


def _link(link: Link) -> str:
    return _short(f"{link.to} {' + '.join(link.identity)}")


def _short(text: str) -> str:
    """Line breaks stay: they are part of a value."""
    printable = text.encode("utf-8", "replace").decode("utf-8")
    return printable if len(printable) <= MOST_TEXT else f"{printable[: MOST_TEXT - 1]}…"
