"""What every part of the parser is given: the version, the model, what was named, and where problems go."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.control.document import Node
from service.control.keys import Read, Shape, read
from service.control.model import (
    Absent,
    Expression,
    MappingTable,
    Match,
    Model,
    OnError,
    Selector,
    Source,
    Version,
)
from service.control.patterns import expression_faults
from service.control.problems import Problems


@dataclass(slots=True)
class Context:
    version: Version
    model: Model
    problems: Problems
    tables: dict[str, MappingTable] = field(default_factory=dict)
    """The sound entries of `mapping`."""
    table_names: frozenset[str] = frozenset()
    """Every name of `mapping`, so that a broken table is not reported as a missing one too."""
    matches: dict[str, Match] = field(default_factory=dict)
    media_absent: Absent = "keep"
    match_labels: frozenset[str] = frozenset()

    def read(self, shape: Shape, node: Node) -> Read:
        return read(shape, node, self.version, self.problems)

    def selector(self, given: Read) -> Selector | None:
        """The `source` or `expression` of an object; None when there is none or it is not sound."""
        source, expression = given.get("source"), given.get("expression")
        if source is not None:
            return Source(source.text)
        return self.expression(expression) if expression is not None else None

    def expression(self, node: Node) -> Expression | None:
        faults = expression_faults(node.text)
        for fault in faults:
            self.problems.error(
                "unknown-function" if fault.function else "expression", node, sentence(fault.message)
            )
        return None if faults else Expression(node.text)

    def on_error(self, given: Read, enclosing: OnError | None) -> OnError | None:
        said = given.text("onError")
        match said:
            case "reject" | "drop" | "stop":
                return said
            case _:
                return enclosing


def sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else text + "."
