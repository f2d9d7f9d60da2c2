from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from service.control.model import Control, Destination, Match, NotFound, Term
from service.store.ledger import Known
from service.store.plans import Entry
from worker.planning.decide import meant_digest
from worker.planning.met import Subject
from worker.planning.planner import Planner
from worker.records import (
    Draft,
    Fields,
    Identity,
    Kind,
    Mapped,
    MediaSource,
    Problem,
    Property,
    Value,
)

BY = ("dcterms:identifier",)


def identity(value: str) -> Identity:
    return Identity("tate", BY, (value,))


def item(value: str | None = "A1", title: str = "One", ordinal: int = 0) -> Draft:
    return Draft(
        "item",
        "item",
        ordinal,
        identity=identity(value) if value else None,
        properties=(Property("dcterms:title", (Value(text=title),)),),
    )


def record(*drafts: Draft, row: int = 1, problems: tuple[Problem, ...] = ()) -> Mapped:
    return Mapped("data0", row, drafts, problems)


class Given:
    """Look-ups that a test gives."""

    def __init__(self) -> None:
        self.ledger: dict[str, Known] = {}
        self.found: dict[str, list[int]] = {}
        self.entries: dict[tuple[str, str, str, str], Entry] = {}
        self.listings: dict[Kind, dict[int, str]] = {}
        self.calls = 0

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]:
        self.calls += 1
        assert subject == Subject("item", "tate", BY)
        return {digest: self.ledger[digest] for digest in digests if digest in self.ledger}

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]:
        return {digest: self.found[digest] for digest in digests if digest in self.found}

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]:
        return {key: entry for key, entry in self.entries.items() if key[3] in digests}

    def listing(self, kind: Kind) -> Mapping[int, str]:
        return self.listings.get(kind, {})


class Resolves:
    """A target that knows every name, but the class `foaf:Nobody`."""

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        if draft.fields.resource_class == "foaf:Nobody":
            return (Problem("reject", "class-unknown", "There is no class foaf:Nobody."),)
        return ()

    def custom_vocabulary(self, label: str) -> None:
        return None


@pytest.fixture
def given() -> Given:
    return Given()


def plan(given: Given, *records: Mapped, not_found: NotFound | None = None) -> list[Entry]:
    destination = Destination("item", "item")
    match = Match(destination, (Term("dcterms:identifier"),), scope="tate", not_found=not_found)
    control = Control(1, "omeka", (), (), match={"item": match}, visibility="public", sites=("main",))
    return Planner(control, Resolves(), given).plan(records)


def remembered(given: Given, draft: Draft, resource_id: int = 7, modified: str = "now") -> None:
    """As if an earlier run had written it."""
    assert draft.identity is not None
    digest = draft.identity.digest
    given.ledger[digest] = Known(
        digest, draft.identity.shown, resource_id, meant_digest(draft, []), "2026-11-22 10:00:00"
    )
    given.listings["item"] = {resource_id: "2026-11-22 10:00:00" if modified == "now" else modified}


def test_an_unknown_record_is_created_with_what_the_control_file_says_of_created_resources(
    given: Given,
) -> None:
    (entry,) = plan(given, record(item()))
    assert entry.draft is not None
    draft = msgspec.json.decode(entry.draft, type=Draft)
    assert draft == msgspec.structs.replace(item(), fields=Fields(public=True, sites=("main",)))
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
        meant=meant_digest(item(), []),
    )


def test_a_record_that_was_written_and_nobody_touched_is_unchanged(given: Given) -> None:
    remembered(given, item())
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.outcome_id, entry.draft) == ("unchanged", "unchanged", 7, None)


def test_a_record_that_differs_from_what_was_written_is_refused_while_updates_are_not_offered(
    given: Given,
) -> None:
    remembered(given, item())
    (entry,) = plan(given, record(item(title="Other")))
    assert (entry.action, entry.outcome, entry.code, entry.resource_id) == (
        "reject",
        "rejected",
        "update-not-offered",
        7,
    )


def test_a_record_whose_resource_somebody_touched_is_not_called_unchanged(given: Given) -> None:
    remembered(given, item(), modified="2026-11-22 11:30:00")
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.code) == ("reject", "update-not-offered")


