"""The plan as a page in a browser: side by side, narrowed, page by page."""

from __future__ import annotations

import csv
import io
import re

import msgspec

from service.store import runs, tables
from service.store.changes import Change, Changes, Conflict
from tests.service.conftest import PREFIX, House
from tests.service.pages import Browser
from tests.service.plans import created, entry, link, planned, rejected, retitled, shown, text_of, updated
from worker.planning.groups import group

STORED = "<script>alert(1)</script>"


def test_a_record_stands_side_by_side_and_runs_nothing(house: House) -> None:
    change = Change(
        "dcterms:title",
        removed=("The guitar @en", "Gone"),
        added=(f"{STORED} @en",),
        changed=(("Same", "Same (private)"),),
        before=("The guitar @en", "Gone", "Same", "Stays"),
        after=(f"{STORED} @en", "Same (private)", "Stays"),
    )
    batch, run = planned(house, [updated(1, change), created(2, ("dcterms:title", [STORED]))])
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/plan")
    assert "<script>alert" not in page
    assert shown(page) == [1, 2]
    rows = [text_of(row) for row in re.findall(r'<tr role="row" class=.*?</tr>', page, re.DOTALL)]
    assert rows == [
        "dcterms:title ~ changed Same Same (private)",
        f"dcterms:title ~ changed The guitar @en {STORED} @en",
        "dcterms:title − removed Gone no value",
        "dcterms:title = as it is 1 value stays Stays",
    ]
    assert 'href="https://tate.example.org/admin/item/1001"' in page
    assert f'name="plan" value="{run}"' in page
    assert f"A2: {STORED}" in text_of(page)


def test_only_addresses_of_the_web_are_links(house: House) -> None:
    values = ["https://x.example/a?b=1&c", "javascript:alert(1)", "data:text/html,x", "works.csv", "http://"]
    batch, _ = planned(house, [created(1, ("dcterms:source", values))])
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/plan")
    article = page[page.index("<article") :]
    assert re.findall(r'<dd><a href="([^"]*)"', article) == ["https://x.example/a?b=1&amp;c"]
    assert 'href="javascript' not in page
    assert 'href="data' not in page


def test_a_value_that_names_a_file_of_the_batch_leads_to_it(house: House) -> None:
    batch, _ = planned(house, [created(1, ("dcterms:title", ["data.json", "other.json"]))])
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/plan")
    files = re.findall(rf'href="(/admin/batches/{batch}/files/[0-9a-f]+)"', page)
    assert len(files) == 1
    assert browser.get(files[0]).json()[0]["id"] == "a1"


def test_problems_and_edits_say_where_and_lead_to_their_records(house: House) -> None:
    conflict = Conflict("dcterms:title", "keep", ("Theirs",), (), ("Ours",))
    kept = entry(3, "unchanged", resource_id=7, changes=msgspec.json.encode(Changes((), (conflict,))))
    batch, run = planned(house, [rejected(1), rejected(2), kept, entry(4, "unchanged")])
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/plan"
    page = browser.page(path)
    assert "2 records, the first of them works.csv, row 2 [A1] not-a-date" in text_of(page)
    assert "somebody put “Theirs” there; the record means “Ours”. What stands in the target is kept." in page
    assert shown(page) == [1, 2], "what does not change is only counted"
    problem = browser.page(link(page, "Show all of them"))
    assert shown(problem) == [1, 2]
    line = re.search(r'href="(/admin/controls/[0-9a-f]{64})#line-(\d+)">Line \2 of the control file', problem)
    assert line is not None
    assert f'id="line-{line[2]}"' in browser.page(line[1])
    assert shown(browser.page(link(page, "Show it"))) == [3]
    assert shown(browser.page(f"{path}?property=dcterms:title")) == [3]
    assert shown(browser.page(f"{path}?action=unchanged")) == [3, 4]
    assert shown(browser.page(f"{path}?met=problem:nothing")) == []
    assert f'value="{run}"' in page


def test_what_is_asked_wrongly_is_refused(house: House) -> None:
    batch, _ = planned(house, [retitled(1)])
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/plan"
    for query, status in {
        "run=nosuch": 404,
        "action=complete": 400,
        "after=1": 400,
        "after=update:x": 400,
        "after=update:99999999999": 400,
        "action=create&after=update:1": 400,
        "met=x": 400,
        "met=problem:": 400,
        "page=2": 400,
    }.items():
        for name in ("plan", "plan.csv"):
            answer = browser.get(f"/admin/batches/{batch}/{name}?{query}")
            wrong_page = name == "plan" or "after" not in query
            assert answer.status_code == (status if wrong_page else 200), query
    assert house.with_key("admin", target="other").get(path).status_code == 404
    assert house.with_key("read").get(path).status_code == 403
    assert house.anonymous().get(path).status_code == 401
    assert house.client.get("/admin/batches/nosuch/plan").status_code == 404


# --- which plan, and what can be done with it ---------------------------------------------------


