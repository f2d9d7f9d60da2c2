"""A target of which a test says what stands there, and which notes what it is asked."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import anyio
import anyio.to_thread
import orjson
from sqlalchemy import insert, select

from service.control.model import FieldWord
from service.settings import load_settings
from service.store import ledger, runs
from service.store.database import Database
from service.store.ledger import LedgerKey, LedgerRow
from service.store.runs import Claim, RunOptions
from service.store.tables import api_key, batch, blob, log_line
from worker.applying.outage import Outage
from worker.context import RunContext, RunLog
from worker.planning.reading import Representations
from worker.records import Kind, identity_digest
from worker.stopping import Stop
from worker.targets.base import Adapter, Saved, Surveyed, SurveyPage, SurveySubject
from worker.targets.limits import Limiter

T = TypeVar("T")

BY = "dcterms:identifier"
THEN, LATER = "2026-01-01 00:00:00", "2026-01-02 00:00:00"


@dataclass
class Site:
    """`worker.targets.base.Adapter`, as far as what stands there is concerned."""

    standing: dict[Kind, dict[int, Saved]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[str], None] = lambda _: None
    """Called before each answer, with what is asked."""
    requests: int = 0
    bytes_sent: int = 0

    def put(
        self,
        number: int,
        *identifiers: str,
        kind: Kind = "item",
        modified: str = THEN,
        links: Sequence[int] = (),
        sets: Sequence[int] = (),
        by: str = BY,
    ) -> Saved:
        values = {by: list(identifiers)} if identifiers else {}
        body: Any = {"values": values, "links": list(links), "sets": list(sets)}
        saved = Saved(kind, number, modified, True, None, {**body, "id": number, "modified": modified})
        self.standing.setdefault(kind, {})[number] = saved
        return saved

    def remove(self, *numbers: int, kind: Kind = "item") -> None:
        for number in numbers:
            del self.standing[kind][number]

    def _ask(self, what: str) -> None:
        self.meanwhile(what)
        self.requests += 1
        self.asked.append(what)

    async def listing(self, kind: Kind) -> Mapping[int, str]:
        self._ask(f"list {kind}")
        return {number: saved.modified for number, saved in self.standing.get(kind, {}).items()}

    async def read(self, kind: Kind, ids: Sequence[int]) -> Sequence[Saved]:
        assert len(ids) <= 100
        self._ask(f"read {len(ids)} {kind}")
        there = self.standing.get(kind, {})
        return [there[number] for number in ids if number in there]

    async def survey(self, subject: SurveySubject, first_page: int) -> AsyncIterator[SurveyPage]:
        """As Omeka does: each page is cut from what bears the property at that moment."""
        number = first_page
        while True:
            self._ask(f"page {number} {subject.by[0]}")
            bearing = sorted(self._bearing(subject))
            page = bearing[(number - 1) * 100 : number * 100]
            last = number * 100 >= len(bearing)
            met = tuple(self.met(self.standing[subject.kind][one], subject) for one in page)
            yield SurveyPage(met, len(bearing), last)
            if last:
                return
            number += 1

    async def bearing(self, subject: SurveySubject) -> frozenset[int]:
        self._ask(f"bearing {subject.by[0]}")
        return frozenset(self._bearing(subject))

    def _bearing(self, subject: SurveySubject) -> Iterable[int]:
        for number, saved in self.standing.get(subject.kind, {}).items():
            if self.identities(saved, subject.by[:1]) and self._within(saved, subject):
                yield number

    @staticmethod
    def _within(saved: Saved, subject: SurveySubject) -> bool:
        body: Any = saved.body
        return all(number in body["sets"] for _, number in subject.narrowing)

    def met(self, saved: Saved, subject: SurveySubject) -> Surveyed:
        if not self._within(saved, subject):
            return Surveyed(saved, ())
        return Surveyed(saved, tuple(self.identities(saved, subject.by)))

    def narrowing(self, where: Iterable[tuple[FieldWord, str | int]]) -> tuple[tuple[FieldWord, int], ...]:
        return tuple((field, int(name)) for field, name in where)

    def identities(self, saved: Saved, by: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
        body: Any = saved.body
        return list(itertools.product(*(body["values"].get(term, []) for term in by)))

    def linked(self, saved: Saved) -> frozenset[int]:
        body: Any = saved.body
        return frozenset(body["links"])

    def stamped(self, kind: Kind) -> bool:
        return True

    def saved(self, representation: bytes, kind: Kind) -> Saved:
        body = orjson.loads(representation)
        return Saved(kind, body["id"], body["modified"], True, None, body)


@dataclass
class Runs:
    """Runs against one site, one after the other, each as a worker of its own would have it."""

    db: Database
    site: Site
    context: RunContext = field(init=False)
    reads: Representations = field(init=False)

    def __post_init__(self) -> None:
        with self.db.write() as connection:
            connection.execute(
                insert(api_key).values(id=1, label="a", prefix="p", digest="d", scopes="", created_at=0)
            )
            connection.execute(insert(blob).values(digest="c", size=1, created_at=0))
            connection.execute(
                insert(batch).values(
                    id="b1", control_digest="c", comment="", target="omeka", key_id=1, created_at=0
                )
            )

    def carry_out(self, function: Callable[[], T]) -> T:
        """Call a blocking function as the planning thread of a new run, and end the run."""

        async def begin() -> T:
            claim = self._claim()
            self.context = RunContext(self.db, claim, "omeka", RunLog(claim.run_id, 0), Stop())
            self.context.adapter = self.adapter
            outage = Outage(self.context, load_settings(outage=0.0), Limiter("omeka", 2))
            self.reads = Representations(self.context, self.adapter, outage)
            try:
                return await anyio.to_thread.run_sync(function)
            finally:
                runs.end_run(self.db, claim, "finished")

        return anyio.run(begin)

    def _claim(self) -> Claim:
        facts = runs.schedule_run(
            self.db, batch_id="b1", mode="dry-run", options=RunOptions(), key_id=1, inputs_digest="i"
        )
        claim = runs.claim_run(self.db, facts.id, "one", 60_000)
        assert claim is not None
        return claim

    @property
    def adapter(self) -> Adapter:
        return cast(Adapter, self.site)

    def wrote(self, saved: Saved, identifier: str, scope: str = "tate", by: str = BY) -> None:
        """As if an earlier run had written it so."""
        row = LedgerRow(
            LedgerKey("omeka", saved.kind, scope, by),
            identity_digest((identifier,)),
            identifier,
            saved.id,
            "meant",
            orjson.dumps(saved.body),
            saved.modified,
            "r",
            "k",
        )
        with self.db.write() as connection:
            ledger.upsert(connection, [row])

    def said(self, code: str) -> list[str]:
        """What the log of the last run says under a code."""
        with self.db.read() as connection:
            kept = connection.execute(
                select(log_line.c.message).where(
                    log_line.c.run_id == self.context.claim.run_id, log_line.c.code == code
                )
            ).scalars()
            return [*kept, *(line.message for line in self.context.log.take() if line.code == code)]
