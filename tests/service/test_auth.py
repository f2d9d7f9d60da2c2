"""Keys, scopes, targets, throttling, and requests of foreign pages."""

from __future__ import annotations

import base64
import hashlib
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.settings import SettingsError
from service.store import keys
from tests.service.conftest import CONTROL, DATA, PREFIX, House

READ = f"{PREFIX}/batch"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_basic_and_bearer_are_the_same_key(house: House) -> None:
    client = house.anonymous()
    secret = house.key.secret
    assert client.get(READ, headers=basic("haplo", secret)).status_code == 200
    assert client.get(READ, headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert client.get(READ, headers={"Authorization": f"bearer  {secret} "}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key-missing"),
        ({"Authorization": "Negotiate x"}, "key-missing"),
        ({"Authorization": "Basic"}, "key-missing"),
        ({"Authorization": "Bearer "}, "key-missing"),
        ({"Authorization": "Bearer nonsense"}, "key-unknown"),
        ({"Authorization": "Basic !!!"}, "key-unknown"),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()}, "key-unknown"),
        (basic("haplo", ""), "key-unknown"),
        (basic("haplo", "acc_" + "A" * 43), "key-unknown"),
        (basic("haplo", "x" * 10_000), "key-unknown"),
    ],
)
def test_no_key_and_a_wrong_key_are_401_with_a_challenge(
    house: House, headers: dict[str, str], code: str
) -> None:
    answer = house.anonymous().get(READ, headers={**headers, "Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Accession", charset="UTF-8"'
    assert [one["code"] for one in answer.json()["errors"]] == [code]


def test_a_right_key_under_a_wrong_user_is_refused(house: House) -> None:
    answer = house.anonymous().get(READ, headers=basic("admin", house.key.secret))
    assert answer.status_code == 401


def test_a_right_prefix_with_a_wrong_rest_is_refused(house: House) -> None:
    wrong = house.key.secret[:-1] + ("A" if house.key.secret[-1] != "A" else "B")
    assert house.anonymous().get(READ, headers=basic("haplo", wrong)).status_code == 401


def test_a_revoked_key_is_unknown_at_once(house: House) -> None:
    assert house.client.get(READ).status_code == 200
    keys.revoke_key(house.db, "tests")
    assert house.client.get(READ).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "control", "upload"),
        ("POST", "batch", "upload"),
        ("POST", "file", "upload"),
        ("POST", "schedule", "schedule"),
        ("GET", "batch", "read"),
        ("GET", "batch/x", "read"),
        ("DELETE", "batch/x", "schedule"),
        ("POST", "batch/x/cancel", "schedule"),
        ("POST", "batch/x/pause", "schedule"),
        ("POST", "batch/x/resume", "schedule"),
        ("GET", "batch/x/log", "read"),
        ("GET", "batch/x/report", "read"),
        ("GET", "batch/x/plan", "read"),
        ("GET", f"file/{'0' * 64}", "read"),
        ("HEAD", f"control/{'0' * 64}", "read"),
        ("PUT", f"file/{'0' * 64}", "upload"),
        ("GET", "targets", "read"),
        ("GET", "targets/tate", "read"),
        ("POST", "targets/tate/check", "read"),
        ("GET", "targets/nosuch/model", "read"),
        ("POST", "control/check", "upload"),
        ("POST", "control/new", "upload"),
    ],
)
def test_each_route_wants_its_scope(house: House, method: str, path: str, scope: keys.Scope) -> None:
    others: tuple[keys.Scope, ...] = tuple(one for one in keys.SCOPES if one != scope)
    refused = house.with_key(*others).request(method, f"{PREFIX}/{path}")
    assert refused.status_code == 403
    if method != "HEAD":
        assert refused.text.startswith(f"This key lacks the scope {scope} ")
    assert house.with_key(scope).request(method, f"{PREFIX}/{path}").status_code not in (401, 403)


