"""Control files, targets, keys and the system, as pages: what they show, to whom, and what their forms do."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import msgspec
import pytest

from service.admin.code_lines import Said, code_lines
from service.control.target_model import TargetModel, TargetProperty, TargetTemplate, TargetVocabulary
from service.store import keys, tasks
from service.store.statuses import record_status
from service.store.workers import beat
from tests.service.conftest import CONTROL, PREFIX, House
from tests.service.pages import Browser

SCRIPT = "<script>alert(1)</script>"
PATHS = ("/admin/controls", "/admin/targets", "/admin/targets/tate", "/admin/keys", "/admin/system")


def upload(browser: Browser, content: bytes, name: str = "register.json", **fields: str) -> Any:
    page = browser.page("/admin/controls")
    return browser.client.post(
        "/admin/controls",
        data={**browser.form(page, "/admin/controls"), **fields},
        files={"file": (name, content)},
        headers={"Origin": browser.origin},
    )


def answer_tasks(house: House, result: msgspec.Struct, *, failed: bool = False) -> None:
    """What a worker would do with each task that is rung for."""

    def answer(task_id: str) -> None:
        claim = tasks.claim_task(house.db, task_id, 60_000)
        assert claim is not None
        tasks.end_task(house.db, claim, result, failed=failed)

    house.bell.answer = answer


# --- who may look and do ------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_only_a_key_of_the_scope_admin_looks(house: House, path: str) -> None:
    assert house.anonymous().get(path).status_code == 401
    assert house.with_key("read", "upload", "schedule").get(path).status_code == 403
    assert house.with_key("admin").get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin/controls",
        "/admin/keys",
        "/admin/keys/1/revoke",
        "/admin/targets/tate/check",
        "/admin/targets/tate/model",
    ],
)
def test_no_form_is_taken_without_its_token_nor_from_elsewhere(house: House, path: str) -> None:
    browser = Browser(house).sign_in()
    plain = browser.client.post(
        path, data={"label": "x", "scope": "admin"}, headers={"Origin": browser.origin}
    )
    assert (plain.status_code, "not made for you" in plain.text) == (403, True)
    foreign = browser.client.post(path, data={}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert house.with_key("admin").post(path, data={}).status_code in (401, 303), "Basic is for reading"
    assert house.bell.rung == []
    assert [one.label for one in keys.list_keys(house.db) if one.revoked_at] == []


def test_a_control_file_is_refused_before_its_bytes_without_the_token(house: House) -> None:
    browser = Browser(house).sign_in()
    answer = browser.client.post(
        "/admin/controls",
        data={"comment": "x"},
        files={"file": ("c.json", b"{}")},
        headers={"Origin": browser.origin},
    )
    assert answer.status_code == 403
    assert house.blob_files() == []


def test_a_key_of_one_target_sees_that_one_only(house: House) -> None:
    used = house.batch(comment="For Tate", target="tate")
    house.batch(UNSEEN, comment="For the other", target="other")
    unseen = house.control(UNSEEN)
    keys.create_key(house.db, "of all targets")
    bound = keys.create_key(house.db, "bound", keys.SCOPES, "tate")
    browser = Browser(house).sign_in(bound.secret)
    controls = browser.page("/admin/controls")
    assert re.findall(r'href="/admin/controls/([0-9a-f]{64})"', controls) == [house.control()]
    assert browser.get(f"/admin/controls/{unseen}").status_code == 404
    assert browser.get(f"/admin/controls/{unseen}/download").status_code == 404
    one = browser.page(f"/admin/controls/{house.control()}")
    assert f"/admin/batches/{used}" in one
    targets = browser.page("/admin/targets")
    assert ("tate" in targets, "other" in targets) == (True, False)
    assert browser.get("/admin/targets/other").status_code == 404
    listed = browser.page("/admin/keys")
    assert ("bound" in listed, "of all targets" in listed) == (True, False)
    others = next(one for one in keys.list_keys(house.db) if one.label == "of all targets")
    assert browser.get(f"/admin/keys/{others.id}").status_code == 404
    answer = browser.send(listed, "/admin/keys", label="wider", scope="read", target="other")
    assert (answer.status_code, "for that target only" in answer.text) == (400, True)
    assert browser.send(listed, "/admin/keys", label="narrow", scope="read", target="tate").status_code == 200
    assert keys.list_keys(house.db)[-1].target == "tate"


UNSEEN = {**CONTROL, "comment": "another one"}


def test_scripts_in_names_are_text(house: House) -> None:
    browser = Browser(house).sign_in()
    control = json.dumps({**CONTROL, "comment": SCRIPT}, indent=1).encode()
    answer = upload(browser, control, comment=SCRIPT)
    house.batch(json.loads(control), comment=SCRIPT)
    keys.create_key(house.db, SCRIPT)
    beat(house.db, "w1", host=SCRIPT, pid=7, version="0")
    record_status(house.db, target="tate", address="https://tate.example.org/api", ok=False, message=SCRIPT)
    for path in (*PATHS, answer.headers["location"]):
        page = browser.page(path)
        assert "<script>alert" not in page, path
        assert "&lt;script&gt;alert(1)" in page or path == "/admin/targets/other", path


# --- control files ------------------------------------------------------------------------------


def test_a_control_file_is_uploaded_shown_and_found_where_it_is_used(house: House) -> None:
    browser = Browser(house).sign_in()
    text = json.dumps(CONTROL, indent=2)
    answer = upload(browser, text.encode(), comment="Register")
    assert answer.status_code == 303, answer.text
    page = browser.page(answer.headers["location"])
    assert "The control file is kept." in page
    assert "No batch is made with it." in page
    lines = re.findall(r'<li id="line-(\d+)"[^>]*><code>(.*?)</code>', page)
    assert [unescape(line) for _, line in lines] == text.splitlines()
    digest = answer.headers["location"].rsplit("/", 1)[1]
    batch = house.client.post(f"{PREFIX}/batch", data={"control": digest, "comment": "July"}).text
    assert f'href="/admin/batches/{batch}"' in browser.page(f"/admin/controls/{digest}")
    listed = browser.page("/admin/controls")
    assert "Register" in listed
    assert "1 batch" in listed
    download = browser.get(f"/admin/controls/{digest}/download")
    assert download.content == text.encode()
    assert download.headers["content-disposition"].startswith("attachment")


def test_what_is_wrong_with_a_control_file_stands_beside_its_line_and_it_is_not_kept(house: House) -> None:
    browser = Browser(house).sign_in()
    bad = {**CONTROL, "instructions": [*CONTROL["instructions"], {"source": "x", "nme": "dcterms:date"}]}
    text = json.dumps(bad, indent=2)
    answer = upload(browser, text.encode())
    assert answer.status_code == 400
    number = next(n for n, line in enumerate(text.splitlines(), 1) if '"nme"' in line)
    said = re.search(rf'<li id="line-{number}" class="bad">.*?</li>', answer.text, re.DOTALL)
    assert said is not None
    assert "unknown key" in unescape(said.group())
    assert f'href="#line-{number}"' in answer.text
    assert house.blob_files() == []


def test_a_form_without_a_file_says_so(house: House) -> None:
    browser = Browser(house).sign_in()
    answer = upload(browser, b"", name="")
    assert (answer.status_code, "Choose a control file first" in answer.text) == (400, True)


def test_control_files_are_paged_and_searched(house: House) -> None:
    for i in range(30):
        data = json.dumps({**CONTROL, "comment": str(i)}).encode()
        house.client.post(f"{PREFIX}/control", data={"comment": f"File {i:02}"}, files={"file": ("c", data)})
    browser = Browser(house).sign_in()
    seen: list[str] = []
    path: str | None = "/admin/controls"
    while path:
        page = browser.page(path)
        seen += re.findall(r">(File \d\d)<", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(found.group(1)) if found else None
    assert seen == [f"File {i:02}" for i in range(29, -1, -1)]
    assert re.findall(r">(File \d\d)<", browser.page("/admin/controls?comment=file+07")) == ["File 07"]
    assert browser.get("/admin/controls?before=x").status_code == 400


def test_lines_are_the_files_own_unless_it_is_one_long_one() -> None:
    dense = json.dumps({"a": ["x" * 300, "y" * 300], "b": {"c~/": 1}}).encode()
    code = code_lines(dense, [Said("bad", "no", "/b/c~0~1"), Said("warn", "whole")])
    assert code.laid_out
    assert [(line.number, line.text, line.said) for line in code.lines if line.said] == [
        (7, '    "c~/": 1', (Said("bad", "no", "/b/c~0~1"),))
    ]
    assert code.unplaced == (Said("warn", "whole"),)
    broken = code_lines(b'{\n "a": }', [Said("bad", "no value", line=2)])
    assert [line.text for line in broken.lines if line.said] == [' "a": }']


# --- targets ------------------------------------------------------------------------------------


def test_a_target_is_checked_now(house: House) -> None:
    browser = Browser(house).sign_in()
    page = browser.page("/admin/targets/tate")
    assert "Never looked at" in page
    assert "geheim" not in page
    answer_tasks(house, tasks.TargetCheck(ok=True, message="Omeka S 4.1.1 answers.", version="4.1.1"))
    answer = browser.send(page, "/admin/targets/tate/check")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/targets/tate")
    assert "Omeka S 4.1.1 answers." in browser.page("/admin/targets/tate")
    answer_tasks(house, tasks.TaskFailure("target-away", "It does not answer.", "target"), failed=True)
    browser.send(page, "/admin/targets/tate/check")
    assert "It does not answer." in browser.page("/admin/targets/tate")


def test_the_last_errors_of_a_target_lead_to_its_batches(house: House) -> None:
    batch = house.filled(comment="Stopped one", target="tate")
    house.finish(house.schedule(batch), "failed")
    page = Browser(house).sign_in().page("/admin/targets/tate")
    assert f'href="/admin/batches/{batch}"' in page
    assert "Stopped one" not in Browser(house).sign_in().page("/admin/targets/other")


def test_what_can_be_mapped_to_is_listed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.admin.asked.PATIENCE", 0.0)
    browser = Browser(house).sign_in()
    answer = browser.send(browser.page("/admin/targets/tate"), "/admin/targets/tate/model")
    assert answer.status_code == 303
    waiting = browser.page(answer.headers["location"])
    assert "A worker is asked" in waiting
    model = TargetModel(
        kind="omeka-s",
        name="tate",
        vocabularies=(
            TargetVocabulary("dcterms", "Dublin Core", properties=(TargetProperty("dcterms:title", SCRIPT),)),
        ),
        templates=(TargetTemplate("Painting"),),
        left_out=("7 more item sets.",),
    )
    answer_tasks(house, model)
    house.bell.answer(house.bell.rung[-1][1])  # type: ignore[misc]
    page = browser.page(answer.headers["location"])
    assert "dcterms:title" in page
    assert "Painting" in page
    assert "7 more item sets." in page
    assert "<script>alert" not in page
    bound = Browser(house).sign_in(keys.create_key(house.db, "bound", keys.SCOPES, "other").secret)
    assert bound.get(answer.headers["location"]).status_code == 404


# --- keys ---------------------------------------------------------------------------------------


def test_a_key_is_made_shown_once_and_revoked_with_its_sessions(house: House) -> None:
    browser = Browser(house).sign_in()
    page = browser.page("/admin/keys")
    answer = browser.client.post(
        "/admin/keys",
        data={
            **browser.form(page, "/admin/keys"),
            "label": "Night import",
            "scope": ["admin", "read"],
            "target": "",
        },
        headers={"Origin": browser.origin},
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = re.search(r"acc_[A-Za-z0-9_-]{43}", answer.text)
    assert found is not None
    secret = found.group()
    listed = browser.page("/admin/keys")
    assert "Night import" in listed
    assert secret not in listed
    other = Browser(house).sign_in(secret)
    assert "Night import" in other.page("/admin/keys")
    new = keys.list_keys(house.db)[-1]
    assert (new.scopes, new.target) == (frozenset({"admin", "read"}), None)
    one = browser.page(f"/admin/keys/{new.id}")
    answer = browser.send(one, f"/admin/keys/{new.id}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/keys")
    assert other.get("/admin/keys").status_code == 303, "its session is over"
    assert "Revoked keys" in browser.page("/admin/keys")
    again = browser.send(one, f"/admin/keys/{new.id}/revoke")
    assert (again.status_code, "was revoked before" in again.text) == (400, True)


def test_who_revokes_the_own_key_is_signed_out(house: House) -> None:
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/keys/{house.key.key.id}")
    assert "you will be signed out" in page
    answer = browser.send(page, f"/admin/keys/{house.key.key.id}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
    assert browser.get("/admin/keys").status_code == 303


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label": " ", "scope": "read"}, "Say what the key is for"),
        ({"label": "x"}, "at least one thing"),
        ({"label": "x", "scope": "all"}, "nothing that a key may do"),
        ({"label": "x", "scope": "read", "target": "moon"}, "There is no target"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(house: House, fields: dict[str, str], said: str) -> None:
    browser = Browser(house).sign_in()
    answer = browser.send(browser.page("/admin/keys"), "/admin/keys", **fields)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert len(keys.list_keys(house.db)) == 1


# --- the system ---------------------------------------------------------------------------------


def test_the_system_says_whether_anything_is_missing(house: House) -> None:
    browser = Browser(house).sign_in()
    assert "No worker runs" in browser.page("/admin/system")
    beat(house.db, "w1", host="archive", pid=7, version="0.0.1")
    house.schedule(house.filled())
    page = browser.page("/admin/system")
    assert "All is well" in page
    assert "archive, process 7" in page
    assert "another than this service" in page
    assert re.search(r"<dt>runs wait for a worker</dt><dd>1</dd>", page)
    assert str(house.settings.data_dir) not in page
    house.bell.works = False
    assert "Something is missing" in browser.page("/admin/system")
