"""Listings and surveys: everything of a kind, page by page, since Omeka Classic has no shorter list.

Within a run everything is listed once; after that only what was modified since, as long as the total tells
that nothing is gone.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from service.control.model import FieldWord
from worker.errors import Fatal, Retriable
from worker.records import Json, Kind
from worker.targets.base import Saved, Surveyed, SurveyPage, SurveySubject
from worker.targets.listings import Unknown
from worker.targets.omeka_classic.client import BY_NUMBER, NEWEST_FIRST, ClassicClient, Query, saved_of
from worker.targets.omeka_classic.compare import identities_of
from worker.targets.omeka_classic.representation import PATHS, reference
from worker.targets.omeka_classic.vocabulary import Vocabulary, number_of

MAX_COMBINATIONS = 1000
"""Identities that one record may bear: beyond it, its values are no identifiers."""
TRIES = 2
"""How often a list is read that changes while it is."""


class Listings:
    """The listings of one run, by kind."""

    def __init__(self, client: ClassicClient) -> None:
        self._client = client
        self._known: dict[Kind, dict[int, str]] = {}
        self._newest: dict[Kind, str] = {}

    async def everything(self, kind: Kind) -> Mapping[int, str]:
        """Number → modified of all there are. Raises `Retriable` where the list never equals its total."""
        if kind in self._known and self._newest.get(kind) and await self._brought_up(kind):
            return dict(self._known[kind])
        for _ in range(TRIES):
            self._known[kind] = {}
            total = await self._take(kind, ())
            if total is None or len(self._known[kind]) == total:
                return dict(self._known[kind])
        found = len(self._known.pop(kind))
        raise Retriable(
            "target-listing-incomplete",
            f"The target's list of {PATHS[kind]} changed while it was read ({found} of {total}).",
        )

    def last(self, kind: Kind) -> Mapping[int, str]:
        """What was listed last; empty before that."""
        return self._known.get(kind, {})

    async def _brought_up(self, kind: Kind) -> bool:
        """Whether what was modified since is all that is to be learnt: the total then equals the list."""
        since = datetime.fromisoformat(self._newest[kind]).astimezone(UTC) - timedelta(seconds=1)
        await self._take(kind, (("modified_since", f"{since:%Y-%m-%dT%H:%M:%SZ}"),))
        first = await self._client.page(PATHS[kind], size=1)
        return first.total == len(self._known[kind])

    async def _take(self, kind: Kind, only: Query) -> int | None:
        """Add what is listed; the total that the last page tells."""
        total: int | None = None
        async for page in self._client.pages(PATHS[kind], (*only, *BY_NUMBER)):
            for entry in page.entries:
                saved = saved_of(entry, kind)
                self._known[kind][saved.id] = saved.modified
                self._newest[kind] = max(self._newest.get(kind, ""), _stamp(entry))
            total = page.total
        return total


def _stamp(entry: Mapping[str, Json]) -> str:
    value = entry.get("modified")
    return value if isinstance(value, str) else ""


async def ids_above(client: ClassicClient, kind: Kind, above: int) -> list[int]:
    """Ascending. From the highest down, so that what comes meanwhile hides nothing."""
    found: set[int] = set()
    async for page in client.pages(PATHS[kind], NEWEST_FIRST):
        numbers = [number_of(entry) for entry in page.entries]
        found.update(number for number in numbers if number > above)
        if not numbers or min(numbers) <= above:
            break
    return sorted(found)


# --- surveys --------------------------------------------------------------------------------------


async def survey(client: ClassicClient, subject: SurveySubject, first_page: int) -> AsyncIterator[SurveyPage]:
    """Pages from `first_page` (1 is the first). What a deletion moves to an earlier page is missed by them,
    and found by the listing that follows."""
    async for page in client.pages(PATHS[subject.kind], (*_filters(subject), *BY_NUMBER), first_page):
        resources = [saved_of(entry, subject.kind) for entry in page.entries]
        met_now = tuple(met(one, subject) for one in sorted(resources, key=lambda one: one.id))
        yield SurveyPage(met_now, page.total or 0, page.last)


def met(saved: Saved, subject: SurveySubject) -> Surveyed:
    """A record as a survey meets it: without identities where it is not what was looked for."""
    if not within(saved, subject.narrowing):
        return Surveyed(saved, ())
    return Surveyed(saved, identities(saved, subject.by))


def identities(saved: Saved, by: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Which identities a record bears: each combination of one text for each element of `by`."""
    each = [identities_of(saved, name) for name in by]
    return tuple(itertools.islice(itertools.product(*each), MAX_COMBINATIONS))


def narrowing(
    where: Iterable[tuple[FieldWord, str | int]], vocabulary: Vocabulary
) -> tuple[tuple[FieldWord, int], ...]:
    """The numbers of what `where` names, in a fixed order. Raises `Fatal`."""
    found: list[tuple[FieldWord, int]] = []
    for field, name in where:
        listing = {"item-set": vocabulary.collections, "class": vocabulary.item_types}.get(field)
        if listing is None:
            raise Fatal("names-unknown", f"Omeka Classic's records are not narrowed to a “{field}”.")
        number = listing.find(str(name))
        if isinstance(number, Unknown):
            raise Fatal("names-unknown", number.message)
        found.append((field, number))
    return tuple(sorted(found))


def within(saved: Saved, narrowing: Iterable[tuple[FieldWord, int]]) -> bool:
    """Whether the record belongs to all that a survey is narrowed to."""
    return all(reference(saved.body, _KEYS[field]) == number for field, number in narrowing)


_KEYS: Mapping[FieldWord, str] = {"item-set": "collection", "class": "item_type"}


def _filters(subject: SurveySubject) -> Query:
    return tuple((_KEYS[field], number) for field, number in subject.narrowing if field == "item-set")
