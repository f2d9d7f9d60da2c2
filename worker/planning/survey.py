"""What stands in the target before anything is planned: listings, and surveys at a first meeting.

Constant in requests for a scope that is known: one listing a kind, and a read of what is new or moved.
The first time it is one paging pass, kept page by page, so that an interrupted one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio.to_thread
from msgspec import Struct

from service.control.model import Control
from service.store import ledger, representations, surveys
from service.store.representations import Kept
from service.store.surveys import SurveyFacts, SurveyKey, SurveyRow
from worker.context import RunContext
from worker.planning.merging import representation
from worker.planning.reading import SLICE, Representations
from worker.planning.sameness import require_same_target
from worker.planning.scopes import warn_of_close_scopes
from worker.planning.wanted import Wanted, kinds_in_use, wanted
from worker.records import Kind, identity_digest
from worker.targets.base import Adapter, Surveyed, SurveyPage, SurveySubject

PAGE = 100
"""Resources a page, and a request."""


class Surveys(Struct, frozen=True):
    """The surveys of a run, by what they are about: (kind, scope, by)."""

    ids: Mapping[tuple[Kind, str, tuple[str, ...]], tuple[int, ...]] = {}

    def of(self, kind: Kind, scope: str, by: tuple[str, ...], *, alternatives: bool = False) -> list[int]:
        """Those in which such an identity is found; of alternatives, one for each property."""
        each = [(one,) for one in by] if alternatives else [by]
        return sorted({number for one in each for number in self.ids.get((kind, scope, one), ())})


class _Survey(Struct, frozen=True):
    """A survey on its way."""

    subject: SurveySubject
    facts: SurveyFacts
    own: bool
    """Whether what this service wrote under the same `by` is looked at too: where loads and links look."""


class Surveyor:
    """Learns what stands in the target, for one run."""

    def __init__(self, context: RunContext, adapter: Adapter, reads: Representations) -> None:
        self._context = context
        self._db = context.db
        self._claim = context.claim
        self._target = context.target
        self._adapter = adapter
        self._reads = reads
        self._same = False

    async def learn(self, control: Control, *, force: bool = False) -> Surveys:
        """List the kinds that this control file is about, and survey what was never looked at.

        Raises `Fatal` (`target-not-the-same`) if this does not look like the site that was written to;
        `force`: goes on all the same.
        """
        if not self._same:
            # Once, also where a survey is taken up again after the target was away.
            kinds = sorted(kinds_in_use(control))
            await self._db.run(warn_of_close_scopes, self._target, control, self._context.log)
            await anyio.to_thread.run_sync(
                require_same_target, self._context, self._adapter, self._reads, kinds, force
            )
            self._same = True
        everything = wanted(control)
        found: dict[SurveySubject, _Survey] = {}
        ids: dict[tuple[Kind, str, tuple[str, ...]], tuple[int, ...]] = {}
        for one in everything:
            subject = self._subject(one)
            if subject not in found:
                found[subject] = await self._open(
                    subject, any(other.lookup for other in everything if self._subject(other) == subject)
                )
            key = (one.kind, one.scope, one.by)
            ids[key] = (*ids.get(key, ()), found[subject].facts.id)
        await self._carry_out(list(found.values()))
        return Surveys(ids)

    def _subject(self, one: Wanted) -> SurveySubject:
        return SurveySubject(one.kind, one.by, self._adapter.narrowing(one.where))

    async def _open(self, subject: SurveySubject, own: bool) -> _Survey:
        key = SurveyKey(self._target, subject.kind, " ".join(subject.by), subject.narrowed)
        return _Survey(subject, await self._db.run(surveys.open_survey, self._claim, key), own)

    async def _carry_out(self, several: Sequence[_Survey]) -> None:
        new = [one for one in several if not one.facts.complete]
        for one in new:
            await self._page_through(one)
        # While pages were read, things moved. Once all of them are there, everything is brought up to now.
        for kind in dict.fromkeys(one.subject.kind for one in new):
            if await self._listing(kind):
                await anyio.to_thread.run_sync(self._reads.list_anew, kind)
        for one in several:
            await self._refresh(one)

    async def _listing(self, kind: Kind) -> Mapping[int, str]:
        return await anyio.to_thread.run_sync(self._reads.listing, kind)

    # --- the first meeting ------------------------------------------------------------------------

    async def _page_through(self, one: _Survey) -> None:
        listing = await self._listing(one.subject.kind)
        if not listing:
            return
        page_number = one.facts.next_page
        if page_number == 0:
            page_number = 1
            await self._db.run(surveys.note_listed, self._claim, one.facts.id, listing)
        verb = "Looking" if page_number == 1 else "Going on to look"
        self._context.log.say(
            "info",
            "survey",
            f"{verb} at what stands in the target with {' + '.join(one.subject.by)}, to know it again.",
        )
        async for page in self._adapter.survey(one.subject, page_number):
            self._context.check()
            page_number += 1
            if page_number % 20 == 0 or page.last:
                looked = min((page_number - 1) * PAGE, page.total)
                self._context.log.say(
                    "info", "survey", f"Looked at {looked} of {page.total} {one.subject.kind}s."
                )
            await anyio.to_thread.run_sync(self._keep_page, one, page, page_number)

    def _keep_page(self, one: _Survey, page: SurveyPage, next_page: int) -> None:
        rows = [row for met in page.resources for row in _rows(met)]
        kept = [
            Kept(met.saved.id, met.saved.modified, representation(met.saved))
            for met in page.resources
            if met.identities
        ]
        with self._context.transaction() as connection:
            representations.keep(connection, self._target, one.subject.kind, kept)
            surveys.add_page(connection, one.facts.id, rows, next_page)

    # --- each time --------------------------------------------------------------------------------

    async def _refresh(self, one: _Survey) -> None:
        """Look at what is new or moved since it was looked at last, and forget what is gone."""
        kind, survey_id = one.subject.kind, one.facts.id
        listing = await self._listing(kind)
        seen = await self._db.run(surveys.looked_at, survey_id)
        known: Mapping[int, str] = {}
        if not one.own:
            # The ledger knows these better, as long as nobody else has edited them.
            known = await self._db.run(ledger.stamps, self._target, kind, " ".join(one.subject.by))
        stale: list[int] = [
            number
            for number, modified in listing.items()
            if seen.get(number) != modified and known.get(number) != modified
        ]
        if listing and (len(stale) > PAGE or not one.facts.complete):
            stale = await self._narrow(one, stale, listing)
        for start in range(0, len(stale), SLICE):
            self._context.check()
            await anyio.to_thread.run_sync(self._look_at, one, stale[start : start + SLICE])
        gone = [number for number in seen if number not in listing]
        await anyio.to_thread.run_sync(self._settle, one, gone)

    async def _narrow(self, one: _Survey, stale: Sequence[int], listing: Mapping[int, str]) -> list[int]:
        """One request more tells which of many can bear the property at all; the others are not read.

        At the end of a first survey it tells too what no page has brought: deletions move what follows to
        earlier pages.
        """
        bearing = await self._adapter.bearing(one.subject)
        barren = [SurveyRow(number, "", listing[number]) for number in stale if number not in bearing]
        for start in range(0, len(barren), surveys.SLICE):
            part = barren[start : start + surveys.SLICE]
            await anyio.to_thread.run_sync(self._keep_rows, one, part)
        left = [number for number in stale if number in bearing]
        if not one.facts.complete:
            met = await self._db.run(surveys.identified, one.facts.id)
            left += sorted((bearing & listing.keys()) - met - set(left))
        return left

    def _look_at(self, one: _Survey, ids: Sequence[int]) -> None:
        current = self._reads.current(one.subject.kind, ids)
        rows = [row for saved in current.values() for row in _rows(self._adapter.met(saved, one.subject))]
        with self._context.transaction() as connection:
            surveys.replace_rows(connection, one.facts.id, rows)
            surveys.forget(connection, one.facts.id, [number for number in ids if number not in current])

    def _keep_rows(self, one: _Survey, rows: Sequence[SurveyRow]) -> None:
        with self._context.transaction() as connection:
            surveys.replace_rows(connection, one.facts.id, rows)

    def _settle(self, one: _Survey, gone: Sequence[int]) -> None:
        for start in range(0, len(gone), surveys.SLICE):
            part = gone[start : start + surveys.SLICE]
            with self._context.transaction() as connection:
                surveys.forget(connection, one.facts.id, part)
                representations.forget(connection, self._target, one.subject.kind, part)
        if not one.facts.complete:
            with self._context.transaction() as connection:
                surveys.complete(connection, one.facts.id)


def _rows(met: Surveyed) -> list[SurveyRow]:
    """What is kept of a resource: that it bears none is kept too, so that it is not read again before it
    moves."""
    saved = met.saved
    return [SurveyRow(saved.id, identity_digest(values), saved.modified) for values in met.identities] or [
        SurveyRow(saved.id, "", saved.modified)
    ]
