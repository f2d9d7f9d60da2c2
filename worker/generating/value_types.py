"""The type of a value: what its samples are, and what the template allows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from service.control.suggest import nearest
from worker.generating.facts import Facts, date_filter, order_of, read_date
from worker.generating.model import TargetCustomVocabulary, TargetModel, TemplateProperty
from worker.generating.naming import terms
from worker.readers.base import quoted_list, shorten
from worker.records import Json

_WHOLE = re.compile(r"[+-]?\d+")
_DURATION = re.compile(r"P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?")
_POINT = re.compile(r"[+-]?\d{1,2}(?:\.\d+)?\s*,\s*[+-]?\d{1,3}(?:\.\d+)?")
_MARKUP = re.compile(r"</?(?:p|br|i|em|b|strong|a|ul|li|span|div)\b[^>]*>", re.IGNORECASE)
_DATE_TERMS = terms(
    "date created issued modified available valid dateAccepted dateCopyrighted dateSubmitted temporal"
)
_MOST_MEMBERS = 12


class Typed(Struct, frozen=True):
    """Keys of an instruction that make its values, and what to say about them."""

    keys: dict[str, Json] = {}
    comments: tuple[str, ...] = ()


def typed(
    values: Sequence[str], facts: Facts, term: str, own: TemplateProperty | None, model: TargetModel | None
) -> Typed:
    """`own`: the property as the template has it. `values`: the pieces, where cells hold several."""
    if own is not None and own.data_types:
        return _of_template(values, facts, own, model)
    if facts.kind in ("address", "image"):
        return Typed({"type": "uri"})
    if facts.kind in ("date", "iso-date") or term in _DATE_TERMS:
        return _date(values, facts)
    comments = []
    if facts.kind == "boolean":
        comments.append("Yes or no.")
    if facts.kind == "number":
        comments.append("Numbers, written as text.")
    if sum(1 for value in values if _MARKUP.search(value)) > len(values) / 4:
        comments.append('It holds HTML tags: "filters": ["strip-html"] takes them out.')
    return Typed({}, tuple(comments))


# --- dates -------------------------------------------------------------------------------------------


def _date(values: Sequence[str], facts: Facts) -> Typed:
    """ISO dates as they are; dates of numbers by the filter; a cataloguer's words stay, and a comment."""
    if facts.kind == "iso-date" or not values:
        return Typed()
    if order_of(values) != "none":
        found = date_filter(values, "edtf")
        if found is not None:
            kept: dict[str, Json] = {"type": "literal", "filters": []}
            comments = (*_order_comment(values), "What is no date stays as it is written.")
            return Typed({"filters": [found], "otherwise": kept}, comments)
    distinct = list(dict.fromkeys(values))
    unread = [value for value in distinct if not read_date(value)]
    if not any(char.isdigit() for value in distinct for char in value):
        return Typed({}, ("None of these reads as a date.",))
    said = "Kept as it is written."
    if not unread:
        said += ' "filters": [{"date": {}}] would make EDTF of each that was seen.'
    elif len(unread) < len(distinct):
        said += (
            f' "filters": [{{"date": {{}}}}] would make EDTF of {len(distinct) - len(unread)} of '
            f"{len(distinct)} different dates, and refuse {_examples(unread)}."
        )
    return Typed({}, (said,))


def _order_comment(values: Sequence[str]) -> tuple[str, ...]:
    match order_of(values):
        case "dmy":
            return ("Day first, as a day above 12 shows.",)
        case "mdy":
            return ("Month first, as a day above 12 shows.",)
        case "either":
            return ("Nothing shows whether day or month comes first.",)
        case _:
            return ()


def _examples(values: Sequence[str]) -> str:
    return quoted_list(list(dict.fromkeys(values)), 3)


# --- what the template allows -------------------------------------------------------------------------


def _of_template(
    values: Sequence[str], facts: Facts, own: TemplateProperty, model: TargetModel | None
) -> Typed:
    """The first allowed type that takes every sampled value; else a question."""
    refused: list[str] = []
    for name in own.data_types:
        made = _as_type(name, values, facts, model)
        if made is not None:
            return made
        refused.append(name)
    allowed = ", ".join(own.data_types)
    said = f"The template allows {allowed} only, which does not take {_examples(values)}."
    if refused[0].partition(":")[0] == "resource":
        said += ' A link says to what it leads, and by which property: "link": {"to": …, "by": …}.'
    kind = "resource with a link" if refused[0].startswith("resource") else refused[0]
    return Typed({"type": f"TODO: {kind}?"}, (said,))


def _as_type(name: str, values: Sequence[str], facts: Facts, model: TargetModel | None) -> Typed | None:
    family, _, member = name.partition(":")
    addresses = facts.kind in ("address", "image")
    if name == "literal":
        made = _date(values, facts) if facts.kind == "date" else Typed()
        return made if not addresses else Typed({}, ("Addresses, which the template wants as text.",))
    if family in ("uri", "valuesuggest", "valuesuggestall"):
        return Typed({"type": name}) if addresses else None
    if name in ("numeric:timestamp", "numeric:interval"):
        made_filter = date_filter(values, "timestamp" if name.endswith("timestamp") else "interval")
        if made_filter is None:
            return None
        return Typed({"filters": [made_filter], "type": name}, _order_comment(values))
    if name == "numeric:integer":
        return Typed({"type": name}) if all(_WHOLE.fullmatch(value) for value in values) else None
    if name == "numeric:duration":
        return Typed({"type": name}) if all(_DURATION.fullmatch(value) for value in values) else None
    if name == "geography:coordinates":
        return Typed({"type": name}) if all(_POINT.fullmatch(value) for value in values) else None
    if name == "boolean":
        return Typed({"type": name}) if facts.kind == "boolean" else None
    if name in ("html", "xml"):
        return Typed({"type": name}) if any(_MARKUP.search(value) for value in values) else None
    if family == "customvocab":
        return _custom(member, values, addresses, model)
    return None


def custom_vocabulary(model: TargetModel | None, member: str) -> TargetCustomVocabulary | None:
    """By number or by label."""
    for one in model.custom_vocabularies if model else ():
        if member in (str(one.id), one.label):
            return one
    return None


def _custom(member: str, values: Sequence[str], addresses: bool, model: TargetModel | None) -> Typed | None:
    """Values that are no members become entries of `mapInputValue`, each with the nearest member."""
    found = custom_vocabulary(model, member)
    if found is None:
        return None
    name = f"customvocab:{found.label}"
    members = found.uris if addresses else found.terms
    if not members:
        return None
    strange = [value for value in dict.fromkeys(values) if value not in members]
    if not strange:
        return Typed({"type": name})
    if len(strange) == len(set(values)) and len(strange) > _MOST_MEMBERS:
        return None
    table: dict[str, Json] = {}
    for value in strange[:_MOST_MEMBERS]:
        close = nearest(value, members)
        exact = close is not None and close.casefold() == value.casefold()
        table[value] = close if exact else f"TODO: {close}?" if close else "TODO"
    more = len(strange) - len(table)
    said = f"{quoted_list(strange, 3)} stand in no entry of the vocabulary “{shorten(found.label)}”."
    if more:
        said += f" {more} more do not, either."
    return Typed({"mapInputValue": table, "unmapped": "pass", "type": name}, (said,))
