"""Charts: what is drawn of which data, said in words, and shown as a table; and on whose pages."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import insert

from service.admin.charts import (
    Bars,
    Caption,
    Series,
    Table,
    bar_chart,
    line_chart,
    nice,
    spread,
)
from service.admin.graphs import days_chart, run_charts, target_chart
from service.store import keys, runs
from service.store.database import now_ms
from service.store.samples import (
    DAY_MS,
    Day,
    Measured,
    Pace,
    Sample,
    days,
    pace_of_target,
    record_sample,
    samples_of_run,
)
from service.store.tables import run_sample
from tests.service.conftest import House
from tests.service.pages import Browser

SCRIPT = "<script>alert(1)</script>"
EMPTY = Table(("x",), ())


def shapes(svg: str, tag: str) -> list[dict[str, str]]:
    """The elements of a drawing, but its grid; it must be well-formed."""
    root = ElementTree.fromstring(svg)
    return [dict(one.attrib) for one in root.iter(tag) if one.attrib.get("class") != "grid"]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (1.1, 2), (3, 5), (70_000, 100_000), (0.03, 0.05), (200, 200)]
)
def test_an_axis_ends_at_a_round_number(most: float, top: float) -> None:
    assert nice(most) == pytest.approx(top)


def test_a_line_is_broken_where_nothing_is_known_and_a_lone_point_is_seen() -> None:
    points = [(0.0, 0.0), (10.0, 50.0), (20.0, None), (30.0, 100.0)]
    chart = line_chart(
        Caption("c", SCRIPT, SCRIPT, "0 s", "30 s", "{} records"), [Series("n", "first", points)], EMPTY
    )
    assert shapes(chart.svg, "path") == [{"class": "line first", "d": "M0.0 160.0L200.0 80.0M596.0 0.0h8"}]
    assert chart.top == "100 records"
    assert "<script" not in chart.svg
    assert "style" not in chart.svg, "the pages' policy allows no style in them"


def test_bars_stand_on_each_other_and_the_least_is_seen() -> None:
    parts = [Bars("new", "good", [50, 0]), Bars("bad", "bad", [50, 0.001])]
    chart = bar_chart(Caption("c", "t", "s", "a", "b"), parts, EMPTY)
    assert [(one["class"], one["y"], one["height"]) for one in shapes(chart.svg, "rect")] == [
        ("part good", "80.0", "80.0"),
        ("part bad", "0.0", "80.0"),
        ("part bad", "158.5", "1.5"),
    ]


def test_nothing_at_all_is_drawn_too() -> None:
    assert shapes(
        line_chart(Caption("c", "t", "s", "", ""), [Series("n", "first", [])], EMPTY).svg, "path"
    ) == [{"class": "line first", "d": ""}]
    assert shapes(bar_chart(Caption("c", "t", "s", "", ""), [], EMPTY).svg, "rect") == []


def test_a_table_has_the_first_and_the_last_of_many_moments() -> None:
    rows = spread([(str(i),) for i in range(1000)], 24)
    assert (len(rows), rows[0], rows[-1]) == (24, ("0",), ("999",))


def facts(house: House, run_id: str) -> runs.RunFacts:
    found = runs.run_facts(house.db, run_id)
    assert found is not None
    return found


def test_a_run_says_how_far_it_came_and_how_the_target_answered(house: House) -> None:
    run_id = house.schedule(house.filled())
    house.finish(run_id, counts={"read": 200, "created": 190, "failed": 10})
    run = facts(house, run_id)
    assert run.started_at is not None
    at = run.started_at
    samples = [Sample(at + 5000, 5000, 200, 0, 2, None, 2), Sample(at + 10_000, 5000, 200, 90, 90, 60, 4)]
    assert run_charts(run, samples[:1]) == []
    records, target = run_charts(run, samples)
    assert records.table.rows[:3] == (("0.0 s", "0", "0"), ("5.0 s", "200", "0"), ("10 s", "200", "90"))
    assert "200 read and 200 done" in records.svg
    assert target.table == Table(
        ("After", "An answer takes", "Requests a second", "At a time"),
        (("5.0 s", "", "0.4", "2"), ("10 s", "60 ms", "18.0", "4")),
    )
    assert target.top == "60 ms, 18.0 requests a second"


def test_a_day_of_a_target_and_a_month_of_imports() -> None:
    now = 20_000 * DAY_MS + 5 * 3600_000
    assert target_chart("tate", [], now) is None
    chart = target_chart("tate", [Pace(now - 3600_000, 450, 80.0)], now)
    assert chart is not None
    assert chart.table.rows == (("4 Oct 2024, 04:00", "80 ms", "30.0"),)
    assert days_chart([], now) is None
    month = days_chart(
        [Day(20_000 * DAY_MS, 2, {"created": 5, "updated": 3, "rejected": 1, "unchanged": 9})], now
    )
    assert month is not None
    assert month.table.rows == (("4 Oct", "2", "5", "3", "1"),)
    assert (month.left, month.right) == ("5 Sep", "4 Oct")
    assert len(shapes(month.svg, "rect")) == 3


def test_measurements_are_kept_by_the_runs_owner_only_and_leave_with_it(house: House) -> None:
    batch = house.filled(target="tate")
    run_id = house.schedule(batch)
    claim = house.claim(run_id)
    with runs.fenced(house.db, claim) as connection:
        runs.add_counts(connection, run_id, {"read": 7, "created": 4, "failed": 1, "action:create": 7})
    record_sample(house.db, claim, Measured(5000, 9, 81, 2))
    (sample,) = samples_of_run(house.db, run_id)
    assert (sample.took_ms, sample.read, sample.done, sample.requests) == (5000, 7, 5, 9)
    assert (sample.latency_ms, sample.at_once) == (81, 2)
    with pytest.raises(runs.FenceLostError):
        record_sample(house.db, runs.Claim(run_id, claim.fence - 1, "other"), Measured(1, 1, None, None))
    piece = 900_000
    (pace,) = pace_of_target(house.db, "tate", now_ms() - DAY_MS, piece)
    assert (pace.at % piece, pace.requests, pace.latency_ms) == (0, 9, 81.0)
    assert pace_of_target(house.db, "other", 0, piece) == []
    runs.end_run(house.db, claim, "finished")
    since = now_ms() // DAY_MS * DAY_MS - 29 * DAY_MS
    (day,) = days(house.db, house.key.key, since)
    assert (day.at % DAY_MS, day.runs, day.counts) == (0, 1, {"created": 4, "failed": 1})
    bound = keys.create_key(house.db, "bound", keys.SCOPES, "other").key
    assert days(house.db, bound, since) == []
    assert house.client.delete(f"/api/haplo-data-import-batch/batch/{batch}").status_code == 200
    assert samples_of_run(house.db, run_id) == []


def test_the_pages_show_them(house: House) -> None:
    batch = house.filled(comment=SCRIPT, target="tate")
    run_id = house.schedule(batch)
    browser = Browser(house).sign_in()
    assert "<figure" not in browser.page(f"/admin/batches/{batch}")
    assert "<figure" not in browser.page("/admin/targets/tate")
    assert "<figure" not in browser.page("/admin/batches")
    with house.db.write() as connection:
        for i in range(1000):
            values: dict[str, Any] = {
                "read": i * 70,
                "done": i * 60,
                "requests": 60,
                "latency_ms": 60,
                "at_once": 2,
            }
            connection.execute(
                insert(run_sample).values(run_id=run_id, at=now_ms() + i * 5, took_ms=5, **values)
            )
    house.finish(run_id, counts={"read": 70_000, "created": 60_000})
    page = browser.page(f"/admin/batches/{batch}")
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == [
        "Records over time: Import",
        "How the target answers",
    ]
    assert len(page.encode()) < 100_000
    assert "60,000 done" in page
    fragment = browser.page(f"/admin/batches/{batch}/charts")
    assert fragment.count("<figure") == 2
    assert "hx-get" not in fragment, "a run that has ended is not looked at again"
    assert "The last day of tate" in browser.page("/admin/targets/tate")
    assert "Imports of the last 30 days" in browser.page("/admin/batches")
    other = Browser(house).sign_in(keys.create_key(house.db, "bound", keys.SCOPES, "other").secret)
    assert "<figure" not in other.page("/admin/batches")
    assert other.get(f"/admin/batches/{batch}/charts").status_code == 404
