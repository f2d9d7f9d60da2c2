"""What the value of a key may be: the kinds that tables of keys are made of.

A kind says in words what it is, as JSON Schema what an editor may check, and checks a node itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from service.control.document import Node, NodeKind
from service.control.problems import Problems, quoted, unknown_word

JsonSchema = dict[str, Any]


# --- kinds of values ------------------------------------------------------------------------------


class Kind(Protocol):
    """What a value may be. `says` fits behind "must be"; `check` reports and returns whether it is sound."""

    @property
    def says(self) -> str: ...

    @property
    def types(self) -> frozenset[NodeKind]: ...

    def schema(self) -> JsonSchema: ...

    def check(self, node: Node, problems: Problems) -> bool: ...


def wrong_kind(node: Node, problems: Problems, says: str) -> bool:
    problems.error("wrong-kind", node, f"must be {says}, not {shown(node)}.")
    return False


def shown(node: Node) -> str:
    """A value in a message: scalars themselves, else what they are."""
    match node.kind:
        case "string":
            return f"the text {quoted(node.text)}"
        case "number" | "boolean":
            return str(node.plain()).lower()
        case "null":
            return "null"
        case "object":
            return "an object"
        case "array":
            return "a list"


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `blank` allows one of white space only. `pattern` must match all of it."""

    blank: bool = False
    pattern: str | None = None
    says: str = "a text"
    most: int = 10_000

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"string"})

    def schema(self) -> JsonSchema:
        made: JsonSchema = {"type": "string", "maxLength": self.most}
        if self.pattern is not None:
            made["pattern"] = f"^(?:{self.pattern})$"
        elif not self.blank:
            made["pattern"] = r"\S"
        return made

    def check(self, node: Node, problems: Problems) -> bool:
        if node.kind != "string":
            return wrong_kind(node, problems, self.says)
        if len(node.text) > self.most:
            problems.error(
                "value", node, f"has {len(node.text):,} characters; at most {self.most:,} are allowed."
            )
            return False
        if not self.blank and not node.text.strip():
            problems.error("empty", node, f"must be {self.says}, but it is blank.")
            return False
        if self.pattern is not None and re.fullmatch(self.pattern, node.text) is None:
            problems.error("value", node, f"must be {self.says}, not {quoted(node.text)}.")
            return False
        return True


@dataclass(frozen=True, slots=True)
class Flag:
    says: str = "true or false"

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"boolean"})

    def schema(self) -> JsonSchema:
        return {"type": "boolean"}

    def check(self, node: Node, problems: Problems) -> bool:
        return node.kind == "boolean" or wrong_kind(node, problems, self.says)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `most`."""

    least: int = 0
    most: int = 2**53

    @property
    def says(self) -> str:
        return f"a whole number of {self.least} or more"

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"number"})

    def schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def check(self, node: Node, problems: Problems) -> bool:
        value = node.scalar
        if node.kind != "number" or not isinstance(value, (int, float)) or value != int(value):
            return wrong_kind(node, problems, self.says)
        if not self.least <= value <= self.most:
            problems.error("value", node, f"must be {self.says}, not {shown(node)}.")
            return False
        return True


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words; `what` names the kind of word in messages."""

    words: tuple[str, ...]
    what: str = "word"

    @property
    def says(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"string"})

    def schema(self) -> JsonSchema:
        return {"enum": list(self.words)}

    def check(self, node: Node, problems: Problems) -> bool:
        if node.kind != "string":
            return wrong_kind(node, problems, self.says)
        if node.text in self.words:
            return True
        said = unknown_word(self.what, node.text, self.words, search=not problems.full)
        more = "" if "Allowed" in said else f" Allowed: {', '.join(self.words)}."
        problems.error("unknown-word", node, said + more)
        return False


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value of these JSON types."""

    allowed: tuple[NodeKind, ...] = ("string", "number", "boolean", "null", "array", "object")
    says: str = "a value"

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset(self.allowed)

    def schema(self) -> JsonSchema:
        return {"type": list(self.allowed)} if len(self.allowed) < 6 else {}

    def check(self, node: Node, problems: Problems) -> bool:
        return node.kind in self.allowed or wrong_kind(node, problems, self.says)


@dataclass(frozen=True, slots=True)
class ListOf:
    of: Kind
    least: int = 0

    @property
    def says(self) -> str:
        return f"a list, each element {self.of.says}"

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"array"})

    def schema(self) -> JsonSchema:
        return {"type": "array", "items": self.of.schema()} | ({"minItems": self.least} if self.least else {})

    def check(self, node: Node, problems: Problems) -> bool:
        if node.kind != "array":
            return wrong_kind(node, problems, self.says)
        if len(node.items) < self.least:
            problems.error("empty", node, f"must have at least {self.least} element.")
            return False
        sound = [self.of.check(item, problems) for item in node.items]  # all of them, not up to the first
        return all(sound)


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys. `comment`: the key "comment" with a text is for people, not an entry."""

    of: Kind
    least: int = 0
    comment: bool = False
    says: str = "an object"

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset({"object"})

    def schema(self) -> JsonSchema:
        made: JsonSchema = {"type": "object", "additionalProperties": self.of.schema()}
        if self.comment:
            made["properties"] = {"comment": {"anyOf": [{"type": "string"}, self.of.schema()]}}
        return made | ({"minProperties": self.least} if self.least else {})

    def check(self, node: Node, problems: Problems) -> bool:
        if node.kind != "object":
            return wrong_kind(node, problems, self.says)
        if len(node.members) < self.least:
            problems.error("empty", node, f"must have at least {self.least} entry.")
            return False
        every = entries(node) if self.comment else node.members.items()
        sound = [self.of.check(child, problems) for _, child in every]
        return all(sound)


def entries(node: Node | None) -> list[tuple[str, Node]]:
    """The members of an object but for its comment."""
    if node is None:
        return []
    return [(key, child) for key, child in node.members.items() if key != "comment" or child.kind != "string"]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several kinds, told apart by their JSON type."""

    kinds: tuple[Kind, ...]

    @property
    def says(self) -> str:
        return " or ".join(kind.says for kind in self.kinds)

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset().union(*(kind.types for kind in self.kinds))

    def schema(self) -> JsonSchema:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def check(self, node: Node, problems: Problems) -> bool:
        for kind in self.kinds:
            if node.kind in kind.types:
                return kind.check(node, problems)
        return wrong_kind(node, problems, self.says)


@dataclass(frozen=True, slots=True)
class Ref:
    """Something described elsewhere (`name` in the schema's `$defs`); only its JSON type is checked here."""

    name: str
    says: str
    of: tuple[NodeKind, ...] = ("object",)

    @property
    def types(self) -> frozenset[NodeKind]:
        return frozenset(self.of)

    def schema(self) -> JsonSchema:
        return {"$ref": f"#/$defs/{self.name}"}

    def check(self, node: Node, problems: Problems) -> bool:
        return node.kind in self.of or wrong_kind(node, problems, self.says)


@dataclass(frozen=True, slots=True)
class Hinted:
    """A text whose schema says more than is checked here: what an editor may complete, what it may refuse."""

    kind: Kind
    hints: tuple[tuple[str, Any], ...]

    @property
    def says(self) -> str:
        return self.kind.says

    @property
    def types(self) -> frozenset[NodeKind]:
        return self.kind.types

    def schema(self) -> JsonSchema:
        return self.kind.schema() | dict(self.hints)

    def check(self, node: Node, problems: Problems) -> bool:
        return self.kind.check(node, problems)


def one_or_many(kind: Kind) -> AnyOf:
    return AnyOf((kind, ListOf(kind, least=1)))
