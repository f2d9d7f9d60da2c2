"""The filters of a value: each a function (value, context) → value, compiled once.

Null passes through all of them. What is no text passes through those that only change text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import assert_never

from service.control.model import (
    DateFilter,
    Filter,
    Format,
    Json,
    Prefix,
    Replace,
    SimpleFilter,
    SimpleFilterName,
    Source,
    Suffix,
)
from worker.mapping.dates import DateOptions, DateRefused, compile_date
from worker.mapping.problems import Unconvertible
from worker.mapping.regex import compile_replace
from worker.mapping.text import as_text, collapse_space, strip_html

FilterFunction = Callable[[Json, Json], Json]
"""Takes the value and the context that it was read from. Raises `Unconvertible`."""

_ADDRESS_WITHOUT_SCHEME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9+./_~?=&%#-]+")
_NUMBER = re.compile(r"[0-9]{1,18}")


def compile_filters(filters: Sequence[Filter]) -> FilterFunction | None:
    """All filters in their order as one function; None when there are none."""
    functions = [compile_filter(spec) for spec in filters]
    if len(functions) <= 1:
        return functions[0] if functions else None

    def run(value: Json, context: Json) -> Json:
        for function in functions:
            value = function(value, context)
        return value

    return run


def compile_filter(spec: Filter) -> FilterFunction:
    match spec:
        case SimpleFilter(name):
            return _simple(name)
        case Replace(pattern, replacement):
            return _on_text(compile_replace(pattern, replacement))
        case Prefix(text):
            return _on_text(lambda value: text + value)
        case Suffix(text):
            return _on_text(lambda value: value + text)
        case Format(pieces):
            return _format(pieces)
        case DateFilter():
            return _date(spec)
        case _:  # pragma: no cover
            assert_never(spec)


def _simple(name: SimpleFilterName) -> FilterFunction:
    match name:
        case "trim":
            return _only_text(str.strip)
        case "collapse-space":
            return _only_text(collapse_space)
        case "lower":
            return _only_text(str.lower)
        case "upper":
            return _only_text(str.upper)
        case "strip-html":
            return _only_text(strip_html)
        case "to-string":
            return _on_text(lambda value: value)
        case "fix-up-url":
            return _only_text(_with_scheme)
        case "string-to-ref":
            return lambda value, context: _number_of(value)
        case _:  # pragma: no cover
            assert_never(name)


def _only_text(function: Callable[[str], str]) -> FilterFunction:
    return lambda value, context: function(value) if isinstance(value, str) else value


def _on_text(function: Callable[[str], Json]) -> FilterFunction:
    """For filters that make a text of numbers too."""

    def run(value: Json, context: Json) -> Json:
        text = as_text(value)
        return None if text is None else function(text)

    return run


def _with_scheme(address: str) -> str:
    if ":" not in address and _ADDRESS_WITHOUT_SCHEME.fullmatch(address):
        return f"https://{address}"
    return address


def _number_of(value: Json) -> Json:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _format(pieces: Sequence[str | Source]) -> FilterFunction:
    """`{value} ({unit})`: a value without its unit is better said as `default` or `if-exists`, so a key that
    the context lacks is nothing, and brackets that would stand around nothing stay."""

    def run(value: Json, context: Json) -> Json:
        if value is None:
            return None
        fields = context if isinstance(context, dict) else {}
        texts: list[str] = []
        for piece in pieces:
            if isinstance(piece, str):
                texts.append(piece)
            else:
                found = value if piece.key == "value" else fields.get(piece.key)
                texts.append(as_text(found) or "")
        return "".join(texts)

    return run


def _date(spec: DateFilter) -> FilterFunction:
    convert = compile_date(DateOptions(spec.order, spec.formats, spec.circa, spec.none, spec.to))

    def run(text: str) -> Json:
        try:
            return convert(text)
        except DateRefused as refused:
            raise Unconvertible(refused.code, refused.message) from None

    return _on_text(run)
