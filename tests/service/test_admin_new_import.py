"""A new import on the pages: its steps, what they keep, and that a batch is made once."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import msgspec
import pytest

from service.errors import refusal
from service.store import keys, tasks
from service.store.batches import BatchFilter, batch_files, list_batches
from service.store.control_check import (
    CheckAsked,
    CheckedDraft,
    CheckedFile,
    CheckedProperty,
    CheckedRow,
    CheckedValue,
    ControlCheck,
    Found,
    NamedBytes,
)
from service.store.control_new import NewAsked, NewControl
from service.store.runs import runs_of_batch
from tests.service.conftest import CONTROL, DATA, House
from tests.service.pages import Browser

SCRIPT = "<script>alert(1)</script>"
GOOD = json.dumps(CONTROL, indent=2)
NOTHING_WRONG = ControlCheck(True, "tate", True, 0, 0, (), ())


def worker(house: House, *results: msgspec.Struct) -> list[tasks.TaskFacts]:
    """A worker that gives these answers, one after the other; what it was asked."""
    asked: list[tasks.TaskFacts] = []
    left = list(results)

    def answer(task_id: str) -> None:
        claim = tasks.claim_task(house.db, task_id, 60_000)
        assert claim is not None
        asked.append(claim.task)
        tasks.end_task(house.db, claim, left.pop(0))

    house.bell.answer = answer
    return asked


def send(browser: Browser, page: str, action: str, files: Any = None, **fields: Any) -> Any:
    return browser.client.post(
        action,
        data={**browser.form(page, action), **fields},
        files=files,
        headers={"Origin": browser.origin},
    )


def begin(browser: Browser, files: list[tuple[str, bytes]], **fields: str) -> str:
    """The first step; the address of the second."""
    page = browser.page("/admin/new")
    given = [("file", one) for one in files]
    answer = send(browser, page, "/admin/new", given, **{"target": "tate", "comment": "", **fields})
    assert answer.status_code == 303, answer.text
    location = str(answer.headers["location"])
    assert location.endswith("/control")
    return location


def with_control(browser: Browser, at: str, text: str) -> str:
    """Upload a control file in the second step; the address of the third."""
    here = at.removesuffix("/control")
    answer = send(browser, browser.page(at), f"{here}/upload", {"file": ("c.json", text.encode())})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def path_of(address: str) -> str:
    """`/admin/new/DIGEST`"""
    return address.split("/check")[0]


def test_an_import_is_made_step_by_step(house: House) -> None:
    browser = Browser(house).sign_in()
    at = begin(browser, [("register.json", DATA)], comment="The July register")
    made = NewControl(GOOD, ("Decide what begins with TODO.",))
    asked = worker(house, made, NOTHING_WRONG)
    here = at.removesuffix("/control")
    answer = send(browser, browser.page(at), f"{here}/generate", name="register.json", template="")
    generated = browser.page(answer.headers["location"])
    assert "Decide what begins with TODO." in generated
    answer = send(browser, generated, f"{here}/generated")
    check = browser.page(answer.headers["location"])
    assert "Nothing is wrong" in check
    digest = house.client.post(
        "/api/haplo-data-import-batch/control", files={"file": ("c", GOOD.encode())}
    ).text
    data = msgspec.json.decode(asked[0].arguments, type=NewAsked).data
    assert data is not None
    assert data.name == "register.json"
    # The one file goes by the one name that the control file needs.
    looked = msgspec.json.decode(asked[1].arguments, type=CheckAsked)
    assert looked == CheckAsked(digest, (NamedBytes("data0", data.digest),), 100)
    start = f"{path_of(answer.headers['location'])}/start"
    answer = browser.send(check, start, look="true")
    assert answer.status_code == 303, answer.text
    (batch,) = list_batches(house.db, house.key.key, BatchFilter(), 10)
    assert (batch.comment, batch.target, batch.control_digest) == ("The July register", "tate", digest)
    assert [(file.name, file.digest) for file in batch_files(house.db, batch.id)] == [("data0", data.digest)]
    (run,) = runs_of_batch(house.db, batch.id)
    assert run.mode == "dry-run"
    assert house.bell.rung[-1] == ("run", run.id)
    assert answer.headers["location"] == f"/admin/batches/{batch.id}"
    # Sent again (a lost answer, an impatient finger), nothing happens twice.
    assert browser.send(check, start, look="true").headers["location"] == f"/admin/batches/{batch.id}"
    assert len(list_batches(house.db, house.key.key, BatchFilter(), 10)) == 1
    assert len(runs_of_batch(house.db, batch.id)) == 1


def test_a_start_that_broke_off_is_completed_by_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(house).sign_in()
    worker(house, NOTHING_WRONG)
    at = with_control(browser, begin(browser, [("data0", DATA)]), GOOD)
    page, start = browser.page(at), f"{path_of(at)}/start"

    async def dies(*_: object) -> None:
        raise refusal(503, "unavailable", "The lights went out.")

    with monkeypatch.context() as patch:
        patch.setattr("service.admin.new_import.put_files", dies)
        assert browser.send(page, start, look="true").status_code == 503
    (batch,) = list_batches(house.db, house.key.key, BatchFilter(), 10)
    assert batch_files(house.db, batch.id) == []
    with monkeypatch.context() as patch:
        patch.setattr("service.admin.new_import.schedule", dies)
        assert browser.send(page, start, look="true").status_code == 503
    assert runs_of_batch(house.db, batch.id) == []
    assert browser.send(page, start, look="true").headers["location"] == f"/admin/batches/{batch.id}"
    assert [one.id for one in list_batches(house.db, house.key.key, BatchFilter(), 10)] == [batch.id]
    assert [file.name for file in batch_files(house.db, batch.id)] == ["data0"]
    assert [run.mode for run in runs_of_batch(house.db, batch.id)] == ["dry-run"]


def test_what_is_wrong_stands_beside_its_line_until_it_is_put_right_on_the_page(house: House) -> None:
    browser = Browser(house).sign_in()
    wrong = GOOD.replace('"dcterms:title"', '"TODO: dcterms:title?"')
    at = with_control(browser, begin(browser, [("data0", DATA)]), wrong)
    assert house.bell.rung == [], "nobody needs to be asked about what cannot be used"
    page = browser.page(at)
    number = next(n for n, line in enumerate(wrong.splitlines(), 1) if "TODO" in line)
    said = re.search(rf'<li id="line-{number}" class="bad">.*?</li>', page, re.DOTALL)
    assert said is not None
    assert "still to be decided" in said.group()
    assert "/start" not in page
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert text is not None
    assert unescape(text.group(1)) == wrong
    worker(house, NOTHING_WRONG)
    here = path_of(at)
    answer = browser.send(page, f"{here}/text", text=GOOD.replace("\n", "\r\n"))
    assert "/start" in browser.page(answer.headers["location"])
    token = browser.form(page, f"{here}/text")
    refused = browser.client.post(f"{here}/start", data=token, headers={"Origin": browser.origin})
    assert (refused.status_code, "still to be decided" in refused.text) == (400, True)
    assert list_batches(house.db, house.key.key, BatchFilter(), 10) == []


def test_drafts_and_problems_of_rows_are_shown_as_text(house: House) -> None:
    browser = Browser(house).sign_in()
    draft = CheckedDraft(
        "item",
        "new",
        by=("dcterms:identifier",),
        identity=(SCRIPT,),
        properties=(CheckedProperty("dcterms:title", (CheckedValue("literal", SCRIPT, language="en"),)),),
    )
    bad = Found("value", f"date not understood {SCRIPT}", "/instructions/1", "data0", 2, SCRIPT)
    rows = (CheckedRow(1, (draft,)), CheckedRow(2, problems=(bad,)), CheckedRow(3, skipped=SCRIPT))
    unknown = Found("names-unknown", "the target has no property dcterms:titel", "/instructions/1/name")
    check = ControlCheck(
        False, "tate", True, 2, 0, (unknown, bad), (), (CheckedFile("data0", 3, False, (SCRIPT,), rows),)
    )
    worker(house, check)
    at = with_control(browser, begin(browser, [("data0", DATA)], comment=SCRIPT), GOOD)
    page = browser.page(at)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 6
    number = GOOD.splitlines().index('      "name": "dcterms:title"') + 1
    said = re.search(rf'<li id="line-{number}" class="bad">.*?</li>', page, re.DOTALL)
    assert said is not None
    assert "the target has no property dcterms:titel" in said.group()
    assert re.search(r"<h4>Row 2.*?date not understood", page, re.DOTALL)


def test_files_get_the_names_that_the_control_file_knows(house: House) -> None:
    browser = Browser(house).sign_in()
    asked = worker(house, NOTHING_WRONG, NOTHING_WRONG)
    at = with_control(browser, begin(browser, [("a.json", DATA), ("b.json", b"[]")]), GOOD)
    page = browser.page(at)
    assert "The control file needs a file called" in page
    assert "takes no file of this name" in page
    answer = browser.client.post(
        f"{path_of(at)}/names",
        data={**browser.form(page, f"{path_of(at)}/names"), "name": ["data0", "more/b.json"]},
        headers={"Origin": browser.origin},
    )
    page = browser.page(answer.headers["location"])
    assert "needs a file called" not in page
    files = msgspec.json.decode(asked[-1].arguments, type=CheckAsked).files
    assert [file.name for file in files] == ["data0", "more/b.json"]
    answer = browser.client.post(
        f"{path_of(at)}/names",
        data={**browser.form(page, f"{path_of(answer.headers['location'])}/names"), "name": ["x", "x"]},
        headers={"Origin": browser.origin},
    )
    assert (answer.status_code, "Two files are called" in answer.text) == (400, True)


def test_what_one_prepares_nobody_else_sees(house: House) -> None:
    browser = Browser(house).sign_in()
    worker(house, NOTHING_WRONG)
    at = begin(browser, [("data0", DATA)])
    check = with_control(browser, at, GOOD)
    other = Browser(house).sign_in(keys.create_key(house.db, "other").secret)
    for address in (at, check, path_of(check) + "/generated?task=x", "/admin/new/abc/check"):
        assert other.get(address).status_code == 404
    digest = house.client.post(
        "/api/haplo-data-import-batch/control", files={"file": ("c", GOOD.encode())}
    ).text
    assert browser.get(f"/admin/new/{digest}/check").status_code == 404, "other bytes are no preparation"


def test_rights_tokens_and_limits(make_house: Any) -> None:
    house = make_house(max_upload_bytes=1000)
    assert house.with_key("read").get("/admin/new").status_code == 403
    browser = Browser(house).sign_in()
    answer = browser.client.post(
        "/admin/new", data={"target": "tate"}, files={"file": ("x", b"x")}, headers={"Origin": browser.origin}
    )
    assert answer.status_code == 403
    page = browser.page("/admin/new")
    large = send(browser, page, "/admin/new", {"file": ("x", b"x" * 1001)}, target="tate", comment="")
    assert (large.status_code, "larger than 1,000 bytes" in large.text) == (413, True)
    twice = [("file", ("x", b"1")), ("file", ("x", b"2"))]
    same = send(browser, page, "/admin/new", twice, target="tate", comment="")
    assert (same.status_code, "Two files are called" in same.text) == (400, True)
    assert house.blob_files() == []
    looking = Browser(house).sign_in(keys.create_key(house.db, "looks", ("admin", "read")).secret)
    page = looking.page("/admin/new")
    answer = send(looking, page, "/admin/new", {"file": ("x", b"1")}, target="tate", comment="")
    assert (answer.status_code, "lacks the scope upload" in answer.text) == (403, True)
    bound = Browser(house).sign_in(keys.create_key(house.db, "bound", keys.SCOPES, "other").secret)
    page = bound.page("/admin/new")
    assert re.findall(r'<option value="([^"]*)"', page) == ["other"]
    answer = send(bound, page, "/admin/new", {"file": ("x", b"1")}, target="tate", comment="")
    assert (answer.status_code, "may use the target other only" in answer.text) == (403, True)
