"""`docs/control-file.md` and `docs/haplo.md` are complete, and their examples parse."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from service.control import haplo
from service.control.functions import FUNCTIONS
from service.control.keys import REFUSED_KEYS, Shape
from service.control.model import PSEUDO_PARTS
from service.control.problems import Code
from service.control.shapes import (
    ANY,
    DATE,
    DYNAMIC_SHAPE,
    FIELDS_VALUE,
    LINK,
    MATCH,
    RECORD_PROCESSOR,
    REPLACE,
    ROOT,
    TABLE,
    VALUE,
    WHERE,
)
from service.control.shapes_actions import ACTIONS
from service.control.shapes_files import GROUP, READERS
from service.control.words import (
    DESTINATIONS,
    GEOGRAPHY_TYPES,
    NUMERIC_TYPES,
    OBJECT_FILTERS,
    OPEN_TYPES,
    PLAIN_TYPES,
    SIMPLE_FILTERS,
)
from tests.unit.control.examples import DOCS, EXAMPLES, Example
from tests.unit.control.making import parsed

REFERENCE = (DOCS / "control-file.md").read_text(encoding="utf-8")
HAPLO = (DOCS / "haplo.md").read_text(encoding="utf-8")
SHAPES: tuple[Shape, ...] = (
    ROOT,
    MATCH,
    ANY,
    WHERE,
    LINK,
    DYNAMIC_SHAPE,
    FIELDS_VALUE,
    VALUE,
    TABLE,
    GROUP,
    RECORD_PROCESSOR,
    REPLACE,
    DATE,
    *(action.shape for action in ACTIONS.values()),
    *(reader.shape for reader in READERS.values()),
)


def rows(text: str) -> dict[str, str]:
    """First cell of each row of a table → the rest; the same word in several tables is joined."""
    found: dict[str, str] = {}
    for cell, rest in re.findall(r"^\| `([^`]+)`[^|]*\| (.*) \|$", text, re.MULTILINE):
        found[cell] = found.get(cell, "") + rest
    return found


def headings(text: str) -> list[str]:
    return re.findall(r"^#{2,4} `([^`]+)`", text, re.MULTILINE)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_key_has_its_row(shape: Shape) -> None:
    told = rows(REFERENCE)
    described = {"action", "structured", "value"}
    missing = [key.name for key in shape.keys if key.name not in told and key.name not in described]
    assert missing == []
    for key in shape.keys:
        if key.name in told:
            assert key.doc.replace("|", "\\|") in told[key.name] or key.name in _SAID_ONCE


_SAID_ONCE = {"name", "type", "annotation", "public", "value"}
"""Keys that an action describes in its own words while the general table stands for both."""


def test_every_action_and_reader_has_its_section() -> None:
    found = headings(REFERENCE)
    assert [name for name in [*ACTIONS, *READERS] if found.count(name) != 1] == []


def test_every_action_has_an_example_or_says_what_it_does() -> None:
    used = {
        instruction.get("action", "field")
        for example in EXAMPLES
        for instruction in _all_instructions(example.control)
    }
    told_in_words = {"remove-values", "delete", "assert-destination", "abort-record", "log-error"}
    assert set(ACTIONS) - used == told_in_words


def _all_instructions(thing: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    if isinstance(thing, dict):
        for key, child in thing.items():
            if key in ("instructions", "then", "else", "otherwise") and isinstance(child, list):
                found.extend(one for one in child if isinstance(one, dict))
            found.extend(_all_instructions(child))
    elif isinstance(thing, list):
        for child in thing:
            found.extend(_all_instructions(child))
    return found


def test_every_destination_has_its_section_with_its_names() -> None:
    found = headings(REFERENCE)
    assert [kind for kind in DESTINATIONS if kind not in found] == []
    for kind, destination in DESTINATIONS.items():
        section = re.split(rf"^### `{kind}`$", REFERENCE, flags=re.MULTILINE)[1].split("\n#")[0]
        assert set(rows(section)) == set(destination.fields)


def test_every_type_filter_function_and_pseudo_destination_is_named() -> None:
    told = rows(REFERENCE)
    words = [*PLAIN_TYPES, *NUMERIC_TYPES, *GEOGRAPHY_TYPES, *(f"{family}:NAME" for family in OPEN_TYPES)]
    words += [*SIMPLE_FILTERS, *OBJECT_FILTERS, *(f"value:{kind}" for kind in PSEUDO_PARTS)]
    assert [word for word in words if word not in told] == []
    functions = {word.split("(")[0] for word in told if "(" in word}
    assert functions == set(FUNCTIONS)


def test_every_code_of_a_problem_is_explained() -> None:
    section = REFERENCE.split("## Problems")[1]
    assert set(rows(section)) == set(get_args(Code))


@pytest.mark.parametrize("title", list(haplo.TABLES))
def test_every_word_of_haplo_is_listed_with_its_meaning_or_refusal(title: str) -> None:
    section = HAPLO.split(f"## {title}\n")[1].split("\n## ")[0]
    told = rows(section)
    assert set(told) == set(haplo.TABLES[title])
    for word, meaning in haplo.TABLES[title].items():
        assert told[word].startswith("**refused**") is not meaning.taken


def test_the_tables_of_haplo_are_what_the_parser_goes_by() -> None:
    taken = {
        name: {word for word, meaning in table.items() if meaning.taken}
        for name, table in haplo.TABLES.items()
    }
    old_actions = {name for name, action in ACTIONS.items() if action.since == 0}
    assert taken["Actions"] == old_actions
    assert taken["Value filters"] == set(haplo.TAKEN_FILTERS)
    assert taken["Readers"] == {name for name, reader in READERS.items() if reader.since == 0}
    assert taken["Root keys"] == {key.name for key in ROOT.keys if key.since == 0}
    assert set(haplo.KEYS) - taken["Keys"] <= set(REFUSED_KEYS)
    old_keys = {
        key.name
        for shape in SHAPES
        if shape not in (ROOT, RECORD_PROCESSOR)
        for key in shape.keys
        if key.since == 0
    }
    assert taken["Keys"] == old_keys


def test_pages_link_to_each_other() -> None:
    assert "haplo.md" in REFERENCE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_parse_without_problems_and_surprises(example: Example) -> None:
    made = parsed(example.control)
    assert made.problems == ()
    assert {warning.code for warning in made.warnings} <= {"no-match", "visibility"}
