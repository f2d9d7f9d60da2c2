"""What an update makes of a resource: draft, present state and last write merged, name by name. Pure.

Only names that the draft says something of are touched. What comes out is the after-state of the
names that change, the changes as a person reads them, and the edits of others that are in the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from service.control.model import OnConflict
from worker.planning.changes import Change, Conflict, change
from worker.planning.three_way import Clash, Proposal, Sides, clash, in_order, keep_edits, propose
from worker.planning.values import (
    Base,
    Current,
    Footing,
    Held,
    Meant,
    Named,
    Wish,
    content_of_mark,
    marks,
    notes_satisfied,
    satisfied,
)
from worker.targets.base import Difference

SHARED = frozenset(
    {"item-set", "site", "tags", "properties", "classes", "elements", "geolocation", "item", "html"}
)
"""Fields that hold several values; the others hold one at most."""


class Placed(Struct, frozen=True):
    """A value of the after-state. `value.raw` is its JSON before the change, or of a new one as built."""

    value: Held
    touched: bool = False
    """New, or with another visibility or annotation than its `raw`."""
    annotated: bool = False
    """Its annotation is another than that of its `raw`."""


class Merge(Struct, frozen=True):
    """The outcome. Nothing is to be sent where `changes` is empty, whatever else stands here."""

    properties: Mapping[str, tuple[Placed, ...]]
    """Of the properties that change: all their values afterwards."""
    fields: Mapping[str, tuple[Held, ...]]
    """Of the fields that change: what is set afterwards."""
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...] = ()
    """Overwritten or kept."""
    altered: tuple[Difference, ...] = ()
    """Alterations of the target that were reported before and still stand: to be kept with the new ones."""
    footing: Footing = Footing()
    """What is to be kept beside the representation that the target will answer."""


class Unmergeable(Struct, frozen=True):
    """The record is to be rejected."""

    code: str
    message: str


Merged: TypeAlias = Merge | Unmergeable


def merge(
    meant: Meant, current: Current, base: Base | None = None, on_conflict: OnConflict = "overwrite"
) -> Merged:
    """Merge what a record means into what stands in the target.

    `base`: what the ledger knows of the last write; None at a first meeting. Merging the outcome
    again changes nothing.
    """
    outcomes = [_merge_name(sides, on_conflict) for sides in _sides(meant, current, base)]
    conflicts = tuple(one.conflict for one in outcomes if one.conflict is not None)
    if conflicts and on_conflict == "reject":
        return Unmergeable("conflict", " ".join(one.message for one in conflicts))
    changes = tuple(one.change for one in outcomes if one.change is not None)
    if changes and current.stuck:
        return Unmergeable("value-not-returnable", _stuck_message(current))
    changing = [one for one in outcomes if one.change is not None]
    properties = {one.name: one.after for one in changing if not one.is_field}
    fields = {one.name: tuple(placed.value for placed in one.after) for one in changing if one.is_field}
    return Merge(
        properties=properties,
        fields=fields,
        changes=changes,
        conflicts=conflicts,
        altered=tuple(difference for one in outcomes for difference in one.carried),
        footing=_footing(current, base, {one.name: one for one in outcomes}),
    )


def outcome(current: Current, merged: Merge) -> Current:
    """The resource as it stands after the merge, should the target save it as meant."""
    properties = {**current.properties}
    for name, values in merged.properties.items():
        properties[name] = tuple(placed.value for placed in values)
    return msgspec.structs.replace(
        current,
        properties={name: values for name, values in properties.items() if values},
        fields={**current.fields, **merged.fields},
    )


# --- the sides ------------------------------------------------------------------------------------


def _sides(meant: Meant, current: Current, base: Base | None) -> Iterable[Sides]:
    identities = {one.term: one for one in meant.identity}
    named = {one.name for one in meant.properties}
    only_identity = (Named(term, (), "append") for term in identities if term not in named)
    for one in (*meant.properties, *only_identity):
        saved = None if base is None else base.saved.properties.get(one.name, ())
        sides = _one_sides(one, current.properties.get(one.name, ()), saved, base)
        yield msgspec.structs.replace(sides, identity=identities.get(one.name))
    for one in meant.fields:
        if one.name in current.fields:
            # What was not read when it was written is not known to have been empty.
            saved = None if base is None else base.saved.fields.get(one.name)
            sides = _one_sides(one, current.fields[one.name], saved, base)
            yield msgspec.structs.replace(sides, is_field=True, many=one.name in SHARED)


def _one_sides(
    named: Named, present: tuple[Held, ...], saved: tuple[Held, ...] | None, base: Base | None
) -> Sides:
    if base is None or saved is None:
        return Sides(named, present)
    return Sides(
        named=named,
        present=present,
        ours=_ours(present, saved, base.footing.foreign.get(named.name, ())),
        base=base.footing.before_edits(named.name, marks(saved)),
        same_draft=base.same_draft,
        altered=tuple(one for one in base.altered if one.name == named.name),
    )


def _ours(present: tuple[Held, ...], saved: tuple[Held, ...], foreign: tuple[str, ...]) -> frozenset[int]:
    """Indexes of the present values that this service wrote: by mark, else by content alone, else by number,
    though somebody has edited it."""
    written = Counter(marks(saved)) - Counter(foreign)
    found = set()
    for index, mark in enumerate(marks(present)):
        if written[mark]:
            written[mark] -= 1
            found.add(index)
    contents = Counter(content_of_mark(mark) for mark in written.elements())
    for index, held in enumerate(present):
        if index not in found and contents[held.content.digest]:
            contents[held.content.digest] -= 1
            found.add(index)
    numbers = {one.number for one in saved if one.number and written[one.mark]}
    found.update(index for index, held in enumerate(present) if held.number in numbers)
    return frozenset(found)


# --- one name -------------------------------------------------------------------------------------


class Edits(Struct, frozen=True):
    """What somebody changed of a name since this service wrote it, in marks."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class _Outcome(Struct, frozen=True):
    name: str
    is_field: bool
    after: tuple[Placed, ...]
    change: Change | None
    conflict: Conflict | None
    carried: tuple[Difference, ...]
    edits: Edits
    """Of others, and not settled by this."""
    foreign: tuple[str, ...]
    """Marks of the values afterwards that this service did not write."""


