"""Resource templates: what they add to an import, and what they keep out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.installation import CONTROL, Installation
from tests.standins.omeka_s import StandIn

TITLE, DATE, SOURCE, PROVENANCE = 1, 7, 11, 51
"""Numbers of properties of Dublin Core, the same in every Omeka S."""
IMAGE = 26
RECORDS: list[dict[str, Any]] = [
    {"acno": "A1", "title": "A Mill", "url": "https://example.org/a1", "made": "1863", "from": "a sale"},
    {"acno": "A2", "title": "A Bridge", "url": "the attic", "made": "1863"},
    {"acno": "A3", "url": "https://example.org/a3", "made": "1863"},
]


def part(number: int, *types: str, required: bool = False, private: bool = False) -> dict[str, Any]:
    return {
        "o:property": {"o:id": number},
        "o:data_type": list(types),
        "o:is_required": required,
        "o:is_private": private,
    }


@pytest.fixture
def template(omeka: StandIn) -> None:
    omeka.knobs(modules=["NumericDataTypes"])
    parts = [
        part(TITLE, required=True),
        part(DATE, "numeric:timestamp"),
        part(SOURCE, "uri"),
        part(PROVENANCE, private=True),
    ]
    omeka.seed(
        resource_templates=[
            {
                "o:label": "Artwork",
                "o:resource_class": {"o:id": IMAGE},
                "o:resource_template_property": parts,
            }
        ]
    )


def control(use: str) -> dict[str, Any]:
    return {
        **CONTROL,
        "templates": use,
        "maxErrors": "100%",
        "instructions": [
            {"action": "new", "destination": "item", "set": {"template": "Artwork"}},
            {"source": "title", "name": "dcterms:title"},
            {"source": "url", "name": "dcterms:source"},
            {"source": "made", "name": "dcterms:date"},
            {"source": "from", "name": "dcterms:provenance"},
        ],
    }


def values(item: dict[str, Any], term: str) -> list[tuple[object, ...]]:
    return [
        (one["type"], one.get("@value") or one.get("@id"), one["is_public"]) for one in item.get(term, [])
    ]


@pytest.mark.usefixtures("template")
def test_a_template_gives_class_types_and_private_values_and_the_same_again_is_unchanged(
    accession: Installation, omeka: StandIn
) -> None:
    whole = json.dumps(RECORDS[:2]).encode()
    batch = accession.batch(control("apply"), {"data0": whole})
    assert accession.run(batch) == "complete", accession.log(batch)
    items = {one["dcterms:identifier"][0]["@value"]: one for one in omeka.dump()["items"]}
    assert sorted(items) == ["A1", "A2"]
    assert [items["A1"][key]["o:id"] for key in ("o:resource_class", "o:resource_template")] == [IMAGE, 2]
    assert {
        term: values(items["A1"], term)
        for term in ("dcterms:title", "dcterms:source", "dcterms:date", "dcterms:provenance")
    } == {
        "dcterms:title": [("literal", "A Mill", True)],
        "dcterms:source": [("uri", "https://example.org/a1", True)],
        "dcterms:date": [("numeric:timestamp", "1863", True)],
        "dcterms:provenance": [("literal", "a sale", False)],
    }
    # What the template cannot make of a text is left a text, and told.
    assert values(items["A2"], "dcterms:source") == [("literal", "the attic", True)]
    assert [row["code"] for row in accession.report(batch)][1] == "template-type-left"

    again = accession.batch(control("apply"), {"data0": whole})
    omeka.reset_requests()
    assert accession.run(again) == "complete"
    assert accession.counts(again)["unchanged"] == 2
    assert omeka.requests()["writes"] == 0


@pytest.mark.usefixtures("template")
def test_an_enforced_template_keeps_out_what_it_does_not_allow_before_anything_is_sent(
    accession: Installation, omeka: StandIn
) -> None:
    batch = accession.batch(control("enforce"), {"data0": json.dumps(RECORDS).encode()})
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    report = [(row["identifier"], row["outcome"], row["code"] or None) for row in accession.report(batch)]
    assert report == [
        ("A1", "created", None),
        ("A2", "rejected", "template-type"),
        ("A3", "rejected", "template-required"),
    ]
    assert omeka.requests()["writes"] == 1
    log = accession.log(batch)
    assert "dcterms:source: the template “Artwork” allows uri here, and “the attic” is literal." in log
    assert "The template “Artwork” requires dcterms:title, and the record gives item none." in log


@pytest.mark.usefixtures("template")
def test_an_ignored_template_is_only_a_name(accession: Installation, omeka: StandIn) -> None:
    batch = accession.batch(control("ignore"), {"data0": json.dumps(RECORDS[1:2]).encode()})
    assert accession.run(batch) == "complete", accession.log(batch)
    (item,) = omeka.dump()["items"]
    assert (item["o:resource_class"], item["o:resource_template"]["o:id"]) == (None, 2)
    assert values(item, "dcterms:source") == [("literal", "the attic", True)]
