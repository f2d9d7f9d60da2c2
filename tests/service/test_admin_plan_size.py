"""The page of a plan of any size: small, and made by queries that do not grow with the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from sqlalchemy import event

from service.admin.plan_found import LISTED, PAGE
from service.store import tables
from service.store.changes import Change, Changes
from service.store.database import Database
from service.store.migrate import upgrade
from service.store.plans import Entry
from tests.service.conftest import House
from tests.service.pages import Browser
from tests.service.plans import created, entry, link, planned, rejected, retitled, shown, updated

MANY = 70_000
RARE = 66_123


def many() -> list[Entry]:
    """A year of the catalogue: most stay, some thousands change, more are new; one change is rare."""
    entries: list[Entry] = []
    title = Change("dcterms:title", ("Old",), ("New",), (), ("Old",), ("New",))
    changed = msgspec.json.encode(Changes((title,)))
    drafted = created(1, ("dcterms:title", ["A work"]), ("dcterms:subject", ["sky", "clouds"])).draft
    for seq in range(1, MANY + 1):
        if seq == RARE:
            entries.append(retitled(seq, "dcterms:rights"))
        elif seq % 10 == 0:
            entries.append(entry(seq, "update", resource_id=seq, changes=changed))
        elif seq % 2 == 0:
            entries.append(entry(seq, "create", draft=drafted))
        elif seq % 1001 == 0:
            entries.append(rejected(seq))
        else:
            entries.append(entry(seq, "unchanged", resource_id=seq))
    return entries


@pytest.fixture(params=["sqlite", "postgresql"])
def archive(request: pytest.FixtureRequest, make_house: Callable[..., House]) -> Iterator[House]:
    """A house on each kind of database."""
    if request.param == "sqlite":
        yield make_house()
        return
    url = request.getfixturevalue("postgresql_url")
    db = Database(url)
    upgrade(db)
    db.dispose()
    yield make_house(database_url=url, secret_key="for tests")


@contextmanager
def asked_of(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are carried out within the block."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    yield asked
    event.remove(db.engine, "before_cursor_execute", note)


def ways(db: Database, asked: list[tuple[str, Any]]) -> list[str]:
    """How the database carries out what was asked of the plan."""
    lite = db.engine.dialect.name == "sqlite"
    word = "EXPLAIN QUERY PLAN" if lite else "EXPLAIN"
    steps = []
    with db.engine.connect() as connection:
        for statement, parameters in asked:
            if " plan_" not in statement:
                continue
            rows = [str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", parameters)]
            steps += rows if lite else [" ".join(" ".join(rows).split())]
    return steps


def test_a_page_of_a_plan_of_any_size_is_small_and_reads_only_what_it_shows(archive: House) -> None:
    entries = many()
    batch, run = planned(archive, entries)
    for _ in range(8):  # there are other plans too
        planned(archive, [retitled(1), created(2), rejected(3)])
    with archive.db.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    browser = Browser(archive).sign_in()
    path = f"/admin/batches/{batch}/plan"
    expected = {
        "": list(range(10, MANY, 10))[:30],
        "action=update": list(range(10, MANY, 10))[:30],
        f"action=create&after=create:{MANY - 20}": [seq for seq in range(MANY - 18, MANY, 2) if seq % 10],
        "action=unchanged": list(range(1, 62, 2))[:30],
        "action=unchanged&after=unchanged:60000": [seq for seq in range(60001, 60070, 2) if seq % 1001][:30],
        "property=dcterms:rights": [RARE],
        "action=update&property=dcterms:rights": [RARE],
        "action=create&property=dcterms:rights": [],
        "action=create&property=dcterms:title": [seq for seq in range(2, 100, 2) if seq % 10][:30],
        "met=problem:not-a-date": list(range(1001, MANY, 2002))[:30],
        f"action=reject&after=reject:{MANY}": [],
    }
    expected[f"after=update:{MANY - 200}"] = [
        *range(MANY - 190, MANY + 1, 10),
        *[seq for seq in range(2, 40, 2) if seq % 10],
    ][:30]
    for query, seqs in expected.items():
        with asked_of(archive.db) as asked:
            page = browser.page(f"{path}?run={run}&{query}")
        assert shown(page) == seqs, query
        assert len(page.encode()) < 100_000, query
        # At most a few queries an action, and one for each record where none are near each other.
        assert sum(" plan_" in statement for statement, _ in asked) <= PAGE + 3 * len(LISTED), query
        of_plan = ways(archive.db, asked)
        assert of_plan
        for step in of_plan:
            bounded(archive.db, step)


def bounded(db: Database, step: str) -> None:
    """That a step looks into an index, and reads no more of it than was asked for."""
    if db.engine.dialect.name == "sqlite":
        entries = "USING INDEX ix_plan_entry_action (run_id=? AND action=? AND seq>?"
        place = "(run_id=? AND type=? AND name=? AND action=? AND block"
        assert not step.startswith("SCAN"), step
        assert "TEMP B-TREE" not in step, step
        if step.startswith("SEARCH plan_entry"):
            assert entries in step, step
        elif step.startswith("SEARCH plan_place"):
            assert place in step, step
        return
    assert "Seq Scan on plan_entry" not in step, step
    assert "Seq Scan on plan_place" not in step, step
    if " plan_entry" in step:
        assert "ix_plan_entry_action" in step, step
        assert "Sort" not in step, step


def test_words_stand_in_no_index_so_the_page_looks_through_some_and_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.admin.plan_found.MOST_READ", 40)
    batch, _ = planned(house, [retitled(seq) for seq in range(1, 101)])
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/plan?text=NEW%2010")
    assert shown(page) == [10]
    page = browser.page(link(page, "Look further"))
    assert shown(page) == []
    assert "Nothing was found so far; there is more to look through." in page
    page = browser.page(link(page, "Look further"))
    assert shown(page) == [100]
    assert "Look further" not in page
    assert "From the beginning" in page


def test_a_plan_that_an_earlier_version_made_is_narrowed_by_looking_through_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, run = planned(house, [*(retitled(seq) for seq in range(1, 100)), retitled(100, "dcterms:date")])
    with house.db.write() as connection:
        connection.execute(tables.plan_place.delete().where(tables.plan_place.c.run_id == run))
    monkeypatch.setattr("service.admin.plan_found.MOST_READ", 60)
    browser = Browser(house).sign_in()
    page = browser.page(f"/admin/batches/{batch}/plan?property=dcterms:date")
    assert shown(page) == []
    assert shown(browser.page(link(page, "Look further"))) == [100]


def test_every_record_is_on_one_page_whatever_room_they_take(house: House) -> None:
    long = "&<>\"' " * 50_000
    entries = [
        created(1, ("dcterms:description", [long])),
        created(2, *((f"dcterms:p{n}", ['"' * 900] * 40) for n in range(60))),
        *(created(seq, ("dcterms:description", ["<" * 2900])) for seq in range(3, 40)),
        updated(40, Change("dcterms:title", (), ("x",), (), (), tuple(f"v{n}" for n in range(5000)))),
        updated(41, *(Change(f"dcterms:q{n}", ("<" * 300,), (">" * 300,)) for n in range(400))),
        rejected(42, identifier="<" * 5000, message="&" * 90_000),
        *(rejected(seq, code=f"code-{seq}") for seq in range(43, 150)),
    ]
    batch, _ = planned(house, entries)
    browser = Browser(house).sign_in()
    seen: list[int] = []
    path: str | None = f"/admin/batches/{batch}/plan"
    while path is not None:
        page = browser.page(path)
        assert len(page.encode()) < 100_000
        seen += shown(page)
        path = link(page, "Further records") if "Further records" in page else None
    assert sorted(seen) == [one.seq for one in entries]
    assert "more characters, which the download has" in browser.page(f"/admin/batches/{batch}/plan?text=A1")


def test_characters_that_steer_a_screen_are_shown_as_escapes(house: House) -> None:
    batch, _ = planned(house, [created(1, ("dcterms:title", ["a\x1b[2Jb\u202ec"]), identifier="i\x07")])
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/plan")
    assert "a\\x1b[2Jb\\u202ec" in page
    assert "\x1b" not in page
    assert "\x07" not in page
