"""What an update does to a resource, as a person reads it: before → after a name, and conflicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from msgspec import Struct

from service.control.model import OnConflict
from worker.planning.values import NOTHING, Held, marks

_BEFORE, _AFTER = 60, 140
"""Characters around the place where two long values begin to differ."""


class Change(Struct, frozen=True, omit_defaults=True):
    """What becomes of one property or field. All texts are values as shown to a person, on one line."""

    name: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    """Values that stay with another visibility or annotation: (before, after)."""
    before: tuple[str, ...] = ()
    """All values of the name."""
    after: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """`dcterms:title: Old → New`, only what differs."""
        parts = [f"{before} → {after}" for before, after in self.changed]
        pairs = min(len(self.removed), len(self.added))
        parts += [f"{old} → {new}" for old, new in zip(self.removed, self.added, strict=False)]
        parts += [f"{old} → {NOTHING}" for old in self.removed[pairs:]]
        parts += [f"{NOTHING} → {new}" for new in self.added[pairs:]]
        return f"{self.name}: {' | '.join(parts)}"


class Conflict(Struct, frozen=True, omit_defaults=True):
    """Somebody edited a name since this service wrote it, and the record says something else."""

    name: str
    resolution: OnConflict
    theirs: tuple[str, ...] = ()
    """Values of theirs that the record would remove or change."""
    removed: tuple[str, ...] = ()
    """Values that they removed and the record would bring back."""
    meant: tuple[str, ...] = ()
    """The values that the record means the name to have."""

    @property
    def message(self) -> str:
        """A sentence for log and report: what was edited, and what became of it."""
        edits = []
        if self.theirs:
            edits.append(f"put {_list(self.theirs)} there")
        if self.removed:
            edits.append(f"removed {_list(self.removed)}")
        edit = f"{self.name}: since the last import somebody {' and '.join(edits)}"
        record = f"the record means {_list(self.meant)}"
        match self.resolution:
            case "overwrite":
                return f"{edit}; {record}, which takes its place."
            case "keep":
                return f"{edit}; {record}. What stands in the target is kept."
            case "reject":
                return (
                    f"{edit}; {record}. Nothing was written: correct one of the two, or say with onConflict "
                    "which of them counts."
                )
            case _:
                assert_never(self.resolution)


class Changes(Struct, frozen=True, omit_defaults=True):
    """What `plan_entry.changes` keeps of an update (JSON)."""

    changes: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def change(
    name: str, before: Sequence[Held], after: Sequence[Held], altered: Sequence[tuple[Held, Held]]
) -> Change:
    """The change that makes `after` of `before`. `altered`: values that stay, as (before, after)."""
    removed = _excess(before, [*after, *(was for was, _ in altered)])
    added = _excess(after, [*before, *(becomes for _, becomes in altered)])
    apart = [_told_apart(was, becomes) for was, becomes in zip(removed, added, strict=False)]
    return Change(
        name,
        (*(one for one, _ in apart), *(one.shown() for one in removed[len(apart) :])),
        (*(one for _, one in apart), *(one.shown() for one in added[len(apart) :])),
        tuple((was.shown(), becomes.shown()) for was, becomes in altered),
        tuple(one.shown() for one in before),
        tuple(one.shown() for one in after),
    )


def _excess(values: Sequence[Held], others: Sequence[Held]) -> list[Held]:
    """The values that are not among the others, as multisets, whatever JSON they came as."""
    counts = Counter(marks(others))
    found = []
    for value in values:
        if counts[value.mark]:
            counts[value.mark] -= 1
        else:
            found.append(value)
    return found


def _told_apart(before: Held, after: Held) -> tuple[str, str]:
    """Two values, shown so that one sees where they differ even behind a long common beginning."""
    old, new = before.shown(), after.shown()
    if old != new or before.display:
        return old, new
    old_text, new_text = (" ".join(one.content.main.split()) for one in (before, after))
    same = next(
        (place for place, (a, b) in enumerate(zip(old_text, new_text, strict=False)) if a != b),
        min(len(old_text), len(new_text)),
    )
    if same < _BEFORE:
        return old, new
    start = same - _BEFORE
    return (
        before.shown(_window(old_text, start)),
        after.shown(_window(new_text, start)),
    )


def _window(text: str, start: int) -> str:
    end = start + _BEFORE + _AFTER
    return f"…{text[start:end]}{'…' if len(text) > end else ''}"


def _list(values: Sequence[str]) -> str:
    return ", ".join(f"“{value}”" for value in values) or "no value"
