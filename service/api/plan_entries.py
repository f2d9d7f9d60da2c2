"""The entries of a plan as they are shown: as JSON, as rows of a table, and to what writes them as text."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from service.api.report import address, problems
from service.settings import TargetSettings
from service.store.changes import Change, Conflict
from service.store.drafts import changes_of
from service.store.plans import Entry
from service.store.said import EntryProblem


class PropertyChange(Struct, frozen=True):
    """The values of one property or field now and then, as text. `changed`: values that stay with another
    visibility or annotation, as (before, after)."""

    property: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]


class PropertyConflict(Struct, frozen=True):
    """Somebody edited a property or field since the last import. `resolution`: overwrite, keep or reject.
    `theirs` and `removed`: values that they put there and took away; `meant`: those of the record."""

    property: str
    resolution: str
    theirs: tuple[str, ...]
    removed: tuple[str, ...]
    meant: tuple[str, ...]
    message: str


class PlanEntry(Struct, frozen=True):
    """What is to become of one resource of one record."""

    file: str
    row: int
    identifier: str | None
    action: str
    resource: str
    id: int | None
    url: str | None
    changes: tuple[PropertyChange, ...]
    conflicts: tuple[PropertyConflict, ...]
    messages: tuple[str, ...]


class PlanCell(Struct, frozen=True):
    """A row of the CSV: one property of one resource; an entry without changes has one row."""

    file: str
    row: int
    identifier: str | None
    action: str
    resource: str
    id: int | None
    property: str
    before: str
    after: str
    added: str
    removed: str
    changed: str
    conflict: str
    message: str


def shown_entry(entry: Entry, target: TargetSettings | None) -> PlanEntry:
    found = changes_of(entry)
    messages = tuple(_sentence(problem) for problem in problems(entry))
    return PlanEntry(
        file=entry.file,
        row=entry.row,
        identifier=entry.identifier,
        action=entry.action,
        resource=entry.destination or entry.kind,
        id=entry.resource_id,
        url=address(target, entry.kind, entry.resource_id),
        changes=tuple(map(_change, found.changes)),
        conflicts=tuple(map(_conflict, found.conflicts)),
        messages=messages or ((entry.message,) if entry.message else ()),
    )


def _change(change: Change) -> PropertyChange:
    return PropertyChange(
        change.name, change.before, change.after, change.added, change.removed, change.changed
    )


def _conflict(one: Conflict) -> PropertyConflict:
    return PropertyConflict(one.name, one.resolution, one.theirs, one.removed, one.meant, one.message)


def _sentence(problem: EntryProblem) -> str:
    """What, with which value, and by which instruction: as the log says it."""
    value = f" The value was: {problem.value}" if problem.value else ""
    where = f" [{problem.pointer}]" if problem.pointer else ""
    return f"{problem.message}{value}{where}"


def cells(entry: PlanEntry) -> Iterator[PlanCell]:
    """The rows of an entry: a row a property, those first that only have a conflict last."""
    message = " ".join(entry.messages)
    conflicts = {one.property: one.message for one in entry.conflicts}
    changed = {one.property for one in entry.changes}
    left = (
        PropertyChange(one.property, (), (), (), (), ())
        for one in entry.conflicts
        if one.property not in changed
    )
    for change in (*entry.changes, *left) or (PropertyChange("", (), (), (), (), ()),):
        yield PlanCell(
            entry.file,
            entry.row,
            entry.identifier,
            entry.action,
            entry.resource,
            entry.id,
            change.property,
            _joined(change.before),
            _joined(change.after),
            _joined(change.added),
            _joined(change.removed),
            _joined(tuple(f"{before} → {after}" for before, after in change.changed)),
            conflicts.get(change.property, ""),
            message,
        )


def _joined(values: tuple[str, ...]) -> str:
    return " | ".join(values)
