"""A control file line by line, with what was said of it beside the lines that are meant. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from msgspec import Struct

from service.admin.session import Tone
from service.control.document import Document, read_document
from service.control.parse import ParsedControl
from service.control.problems import ControlProblem

MOST_LINES = 3000
MOST_LETTERS = 2000
"""Characters of a line that are shown."""
_READABLE = 400
"""A file with a longer line, and hardly another, was not laid out for people."""


class Said(Struct, frozen=True):
    """Something that is wrong (`bad`), or may be (`warn`). `pointer`: a JSON pointer into the file."""

    tone: Tone
    message: str
    pointer: str = ""
    line: int | None = None
    """Of a file that cannot be read to its end, in which nothing can be pointed at."""


class CodeLine(Struct, frozen=True):
    number: int
    text: str
    said: tuple[Said, ...] = ()


class Code(Struct, frozen=True):
    """`left_out`: lines that are not shown. `unplaced`: what is said of the whole, or of no line shown."""

    lines: tuple[CodeLine, ...]
    left_out: int
    unplaced: tuple[Said, ...]
    laid_out: bool
    """Whether the lines are ours: the file itself is written on one."""


def code_lines(data: bytes, said: Sequence[Said] = ()) -> Code:
    """The lines of a control file as it was written; laid out anew where that is all on one line."""
    document = read_document(data)
    text = data.decode("utf-8-sig", "replace")
    laid_out = document.root is not None and not document.flaws and _is_dense(text)
    if laid_out and document.root is not None:
        text = json.dumps(document.root.plain(), indent=2, ensure_ascii=False)
        document = read_document(text.encode("utf-8", "replace"))
    written = text.splitlines()
    placed: dict[int, list[Said]] = {}
    unplaced: list[Said] = []
    for one in said:
        line = _line_of(document, one)
        if line is None or not 1 <= line <= min(len(written), MOST_LINES):
            unplaced.append(one)
        else:
            placed.setdefault(line, []).append(one)
    lines = tuple(
        CodeLine(number, _cut(content), tuple(placed.get(number, ())))
        for number, content in enumerate(written[:MOST_LINES], start=1)
    )
    return Code(lines, max(0, len(written) - MOST_LINES), tuple(unplaced), laid_out)


def line_numbers(data: bytes, pointers: Iterable[str]) -> dict[str, int]:
    """JSON pointers → lines as `code_lines` numbers them; those that lead to no line that is shown are left
    out."""
    code = code_lines(data, [Said("warn", "", pointer) for pointer in pointers])
    return {said.pointer: line.number for line in code.lines for said in line.said}


def said_of(parsed: ParsedControl, not_offered: Iterable[str] = ()) -> list[Said]:
    """What reading a control file found."""
    return [
        *(_said("bad", one) for one in parsed.problems),
        *(Said("bad", message) for message in not_offered),
        *(_said("warn", one) for one in parsed.warnings),
    ]


def _said(tone: Tone, one: ControlProblem) -> Said:
    return Said(tone, one.message.removeprefix(f"{one.pointer}: "), one.pointer, one.line)


def _is_dense(text: str) -> bool:
    return max(map(len, text.splitlines()), default=0) > _READABLE and len(text.splitlines()) < 5


def _line_of(document: Document, said: Said) -> int | None:
    if document.root is None:
        return said.line
    return document.root.find(said.pointer).line if said.pointer else None


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
