"""Bytes to a JSON document that remembers where everything stands.

The standard parser says nothing of duplicate keys, of lines, or of what is only almost JSON, and a
deeply nested text ends it; this one reads any bytes in linear time without recursion. It stops at the
first thing it cannot read past (as any parser must), and collects the rest.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from service.control.model import Json

MOST_BYTES = 4 * 1024 * 1024
MOST_VALUES = 400_000
DEEPEST = 64

NodeKind = Literal["object", "array", "string", "number", "boolean", "null"]

_SPACE = re.compile(r"[ \t\n\r]*")
_INSIDE = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*'
_STRING = re.compile(_INSIDE + '"')
_SOUND = re.compile(_INSIDE)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z][A-Za-z0-9]*")
_LONGEST_NUMBER = 300


@dataclass(slots=True)
class Lines:
    """Offsets of line ends, for finding the line of an offset."""

    ends: list[int]

    def at(self, offset: int) -> int:
        return bisect_right(self.ends, offset - 1) + 1


@dataclass(slots=True)
class Node:
    """A JSON value and its place. Objects and arrays hold nodes in `members` and `items`."""

    kind: NodeKind
    scalar: str | int | float | bool | None = None
    members: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    parent: Node | None = None
    key: str | int = ""
    offset: int = 0
    lines: Lines | None = None

    @property
    def pointer(self) -> str:
        parts: list[str] = []
        node = self
        while node.parent is not None:
            parts.append(str(node.key).replace("~", "~0").replace("/", "~1"))
            node = node.parent
        return "".join("/" + part for part in reversed(parts))

    @property
    def line(self) -> int | None:
        return self.lines.at(self.offset) if self.lines is not None else None

    @property
    def text(self) -> str:
        """The value of a string node, else ""."""
        return self.scalar if isinstance(self.scalar, str) else ""

    def plain(self) -> Json:
        """The value without places. Recursion is bounded by `DEEPEST`."""
        if self.kind == "object":
            return {key: node.plain() for key, node in self.members.items()}
        if self.kind == "array":
            return [node.plain() for node in self.items]
        return self.scalar

    def find(self, pointer: str) -> Node:
        """The node below at a JSON pointer; as near to it as there is one."""
        node = self
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if node.kind == "array" and key.isdigit() and int(key) < len(node.items):
                node = node.items[int(key)]
            elif node.kind == "object" and key in node.members:
                node = node.members[key]
            else:
                break
        return node

    def walk(self) -> Iterator[Node]:
        """This node and all below, in the order of the file."""
        todo = [self]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(reversed(node.items or list(node.members.values())))


def key_node(member: Node) -> Node:
    """The key of a member of an object as a text with a place, for what reads words from nodes."""
    key = str(member.key)
    return Node("string", key, parent=member.parent, key=key, offset=member.offset, lines=member.lines)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is wrong with the text; `place` where it has one in the document."""

    code: Literal["not-json", "encoding", "duplicate-key", "too-large", "too-deep"]
    message: str
    line: int | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """`root` is None when the text could not be read to its end."""

    root: Node | None
    flaws: tuple[Flaw, ...] = ()


def read_document(data: bytes) -> Document:
    """Never raises, whatever the bytes; time and memory grow with their number up to `MOST_BYTES`."""
    if len(data) > MOST_BYTES:
        message = f"The control file has {len(data):,} bytes; at most {MOST_BYTES:,} are read."
        return Document(None, (Flaw("too-large", message),))
    text, flaw = _decode(data)
    if flaw is not None:
        return Document(None, (flaw,))
    scanner = _Scanner(text)
    try:
        root = scanner.scan()
    except _Stop as stop:
        return Document(None, (*scanner.flaws, stop.flaw))
    return Document(root, tuple(scanner.flaws))


def _decode(data: bytes) -> tuple[str, Flaw | None]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "", Flaw("encoding", "The control file is UTF-16; save it as UTF-8.")
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode("utf-8"), None
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        message = (
            f"The control file is not UTF-8: byte 0x{body[error.start]:02x} at line {line}, byte {column}."
            " Save it as UTF-8."
        )
        return "", Flaw("encoding", message, line)


