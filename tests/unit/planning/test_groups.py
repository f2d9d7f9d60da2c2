"""What entries of a plan have in common, counted."""

from __future__ import annotations

from typing import Any

import msgspec

from service.store.plan_groups import Group
from service.store.plan_places import BLOCK, Place
from service.store.plans import Entry
from tests.unit.planning.merging import Base, done, holding, merge, named, resource, said, subjects, wrote
from worker.planning.changes import Changes
from worker.planning.groups import group
from worker.records import Draft, Fields, MediaSource, Problem, Property, Value


def entry(seq: int, action: Any, **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "works.csv",
        "row": seq + 1,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "identifier": f"A{seq}",
        "action": action,
    }
    return Entry(**{**given, **more})


def merged(*how: Any, **more: Any) -> bytes:
    made = done(merge(*how, **more))
    return msgspec.json.encode(Changes(made.changes, made.conflicts))


def problems(*found: Problem) -> bytes:
    return msgspec.json.encode(found)


def test_updates_are_counted_by_what_becomes_of_each_name() -> None:
    entries = [
        entry(1, "update", changes=merged(subjects("Oak", "Elm"), holding("Oak"))),
        entry(2, "update", changes=merged(subjects("Oak"), holding("Oak", "Elm"))),
        entry(3, "update", changes=merged(subjects("Oak"), holding("Elm"))),
        entry(4, "update", changes=merged(subjects("Ash"), holding("Yew"))),
        entry(5, "update", changes=merged(subjects("Oak§"), holding("Oak"))),
        entry(6, "update", changes=merged(said(named("dcterms:title", "New")), resource({}))),
        entry(7, "unchanged"),
    ]
    assert group(entries).groups == [
        Group("added", "update", "dcterms:subject", 1, "works.csv:2 [A1]: Elm"),
        Group("added", "update", "dcterms:title", 1, "works.csv:7 [A6]: New"),
        Group("changed", "update", "dcterms:subject", 3, "works.csv:4 [A3]: Elm → Oak"),
        Group("removed", "update", "dcterms:subject", 1, "works.csv:3 [A2]: Elm"),
        Group("resource", "unchanged", "item", 1),
        Group("resource", "update", "item", 6),
    ]


def test_new_resources_are_counted_by_what_they_get() -> None:
    draft = Draft(
        "item:work",
        "item",
        0,
        properties=(
            Property("dcterms:title", (Value(text="One", language="en"), Value(text="Eins", public=False))),
            Property("dcterms:subject"),
        ),
        fields=Fields(public=True, resource_class=None, item_sets=("Tate",), of={"item-set": "ours"}),
    )
    media = Draft("media", "media", 1, item=0, source=MediaSource("iiif_presentation", "https://x.org/m"))
    entries = [
        entry(1, "create", destination="item:work", draft=msgspec.json.encode(draft)),
        entry(2, "create", destination="media", draft=msgspec.json.encode(media), identifier=None),
    ]
    assert group(entries).groups == [
        Group(
            "added",
            "create",
            "dcterms:title",
            1,
            "works.csv:2 [A1]: One @en | Eins (private)",
        ),
        Group(
            "added",
            "create",
            "iiif-presentation",
            1,
            "works.csv:3: https://x.org/m",
        ),
        Group("added", "create", "item-set", 1, "works.csv:2 [A1]: Tate"),
        Group("added", "create", "public", 1, "works.csv:2 [A1]: true"),
        Group("resource", "create", "item:work", 1),
        Group("resource", "create", "media", 1),
    ]


def test_a_problem_is_counted_once_an_entry_by_its_code_and_severity() -> None:
    blank = Problem("warning", "blank-literal", "Blank.")
    missing = Problem("reject", "identity-missing", "No identifier.")
    entries = [
        entry(1, "create", problems=problems(blank, blank)),
        entry(2, "reject", problems=problems(missing, blank), identifier=None),
        entry(3, "skip", code="gone", message="Somebody deleted it."),
        entry(4, "delete", code="absent", message="No record speaks of it."),
    ]
    assert [one for one in group(entries).groups if one.type == "problem"] == [
        Group("problem", "reject", "identity-missing", 1, "works.csv:3: No identifier."),
        Group("problem", "warning", "blank-literal", 2, "works.csv:2 [A1]: Blank."),
        Group("problem", "warning", "gone", 1, "works.csv:4 [A3]: Somebody deleted it."),
    ]


def test_conflicts_are_counted_by_how_they_are_resolved() -> None:
    base: Base = wrote("Oak")
    ours, theirs = subjects("Ash"), holding("Yew")
    entries = [
        entry(1, "update", changes=merged(ours, theirs, base)),
        entry(2, "unchanged", changes=merged(ours, theirs, base, on_conflict="keep")),
    ]
    text = "dcterms:subject: since the last import somebody put “Yew” there; the record means “Ash”"
    assert [one for one in group(entries).groups if one.type == "conflict"] == [
        Group(
            "conflict",
            "keep",
            "dcterms:subject",
            1,
            f"works.csv:3 [A2]: {text}. What stands in the target is kept.",
        ),
        Group(
            "conflict",
            "overwrite",
            "dcterms:subject",
            1,
            f"works.csv:2 [A1]: {text}, which takes its place.",
        ),
    ]


def test_what_is_counted_is_noted_with_the_block_in_which_it_is_met() -> None:
    ours, theirs = subjects("Ash"), holding("Yew")
    blank = problems(Problem("warning", "blank-literal", "Blank."))
    entries = [
        entry(1, "update", changes=merged(ours, theirs)),
        entry(2, "update", changes=merged(ours, theirs)),
        entry(BLOCK - 1, "create", problems=blank),
        entry(BLOCK, "update", changes=merged(ours, theirs)),
        entry(3 * BLOCK, "unchanged", changes=merged(ours, theirs, wrote("Oak"), on_conflict="keep")),
    ]
    assert group(entries).places == [
        Place("conflict", "dcterms:subject", "unchanged", 3),
        Place("name", "dcterms:subject", "unchanged", 3),
        Place("name", "dcterms:subject", "update", 0),
        Place("name", "dcterms:subject", "update", 1),
        Place("problem", "blank-literal", "create", 0),
    ]


def test_a_removal_counts_as_one_and_not_by_what_goes_with_it() -> None:
    gone = merged(subjects(), holding("Oak"))
    assert group([entry(1, "delete", changes=gone, file="", row=0)]) == (
        [Group("resource", "delete", "item", 1)],
        [],
    )


def test_what_is_not_decided_or_completes_another_entry_waits() -> None:
    changes = merged(subjects("Oak"), holding())
    entries = [
        entry(1, "update", changes=changes, pending=True),
        entry(2, "complete", changes=changes, completes=1),
    ]
    assert group(entries) == ([], [])


def test_an_example_can_be_kept_by_any_database() -> None:
    found = problems(Problem("warning", "odd", "a\x00b\nc"))
    odd = entry(1, "create", problems=found, identifier="x" * 600)
    example = next(one.example for one in group([odd]).groups if one.type == "problem")
    assert example == f"works.csv:2 [{'x' * 79}…]: a\\x00b c"
    half = entry(1, "reject", code="odd", message="\ud83d", identifier=None)
    assert group([half]).groups[0].example == "works.csv:2: \\ud83d"
    long = entry(1, "reject", code="odd", message="m" * 600)
    assert len(group([long]).groups[0].example) == 400
