"""How records are known again, and what the control file has become of those that are or are not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from service.control.model import Found, Gone, NotFound
from tests.unit.planning.given import (
    NOW,
    Given,
    changes_of,
    identity,
    item,
    loading,
    match_item,
    plan,
    planned,
    problems_of,
    record,
    standing,
    text,
)
from worker.planning.merging import UNPUBLISHED
from worker.records import Draft, Fields, Identity, Problem, Property, Value


@pytest.fixture
def given() -> Given:
    return Given()


ONE = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]})
"""What `item()` has become."""


def short(given: Given, *records: Any, **more: Any) -> list[tuple[str, str | None, str | None, int | None]]:
    return [
        (entry.action, entry.outcome, entry.code, entry.resource_id)
        for entry in plan(given, *records, **more)
    ]


# --- found, not found, gone -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("update", ("update", None, None, 7)),
        ("skip", ("skip", "skipped", "found-skipped", 7)),
        ("reject", ("reject", "rejected", "found", 7)),
    ],
)
def test_found_decides_about_records_whose_resource_is_there(
    given: Given, found: Found, expected: tuple[str, str | None, str | None, int]
) -> None:
    given.wrote(item(), ONE)
    assert short(given, record(item(title="New")), match=match_item(found=found)) == [expected]


def test_found_says_nothing_of_what_a_record_loads(given: Given) -> None:
    given.wrote(item(), ONE)
    loaded = record(loading("A1", text("dcterms:subject", "Sea")))
    assert short(given, loaded, match=match_item(found="reject")) == [("update", None, None, 7)]


@pytest.mark.parametrize("not_found", [None, "reject"])
def test_what_is_loaded_and_not_there_rejects_its_record(given: Given, not_found: NotFound | None) -> None:
    (entry,) = plan(given, record(loading()), match=match_item(not_found=not_found))
    assert (entry.action, entry.code, entry.message) == (
        "reject",
        "not-found",
        "dcterms:identifier “A1” is not in the target.",
    )


def test_what_is_loaded_and_not_there_is_created_where_the_control_file_says_so(given: Given) -> None:
    loaded = record(loading("A1", text("dcterms:subject", "Sea")))
    assert short(given, loaded, match=match_item(not_found="create")) == [("create", None, None, None)]


def test_what_is_loaded_and_not_there_can_be_skipped(given: Given) -> None:
    expected = [("skip", "skipped", "not-found-skipped", None)]
    assert short(given, record(loading()), match=match_item(not_found="skip")) == expected


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("skip", ("skip", "skipped", "gone", 7)),
        ("create", ("create", None, "gone", None)),
        ("reject", ("reject", "rejected", "gone", 7)),
    ],
)
def test_gone_decides_about_resources_that_somebody_deleted(
    given: Given, gone: Gone, expected: tuple[str, str | None, str, int | None]
) -> None:
    given.wrote(item(), ONE)
    given.gone("item", 7)
    assert short(given, record(item()), match=match_item(gone=gone)) == [expected]
    assert given.confirmed == [("item", (7,))]


def test_what_is_loaded_and_was_deleted_is_not_created_again(given: Given) -> None:
    given.wrote(item(), ONE)
    given.gone("item", 7)
    loaded = record(loading("A1", text("dcterms:subject", "Sea")))
    assert short(given, loaded, match=match_item(gone="create")) == [("skip", "skipped", "gone", 7)]


def test_what_the_target_deleted_while_the_plan_was_made_rejects_its_record(given: Given) -> None:
    given.wrote(item(), ONE)
    del given.resources["item", 7]
    (entry,) = plan(given, record(item(title="New")))
    assert (entry.action, entry.code, entry.message) == (
        "reject",
        "gone",
        "item 7 was deleted while this plan was made.",
    )


# --- alternatives, several together ---------------------------------------------------------------

ANY = Identity("tate", ("dcterms:identifier", "dcterms:source"), ("A1",))
"""Either may bear it."""
BOTH = Identity("tate", ("dcterms:identifier", "dcterms:source"), ("A1", "Tate"))


def with_identity(one: Identity, *properties: Property) -> Draft:
    return Draft("item", "item", 0, identity=one, properties=properties)


def test_an_alternative_is_kept_in_a_form_of_its_own(given: Given) -> None:
    (one,) = plan(given, record(with_identity(ANY)))
    (both,) = plan(given, record(with_identity(BOTH)))
    assert (one.identifier, one.by) == ("A1", "dcterms:identifier | dcterms:source")
    assert (both.identifier, both.by) == ("A1 + Tate", "dcterms:identifier dcterms:source")
    assert (one.key_digest, both.key_digest) == (ANY.digest, BOTH.digest)


def test_what_bears_an_alternative_is_updated_and_keeps_it_where_it_is(given: Given) -> None:
    given.stands(standing(31, {"dcterms:source": ["A1"]}))
    given.bears("A1", 31, by=ANY.by)
    (entry,) = plan(given, record(with_identity(ANY, text("dcterms:title", "One"))))
    assert (entry.action, entry.resource_id) == ("update", 31)
    assert [one.name for one in changes_of(entry)] == ["dcterms:title"]


def test_what_bears_one_part_of_an_identity_is_not_it(given: Given) -> None:
    given.wrote(with_identity(BOTH), standing(31, {"dcterms:identifier": ["A1"], "dcterms:source": ["Tate"]}))
    other = Identity("tate", BOTH.by, ("A1", "Private"))
    assert short(given, record(with_identity(BOTH)), record(with_identity(other), row=2)) == [
        ("unchanged", "unchanged", None, 31),
        ("create", None, None, None),
    ]


def test_an_ambiguous_alternative_is_refused_with_what_it_could_be_in(given: Given) -> None:
    given.bears("A1", 31, 32, by=ANY.by)
    (entry,) = plan(given, record(with_identity(ANY)))
    assert entry.message == (
        "dcterms:identifier or dcterms:source “A1” is borne by several resources in the target: 31, 32. "
        "Nothing was chosen; take the identifier off all but one of them."
    )


# --- strangers ------------------------------------------------------------------------------------


def test_a_known_resource_that_lost_its_identity_is_not_the_record_s_any_more(given: Given) -> None:
    """Somebody gave number 7 another identifier: it is another thing now, and this one is to be made."""
    given.wrote(item(), ONE)
    given.stands(standing(7, {"dcterms:identifier": ["B9"]}, modified=NOW))
    assert short(given, record(item(title="New"))) == [("create", None, None, None)]


def test_what_bears_the_identity_instead_takes_its_place(given: Given) -> None:
    given.wrote(item(), ONE)
    given.stands(standing(7, {"dcterms:identifier": ["B9"]}, modified=NOW))
    given.stands(standing(8, {"dcterms:identifier": ["A1"]}))
    given.bears("A1", 8)
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.resource_id) == ("update", 8)
    assert [one.name for one in changes_of(entry)] == ["dcterms:title"]


def test_a_known_resource_that_nobody_touched_is_not_read_to_see_what_it_bears(given: Given) -> None:
    given.wrote(item(), ONE)
    plan(given, record(item()))
    assert given.calls == ["known", "bearers", "planned"]


# --- earlier records of the run -------------------------------------------------------------------


def test_a_record_can_change_what_an_earlier_one_creates(given: Given) -> None:
    more = loading("A1", text("dcterms:subject", "Sea"))
    new, change, only_named = plan(given, record(item()), record(more, row=2), record(loading(), row=3))
    assert new.action == "create"
    assert (change.action, change.completes, change.resource_id, change.changes, change.before) == (
        "update",
        new.seq,
        None,
        None,
        None,
    )
    assert (only_named.action, only_named.completes, only_named.outcome) == (
        "unchanged",
        new.seq,
        "unchanged",
    )


def test_a_record_can_change_what_an_earlier_chunk_creates(given: Given) -> None:
    (new,) = plan(given, record(item()))
    given.planned_before(msgspec.structs.replace(new, seq=400))
    (change,) = plan(given, record(loading("A1", text("dcterms:subject", "Sea")), row=2))
    assert (change.action, change.completes) == ("update", 400)


def test_media_of_what_an_earlier_record_creates_belong_to_that_item(given: Given) -> None:
    """The entry that only names the item makes nothing: the media must find the one that does."""
    media = Draft("media", "media", 1, item=0, properties=(Property("dcterms:title", (Value(text="M"),)),))
    new, named, child = plan(given, record(item()), record(loading(), media, row=2))
    assert (named.action, named.completes) == ("unchanged", new.seq)
    assert (child.action, child.parent_seq, child.depth) == ("create", new.seq, 1)


def test_what_an_earlier_record_creates_cannot_be_deleted(given: Given) -> None:
    _, entry = plan(given, record(item()), record(loading(action="delete"), row=2))
    assert (entry.action, entry.code, entry.message) == (
        "reject",
        "delete-new",
        "dcterms:identifier “A1” is created by data0 row 1 of the same batch, and this record would delete "
        "it again: correct one of the two.",
    )


# --- delete ---------------------------------------------------------------------------------------


def test_a_deletion_is_shown_as_the_title_that_goes(given: Given) -> None:
    given.wrote(item(), ONE)
    (entry,) = plan(given, record(loading(action="delete")))
    assert (entry.action, entry.outcome, entry.resource_id, entry.draft, entry.before) == (
        "delete",
        None,
        7,
        None,
        ONE.modified.encode(),
    )
    assert [(one.name, one.removed) for one in changes_of(entry)] == [("item", ("One",))]


def test_a_deletion_of_what_is_not_there_rejects_its_record(given: Given) -> None:
    assert short(given, record(loading(action="delete"))) == [("reject", "rejected", "not-found", None)]


def test_a_deletion_that_would_lose_files_is_refused(given: Given) -> None:
    given.wrote(item(), standing(7, {"dcterms:title": ["One"]}, **{"o:media": [{"o:id": 70}, {"o:id": 71}]}))
    given.stands(standing(70, {}, "media", **{"o:ingester": "html"}))
    given.stands(standing(71, {}, "media", **{"o:ingester": "upload"}))
    (entry,) = plan(given, record(loading(action="delete")))
    assert (entry.action, entry.code) == ("reject", "delete-would-lose-files")
    assert entry.message is not None
    assert "item 7 “One” has files (media 71)" in entry.message


@pytest.mark.parametrize(
    ("on_conflict", "expected"),
    [
        ("overwrite", ("delete", None, "conflict-overwrite", 7)),
        ("keep", ("skip", "skipped", "conflict-keep", 7)),
        ("reject", ("reject", "rejected", "conflict", 7)),
    ],
)
def test_a_deletion_of_what_somebody_edited_is_a_conflict(
    given: Given, on_conflict: Any, expected: tuple[str, str | None, str, int]
) -> None:
    given.wrote(item(), ONE)
    given.stands(standing(7, {"dcterms:identifier": ["A1"], "dcterms:title": ["Mine"]}, modified=NOW))
    assert short(given, record(loading(action="delete")), on_conflict=on_conflict) == [expected]


# --- whole records --------------------------------------------------------------------------------


def test_one_refused_resource_takes_the_update_of_another_with_it(given: Given) -> None:
    given.wrote(item(), ONE)
    given.bears("A2", 31, 32)
    first, second = plan(given, record(item(title="New"), item("A2", ordinal=1)))
    assert (first.action, first.outcome, first.code, first.draft, first.changes, first.before) == (
        "reject",
        "rejected",
        "record-refused",
        None,
        None,
        None,
    )
    assert (second.action, second.code) == ("reject", "ambiguous-identity")


def test_what_is_not_sent_is_not_held_against_the_target_s_names(given: Given) -> None:
    """The class was there when the record was written; nothing is sent now, so nothing can be refused."""
    draft = item(fields=Fields(resource_class="foaf:Nobody"))
    given.wrote(draft, ONE)
    assert short(given, record(draft)) == [("unchanged", "unchanged", None, 7)]


# --- what was withdrawn ---------------------------------------------------------------------------


def test_a_record_that_returns_is_public_again(given: Given) -> None:
    hidden = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]}, **{"o:is_public": False})
    given.wrote(item(), hidden, withdrawn=UNPUBLISHED, meant="")
    (entry,) = plan(given, record(item()))
    assert entry.action == "update"
    assert [(one.name, one.before, one.after) for one in changes_of(entry)] == [
        ("public", ("false",), ("true",))
    ]


def test_a_record_that_returns_and_says_that_it_is_private_stays_so(given: Given) -> None:
    draft = item(fields=Fields(public=False))
    hidden = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]}, **{"o:is_public": False})
    given.wrote(draft, hidden, withdrawn=UNPUBLISHED, meant="")
    assert short(given, record(draft)) == [("unchanged", "unchanged", None, 7)]


def test_a_record_that_was_unpublished_by_a_person_stays_private(given: Given) -> None:
    hidden = standing(
        7,
        {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]},
        modified=NOW,
        **{"o:is_public": False},
    )
    given.wrote(item(), ONE)
    given.stands(hidden)
    assert short(given, record(item())) == [("unchanged", "unchanged", None, 7)]


# --- what is told beside --------------------------------------------------------------------------


def test_a_warning_of_a_decision_and_those_of_the_record_stand_together(given: Given) -> None:
    given.wrote(item(), ONE)
    given.gone("item", 7)
    warning = Problem("warning", "dropped", "The value was left out.")
    (entry,) = plan(given, record(item(), problems=(warning,)))
    assert entry.code == "gone"
    assert [problem.code for problem in problems_of(entry)] == ["gone", "dropped"]


def test_a_record_that_is_refused_is_mentioned_by_every_identity_that_was_read(given: Given) -> None:
    refused = msgspec.structs.replace(
        record(problems=(Problem("reject", "bad-date", "Not a date."),)),
        identities=(identity("A1"), identity("A2")),
    )
    nobody = record(item(fields=Fields(resource_class="foaf:Nobody")), row=2)
    made = planned(given, refused, nobody)
    assert [entry.action for entry in made.entries] == ["reject", "reject"]
    assert [(key.seq, key.kind, key.key_digest, key.linkable) for key in made.keys] == [
        (1, "", identity("A1").digest, False),
        (1, "", identity("A2").digest, False),
        (2, "item", identity("A1").digest, False),
    ]
