"""Entries of a plan → what they have in common, counted, and where it is met. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, assert_never

import msgspec

from service.store.changes import Change
from service.store.drafts import changes_of
from service.store.plan_groups import Group, GroupType
from service.store.plan_places import BLOCK, Place, PlaceType
from service.store.plans import Entry
from worker.records import Problem
from worker.targets.redact import excerpt

_EXAMPLE = 400
"""Most characters of an example."""
_NAME = 255
"""Most characters of a name: more are not kept."""
_problems = msgspec.json.Decoder(list[Problem])


class Grouped(NamedTuple):
    """What `plan_groups.add_groups` takes."""

    groups: list[Group]
    places: list[Place]


def group(entries: Iterable[Entry]) -> Grouped:
    """The increments of these entries, to be added to what the plan counted so far, and where it is met.

    An entry that is not decided yet is left out: count it once it is. So is one that only completes
    another entry's resource, which is counted there.
    """
    counted = _Counted()
    for entry in entries:
        if not entry.pending and entry.action != "complete":
            _count(entry, counted)
    # In one order everywhere, so that no two transactions wait for each other.
    return Grouped(counted.groups(), sorted(counted.places))


class _Counted:
    def __init__(self) -> None:
        self._n: dict[tuple[GroupType, str, str], int] = {}
        self._first: dict[tuple[GroupType, str, str], tuple[Entry, str]] = {}
        self.places: set[Place] = set()

    def add(self, type_: GroupType, action: str, name: str, entry: Entry, text: str) -> None:
        key = (type_, action, name[:_NAME])
        self._n[key] = self._n.get(key, 0) + 1
        self._first.setdefault(key, (entry, text))

    def place(self, type_: PlaceType, name: str, entry: Entry) -> None:
        self.places.add(Place(type_, name[:_NAME], entry.action, entry.seq // BLOCK))

    def groups(self) -> list[Group]:
        return [
            Group(*key, n, "" if key[0] == "resource" else _example(*self._first[key]))
            for key, n in sorted(self._n.items())
        ]


def _count(entry: Entry, counted: _Counted) -> None:
    counted.add("resource", entry.action, entry.destination or entry.kind, entry, "")
    seen = set()
    for problem in _problems_of(entry):
        if problem.code not in seen:
            seen.add(problem.code)
            counted.add("problem", problem.severity, problem.code, entry, problem.message)
            counted.place("problem", problem.code, entry)
    changes = changes_of(entry)
    if entry.action != "delete":  # everything goes then, which is no news of a single property
        for change in changes.changes:
            counted.add(change.manner, entry.action, change.name, entry, _difference(change))
            counted.place("name", change.name, entry)
    for conflict in changes.conflicts:
        counted.add("conflict", conflict.resolution, conflict.name, entry, conflict.message)
        counted.place("conflict", conflict.name, entry)
        counted.place("name", conflict.name, entry)


def _difference(change: Change) -> str:
    match change.manner:
        case "added":
            return " | ".join(change.added)
        case "removed":
            return " | ".join(change.removed)
        case "changed":
            return change.difference
        case _:
            assert_never(change.manner)


def _problems_of(entry: Entry) -> list[Problem]:
    if entry.problems is not None:
        return _problems.decode(entry.problems)
    if entry.code is None or entry.action not in ("reject", "skip"):
        return []
    return [Problem("reject" if entry.action == "reject" else "warning", entry.code, entry.message or "")]


def _example(entry: Entry, text: str) -> str:
    """`works.csv:12 [A12]: text`, as a database takes it: without NUL and halves of characters."""
    place = f"{entry.file}:{entry.row}" if entry.file else ""
    identifier = f"[{excerpt(entry.identifier, 80)}]" if entry.identifier else ""
    where = " ".join(part for part in (place, identifier) if part)
    whole = excerpt(f"{where}: {text}" if where else text, _EXAMPLE)
    return whole.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
