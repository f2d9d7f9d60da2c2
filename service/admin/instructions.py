"""Which instruction of the control file met something: its line, what it reads and writes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from service.admin.code_lines import line_numbers
from service.control.document import Node, read_document

_MOST = 80


class Instruction(Struct, frozen=True):
    """An instruction, as a JSON pointer leads to it. `source`, `name`: what it reads and writes; "" where it
    does not say. `line`: of the control file as its page shows it."""

    pointer: str
    line: int | None = None
    source: str = ""
    name: str = ""


def instructions_at(data: bytes, pointers: Iterable[str]) -> Mapping[str, Instruction]:
    """Pointer → instruction. One that leads nowhere (such as into what a record processor has made) is there
    all the same, with nothing but itself."""
    wanted = sorted({pointer for pointer in pointers if pointer})
    root = read_document(data).root if data and wanted else None
    if root is None:
        return {pointer: Instruction(pointer) for pointer in wanted}
    lines = line_numbers(data, wanted)
    return {pointer: _instruction(root, pointer, lines.get(pointer)) for pointer in wanted}


def _instruction(root: Node, pointer: str, line: int | None) -> Instruction:
    node: Node | None = root.find(pointer)
    assert node is not None
    if node.parent is None:
        return Instruction(pointer)
    source = name = ""
    while node is not None and not source:
        source = _text(node.members.get("source"))
        name = name or _text(node.members.get("name"))
        if name or "action" in node.members:
            break
        node = node.parent
    return Instruction(pointer, line, source, name)


def _text(node: Node | None) -> str:
    if node is None:
        return ""
    text = ", ".join(one.text for one in node.items if one.text) if node.kind == "array" else node.text
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