def test_a_task_is_read_with_the_scope_that_asked_for_it(house: House) -> None:
    for scope in ("read", "upload"):
        assert house.with_key(scope).get(f"{PREFIX}/task/x").status_code == 404
    assert house.with_key("schedule", "admin").get(f"{PREFIX}/task/x").status_code == 403


def test_how_much_of_a_file_is_there_is_asked_with_the_scope_that_sends_it(house: House) -> None:
    for scope in ("read", "upload"):
        assert house.with_key(scope).head(f"{PREFIX}/file/{'0' * 64}").status_code == 404
    assert house.with_key("schedule", "admin").head(f"{PREFIX}/file/{'0' * 64}").status_code == 403


def test_a_key_of_one_target_sees_only_that_targets_batches_and_bytes(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch, "dry-run")
    digest = hashlib.sha256(DATA).hexdigest()
    control = house.control()
    bound = house.with_key(target="other")
    for path in (f"batch/{batch}", f"batch/{batch}/log?run={run}", f"batch/{batch}/report"):
        assert bound.get(f"{PREFIX}/{path}").status_code == 404
    for path in (f"file/{digest}", f"control/{control}"):
        assert bound.get(f"{PREFIX}/{path}").status_code == 404
    assert bound.get(f"{PREFIX}/batch").text == ""
    assert bound.post(f"{PREFIX}/batch/{batch}/cancel").status_code == 404
    assert bound.delete(f"{PREFIX}/batch/{batch}").status_code == 404
    assert bound.post(f"{PREFIX}/schedule", data={"batch": batch}).status_code == 404
    assert bound.post(f"{PREFIX}/batch", data={"control": control}).status_code == 404
    assert [line.split("\t")[0] for line in bound.get(f"{PREFIX}/targets").text.splitlines()] == ["other"]
    assert bound.get(f"{PREFIX}/targets/tate").status_code == 404
    assert bound.post(f"{PREFIX}/targets/tate/check").status_code == 404
    # The same kind of key for the batch's own target sees all of it.
    own = house.with_key(target="tate")
    assert own.get(f"{PREFIX}/batch/{batch}").status_code == 200
    assert own.get(f"{PREFIX}/file/{digest}").content == DATA


def test_a_key_of_one_target_makes_batches_for_that_only(house: House) -> None:
    import json

    bound = house.with_key(target="other")
    control = bound.post(f"{PREFIX}/control", files={"file": ("c", json.dumps(CONTROL))}).text
    elsewhere = bound.post(f"{PREFIX}/batch", data={"control": control, "target": "tate"})
    assert [elsewhere.status_code, elsewhere.text] == [403, "This key may use the target other only.\n"]
    own = bound.post(f"{PREFIX}/batch", data={"control": control}, headers={"Accept": "application/json"})
    assert own.json()["target"] == "other"


def test_a_key_reads_what_it_uploaded_itself_and_no_other_loose_bytes(house: House) -> None:
    control = house.control()  # in no batch yet
    stranger = house.with_key()
    assert house.client.get(f"{PREFIX}/control/{control}").status_code == 200
    assert stranger.get(f"{PREFIX}/control/{control}").status_code == 404
    assert stranger.post(f"{PREFIX}/batch", data={"control": control}).status_code == 404
    house.client.post(f"{PREFIX}/batch", data={"control": control})
    assert stranger.get(f"{PREFIX}/control/{control}").status_code == 200


# --- throttling ---------------------------------------------------------------------------------


def wrong(client: TestClient, **headers: str) -> Any:
    return client.get(READ, headers={"Authorization": "Bearer acc_wrong", **headers})


