"""The taxonomy of Omeka Classic's answers: the table in `docs/errors.md` against the code, by exchange."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from worker.errors import Fatal, Retriable
from worker.targets.base import Answer, Barred, Done, Lost, Method, NotDone, Operation, OperationKey, Refused
from worker.targets.http import Failure, Outcome, Reply
from worker.targets.omeka_classic.answers import body_of_read, judge, outage, proof
from worker.targets.verdict import answer_to_write

from .classic import exchange, reply

JSON = {"content-type": "application/json"}
PAGE = (Path(__file__).parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")


def said(status: int, text: str, **headers: str) -> Reply:
    return Reply(status, JSON | headers, f'{{"message": "{text}"}}'.encode())


def written(outcome: Outcome, method: Method = "create", number: int | None = None) -> Answer:
    return answer_to_write(judge(Operation(OperationKey("1"), method, "item", number, b"{}"), outcome))


WORDS = {Done: "done", Barred: "fatal", NotDone: "retriable", Refused: "reject", Lost: "unknown"}
REPLIES: tuple[tuple[str, str, str, bool], ...] = (
    ("item-post", "done", "", False),
    ("item-post-no-key", "reject", "not-allowed", False),
    ("item-post-wrong-key", "fatal", "target-key-refused", False),
    ("item-post-bad-json", "reject", "target-refused-request", False),
    ("item-post-json-array", "reject", "target-refused-request", False),
    ("patch", "reject", "target-unsupported", False),
    ("unknown-resource", "reject", "target-unsupported", False),
    ("item-put-404", "reject", "target-gone", False),
    ("item-put-bad-collection", "reject", "target-unknown-reference", False),
    ("item-put-bad-item-type", "reject", "target-unknown-reference", False),
    ("item-type-post-duplicate", "reject", "target-validation", False),
    ("file-post-item-not-found", "reject", "target-unknown-reference", False),
    ("file-post-two-files", "reject", "target-refused-request", False),
    ("file-post-bad-extension", "reject", "target-validation", True),
    ("file-post-empty-file", "reject", "target-validation", True),
    ("file-post-no-extension", "reject", "target-validation", True),
    ("item-post-tag-empty-name", "reject", "target-validation", True),
    ("item-post-text-without-html", "reject", "target-validation", True),
    ("item-post-text-without-element", "reject", "target-validation", True),
    ("geolocation-post-bad", "unknown", "target-failed", True),
)
"""Exchange, what a write makes of its answer, the code, and whether one look tells the rest."""


@pytest.mark.parametrize(("name", "word", "code", "once"), REPLIES, ids=[row[0] for row in REPLIES])
def test_what_a_write_makes_of_a_recorded_answer(name: str, word: str, code: str, once: bool) -> None:
    answer = written(reply(name))
    assert WORDS[type(answer)] == word
    assert getattr(answer, "code", "") == code
    assert getattr(answer, "look_once", False) == once


@pytest.mark.parametrize(
    ("outcome", "word", "code"),
    [
        (said(500, "That name is already taken for this tag."), "unknown", "target-busy"),
        (said(500, "The given destination is not writable"), "unknown", "target-failed"),
        (said(500, "Incorrect string value: '\\\\xF0' for column 'text'"), "reject", "target-validation"),
        (said(429, "Slow down"), "retriable", "target-busy"),
        (Reply(503, {"retry-after": "3"}, b"Maintenance"), "retriable", "target-busy"),
        (Reply(502, {}, b"<html>Bad gateway</html>"), "unknown", "target-bad-gateway"),
        (Reply(500, {"content-type": "text/html"}, b""), "unknown", "target-failed"),
        (Reply(302, {"location": "/login"}, b""), "unknown", "target-redirected"),
        (Reply(401, {}, b"<html>Password</html>"), "fatal", "target-locked"),
        (Reply(403, {}, b"<html>Forbidden</html>"), "reject", "target-blocked"),
        (Reply(404, {}, b"<html>Not found</html>"), "retriable", "target-not-omeka"),
        (Reply(413, {}, b"<html>Too large</html>"), "reject", "target-too-large"),
        (Reply(200, {}, b"<html>Welcome</html>"), "unknown", "target-answer-unreadable"),
        (Failure("unreachable", False, "refused"), "retriable", "target-unreachable"),
        (Failure("timeout", True, "no answer"), "unknown", "target-timeout"),
        (Failure("broken", True, "closed"), "unknown", "target-connection-lost"),
    ],
)
def test_what_a_write_makes_of_answers_that_nobody_recorded(outcome: Outcome, word: str, code: str) -> None:
    answer = written(outcome)
    assert (WORDS[type(answer)], getattr(answer, "code", "")) == (word, code)


def test_a_deletion_is_done_with_204_and_what_is_gone_is_looked_for_once() -> None:
    assert written(reply("item-delete"), "delete", 1) == Done(None)
    again = written(reply("item-delete-again"), "delete", 1)
    assert isinstance(again, Lost) and again.look_once


def test_an_update_is_done_only_with_the_record_that_was_meant() -> None:
    assert isinstance(written(reply("item-put-tags-replace"), "update", 1), Done)
    assert isinstance(written(reply("item-put-tags-replace"), "update", 2), Lost)


def test_a_wrong_key_and_another_site_are_told_at_the_first_question() -> None:
    assert proof(reply("site")) == exchange("site")["response"]["body"]
    for outcome, code in (
        (reply("wrong-key"), "target-key-refused"),
        (reply("empty-key"), "target-key-refused"),
        (Reply(404, {}, b"<html>Not found</html>"), "target-not-omeka"),
        (Reply(200, JSON, b'{"o:id": 1}'), "target-not-omeka"),
        (Reply(301, {"location": "https://elsewhere.example.org"}, b""), "target-not-omeka"),
    ):
        with pytest.raises(Fatal) as caught:
            proof(outcome)
        assert caught.value.code == code


def test_reads_are_asked_again_where_that_may_help_and_are_fatal_where_not() -> None:
    with pytest.raises(Retriable):
        body_of_read(Reply(500, {}, b""))
    with pytest.raises(Fatal) as caught:
        body_of_read(reply("items-unknown-param"))
    assert caught.value.code == "target-refused-request"


def test_texts_without_their_flag_for_html_are_not_taken_for_a_record() -> None:
    answer = reply("item-post")
    stripped = re.sub(rb'"html": (true|false), ', b"", answer.body)
    found = written(Reply(201, answer.headers, stripped))
    assert isinstance(found, Lost) and found.code == "target-texts-filtered"


def test_an_answer_of_omeka_is_no_outage_and_an_empty_500_is() -> None:
    assert outage("POST", reply("item-post")) is None
    assert outage("DELETE", reply("item-delete")) is None
    assert outage("POST", reply("file-post-bad-extension")) is None
    assert outage("POST", Reply(500, {}, b"")) is not None
    assert outage("POST", Failure("unreachable", False, "refused")) is not None


def test_each_code_stands_in_the_table_of_the_page() -> None:
    table = PAGE.split("### Omeka Classic\n")[1].split("\n### ")[0]
    codes = {code for _, _, code, _ in REPLIES if code}
    assert [code for code in sorted(codes) if f"| `{code}` |" not in table] == []
