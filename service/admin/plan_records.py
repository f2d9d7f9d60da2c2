"""The records of a plan, as a page shows them side by side: as much of each as has a place on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from msgspec import Struct

from service.admin.plan_values import Files, Room, Side, side_by_side
from service.admin.session import Tone
from service.api.plan_entries import PropertyChange, PropertyConflict, shown_entry
from service.api.report import address, problems
from service.settings import TargetSettings
from service.store.plans import Entry, Outcome

ROOM = 26_000
"""Bytes of HTML of the values of a record, and of what is said of it."""
MOST_MESSAGE = 1200
"""Characters of a problem or a conflict."""
MOST_LETTERS = 160
"""Characters of an identifier."""
MOST_TITLE = 200


class Note(Struct, frozen=True):
    """What is wrong with a record, or somebody edited in Omeka. `line`: of the control file."""

    tone: Tone
    message: str
    code: str = ""
    value: str = ""
    pointer: str = ""
    line: int | None = None


class Record(Struct, frozen=True):
    """A resource of a record, and what is to become of it. `left_out`: properties that are not shown."""

    seq: int
    action: str
    kind: str
    number: int | None
    url: str | None
    file: str
    row: int
    identifier: str
    title: str
    outcome: Outcome | None
    sides: tuple[Side, ...]
    left_out: int
    notes: tuple[Note, ...]
    notes_left_out: int


def record(
    entry: Entry, target: TargetSettings | None, files: Files, lines: Mapping[str, int] | None = None
) -> Record:
    """`files`: where the files of the batch are downloaded; `lines`: JSON pointers → lines of the control
    file."""
    shown = shown_entry(entry, target)
    room = Room(ROOM)
    notes = _notes(entry, shown.conflicts, lines or {})
    said = list(takewhile(lambda one: room.take(one.message, one.value, one.code, one.pointer), notes))
    sides = []
    # What goes as a whole says so by its title.
    whole = () if entry.action == "delete" else shown.changes
    for change in whole:
        side = side_by_side(change, room, files)
        if side is None:
            break
        sides.append(side)
    number = entry.outcome_id if entry.outcome_id is not None else entry.resource_id
    return Record(
        seq=entry.seq,
        action=entry.action,
        kind=shown.resource,
        number=number,
        url=address(target, entry.kind, number) if _there(entry) else None,
        file=entry.file,
        row=entry.row,
        identifier=_cut(entry.identifier or "", MOST_LETTERS),
        title=_title(entry, shown.changes),
        outcome=entry.outcome,
        sides=tuple(sides),
        left_out=len(whole) - len(sides),
        notes=tuple(said),
        notes_left_out=len(notes) - len(said),
    )


def _there(entry: Entry) -> bool:
    """Whether the resource stands in Omeka, as far as is known: not once it was deleted."""
    return entry.outcome != "deleted" and not (entry.action == "delete" and entry.outcome == "undone")


def _title(entry: Entry, changes: Sequence[PropertyChange]) -> str:
    """What a person would call a resource that comes or goes: its title, else the first value that it has."""
    if entry.action not in ("create", "delete"):
        return ""
    named = {one.property: one.after or one.before for one in changes if one.after or one.before}
    values = named.get("dcterms:title") or named.get("Dublin Core:Title") or next(iter(named.values()), ())
    text = " ".join(values[0].split()) if values else ""
    return _cut(text, MOST_TITLE)


def _notes(entry: Entry, conflicts: Sequence[PropertyConflict], lines: Mapping[str, int]) -> tuple[Note, ...]:
    """Problems, then conflicts; else what else is said of the record."""
    found = [
        Note(
            "bad" if one.severity != "warning" else "warn",
            _cut(one.message),
            one.code,
            _cut(one.value),
            one.pointer[:300],
            lines.get(one.pointer),
        )
        for one in problems(entry)
    ]
    said = {one.message for one in found}
    found += [
        Note("bad" if one.resolution == "reject" else "warn", message)
        for one in conflicts
        if (message := _cut(one.message)) not in said
    ]
    if not found and entry.message:
        found.append(
            Note("bad" if entry.action == "reject" else "warn", _cut(entry.message), entry.code or "")
        )
    return tuple(found)


def _cut(text: str, most: int = MOST_MESSAGE) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
