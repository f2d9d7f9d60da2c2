"""The taxonomy of Omeka S's answers: the table in `docs/errors.md` against the code, a case at a time."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from tests.taxonomy import (
    CASES,
    INSERT_VALUE,
    JSON,
    ROWS,
    TABLE,
    Case,
    Column,
    Row,
    failed,
    sql,
)
from worker.errors import Fatal, Retriable
from worker.targets.base import Answer, Barred, Done, Lost, Method, NotDone, Operation, OperationKey, Refused
from worker.targets.http import Outcome, Reply
from worker.targets.omeka_s import client
from worker.targets.omeka_s.answers import body_of_read, judge, outage, proof
from worker.targets.omeka_s.verdict import error_messages
from worker.targets.verdict import Verdict, answer_to_write

from .exchanges import body, method, reply

METHODS: dict[str, Method] = {"GET": "create", "POST": "create", "PATCH": "update", "DELETE": "delete"}


def writing(method: Method = "create", number: int | None = None) -> Operation:
    return Operation(OperationKey("1"), method, "item", number, b"{}")


def asked_by(case: Case) -> Operation:
    """The write that got this answer."""
    method_ = METHODS[method(case.name)] if case.recorded else "create"
    return writing(method_, None if method_ == "create" else 5)


def verdict(case: Case, column: Column) -> tuple[str, str]:
    """The word of the table for what is made of an answer, and the code that is told."""
    match column:
        case "write":
            return _of_answer(judge(asked_by(case), case.outcome))
        case "first":
            return _of_read(lambda: proof(case.outcome))
        case "read":
            return _of_read(lambda: client._entries(case.outcome))


def _of_answer(found: Verdict) -> tuple[str, str]:
    match answer_to_write(found):
        case Done():
            return "done", ""
        case Barred(code=code):
            return "fatal", code
        case NotDone(code=code):
            return "retriable", code
        case Refused(code=code):
            return "reject", code
        case Lost(code=code):
            return "unknown", code


def _of_read(read: Callable[[], object]) -> tuple[str, str]:
    try:
        read()
    except Retriable as error:
        return "retriable", error.code
    except Fatal as error:
        return "fatal", error.code
    return "done", ""


def in_table(row: Row, column: Column) -> tuple[str, str]:
    word = {"first": row.first, "read": row.read, "write": row.write}[column]
    return word, row.first_code if column == "first" else row.code


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_means_what_the_table_says(case: Case) -> None:
    row = ROWS[case.row]
    found = {column: verdict(case, column) for column in case.columns}
    assert found == {column: in_table(row, column) for column in case.columns}
    assert (outage("GET", case.outcome) is not None) == row.outage
    assert judge(asked_by(case), case.outcome).look_once == row.looks_once


@pytest.mark.parametrize("case", [one for one in CASES if "write" in one.columns], ids=str)
def test_every_answer_that_is_not_what_was_asked_for_is_told_to_a_person(case: Case) -> None:
    found = judge(asked_by(case), case.outcome)
    assert bool(found.message) == (ROWS[case.row].write != "done")
    assert found.status == (case.outcome.status if isinstance(case.outcome, Reply) else 0)


def test_every_row_of_the_table_is_read_and_its_words_are_the_four() -> None:
    assert len(ROWS) == TABLE.strip().count("\n") - 1
    words = {word for row in ROWS.values() for word in (row.first, row.read, row.write)}
    assert words == {"done", "fatal", "retriable", "reject", "unknown"}
    assert {row.read for row in ROWS.values()} == {"done", "fatal", "retriable"}


def test_every_row_of_the_table_has_cases_and_every_case_a_row() -> None:
    assert {case.row for case in CASES} == ROWS.keys()
    unheld = {(name, column) for name in ROWS for column in ("first", "read", "write")} - {
        (case.row, column) for case in CASES for column in case.columns
    }
    assert unheld == set()


def test_what_may_have_happened_is_never_said_not_to_have() -> None:
    may_have = {"target-timeout", "target-connection-lost", "target-failed", "target-bad-gateway"}
    certain = {row.code for row in ROWS.values() if row.write in ("fatal", "retriable", "reject")}
    assert not certain & may_have


def test_validation_messages_are_flattened_for_a_person() -> None:
    assert judge(writing(), reply("patch-required-missing")).message == (
        'Omeka refused it: The "Tmpl 1795367341" resource template requires a "Title" value; '
        'The "Tmpl 1795367341" resource template requires a "Call number" value'
    )
    assert error_messages(reply("media-unknown-ingester")) == {
        "o:ingester": "Media must set a valid ingester.",
        "o:item": "Media must belong to an item.",
    }


def test_a_reference_that_is_not_there_is_named() -> None:
    said = {
        name: judge(writing(), reply(name)).message
        for name in ("item-create-unknown-item-set", "item-create-unknown-value-resource")
    }
    after = "which is not in Omeka (any more) or not visible to the key's owner."
    assert said == {
        "item-create-unknown-item-set": f"It names item set 999999, {after}",
        "item-create-unknown-value-resource": f"It names resource 999999, {after}",
    }


def test_an_author_is_told_what_is_missing() -> None:
    message = judge(writing(), reply("author-patch-others-item")).message
    assert message.startswith("The owner of the target's key may not update this item")
    assert judge(writing(), reply("author-create-with-other-owner")).message.startswith(
        "The owner of the target's key may not change-owner this item"
    )


def test_the_values_of_an_sql_statement_are_never_quoted() -> None:
    private = '["literal", null, "a diary"]'
    refused = judge(writing(), sql(INSERT_VALUE, "22001", "Data too long", private))
    lost = judge(writing(), sql("INSERT INTO x (y) VALUES (?)", "HY000", "gone", private))
    odd = judge(writing(), failed(f"An exception occurred while executing 'X' with params {private}: no"))
    assert [verdict.judgement for verdict in (refused, lost, odd)] == ["reject", "unknown", "unknown"]
    assert not any("diary" in verdict.message for verdict in (refused, lost, odd))


def test_the_state_of_a_long_statement_is_still_found() -> None:
    long = sql(INSERT_VALUE, "22001", "Data too long for column 'lang' at row 1", f'["{"x" * 100_000}"]')
    verdict = judge(writing(), long)
    assert (verdict.code, len(verdict.message) < 400) == ("target-database-refused", True)


def test_secrets_in_an_answer_do_not_reach_the_message() -> None:
    text = "Error downloading http://u:pw@h/x?key_credential=SECRETSECRET: 404"
    verdict = judge(writing(), Reply(422, JSON, orjson.dumps({"errors": {"download": [text]}})))
    redirect = judge("read", Reply(301, {"location": "https://x/?key_identity=SECRETSECRET&a=1"}, b""))
    for message in (verdict.message, redirect.message):
        assert "SECRET" not in message
        assert "pw@" not in message


# --- what the executor sees -----------------------------------------------------------------------


def answered(operation: Operation, outcome: Outcome) -> Answer:
    return answer_to_write(judge(operation, outcome))


def test_a_create_is_done_with_its_representation() -> None:
    answer = answered(writing(), reply("item-create-literal"))
    assert isinstance(answer, Done)
    assert answer.saved is not None
    assert (answer.saved.id, answer.saved.modified, answer.saved.title, answer.saved.public) == (
        5,
        "2026-11-22 17:09:04",
        "First 1795367341",
        True,
    )
    assert answer.saved.body == body("item-create-literal")


def test_the_media_of_an_item_are_counted_in_the_answer() -> None:
    answer = answered(writing(), reply("item-create-inline-media"))
    assert isinstance(answer, Done)
    assert answer.saved is not None
    assert answer.saved.media_ids == (45, 46, 47)


def test_a_delete_is_done_when_the_answer_has_no_number_any_more() -> None:
    assert answered(writing("delete", 32), reply("item-delete")) == Done(None)
    assert isinstance(answered(writing("delete", 5), reply("item-create-literal")), Lost)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        None,
        5,
        {"o:id": None, "@id": "http://h/api/items"},
        {"o:id": True, "@id": "http://h/api/items/1"},
        {"o:id": "5", "@id": "http://h/api/items/5"},
        {"o:id": 5},
        {"o:id": 5, "@id": "http://h/api/media/5"},
        {"o:id": 5, "@id": "http://h/api/items/6"},
    ],
)
def test_a_200_that_is_no_resource_of_that_kind_is_lost(document: object) -> None:
    answer = answered(writing(), Reply(200, JSON, orjson.dumps(document)))
    assert isinstance(answer, Lost)
    assert answer.code == "target-answer-unreadable"


def test_an_update_is_done_only_when_the_answer_is_of_that_resource() -> None:
    assert isinstance(answered(writing("update", 5), reply("item-create-literal")), Done)
    assert isinstance(answered(writing("update", 6), reply("item-create-literal")), Lost)


def test_an_answer_keeps_its_reason() -> None:
    busy = answered(writing(), Reply(429, {"retry-after": "3"}, b""))
    assert busy == NotDone("target-busy", "The target is too busy (429).", 3.0, False)
    refused = answered(writing(), reply("item-create-item-set-not-array"))
    assert refused == Refused("target-validation", "Omeka refused it: Item sets must be an array", 422)
    barred = answered(writing(), reply("bad-key-create"))
    assert isinstance(barred, Barred)
    assert barred.message.startswith("Omeka does not let this key create any item")


def test_a_read_is_repeated_unless_that_is_pointless() -> None:
    assert body_of_read(reply("unknown-parameter")) == body("unknown-parameter")
    with pytest.raises(Retriable) as down:
        body_of_read(reply("db-down-get"))
    assert down.value.code == "target-down"
    assert down.value.message.startswith("Omeka is down: its database does not answer")
    with pytest.raises(Retriable) as busy:
        body_of_read(Reply(429, {"retry-after": "3"}, b""))
    assert (busy.value.code, busy.value.retry_after) == ("target-busy", 3.0)
    with pytest.raises(Fatal) as unsupported:
        body_of_read(reply("unknown-resource"))
    assert unsupported.value.code == "target-unsupported"
