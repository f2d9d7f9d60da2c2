"""What the values of a draft link to, and what the draft becomes once that is settled.

Pure. A link is settled when it is known to which number it leads, which entry of the plan will create its
resource, or that it leads nowhere: then its `otherwise` stands in for it, or its `on_error` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec
from msgspec import Struct

from service.control.model import Control, MappedReference
from service.control.model import Link as LinkSpec
from service.control.walk import parts
from worker.records import KINDS, Draft, Kind, Link, Problem, Property, Severity, Sought, Value
from worker.targets.base import LinkTarget


class Nowhere(Struct, frozen=True):
    """Why a link leads nowhere, for a person."""

    code: str
    message: str


LATER = Nowhere("link-later", "A later record may still bring it.")
"""In the first pass over the records: not in the target, and not known yet whether in this batch."""

Resolution: TypeAlias = "Mapping[Sought, LinkTarget | Nowhere]"
"""Numbers below zero stand for what the entry of that `seq` is still to create."""


def links_of(draft: Draft) -> tuple[Sought, ...]:
    """Everything that the values of a draft link to, each once, in the order in which it is met; what stands
    in for links and stands in annotations included."""
    return tuple(dict.fromkeys(_sought_of(draft.properties)))


def has_links(draft: Draft) -> bool:
    """Whether it may link to anything. Asked of every draft, so without a detour: notes about a value count
    as links here."""
    for part in draft.properties:
        for value in part.values:
            if value.link is not None or value.annotation:
                return True
    return False


def _sought_of(properties: Iterable[Property]) -> Iterator[Sought]:
    for part in properties:
        for value in part.values:
            yield from _of_value(value)


def _of_value(value: Value) -> Iterator[Sought]:
    if value.link is not None:
        yield value.link.sought
        for other in value.link.otherwise or ():
            yield from _of_value(other)
    if value.annotation:
        yield from _sought_of(value.annotation)


def without(draft: Draft, later: Collection[Sought]) -> Draft:
    """The draft without the values that link to these: they are written when the others exist."""
    if not later:
        return draft
    properties = tuple(_without(part, later) for part in draft.properties)
    return msgspec.structs.replace(draft, properties=properties)


def _without(part: Property, later: Collection[Sought]) -> Property:
    values = (value for value in part.values if value.link is None or value.link.sought not in later)
    return msgspec.structs.replace(
        part,
        values=tuple(
            msgspec.structs.replace(
                value, annotation=tuple(_without(note, later) for note in value.annotation)
            )
            if value.annotation
            else value
            for value in values
        ),
    )


class Settled(Struct, frozen=True, gc=False):
    """A draft of which every link that is left leads somewhere."""

    draft: Draft
    problems: tuple[Problem, ...] = ()
    numbers: tuple[int, ...] = ()
    """What its links lead to, ascending; below zero: what is still to be created."""

    @property
    def linked(self) -> str:
        """`numbers` as the ledger keeps them."""
        return " ".join(map(str, self.numbers))


def settle(draft: Draft, resolution: Resolution) -> Settled:
    """The draft with what its links have become. A link that leads nowhere gives a warning where something
    stands in for it or it may be left out, else a rejection (or a `stop`)."""
    if not resolution or not has_links(draft):
        return Settled(draft)
    problems: list[Problem] = []
    numbers: set[int] = set()
    properties = tuple(
        msgspec.structs.replace(
            part, values=tuple(_settle_all(part, part.values, resolution, problems, numbers))
        )
        for part in draft.properties
    )
    kept = tuple(
        after
        for before, after in zip(draft.properties, properties, strict=True)
        # A property of which nothing is left says nothing: what stands in the target stays.
        if after.values or not before.values
    )
    return Settled(msgspec.structs.replace(draft, properties=kept), tuple(problems), tuple(sorted(numbers)))


def _settle_all(
    part: Property,
    values: Iterable[Value],
    resolution: Resolution,
    problems: list[Problem],
    numbers: set[int],
) -> Iterator[Value]:
    for value in values:
        if value.annotation:
            notes = tuple(
                msgspec.structs.replace(
                    note, values=tuple(_settle_all(note, note.values, resolution, problems, numbers))
                )
                for note in value.annotation
            )
            value = msgspec.structs.replace(value, annotation=notes)
        if value.link is None:
            yield value
            continue
        found = resolution[value.link.sought]
        if isinstance(found, LinkTarget):
            numbers.add(found.id)
            yield value
            continue
        yield from _instead(part, value.link, found, resolution, problems, numbers)


def _instead(
    part: Property,
    link: Link,
    why: Nowhere,
    resolution: Resolution,
    problems: list[Problem],
    numbers: set[int],
) -> Iterator[Value]:
    pointer, shown = link.pointer or part.pointer, " + ".join(link.identity)
    if link.otherwise is not None:
        text = f"{part.term}: {why.message} What `otherwise` says was used."
        problems.append(Problem("warning", "otherwise-used", text, pointer, shown))
        yield from _settle_all(part, link.otherwise, resolution, problems, numbers)
        return
    match link.on_error:
        case "drop":
            text = f"{part.term}: {why.message} The value was left out."
            problems.append(Problem("warning", why.code, text, pointer, shown))
        case "reject" | "stop":
            severity: Severity = "reject" if link.on_error == "reject" else "stop"
            problems.append(Problem(severity, why.code, f"{part.term}: {why.message}", pointer, shown))


def properties_sought(control: Control) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    """(kind, property) of everything by which links of this control file look for resources."""
    for part in parts(control):
        match part:
            case LinkSpec(to=to, by=by) if by and to.kind in KINDS:
                yield KINDS[to.kind], tuple(map(str, by))
            case MappedReference(table=table) if table.using in ("title", "identifier"):
                kinds = (KINDS[one] for one in table.types if one in KINDS)
                kind: Kind = next(kinds, "item")
                yield kind, (f"dcterms:{table.using}",)


def not_found(wanted: Sought) -> Nowhere:
    what = wanted.kind or "resource"
    if wanted.number is not None:
        return Nowhere("link-unknown", f"There is no {what} {wanted.number} in the target.")
    by = " + ".join(wanted.identity.by)
    return Nowhere(
        "link-unknown",
        f"There is no {what} with {by} “{wanted.identity.shown}”, neither in this batch nor in the target.",
    )


def ambiguous(wanted: Sought, ids: Iterable[int]) -> Nowhere:
    several = ", ".join(map(str, ids))
    return Nowhere(
        "link-ambiguous",
        f"{' + '.join(wanted.identity.by)} “{wanted.identity.shown}” is borne by several resources in the "
        f"target: {several}. Nothing was chosen.",
    )


def refused(wanted: Sought) -> Nowhere:
    """The resource was to be created by this run, and the target did not take it."""
    return Nowhere(
        "link-refused",
        f"The {wanted.kind or 'resource'} with {' + '.join(wanted.identity.by)} “{wanted.identity.shown}” "
        "was to be written by this import and was refused.",
    )
