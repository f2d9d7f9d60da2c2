"""Five hundred real artworks through the control file of the example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.control.parse import parse_control
from tests.unit.mapping.helpers import NEW, mapper
from worker.mapping.compiler import compile_control
from worker.mapping.lookups import NoTarget
from worker.records import Draft, Fields, Identity, Mapped, Property, Row, Value

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "tate"


@pytest.fixture(scope="module")
def artworks() -> list[dict[str, Any]]:
    return json.loads((EXAMPLE / "artworks-500.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def results(artworks) -> list[Mapped]:
    parsed = parse_control((EXAMPLE / "control.json").read_bytes())
    assert parsed.control is not None
    compiled = compile_control(parsed.control, parsed.control.files[0], NoTarget())
    found = [compiled.map(Row("data0", number, fields)) for number, fields in enumerate(artworks, start=1)]
    assert compiled.finish() == ()
    return found


def test_every_artwork_becomes_one_item(artworks, results) -> None:
    assert [(r.row, len(r.drafts), r.problems) for r in results] == [(n, 1, ()) for n in range(1, 501)]
    assert [r.drafts[0].identity.values for r in results] == [(work["acno"],) for work in artworks]


def test_the_first_artwork_whole(results) -> None:
    def literal(term: str, pointer: str, *texts: str, language: str | None = None) -> Property:
        made = tuple(Value("literal", text, language=language) for text in texts)
        return Property(term, made, pointer=pointer)

    identity = Identity("tate", ("dcterms:identifier",), ("A00001",))
    url = (
        "http://www.tate.org.uk/art/artworks/blake-a-figure-bowing-before-a-seated-old-man-with-his-arm-"
        "outstretched-in-benediction-a00001"
    )
    assert results[0] == Mapped(
        "data0",
        1,
        (
            Draft(
                "item",
                "item",
                0,
                identity=identity,
                properties=(
                    literal(
                        "dcterms:title",
                        "/instructions/1",
                        "A Figure Bowing before a Seated Old Man with his Arm Outstretched in Benediction. "
                        "Verso: Indecipherable Sketch",
                        language="en",
                    ),
                    Property("dcterms:source", (Value("uri", None, url, "Tate"),), pointer="/instructions/2"),
                    literal("dcterms:date", "/instructions/3", "date not known"),
                    literal(
                        "dcterms:medium",
                        "/instructions/4",
                        "Watercolour, ink, chalk and graphite on paper. Verso: graphite on paper",
                        language="en",
                    ),
                    literal("dcterms:extent", "/instructions/5", "support: 394 x 419 mm"),
                    literal(
                        "dcterms:provenance",
                        "/instructions/6",
                        "Presented by Mrs John Richmond 1922",
                        language="en",
                    ),
                    literal("dcterms:creator", "/instructions/7/instructions/0", "Blake, Robert"),
                    literal(
                        "dcterms:subject",
                        "/instructions/8",
                        "arm/arms raised",
                        "kneeling",
                        "sitting",
                        "man",
                        "man, old",
                        "blessing",
                    ),
                    Property("dcterms:identifier", (Value(text="A00001"),), "append", pointer="/match/item"),
                ),
                fields=Fields(resource_class="dctype:Image"),
            ),
        ),
        identities=(identity,),
    )


def test_every_name_in_the_data_arrives(artworks, results) -> None:
    def named(term: str, result: Mapped) -> list[str]:
        found = [p for p in result.drafts[0].properties if p.term == term]
        return [value.text for value in found[0].values] if found else []

    for work, result in zip(artworks, results, strict=True):
        assert named("dcterms:creator", result) == [c["mda"] for c in work["contributors"]]
        leaves = [
            leaf["name"]
            for one in work.get("subjects", {}).get("children", [])
            for two in one.get("children", [])
            for leaf in two.get("children", [])
        ]
        assert named("dcterms:subject", result) == list(dict.fromkeys(leaves))


def test_dates_of_the_artworks_are_read_or_refused_with_a_reason(artworks) -> None:
    spec = {"source": "dateText", "name": "dcterms:date", "filters": [{"date": {}}], "onError": "drop"}
    compiled = mapper([NEW, {"source": "title", "name": "dcterms:title"}, spec])
    results = [compiled.map(Row("data0", n, work)) for n, work in enumerate(artworks, start=1)]
    refused = [problem for result in results for problem in result.problems]
    dated = [r for r in results if any(p.term == "dcterms:date" for p in r.drafts[0].properties)]
    assert {problem.code for problem in refused} <= {"date-two-events", "date-not-understood"}
    assert (len(results), len(dated) + len(refused) <= 500, len(refused) < 15) == (500, True, True)
