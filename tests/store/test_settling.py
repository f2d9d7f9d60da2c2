"""The second pass of planning over a real plan: links found, circles completed, refusals taken back."""

from __future__ import annotations

import pytest

from service.control.model import Control, Destination, Match, Term
from service.control.model import Link as LinkSpec
from service.store import links, plans, runs
from service.store.database import Database
from service.store.plans import Entry
from service.store.runs import Claim
from tests.store.support import claimed
from tests.unit.planning.given import Given, OmekaS, Resolves, draft_of, item, link_to, record
from worker.context import RunContext, RunLog
from worker.planning.decide import meant_digest
from worker.planning.merging import Merger
from worker.planning.planner import Planner
from worker.planning.settling import Settling
from worker.records import Fields, Link, Mapped, Property, Value
from worker.stopping import Stop


class Planning:
    """Records planned in one chunk and settled."""

    def __init__(self, db: Database, batch_id: str, control: Control | None = None) -> None:
        self.db = db
        self.claim: Claim = claimed(db, batch_id)
        self.context = RunContext(db, self.claim, "omeka", RunLog(self.claim.run_id, 0), Stop(), batch_id)
        self.given = Given()
        match = Match(Destination("item", "item"), (Term("dcterms:identifier"),), scope="tate")
        made = control or Control(1, "omeka", (), (), match={"item": match}, visibility="public")
        self.planner = Planner(made, Resolves(), self.given, Merger(OmekaS(), "overwrite"))

    def carry_out(self, *records: Mapped) -> list[Entry]:
        planned = self.planner.plan(records)
        with runs.fenced(self.db, self.claim) as connection:
            plans.insert_entries(connection, self.claim.run_id, planned.entries)
            links.insert_links(connection, self.claim.run_id, planned.links)
            links.insert_keys(connection, self.claim.run_id, planned.keys)
        self.given.planned_before(*planned.entries)
        settling = Settling(self.context, self.planner)
        for _ in settling.decide_pending():
            pass
        settling.order()
        highest = plans.highest_seq(self.db, self.claim.run_id)
        found = plans.entries_by_seq(self.db, self.claim.run_id, range(1, highest + 1))
        return [found[seq] for seq in sorted(found)]


@pytest.fixture
def planning(database: Database, batch_id: str) -> Planning:
    return Planning(database, batch_id)


def short(entries: list[Entry]) -> list[tuple[int, str, int, int | None]]:
    return [(one.seq, one.action, one.depth, one.completes) for one in entries]


def test_what_is_linked_to_is_written_first_whatever_the_order_of_the_records(planning: Planning) -> None:
    entries = planning.carry_out(
        record(item("A", properties=(link_to("B"),))),
        record(item("B", properties=(link_to("C"),)), row=2),
        record(item("C"), row=3),
    )
    assert short(entries) == [(1, "create", 2, None), (2, "create", 1, None), (3, "create", 0, None)]
    assert not any(one.pending for one in entries)


def test_a_circle_is_created_at_one_depth_and_completed_behind_everything(planning: Planning) -> None:
    entries = planning.carry_out(
        record(item("A", properties=(link_to("B"),))),
        record(item("B", properties=(link_to("A"),)), row=2),
        record(item("C", properties=(link_to("A"),)), row=3),
    )
    assert short(entries) == [
        (1, "create", 0, None),
        (2, "create", 0, None),
        (3, "create", 1, None),
        (4, "complete", 2, 1),
        (5, "complete", 2, 2),
    ]
    rows = links.links_of(planning.db, planning.claim.run_id, [4, 5])
    assert {seq: [row.to_seq for row in several] for seq, several in rows.items()} == {4: [2], 5: [1]}


def test_a_refusal_goes_on_through_all_that_links_to_it(planning: Planning) -> None:
    """The last of the chain is refused: one record after the other is decided again."""
    refused = item("C", properties=(link_to("nobody"),))
    entries = planning.carry_out(
        record(item("A", properties=(link_to("B"),))),
        record(item("B", properties=(link_to("C", otherwise=(Value(text="See"),)),)), row=2),
        record(refused, row=3),
        record(item("D", properties=(link_to("C"),)), row=4),
        record(item("E", properties=(link_to("D"),)), row=5),
    )
    assert [(one.seq, one.action, one.code) for one in entries] == [
        (1, "create", None),
        (2, "create", "otherwise-used"),
        (3, "reject", "link-unknown"),
        (4, "reject", "link-unknown"),
        (5, "reject", "link-unknown"),
    ]
    assert [one.text for one in draft_of(entries[1]).properties[-1].values] == ["See"]
    assert all(one.draft is None for one in entries[2:])


def test_a_record_decided_twice_means_the_same_as_one_decided_once(planning: Planning) -> None:
    twice = planning.carry_out(
        record(item("B", properties=(link_to("C", otherwise=(Value(text="See"),)),))),
        record(item("C", properties=(link_to("nobody"),)), row=2),
    )[0]
    once = Property("dcterms:relation", (Value(text="See"),))
    other = planning.planner.plan([record(item("B2", properties=(once,)), row=9)]).entries[0]
    assert draft_of(twice).fields == draft_of(other).fields == Fields(public=True, sites=())
    assert twice.meant == meant_digest(item("B", properties=(once,)))


def test_a_record_that_was_added_to_an_earlier_one_is_found_by_its_other_properties(
    database: Database, batch_id: str
) -> None:
    """What either of the two says bears the link: the first record's title as much as the second's."""
    destination = Destination("item", "item")
    match = Match(destination, (Term("dcterms:identifier"),), scope="tate", duplicates="merge")
    seeks = LinkSpec(destination, (Term("dcterms:title"),), "tate")
    control = Control(1, "omeka", (), (seeks,), match={"item": match})  # type: ignore[arg-type]
    planning = Planning(database, batch_id, control)
    by_title = [
        Property(
            "dcterms:relation", (Value("resource", link=Link("item", "tate", ("dcterms:title",), (title,))),)
        )
        for title in ("One", "Another")
    ]
    entries = planning.carry_out(
        record(item("A", "One")),
        record(item("A", "Another"), row=2),
        record(item("B", "B", properties=(by_title[0],)), row=3),
        record(item("C", "C", properties=(by_title[1],)), row=4),
    )
    assert [(one.seq, one.action, one.outcome, one.code, one.depth) for one in entries] == [
        (1, "create", None, None, 0),
        (2, "skip", "skipped", "merged", 0),
        (3, "create", None, None, 1),
        (4, "create", None, None, 1),
    ]
    assert [one.text for one in draft_of(entries[0]).properties[0].values] == ["One", "Another"]
