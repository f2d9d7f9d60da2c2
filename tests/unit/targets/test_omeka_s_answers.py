"""The taxonomy of Omeka S's answers: the recorded ones by name, then those that nobody recorded."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from worker.errors import Fatal, Retriable
from worker.targets.base import Done, Lost, NotDone, Refused
from worker.targets.http import Failure, Reply
from worker.targets.omeka_s.answers import answer_to_write, body_of_read, classify
from worker.targets.omeka_s.verdict import Verdict, error_messages

from .exchanges import body, exchange, method, reply

JSON = {"content-type": "application/ld+json", "omeka-s-version": "4.2.0"}
HTML = {"content-type": "text/html"}

RECORDED = [
    # exchange, judgement, code, outage
    ("item-create-literal", "ok", "", False),
    ("item-delete", "ok", "", False),
    ("db-down-post", "not-done", "target-down", True),
    ("db-down-get", "not-done", "target-down", True),
    ("maintenance-post", "not-done", "target-down", True),
    ("maintenance-get", "not-done", "target-down", True),
    ("maintenance-page", "lost", "target-answer-unreadable", True),
    ("accept-turtle", "lost", "target-answer-unreadable", True),
    ("fpm-down", "lost", "target-bad-gateway", True),
    ("many-ids", "lost", "target-bad-gateway", True),
    ("per-page-huge-memory-exhausted", "lost", "target-failed", True),
    ("item-create-missing-type", "lost", "target-failed", True),
    ("item-create-property-auto-unknown", "lost", "target-failed", True),
    ("item-set-delete", "lost", "target-failed", True),
    ("media-upload-over-post_max_size", "lost", "target-failed", True),
    ("many-or-clauses", "lost", "target-failed", False),
    ("return-scalar-unknown", "lost", "target-failed", False),
    ("item-create-unknown-property-id", "refused", "target-database-refused", False),
    ("item-create-long-language", "refused", "target-database-refused", False),
    ("unknown-resource", "refused", "target-unsupported", False),
    ("item-create-unknown-class", "refused", "target-unknown-reference", False),
    ("item-create-unknown-template", "refused", "target-unknown-reference", False),
    ("item-create-unknown-item-set", "refused", "target-unknown-reference", False),
    ("item-create-item-set-is-an-item", "refused", "target-unknown-reference", False),
    ("item-create-unknown-value-resource", "refused", "target-unknown-reference", False),
    ("author-add-to-others-private-item-set", "refused", "target-unknown-reference", False),
    ("media-upload-unknown-item", "refused", "target-unknown-reference", False),
    ("patch-unknown-item", "refused", "target-gone", False),
    ("item-delete-again", "refused", "target-gone", False),
    ("unknown-item", "refused", "target-gone", False),
    ("item-create-item-set-not-array", "refused", "target-validation", False),
    ("patch-required-missing", "refused", "target-validation", False),
    ("media-unknown-ingester", "refused", "target-validation", False),
    ("media-upload-csv-rejected", "refused", "target-validation", False),
    ("media-url-not-found", "refused", "target-ingest-failed", False),
    ("media-url-unreachable", "refused", "target-ingest-failed", False),
    ("media-url-invalid", "refused", "target-ingest-failed", False),
    ("media-upload-over-upload_max_filesize", "refused", "target-too-large", False),
    ("media-upload-over-nginx-limit", "refused", "target-too-large", False),
    ("bad-json", "refused", "target-refused-request", False),
    ("invalid-utf8-json", "refused", "target-refused-request", False),
    ("deep-json", "refused", "target-refused-request", False),
    ("wrong-content-type", "refused", "target-refused-request", False),
    ("patch-collection", "refused", "target-blocked", False),
    ("no-auth-create", "refused", "target-key-refused", False),
    ("bad-key-create", "refused", "target-key-refused", False),
    ("bearer-header-ignored", "refused", "target-key-refused", False),
    ("inactive-user-create", "refused", "target-key-refused", False),
    ("patch-no-auth", "refused", "target-key-refused", False),
    ("item-delete-no-auth", "refused", "target-key-refused", False),
    ("author-patch-others-item", "refused", "not-allowed", False),
    ("author-create-with-other-owner", "refused", "not-allowed", False),
    ("media-file-after-delete", "not-done", "target-not-omeka", True),
]


@pytest.mark.parametrize(("name", "judgement", "code", "outage"), RECORDED)
def test_a_recorded_answer_is_judged(name: str, judgement: str, code: str, outage: bool) -> None:
    verdict = classify(method(name), reply(name))
    assert (verdict.judgement, verdict.code, verdict.outage) == (judgement, code, outage)
    assert verdict.status == exchange(name)["response"]["status"]
    assert bool(verdict.message) == (judgement != "ok")


def _json(status: int, text: str, **headers: str) -> Reply:
    return Reply(status, JSON | headers, orjson.dumps({"errors": {"error": text}}))


def _sql(statement: str, state: str, reason: str = "went wrong", params: str = '["x"]') -> str:
    executing = f"An exception occurred while executing '{statement}' with params {params}"
    return f"{executing}:\n\nSQLSTATE[{state}]: {reason}"


INSERT_VALUE = "INSERT INTO `value` (type) VALUES (?)"

UNRECORDED = [
    # outcome, judgement, code, outage
    (Failure("unreachable", False, "refused"), "not-done", "target-unreachable", True),
    (Failure("held-back", False, "not certain"), "not-done", "held-back", False),
    (Failure("timeout", True, "no answer"), "lost", "target-timeout", True),
    (Failure("broken", True, "reset"), "lost", "target-connection-lost", True),
    (Failure("too-large", True, "endless"), "lost", "target-answer-unreadable", False),
    (Reply(200, JSON, b""), "lost", "target-answer-unreadable", True),
    (Reply(200, JSON, b'{"o:id": 5, "dcterms:ti'), "lost", "target-answer-unreadable", True),
    (Reply(204, {}, b""), "lost", "target-answer-unreadable", True),
    (Reply(301, {"location": "https://x.org/api/items"}, b""), "lost", "target-redirected", True),
    (Reply(302, {"location": "/login"}, b""), "lost", "target-redirected", True),
    (Reply(302, {}, b""), "lost", "target-redirected", True),
    (Reply(302, {"location": "http://h/omeka/install?x=1"}, b""), "not-done", "target-down", True),
    (Reply(302, {"location": "/maintenance/"}, b""), "not-done", "target-down", True),
    (Reply(401, HTML, b"<html>"), "refused", "target-locked", False),
    (Reply(403, HTML, b"<html>"), "refused", "target-blocked", False),
    (Reply(404, HTML, b"<html>"), "not-done", "target-not-omeka", True),
    (Reply(406, HTML, b""), "refused", "target-blocked", False),
    (Reply(408, HTML, b""), "lost", "target-timeout", False),
    (Reply(429, HTML, b""), "not-done", "target-busy", False),
    (_json(429, "slow down"), "not-done", "target-busy", False),
    (_json(418, "teapot"), "refused", "target-refused-request", False),
    (_json(403, "some module says no"), "refused", "not-allowed", False),
    (_json(404, "some module finds nothing"), "refused", "target-refused-request", False),
    (Reply(503, HTML, b""), "lost", "target-bad-gateway", True),
    (Reply(503, HTML | {"retry-after": "7"}, b""), "not-done", "target-busy", False),
    (Reply(503, HTML | {"retry-after": "5", "x-varnish": "9"}, b""), "lost", "target-bad-gateway", True),
    (Reply(503, HTML | {"retry-after": "5", "via": "1.1 cache"}, b""), "lost", "target-bad-gateway", True),
    (Reply(504, HTML, b""), "lost", "target-bad-gateway", True),
    (Reply(507, HTML, b""), "lost", "target-failed", True),
    (_json(500, "a module failed after the item was saved"), "lost", "target-failed", False),
    (_json(500, _sql(INSERT_VALUE, "40001", "Deadlock found")), "not-done", "target-busy", False),
    (_json(500, _sql(INSERT_VALUE, "HY000", "server has gone away")), "lost", "target-failed", False),
    (_json(500, _sql("INSERT INTO fulltext_search (id) V", "23000")), "lost", "target-failed", False),
    (_json(500, _sql("INSERT INTO some_module (id) VALUES (?)", "40001")), "lost", "target-failed", False),
]


@pytest.mark.parametrize(("outcome", "judgement", "code", "outage"), UNRECORDED)
def test_an_answer_nobody_recorded_is_judged(
    outcome: Reply | Failure, judgement: str, code: str, outage: bool
) -> None:
    verdict = classify("POST", outcome)
    assert (verdict.judgement, verdict.code, verdict.outage) == (judgement, code, outage)
    assert verdict.message


def test_refused_and_not_done_are_never_said_of_a_write_that_may_have_happened() -> None:
    may_have_happened = {"target-timeout", "target-connection-lost", "target-failed", "target-bad-gateway"}
    certain = {row[2] for row in (*RECORDED, *UNRECORDED) if row[1] in {"refused", "not-done"}}
    assert not certain & may_have_happened


def test_validation_messages_are_flattened_for_a_person() -> None:
    assert classify("PATCH", reply("patch-required-missing")).message == (
        'Omeka refused it: The "Tmpl 1795367341" resource template requires a "Title" value; '
        'The "Tmpl 1795367341" resource template requires a "Call number" value'
    )
    assert error_messages(reply("media-unknown-ingester")) == {
        "o:ingester": "Media must set a valid ingester.",
        "o:item": "Media must belong to an item.",
    }


def test_a_reference_that_is_not_there_is_named() -> None:
    said = {
        name: classify("POST", reply(name)).message
        for name in ("item-create-unknown-item-set", "item-create-unknown-value-resource")
    }
    after = "which is not in Omeka (any more) or not visible to the key's owner."
    assert said == {
        "item-create-unknown-item-set": f"It names item set 999999, {after}",
        "item-create-unknown-value-resource": f"It names resource 999999, {after}",
    }


def test_an_author_is_told_what_is_missing() -> None:
    message = classify("PATCH", reply("author-patch-others-item")).message
    assert message.startswith("The owner of the target's key may not update this item")
    assert classify("POST", reply("author-create-with-other-owner")).message.startswith(
        "The owner of the target's key may not change-owner this item"
    )


def test_the_values_of_an_sql_statement_are_never_quoted() -> None:
    private = '["literal", null, "a diary"]'
    refused = classify("POST", _json(500, _sql(INSERT_VALUE, "22001", "Data too long", private)))
    lost = classify("POST", _json(500, _sql("INSERT INTO x (y) VALUES (?)", "HY000", "gone", private)))
    odd = classify("POST", _json(500, f"An exception occurred while executing 'X' with params {private}: no"))
    assert [verdict.judgement for verdict in (refused, lost, odd)] == ["refused", "lost", "lost"]
    assert not any("diary" in verdict.message for verdict in (refused, lost, odd))


def test_the_state_of_a_long_statement_is_still_found() -> None:
    long = _sql(INSERT_VALUE, "22001", "Data too long for column 'lang' at row 1", f'["{"x" * 100_000}"]')
    verdict = classify("POST", _json(500, long))
    assert (verdict.code, len(verdict.message) < 400) == ("target-database-refused", True)


def test_secrets_in_an_answer_do_not_reach_the_message() -> None:
    text = "Error downloading http://u:pw@h/x?key_credential=SECRETSECRET: 404"
    verdict = classify("POST", Reply(422, JSON, orjson.dumps({"errors": {"download": [text]}})))
    redirect = classify("GET", Reply(301, {"location": "https://x/?key_identity=SECRETSECRET&a=1"}, b""))
    for message in (verdict.message, redirect.message):
        assert "SECRET" not in message
        assert "pw@" not in message


# --- what the executor sees -----------------------------------------------------------------------


def test_a_create_is_done_with_its_representation() -> None:
    verdict = classify("POST", reply("item-create-literal"))
    answer = answer_to_write("create", "item", None, verdict)
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
    answer = answer_to_write("create", "item", None, classify("POST", reply("item-create-inline-media")))
    assert isinstance(answer, Done)
    assert answer.saved is not None
    assert answer.saved.media_ids == (45, 46, 47)


def test_a_delete_is_done_when_the_answer_has_no_number_any_more() -> None:
    assert answer_to_write("delete", "item", 32, classify("DELETE", reply("item-delete"))) == Done(None)
    kept = Verdict("ok", status=200, body=body("item-create-literal"))
    assert isinstance(answer_to_write("delete", "item", 5, kept), Lost)


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
    verdict = classify("POST", Reply(200, JSON, orjson.dumps(document)))
    answer = answer_to_write("create", "item", None, verdict)
    assert isinstance(answer, Lost)
    assert answer.code == "target-answer-unreadable"


def test_an_update_is_done_only_when_the_answer_is_of_that_resource() -> None:
    verdict = Verdict("ok", status=200, body=body("item-create-literal"))
    assert isinstance(answer_to_write("update", "item", 5, verdict), Done)
    assert isinstance(answer_to_write("update", "item", 6, verdict), Lost)


def test_a_lost_or_undone_write_keeps_its_reason() -> None:
    busy = answer_to_write("create", "item", None, classify("POST", Reply(429, {"retry-after": "3"}, b"")))
    assert busy == NotDone("target-busy", "The target is too busy (429).", 3.0, False)
    verdict = classify("POST", reply("item-create-item-set-not-array"))
    refused = answer_to_write("create", "item", None, verdict)
    assert refused == Refused("target-validation", "Omeka refused it: Item sets must be an array", 422)


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


def test_every_code_is_documented_with_what_it_means_for_a_write() -> None:
    table = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([\w-]+)` \| (refused|not done|lost) \|", table, re.MULTILINE))
    used = {(row[2], row[1].replace("-", " ")) for row in (*RECORDED, *UNRECORDED) if row[2]}
    assert used <= documented
