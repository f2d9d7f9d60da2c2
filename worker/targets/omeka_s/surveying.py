"""The first meeting with a scope: every resource that bears a property, page by page."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Iterable, Mapping

from service.control.model import FieldWord
from worker.errors import Fatal
from worker.records import Json, Kind, normal_identity
from worker.targets.base import Saved, Surveyed, SurveyPage, SurveySubject
from worker.targets.omeka_s.client import OmekaClient, Page, Query, together
from worker.targets.omeka_s.representation import (
    PATHS,
    Unreadable,
    identity_texts,
    property_values,
    reference_ids,
    saved_from,
)
from worker.targets.omeka_s.vocabulary import Listing, Unknown, Vocabulary
from worker.targets.reading import PAGE, unreadable

MAX_COMBINATIONS = 1000
"""Identities that one resource may bear: beyond it, its values are no identifiers."""


async def survey(
    client: OmekaClient,
    subject: SurveySubject,
    property_id: int,
    first_page: int,
    ahead: int,
) -> AsyncIterator[SurveyPage]:
    """Pages from `first_page` (1 is the first), `ahead` of them requested at a time.

    A resource that is deleted meanwhile moves those after it to earlier pages, where they would be
    missed; so when the total shrinks, the pages before are read again and what is new in them is
    part of the page at hand.
    """
    kind = subject.kind

    async def page(number: int) -> Page:
        return await client.page(
            PATHS[kind],
            (
                *_filters(subject, property_id),
                ("sort_by", "id"),
                ("sort_order", "asc"),
                ("per_page", PAGE),
                ("page", number),
            ),
        )

    last_id = 0
    total: int | None = None
    number = first_page
    while True:
        left = 1 if total is None else math.ceil(total / PAGE) - number + 1
        for got in await together(*(page(number + step) for step in range(max(1, min(ahead, left))))):
            entries = list(got.entries)
            if total is not None and got.total < total:
                back = math.ceil((total - got.total) / PAGE)
                for earlier in range(max(1, number - back), number):
                    entries = [*(await page(earlier)).entries, *entries]
            total = got.total
            resources = {
                one.id: one for one in (_resource(entry, kind) for entry in entries) if one.id > last_id
            }
            if resources:
                last_id = max(resources)
            last = number * PAGE >= got.total or not got.entries
            yield SurveyPage(
                tuple(met(one, subject) for _, one in sorted(resources.items())), got.total, last
            )
            if last:
                return
            number += 1


def surveyed(saved: Saved, by: tuple[str, ...]) -> Surveyed:
    """Which identities a resource bears: each combination of one value for each property of `by`."""
    values = dict(property_values(saved.body))
    each = [
        tuple(dict.fromkeys(normal_identity(text) for text in identity_texts(values.get(term, []))))
        for term in by
    ]
    combinations = itertools.islice(itertools.product(*each), MAX_COMBINATIONS)
    return Surveyed(saved, tuple(combinations))


def met(saved: Saved, subject: SurveySubject) -> Surveyed:
    """A resource that a survey brings, compared with what was asked for: filters may have been ignored."""
    if not within(saved, subject.narrowing):
        return Surveyed(saved, ())
    return surveyed(saved, subject.by)


async def bearing(client: OmekaClient, subject: SurveySubject, property_id: int) -> frozenset[int]:
    """The numbers of all that the survey is about, in one request. Were the filters ignored, there would be
    more of them, of which none bears anything: they would be read for nothing."""
    return frozenset(
        await client.whole(PATHS[subject.kind], "id", _filters(subject, property_id)),
    )


def _filters(subject: SurveySubject, property_id: int) -> Query:
    return (
        ("property[0][property]", property_id),
        ("property[0][type]", "ex"),
        *((_PARAMETERS[field], number) for field, number in subject.narrowing),
    )


# --- what a survey is narrowed to -----------------------------------------------------------------


def narrowing(
    where: Iterable[tuple[FieldWord, str | int]], vocabulary: Vocabulary
) -> tuple[tuple[FieldWord, int], ...]:
    """The numbers of what `where` names, in a fixed order. Raises `Fatal`."""
    listings: Mapping[FieldWord, Listing] = {
        "item-set": vocabulary.item_sets,
        "template": vocabulary.templates,
        "class": vocabulary.classes,
        "site": vocabulary.sites,
        "owner": vocabulary.owners,
    }
    found: list[tuple[FieldWord, int]] = []
    for field, name in where:
        number = listings[field].find(str(name))
        if isinstance(number, Unknown):
            raise Fatal("names-unknown", number.message)
        found.append((field, number))
    return tuple(sorted(found))


def within(saved: Saved, narrowing: Iterable[tuple[FieldWord, int]]) -> bool:
    """Whether the resource belongs to all that a survey is narrowed to."""
    return all(number in reference_ids(saved.body.get(_KEYS[field])) for field, number in narrowing)


_PARAMETERS: Mapping[FieldWord, str] = {
    "item-set": "item_set_id",
    "template": "resource_template_id",
    "class": "resource_class_id",
    "site": "site_id",
    "owner": "owner_id",
}
_KEYS: Mapping[FieldWord, str] = {
    "item-set": "o:item_set",
    "template": "o:resource_template",
    "class": "o:resource_class",
    "site": "o:site",
    "owner": "o:owner",
}


def _resource(entry: Mapping[str, Json], kind: Kind) -> Saved:
    try:
        return saved_from(dict(entry), kind)
    except Unreadable as error:
        raise unreadable(str(error)) from error
