"""What the plan says of records: the decisions that need no comparison, and the form of entries."""

from __future__ import annotations

import msgspec
import pytest

from service.control.model import NotFound
from service.store.plans import Entry
from tests.unit.planning.given import (
    NOW,
    Given,
    changes_of,
    created,
    draft_of,
    identity,
    item,
    match_item,
    plan,
    problems_of,
    record,
    standing,
    text,
)
from worker.planning.decide import meant_digest
from worker.records import Content, Draft, Fields, Mapped, MediaSource, Problem


@pytest.fixture
def given() -> Given:
    return Given()


ONE = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]})
"""What `item()` has become."""


def test_an_unknown_record_is_created_with_what_the_control_file_says_of_created_resources(
    given: Given,
) -> None:
    (entry,) = plan(given, record(item()))
    assert draft_of(entry) == created(item())
    assert entry == Entry(
        seq=1,
        file="data0",
        row=1,
        ordinal=0,
        destination="item",
        kind="item",
        action="create",
        identifier="A1",
        scope="tate",
        by="dcterms:identifier",
        key_digest=identity("A1").digest,
        draft=entry.draft,
        meant=meant_digest(item()),
        media_meant="",
        linked="",
    )


def test_a_record_that_was_written_and_nobody_touched_is_unchanged(given: Given) -> None:
    given.wrote(item(), ONE)
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.outcome_id, entry.draft) == ("unchanged", "unchanged", 7, None)


def test_a_record_that_differs_from_what_was_written_is_updated(given: Given) -> None:
    given.wrote(item(), ONE)
    (entry,) = plan(given, record(item(title="Other")))
    assert draft_of(entry) == item(title="Other")
    assert [(one.name, one.before, one.after) for one in changes_of(entry)] == [
        ("dcterms:title", ("One",), ("Other",))
    ]
    assert entry == Entry(
        seq=1,
        file="data0",
        row=1,
        ordinal=0,
        destination="item",
        kind="item",
        action="update",
        identifier="A1",
        scope="tate",
        by="dcterms:identifier",
        key_digest=identity("A1").digest,
        resource_id=7,
        draft=entry.draft,
        before=ONE.modified.encode(),
        changes=entry.changes,
        meant=meant_digest(item(title="Other")),
        media_meant="",
        linked="",
    )


def test_a_record_whose_resource_somebody_touched_is_compared_before_it_is_called_unchanged(
    given: Given,
) -> None:
    given.wrote(item(), ONE)
    given.stands(standing(7, {"dcterms:title": ["Mine"], "dcterms:identifier": ["A1"]}, modified=NOW))
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.code, entry.before) == (
        "update",
        None,
        "conflict-overwrite",
        NOW.encode(),
    )


def test_a_record_whose_resource_somebody_deleted_is_skipped_with_a_warning(given: Given) -> None:
    given.wrote(item(), ONE)
    given.gone("item", 7)
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.code) == ("skip", "skipped", "gone")


def test_a_resource_that_stood_there_before_is_not_created_twice(given: Given) -> None:
    given.stands(standing(31, {"dcterms:identifier": ["A1"]}))
    given.bears("A1", 31)
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.resource_id) == ("update", None, 31)
    assert [(one.name, one.before, one.after) for one in changes_of(entry)] == [
        ("dcterms:title", (), ("One",))
    ]


def test_an_identity_that_several_resources_bear_is_refused_naming_them(given: Given) -> None:
    given.bears("A1", 31, 32)
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.code) == ("reject", "ambiguous-identity")
    assert entry.message is not None
    assert "31, 32" in entry.message


@pytest.mark.parametrize(
    ("not_found", "expected"),
    [
        ("create", ("create", None)),
        ("skip", ("skip", "not-found-skipped")),
        ("reject", ("reject", "not-found")),
    ],
)
def test_not_found_decides_about_unknown_records(
    given: Given, not_found: NotFound, expected: tuple[str, str | None]
) -> None:
    (entry,) = plan(given, record(item()), match=match_item(not_found=not_found))
    assert (entry.action, entry.code) == expected


def test_the_second_record_of_one_identity_is_refused_and_the_first_is_named(given: Given) -> None:
    first, second = plan(given, record(item(), row=3), record(item(title="Again"), row=9))
    assert first.action == "create"
    assert (second.action, second.code) == ("reject", "duplicate-identity")
    assert second.message is not None
    assert "data0 row 3" in second.message


