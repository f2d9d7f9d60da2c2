"""Each fault of the proxy does what it says, and only to the requests it was meant for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

from .omeka_s.client import Client


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def proxy(standin: StandIn) -> Iterator[FaultProxy]:
    with FaultProxy(standin.url) as running:
        yield running


@pytest.fixture
def client(standin: StandIn, proxy: FaultProxy) -> Iterator[Client]:
    with Client(standin, url=proxy.url) as connected:
        yield connected


def _titles(standin: StandIn) -> list[str]:
    return [item["o:title"] for item in standin.dump()["items"]]


def test_without_faults_everything_passes(standin: StandIn, proxy: FaultProxy, client: Client) -> None:
    number = client.item("through")

    assert client.get(f"/items/{number}")["@id"].startswith(proxy.url)
    assert [(e.method, e.status, e.fault) for e in proxy.log] == [("POST", 200, None), ("GET", 200, None)]
    assert standin.key_credential not in repr(proxy.log)


def test_a_drop_before_never_reaches_the_target(standin: StandIn, proxy: FaultProxy, client: Client) -> None:
    proxy.add(Fault("drop_before", method="POST"))

    with pytest.raises(httpx2.TransportError):
        client.item("dropped before")

    assert "dropped before" not in _titles(standin)
    assert [e.forwarded for e in proxy.log] == [False]


def test_a_lost_answer_was_carried_out(standin: StandIn, proxy: FaultProxy, client: Client) -> None:
    proxy.add(Fault("answer_lost", method="POST"))

    with pytest.raises(httpx2.TransportError):
        client.item("answer lost")

    assert _titles(standin).count("answer lost") == 1
    assert [e.forwarded for e in proxy.log] == [True]


def test_a_cut_body_is_noticed(standin: StandIn, proxy: FaultProxy, client: Client) -> None:
    proxy.add(Fault("cut_body"))

    with pytest.raises(httpx2.TransportError):
        client.item("cut")

    assert "cut" in _titles(standin)


@pytest.mark.parametrize("status", [200, 302, 429, 500, 502, 503])
def test_a_made_up_answer_is_not_forwarded(
    status: int, standin: StandIn, proxy: FaultProxy, client: Client
) -> None:
    headers = {"Retry-After": "2", "Location": "/maintenance"}
    proxy.add(Fault("answer", status=status, headers=headers))

    answer = client.request("POST", "/items", json={})

    assert answer.status_code == status
    assert answer.headers["retry-after"] == "2"
    assert answer.text.startswith("<!DOCTYPE html>")
    assert [e.forwarded for e in proxy.log] == [False]


def test_acting_and_failing_is_one_fault(standin: StandIn, proxy: FaultProxy, client: Client) -> None:
    proxy.add(Fault("act_then_500"))

    assert client.request("POST", "/items", json={"x": [_title("orphan")]}).status_code == 500

    assert _titles(standin).count("orphan") == 1


@pytest.mark.parametrize(("kind", "acts_early"), [("delay", False), ("hold", True)])
def test_delay_waits_before_and_hold_after_the_act(
    kind: str, acts_early: bool, standin: StandIn, proxy: FaultProxy, client: Client
) -> None:
    proxy.add(Fault(kind, seconds=0.6))  # type: ignore[arg-type]
    started = time.monotonic()

    with pytest.raises(httpx2.TimeoutException):
        client.request("POST", "/items", json={"x": [_title(kind)]}, timeout=0.3)

    assert time.monotonic() - started < 0.6
    assert (kind in _titles(standin)) is acts_early


def test_only_the_chosen_requests_are_struck(proxy: FaultProxy, client: Client) -> None:
    proxy.add(Fault("answer", method="GET", path=r"^/api/items\?", nth=2, times=2, status=503))

    statuses = [client.request("GET", "/items").status_code for _ in range(4)]
    other = client.request("GET", "/item_sets").status_code

    assert statuses == [200, 503, 503, 200]
    assert other == 200


def test_chance_is_repeatable(standin: StandIn) -> None:
    def struck(seed: int) -> list[bool]:
        with FaultProxy(standin.url, seed=seed) as proxy, Client(standin, url=proxy.url) as client:
            proxy.add(Fault("answer", probability=0.5, times=0))
            return [client.request("GET", "/users").status_code == 500 for _ in range(20)]

    assert struck(7) == struck(7)
    assert struck(7) != struck(8)
    assert 0 < sum(struck(7)) < 20


def _title(text: str) -> dict[str, object]:
    return {"type": "literal", "property_id": 1, "@value": text}
