"""The pages of batches: what they show, and what their buttons do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from service.store import keys, runs, sessions
from service.store.plans import Entry
from service.store.steering import request_cancel
from tests.service.conftest import CONTROL, UNMATCHED, House
from tests.service.pages import Browser

COUNTS = {"read": 2, "planned": 2, "action:create": 2}


def buttons(page: str) -> list[str]:
    """Of the forms that do something."""
    live = page[page.index('<div id="live"') :]
    return [text.strip() for text in re.findall(r"<button[^>]*>([^<]+)</button>", live)]


def dry_run(house: House, batch: str, mode: str = "dry-run") -> str:
    run = house.schedule(batch, mode)
    house.finish(run, counts=COUNTS)
    return run


def test_batches_are_listed_newest_first_with_what_became_of_them(house: House) -> None:
    browser = Browser(house).sign_in()
    assert "Nothing was imported yet." in browser.page("/admin/batches")
    first = house.filled(comment="Prints & drawings", target="other")
    dry_run(house, first)
    second = house.filled(comment="<script>alert(1)</script>")
    page = browser.page("/admin/batches")
    assert page.index(second) < page.index(first)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Prints &amp; drawings" in page
    assert "<b>2</b> to create" in page
    assert "Dry run done" in page
    for query, found in {
        "comment=PRINTS": [first],
        "target=tate": [second],
        "state=dry-run": [first],
        "state=failed": [],
        "comment=%25": [],
    }.items():
        page = browser.page(f"/admin/batches?{query}")
        assert re.findall(r'href="/admin/batches/([a-z0-9]{26})"', page) == found, query
    assert "No batch is like that." in page


def test_batches_are_paged(house: House) -> None:
    made = [house.batch(comment=f"no. {n}") for n in range(27)]
    browser = Browser(house).sign_in()
    page = browser.page("/admin/batches?comment=no.")
    assert re.findall(r'href="/admin/batches/([a-z0-9]{26})"', page) == made[:1:-1]
    older = re.search(r'rel="next" href="([^"]+)">Older batches', page)
    assert older is not None
    page = browser.page(older[1].replace("&amp;", "&"))
    assert re.findall(r'href="/admin/batches/([a-z0-9]{26})"', page) == [made[1], made[0]]
    assert "Older batches" not in page


def test_a_key_of_one_target_sees_that_targets_batches_only(house: House) -> None:
    own = house.filled(target="tate", comment="own")
    foreign = house.filled(target="other", comment="foreign")
    browser = Browser(house).sign_in(keys.create_key(house.db, "narrow", target="tate").secret)
    page = browser.page("/admin/batches")
    assert own in page
    assert foreign not in page
    for path in ("", "/log", "/live", f"/files/{'0' * 64}"):
        assert browser.get(f"/admin/batches/{foreign}{path}").status_code == 404


def test_a_batch_shows_its_files_its_control_file_and_its_runs(house: House) -> None:
    batch = house.filled(comment="One")
    dry_run(house, batch)
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}")
    assert "data.json" in page
    assert "60 bytes" in page
    assert "&#34;dcterms:title&#34;" in page
    assert "2 records read: 2 to create." in page


def test_files_and_control_are_downloaded_and_no_others(house: House) -> None:
    batch = house.filled()
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}")
    links = re.findall(rf'href="(/admin/batches/{batch}/files/[0-9a-f]+)"', page)
    control, data = (browser.get(link) for link in links)
    assert json.loads(control.content) == CONTROL
    assert data.json()[0]["id"] == "a1"
    assert data.headers["content-disposition"] == 'attachment; filename="data.json"'
    assert "sandbox" in data.headers["content-security-policy"]
    other = house.control({**CONTROL, "visibility": "public"})
    assert browser.get(f"/admin/batches/{batch}/files/{other}").status_code == 404


def test_the_buttons_are_those_that_the_state_allows(house: House) -> None:
    browser = Browser(house).sign_in()
    empty = house.batch()
    page = browser.page(f"/admin/batches/{empty}")
    assert buttons(page) == []
    assert "The batch has no files" in page
    batch = house.filled()
    path = f"/admin/batches/{batch}"
    assert buttons(browser.page(path)) == ["Dry run", "Import"]
    run = house.schedule(batch)
    assert buttons(browser.page(path)) == ["Pause", "Cancel…"]
    house.finish(run, counts={**COUNTS, "created": 1, "failed": 1}, entries=[entry(1), entry(2, "failed")])
    house.wrote(run)
    assert buttons(browser.page(path)) == ["Dry run", "Import again", "Retry what failed", "Undo…"]


def entry(seq: int, outcome: Any = "created") -> Entry:
    return Entry(seq, "data0", seq, 0, "item", "item", "create", outcome=outcome)


def test_what_would_make_everything_twice_is_not_offered_but_explained(house: House) -> None:
    batch = house.filled(UNMATCHED)
    run = house.schedule(batch)
    house.finish(run, counts={**COUNTS, "created": 2})
    house.wrote(run)
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}")
    assert "Import again" not in buttons(page)
    assert "would create everything twice" in page


def test_a_key_without_the_scope_looks_and_does_nothing(house: House) -> None:
    batch = house.filled()
    browser = Browser(house).sign_in(keys.create_key(house.db, "guest", ("admin",)).secret)
    page = browser.page(f"/admin/batches/{batch}")
    assert buttons(page) == []
    assert "may only look" in page
    token = browser.form(page, "/admin/sign-out")
    answer = browser.client.post(f"/admin/batches/{batch}/run", data={**token, "mode": "dry-run"})
    assert answer.status_code == 403
    answer = browser.client.post(f"/admin/batches/{batch}/steer", data={**token, "wish": "pause"})
    assert answer.status_code == 403
    assert runs.runs_of_batch(house.db, batch) == []


def test_a_dry_run_then_an_import_as_the_api_schedules_them(house: House) -> None:
    batch = house.filled()
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    answer = browser.send(browser.page(path), f"{path}/run", mode="dry-run")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = browser.page(path)
    assert "The dry run is on its way." in page
    assert 'hx-sse:connect="' in page
    (run,) = runs.runs_of_batch(house.db, batch)
    assert (run.mode, run.key_id, house.bell.rung) == ("dry-run", house.key.key.id, [("run", run.id)])
    again = browser.send(browser.page(f"{path}/log"), "/admin/sign-out")
    assert again.status_code == 303
    browser.sign_in()
    house.finish(run.id, counts=COUNTS)
    answer = browser.send(browser.page(path), f"{path}/run", mode="import")
    assert answer.status_code == 303, "it was looked at: nobody asks"
    assert runs.runs_of_batch(house.db, batch)[0].mode == "import"


def test_an_import_that_nobody_looked_at_asks_first(house: House) -> None:
    batch = house.filled()
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    question = browser.send(browser.page(path), f"{path}/run", mode="import")
    assert question.status_code == 200
    assert "Import without looking first?" in question.text
    assert runs.runs_of_batch(house.db, batch) == []
    answer = browser.send(question.text, f"{path}/run", mode="import", sure="true")
    assert answer.status_code == 303
    assert [run.mode for run in runs.runs_of_batch(house.db, batch)] == ["import"]


def test_an_undo_shows_its_plan_first(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    house.finish(run, counts={**COUNTS, "created": 2}, entries=[entry(1), entry(2)])
    house.took_effect(run)
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    page = browser.page(path)
    refused = browser.send(page, f"{path}/run", mode="undo")
    assert refused.status_code == 409
    assert "Look first at what an undo would take back" in refused.text
    answer = browser.send(page, f"{path}/run", mode="undo-plan")
    assert answer.status_code == 303, answer.text
    plan = runs.runs_of_batch(house.db, batch)[0]
    assert (plan.mode, plan.options.dry_run) == ("undo", True)
    house.finish(plan.id, counts={"read": 2, "planned": 2, "action:delete": 2})
    page = browser.page(path)
    assert buttons(page)[0] == "Undo now, as its plan says"
    assert browser.send(page, f"{path}/run", mode="undo").status_code == 303
    undo = runs.runs_of_batch(house.db, batch)[0]
    assert (undo.mode, undo.options.dry_run) == ("undo", False)


def test_a_run_is_paused_resumed_and_cancelled(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    house.claim(run)
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    steer = f"{path}/steer"
    assert browser.send(browser.page(path), steer, wish="pause").headers["location"] == path
    assert buttons(browser.page(path)) == ["Go on", "Cancel…"]
    twice = browser.send(browser.page(path), steer, wish="pause")
    assert twice.status_code == 409
    assert "already" in twice.text
    browser.send(browser.page(path), steer, wish="resume")
    assert buttons(browser.page(path)) == ["Pause", "Cancel…"]
    question = browser.send(browser.page(path), steer, wish="cancel")
    assert "Cancel this run?" in question.text
    facts = runs.run_facts(house.db, run)
    assert facts is not None
    assert not facts.cancel_requested
    browser.send(question.text, steer, wish="cancel", sure="true")
    page = browser.page(path)
    assert "Being cancelled" in page
    assert buttons(page) == []
    facts = runs.run_facts(house.db, run)
    assert facts is not None
    assert facts.cancel_requested


def test_a_form_that_is_not_ours_does_nothing(house: House) -> None:
    batch = house.filled()
    browser = Browser(house).sign_in()
    for action, data in (("run", {"mode": "import", "sure": "true"}), ("steer", {"wish": "cancel"})):
        path = f"/admin/batches/{batch}/{action}"
        assert browser.client.post(path, data=data).status_code == 403
        assert browser.client.post(path, data={**data, "csrf": "x"}).status_code == 403
        foreign = browser.client.post(path, data=data, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert browser.get(path).status_code in (404, 405)
        basic = house.client.post(path, data=data, follow_redirects=False)
        assert (basic.status_code, basic.headers.get("location")) == (401, None)
    assert runs.runs_of_batch(house.db, batch) == []


def test_the_page_of_an_unknown_word_says_what_is_possible(house: House) -> None:
    batch = house.filled()
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    answer = browser.send(browser.page(path), f"{path}/run", mode="dryrun")
    assert answer.status_code == 400
    assert "mode is &#34;dryrun&#34;" in answer.text


def test_the_stream_ends_with_the_run_and_shows_how_it_ended(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch)
    claim = house.claim(run)
    request_cancel(house.db, run)
    runs.end_run(house.db, claim, "cancelled")
    stream = Browser(house).sign_in().get(f"/admin/batches/{batch}/live")
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    first, *rest = stream.text.split("\n\n")
    assert "Cancelled" in first
    assert all(line.startswith("data: ") for line in first.splitlines())
    assert rest == ["event: end\ndata: {}", ""]


@pytest.mark.parametrize("path", ["live", "log/lines"])
@pytest.mark.parametrize("how", ["revoked", "signed-out"])
def test_whoever_watches_is_shut_out_when_the_key_is_revoked_or_the_session_ended(
    house: House, path: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.admin.site.ADMITTED_AGAIN", 0.0)
    monkeypatch.setattr("service.api.log.HEARTBEAT", 0.0)
    batch = house.filled()
    house.schedule(batch)  # it never ends
    new = keys.create_key(house.db, "short")
    browser = Browser(house).sign_in(new.secret)
    looked = sessions.key_of_session
    calls = []

    def look(db: Any, key_id: int, nonce: str) -> Any:
        calls.append(key_id)
        if len(calls) == 4 and how == "revoked":
            keys.revoke_key(db, new.key.prefix)
        elif len(calls) == 4:
            sessions.end_session(db, nonce, 2**40)
        return looked(db, key_id, nonce)

    monkeypatch.setattr("service.admin.site.key_of_session", look)
    stream = browser.get(f"/admin/batches/{batch}/{path}")
    assert stream.text.endswith("event: end\ndata: {}\n\n")
    assert len(calls) == 4