def test_a_record_of_an_earlier_chunk_counts_too(given: Given) -> None:
    (earlier,) = plan(given, record(item(), row=3))
    given.planned_before(earlier)
    (entry,) = plan(given, record(item(), row=300))
    assert (entry.action, entry.code) == ("reject", "duplicate-identity")


def test_a_record_is_planned_whole_or_not_at_all(given: Given) -> None:
    given.bears("A2", 31, 32)
    first, second = plan(given, record(item("A1"), item("A2", ordinal=1)))
    assert (first.action, first.code, first.draft) == ("reject", "record-refused", None)
    assert (second.action, second.code) == ("reject", "ambiguous-identity")


def test_a_name_that_the_target_does_not_know_rejects_the_record(given: Given) -> None:
    draft = msgspec.structs.replace(item(), fields=Fields(resource_class="foaf:Nobody"))
    (entry,) = plan(given, record(draft))
    assert (entry.action, entry.code, entry.message) == (
        "reject",
        "class-unknown",
        "There is no class foaf:Nobody.",
    )


def test_a_rejected_record_keeps_all_that_was_said_of_it(given: Given) -> None:
    problems = (
        Problem("warning", "w", "A warning.", "/instructions/1"),
        Problem("reject", "bad-date", "Not a date.", "/instructions/2", "soon"),
    )
    mapped = Mapped("data0", 5, (), problems, identities=(identity("A1"),))
    (entry,) = plan(given, mapped)
    assert (entry.action, entry.identifier, entry.code, entry.message) == (
        "reject",
        "A1",
        "bad-date",
        "Not a date.",
    )
    assert problems_of(entry) == list(problems)


def test_a_warning_goes_with_the_record_that_is_written(given: Given) -> None:
    warning = Problem("warning", "dropped", "The value was left out.")
    (entry,) = plan(given, record(item(), problems=(warning,)))
    assert (entry.action, entry.code, entry.message) == ("create", "dropped", "The value was left out.")


def test_a_skipped_record_is_no_error(given: Given) -> None:
    (entry,) = plan(given, Mapped("data0", 4, skipped="not for the public"))
    assert (entry.action, entry.outcome, entry.message) == ("skip", "skipped", "not for the public")


def test_what_is_said_of_a_record_of_which_nothing_is_made_is_not_lost(given: Given) -> None:
    said = Problem("warning", "log-error", "An exhibit is not taken over.")
    (entry,) = plan(given, Mapped("data0", 4, problems=(said,)))
    assert (entry.action, entry.outcome, entry.code) == ("skip", "skipped", "log-error")
    assert problems_of(entry) == [said]
    assert plan(given, Mapped("data0", 5)) == []


def test_media_travel_with_their_new_item_and_those_beyond_the_limit_follow_it(given: Given) -> None:
    media = [
        Draft("media", "media", n, item=0, source=MediaSource("html", f"<p>{n}</p>")) for n in range(1, 24)
    ]
    entries = plan(given, record(item(), *media))
    parent, children = entries[0], entries[1:]
    assert [child.parent_seq for child in children] == [parent.seq] * 23
    assert [child.depth for child in children] == [0] * 20 + [1] * 3
    assert {child.action for child in children} == {"create"}


MEDIA = Draft("media", "media", 1, item=0, source=MediaSource("html", "<p>one</p>"))


def test_media_that_are_known_again_are_unchanged(given: Given) -> None:
    given.wrote(item(), ONE)
    given.added(7, MEDIA, standing(70, {}, "media"))
    same, its = plan(given, record(item(), MEDIA))
    assert (same.action, its.action, its.outcome, its.resource_id) == (
        "unchanged",
        "unchanged",
        "unchanged",
        70,
    )


def test_media_that_the_ledger_does_not_know_are_looked_for_in_the_target(given: Given) -> None:
    given.wrote(item(), standing(7, {"dcterms:identifier": ["A1"]}, **{"o:media": [{"o:id": 70}]}))
    given.stands(standing(70, {}, "media", **{"o:ingester": "html", "o-cnt:chars": "<p>one</p>"}))
    _, its = plan(given, record(item(), MEDIA))
    assert (its.action, its.resource_id) == ("unchanged", 70)


