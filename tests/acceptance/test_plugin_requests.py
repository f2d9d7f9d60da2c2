"""How often two Omekas are asked when a whole site is taken over: counted, and compared with the plugin.

Omeka's API Import plugin lists each kind of record, then asks for the files of every item and for the owner
of a record, one by one, and fetches each file. It runs within the site that it writes, and asks that nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.test_plugin_faults import control
from tests.standins.omeka_classic import StandIn, sample_site

A_PAGE = 50
"""Records in an answer, as an Omeka Classic has it unless somebody changes it."""


def pages(records: Iterable[Any]) -> int:
    return max(1, -(-len([*records]) // A_PAGE))


def of_the_plugin(site: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """What it asks for at least to take over what `control` takes over, were each owner asked for once."""
    lists = ("element_sets", "elements", "item_types", "collections", "items")
    asked = Counter({f"GET /api/{kind}": pages(site[kind]) for kind in lists})
    files = Counter(one["item"]["id"] for one in site["files"])
    asked["GET /api/files"] = sum(max(1, -(-files[one["id"]] // A_PAGE)) for one in site["items"])
    asked["GET /api/users/{id}"] = len(owners(site))
    asked["GET /files/original/{name}"] = len(site["files"])
    return asked


def owners(site: dict[str, list[dict[str, Any]]]) -> set[int]:
    owned = [one["owner"] for kind in ("items", "collections") for one in site[kind] if one["owner"]]
    return {one["id"] for one in owned if one["id"]}


def test_fewer_requests_than_the_plugin_makes_and_none_that_is_needless(tmp_path: Path) -> None:
    with StandIn() as source, StandIn() as target:
        sample_site.build().load(source)
        there = source.dump()
        items, files = len(there["items"]), len(there["files"])
        assert (items, files) == (152, 60)
        sources = {"old": {"kind": "omeka-classic", "url": source.url, "key": source.api_key}}
        with Installation(tmp_path / "accession", {"new": target_of(target)}, sources=sources) as accession:
            accession.start()
            source.reset_requests()
            target.reset_requests()
            batch = accession.batch(control("counted"), {})
            accession.schedule(batch)
            assert accession.wait(batch, seconds=300) == "complete", accession.log(batch)
            asked, written = (Counter(one.requests()["counts"]) for one in (source, target))
    assert asked == {
        "GET /api/site": 1,
        "GET /api/resources": 1,
        "GET /api/element_sets": 1,
        "GET /api/elements": 2,
        "GET /api/item_types": 1,
        "GET /api/collections": 1,
        "GET /api/geolocations": 1,
        "GET /api/files": pages(there["files"]),
        # And once to see whether the key is one.
        "GET /api/items": pages(there["items"]) + 1,
        "GET /api/users/{id}": len(owners(there)),
        "GET /files/original/{name}": files,
    }
    # To write a record takes one request, and to know what is there seven in all.
    assert written == {
        "POST /api/items": items,
        "POST /api/files": files,
        "GET /api/site": 1,
        "GET /api/element_sets": 1,
        "GET /api/elements": 1,
        "GET /api/items": 3,
        "GET /api/files": 1,
    }
    theirs = of_the_plugin(there)
    assert (asked.total(), theirs.total()) == (78, 224)
    assert all(asked[what] <= theirs[what] for what in ("GET /api/files", "GET /api/users/{id}"))
