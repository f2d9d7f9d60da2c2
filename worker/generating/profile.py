"""What stands in the sampled records: a tree of names, each with the values that were seen under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from worker.records import Json, Row

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT = "#text"
LONGEST_VALUE = 2_000
"""Characters of a sampled value that are kept; a longer one is prose whatever follows."""


@dataclass(slots=True)
class Node:
    """A name in the records. Elements of lists are folded into it: `many` says that lists were seen."""

    name: str
    texts: list[str] = field(default_factory=list)
    """Values that are not blank, as texts, in the order of the records."""
    rows: list[int] = field(default_factory=list)
    """For each of `texts` the index of its record in the sample."""
    scalars: int = 0
    """Values that are neither null nor object nor list, those of white space included."""
    numbers: int = 0
    booleans: int = 0
    objects: int = 0
    many: bool = False
    single: bool = False
    """Whether a value stood here that was in no list."""
    longest_list: int = 0
    nests_lists: bool = False
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.texts and all(child.empty for child in self.children.values())

    @property
    def nested(self) -> bool:
        """Whether objects stand here that hold more than a text with attributes."""
        own = _TEXT if self.has_text_member else ""
        return any(not name.startswith("@") and name != own for name in self.children)

    @property
    def has_text_member(self) -> bool:
        """XML: the text of an element with attributes stands in `#text`."""
        member = self.children.get(_TEXT)
        return member is not None and not member.objects and not member.many

    @property
    def unfit(self) -> bool:
        """Whether some records have here what is no value: an object beside texts, a list in a list."""
        return self.nests_lists or bool(self.objects and self.scalars and not self.has_text_member)

    @property
    def values(self) -> Sequence[str]:
        """Texts here and in `#text`."""
        return [*self.texts, *self.children[_TEXT].texts] if self.has_text_member else self.texts

    @property
    def value_rows(self) -> Sequence[int]:
        return [*self.rows, *self.children[_TEXT].rows] if self.has_text_member else self.rows

    def add(self, value: Json, row: int, *, listed: bool = False) -> None:
        self.single |= value is not None and not listed and not isinstance(value, list)
        match value:
            case None:
                return
            case list():
                self.many = True
                self.nests_lists |= listed
                self.longest_list = max(self.longest_list, len(value))
                for element in value:
                    self.add(element, row, listed=True)
            case dict():
                self.objects += 1
                for name, member in value.items():
                    self.child(name).add(member, row)
            case _:
                self._add_scalar(value, row)

    def _add_scalar(self, value: bool | int | float | str, row: int) -> None:
        self.scalars += value != ""
        if isinstance(value, bool):
            self.booleans += 1
            text = "true" if value else "false"
        else:
            self.numbers += not isinstance(value, str)
            text = str(value).strip()
        if text:
            self.texts.append(text[:LONGEST_VALUE])
            self.rows.append(row)

    def child(self, name: str) -> Node:
        if name not in self.children:
            self.children[name] = Node(name)
        return self.children[name]


def profile(rows: Sequence[Row], columns: Sequence[str] | None) -> Node:
    """The tree of the sampled records; columns of a table are there even where nothing stands in them."""
    root = Node("")
    for column in columns or ():
        root.child(column)
    for index, row in enumerate(rows):
        root.add(dict(row.fields), index)
    return root


@dataclass(frozen=True, slots=True)
class Leaf:
    """Values at the end of a path of nodes, from a node below the record downwards."""

    path: tuple[Node, ...]

    @property
    def node(self) -> Node:
        return self.path[-1]

    @property
    def many(self) -> bool:
        return any(node.many for node in self.path)

    @property
    def shown(self) -> str:
        """As a person would say it: `subjects.children.name`."""
        return ".".join(node.name for node in self.path)

    @property
    def address(self) -> dict[str, Json]:
        """How an instruction reads it: `source` for a name of the context, else `expression`."""
        node = self.node
        if len(self.path) == 1 and not node.has_text_member:
            return {"source": node.name}
        return {"expression": expression(self.path)}


def leaves(node: Node, above: tuple[Node, ...] = ()) -> Iterator[Leaf]:
    """Everything under the node that has values, in the order of the records; XML's attributes only where
    they stand beside no text."""
    path = (*above, node)
    if node.values and not node.nested:
        yield Leaf(path)
        return
    if node.texts or node.has_text_member:
        yield Leaf(path)
    for name, child in node.children.items():
        if name != _TEXT or not node.has_text_member:
            yield from leaves(child, path)


def quoted(name: str) -> str:
    """A name within a JMESPath expression."""
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def expression(path: Sequence[Node]) -> str:
    """The values at the end of a path, a list if any node of it is one; of XML its text."""
    steps = address(path)
    last = path[-1]
    if not last.has_text_member:
        return steps
    text = quoted(_TEXT)
    if not last.texts:
        return f"{steps}.{text}"
    textless = last.objects > len(last.children[_TEXT].texts)
    if textless and not last.many:
        return f"{steps}.{text}" if not any(node.many for node in path) else f"{steps}[].{text}"
    if textless:
        strings, objects = f"{steps} | [?type(@)=='string']", f"{steps} | [?type(@)=='object'].{text}"
        return f"[({strings}), ({objects})][]"
    if last.many:
        return f"{steps}.not_null({text}, @)"
    either = f"not_null({quoted(last.name)}.{text}, {quoted(last.name)})"
    return ".".join([address(path[:-1]), either]) if len(path) > 1 else either


def address(path: Sequence[Node]) -> str:
    """What stands at the end of a path, as it is: names joined by dots. Where some records have a list and
    some do not, both become one."""
    steps = []
    for place, node in enumerate(path):
        name = quoted(node.name)
        if not node.many:
            steps.append(name)
        elif not node.single:
            steps.append(f"{name}[]")
        else:
            steps.append(f"[{name}][]" if not place else f"[{name}][][]")
    return ".".join(steps)
