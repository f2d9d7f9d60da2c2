"""JSON as a person would write it: what is short on one line, two blanks a level, keys in the given order."""

from __future__ import annotations

import json

from worker.records import Json

WIDTH = 110


def lay_out(value: Json) -> str:
    """The text of a document, with a line break at its end."""
    return _lay_out(value, 0, 0, root=True) + "\n"


def _lay_out(value: Json, indent: int, used: int, *, root: bool = False) -> str:
    """`used`: characters before the value on its first line."""
    short = _on_one_line(value)
    if not root and len(short) + used <= WIDTH and not _is_wide(value):
        return short
    inner = " " * (indent + 2)
    match value:
        case dict() if value:
            lines = []
            for key, member in value.items():
                begin = f"{inner}{_text(key)}: "
                lines.append(begin + _lay_out(member, indent + 2, len(begin) + 1))
            return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
        case list() if value:
            lines = [inner + _lay_out(member, indent + 2, indent + 3) for member in value]
            return "[\n" + ",\n".join(lines) + "\n" + " " * indent + "]"
        case _:
            return short


def _is_wide(value: Json) -> bool:
    """Lists of instructions stand one a line however short they are."""
    if isinstance(value, dict):
        return any(isinstance(member, list) and _is_wide(member) for member in value.values())
    return isinstance(value, list) and any(isinstance(member, dict) and "name" in member for member in value)


def _on_one_line(value: Json) -> str:
    match value:
        case dict():
            return (
                "{"
                + ", ".join(f"{_text(key)}: {_on_one_line(member)}" for key, member in value.items())
                + "}"
            )
        case list():
            return "[" + ", ".join(map(_on_one_line, value)) + "]"
        case _:
            return _text(value)


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
