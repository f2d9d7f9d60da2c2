"""What an expression may reach, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.control.model import Json, MappingTable
from worker.mapping.problems import Unconvertible

STEPS = 2_000_000
"""What one evaluation may walk or make: elements, keys, sixteenths of texts."""


@dataclass(slots=True)
class Scope:
    """What an expression may reach beside its context. The mapper sets it for each row."""

    tables: Mapping[str, MappingTable] = field(default_factory=dict)
    record: Mapping[str, Json] = field(default_factory=dict)
    file: str = ""
    row: int = 0


class Meter:
    """The budget of one evaluation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = STEPS

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise Unconvertible(
                "expression-too-costly",
                "needs too many steps: the expression walks or makes too much of this record.",
            )

    def weigh(self, value: Any) -> None:
        """Spends the size of a value, counting what occurs in it twice twice."""
        todo = [value]
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                self.spend(1 + (len(item) >> 4))
            elif isinstance(item, list):
                self.spend(1 + len(item))
                todo.extend(item)
            elif isinstance(item, dict):
                self.spend(1 + len(item))
                todo.extend(item.values())
