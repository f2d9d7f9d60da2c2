"""Signing in to the pages: no session can be forged, fixed or ridden."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from service.admin.secret import NAME, signing_secret
from service.admin.session import LIFETIME, Flash, Session, Signer
from service.admin.site import HEADERS
from service.settings import Settings
from service.store import keys
from service.store.database import StoreUnavailableError
from tests.service.conftest import PREFIX, House
from tests.service.pages import Browser

HOME = "/admin/batches"


def test_somebody_signs_in_with_a_key_and_out_again(house: House) -> None:
    browser = Browser(house)
    away = browser.get(f"{HOME}?state=failed")
    assert (away.status_code, away.headers["location"]) == (
        303,
        "/admin/sign-in?next=%2Fadmin%2Fbatches%3Fstate%3Dfailed",
    )
    form = browser.page(away.headers["location"])
    answer = browser.send(form, "/admin/sign-in", key=f" {house.key.secret}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HOME}?state=failed")
    page = browser.page(HOME)
    assert "tests" in page
    answer = browser.send(page, "/admin/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
    said = browser.page("/admin/sign-in")
    assert "You are signed out." in said
    assert "You are signed out." not in browser.page("/admin/sign-in"), "it is said once"
    assert browser.get(HOME).status_code == 303


def test_a_wrong_key_and_one_without_the_scope_are_told_on_the_form(house: House) -> None:
    browser = Browser(house)
    answer = browser.send(browser.page("/admin/sign-in"), "/admin/sign-in", key="acc_" + "x" * 43)
    assert answer.status_code == 403
    assert "This key is unknown, or was revoked." in answer.text
    assert "accession=" not in str(answer.headers.get_list("set-cookie"))
    poor = keys.create_key(house.db, "poor", ("read", "upload", "schedule")).secret
    answer = browser.send(answer.text, "/admin/sign-in", key=poor)
    assert answer.status_code == 403
    assert "Use one of the scope admin." in answer.text


def test_too_many_wrong_keys_wait(make_house: Callable[..., House]) -> None:
    browser = Browser(make_house(failed_keys_per_minute=2))
    page = browser.page("/admin/sign-in")
    codes = []
    for _ in range(3):
        answer = browser.send(page, "/admin/sign-in", key="acc_wrong")
        codes.append(answer.status_code)
        page = answer.text
    assert codes == [403, 403, 429]
    assert "Try again in" in page
    assert int(answer.headers["retry-after"]) > 0
    assert browser.send(page, "/admin/sign-in", key=browser.house.key.secret).status_code == 303


def test_the_cookie_says_how_it_may_travel(make_house: Callable[..., House]) -> None:
    house = make_house(public_url="https://imports.example.org/accession")
    browser = Browser(house, "https://imports.example.org")
    page = browser.page("/admin/sign-in")
    assert 'action="/accession/admin/sign-in"' in page
    data = browser.form(page, "/accession/admin/sign-in")
    answer = browser.client.post(
        "/admin/sign-in",
        data={**data, "key": house.key.secret},
        headers={"Origin": "https://imports.example.org"},
    )
    assert answer.headers["location"] == "/accession/admin/batches"
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "__Host-accession=" in one)
    assert cookie.endswith(f"; HttpOnly; Max-Age={LIFETIME}; Path=/; SameSite=lax; Secure")
    assert house.key.secret not in cookie
    assert browser.page(HOME)


def test_over_plain_http_the_cookie_is_not_secure_but_still_closed_to_scripts(house: House) -> None:
    browser = Browser(house)
    answer = browser.send(browser.page("/admin/sign-in"), "/admin/sign-in", key=house.key.secret)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("accession="))
    assert cookie.endswith(f"; HttpOnly; Max-Age={LIFETIME}; Path=/; SameSite=lax")


def test_a_session_ends_with_its_key_and_with_its_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    new = keys.create_key(house.db, "short")
    browser = Browser(house).sign_in(new.secret)
    assert browser.page(HOME)
    later = time.time() + LIFETIME
    monkeypatch.setattr("service.admin.site.time", SimpleNamespace(time=lambda: later))
    assert browser.get(HOME).status_code == 303
    monkeypatch.undo()
    assert browser.page(HOME)
    keys.revoke_key(house.db, new.key.prefix)
    assert browser.get(HOME).status_code == 303
    assert browser.get(HOME, headers={"HX-Request": "true"}).headers["hx-refresh"] == "true"


def test_a_session_cannot_be_forged(house: House) -> None:
    browser = Browser(house).sign_in()
    good = browser.client.cookies["accession"]
    data, _, mac = good.partition(".")
    others = Signer(b"another secret")
    forged = [
        "",
        "x",
        f"{data}.",
        f"{data}.{mac[:-1]}",
        f"{data[:-2]}.{mac}",
        f"{data}.{mac}.{mac}",
        others.session_cookie(others.begin(house.key.key.id, int(time.time()))),
        # What is signed for another purpose is no session.
        Signer(signing_secret(house.settings)).flash_cookie(Flash("good", "x")),
        Signer(signing_secret(house.settings)).session_cookie(Session(999, "n", 2**40)),
    ]
    for cookie in forged:
        stranger = Browser(house)
        stranger.client.cookies.set("accession", cookie)
        assert stranger.get(HOME).status_code == 303, cookie
    assert browser.page(HOME)


def test_a_session_cannot_be_fixed(house: House) -> None:
    """What somebody put into the browser before is worth nothing after signing in, and is another one."""
    browser = Browser(house).sign_in()
    first = browser.client.cookies["accession"]
    page = browser.page(HOME)
    browser.sign_in()
    second = browser.client.cookies["accession"]
    assert first != second
    # A form of the session before is none of this one.
    answer = browser.send(page, "/admin/sign-out")
    assert answer.status_code == 403
    assert "you signed in again since" in answer.text
    assert browser.page(HOME)


def test_a_copied_cookie_is_worth_nothing_once_its_session_was_ended(house: House) -> None:
    browser, thief = Browser(house).sign_in(), Browser(house)
    copied = browser.client.cookies["accession"]
    thief.client.cookies.set("accession", copied)
    assert thief.page(HOME)
    browser.send(browser.page(HOME), "/admin/sign-out")
    assert thief.get(HOME).status_code == 303
    # Who signs in anew ends the session before, and no other one.
    elsewhere = Browser(house).sign_in()
    browser.sign_in()
    thief.client.cookies.set("accession", browser.client.cookies["accession"])
    assert thief.page(HOME)
    browser.sign_in()
    assert thief.get(HOME).status_code == 303
    assert browser.page(HOME)
    assert elsewhere.page(HOME)


def test_a_session_cannot_be_ridden(house: House) -> None:
    browser = Browser(house).sign_in()
    page = browser.page(HOME)
    token = browser.form(page, "/admin/sign-out")["csrf"]
    path = "/admin/sign-out"
    for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": f"{token}x"}):
        assert browser.client.post(path, data=data).status_code == 403
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert browser.client.post(path, data={"csrf": token}, headers=headers).status_code == 403
    assert browser.page(HOME), "nobody was signed out"
    # Nor does anybody sign another in.
    other = Browser(house)
    secret = house.key.secret
    assert other.client.post("/admin/sign-in", data={"key": secret}).status_code == 403
    form = other.page("/admin/sign-in")
    other.client.cookies.clear()
    assert other.send(form, "/admin/sign-in", key=secret).status_code == 403


def test_the_session_is_none_of_the_api(house: House) -> None:
    browser = Browser(house).sign_in()
    assert browser.get(f"{PREFIX}/batch").status_code == 401


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example/admin/",
        "/admin/../x",
        "/\\evil.example",
        "/admin/sign-in",
        "javascript:alert(1)",
        "/admin/\nx",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(house: House, elsewhere: str) -> None:
    browser = Browser(house)
    data = {"key": house.key.secret, "next": elsewhere}
    answer = browser.send(browser.page("/admin/sign-in"), "/admin/sign-in", **data)
    assert answer.headers.get("location") in (HOME, None)
    assert answer.status_code in (303, 400)


def test_every_page_forbids_foreign_and_inline_scripts_and_frames(house: House) -> None:
    browser = Browser(house)
    answers = [browser.get("/admin/sign-in")]
    browser.sign_in()
    answers += [browser.get(path) for path in (HOME, "/admin/nowhere", "/admin/batches/nosuch/log")]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "script-src 'self';" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", answer.text) is None
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404]


def test_static_files_are_kept_for_ever_under_their_digest(house: House) -> None:
    browser = Browser(house)
    addresses = re.findall(r'(?:src|href)="(/admin/static/[^"]+)"', browser.page("/admin/sign-in"))
    assert len(addresses) == 5
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert browser.get("/admin/static/admin.0000000000000000.css").status_code == 404


def test_an_error_is_a_page_and_tells_no_secrets(house: House) -> None:
    browser = Browser(house).sign_in()
    missing = browser.get("/admin/nowhere/<i>x")
    assert missing.status_code == 404
    assert "There is no page at" in missing.text
    assert "<i>x" not in missing.text
    assert "Sign out" in missing.text
    wrong = browser.get(f"{HOME}?stat=failed")
    assert wrong.status_code == 400
    assert "Did you mean state?" in wrong.text
    house.db.dispose()
    (house.settings.data_dir / "accession.db").rename(house.settings.data_dir / "gone")
    (house.settings.data_dir / "accession.db").mkdir()
    away = browser.get(HOME)
    assert away.status_code == 503
    assert str(house.settings.data_dir) not in away.text
    assert away.headers["retry-after"] == "10"


# --- the secret -----------------------------------------------------------------------------------


def test_the_secret_is_that_of_the_settings_or_made_once(house: House) -> None:
    told = Settings(data_dir=house.settings.data_dir, secret_key="told")
    assert signing_secret(told) == b"told"
    path = house.settings.data_dir / NAME
    assert not path.exists()
    made = signing_secret(house.settings)
    assert len(made) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing_secret(house.settings) == made
    assert [one.name for one in house.settings.data_dir.glob("*session-secret*")] == [NAME]
    path.write_text("abc", encoding="ascii")
    with pytest.raises(StoreUnavailableError, match="remove the file"):
        signing_secret(house.settings)
    answer = Browser(house).get("/admin/sign-in")
    assert answer.status_code == 503
    assert "session-secret" in answer.text
