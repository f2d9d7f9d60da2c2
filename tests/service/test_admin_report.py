"""The report of a run as a page: groups of what is said, then records, one by one; found, and downloaded."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, update

from service.store import keys, runs, tables
from service.store.batches import batch_files
from service.store.database import Database
from service.store.failed_files import FailedFile, set_failed_files
from service.store.migrate import upgrade
from service.store.plans import Entry, EntryOutcome, insert_entries, set_outcomes
from tests.service.conftest import CONTROL, DATA, House
from tests.service.pages import Browser
from worker.records import identity_digest

SCRIPT = "<script>alert('report')</script>"
DATED: dict[str, Any] = {
    **CONTROL,
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {"source": "dateText", "name": "dcterms:date", "type": "numeric:timestamp"},
    ],
}
"""Read from the file of `DATA`."""


def entry(seq: int, **more: Any) -> Entry:
    known = f"A{seq:05}"
    given = {
        "file": "data0",
        "row": seq,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "action": "create",
        "identifier": known,
        "key_digest": identity_digest((known,)),
        "outcome": "created",
        "outcome_id": 1000 + seq,
    }
    return Entry(seq=seq, **{**given, **more})


def problem(code: str, message: str, value: str = "", severity: str = "reject", pointer: str = "") -> Any:
    return {"severity": severity, "code": code, "message": message, "pointer": pointer, "value": value}


def undated(seq: int, value: str, *further: Any) -> Entry:
    first = problem(
        "date-not-understood", "This is not understood as a date.", value, pointer="/instructions/2"
    )
    return entry(
        seq,
        action="reject",
        outcome="rejected",
        outcome_id=None,
        key_digest=None,
        problems=json.dumps([first, *further]).encode(),
        code=first["code"],
        message=first["message"],
    )


def reported(house: House, entries: list[Entry], mode: str = "import", batch: str = "") -> tuple[str, str]:
    """A batch with a run that left these entries."""
    batch = batch or house.filled(DATED, comment="Nightly")
    run = house.schedule(batch, mode)
    counts: dict[str, int] = {"read": len(entries), "planned": len(entries)}
    for one in entries:
        for name in (f"action:{one.action}", one.outcome):
            if name:
                counts[name] = counts.get(name, 0) + 1
    house.finish(run, entries=entries, counts=counts)
    return batch, run


def text(page: str) -> str:
    """What a person reads."""
    shown = unescape(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]))
    return re.sub(r"\s+", " ", shown).replace(" ,", ",").strip()


def links(page: str, words: str) -> list[str]:
    """Where the links lead that say this."""
    found = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', page)
    return [unescape(link) for link, shown in found if words in unescape(shown)]


def test_a_report_begins_with_what_is_said_of_the_records(house: House) -> None:
    noted = problem("otherwise-used", f"{SCRIPT} was used (`<b>`).", "", "warning")
    entries = [
        undated(1, "about 1820"),
        undated(2, SCRIPT, noted),
        entry(3, problems=json.dumps([noted]).encode(), code=noted["code"], message=noted["message"]),
        entry(4, identifier=SCRIPT),
    ]
    batch, run = reported(house, entries)
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/report")
    said = text(page)
    assert "2 × This is not understood as a date." in said
    assert "in dateText, for dcterms:date ( line" in said
    assert "for example about 1820" in said
    assert "Write the date in a form that is understood" in said
    assert f"2 × {SCRIPT} was used ( <b> )." in said
    assert "(<code>&lt;b&gt;</code>)" in page
    assert SCRIPT not in page
    assert said.index("Rejected") < said.index("Noticed") < said.index("Record by record")
    assert [re.sub("<.*?>", "", one) for one in re.findall(r"<b>\d+</b> [^<]+", page)] == [
        "2 created",
        "2 rejected",
    ]
    assert re.findall(r'href="(https://tate[^"]+)"', page) == [
        "https://tate.example.org/admin/item/1003",
        "https://tate.example.org/admin/item/1004",
    ]
    # From the group to its rows, from there to one record.
    group = links(page, "This is not understood as a date.")[0]
    page = browser.page(group)
    assert re.findall(r'rowheader" scope="row"><a[^>]*>([^<]+)', page) == ["A00001", "A00002"]
    record = links(page, "A00002")[0]
    assert record == f"/admin/batches/{batch}/report/{run}/2"
    page = browser.page(record)
    said = text(page)
    assert "row 2 of data.json (data0)" in said
    assert f"The value {SCRIPT}" in said
    assert said.index("This is not understood as a date.") < said.index(f"{SCRIPT} was used")
    assert "/instructions/2" in said
    assert SCRIPT not in page
    # The line that is named is that of the instruction.
    line = links(page, "of the control file")[0]
    shown = browser.page(line.partition("#")[0])
    number = line.rpartition("-")[2]
    assert re.search(rf'<li id="line-{number}"[^>]*><code>([^<]*)', shown) is not None


def test_records_are_chosen_by_what_became_of_them_a_page_at_a_time(house: House) -> None:
    entries = [entry(n) if n % 3 else undated(n, str(n)) for n in range(1, 361)]
    batch, _ = reported(house, entries)
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/report"
    for query, expected in {
        "": [one.identifier for one in entries],
        "outcome=created": [one.identifier for one in entries if one.outcome == "created"],
        "outcome=rejected": [one.identifier for one in entries if one.outcome == "rejected"],
        "outcome=failed": [],
        "outcome=none": [],
    }.items():
        seen: list[str] = []
        following: str | None = f"{path}?{query}"
        while following:
            page = browser.page(following)
            some = re.findall(r'rowheader" scope="row"><a[^>]*>([^<]+)', page)
            assert len(some) <= 50
            seen += some
            following = next(iter(links(page, "Further records")), None)
        assert seen == expected, query
    assert "There is no such record (any more)." in page


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("run=nowhere", 404),
        ("group=gnothing", 404),
        ("outcome=odd", 400),
        ("outcome=to-eat", 400),
        ("groups=odd", 400),
        ("after=x", 400),
        ("after=-1", 400),
        ("groups=rejected&after=x:y", 400),
        ("colour=red", 400),
    ],
)
def test_an_address_that_was_made_up_is_told_so(house: House, query: str, status: int) -> None:
    batch, _ = reported(house, [entry(1)])
    answer = Browser(house).sign_in().get(f"/admin/batches/{batch}/report?{query}")
    assert answer.status_code == status, answer.text
    assert "<h1>" in answer.text


def test_a_record_is_found_by_its_identifier_in_whatever_run(house: House) -> None:
    batch, first = reported(house, [entry(1), undated(2, "?"), entry(3, row=7)])
    _, second = reported(house, [undated(1, "??")], "retry", batch)
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/report"

    def found(text: str) -> str | None:
        answer = browser.get(path, params={"find": text})
        return str(answer.headers["location"]) if answer.status_code == 303 else None

    assert found("A00003") == f"{path}/{first}/3"
    assert found(" A00002 ") == f"{path}/{first}/2"
    assert found("row 7") == found("7") == f"{path}/{first}/3"
    page = browser.page(f"{path}/{first}/1")
    # Both runs speak of the first record.
    assert found("A00001") == f"{path}/{second}/1"
    assert page.index(f'id="run-{first}"') < page.index(f'id="run-{second}"')
    for nothing in ("a00003", "row 12", "A0000", SCRIPT, "x" * 3000, "☃"):
        page = browser.page(f"{path}?find={nothing}")
        assert "No record is called" in page
        assert SCRIPT not in page


def test_several_records_of_one_name_are_listed(house: House) -> None:
    same = identity_digest(("A1",))
    entries = [entry(n, identifier="A1", key_digest=same) for n in (1, 2)]
    batch, _ = reported(house, [*entries, entry(3, file="data1", row=1)])
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/report?find=A1")
    assert text(page).count("A1 data0, row") == 2


def test_the_newest_run_that_did_something_is_shown_and_others_can_be_chosen(house: House) -> None:
    plan = [entry(1, outcome=None, outcome_id=None), undated(2, "?")]
    batch, dry = reported(house, plan, "dry-run")
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/report"
    page = browser.page(path)
    assert "<b>1</b> to create" in page
    assert 'value="to-create"' in page
    assert re.findall(
        r'rowheader" scope="row"><a[^>]*>([^<]+)', browser.page(f"{path}?outcome=to-create")
    ) == ["A00001"]
    _, real = reported(house, [entry(1), undated(2, "?")], "import", batch)
    house.took_effect(real)
    page = browser.page(path)
    assert re.search(rf'<option value="{real}" selected>', page)
    assert f'<option value="{dry}">' in page
    page = browser.page(f"{path}?run={dry}")
    assert re.search(rf'<option value="{dry}" selected>', page)
    assert "<b>1</b> to create" in page
    assert all(f"run={dry}" in link for link in links(page, "This is not understood as a date."))
    undo = house.schedule(batch, "undo")
    house.finish(undo, entries=[entry(1, action="delete", outcome="undone")], counts={"undone": 1})
    page = browser.page(path)
    assert re.search(rf'<option value="{undo}" selected>', page)
    assert "<b>1</b> taken back" in page


def test_a_run_that_goes_on_shows_what_it_did_so_far(house: House) -> None:
    batch = house.filled(DATED)
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/report"
    assert "the batch was not run yet" in browser.page(path)
    run = house.schedule(batch)
    assert "The run has not begun yet" in browser.page(path)
    claim = house.claim(run)
    page = browser.page(path)
    assert "No record was looked at yet." in page
    assert "There are no records yet." in page
    with runs.fenced(house.db, claim) as connection:
        insert_entries(
            connection,
            run,
            [entry(n, outcome=None, outcome_id=None) for n in range(1, 4)] + [undated(4, "?")],
        )
        set_outcomes(
            connection,
            run,
            [
                EntryOutcome(1, "created", 7),
                EntryOutcome(2, "failed", None, "target-validation", f"“{SCRIPT}” is required."),
            ],
        )
        runs.add_counts(connection, run, {"planned": 4, "created": 1, "failed": 1, "rejected": 1})
    page = browser.page(path)
    said = text(page)
    assert "The run goes on" in said
    assert "1 still to come" in said
    assert f"1 × “{SCRIPT}” is required." in said
    assert SCRIPT not in page
    assert 'hx-get="' in page
    assert "Retry what failed" not in said
    page = browser.page(f"{path}?outcome=none")
    assert re.findall(r'rowheader" scope="row"><a[^>]*>([^<]+)', page) == ["A00003"]
    assert '<span class="badge good">to create' in page


def test_a_report_is_downloaded_as_it_is_shown(house: House) -> None:
    noted = problem("otherwise-used", "Another value was used.", "=1+1", "warning")
    batch, run = reported(house, [entry(1), undated(2, "=SUM(A1)", noted), undated(3, "?")])
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/report")
    link = links(page, "Download all as CSV")[0]
    assert link == f"/admin/batches/{batch}/report.csv?run={run}"
    answer = browser.get(link)
    assert answer.headers["content-disposition"] == f'attachment; filename="report-{run}.csv"'
    lines = list(csv.DictReader(answer.text.splitlines()))
    assert [(line["identifier"], line["outcome"], line["url"]) for line in lines] == [
        ("A00001", "created", "https://tate.example.org/admin/item/1001"),
        ("A00002", "rejected", ""),
        ("A00003", "rejected", ""),
    ]
    assert lines[1]["message"] == (
        "This is not understood as a date. The value was: =SUM(A1)"
        " | Another value was used. The value was: =1+1"
    )
    group = links(page, "Another value was used.")[0]
    link = links(browser.page(group), "Download these as CSV")[0]
    assert [line["row"] for line in csv.DictReader(browser.get(link).text.splitlines())] == ["2"]
    link = links(browser.page(f"/admin/batches/{batch}/report?outcome=created"), "Download these as CSV")[0]
    assert [line["row"] for line in csv.DictReader(browser.get(link).text.splitlines())] == ["1"]


def test_after_a_retry_the_newest_word_about_every_record_is_downloaded(house: House) -> None:
    batch, _ = reported(house, [entry(1), undated(2, "?"), undated(3, "?")])
    browser = Browser(house).sign_in()
    assert "A retry is about" not in browser.page(f"/admin/batches/{batch}/report")
    reported(house, [entry(2), undated(3, "??")], "retry", batch)
    page = browser.page(f"/admin/batches/{batch}/report")
    assert "A retry is about the records that had failed" in page
    answer = browser.get(links(page, "every record of the batch")[0])
    assert answer.headers["content-type"].startswith("text/csv")
    lines = csv.DictReader(answer.text.splitlines())
    assert sorted((line["row"], line["outcome"]) for line in lines) == [
        ("1", "created"),
        ("2", "created"),
        ("3", "rejected"),
    ]


def test_the_failed_records_are_downloaded_and_tried_again(house: House) -> None:
    batch = house.filled(DATED)
    run = house.schedule(batch)
    claim = house.claim(run)
    digest = next(file.digest for file in batch_files(house.db, batch))
    with runs.fenced(house.db, claim) as connection:
        insert_entries(connection, run, [undated(1, "?"), entry(2)])
        runs.add_counts(connection, run, {"planned": 2, "rejected": 1, "created": 1})
        set_failed_files(connection, run, [FailedFile("data0", digest, len(DATA), 1)])
        runs.set_phase(connection, claim, "apply", planned_at=1, records_total=2)
    runs.end_run(house.db, claim, "finished")
    house.took_effect(run)
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/report")
    link = links(page, "Download 1 failed record")[0]
    answer = browser.get(link)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-disposition"] == 'attachment; filename="failed-data.json"'
    assert browser.get(link.replace("data0", "data1")).status_code == 404
    answer = browser.send(page, f"/admin/batches/{batch}/run")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/batches/{batch}")
    assert [one.mode for one in runs.runs_of_batch(house.db, batch)] == ["retry", "import"]
    # A key that may only look is not offered it.
    looking = Browser(house).sign_in(keys.create_key(house.db, "looks", ("admin",)).secret)
    assert "Retry what failed" not in looking.page(f"/admin/batches/{batch}/report")


def test_who_may_not_see_a_batch_sees_no_report(house: House) -> None:
    batch, run = reported(house, [undated(1, "?")])
    other = Browser(house).sign_in(keys.create_key(house.db, "narrow", target="other").secret)
    for path in ("", ".csv", f"/{run}/1", f"/failed?run={run}&file=data0"):
        assert other.get(f"/admin/batches/{batch}/report{path}").status_code == 404
    own = Browser(house).sign_in()
    for path in (f"/{run}/2", f"/{run}/x", "/another/1", f"/{run}/{'9' * 30}"):
        assert own.get(f"/admin/batches/{batch}/report{path}").status_code == 404


def test_what_is_kept_no_longer_is_said_to_be_gone(house: House) -> None:
    batch, run = reported(house, [undated(1, "?")])
    with house.db.write() as connection:
        connection.execute(update(tables.run).where(tables.run.c.id == run).values(phase="removed"))
    browser = Browser(house).sign_in()
    path = f"/admin/batches/{batch}/report"
    assert "kept no longer" in browser.page(path)
    assert "kept no longer" in browser.page(f"{path}?run={run}&outcome=rejected")
    assert [browser.get(f"{path}{one}").status_code for one in (f"/{run}/1", ".csv")] == [410, 410]


# --- size ------------------------------------------------------------------------------------------

MANY = 70_000
LONG = "The value of this record is not what the instruction takes, since “{}” & <others> say so. " * 3


def many(n: int) -> Entry:
    if n % 10 == 0:
        code = f"rare-{n}" if n % 700 == 0 else f"code-{n % 20}"
        found = [problem(code, LONG.replace("{}", str(n)), "<b>" * 30, pointer="/instructions/2")]
        return entry(
            n,
            action="reject",
            outcome="rejected",
            outcome_id=None,
            key_digest=None,
            problems=json.dumps(found).encode(),
            code=found[0]["code"],
            message=found[0]["message"],
        )
    return entry(n, outcome=None if n % 10 == 1 else "created", kind="item" if n % 4 else "media")


def questions(batch: str, run: str, group: str, half: int) -> list[str]:
    """Each page of a report, and each way to narrow it."""
    path = f"/admin/batches/{batch}/report"
    return [
        path,
        f"{path}?after={2 * half - 30}",
        *(f"{path}?outcome={one}&after={half}" for one in ("created", "rejected", "none", "to-create")),
        f"{path}?group={group}",
        f"{path}?group={group}&after={half}",
        f"{path}?groups=rejected",
        f"{path}?groups=rejected&after=1:g8",
        f"{path}?find=A00010",
        f"{path}?find=A00011",
        f"{path}?find=12",
        f"{path}/{run}/10",
    ]


def test_a_page_of_a_run_of_any_size_is_small_and_asks_nothing_that_grows_with_it(house: House) -> None:
    asked = seen(house, MANY)
    walks = ("SCAN plan_entry", "SCAN report_", "SCAN log_line", "SCAN operation", "TEMP B-TREE")
    bad = [
        (statement, steps)
        for statement, steps in asked
        for step in steps
        if any(step.find(one) >= 0 for one in walks)
        or re.search(r"(plan_entry|report_line) .*\(run_id=\?\)$", step)
    ]
    assert bad == []


def test_nor_does_it_on_postgresql(make_house: Callable[..., House], postgresql_url: str) -> None:
    db = Database(postgresql_url)
    upgrade(db)
    db.dispose()
    asked = seen(make_house(database_url=postgresql_url, secret_key="s" * 40), 20_000)
    walks = ("Seq Scan on plan_entry", "Seq Scan on report_line", "Sort Key")
    bad = [
        (statement, steps)
        for statement, steps in asked
        # Groups are so few here that reading all of them is best; and any of many records (for the state of
        # the batch) is found without an index.
        if "plan_entry.identifier" in statement or "report_line" in statement
        for step in steps
        if any(one in step for one in walks)
    ]
    assert bad == [], bad[0]


def seen(house: House, n: int) -> list[tuple[str, list[str]]]:
    """All that the pages of a run of so many records ask."""
    batch, run = reported(house, [many(one) for one in range(1, n + 1)])
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    browser = Browser(house).sign_in()
    group = links(browser.page(f"/admin/batches/{batch}/report"), "The value of this record")[0]
    asked = explained(house.db, browser, questions(batch, run, group.rpartition("group=")[2], n // 2))
    assert len(asked) > 50
    return asked


def explained(db: Database, browser: Browser, pages: list[str]) -> list[tuple[str, list[str]]]:
    """Each statement that these pages ask of the database about a run, and how it is carried out. None of
    them may weigh 100 KB."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "run_id" in statement:
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    for path in pages:
        answer = browser.get(path)
        assert answer.status_code in (200, 303), answer.text
        assert len(answer.content) < 100_000, f"{path}: {len(answer.content)}"
    event.remove(db.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
    with db.engine.begin() as connection:
        return [
            (
                statement,
                [str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", parameters)],
            )
            for statement, parameters in asked
        ]
