"""Records that link to each other: in any order, in circles, across files, to what stands there already."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.installation import Installation
from tests.standins.omeka_s import StandIn

LINK = {"source": "see", "name": "dcterms:relation", "multivalue": True, "link": {"to": "item"}}


def control(link: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka",
        "visibility": "public",
        "sites": [],
        "match": {"item": {"source": "no", "by": "dcterms:identifier", "scope": "links"}},
        "files": {"data0": {"read": "json"}, "data1": {"read": "json", "required": False}},
        "instructions": [
            {"action": "new"},
            {"source": "title", "name": "dcterms:title"},
            link or LINK,
        ],
        "maxErrors": "100%",
        **more,
    }


def record(no: str, *see: str, **more: str) -> dict[str, object]:
    return {"no": no, "title": f"Title {no}", "see": list(see), **more}


def graph(omeka: StandIn) -> dict[str, list[str]]:
    """identifier → identifiers that it links to; texts in quotes."""
    items = omeka.dump()["items"]
    names = {item["o:id"]: item["dcterms:identifier"][0]["@value"] for item in items}
    return {
        names[item["o:id"]]: [
            names[value["value_resource_id"]] if "value_resource_id" in value else f"“{value['@value']}”"
            for value in item.get("dcterms:relation", ())
        ]
        for item in items
    }


def requests(omeka: StandIn) -> dict[str, int]:
    counts = omeka.requests()["counts"]
    return {key: n for key, n in counts.items() if key.split()[0] in ("POST", "PATCH", "DELETE")}


def data(*records: dict[str, object]) -> bytes:
    return json.dumps(records).encode()


def test_links_in_any_order_cost_nothing_and_a_circle_one_patch_a_resource_in_it(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(
        control(),
        {
            "data0": data(
                record("A", "B", "C"),
                record("B", "C"),
                record("C"),
                record("D", "E"),
                record("E", "F"),
                record("F", "D"),
                record("G", "G"),
                record("H", "D", "X"),
            ),
            "data1": data(record("X", "A")),
        },
    )
    assert accession.run(batch, "dry-run") == "dry-run"
    assert accession.counts(batch)["action:create"] == 9
    assert accession.run(batch) == "complete", accession.log(batch)
    assert graph(omeka) == {
        "A": ["B", "C"],
        "B": ["C"],
        "C": [],
        "D": ["E"],
        "E": ["F"],
        "F": ["D"],
        "G": ["G"],
        "H": ["D", "X"],
        "X": ["A"],
    }
    assert requests(omeka) == {"POST /api/items": 9, "PATCH /api/items/{id}": 4}
    assert accession.counts(batch)["created"] == 9
    assert len(accession.report(batch)) == 9

    again = accession.batch(
        control(),
        {
            "data0": data(
                record("F", "D"),
                record("A", "B", "C"),
                record("B", "C", "A"),
                record("N", "B", "M"),
                record("M"),
            )
        },
    )
    assert accession.run(again) == "complete", accession.log(again)
    assert graph(omeka)["B"] == ["C", "A"]
    assert graph(omeka)["N"] == ["B", "M"]
    assert requests(omeka) == {"POST /api/items": 11, "PATCH /api/items/{id}": 5}
    assert accession.counts(again)["unchanged"] == 2


def test_a_link_to_nothing_or_to_a_refused_record_follows_otherwise_or_on_error(
    accession: Installation, omeka: StandIn
) -> None:
    bad = record("B", "")  # refused: see below
    bad["title"] = {"not": "a text"}
    for link, linked in (
        ({**LINK, "otherwise": {"source": "see", "type": "literal"}}, {"A": ["“B”"], "Z": ["“nobody”", "A"]}),
        # What is dropped says nothing: the text that stands there stays.
        ({**LINK, "onError": "drop"}, {"A": ["“B”"], "Z": ["A"]}),
    ):
        batch = accession.batch(
            control(link), {"data0": data(record("A", "B"), bad, record("Z", "nobody", "A"))}
        )
        accession.run(batch)
        assert graph(omeka) == linked, accession.log(batch)
    refused = accession.batch(
        control(),
        {"data0": data(record("A", "B"), bad, record("Y", "Q"), record("Q", "P"), record("P", "nobody"))},
    )
    accession.run(refused)
    assert [(row["identifier"], row["outcome"], row["code"]) for row in accession.report(refused)] == [
        ("A", "rejected", "link-unknown"),
        ("B", "rejected", "value-not-text"),
        ("Y", "rejected", "link-unknown"),
        ("Q", "rejected", "link-unknown"),
        ("P", "rejected", "link-unknown"),
    ]
