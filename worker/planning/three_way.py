"""One name of one resource: what the record means, what stands there, what stood there when we last wrote.

Values count as a multiset: their order alone is no difference. What comes out is a proposal, from
which `merge` makes the after-state.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Sequence
from typing import assert_never

from msgspec import Struct

from worker.planning.values import (
    NOTHING,
    Content,
    Held,
    IdentityWish,
    Named,
    Wish,
    content_of_mark,
    marks,
    satisfied,
)
from worker.targets.base import Difference


class Sides(Struct, frozen=True):
    """Everything that is known about one name."""

    named: Named
    present: tuple[Held, ...]
    ours: frozenset[int] = frozenset()
    """Indexes in `present` of what this service wrote."""
    base: tuple[str, ...] | None = None
    """Marks of the values when this service wrote the resource last; None: it never did."""
    same_draft: bool = False
    altered: tuple[Difference, ...] = ()
    identity: IdentityWish | None = None
    """What the resource shall bear in this property, if it is one that it is known by."""
    is_field: bool = False
    many: bool = True
    """Whether the name can hold several values."""


class Proposal:
    """Which values stay, go and come. Values and wishes go by their index in `sides.present` and `wishes`."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        identity = () if sides.identity is None else (sides.identity.wish,)
        self.wishes = (*sides.named.wishes, *identity)
        self.stays: dict[int, int | None] = {}
        """Present value → the wish that it fulfils, if any."""
        self.scope: set[int] = set()
        """The present values that the record may replace."""
        self.adds: list[int] = []
        """The wishes that no present value fulfils."""
        self.settled: set[int] = set()
        """Present values that stay exactly as they are, though a wish for them differs."""
        self.carried: list[Difference] = []
        """Alterations of the target that were reported before and still stand."""

    @property
    def removed(self) -> list[int]:
        return [index for index in range(len(self.sides.present)) if index not in self.stays]

    @property
    def changed(self) -> list[int]:
        """Present values that stay with another visibility or annotation."""
        return [
            index
            for index, wish in self.stays.items()
            if wish is not None
            and index not in self.settled
            and not satisfied(self.wishes[wish], self.sides.present[index])
        ]

    @property
    def changes_anything(self) -> bool:
        return bool(self.adds or len(self.stays) < len(self.sides.present) or self.changed)


class Clash(Struct, frozen=True):
    """What a proposal would do to edits that somebody made since this service wrote."""

    removed: tuple[int, ...] = ()
    """Present values of theirs that would go."""
    changed: tuple[int, ...] = ()
    """Present values of theirs that would change."""
    undone: tuple[int, ...] = ()
    """Wishes that would bring back what they removed."""
    replaced: int = 0
    """Values of ours that both sides gave up: an edit of theirs stands for as many wishes of ours."""

    def __bool__(self) -> bool:
        return bool(self.removed or self.changed or self.undone)


def propose(sides: Sides) -> Proposal:
    """What becomes of the name if the record is right."""
    proposal = Proposal(sides)
    if sides.same_draft and sides.base is not None and Counter(sides.base) == Counter(marks(sides.present)):
        # What stands here is what the target made of this very record: it was reported then.
        proposal.stays = dict.fromkeys(range(len(sides.present)))
        proposal.carried = list(sides.altered)
        return proposal
    match sides.named.on_update:
        case "remove":
            _remove(proposal)
        case "keep":
            _add(proposal, only_if_empty=True)
        case "append":
            _add(proposal, only_if_empty=not sides.many)
        case "replace" if sides.identity is not None and sides.named.of != "ours":
            # The identity is added, and never replaces other values of its property than ours.
            _add(proposal, only_if_empty=False)
        case "replace":
            _replace(proposal)
        case _:
            assert_never(sides.named.on_update)
    _add_identity(proposal)
    return proposal


def _remove(proposal: Proposal) -> None:
    unwanted: defaultdict[Content, list[Wish]] = defaultdict(list)
    for wish in proposal.sides.named.wishes:
        unwanted[wish.content].append(wish)
    for index, held in enumerate(proposal.sides.present):
        named = any(satisfied(wish, held) for wish in unwanted[held.content])
        if not named or _bears(held.content, proposal.sides):
            proposal.stays[index] = None


