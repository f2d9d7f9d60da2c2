"""Which media of an item is its primary one: what a record names against what stands there. Pure.

A target shows the first media as the primary one where none was chosen. So "the first" and "none" are one
state here, and nothing is sent that makes no difference. It is compared by the same code as everything else
of a resource (`worker.planning.merge`), so that a choice which somebody made in between is a conflict, and
one that was kept goes on being an edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from service.control.model import OnConflict
from service.store.changes import Conflict
from service.store.ledger import LedgerRow
from worker.planning.merge import Merge, Unmergeable, merge
from worker.planning.values import FIELD, Base, Content, Current, Footing, Held, Meant, Named, Wish
from worker.records import Kind
from worker.targets.base import Saved

FIELD_NAME = "primary"
NAME = "primary media"
"""What the change is called in a plan."""


class Wanted(Struct, frozen=True):
    """What a record says of an item's media. Numbers below zero: media that are still to be created."""

    chosen: int
    """The one that is to be the primary one; 0: none is named."""
    order: Sequence[int]
    """All media of the item, in the order that they will have."""
    replaces: Mapping[int, int] = {}
    """Media that go → those that take their places."""
    same: bool = False
    """Whether the record meant the same when the ledger's row was written."""


class Choice(Struct, frozen=True):
    """What becomes of it."""

    sent: int = 0
    """The media that the target is told; 0: nothing needs to be said."""
    conflicts: tuple[Conflict, ...] = ()
    footing: Footing = Footing()
    """That of the whole resource, with what is known of this name now."""


def held(saved: Saved) -> tuple[Held, ...]:
    """The primary media in comparable form; nothing where it is the first one."""
    number = saved.chosen
    return () if number is None else (Held(Content(FIELD, str(number)), display=f"media {number}"),)


def choose(
    wanted: Wanted, saved: Saved, known: LedgerRow | None, before: Saved | None, on_conflict: OnConflict
) -> Choice | Unmergeable:
    """What the target is to be told of an item that stands there (`saved`).

    `known`: what the ledger holds of the item, `before` its representation in there.
    """
    footing = _footing_of(known)
    successor = wanted.replaces.get(saved.chosen or 0, 0)
    if not wanted.chosen:
        return Choice(successor, footing=footing)
    merged = _merged(wanted, saved, footing, before, on_conflict)
    if isinstance(merged, Unmergeable):
        return merged
    footing = _with(footing, merged.footing)
    if merged.conflicts and not merged.changes:  # kept
        return Choice(successor, merged.conflicts, footing)
    # Where another is shown as the first one, nobody knows whether it was chosen: then it is said.
    shown = wanted.replaces.get(saved.primary or 0, saved.primary)
    needed = bool(merged.changes) or shown not in (None, wanted.chosen)
    return Choice(wanted.chosen if needed else 0, merged.conflicts, footing)


def _merged(
    wanted: Wanted, saved: Saved, footing: Footing, before: Saved | None, on_conflict: OnConflict
) -> Merge | Unmergeable:
    first = next(iter(wanted.order), None)
    number = str(wanted.chosen)
    wishes = () if wanted.chosen == first else (Wish(Content(FIELD, number), display=f"media {number}"),)
    base = None
    if before is not None and (before.chosen is None or before.chosen in saved.media_ids):
        # One that is gone was not taken away from its place by anybody.
        base = Base(_current(before), footing, same_draft=wanted.same)
    return merge(Meant(fields=(Named(FIELD_NAME, wishes),)), _current(saved), base, on_conflict)


def _current(saved: Saved) -> Current:
    kind: Kind = saved.kind
    return Current(kind, saved.id, saved.modified, {}, {FIELD_NAME: held(saved)}, saved.media_ids)


def _footing_of(known: LedgerRow | None) -> Footing:
    if known is None or known.footing is None:
        return Footing()
    return msgspec.json.decode(known.footing, type=Footing)


def _with(whole: Footing, own: Footing) -> Footing:
    """What is known of the resource, with this name as it is known now."""

    def put(
        there: Mapping[str, tuple[str, ...]], now: Mapping[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        return {**{name: one for name, one in there.items() if name != FIELD_NAME}, **now}

    return Footing(
        put(whole.foreign, own.foreign), put(whole.added, own.added), put(whole.removed, own.removed)
    )
