"""The log as a page in a browser."""

from __future__ import annotations

import re

from service.store import runs
from service.store.logs import LogLine, append_lines
from service.store.steering import request_cancel
from tests.service.conftest import PREFIX, House
from tests.service.pages import Browser


def logged(house: House, count: int = 3) -> tuple[str, str]:
    batch = house.filled(comment="<b>Tate</b> & co")
    run = house.schedule(batch)
    claim = house.claim(run)
    lines = [
        LogLine(run, n, 1_700_000_000_000 + n, "info", "told", f"<script>alert({n})</script>\n\x1bx")
        for n in range(1, count + 1)
    ]
    lines[0] = LogLine(run, 1, 1_700_000_000_000, "error", "bad", "Wrong", "data0", 7, "<i>a1</i>")
    with runs.fenced(house.db, claim) as connection:
        append_lines(connection, lines)
    return batch, run


def test_the_page_shows_the_log_and_runs_nothing(house: House) -> None:
    batch, run = logged(house)
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/log")
    assert "<script>" not in page
    assert "<i>a1" not in page
    assert "&lt;b&gt;Tate&lt;/b&gt; &amp; co" in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;<br>\\x1bx" in page
    assert "data0, row 7" in page
    assert f'id="l-{run}-1" class="error"' in page
    # It follows: what comes after its last line is streamed into it.
    assert f'hx-sse:connect="/admin/batches/{batch}/log/lines?level=info&amp;after={run}%3A3"' in page


def test_a_page_of_an_ended_run_stands_still(house: House) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    page = Browser(house).sign_in().page(f"/admin/batches/{batch}/log")
    assert "hx-sse:connect" not in page
    assert "There are no lines here" in page


def test_a_long_log_begins_with_its_end_and_is_read_page_by_page(house: House) -> None:
    batch, run = logged(house, 250)
    path = f"/admin/batches/{batch}/log"
    browser = Browser(house).sign_in()
    page = browser.page(path)
    assert numbers(page) == list(range(151, 251))
    page = browser.page(link(page, "Earlier lines"))
    assert numbers(page) == list(range(51, 151))
    assert "hx-sse:connect" not in page
    page = browser.page(link(page, "Earlier lines"))
    assert numbers(page) == list(range(1, 51))
    assert "Earlier lines" not in page
    assert link(page, "The last lines") == f"{path}?level=info"
    # From a line on, as the links of lines have it.
    line = re.search(r'href="([^"]+)#l-[^"]+-2"', page)
    assert line is not None
    page = browser.page(line[1].replace("&amp;", "&"))
    assert numbers(page) == list(range(2, 102))
    page = browser.page(link(page, "Further lines"))
    assert numbers(page) == list(range(102, 202))
    assert numbers(browser.page(f"{path}?level=error&run={run}")) == [1]
    assert numbers(browser.page(f"{path}?text=ALERT(24")) == [24, *range(240, 250)]
    assert "No line is like that so far." in browser.page(f"{path}?text=nothing%25")
    assert len(browser.page(path).encode()) < 100_000


def test_the_log_can_be_downloaded_as_it_is_shown(house: House) -> None:
    batch, _ = logged(house, 12)
    answer = Browser(house).sign_in().get(f"/admin/batches/{batch}/log.txt?text=alert(1")
    assert answer.headers["content-disposition"] == f'attachment; filename="log-{batch}.txt"'
    assert [line.split("alert(")[1].split(")")[0] for line in answer.text.splitlines()] == ["10", "11", "12"]


def test_lines_are_streamed_as_rows_and_again_from_where_they_were_lost(house: House) -> None:
    batch, run = logged(house, 3)
    request_cancel(house.db, run)
    runs.end_run(house.db, runs.Claim(run, 1, "worker-1"), "cancelled")
    browser = Browser(house).sign_in()
    stream = browser.get(f"/admin/batches/{batch}/log/lines?level=info")
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = stream.text.split("\n\n")
    assert events[0].splitlines()[0] == f"id: {run}:3"
    assert numbers(events[0]) == [1, 2, 3]
    assert all(line.startswith(("id: ", "data: ")) for line in events[0].splitlines())
    assert events[1:] == ["event: end\ndata: {}", ""]
    again = browser.get(f"/admin/batches/{batch}/log/lines", headers={"Last-Event-ID": f"{run}:2"})
    assert numbers(again.text) == [3]
    filtered = browser.get(f"/admin/batches/{batch}/log/lines?level=error")
    assert numbers(filtered.text) == [1]


def test_the_page_asks_for_an_admins_key_in_its_own_realm(house: House) -> None:
    batch, _ = logged(house)
    path = f"/admin/batches/{batch}/log"
    nobody = house.anonymous().get(path)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"] == 'Basic realm="Accession admin", charset="UTF-8"'
    assert house.with_key("read", "upload", "schedule").get(path).status_code == 403
    assert house.with_key("admin").get(path).status_code == 200
    assert house.with_key("admin", target="other").get(path).status_code == 404
    bearer = house.anonymous().get(path, headers={"Authorization": f"Bearer {house.key.secret}"})
    assert bearer.status_code == 401
    assert house.client.post(path).status_code == 405
    assert house.client.get("/admin/batches/nosuch/log").status_code == 404
    assert house.client.get(f"{path}?run=nosuch").status_code == 404
    assert house.client.get(f"{path}?level=x").status_code == 400
    assert house.client.get(f"{path}?before=x").status_code == 400
    assert house.client.get(f"{path}?after=nosuch:1").status_code == 400
    assert house.client.get(f"{PREFIX}/batch").status_code == 200


def numbers(page: str) -> list[int]:
    """Of the lines that a page shows."""
    return [int(number) for number in re.findall(r'<tr role="row" id="l-[a-z0-9]+-([0-9]+)"', page)]


def link(page: str, text: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{text}<', page)
    assert found is not None, f"no link: {text}"
    return found[1].replace("&amp;", "&")
