"""The first meeting with a scope: every resource that bears a property, page by page."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Mapping

from worker.records import Json, Kind, normal_identity
from worker.targets.base import Saved, Surveyed, SurveyPage
from worker.targets.omeka_s.client import PAGE, OmekaClient, Page, together, unreadable
from worker.targets.omeka_s.representation import (
    PATHS,
    Unreadable,
    identity_texts,
    property_values,
    saved_from,
)

MAX_COMBINATIONS = 1000
"""Identities that one resource may bear: beyond it, its values are no identifiers."""


async def survey(
    client: OmekaClient, kind: Kind, by: tuple[str, ...], property_id: int, first_page: int, ahead: int
) -> AsyncIterator[SurveyPage]:
    """Pages from `first_page` (1 is the first), `ahead` of them requested at a time.

    A resource that is deleted meanwhile moves those after it to earlier pages, where they would be
    missed; so when the total shrinks, the pages before are read again and what is new in them is
    part of the page at hand.
    """

    async def page(number: int) -> Page:
        return await client.page(
            PATHS[kind],
            (
                ("property[0][property]", property_id),
                ("property[0][type]", "ex"),
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
                tuple(surveyed(one, by) for _, one in sorted(resources.items())), got.total, last
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
    return Surveyed(saved.id, saved.modified, tuple(combinations))


def _resource(entry: Mapping[str, Json], kind: Kind) -> Saved:
    try:
        return saved_from(dict(entry), kind)
    except Unreadable as error:
        raise unreadable(str(error)) from error