def _merge_name(sides: Sides, on_conflict: OnConflict) -> _Outcome:
    proposal = propose(sides)
    found = clash(proposal)
    conflict = None
    if found:
        conflict = Conflict(
            sides.named.name,
            on_conflict,
            tuple(sides.present[index].shown() for index in (*found.removed, *found.changed)),
            tuple(_new(proposal.wishes[number]).shown() for number in found.undone),
            tuple(_new(wish).shown() for wish in sides.named.wishes),
        )
        if on_conflict == "keep":
            keep_edits(proposal, found)
    order = in_order(proposal)
    after = tuple(_placed(proposal, index, wish) for index, wish in order)
    pairs = [
        (sides.present[index], placed.value)
        for (index, _), placed in zip(order, after, strict=True)
        if index is not None and placed.touched
    ]
    changes = proposal.changes_anything
    values = [placed.value for placed in after]
    return _Outcome(
        name=sides.named.name,
        is_field=sides.is_field,
        after=after,
        change=change(sides.named.name, sides.present, values, pairs) if changes else None,
        conflict=conflict,
        carried=tuple(proposal.carried),
        edits=_left_edits(proposal, found if on_conflict == "keep" else Clash(), order, after),
        foreign=tuple(
            sorted(
                placed.value.mark
                for (index, _), placed in zip(order, after, strict=True)
                if index is not None and index not in sides.ours
            )
        ),
    )


def _left_edits(
    proposal: Proposal,
    kept: Clash,
    order: Sequence[tuple[int | None, int | None]],
    after: Sequence[Placed],
) -> Edits:
    """The edits of others that still stand: the record has neither asked for them nor overwritten them."""
    sides = proposal.sides
    if sides.base is None:
        return Edits()
    theirs = Counter(marks(sides.present)) - Counter(sides.base)
    added: list[str] = []
    for (index, wish), placed in zip(order, after, strict=True):
        if index is None or (wish is not None and index not in kept.changed):
            continue
        mark = sides.present[index].mark
        if theirs[mark] and placed.value.mark == mark:
            theirs[mark] -= 1
            added.append(mark)
    if not added and not kept and sides.named.on_update == "replace":
        return Edits()  # it says what there is, and so settles what they took away
    base, present = Counter(sides.base), Counter(marks(sides.present))
    standing = Counter(one.value.mark for one in after)
    # Each that only got another visibility or annotation stands for one of those that are gone as they were.
    there = Counter(map(content_of_mark, standing.elements()))
    there -= Counter(map(content_of_mark, (base & present & standing).elements()))
    there -= Counter(map(content_of_mark, added))
    removed = []
    for mark in (base - present).elements():
        content = content_of_mark(mark)
        if there[content]:
            there[content] -= 1
        else:
            removed.append(mark)
    return Edits(tuple(sorted(added)), tuple(sorted(removed)))