def test_media_with_other_content_of_the_same_name_take_the_place_of_the_old(given: Given) -> None:
    given.wrote(item(), ONE)
    scan = Draft("media", "media", 1, item=0, source=scanned("a.jpg", "1"))
    given.added(7, scan, standing(70, {}, "media"))
    _, its = plan(given, record(item(), msgspec.structs.replace(scan, source=scanned("a.jpg", "2"))))
    assert (its.action, its.resource_id, its.code, its.identifier) == ("create", 70, "replaced", "a.jpg")


def test_media_that_somebody_has_deleted_are_not_added_again(given: Given) -> None:
    given.wrote(item(), ONE)
    given.added(7, MEDIA, standing(70, {}, "media"))
    given.gone("media", 70)
    _, its = plan(given, record(item(), MEDIA))
    assert (its.action, its.outcome, its.code) == ("skip", "skipped", "gone")


def test_a_file_that_cannot_be_sent_costs_its_media_alone(given: Given) -> None:
    why = Problem("reject", "attachment-empty", "It is empty.")
    bad = Draft("media", "media", 1, item=0, source=MediaSource("upload", "a.jpg", refused=why))
    parent, refused, other = plan(given, record(item(), bad, msgspec.structs.replace(MEDIA, ordinal=2)))
    assert [one.action for one in (parent, refused, other)] == ["create", "reject", "create"]
    assert (refused.code, refused.identifier) == ("attachment-empty", "a.jpg")


def scanned(name: str, digest: str) -> MediaSource:
    return MediaSource("upload", name, content=Content(digest * 64, 100))


def test_media_with_an_identity_are_known_again_by_it(given: Given) -> None:
    shot = msgspec.structs.replace(MEDIA, identity=identity("M1"))
    other = msgspec.structs.replace(MEDIA, identity=identity("M2"), ordinal=2)
    given.wrote(item(), ONE)
    given.wrote(shot, standing(70, {"dcterms:identifier": ["M1"]}, "media"))
    parent, known, new = plan(given, record(item(), shot, other))
    assert [(one.action, one.resource_id, one.depth) for one in (parent, known, new)] == [
        ("unchanged", 7, 0),
        ("unchanged", 70, 0),
        ("create", None, 1),
    ]
    assert {one.parent_seq for one in (known, new)} == {parent.seq}


def test_media_that_stand_are_updated_in_requests_of_their_own(given: Given) -> None:
    shot = msgspec.structs.replace(MEDIA, identity=identity("M1"))
    given.wrote(item(), ONE)
    given.wrote(shot, standing(70, {"dcterms:identifier": ["M1"]}, "media"))
    named = msgspec.structs.replace(shot, properties=(text("dcterms:title", "Front"),))
    parent, child = plan(given, record(item(), named))
    assert (parent.action, child.action, child.resource_id, child.parent_seq) == (
        "unchanged",
        "update",
        70,
        parent.seq,
    )
    assert child.depth == 1  # what has an item and depth 0 is sent with the item
    assert [(one.name, one.after) for one in changes_of(child)] == [("dcterms:title", ("Front",))]


def test_a_chunk_is_looked_up_at_once(given: Given) -> None:
    plan(given, *(record(item(f"A{n}"), row=n) for n in range(200)))
    assert given.calls == ["known", "bearers", "planned"]


def test_what_a_chunk_must_compare_is_read_at_once(given: Given) -> None:
    for n in range(200):
        given.wrote(item(f"A{n}"), standing(n + 1, {"dcterms:identifier": [f"A{n}"]}))
    entries = plan(given, *(record(item(f"A{n}", "New"), row=n) for n in range(200)))
    assert {entry.action for entry in entries} == {"update"}
    assert given.calls == ["known", "bearers", "planned", "current item", "rows"]


def test_a_loaded_item_that_gets_media_is_not_touched_itself(given: Given) -> None:
    given.stands(standing(12, {}))
    loaded = Draft("item", "item", 0, action="load", resource_id=12)
    parent, child = plan(given, record(loaded, MEDIA))
    assert (parent.action, parent.resource_id, parent.outcome) == ("unchanged", 12, "unchanged")
    assert (child.action, child.parent_seq, child.depth) == ("create", parent.seq, 1)


def test_loading_what_is_not_there_rejects_the_record(given: Given) -> None:
    (entry,) = plan(given, record(Draft("item", "item", 0, action="load", resource_id=12)))
    assert (entry.action, entry.code) == ("reject", "not-found")
