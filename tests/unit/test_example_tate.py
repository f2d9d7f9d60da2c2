"""The check of the demo finds what it is there to find."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tate"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tate_check", EXAMPLE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = _load()
RECORDS = json.loads((EXAMPLE / "artworks-500.json").read_text(encoding="utf-8"))


def literal(text: str, language: str | None = None) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "literal", "is_public": True, "@value": text}
    return value | ({"@language": language} if language else {})


def right_item() -> dict[str, Any]:
    """What Omeka S would show of the first record, written down by hand."""
    return {
        "@type": ["o:Item", "dctype:Image"],
        "o:id": 7,
        "o:is_public": True,
        "o:title": RECORDS[0]["title"],
        "o:site": [],
        "o:media": [],
        "dcterms:identifier": [literal("A00001")],
        "dcterms:title": [literal(RECORDS[0]["title"], "en")],
        "dcterms:source": [
            {"type": "uri", "is_public": True, "@id": RECORDS[0]["url"], "o:label": "Tate"},
        ],
        "dcterms:date": [literal("date not known")],
        "dcterms:medium": [literal(RECORDS[0]["medium"], "en")],
        "dcterms:extent": [literal("support: 394 x 419 mm")],
        "dcterms:provenance": [literal("Presented by Mrs John Richmond 1922", "en")],
        "dcterms:creator": [literal("Blake, Robert")],
        "dcterms:subject": [
            literal(name)
            for name in ("arm/arms raised", "kneeling", "sitting", "man", "man, old", "blessing")
        ],
    }


def test_the_right_item_is_right() -> None:
    assert list(check.differences(RECORDS[:1], [right_item()])) == []


def _set(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda item: item.__setitem__(key, value)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_set("dcterms:title", [literal("Another", "en")]), "dcterms:title is"),
        (_set("dcterms:title", [literal(RECORDS[0]["title"])]), "dcterms:title is"),
        (_set("dcterms:creator", []), "dcterms:creator is"),
        (_set("dcterms:subject", [literal("man")] * 2), "dcterms:subject is"),
        (lambda item: item["dcterms:source"][0].pop("o:label"), "dcterms:source is"),
        (
            lambda item: item["dcterms:date"][0].update(is_public=False),
            "a value of dcterms:date is not public",
        ),
        (_set("dcterms:abstract", [literal("Nobody asked")]), "dcterms:abstract is"),
        (_set("o:is_public", False), "the item is not public"),
        (_set("@type", "o:Item"), "the class is not dctype:Image"),
        (_set("o:site", [{"o:id": 1}]), "the item is in a site"),
        (_set("o:title", "Untitled"), "the title shown is 'Untitled'"),
    ],
)
def test_each_wrong_thing_is_found(spoil: Callable[[dict[str, Any]], None], line: str) -> None:
    item = right_item()
    spoil(item)
    found = list(check.differences(RECORDS[:1], [item]))
    assert len(found) == 1
    assert found[0].startswith(f"A00001: {line}")


def test_a_missing_a_double_and_a_strange_item_are_found() -> None:
    other = copy.deepcopy(right_item())
    other["dcterms:identifier"] = [literal("X1")]
    assert list(check.differences(RECORDS[:1], [])) == ["A00001: 0 items instead of one"]
    assert list(check.differences(RECORDS[:1], [right_item(), right_item()])) == [
        "A00001: 2 items instead of one"
    ]
    assert list(check.differences(RECORDS[:1], [right_item(), other])) == [
        "X1: 1 items that no record asks for"
    ]


def test_every_record_says_what_its_item_should_hold() -> None:
    expected = [check.expected(record) for record in RECORDS]
    assert len(expected) == len({values["dcterms:identifier"][0] for values in expected}) == 500
    assert sum(len(values["dcterms:creator"]) for values in expected) == 509
    assert [
        values
        for values in expected
        for found in values.values()
        for text, *_ in found
        if text != text.strip()
    ] == []
