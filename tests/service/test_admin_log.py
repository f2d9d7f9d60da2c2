"""The log as a page in a browser."""

from __future__ import annotations

import base64
import hashlib
import re

from service.store import runs
from service.store.logs import LogLine, append_lines
from tests.service.conftest import PREFIX, House


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
    answer = house.client.get(f"/admin/batches/{batch}/log")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = answer.text
    assert "<script" not in page
    assert "<i>a1" not in page
    assert "&lt;b&gt;Tate&lt;/b&gt; &amp; co" in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;\n\\x1bx" in page
    assert "data0:7" in page
    assert f'<a href="?run={run}">' in page
    assert '<meta http-equiv="refresh" content="5">' in page
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


def test_a_page_of_an_ended_run_stands_still(house: House) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    page = house.client.get(f"/admin/batches/{batch}/log").text
    assert "refresh" not in page
    assert "There are no lines here" in page


def test_a_long_log_is_read_page_by_page_and_from_its_end(house: House) -> None:
    batch, run = logged(house, 1200)
    page = house.client.get(f"/admin/batches/{batch}/log").text
    assert page.count("<tr ") == 1000
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    rest = house.client.get(f"/admin/batches/{batch}/log{following[1].replace('&amp;', '&')}").text
    assert rest.count("<tr ") == 200
    last = re.search(r'href="([^"]+)">the last lines', page)
    assert last is not None
    assert (
        house.client.get(f"/admin/batches/{batch}/log{last[1].replace('&amp;', '&')}").text.count("<tr ")
        == 100
    )
    errors = house.client.get(f"/admin/batches/{batch}/log?level=error&run={run}").text
    assert errors.count("<tr ") == 1


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
    assert house.client.get(f"{PREFIX}/batch").status_code == 200
