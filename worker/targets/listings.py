"""What a target calls things: names → numbers of everything of one sort. Pure data."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from service.control.suggest import nearest

What: TypeAlias = Literal[
    "class",
    "template",
    "item set",
    "site",
    "owner",
    "asset",
    "custom vocabulary",
    "item type",
    "collection",
    "element set",
]


class Unknown(Struct, frozen=True):
    """No such name. `message` is a sentence that makes sense alone."""

    message: str


class Listing(Struct, frozen=True):
    """Everything of one sort: how it may be called, and its number."""

    what: What
    labels: Mapping[int, str]
    """Number → the name to show."""
    by_name: Mapping[str, tuple[int, ...]]
    """Every accepted name → the numbers that bear it, several where names are not unique."""

    def find(self, name: str) -> int | Unknown:
        """The number of what is called so: by name, then by number."""
        found = self.by_name.get(normal(name)) or self.by_name.get(normal(name).casefold(), ())
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            numbers = ", ".join(str(number) for number in found)
            return Unknown(
                f"More than one {self.what} is called “{name}” ({numbers}): write the number of one."
            )
        if name.isascii() and name.isdecimal() and int(name) in self.labels:
            return int(name)
        meant = nearest(name, self.by_name)
        hint = f" Did you mean “{meant}”?" if meant else ""
        return Unknown(f"There is no {self.what} “{name}” in this Omeka.{hint}")

    def label(self, number: int) -> str:
        """How to show a number to a person."""
        known = self.labels.get(number)
        return f"{known} ({number})" if known else str(number)


class Coming(Struct, frozen=True):
    """Names that are not there yet, and that records of the same batch bring: while it is planned they count
    as known. `terms`: of properties and classes."""

    names: dict[What, set[str]] = {}
    terms: set[str] = set()

    def clear(self) -> None:
        self.names.clear()
        self.terms.clear()


def normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def listing(what: What, entries: Iterable[tuple[int, str, Sequence[str]]]) -> Listing:
    """A listing of (number, shown name, all accepted names)."""
    labels: dict[int, str] = {}
    names: dict[str, list[int]] = {}
    for number, label, accepted in entries:
        labels[number] = label
        for name in dict.fromkeys(normal(word) for word in accepted if word):
            names.setdefault(name, []).append(number)
    return Listing(what, labels, {name: tuple(numbers) for name, numbers in names.items()})
