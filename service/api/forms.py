"""Parameters as their Structs describe them: one reader for forms and query strings.

A Struct names each parameter, its type and, in `Meta(description=…)`, what it takes: the same sentence
stands in the OpenAPI document and in the message to whoever got it wrong. All problems are told at once,
and a parameter that does not exist is refused: a misspelt `mode` must never import for real.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import fields

from service.errors import ApiError, Problem, shown

T = TypeVar("T", bound=Struct)

Captured = NewType("Captured", str)
"""A parameter that scripts fill with what an earlier call printed: it may hold anything."""


def read_parameters(
    type_: type[T], pairs: Iterable[tuple[str, str]], *, also: Sequence[str] = (), where: str = "the form"
) -> T:
    """`pairs` as a Struct. `also`: names that are read elsewhere (files). Raises `ApiError` 400."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    known = {field.encode_name: field for field in fields(type_)}
    hints = descriptions(type_)
    problems = [
        _unknown(name, (*known, *also), where) for name in given if name not in known and name not in also
    ]
    values: dict[str, Any] = {}
    for name, field in known.items():
        try:
            if name in given:
                values[field.name] = _value(field.type, given[name])
            elif field.required:
                problems.append(Problem(f"{name} is missing. {hints[name]}", "parameter-missing", name))
        except _RepeatedError:
            message = f"{name} is given {len(given[name])} times; give it once."
            problems.append(Problem(message, "parameter-repeated", name))
        except ValueError as error:
            found = ", ".join(shown(value) for value in given[name][:3])
            problems.append(Problem(f"{name} is {found}: {error}. {hints[name]}", "parameter-invalid", name))
    if problems:
        raise ApiError(400, problems)
    return type_(**values)


def descriptions(type_: type[Struct]) -> Mapping[str, str]:
    """What each parameter takes, by the name under which it travels."""
    result: dict[str, str] = {}
    for field in fields(type_):
        metas = [meta for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta)]
        result[field.encode_name] = next((meta.description for meta in metas if meta.description), "")
    return result


class _RepeatedError(Exception):
    pass


def _value(type_: Any, given: list[str]) -> Any:
    """Raises `ValueError` with what is wrong, `_RepeatedError` for a second value of what takes one."""
    bare = _bare(type_)
    if get_origin(bare) is tuple:
        convert = _CONVERTERS[_bare(get_args(bare)[0])]
        return _checked([convert(text) for text in given], type_)
    if len(given) > 1:
        raise _RepeatedError
    if get_origin(bare) is Literal:
        if given[0] not in get_args(bare):
            raise ValueError("not one of its values")
        return given[0]
    return _checked(_CONVERTERS[bare](given[0]), type_)


def _bare(type_: Any) -> Any:
    """The type without annotations and without `| None`."""
    if get_origin(type_) is Annotated:
        return _bare(get_args(type_)[0])
    if get_origin(type_) in (Union, types.UnionType):
        return _bare(next(one for one in get_args(type_) if one is not type(None)))
    return type_


def _checked(value: Any, type_: Any) -> Any:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).replace("`", "").replace("Expected", "it must be")) from None


def _whole(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,15}", text) is None:
        raise ValueError("not a whole number")
    return int(text)


def _number(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is None:
        raise ValueError("not a number")
    return float(text)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return text == "true"


def _text(text: str) -> str:
    """Free text on one line: control characters would break the lines of answers and logs."""
    if any(
        ord(character) < 32 or ord(character) == 127 or character in "\x85\u2028\u2029" for character in text
    ):
        raise ValueError("it holds a line break or another control character")
    return text


_CONVERTERS: Mapping[Any, Callable[[str], Any]] = {
    int: _whole,
    float: _number,
    bool: _truth,
    str: _text,
    Captured: str,
}


def _unknown(name: str, known: Sequence[str], where: str) -> Problem:
    near = difflib.get_close_matches(name, known, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    takes = f"It takes {', '.join(sorted(known))}." if known else "It takes no parameters."
    return Problem(
        f"{shown(name)} is no parameter of {where}.{meant} {takes}", "parameter-unknown", name[:255]
    )
