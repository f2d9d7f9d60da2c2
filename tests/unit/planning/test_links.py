"""What the values of a draft link to, and what becomes of the draft once that is known."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.planning.given import (
    BY,
    Given,
    draft_of,
    identity,
    item,
    link_to,
    planned,
    planner,
    problems_of,
    record,
    sought,
    standing,
)
from worker.errors import Fatal
from worker.planning.decide import meant_digest, without_defaults
from worker.planning.links import (
    LATER,
    Nowhere,
    Settled,
    ambiguous,
    links_of,
    not_found,
    refused,
    settle,
    without,
)
from worker.planning.planner import Planned
from worker.records import Draft, Fields, Identity, Link, Property, Sought, Value
from worker.targets.base import LinkTarget


def value(one: str, **more: Any) -> Value:
    return Value("resource", link=Link("item", "tate", BY, (one,), "/instructions/5", **more))


def draft(*properties: Property) -> Draft:
    return Draft("item", "item", 0, identity=identity("A1"), properties=properties)


def related(*values: Value) -> Draft:
    return draft(Property("dcterms:relation", values, pointer="/instructions/5"))


GONE = Nowhere("link-unknown", "There is none.")


# --- what a draft links to ------------------------------------------------------------------------


def test_the_links_of_a_draft_are_met_in_order_and_each_once() -> None:
    note = Value(text="see", annotation=(Property("dcterms:source", (value("N"),)),))
    instead = value("A", otherwise=(value("O"), Value(text="text")))
    made = draft(
        Property("dcterms:relation", (value("B"), instead, value("B"))),
        Property("dcterms:subject", (note, value("A"))),
    )
    assert links_of(made) == (sought("B"), sought("A"), sought("O"), sought("N"))
    assert links_of(item()) == ()


def test_a_link_by_number_is_of_the_kind_that_it_names_or_of_any() -> None:
    numbers = [Link(to, "", (), ("12",)).sought for to in ("item:artist", "item-set", "media", "resource")]
    assert [(one.kind, one.number) for one in numbers] == [
        ("item", 12),
        ("item-set", 12),
        ("media", 12),
        (None, 12),
    ]


def test_values_that_wait_are_left_out_and_nothing_else() -> None:
    note = Value(text="see", annotation=(Property("dcterms:source", (value("B"), value("A"))),))
    made = draft(Property("dcterms:relation", (value("A"), value("B"))), Property("dcterms:subject", (note,)))
    left = Value(text="see", annotation=(Property("dcterms:source", (value("A"),)),))
    assert without(made, {sought("B")}) == draft(
        Property("dcterms:relation", (value("A"),)), Property("dcterms:subject", (left,))
    )
    assert without(made, ()) is made


# --- settling -------------------------------------------------------------------------------------


def test_a_draft_without_links_is_settled_as_it_is() -> None:
    one = item()
    assert settle(one, {}) == Settled(one)


def test_links_that_lead_somewhere_stay_and_tell_their_numbers_in_order() -> None:
    made = related(value("A"), value("B"), value("C"))
    found = settle(
        made,
        {
            sought("A"): LinkTarget("item", 30),
            sought("B"): LinkTarget("item", -2),
            sought("C"): LinkTarget("item", 4),
        },
    )
    assert found == Settled(made, (), (-2, 4, 30))
    assert found.linked == "-2 4 30"


def test_what_a_link_leads_to_is_counted_once_however_it_is_called() -> None:
    found = settle(
        related(value("A"), value("B")),
        dict.fromkeys(links_of(related(value("A"), value("B"))), LinkTarget("item", 5)),
    )
    assert found.numbers == (5,)


def test_what_stands_in_for_a_link_takes_its_place_and_may_be_a_link_itself() -> None:
    instead = value("A", otherwise=(value("B", otherwise=(Value(text="Turner"),)),))
    found = settle(related(instead, Value(text="last")), {sought("A"): GONE, sought("B"): GONE})
    assert found.draft == related(Value(text="Turner"), Value(text="last"))
    assert [(one.severity, one.code, one.value) for one in found.problems] == [
        ("warning", "otherwise-used", "A"),
        ("warning", "otherwise-used", "B"),
    ]
    assert found.problems[0].message == "dcterms:relation: There is none. What `otherwise` says was used."


@pytest.mark.parametrize(
    ("on_error", "severity", "text_"),
    [
        ("reject", "reject", "dcterms:relation: There is none."),
        ("stop", "stop", "dcterms:relation: There is none."),
        ("drop", "warning", "dcterms:relation: There is none. The value was left out."),
    ],
)
def test_on_error_decides_about_a_link_that_leads_nowhere(on_error: Any, severity: str, text_: str) -> None:
    found = settle(related(value("A", on_error=on_error), Value(text="kept")), {sought("A"): GONE})
    assert found.draft == related(Value(text="kept"))
    assert [(one.severity, one.code, one.message, one.pointer, one.value) for one in found.problems] == [
        (severity, "link-unknown", text_, "/instructions/5", "A")
    ]


def test_a_property_of_which_only_dropped_links_were_said_leaves_what_stands() -> None:
    """Written with no values it would clear the property."""
    found = settle(draft(link_to("A", on_error="drop"), Property("dcterms:subject")), {sought("A"): GONE})
    assert found.draft == draft(Property("dcterms:subject"))


def test_a_link_in_an_annotation_is_settled_too() -> None:
    note = Property("dcterms:source", (value("A"), value("B", otherwise=(Value(text="B"),))))
    found = settle(
        draft(Property("dcterms:subject", (Value(text="Sea", annotation=(note,)),))),
        {sought("A"): LinkTarget("item", 3), sought("B"): GONE},
    )
    kept = Property("dcterms:source", (value("A"), Value(text="B")))
    assert found.draft == draft(Property("dcterms:subject", (Value(text="Sea", annotation=(kept,)),)))
    assert found.numbers == (3,)


def test_problems_stand_in_the_order_of_the_values() -> None:
    note = Value(text="see", annotation=(Property("dcterms:source", (value("C"),)),))
    made = draft(
        Property("dcterms:relation", (value("B"), note, value("A"))), link_to("D", "dcterms:subject")
    )
    found = settle(made, dict.fromkeys(links_of(made), GONE))
    assert [one.value for one in found.problems] == ["B", "C", "A", "D"]


def test_why_a_link_leads_nowhere_is_said_for_a_person() -> None:
    number = Sought(None, Identity("", (), ("12",)))
    assert not_found(number).message == "There is no resource 12 in the target."
    assert not_found(sought("A")).message == (
        "There is no item with dcterms:identifier “A”, neither in this batch nor in the target."
    )
    assert ambiguous(sought("A"), [3, 4]).message == (
        "dcterms:identifier “A” is borne by several resources in the target: 3, 4. Nothing was chosen."
    )
    assert refused(sought("A")).message == (
        "The item with dcterms:identifier “A” was to be written by this import and was refused."
    )


# --- links of records -----------------------------------------------------------------------------


@pytest.fixture
def given() -> Given:
    return Given()


def test_a_link_to_what_stands_is_settled_at_once(given: Given) -> None:
    given.wrote(item("B"), standing(12, {"dcterms:identifier": ["B"]}))
    made = planned(given, record(item(properties=(link_to("B"),))))
    (entry,), (row,) = made.entries, made.links
    assert (entry.action, entry.pending, entry.linked) == ("create", False, "12")
    assert (row.seq, row.n, row.kind, row.scope, row.any_scope, row.by) == (
        1,
        0,
        "item",
        "tate",
        False,
        "dcterms:identifier",
    )
    assert (row.key_digest, row.to_id, row.to_seq) == (identity("B").digest, 12, None)


def test_a_record_whose_link_may_still_be_brought_waits_as_it_was_mapped(given: Given) -> None:
    draft_ = item(properties=(link_to("B"),))
    made = planned(given, record(draft_))
    (entry,), (row,) = made.entries, made.links
    assert (entry.pending, entry.outcome, entry.code, draft_of(entry)) == (True, None, None, draft_)
    assert (row.to_id, row.to_seq) == (None, None)
    assert LATER.code == "link-later"


def settled(given: Given, first: Planned, made: dict[Sought, int], *records: Any, **more: Any) -> Planned:
    """The records of the first pass, decided now."""
    given.planned_before(*first.entries)
    seqs = {(entry.file, entry.row): entry.seq for entry in reversed(first.entries)}
    return planner(given, **more).replan(records, seqs, made)


def test_two_records_that_link_to_each_other_are_both_created(given: Given) -> None:
    one = record(item("A", properties=(link_to("B"),)))
    other = record(item("B", properties=(link_to("A"),)), row=2)
    first = planned(given, one, other)
    assert [entry.pending for entry in first.entries] == [True, True]
    again = settled(given, first, {sought("A"): -1, sought("B"): -2}, one, other)
    assert [(entry.seq, entry.action, entry.pending, entry.linked) for entry in again.entries] == [
        (1, "create", False, "-2"),
        (2, "create", False, "-1"),
    ]
    assert [(row.seq, row.to_id, row.to_seq) for row in again.links] == [(1, None, 2), (2, None, 1)]


def test_a_link_that_nothing_brought_rejects_its_record(given: Given) -> None:
    one = record(item(properties=(link_to("B"),)))
    (entry,) = settled(given, planned(given, one), {}, one).entries
    assert (entry.seq, entry.action, entry.outcome, entry.code, entry.draft, entry.pending) == (
        1,
        "reject",
        "rejected",
        "link-unknown",
        None,
        False,
    )
    assert entry.message == (
        "dcterms:relation: There is no item with dcterms:identifier “B”, neither in this batch nor in the "
        "target."
    )


def test_a_link_that_nothing_brought_stops_the_run_where_it_shall(given: Given) -> None:
    one = record(item(properties=(link_to("B", on_error="stop"),)), row=4)
    with pytest.raises(Fatal, match=r"data0, row 4: dcterms:relation: There is no item"):
        settled(given, planned(given, one), {}, one)


def test_what_stands_in_for_a_link_is_what_is_meant(given: Given) -> None:
    one = record(item(properties=(link_to("B", otherwise=(Value(text="Bee"),)),)))
    (entry,) = settled(given, planned(given, one), {}, one).entries
    plain = item(properties=(Property("dcterms:relation", (Value(text="Bee"),)),))
    (same,) = planned(Given(), record(plain)).entries
    assert (entry.action, entry.meant, entry.linked) == ("create", same.meant, "")
    assert [problem.code for problem in problems_of(entry)] == ["otherwise-used"]


def test_a_record_is_unchanged_only_while_its_links_lead_where_they_led(given: Given) -> None:
    draft_ = item(properties=(link_to("B"),))
    given.wrote(item("B"), standing(12, {"dcterms:identifier": ["B"]}))
    link = {"type": "resource", "value_resource_id": 12}
    stands = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"], "dcterms:relation": [link]})
    given.wrote(draft_, stands, linked="12")
    assert [one.action for one in planned(given, record(draft_)).entries] == ["unchanged"]
    given.gone("item", 12)
    given.ledger.clear()
    given.wrote(draft_, stands, linked="12")
    given.wrote(item("B"), standing(13, {"dcterms:identifier": ["B"]}))
    (entry,) = planned(given, record(draft_)).entries
    assert (entry.action, entry.linked) == ("update", "13")


def test_an_ambiguous_link_is_not_waited_for(given: Given) -> None:
    given.bears("B", 31, 32)
    (entry,) = planned(given, record(item(properties=(link_to("B"),)))).entries
    assert (entry.action, entry.code, entry.pending) == ("reject", "link-ambiguous", False)


def test_a_link_that_names_no_scope_finds_what_any_scope_wrote(given: Given) -> None:
    given.wrote(item("B"), standing(12, {"dcterms:identifier": ["B"]}))
    anywhere = Value("resource", link=Link("item", "", BY, ("B",)))
    made = planned(given, record(item(properties=(Property("dcterms:relation", (anywhere,)),))))
    assert [(row.any_scope, row.to_id) for row in made.links] == [(True, 12)]


def test_media_that_link_to_what_is_still_to_be_created_do_not_travel_with_their_item(given: Given) -> None:
    media = Draft("media", "media", 1, item=0, properties=(link_to("B"),))
    one, other = record(item("A"), media), record(item("B"), row=2)
    first = planned(given, one, other)
    assert [entry.pending for entry in first.entries] == [True, True, False]
    parent, child = settled(given, first, {sought("B"): -3}, one).entries
    assert [(one.seq, one.action, one.depth) for one in (parent, child)] == [
        (1, "create", 0),
        (2, "create", 1),
    ]


def test_a_record_that_is_decided_again_still_means_what_it_says(given: Given) -> None:
    """Decided once, it holds what the control file says of created resources: that is not the record's."""
    one = record(item("A", properties=(link_to("B", otherwise=(Value(text="Bee"),)),)))
    first = planned(given, one)
    created = settled(given, first, {sought("B"): -2}, one)
    (before,) = created.entries
    assert draft_of(before).fields == Fields(public=True, sites=("main",))
    again = msgspec.structs.replace(one, drafts=(without_defaults(draft_of(before), before.meant),))
    (entry,) = settled(given, first, {}, again).entries
    plain = item("A", properties=(Property("dcterms:relation", (Value(text="Bee"),)),))
    (same,) = planned(Given(), record(plain)).entries
    assert entry.meant == same.meant
    assert [one.text for one in draft_of(entry).properties[-1].values] == ["Bee"]


@pytest.mark.parametrize(
    "fields", [Fields(), Fields(public=True), Fields(sites=("main",)), Fields(public=True, sites=("main",))]
)
def test_what_the_control_file_says_of_created_resources_is_taken_off_again(fields: Fields) -> None:
    said = item(fields=fields)
    whole = msgspec.structs.replace(said, fields=Fields(public=True, sites=("main",)))
    assert without_defaults(whole, meant_digest(said)) == said
    assert without_defaults(said, None) == said
