"""What the functions of expressions do: one implementation for each entry of `service.control.functions`.

Arguments are checked against that table before an implementation sees them, so that here a `text` is a
`str`, a `number` an int or float, and so on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast, get_args
from urllib.parse import quote

from service.control.functions import ArgumentType, Function
from service.control.model import DateOrder, Split
from worker.mapping import regex, text
from worker.mapping.dates import DateOptions, DateRefused, compile_date
from worker.mapping.expression_scope import Scope
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, is_blank

LONGEST_PAD = 1_000
LONGEST_TEXT = 10_000_000
"""Characters of any text that a function makes."""

LARGEST_DIGITS = 100
LARGEST_NUMBER = 10**LARGEST_DIGITS

Implementation = Callable[..., Any]


def implementation(function: Function, scope: Scope) -> Callable[[list[Any]], Any]:
    """The function as one of a list of arguments, which it checks. Raises `Unconvertible`."""
    run = _in_scope(function.name, scope) or _TABLE[function.name]
    types = function.arguments

    def call(given: list[Any]) -> Any:
        arguments: list[Any] = []
        for at, value in enumerate(given):
            kind = types[min(at, len(types) - 1)]
            value = _argument(function.name, at, kind, value)
            if value is None and kind != "any":
                return None
            if kind == "text" and at == 0 and is_blank(value):
                return None
            arguments.append(value)
        result = run(*arguments)
        if isinstance(result, str) and len(result) > LONGEST_TEXT:
            raise Unconvertible("text-too-long", f"makes a text of more than {LONGEST_TEXT} characters.")
        if isinstance(result, int) and not -LARGEST_NUMBER < result < LARGEST_NUMBER:
            raise Unconvertible("expression-failed", f"makes a number of more than {LARGEST_DIGITS} digits.")
        return result

    return call


def _argument(function: str, at: int, kind: ArgumentType, value: Any) -> Any:
    """The argument as the table wants it; numbers are read out of texts and written into them."""
    if value is None or kind == "any":
        return value
    if kind == "text" and not isinstance(value, list | dict):
        return as_text(value)
    if kind == "number":
        return _number(function, value)
    if (kind == "list" and isinstance(value, list)) or (kind == "object" and isinstance(value, dict)):
        return value
    hint = f" Use map(&{function}(@), …) for each of a list." if kind == "text" and at == 0 else ""
    raise Unconvertible(
        "expression-failed",
        f"gives {function}() {_described(value)} where a {kind} is wanted (argument {at + 1}).{hint}",
    )


def _described(value: Any) -> str:
    return shown(value) if isinstance(value, list | dict) else f"“{shown(value)}”"


def _number(function: str, value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if is_blank(value):
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and len(value) < 300:
            return int(value) if value.strip().lstrip("+-").isdecimal() else number
    raise Unconvertible("expression-failed", f"gives {function}() {_described(value)}, which is no number.")


# --- of the record --------------------------------------------------------------------------------


def _in_scope(name: str, scope: Scope) -> Implementation | None:
    """The functions that know the row and the tables of the control file."""

    def lookup(table: str, value: Any) -> Any:
        if table not in scope.tables:
            raise Unconvertible("expression-failed", f"looks up in “{shown(table)}”, which `mapping` lacks.")
        key = as_text(value)
        return None if key is None else scope.tables[table].values.get(key)

    functions: dict[str, Implementation] = {
        "lookup": lookup,
        "record": lambda: scope.record,
        "file": lambda: scope.file,
        "row": lambda: scope.row,
    }
    return functions.get(name)


# --- of texts -------------------------------------------------------------------------------------


def _split(value: str, separator: str) -> list[str]:
    if not separator:
        raise Unconvertible("expression-failed", "gives split() an empty separator.")
    pieces = text.split_text(value, Split(separator))
    return [piece.strip() for piece in pieces if not is_blank(piece)]


def _concat(*values: Any) -> str | None:
    texts = [as_text(value) for value in values]
    return None if all(part is None for part in texts) else "".join(part or "" for part in texts)


def _pad(value: Any, width: float, fill: str) -> str | None:
    content = as_text(value)
    if content is None:
        return None
    if not 0 <= width <= LONGEST_PAD or len(fill) != 1:
        raise Unconvertible(
            "expression-failed",
            f"calls pad() with a width beyond 0 to {LONGEST_PAD}, or a filling that is not one character.",
        )
    return content.rjust(int(width), fill)


def _substring(value: str, start: float, length: float | None = None) -> str:
    begin = int(start)
    if begin < 0:
        begin = max(0, len(value) + begin)
    return value[begin:] if length is None else value[begin : begin + max(0, int(length))]


def _uri(base: str, *parts: Any) -> str | None:
    texts = [as_text(part) for part in parts]
    if any(is_blank(part) for part in texts):
        return None
    return base + "".join(quote((part or "").strip(), safe="") for part in texts)


def _regex_extract(value: str, pattern: str) -> str | None:
    match = _searched(pattern, value)
    if match is None:
        return None
    found: str | None = match.group(1 if match.re.groups else 0)
    return found


def _searched(pattern: str, value: str) -> Any:
    try:
        return regex.search(pattern, value)
    except regex.PatternRefused as refused:
        raise Unconvertible("expression-failed", str(refused)) from None


def _replace(value: str, pattern: str, replacement: str) -> str:
    try:
        return regex.compile_replace(pattern, replacement)(value)
    except regex.PatternRefused as refused:
        raise Unconvertible("expression-failed", str(refused)) from None


_DATES: dict[str, Callable[[str], str | None]] = {}


def _date(value: str, order: str = "") -> str | None:
    if order not in ("", *get_args(DateOrder)):
        raise Unconvertible(
            "expression-failed", f"calls date() with the order “{shown(order)}”; there are dmy, mdy and ymd."
        )
    if order not in _DATES:
        _DATES[order] = compile_date(DateOptions(order=cast("DateOrder", order) if order else None))
    try:
        return _DATES[order](value)
    except DateRefused as refused:
        raise Unconvertible(refused.code, f"calls date(): {refused.message}") from None


# --- of numbers -----------------------------------------------------------------------------------


def _round(value: float, decimals: float = 0) -> int | float:
    if not 0 <= decimals <= 12:
        raise Unconvertible("expression-failed", "rounds to less than 0 or more than 12 decimals.")
    if isinstance(value, int):
        return value
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(decimals)), rounding=ROUND_HALF_UP)
    return int(exact) if int(decimals) == 0 else float(exact)


def _divide(value: float, divisor: float) -> float | None:
    if divisor == 0:
        return None
    quotient = value / divisor
    return int(quotient) if quotient.is_integer() and abs(quotient) < 2**53 else quotient


# --- of lists and objects -------------------------------------------------------------------------


def _unique(values: list[Any]) -> list[Any]:
    seen: set[Any] = set()
    result: list[Any] = []
    for value in values:
        key = (type(value), value)
        if isinstance(value, list | dict):
            key = (type(value), json.dumps(value, sort_keys=True))
        if key not in seen:
            seen.add(key)
            result.append(value)
    return result


def _default(*values: Any) -> Any:
    return next((value for value in values if not is_blank(value)), None)


_TABLE: dict[str, Implementation] = {
    "add": lambda a, b: a + b,
    "collapse_space": text.collapse_space,
    "compact": lambda values: [value for value in values if not is_blank(value)],
    "concat": _concat,
    "date": _date,
    "default": _default,
    "divide": _divide,
    "entries": lambda fields: [{"key": key, "value": value} for key, value in fields.items()],
    "lower": str.lower,
    "matches": lambda value, pattern: _searched(pattern, value) is not None,
    "multiply": lambda a, b: a * b,
    "pad": _pad,
    "regex_extract": _regex_extract,
    "replace": _replace,
    "round": _round,
    "slug": lambda value: text.slug(value) or None,
    "split": _split,
    "strip_html": lambda value: text.strip_html(value) or None,
    "substring": _substring,
    "subtract": lambda a, b: a - b,
    "title_case": text.title_case,
    "trim": str.strip,
    "unique": _unique,
    "upper": str.upper,
    "uri": _uri,
}
