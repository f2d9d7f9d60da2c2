"""A small declarative layer: which keys an object may have and what their values look like.

The tables made of it (`service.control.shapes`) are the one description of the language's keys: the
parser reads objects by them, `service.control.schema` makes the JSON Schema of them, and the tests
hold the reference against them. What a kind cannot say (names that must exist, values that depend on
each other) is checked by the module of that part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.control.document import Node
from service.control.kinds import JsonSchema, Kind, Text, wrong_kind
from service.control.model import Json, Version
from service.control.problems import Problems, unknown_word


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an object. `since`: the version that has it; `required`: in these versions."""

    name: str
    kind: Kind
    doc: str
    since: Version = 0
    required: tuple[Version, ...] = ()


COMMENT = Key("comment", Text(blank=True), "For people; has no effect.", since=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of an object. Of `exactly_one` exactly one must be there; of each of `at_most_one` one may."""

    name: str
    doc: str
    keys: tuple[Key, ...]
    exactly_one: tuple[str, ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()

    def by_name(self) -> dict[str, Key]:
        return {key.name: key for key in (*self.keys, COMMENT)}

    def schema(self) -> JsonSchema:
        """For version 1."""
        made: JsonSchema = {
            "type": "object",
            "description": self.doc,
            "properties": {
                name: key.kind.schema() | {"description": key.doc} for name, key in self.by_name().items()
            },
            "additionalProperties": False,
        }
        required = [key.name for key in self.keys if 1 in key.required]
        if required:
            made["required"] = required
        if self.exactly_one:
            made["oneOf"] = [{"required": [name]} for name in self.exactly_one]
        if self.at_most_one:
            made["allOf"] = [
                {"not": {"required": [one, other]}}
                for names in self.at_most_one
                for place, one in enumerate(names)
                for other in names[place + 1 :]
            ]
        return made


@dataclass(frozen=True, slots=True)
class Read:
    """An object after reading: its sound members. What was wrong has been reported."""

    node: Node
    values: Mapping[str, Node] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Node | None:
        return self.values.get(name)

    def text(self, name: str, otherwise: str = "") -> str:
        node = self.values.get(name)
        return node.text if node is not None else otherwise

    def flag(self, name: str, otherwise: bool = False) -> bool:
        node = self.values.get(name)
        return bool(node.scalar) if node is not None else otherwise

    def whole(self, name: str, otherwise: int) -> int:
        node = self.values.get(name)
        return int(node.scalar) if node is not None and isinstance(node.scalar, (int, float)) else otherwise

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, or one text as a list of one."""
        node = self.values.get(name)
        if node is None:
            return ()
        return (node.text,) if node.kind == "string" else tuple(item.text for item in node.items)

    def plain(self, name: str) -> Json:
        node = self.values.get(name)
        return node.plain() if node is not None else None


REFUSED_KEYS: dict[str, str] = {
    "qualifier": "Haplo's qualifiers have no counterpart in Omeka; use another property, or an annotation",
    "country": "Haplo's telephone numbers are plain text here; leave it out",
    "attributeGroup": "Haplo's attribute groups have no counterpart in Omeka",
}
"""Keys of Haplo's language that are known and refused, and why."""


def read(shape: Shape, node: Node, version: Version, problems: Problems) -> Read:
    """Reports unknown, missing, contradicting and unsound members and returns the sound ones."""
    if node.kind != "object":
        wrong_kind(node, problems, "an object")
        return Read(node)
    keys = shape.by_name()
    sound: dict[str, Node] = {}
    for name, child in node.members.items():
        key = keys.get(name)
        if key is None:
            _unknown_key(shape, name, child, version, problems)
        elif key.since > version:
            problems.error(
                "version-1-key",
                child,
                f'"{name}" belongs to version 1 of the language: set "dataImportControlFileVersion" to 1, or'
                " take it out.",
            )
        elif key.kind.check(child, problems):
            sound[name] = child
    for key in shape.keys:
        if version in key.required and key.name not in node.members:
            problems.error(
                "missing-key", node, f'{shape.name} needs "{key.name}", which must be {key.kind.says}.'
            )
    _check_choices(shape, node, version, problems)
    return Read(node, sound)


def _unknown_key(shape: Shape, name: str, child: Node, version: Version, problems: Problems) -> None:
    if name in REFUSED_KEYS:
        problems.error("haplo", child, f'"{name}" is not taken over: {REFUSED_KEYS[name]}.')
        return
    allowed = [key.name for key in shape.keys if key.since <= version]
    said = unknown_word("key", name, allowed, search=not problems.full, place=f" in {shape.name}")
    if version == 0:
        problems.warn("unknown-key", child, f"{said} It is ignored.")
    else:
        problems.error("unknown-key", child, said)


def _check_choices(shape: Shape, node: Node, version: Version, problems: Problems) -> None:
    keys = shape.by_name()
    usable = [name for name in shape.exactly_one if keys[name].since <= version]
    given = [name for name in shape.exactly_one if name in node.members]
    if usable and not given and not (len(usable) == 1 and version in keys[usable[0]].required):
        wanted = " or ".join(f'"{name}"' for name in usable)
        problems.error("missing-key", node, f"{shape.name} needs {wanted}.")
    for names in (usable, *shape.at_most_one):
        both = [name for name in names if name in node.members and keys[name].since <= version]
        if len(both) > 1:
            said = " and ".join(f'"{name}"' for name in both)
            problems.error("contradiction", node, f"{said} exclude each other; keep one.")
