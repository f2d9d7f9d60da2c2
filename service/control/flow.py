"""What follows from the order of instructions: values replaced unseen, destinations that nothing makes.

The instructions are followed along every path: what stands before a condition holds in both its
branches; what only one branch does is not sure behind it, unless the other one ends the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from service.control.document import Node
from service.control.model import (
    AbortRecord,
    AnyDestination,
    AssertDestination,
    Assign,
    Collected,
    Delete,
    Destination,
    ElementTexts,
    FieldName,
    ForEach,
    IfExists,
    IfHasValue,
    IfValueOneOf,
    Instruction,
    Load,
    LoadKey,
    LogError,
    Name,
    New,
    PseudoValue,
    RemoveValues,
    Skip,
    Version,
    Within,
)
from service.control.names import field_doc
from service.control.problems import Problems, quoted

_Key = tuple[str, Name]


@dataclass(slots=True)
class _State:
    """What is known at one place of the list."""

    made: set[str] = field(default_factory=set)
    """Labels of destinations that may have a current resource."""
    given: dict[_Key, str] = field(default_factory=dict)
    """Names that certainly have values → the pointer of what gave them."""
    fresh: set[str] | None = None
    """Within a for-each: labels that the current turn makes anew. None: not within one."""
    ended: bool = False
    """The record was ended (skip, abort-record) on this path."""

    def copy(self) -> _State:
        return _State(
            set(self.made), dict(self.given), None if self.fresh is None else set(self.fresh), self.ended
        )


def check_flow(
    instructions: tuple[Instruction, ...],
    root: Node,
    version: Version,
    problems: Problems,
    *,
    made_elsewhere: bool = False,
) -> None:
    """`made_elsewhere`: a record processor makes destinations too, so that none can be missed here."""
    walker = _Walker(root, version, problems, made_elsewhere)
    walker.run(instructions, _State())
    walker.check_collected()


class _Walker:
    def __init__(self, root: Node, version: Version, problems: Problems, made_elsewhere: bool) -> None:
        self.root = root
        self.version = version
        self.problems = problems
        self.made_elsewhere = made_elsewhere
        self.missed: set[str] = set()
        self.collected: dict[str, str] = {}
        self.taken: dict[str, str] = {}

    def run(self, instructions: Iterable[Instruction], state: _State) -> None:
        for instruction in instructions:
            self._step(instruction, state)

    def _step(self, instruction: Instruction, state: _State) -> None:
        match instruction:
            case Assign():
                self._assign(instruction, state)
            case ElementTexts(destination=destination, pointer=pointer):
                self._needs(destination, pointer, state)
            case RemoveValues(destination, name, _, pointer):
                self._needs(destination, pointer, state)
                state.given.pop((destination.label, name), None)
            case IfExists() | IfValueOneOf() | IfHasValue():
                self._condition(instruction, state)
            case Within():
                self.run(instruction.instructions, state)
            case ForEach():
                self._loop(instruction, state)
            case New() | Load():
                self._resource(instruction, state)
            case Delete(destination, _, pointer):
                self._needs(destination, pointer, state)
            case Skip() | AbortRecord():
                state.ended = True
            case AssertDestination() | LogError():
                pass

    # --- values ---------------------------------------------------------------------------------

    def _assign(self, one: Assign, state: _State) -> None:
        self._needs(one.destination, one.pointer, state)
        if isinstance(one.value.input, Collected):
            self._take(one.value.input.pseudo, one.pointer, state)
        if not isinstance(one.destination, Destination):
            self.collected.setdefault(one.destination.label, one.pointer)
        key = (one.destination.label, one.name)
        if not one.multivalue:
            self._single(one, key, state)
        state.given[key] = one.pointer

    def _single(self, one: Assign, key: _Key, state: _State) -> None:
        """A value that takes the place of the one before."""
        node = self.root.find(one.pointer)
        earlier = state.given.get(key)
        if earlier is not None and self.version == 1:
            self.problems.sentence(
                "replaces", node, f"replaces what {earlier} sets in {one.name}. {self._remedy(one)}"
            )
        elif (
            state.fresh is not None and isinstance(one.destination, Destination) and key[0] not in state.fresh
        ):
            said = f"replaces in each turn of the for-each what the turn before set in {one.name}."
            said += f" {self._remedy(one)}"
            self.problems.sentence("for-each-replaces", node, said)

    def _remedy(self, one: Assign) -> str:
        if isinstance(one.destination, Destination) and _many(one.destination, one.name):
            return 'Add "multivalue": true.'
        return f"{one.name} holds one value: keep one of them, or put each into a branch of a condition."

    def _take(self, pseudo: PseudoValue | LoadKey, pointer: str, state: _State) -> None:
        self.taken.setdefault(pseudo.label, pointer)
        for key in [key for key in state.given if key[0] == pseudo.label]:
            del state.given[key]

    # --- branches -------------------------------------------------------------------------------

    def _condition(self, one: IfExists | IfValueOneOf | IfHasValue, state: _State) -> None:
        then, orelse = state.copy(), state.copy()
        if isinstance(one, IfHasValue):
            orelse.given.pop((one.destination.label, one.name), None)
        self.run(one.then, then)
        self.run(one.orelse, orelse)
        _join(state, then, orelse)

    def _loop(self, one: ForEach, state: _State) -> None:
        turn = state.copy()
        turn.fresh = set()
        self.run(one.instructions, turn)
        state.made |= turn.made
        state.given = {key: pointer for key, pointer in state.given.items() if turn.given.get(key) == pointer}

    # --- resources ------------------------------------------------------------------------------

    def _resource(self, one: New | Load, state: _State) -> None:
        label = one.destination.label
        if one.destination.kind in ("media", "geolocation") and isinstance(one, New):
            self._needs_item(one, state)
        before = state.copy()
        for key in [key for key in state.given if key[0] == label]:
            del state.given[key]
        state.made.add(label)
        if state.fresh is not None:
            state.fresh.add(label)
        if isinstance(one, New):
            self.run(one.set, state)
            return
        if one.using is not None:
            self._take(one.using, one.pointer, state)
        if one.otherwise is not None:
            self.run(one.otherwise, before)
            _join(state, state.copy(), before)

    def _needs_item(self, one: New, state: _State) -> None:
        if self.made_elsewhere or any(made == "item" or made.startswith("item:") for made in state.made):
            return
        kind = one.destination.kind
        said = f'a "{kind}" belongs to the current item, and no "new" or "load" of one comes before.'
        self.problems.error("no-destination", self.root.find(one.pointer), said)

    def _needs(self, where: AnyDestination, pointer: str, state: _State) -> None:
        if not isinstance(where, Destination) or self.made_elsewhere:
            return
        if where.label in state.made or where.label in self.missed:
            return
        self.missed.add(where.label)
        said = f'no "new" or "load" of {quoted(where.label)} comes before this.'
        if state.made:
            said += f" So far there is: {', '.join(sorted(state.made))}."
        self.problems.error("no-destination", self.root.find(pointer), said)

    def check_collected(self) -> None:
        """Pseudo-destinations that are filled and never taken, or taken and never filled."""
        for label, pointer in self.collected.items():
            if label not in self.taken:
                how = '"using" of a "load"' if label.startswith("load:") else 'a "field-structured"'
                said = f"{quoted(label)} is filled but never taken; {how} takes it."
                self.problems.error("unused", self.root.find(pointer), said)
        for label, pointer in self.taken.items():
            if label not in self.collected:
                said = f"nothing fills {quoted(label)}; let a field have it as its destination."
                self.problems.error("no-destination", self.root.find(pointer), said)


def _many(where: Destination, name: Name) -> bool:
    return field_doc(where, name).many if isinstance(name, FieldName) else True


def _join(state: _State, one: _State, other: _State) -> None:
    """What is sure behind two branches."""
    if one.ended and other.ended:
        state.ended = True
    sure, unsure = (other, one) if one.ended else (one, other)
    given = (
        sure.given if unsure.ended else {key: sure.given[key] for key in sure.given if key in unsure.given}
    )
    state.given = dict(given)
    state.made = sure.made | unsure.made
    if sure.fresh is not None and unsure.fresh is not None:
        state.fresh = sure.fresh | unsure.fresh
