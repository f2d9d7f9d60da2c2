"""Reading what is no resource: there are tens or hundreds of a kind, so a listing is all of them, whole.

A vocabulary's representation does not hold its members (`vocabulary-create`): they are listed beside it, and
put into it, so that what is compared, kept and stamped is the whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from worker.records import RESOURCES, Json, Kind
from worker.targets.base import Saved
from worker.targets.omeka_s.client import OmekaClient, Query, saved_of
from worker.targets.omeka_s.representation import PATHS, reference_ids

_MEMBERS = {"o:property": "properties", "o:class": "resource_classes"}
_OF_MEMBER = ("o:id", "o:local_name", "o:label", "o:comment")
CLAUSES = 15
"""Properties that one search asks for: each is a join of the database, which takes 61."""


async def everything(client: OmekaClient, kind: Kind) -> dict[int, Saved]:
    """All there are, by number. Raises as reads do."""
    entries: Sequence[Mapping[str, Json]] = await client.all(PATHS[kind])
    if kind == "vocabulary":
        members = {key: _by_vocabulary(await client.all(path)) for key, path in _MEMBERS.items()}
        entries = [
            {**entry, **{key: found.get(_number(entry), []) for key, found in members.items()}}
            for entry in entries
        ]
    return {one.id: one for one in (saved_of(entry, kind) for entry in entries)}


async def by_ids(client: OmekaClient, kind: Kind, ids: Sequence[int]) -> list[Saved]:
    """Those with these numbers, in the order of `ids`."""
    if not ids:
        return []
    found = await everything(client, kind)
    return [found[number] for number in dict.fromkeys(ids) if number in found]


async def completed(client: OmekaClient, saved: Saved) -> Saved:
    """What a write was answered with, as a listing would show it. Raises as reads do."""
    if saved.kind != "vocabulary":
        return saved
    body = dict(saved.body)
    for key, path in _MEMBERS.items():
        of_this: Query = (("vocabulary_id", saved.id),)
        body[key] = _by_vocabulary(await client.all(path, of_this)).get(saved.id, [])
    return saved_of(body, saved.kind)


def _by_vocabulary(entries: Iterable[Mapping[str, Json]]) -> dict[int, list[Json]]:
    found: defaultdict[int, list[Json]] = defaultdict(list)
    for entry in entries:
        for number in reference_ids(entry.get("o:vocabulary")):
            found[number].append({key: entry.get(key) for key in _OF_MEMBER})
    return found


def _number(entry: Mapping[str, Json]) -> int:
    number = entry.get("o:id")
    return number if isinstance(number, int) else 0


# --- what uses it ---------------------------------------------------------------------------------


async def in_use(client: OmekaClient, saved: Saved) -> str | None:
    """What would be lost with it, were it deleted; None: nothing. Raises as reads do."""
    if saved.kind == "site" and len(pages := reference_ids(saved.body.get("o:page"))) > 1:
        return f"It has {len(pages)} pages, of which Omeka made one with it: the others would go with it."
    for query, what in _searches(saved):
        for kind in RESOURCES:
            found, total = await client.scalars(PATHS[kind], "id", size=1, only=query)
            if total:
                count = f"{total}, such as {kind} {next(iter(found), '')}"
                return f"There are {_PLURAL[kind]} that {what} ({count}): they would lose that."
    return None


_PLURAL = {"item": "items", "item-set": "item sets", "media": "media"}


def _searches(saved: Saved) -> Iterable[tuple[Query, str]]:
    match saved.kind:
        case "resource-template":
            yield (("resource_template_id", saved.id),), "have this template"
        case "user":
            yield (("owner_id", saved.id),), "belong to this user"
        case "vocabulary":
            numbers = {key: reference_ids(saved.body.get(key) or []) for key in _MEMBERS}
            properties = numbers["o:property"]
            for start in range(0, len(properties), CLAUSES):
                yield _any_of(properties[start : start + CLAUSES]), "have values of this vocabulary"
            for number in numbers["o:class"]:
                yield (("resource_class_id", number),), "are of a class of this vocabulary"
        case _:
            return


def _any_of(properties: Sequence[int]) -> Query:
    query: list[tuple[str, str | int]] = []
    for place, number in enumerate(properties):
        query += [
            (f"property[{place}][joiner]", "or"),
            (f"property[{place}][property]", number),
            (f"property[{place}][type]", "ex"),
        ]
    return query


_THUMBNAIL = re.compile(rb'"o:thumbnail":\{[^{}]*"o:id":(\d+)')


def assets_of(representation: bytes) -> frozenset[int]:
    """The numbers of the assets that a resource shows. Within a text its quotation marks are escaped."""
    return frozenset(int(found) for found in _THUMBNAIL.findall(representation))