def test_a_record_whose_resource_somebody_deleted_is_skipped_with_a_warning(given: Given) -> None:
    remembered(given, item())
    given.listings["item"] = {}
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.outcome, entry.code) == ("skip", "skipped", "gone")


def test_a_resource_that_stood_there_before_is_not_created_twice(given: Given) -> None:
    given.found[identity("A1").digest] = [31]
    (entry,) = plan(given, record(item()))
    assert (entry.action, entry.code, entry.resource_id) == ("reject", "update-not-offered", 31)


def test_an_identity_that_several_resources_bear_is_refused_naming_them(given: Given) -> None:
    given.found[identity("A1").digest] = [31, 32]
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
    (entry,) = plan(given, record(item()), not_found=not_found)
    assert (entry.action, entry.code) == expected


def test_the_second_record_of_one_identity_is_refused_and_the_first_is_named(given: Given) -> None:
    first, second = plan(given, record(item(), row=3), record(item(title="Again"), row=9))
    assert first.action == "create"
    assert (second.action, second.code) == ("reject", "duplicate-identity")
    assert second.message is not None
    assert "data0 row 3" in second.message


def test_a_record_of_an_earlier_chunk_counts_too(given: Given) -> None:
    (earlier,) = plan(given, record(item(), row=3))
    given.entries["item", "tate", "dcterms:identifier", identity("A1").digest] = earlier
    (entry,) = plan(given, record(item(), row=300))
    assert (entry.action, entry.code) == ("reject", "duplicate-identity")


def test_a_record_is_planned_whole_or_not_at_all(given: Given) -> None:
    given.found[identity("A2").digest] = [31, 32]
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
    assert entry.problems is not None
    assert msgspec.json.decode(entry.problems, type=tuple[Problem, ...]) == problems


def test_a_warning_goes_with_the_record_that_is_written(given: Given) -> None:
    warning = Problem("warning", "dropped", "The value was left out.")
    (entry,) = plan(given, record(item(), problems=(warning,)))
    assert (entry.action, entry.code, entry.message) == ("create", "dropped", "The value was left out.")


def test_a_skipped_record_is_no_error(given: Given) -> None:
    (entry,) = plan(given, Mapped("data0", 4, skipped="not for the public"))
    assert (entry.action, entry.outcome, entry.message) == ("skip", "skipped", "not for the public")


def test_media_travel_with_their_new_item_and_those_beyond_the_limit_follow_it(given: Given) -> None:
    media = [
        Draft("media", "media", n, item=0, source=MediaSource("html", f"<p>{n}</p>")) for n in range(1, 24)
    ]
    entries = plan(given, record(item(), *media))
    parent, children = entries[0], entries[1:]
    assert [child.parent_seq for child in children] == [parent.seq] * 23
    assert [child.depth for child in children] == [0] * 20 + [1] * 3
    assert {child.action for child in children} == {"create"}


def test_media_count_for_whether_their_item_is_unchanged(given: Given) -> None:
    media = Draft("media", "media", 1, item=0, source=MediaSource("html", "<p>one</p>"))
    assert meant_digest(item(), [media]) != meant_digest(item(), [])
    remembered(given, item())
    parent, child = plan(given, record(item(), media))
    assert (parent.code, child.action) == ("update-not-offered", "reject")


def test_a_chunk_is_looked_up_at_once(given: Given) -> None:
    plan(given, *(record(item(f"A{n}"), row=n) for n in range(200)))
    assert given.calls == 1


def test_a_loaded_item_that_gets_media_is_not_touched_itself(given: Given) -> None:
    given.listings["item"] = {12: "2026-11-22 10:00:00"}
    loaded = Draft("item", "item", 0, action="load", resource_id=12)
    media = Draft("media", "media", 1, item=0, source=MediaSource("html", "<p>one</p>"))
    parent, child = plan(given, record(loaded, media))
    assert (parent.action, parent.resource_id, parent.outcome) == ("unchanged", 12, "unchanged")
    assert (child.action, child.parent_seq, child.depth) == ("create", parent.seq, 1)


def test_loading_what_is_not_there_rejects_the_record(given: Given) -> None:
    (entry,) = plan(given, record(Draft("item", "item", 0, action="load", resource_id=12)))
    assert (entry.action, entry.code) == ("reject", "not-found")