def _placed(proposal: Proposal, index: int | None, number: int | None) -> Placed:
    sides = proposal.sides
    wish = None if number is None else proposal.wishes[number]
    if index is None:
        assert wish is not None, "a value stands there or is wished"
        # Where everything is private, what is new is private too.
        hidden = bool(sides.present) and not any(held.public for held in sides.present)
        return Placed(_new(wish, public=not hidden), touched=True)
    held = sides.present[index]
    if wish is None or index in proposal.settled or satisfied(wish, held):
        return Placed(held)
    public = held.public if wish.public is None else wish.public
    if wish.annotation is None or notes_satisfied(wish.annotation, held.annotation):
        return Placed(msgspec.structs.replace(held, public=public), touched=True)
    annotation = _notes(wish.annotation, dict(held.annotation))
    changed = msgspec.structs.replace(held, public=public, annotation=annotation)
    return Placed(changed, touched=True, annotated=True)


def _new(wish: Wish, *, public: bool = True) -> Held:
    """The value that a wish becomes; `public` where the record leaves that open."""
    return Held(
        content=wish.content,
        public=public if wish.public is None else wish.public,
        annotation=_notes(wish.annotation or (), {}),
        raw=wish.raw,
        display=wish.display,
    )


def _notes(
    wished: tuple[tuple[str, tuple[Wish, ...]], ...], present: Mapping[str, tuple[Held, ...]]
) -> tuple[tuple[str, tuple[Held, ...]], ...]:
    """An annotation as wished; values that it had already keep what the record leaves open."""
    result = []
    for term, wishes in wished:
        free = list(present.get(term, ()))
        values = []
        for wish in wishes:
            twin = next((one for one in free if one.content == wish.content), None)
            if twin is None:
                values.append(_new(wish))
                continue
            free.remove(twin)
            public = twin.public if wish.public is None else wish.public
            values.append(msgspec.structs.replace(twin, public=public))
        if values:
            result.append((term, tuple(values)))
    return tuple(result)


# --- the whole ------------------------------------------------------------------------------------


def _footing(current: Current, base: Base | None, outcomes: Mapping[str, _Outcome]) -> Footing:
    foreign = {name: one.foreign for name, one in outcomes.items() if one.foreign}
    edits = {name: one.edits for name, one in outcomes.items()}
    for name, present in (*current.properties.items(), *current.fields.items()):
        if name not in outcomes:
            ours: frozenset[int] = frozenset()
            if base is not None:
                saved = base.saved.properties.get(name) or base.saved.fields.get(name, ())
                ours = _ours(present, saved, base.footing.foreign.get(name, ()))
            others = tuple(sorted(held.mark for index, held in enumerate(present) if index not in ours))
            if others:
                foreign[name] = others
    if base is not None:
        edits.update(_unmentioned(current, base, outcomes))
    added = {name: one.added for name, one in edits.items() if one.added}
    removed = {name: one.removed for name, one in edits.items() if one.removed}
    return Footing(foreign, added, removed)


def _unmentioned(current: Current, base: Base, outcomes: Mapping[str, _Outcome]) -> dict[str, Edits]:
    """Edits of names that the record does not speak of: what is saved now holds them too."""
    now = {**current.properties, **current.fields}
    then = {**base.saved.properties, **base.saved.fields}
    found = {}
    unread = current.fields.keys() ^ base.saved.fields.keys()
    for name in (now.keys() | then.keys()) - outcomes.keys() - unread:
        before = Counter(base.footing.before_edits(name, marks(then.get(name, ()))))
        present = Counter(marks(now.get(name, ())))
        if before != present:
            added, removed = (present - before).elements(), (before - present).elements()
            found[name] = Edits(tuple(sorted(added)), tuple(sorted(removed)))
    return found


def _stuck_message(current: Current) -> str:
    reasons = " ".join(dict.fromkeys(f"{term}: {reason}" for term, reason in current.stuck))
    return (
        f"{current.kind} {current.id} holds a value that would be lost with any change to it, so it was not "
        f"changed. {reasons}"
    )
