"""What stands in the target before anything is planned: listings, and surveys at a first meeting.

Constant in requests for a scope that is known: one listing a kind, and a read of what is new or moved.
The first time it is one paging pass, kept page by page, so that an interrupted one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from service.control.model import Control, Load
from service.control.walk import parts
from service.store import ledger
from service.store.ledger import SurveyRow
from worker.context import RunContext
from worker.records import Kind, identity_digest
from worker.targets.base import Adapter, Saved

KINDS: tuple[Kind, ...] = ("item", "item-set", "media")


class Standing(Struct, frozen=True):
    """What was learnt: listings by kind, and the survey of each kind and `by`."""

    listings: dict[Kind, dict[int, str]]
    surveys: dict[tuple[Kind, tuple[str, ...]], int]


class Surveyor:
    """Learns what stands in the target, for one run."""

    def __init__(self, context: RunContext, adapter: Adapter) -> None:
        self._context = context
        self._db = context.db
        self._claim = context.claim
        self._target = context.target
        self._adapter = adapter

    async def learn(self, control: Control) -> Standing:
        """List the kinds that this control file recognises, and survey what was never looked at."""
        subjects = matched_subjects(control)
        listings: dict[Kind, dict[int, str]] = {}
        for kind in sorted({kind for kind, _ in subjects} | kinds_loaded_by_number(control)):
            listings[kind] = dict(await self._adapter.listing(kind))
        surveys = {}
        for kind, by in sorted(subjects):
            surveys[kind, by] = await self._survey(kind, by, listings[kind])
        return Standing(listings, surveys)

    async def _survey(self, kind: Kind, by: tuple[str, ...], listing: Mapping[int, str]) -> int:
        facts = await self._db.run(ledger.open_survey, self._claim, self._target, kind, " ".join(by))
        if facts.complete:
            await self._refresh(facts.id, kind, by, listing)
        else:
            await self._page_through(facts.id, facts.next_page, kind, by, listing)
        return facts.id

    async def _page_through(
        self, survey_id: int, first_page: int, kind: Kind, by: tuple[str, ...], listing: Mapping[int, str]
    ) -> None:
        if not listing:
            await self._db.run(ledger.add_survey_page, self._claim, survey_id, [], 1, True)
            return
        verb = "Looking" if first_page == 1 else "Going on to look"
        self._context.log.say(
            "info", "survey", f"{verb} at what stands in the target with {' + '.join(by)}, to know it again."
        )
        page_number = first_page
        seen = 0
        async for page in self._adapter.survey(kind, by, first_page):
            self._context.check()
            page_number += 1
            rows = [
                SurveyRow(one.id, identity_digest(values), one.modified)
                for one in page.resources
                for values in one.identities
            ]
            await self._db.run(ledger.add_survey_page, self._claim, survey_id, rows, page_number, page.last)
            seen += len(page.resources)
            if page_number % 20 == 0 or page.last:
                self._context.log.say("info", "survey", f"Looked at {seen} of {page.total} {kind}s.")

    async def _refresh(
        self, survey_id: int, kind: Kind, by: tuple[str, ...], listing: Mapping[int, str]
    ) -> None:
        """Read only what is new or moved since, except what the ledger knows better."""
        seen = await self._db.run(ledger.surveyed, survey_id)
        own = await self._db.run(ledger.known_ids, self._target, kind)
        stale = [one for one, modified in listing.items() if one not in own and seen.get(one) != modified]
        gone = [one for one in seen if one not in listing]
        for start in range(0, len(stale), 100):
            ids = stale[start : start + 100]
            rows = [row for saved in await self._adapter.read(kind, ids) for row in self._rows(saved, by)]
            await self._db.run(ledger.refresh_survey, self._claim, survey_id, rows, [])
        if gone:
            await self._db.run(ledger.refresh_survey, self._claim, survey_id, [], gone)

    def _rows(self, saved: Saved, by: tuple[str, ...]) -> Sequence[SurveyRow]:
        identities = self._adapter.identities(saved, by)
        if not identities:
            # Looked at, bears none: kept, so that it is not read again before it moves.
            return [SurveyRow(saved.id, "", saved.modified)]
        return [SurveyRow(saved.id, identity_digest(values), saved.modified) for values in identities]


def matched_subjects(control: Control) -> set[tuple[Kind, tuple[str, ...]]]:
    """(kind, by) of every destination that is recognised by identity."""
    subjects: set[tuple[Kind, tuple[str, ...]]] = set()
    for match in control.match.values():
        for kind in KINDS:
            if match.destination.kind == kind:
                subjects.add((kind, tuple(str(one) for one in match.by)))
    for load in loads(control):
        for kind in KINDS:
            if load.destination.kind == kind and load.using is not None and load.using.by is not None:
                subjects.add((kind, (str(load.using.by),)))
    return subjects


def kinds_loaded_by_number(control: Control) -> set[Kind]:
    """Kinds of resources that are loaded by the target's own number: they too must be known to exist."""
    return {
        kind
        for kind in KINDS
        for load in loads(control)
        if load.destination.kind == kind and load.using is not None and load.using.by is None
    }


def loads(control: Control) -> list[Load]:
    return [part for part in parts(control) if isinstance(part, Load)]