def _add(proposal: Proposal, *, only_if_empty: bool) -> None:
    sides = proposal.sides
    everything = range(len(sides.present))
    proposal.stays = dict.fromkeys(everything)
    if not (only_if_empty and sides.present):
        left = _settle_altered(proposal, everything)
        proposal.adds = _match(proposal, left, [[one for one in everything if one not in proposal.settled]])


def _add_identity(proposal: Proposal) -> None:
    """Whatever becomes of the property: the resource goes on being known, by the identity in some form."""
    sides = proposal.sides
    contents = [sides.present[index].content for index in proposal.stays]
    contents += [proposal.wishes[number].content for number in proposal.adds]
    if sides.identity is not None and not any(_bears(content, sides) for content in contents):
        proposal.adds.append(len(proposal.wishes) - 1)


def _replace(proposal: Proposal) -> None:
    sides = proposal.sides
    everything = range(len(sides.present))
    proposal.scope = {index for index in everything if _in_scope(index, sides)}
    outside = [index for index in everything if index not in proposal.scope]
    proposal.stays = dict.fromkeys(outside)
    left = _settle_altered(proposal, proposal.scope)
    within = sorted(proposal.scope - proposal.stays.keys())
    # Values of others count too: what stands there already is not written a second time.
    proposal.adds = _match(proposal, left, [within, outside])
    if not any(_bears(sides.present[index].content, sides) for index in proposal.stays):
        # The identity stays in whatever form it is borne.
        proposal.stays.update(
            (index, None) for index in within if _bears(sides.present[index].content, sides)
        )
    if not sides.many and outside:
        # Another's value fills the only place.
        proposal.adds = []


def _in_scope(index: int, sides: Sides) -> bool:
    content, wishes = sides.present[index].content, sides.named.wishes
    match sides.named.of:
        case "all":
            return True
        case "language":
            return any(wish.content.language == content.language for wish in wishes)
        case "type":
            return any(wish.content.type == content.type for wish in wishes)
        case "ours":
            return index in sides.ours
        case _:
            assert_never(sides.named.of)


def _match(proposal: Proposal, wishes: Sequence[int], candidates: Sequence[Iterable[int]]) -> list[int]:
    """Give each wish a present value of its content; what comes first in `candidates` is taken first.

    A value that needs no change is preferred, and the wishes that name most choose first. Answers the
    wishes for which there is none.
    """
    sides = proposal.sides
    free: defaultdict[Content, list[int]] = defaultdict(list)
    for group in candidates:
        for index in group:
            free[sides.present[index].content].append(index)
    left = []
    for number in sorted(wishes, key=lambda one: _vague(proposal.wishes[one])):
        wish = proposal.wishes[number]
        exact = next((one for one in free[wish.content] if satisfied(wish, sides.present[one])), None)
        if exact is not None:
            free[wish.content].remove(exact)
            proposal.stays[exact] = number
        else:
            left.append(number)
    missing = []
    for number in sorted(left):
        wish = proposal.wishes[number]
        if free[wish.content]:
            proposal.stays[free[wish.content].pop(0)] = number
        elif not _is_borne(wish, sides):
            missing.append(number)
    return missing


def _vague(wish: Wish) -> int:
    """How much of a value the record leaves open."""
    return (wish.public is None) + (wish.annotation is None)


def _bears(content: Content, sides: Sides) -> bool:
    return sides.identity is not None and content.bears(sides.identity.identifier)


def _is_borne(wish: Wish, sides: Sides) -> bool:
    """Whether the wish is the identity, and the resource bears that already in another form (as a URI)."""
    return _bears(wish.content, sides) and any(_bears(held.content, sides) for held in sides.present)


