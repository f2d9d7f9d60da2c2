from __future__ import annotations

import json
from typing import Any

from service.control.parse import parse_control
from service.control.scopes import scopes

CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "files": {"data0": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}


def found(**more: Any) -> frozenset[str]:
    parsed = parse_control(json.dumps({**CONTROL, **more}).encode())
    assert parsed.control is not None, parsed.problems
    return scopes(parsed.control)


def match(scope: str | None = None) -> dict[str, str]:
    known = {"source": "id", "by": "dcterms:identifier"}
    return known if scope is None else {**known, "scope": scope}


def test_each_match_names_a_scope_and_no_name_is_one_too() -> None:
    assert found() == frozenset()
    assert found(match={"item": match()}) == {""}
    assert found(match={"item": match("tate"), "item-set": match("sets")}) == {"tate", "sets"}


def test_a_link_only_reads() -> None:
    link = {"to": "item", "by": "dcterms:identifier", "scope": "elsewhere"}
    see = {"source": "see", "name": "dcterms:relation", "link": link}
    instructions = [*CONTROL["instructions"], see]
    assert found(match={"item": match("tate")}, instructions=instructions) == {"tate"}


def test_a_scope_is_no_longer_than_what_is_kept_of_it() -> None:
    for length, sound in ((255, True), (256, False)):
        control = {**CONTROL, "match": {"item": match("s" * length)}}
        parsed = parse_control(json.dumps(control).encode())
        assert (parsed.control is not None and not parsed.problems) is sound
