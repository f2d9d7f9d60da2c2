from __future__ import annotations

import pytest

from service.store import ledger, representations, runs, surveys
from service.store.database import Database
from service.store.ledger import Holder, LedgerKey, LedgerRow
from service.store.representations import Kept
from service.store.runs import Claim, FenceLostError, RunOptions
from service.store.surveys import Bearer, SurveyFacts, SurveyKey, SurveyRow

THEN, LATER = "2026-01-01 00:00:00", "2026-01-02 00:00:00"
KEY = SurveyKey("omeka", "item", "dcterms:identifier")


@pytest.fixture
def claim(database: Database, batch_id: str) -> Claim:
    run = runs.schedule_run(
        database, batch_id=batch_id, mode="import", options=RunOptions(), key_id=1, inputs_digest="i"
    )
    claimed = runs.claim_run(database, run.id, "one", 60_000)
    assert claimed is not None
    return claimed


def add(database: Database, claim: Claim, number: int, next_page: int, *rows: SurveyRow) -> None:
    with runs.fenced(database, claim) as connection:
        surveys.add_page(connection, number, rows, next_page)


def written(scope: str, by: str, digest: str, number: int, modified: str = THEN) -> LedgerRow:
    key = LedgerKey("omeka", "item", scope, by)
    return LedgerRow(key, digest, digest.upper(), number, "m", b'{"o:id": 1}', modified, "r", "k")


def test_a_survey_is_noted_then_paged_and_goes_on_where_it_stood(database: Database, claim: Claim) -> None:
    begun = surveys.open_survey(database, claim, KEY)
    assert (begun.next_page, begun.complete) == (0, False)
    surveys.note_listed(database, claim, begun.id, {1: THEN, 2: THEN, 3: THEN})
    assert surveys.open_survey(database, claim, KEY) == SurveyFacts(begun.id, 1, False)
    add(database, claim, begun.id, 2, SurveyRow(1, "a", THEN), SurveyRow(1, "b", THEN))
    add(database, claim, begun.id, 3, SurveyRow(2, "", LATER))
    assert surveys.open_survey(database, claim, KEY) == SurveyFacts(begun.id, 3, False)
    assert surveys.looked_at(database, begun.id) == {1: THEN, 2: LATER, 3: THEN}
    assert surveys.identified(database, begun.id) == {1}
    with runs.fenced(database, claim) as connection:
        surveys.complete(connection, begun.id)
    assert surveys.open_survey(database, claim, KEY).complete


def test_a_listing_that_was_noted_in_part_is_noted_again_over_what_pages_brought(
    database: Database, claim: Claim
) -> None:
    number = surveys.open_survey(database, claim, KEY).id
    surveys.note_listed(database, claim, number, {1: THEN, 2: THEN})
    add(database, claim, number, 5, SurveyRow(1, "a", THEN))
    surveys.note_listed(database, claim, number, {2: LATER, 3: LATER})
    assert surveys.looked_at(database, number) == {1: THEN, 2: THEN, 3: LATER}
    assert surveys.open_survey(database, claim, KEY).next_page == 5


def test_a_run_that_has_come_less_far_does_not_set_a_survey_back(database: Database, claim: Claim) -> None:
    number = surveys.open_survey(database, claim, KEY).id
    add(database, claim, number, 7, SurveyRow(9, "a", THEN))
    add(database, claim, number, 4, SurveyRow(9, "a", LATER))
    assert surveys.open_survey(database, claim, KEY).next_page == 7
    assert surveys.looked_at(database, number) == {9: LATER}


def test_what_is_narrowed_otherwise_is_another_survey(database: Database, claim: Claim) -> None:
    whole = surveys.open_survey(database, claim, KEY)
    narrowed = surveys.open_survey(database, claim, SurveyKey("omeka", "item", KEY.by, "d" * 64))
    assert whole.id != narrowed.id