def _settle_altered(proposal: Proposal, among: Collection[int]) -> list[int]:
    """Leave alone what the target altered when it saved this very record: it would do so again.

    Only values of `among` that stand as the target saved them then. Answers the other wishes.
    """
    sides = proposal.sides
    left = list(range(len(sides.named.wishes)))
    if not sides.same_draft:
        return left
    base = set(sides.base or ())
    free = [index for index in sorted(among) if sides.present[index].mark in base]
    for difference in sides.altered:
        wish, held = None, None
        if difference.meant != NOTHING:
            wish = next((one for one in left if proposal.wishes[one].shown_as(difference.meant)), None)
            if wish is None:
                continue
        if difference.saved != NOTHING:
            held = next((one for one in free if sides.present[one].shown() == difference.saved), None)
            if held is None:
                continue
            free.remove(held)
            proposal.stays[held] = wish
            proposal.settled.add(held)
        if wish is not None:
            left.remove(wish)
        proposal.carried.append(difference)
    return left


# --- conflicts ------------------------------------------------------------------------------------


def clash(proposal: Proposal) -> Clash:
    """Which edits of somebody since our last write the proposal would overwrite.

    Of equal values it cannot be told which are whose: where they added or removed one, all are theirs.
    """
    sides = proposal.sides
    if sides.base is None:
        return Clash()
    base = Counter(map(content_of_mark, sides.base))
    digests = [held.content.digest for held in sides.present]
    present = Counter(digests)
    states = marks(sides.present)
    edited = set(Counter(states) - Counter(sides.base))
    added = set(present - base)
    removed = [index for index in proposal.removed if states[index] in edited or digests[index] in added]
    wished = {number: proposal.wishes[number].content.digest for number in proposal.adds}
    undone = [
        number
        for number, digest in wished.items()
        # The identity comes back in any case: without it the resource would be lost to later imports.
        if base[digest] > present[digest] and not _bears(proposal.wishes[number].content, sides)
    ]
    after = Counter(digests[index] for index in proposal.stays) + Counter(wished.values())
    given_up = sum(max(0, base[one] - max(present[one], after[one])) for one in base)
    of_ours = sum(digests[index] not in added for index in removed)
    changed = [index for index in proposal.changed if states[index] in edited]
    return Clash(tuple(removed), tuple(changed), tuple(undone), given_up + of_ours)


def keep_edits(proposal: Proposal, found: Clash) -> None:
    """Take out of the proposal what would overwrite somebody's edits; the rest of it stands."""
    sides = proposal.sides
    adds = [number for number in proposal.adds if number not in found.undone]
    for index in found.removed[: found.replaced]:
        # They changed the value that we would have changed too: theirs stands for ours.
        # Never the identity, though: without it the resource would be lost to later imports.
        ours = (one for one in adds if not _bears(proposal.wishes[one].content, sides))
        twin = max(ours, key=lambda one: _likeness(proposal.wishes[one], sides.present[index]), default=None)
        if twin is not None:
            adds.remove(twin)
    proposal.stays.update(dict.fromkeys(found.removed))
    proposal.settled.update(found.changed)
    proposal.adds = adds if sides.many or not found.removed else []


def _likeness(wish: Wish, held: Held) -> tuple[bool, bool]:
    return wish.content.language == held.content.language, wish.content.type == held.content.type


# --- the outcome ----------------------------------------------------------------------------------


def in_order(proposal: Proposal) -> list[tuple[int | None, int | None]]:
    """The after-state as (present value, wish), at least one of the two.

    Values that the record may replace come in its order, in their places; what is beside its scope
    stays where it is; what is more comes last.
    """
    moving = {
        wish: index for index, wish in proposal.stays.items() if wish is not None and index in proposal.scope
    }
    coming = moving.keys() | set(proposal.adds)
    queue: deque[tuple[int | None, int | None]] = deque(
        (moving.get(number), number) for number in sorted(coming)
    )
    result: list[tuple[int | None, int | None]] = []
    for index in range(len(proposal.sides.present)):
        wish = proposal.stays.get(index)
        if index in proposal.stays and (wish is None or index not in proposal.scope):
            result.append((index, wish))
        elif index in proposal.scope and queue:
            result.append(queue.popleft())
    return [*result, *queue]
