"""What a plan entry does to its resource, as a person reads it: the form of `plan_entry.changes`.

The worker writes it, the service shows it. All texts are values as shown to a person, on one line.
"""

from __future__ import annotations

from typing import Literal, assert_never

from msgspec import Struct

from service.control.model import OnConflict

NOTHING = "(nothing)"
"""How the absence of a value is written."""

Manner = Literal["added", "removed", "changed"]


class Change(Struct, frozen=True, omit_defaults=True):
    """What becomes of one property or field."""

    name: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    """Values that stay with another visibility or annotation: (before, after)."""
    before: tuple[str, ...] = ()
    """All values of the name."""
    after: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(before, after) of each value that differs; `NOTHING` where a value has no counterpart."""
        paired = min(len(self.removed), len(self.added))
        return (
            *self.changed,
            *zip(self.removed[:paired], self.added[:paired], strict=True),
            *((old, NOTHING) for old in self.removed[paired:]),
            *((NOTHING, new) for new in self.added[paired:]),
        )

    @property
    def difference(self) -> str:
        """`Old → New`: only what differs."""
        return " | ".join(f"{before} → {after}" for before, after in self.pairs)

    @property
    def text(self) -> str:
        """`dcterms:title: Old → New`"""
        return f"{self.name}: {self.difference}"

    @property
    def manner(self) -> Manner:
        """Whether values only come, only go, or become others."""
        if self.changed or (self.removed and self.added):
            return "changed"
        return "removed" if self.removed else "added"


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
    """What `plan_entry.changes` keeps (JSON)."""

    changes: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(f"“{value}”" for value in values) or "no value"