def test_a_batch_without_a_plan_says_what_to_do(house: House) -> None:
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{house.batch()}/plan")
    assert "There is no plan yet. The batch has no files" in text_of(page)
    batch = house.filled()
    path = f"/admin/batches/{batch}"
    page = browser.page(f"{path}/plan")
    assert "There is no plan yet. A dry run makes one" in text_of(page)
    assert browser.send(page, f"{path}/run").headers["location"] == path
    (run,) = runs.runs_of_batch(house.db, batch)
    assert run.mode == "dry-run"
    assert "The plan is being made." in browser.page(f"{path}/plan")
    assert browser.get(f"{path}/plan.json").status_code == 409
    claim = house.claim(run.id)
    runs.end_run(house.db, claim, "failed", code="target-down", reason="tate does not answer.")
    page = browser.page(f"{path}/plan")
    assert "Dry run ended before its plan was complete. tate does not answer." in text_of(page)
    assert ">Dry run</button>" in page


def test_a_dry_run_is_imported_from_its_plan_exactly_as_it_stands(house: House) -> None:
    batch, run = planned(house, [retitled(1)])
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    looker = house.with_key("admin").get(f"{path}/plan")
    assert looker.status_code == 200
    assert "Import this plan" not in looker.text
    assert "Import this plan" not in browser.page(f"{path}/plan?action=update"), "it is not these alone"
    page = browser.page(f"{path}/plan")
    assert browser.send(page, f"{path}/run").headers["location"] == path
    newest = runs.runs_of_batch(house.db, batch)[0]
    assert (newest.mode, newest.options.plan) == ("import", run)
    assert "Import this plan" not in browser.page(f"{path}/plan"), "a run is active"
    house.finish(newest.id, counts={"read": 1, "planned": 1, "action:update": 1}, entries=[retitled(1)])
    house.wrote(newest.id)
    page = browser.page(f"{path}/plan")
    assert f'value="{newest.id}" selected' in page
    assert "It follows exactly the plan of the dry run of" in page
    page = browser.page(f"{path}/plan?run={run}")
    assert "has come after this plan" in page
    assert "Import this plan" not in page


def test_a_plan_of_other_files_is_not_imported(house: House) -> None:
    batch, _ = planned(house, [retitled(1)])
    more = house.client.post(
        f"{PREFIX}/file", data={"batch": batch, "name": "more/x"}, files={"file": ("x.json", b"[]")}
    )
    assert more.status_code == 200, more.text
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/plan")
    assert "The batch has other files by now than when this plan was made." in page
    assert "Import this plan" not in page


def test_a_plan_with_nothing_to_write_says_so(house: House) -> None:
    batch, _ = planned(house, [entry(1, "unchanged"), rejected(2)])
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/plan")
    assert "Nothing is to be written." in page
    assert "Import this plan" not in page


def test_an_undo_shows_its_plan_and_is_carried_out_from_it(house: House) -> None:
    batch, first = planned(house, [created(1, outcome="created", outcome_id=7)], "import")
    house.took_effect(first)
    path = f"/admin/batches/{batch}"
    browser = Browser(house).sign_in()
    assert 'href="https://tate.example.org/admin/item/7"' in browser.page(f"{path}/plan")
    browser.send(browser.page(path), f"{path}/run", mode="undo-plan")
    undo = runs.runs_of_batch(house.db, batch)[0]
    gone = Changes((Change("item", removed=("Study of clouds",), before=("Study of clouds",)),))
    one = entry(1, "delete", resource_id=7, changes=msgspec.json.encode(gone))
    found = group([one])
    counts = {"read": 1, "planned": 1, "action:delete": 1}
    house.finish(undo.id, entries=[one], groups=found.groups, places=found.places, counts=counts)
    page = browser.page(f"{path}/plan")
    assert "What taking this batch back would change in tate." in text_of(page)
    assert "A1 : Study of clouds" in text_of(page) or "A1: Study of clouds" in text_of(page)
    assert "Undo now, as this plan says" in page
    assert browser.send(page, f"{path}/run").status_code == 303
    newest = runs.runs_of_batch(house.db, batch)[0]
    assert (newest.mode, newest.options.dry_run) == ("undo", False)


def test_a_plan_that_is_kept_no_longer_says_so(house: House) -> None:
    batch, run = planned(house, [retitled(1)])
    with house.db.write() as connection:
        connection.execute(tables.run.update().where(tables.run.c.id == run).values(phase="removed"))
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/plan?run={run}")
    assert "kept no longer" in page
    assert browser.get(f"/admin/batches/{batch}/plan.csv").status_code == 410


def test_a_plan_is_downloaded_as_it_is_narrowed(house: House) -> None:
    entries = [retitled(1), retitled(2, "dcterms:date"), created(3), entry(4, "unchanged"), rejected(5)]
    batch, run = planned(house, entries)
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/plan")
    answer = browser.get(link(page, "Download it as CSV"))
    assert answer.headers["content-disposition"] == f'attachment; filename="plan-{batch}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["identifier"] for row in rows] == ["A1", "A2", "A3", "A5", "A4"]
    assert (rows[0]["before"], rows[0]["after"]) == ("Old 1", "New 1")
    page = browser.page(f"/admin/batches/{batch}/plan?property=dcterms:date")
    answer = browser.get(link(page, "Download these as JSON"))
    assert answer.headers["content-type"].startswith("application/json")
    assert [one["identifier"] for one in answer.json()] == ["A2"]
    assert [
        one["identifier"] for one in browser.get(f"/admin/batches/{batch}/plan.json?text=new%201").json()
    ] == ["A1"]
    assert run in link(page, "Download these as JSON")