def test_too_many_wrong_keys_are_throttled_and_a_valid_one_never(make_house: Any) -> None:
    house = make_house(failed_keys_per_minute=3)
    client = house.anonymous()
    assert [wrong(client).status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    throttled = wrong(client)
    assert 1 <= int(throttled.headers["retry-after"]) <= 60
    assert throttled.text.startswith("Too many wrong keys came from this address. Try again in ")
    assert house.client.get(READ).status_code == 200
    assert client.get(READ).status_code == 401


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(make_house: Any) -> None:
    house = make_house(failed_keys_per_minute=1, trusted_proxies=["10.0.0.0/8"])

    def from_address(peer: str, forwarded: str) -> int:
        client = TestClient(house.app, client=(peer, 1234))
        return int(wrong(client, **{"X-Forwarded-For": forwarded}).status_code)

    # Whoever is no proxy cannot take another name.
    assert from_address("192.0.2.1", "198.51.100.1") == 401
    assert from_address("192.0.2.1", "198.51.100.2") == 429
    # Behind the proxy the client counts; what the client wrote itself stands further left.
    assert from_address("10.1.1.1", "203.0.113.9, 198.51.100.7") == 401
    assert from_address("10.1.1.1", "203.0.113.8, 198.51.100.7, 10.9.9.9") == 429
    assert from_address("10.1.1.1", "198.51.100.8") == 401
    # One network of IPv6 is one client.
    assert from_address("10.1.1.1", "2001:db8::1") == 401
    assert from_address("10.1.1.1", "2001:db8::ffff") == 429
    assert from_address("10.1.1.1", "::ffff:198.51.100.8") == 429


def test_a_proxy_that_is_no_address_is_refused_at_the_start(make_house: Any) -> None:
    with pytest.raises(SettingsError, match=r"trusted_proxies: 'proxy\.example\.org' does not appear"):
        make_house(trusted_proxies=["proxy.example.org"])


# --- foreign pages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_an_unsafe_request_of_another_sites_page_is_refused(house: House, headers: dict[str, str]) -> None:
    batch = house.filled()
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch}, headers=headers)
    assert answer.status_code == 403
    assert answer.text.startswith("This request comes from a page of another site")
    assert house.client.delete(f"{PREFIX}/batch/{batch}", headers=headers).status_code == 403
    assert house.client.get(f"{PREFIX}/batch/{batch}", headers=headers).status_code == 200


def test_a_request_of_our_own_page_is_answered(make_house: Any) -> None:
    house = make_house()
    own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert (
        house.client.post(f"{PREFIX}/schedule", data={"batch": house.filled()}, headers=own).text
        == "SCHEDULED"
    )


def test_behind_a_proxy_the_public_address_is_our_own(make_house: Any) -> None:
    house = make_house(public_url="https://accession.example.org")
    batch = house.filled()
    answer = house.client.post(
        f"{PREFIX}/schedule",
        data={"batch": batch, "mode": "dry-run"},
        headers={"Origin": "https://accession.example.org", "Accept": "application/json"},
    )
    assert answer.json()["url"] == f"https://accession.example.org{PREFIX}/batch/{batch}"
    assert (
        house.client.delete(f"{PREFIX}/batch/{batch}", headers={"Origin": "http://testserver"}).status_code
        == 403
    )


# --- secrets ------------------------------------------------------------------------------------


def test_no_key_is_ever_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    house.client.get(READ)
    wrong(house.anonymous())
    house.anonymous().get(READ, headers=basic("admin", house.key.secret))
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert house.key.secret not in logged
    assert house.key.secret[12:] not in logged
    assert "acc_wrong" not in logged


def test_no_secret_of_a_target_is_shown(house: House) -> None:
    for path in ("targets", "targets/tate"):
        for accept in ("text/plain", "application/json"):
            assert "geheim" not in house.client.get(f"{PREFIX}/{path}", headers={"Accept": accept}).text
    assert "geheim" not in house.client.get("/openapi.json").text


def test_the_use_of_a_key_is_noted(house: House) -> None:
    house.client.get(READ)
    assert keys.list_keys(house.db)[0].last_used_at is not None