def test_bearers_of_several_surveys_are_one_union_by_number(database: Database, claim: Claim) -> None:
    first = surveys.open_survey(database, claim, KEY).id
    second = surveys.open_survey(database, claim, SurveyKey("omeka", "item", "dcterms:source")).id
    add(database, claim, first, 2, SurveyRow(5, "a", THEN), SurveyRow(3, "a", THEN), SurveyRow(4, "b", THEN))
    add(database, claim, second, 2, SurveyRow(3, "a", THEN), SurveyRow(6, "a", LATER))
    assert surveys.bearers(database, [first, second], ["a", "c"]) == {
        "a": [Bearer(3, THEN), Bearer(5, THEN), Bearer(6, LATER)]
    }
    assert surveys.bearers(database, [first], ["a"]) == {"a": [Bearer(3, THEN), Bearer(5, THEN)]}
    assert surveys.bearers(database, [], ["a"]) == surveys.bearers(database, [first], []) == {}


def test_what_is_gone_is_forgotten_and_what_was_read_again_replaced(database: Database, claim: Claim) -> None:
    number = surveys.open_survey(database, claim, KEY).id
    add(database, claim, number, 2, SurveyRow(1, "a", THEN), SurveyRow(1, "b", THEN), SurveyRow(2, "c", THEN))
    with runs.fenced(database, claim) as connection:
        surveys.forget(connection, number, [2])
        surveys.replace_rows(connection, number, [SurveyRow(1, "b", LATER)])
    assert surveys.looked_at(database, number) == {1: LATER}
    assert surveys.bearers(database, [number], ["a", "b", "c"]) == {"b": [Bearer(1, LATER)]}


def test_copies_are_kept_once_a_resource_and_the_ledgers_come_first(database: Database, claim: Claim) -> None:
    with runs.fenced(database, claim) as connection:
        representations.keep(connection, "omeka", "item", [Kept(1, THEN, b"old"), Kept(2, THEN, b"two")])
        representations.keep(connection, "omeka", "item", [Kept(1, LATER, b"new")])
        representations.keep(connection, "omeka", "media", [Kept(1, THEN, b"media")])
        representations.keep(connection, "other", "item", [Kept(1, THEN, b"elsewhere")])
        ledger.upsert(connection, [written("tate", "dcterms:identifier", "a", 1)])
    assert representations.kept(database, "omeka", "item", [1, 2, 3]) == [
        Kept(1, THEN, b'{"o:id": 1}'),
        Kept(1, LATER, b"new"),
        Kept(2, THEN, b"two"),
    ]
    with runs.fenced(database, claim) as connection:
        representations.forget(connection, "omeka", "item", [1, 2])
    assert representations.kept(database, "omeka", "item", [1, 2]) == [Kept(1, THEN, b'{"o:id": 1}')]


def test_nothing_is_kept_for_a_run_that_is_anothers(database: Database, claim: Claim) -> None:
    lost = Claim(claim.run_id, claim.fence - 1, "two")
    with pytest.raises(FenceLostError), runs.fenced(database, lost) as connection:
        representations.keep(connection, "omeka", "item", [Kept(1, THEN, b"x")])
    with pytest.raises(FenceLostError):
        surveys.open_survey(database, lost, KEY)
    assert representations.kept(database, "omeka", "item", [1]) == []


def test_the_ledger_tells_under_what_it_holds_a_resource_and_since_when(
    database: Database, claim: Claim
) -> None:
    rows = [
        written("tate", "dcterms:identifier", "a", 1),
        written("moma", "dcterms:source", "b", 1),
        written("tate", "dcterms:identifier", "c", 2, LATER),
    ]
    with runs.fenced(database, claim) as connection:
        ledger.upsert(connection, rows)
    held = ledger.holders(database, "omeka", "item", [1, 2, 3])
    assert {number: sorted(several, key=lambda one: one.scope) for number, several in held.items()} == {
        1: [
            Holder(1, "moma", "dcterms:source", "b", "B"),
            Holder(1, "tate", "dcterms:identifier", "a", "A"),
        ],
        2: [Holder(2, "tate", "dcterms:identifier", "c", "C")],
    }
    assert ledger.stamps(database, "omeka", "item") == {1: THEN, 2: LATER}
    assert ledger.stamps(database, "omeka", "item", "dcterms:source") == {1: THEN}
    assert ledger.stamps(database, "omeka", "media") == {}