class _Stop(Exception):
    """Ends the scan; no error of the program."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


class _Scanner:
    """One pass over the text; `open` holds the objects and arrays that are not closed yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = Lines([match.start() for match in re.finditer("\n", text)])
        self.flaws: list[Flaw] = []
        self.at = 0
        self.values = 0
        self.open: list[Node] = []
        self.key: tuple[str, int] = ("", 0)

    def scan(self) -> Node:
        self._space()
        if self.at == len(self.text):
            raise self._stop("The control file is empty.")
        root = self._value()
        while self.open:
            container = self.open[-1]
            if self._opened_now(container):
                continue
            self._after_value(container)
        self._space()
        if self.at != len(self.text):
            raise self._stop(f"Found {self._seen()} after the end of the document.")
        return root

    def _opened_now(self, container: Node) -> bool:
        """The first member after the opening bracket, or the closing one at once."""
        if container.members or container.items:
            return False
        self._space()
        if self._take("}" if container.kind == "object" else "]"):
            self._close()
        else:
            self._member(container)
        return True

    def _after_value(self, container: Node) -> None:
        self._space()
        end = "}" if container.kind == "object" else "]"
        if self._take(end):
            self._close()
            return
        if not self._take(","):
            raise self._stop(f'Expected "," or "{end}", found {self._seen()}.')
        self._space()
        if self._peek() == end:
            raise self._stop(f'A comma before "{end}" is not JSON: take it out.')
        self._member(container)

    def _member(self, container: Node) -> None:
        if container.kind == "object":
            if self._peek() != '"':
                raise self._stop(f"Expected a key in double quotes, found {self._seen()}.")
            offset = self.at
            self.key = (self._string(), offset)
            self._space()
            if not self._take(":"):
                raise self._stop(f'Expected ":" after the key, found {self._seen()}.')
            self._space()
        self._value()

    def _value(self) -> Node:
        self.values += 1
        if self.values > MOST_VALUES:
            raise self._stop(f"The control file holds more than {MOST_VALUES:,} values.", "too-large")
        node = Node("null", offset=self.at, lines=self.lines)
        self._place(node)
        char = self._peek()
        if char in ("{", "["):
            if len(self.open) >= DEEPEST:
                raise self._stop(f"Nested deeper than {DEEPEST} levels.", "too-deep")
            node.kind = "object" if char == "{" else "array"
            self.at += 1
            self.open.append(node)
        elif char == '"':
            node.kind, node.scalar = "string", self._string()
        else:
            self._other(node)
        return node

    def _place(self, node: Node) -> None:
        if not self.open:
            return
        container = self.open[-1]
        node.parent = container
        if container.kind == "array":
            node.key = len(container.items)
            container.items.append(node)
            return
        node.key, node.offset = self.key
        earlier = container.members.get(self.key[0])
        if earlier is not None:
            message = (
                f"{node.pointer}: the key stands twice in one object; the first is in line {earlier.line}."
            )
            self.flaws.append(Flaw("duplicate-key", message, node.line, node.pointer))
        container.members[self.key[0]] = node

    def _close(self) -> None:
        self.open.pop()

    def _string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise self._broken_string()
        token = match[0]
        start, self.at = self.at, match.end()
        value: str = json.loads(token) if "\\" in token else token[1:-1]
        if "\\u" in token and any("\ud800" <= char <= "\udfff" or char == "\x00" for char in value):
            line = self.lines.at(start)
            message = "A text holds NUL or half of a surrogate pair, which is no character."
            self.flaws.append(Flaw("encoding", f"Line {line}: {message}", line))
            value = re.sub("[\ud800-\udfff\x00]", "\ufffd", value)
        return value

    def _broken_string(self) -> _Stop:
        """Says why the text that begins here does not end well: what stands after its sound part."""
        sound = _SOUND.match(self.text, self.at)
        end = sound.end() if sound else self.at
        if end == len(self.text):
            return self._stop("A text is not closed: the double quote is missing.")
        self.at = end
        char = self.text[end]
        if char == "\\":
            return self._stop(f"{self._seen()} is no escape in JSON; a backslash itself is written twice.")
        what = "a line break" if char in "\r\n" else f"the control character U+{ord(char):04X}"
        return self._stop(f"A text may not hold {what}; write it as an escape, or close the quote.")

    def _other(self, node: Node) -> None:
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            self._number(node, number[0])
            return
        word = _WORD.match(self.text, self.at)
        name = word[0] if word else ""
        if word is not None and name in ("true", "false", "null"):
            node.kind = "null" if name == "null" else "boolean"
            node.scalar = {"true": True, "false": False}.get(name)
            self.at = word.end()
        elif word is not None and name in ("NaN", "Infinity", "-Infinity"):
            self.flaws.append(self._stop(f"{name} is not JSON.").flaw)
            self.at = word.end()
        else:
            raise self._stop(f"Expected a value, found {self._seen()}.")

    def _number(self, node: Node, token: str) -> None:
        node.kind = "number"
        is_float = any(char in ".eE" for char in token)
        value: int | float = 0
        if len(token) <= _LONGEST_NUMBER:
            value = float(token) if is_float else int(token)
        if len(token) > _LONGEST_NUMBER or value in (float("inf"), float("-inf")):
            self.flaws.append(self._stop("A number is too large to be held.").flaw)
            value = 0
        node.scalar = value
        self.at += len(token)

    def _space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self.at += 1
        return True

    def _seen(self) -> str:
        rest = self.text[self.at : self.at + 20]
        if not rest:
            return "the end of the file"
        if rest[0] == "'" or rest[0] in "“”„«»‘’":
            return f"{rest[0]} (JSON wants straight double quotes)"
        if rest.startswith(("//", "/*", "#")):
            return 'a comment (JSON has none; use a "comment" key)'
        word = re.match(r"[\w.+-]+|\\.?|.", rest, re.DOTALL)
        shown = word[0] if word else rest[0]
        return f'"{shown}"' if shown.isprintable() else f"the character U+{ord(shown[0]):04X}"

    def _stop(self, message: str, code: Literal["not-json", "too-large", "too-deep"] = "not-json") -> _Stop:
        line = self.lines.at(self.at)
        begin = self.lines.ends[line - 2] + 1 if line > 1 else 0
        where = f"Line {line}, column {self.at - begin + 1}: "
        return _Stop(Flaw(code, where + message, line))
