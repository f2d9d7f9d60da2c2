"""The sample site is the same for the same seed, and reads as it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.standins.omeka_classic import StandIn, sample_site

from .omeka_classic.client import Client

CROWD = 60


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with StandIn() as standin, Client(standin) as connected:
        sample_site.build(crowd=CROWD).load(standin)
        yield connected


def _all(client: Client, resource: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    following: dict[str, Any] = {"per_page": 50, **query}
    while following:
        answer = client.request("GET", f"/{resource}", params=following)
        found += answer.json()
        following = dict(parse_qsl(urlsplit(answer.links.get("next", {}).get("url", "")).query))
    return found


def test_a_seed_says_everything() -> None:
    assert sample_site.build(3) == sample_site.build(3)
    assert sample_site.build(3) != sample_site.build(4)


def test_the_site_has_what_it_promises(client: Client) -> None:
    items = _all(client, "items")
    tags = Counter(tag["name"] for item in items for tag in item["tags"])

    assert len(items) == sample_site.ITEMS == 152
    assert sum(not item["public"] for item in items) == sample_site.PRIVATE
    assert sum(item["featured"] for item in items) == sample_site.FEATURED
    assert len(_all(client, "geolocations")) == sample_site.LOCATIONS == 38
    assert tags["Smith, John"] >= 12
    assert any(text["html"] for item in items for text in item["element_texts"])
    assert {text["element_set"]["name"] for item in items for text in item["element_texts"]} == {
        "Dublin Core",
        "Item Type Metadata",
        "Local Archive",
    }
    assert {c["owner"]["id"] for c in _all(client, "collections")} == {0, 1, 2, 3}
    assert [client.get(f"/users/{n}")["role"] for n in range(1, 6)] == [
        "super",
        "admin",
        "contributor",
        "researcher",
        "contributor",
    ]
    assert [e["public"] for e in _all(client, "exhibits")] == [True, False]
    assert len(_all(client, "exhibit_pages")) == 6
    assert len(_all(client, "simple_pages")) == 3


def test_its_files_are_real(client: Client) -> None:
    files = _all(client, "files")
    kinds = Counter(file["mime_type"] for file in files)

    assert len(files) == sample_site.FILES + CROWD
    assert kinds == {"image/png": 40, "application/pdf": 40, "text/plain": 40}
    assert len(_all(client, "files", item=sample_site.CROWDED)) == 4 + CROWD
    for file in files[:6]:
        content = client.request("GET", file["file_urls"]["original"]).content
        assert len(content) == file["size"]
        assert hashlib.md5(content).hexdigest() == file["authentication"]
