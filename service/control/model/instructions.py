"""Instructions, and the identity of what they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from service.control.model.names import (
    AnyDestination,
    Destination,
    FieldName,
    FieldWord,
    Json,
    LoadKey,
    Name,
    Of,
    OnError,
    OnUpdate,
    Property,
)
from service.control.model.values import Filter, Selector, Split, Text, ValueSpec

# --- instructions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """Gives values to a name: `field`, `set-value`, `field-structured`, an entry of `fields`, of `set`.

    `multivalue`: append to what this record gave the name already; else replace that.
    `on_update`: what becomes of the values that the resource has in Omeka, unless a `remove-values`
    of this name came first in the record: that means `replace`. In version 0, `append` with `multivalue`.
    """

    destination: AnyDestination
    name: Name
    value: ValueSpec
    multivalue: bool = False
    on_update: OnUpdate = "replace"
    of: Of = "all"
    on_error: OnError | None = None
    """Own or of the enclosing instruction; None: the file's, else the control's."""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class ElementTexts:
    """Gives the texts of an Omeka Classic, `{set: {element: [{"text", "html"}]}}`, to the elements of the
    same names. It speaks for all elements of the resource: where the record has no text any more, what this
    service wrote is taken off.
    """

    destination: Destination
    input: Selector
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class RemoveValues:
    """Forgets what the record gave the name, and removes what a loaded resource has there."""

    destination: AnyDestination
    name: Name
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class IfExists:
    """By `source`: the key is there (whatever its value). By `expression`: the outcome is not null."""

    input: Selector
    then: tuple[Instruction, ...] = ()
    orelse: tuple[Instruction, ...] = ()
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class IfValueOneOf:
    """The value is there and equal, type included, to one of `values`."""

    input: Selector
    values: tuple[Json, ...]
    then: tuple[Instruction, ...] = ()
    orelse: tuple[Instruction, ...] = ()
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class IfHasValue:
    """The record has given the destination a value of that name so far."""

    destination: AnyDestination
    name: Name
    then: tuple[Instruction, ...] = ()
    orelse: tuple[Instruction, ...] = ()
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Within:
    """Runs `instructions` with a nested object as context; nothing there: nothing is run."""

    input: Selector
    instructions: tuple[Instruction, ...]
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class ForEach:
    """Runs `instructions` once an element; an object is a list of one.

    `wrap_values`: each element becomes `{"value": element}`. `split` makes parallel columns of the
    current context one object a turn: column → how it is cut; `input` is None then, and columns of
    different length are an error that says so.
    """

    input: Selector | None
    instructions: tuple[Instruction, ...]
    wrap_values: bool = False
    split: tuple[tuple[str, Split], ...] = ()
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class New:
    """A resource; with a `match`, create or update. `set` are its constants."""

    destination: Destination
    match: Match | None = None
    set: tuple[Assign, ...] = ()
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """An existing resource: by what `using` collected, else by `match` (never both None).

    `otherwise` is run when there is none; None: the record is rejected.
    """

    destination: Destination
    using: LoadKey | None = None
    match: Match | None = None
    otherwise: tuple[Instruction, ...] | None = None
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes the loaded resource, after everything else of its record."""

    destination: Destination
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Leaves this record out by rule; that is no error."""

    message: Text
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class AssertDestination:
    """Rejects the record unless the destination has (`exists`) or has not a current resource."""

    destination: Destination
    exists: bool
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class AbortRecord:
    """Rejects the record with this message."""

    message: Text
    on_error: OnError | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class LogError:
    """Logs this message and goes on; nothing else happens to the record."""

    message: Text
    on_error: OnError | None = None
    pointer: str = ""


Instruction: TypeAlias = (
    "Assign | ElementTexts | RemoveValues | IfExists | IfValueOneOf | IfHasValue | Within | ForEach | New"
    " | Load | Delete | Skip | AssertDestination | AbortRecord | LogError"
)


# --- identity -------------------------------------------------------------------------------------

NotFound = Literal["create", "skip", "reject"]
Found = Literal["update", "skip", "reject"]
Gone = Literal["skip", "create", "reject"]
Duplicates = Literal["reject", "merge"]
Absent = Literal["keep", "unpublish", "delete"]


@dataclass(frozen=True, slots=True)
class Match:
    """How a resource of a destination is known again.

    `inputs` are read from the context where `new` or `load` stands and pass `filters`: one for each
    of `by` when all of them count together, exactly one when they are alternatives (`any_of`), none
    when the identity is the values that the record gives to `by` (`by` is never empty). A single
    input may yield as many values as `by` has names (an expression that gives a list).
    """

    destination: Destination
    by: tuple[Property | FieldName, ...]
    """Properties of a resource; of what is none (a site, a user …) names."""
    any_of: bool = False
    inputs: tuple[Selector, ...] = ()
    filters: tuple[Filter, ...] = ()
    scope: str = ""
    where: tuple[tuple[FieldWord, str | int], ...] = ()
    not_found: NotFound | None = None
    """None: unsaid. A `new` creates, a `load` runs its `otherwise` or rejects."""
    found: Found = "update"
    gone: Gone = "skip"
    duplicates: Duplicates = "reject"
    absent: Absent = "keep"
    pointer: str = ""
