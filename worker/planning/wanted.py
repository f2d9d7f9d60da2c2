"""What a control file looks for in the target: by `match`, by `load`, by links. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from service.control.model import Control, FieldWord, Load, MappedReference, Match
from service.control.model import Link as LinkSpec
from service.control.walk import parts
from worker.records import KINDS, Kind

Where: TypeAlias = tuple[tuple[FieldWord, str | int], ...]


class Wanted(Struct, frozen=True, order=True):
    """Resources that are recognised by an identity: among all of a kind, or among what `where` names."""

    kind: Kind
    scope: str
    by: tuple[str, ...]
    where: Where = ()
    lookup: bool = False
    """By loads and links: these find what other records wrote, so it too must be looked at."""


def wanted(control: Control) -> list[Wanted]:
    """Each once, in a fixed order. Alternatives are looked for one by one. What one place looks for among
    everything is looked for among everything."""
    found: defaultdict[tuple[Kind, str, tuple[str, ...]], dict[Where, bool]] = defaultdict(dict)
    for one in _all(control):
        by_where = found[one.kind, one.scope, one.by]
        by_where[one.where] = one.lookup or by_where.get(one.where, False)
    result: list[Wanted] = []
    for (kind, scope, by), by_where in found.items():
        lookup = any(by_where.values())
        narrowed = [()] if () in by_where else list(by_where)
        result.extend(Wanted(kind, scope, by, where, lookup) for where in narrowed)
    return sorted(result, key=lambda one: (one.kind, one.by, one.scope, str(one.where)))


def kinds_in_use(control: Control) -> frozenset[Kind]:
    """The kinds of which it must be known what exists before anything is planned."""
    by_number = {
        KINDS[load.destination.kind]
        for load in _loads(control)
        if load.using is not None and load.using.by is None and load.destination.kind in KINDS
    }
    linked_by_number = {
        KINDS[part.to.kind]
        for part in parts(control)
        if isinstance(part, LinkSpec) and part.by_number and part.to.kind in KINDS
    }
    return frozenset({one.kind for one in wanted(control)} | by_number | linked_by_number)


def _all(control: Control) -> Iterator[Wanted]:
    for match in control.match.values():
        if match.destination.kind in KINDS:
            for by in _each(match.by, any_of=match.any_of):
                yield Wanted(KINDS[match.destination.kind], match.scope, by, match.where)
    for load in _loads(control):
        if load.destination.kind not in KINDS:
            continue
        kind = KINDS[load.destination.kind]
        if load.using is not None and load.using.by is not None:
            yield Wanted(kind, "", (str(load.using.by),), lookup=True)
        elif load.match is not None:
            for by in _each(load.match.by, any_of=load.match.any_of):
                yield Wanted(kind, load.match.scope, by, load.match.where, lookup=True)
    for part in parts(control):
        match part:
            case LinkSpec(to=to, by=names) if names and to.kind in KINDS:
                where = _where_of(control.match, part)
                for by in _each(names, any_of=part.any_of):
                    yield Wanted(KINDS[to.kind], part.scope, by, where, lookup=True)
            case MappedReference(table=table) if table.using in ("title", "identifier"):
                kind = next((KINDS[one] for one in table.types if one in KINDS), "item")
                yield Wanted(kind, "", (f"dcterms:{table.using}",), lookup=True)


def _each(by: tuple[object, ...], *, any_of: bool) -> list[tuple[str, ...]]:
    names = tuple(map(str, by))
    return [(name,) for name in names] if any_of else [names]


def _where_of(matches: Mapping[str, Match], link: LinkSpec) -> Where:
    """A link that finds by the `match` of its destination looks where that does."""
    match = matches.get(link.to.label)
    same = match is not None and (match.by, match.any_of, match.scope) == (link.by, link.any_of, link.scope)
    return match.where if match is not None and same else ()


def _loads(control: Control) -> list[Load]:
    return [part for part in parts(control) if isinstance(part, Load)]
