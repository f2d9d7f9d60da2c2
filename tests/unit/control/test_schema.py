"""The JSON Schema and the parser agree wherever a schema can judge."""

from __future__ import annotations

import json

import jsonschema
import pytest

from service.control.schema import DIALECT, control_schema
from service.control.shapes_actions import ACTIONS
from service.control.shapes_files import READERS
from tests.unit.control.corpus import WRONG, Wrong
from tests.unit.control.examples import EXAMPLES
from tests.unit.control.making import parsed, version_1


def errors(control: object) -> list[str]:
    validator = jsonschema.Draft202012Validator(control_schema())
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(control)))]


def test_it_is_a_schema() -> None:
    schema = control_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert {f"action-{name}" for name in ACTIONS} | {f"read-{name}" for name in READERS} <= set(
        schema["$defs"]
    )


def test_it_cannot_be_spoiled_by_who_gets_it() -> None:
    control_schema()["properties"].clear()
    assert control_schema()["properties"]


def test_every_definition_is_described_for_editors() -> None:
    schema = control_schema()
    for name, made in schema["$defs"].items():
        if name.startswith(("action-", "read-")):
            assert made["description"]
            assert all(entry.get("description") for entry in made["properties"].values())


def test_every_definition_is_used() -> None:
    text = json.dumps(control_schema())
    unused = [name for name in control_schema()["$defs"] if f'"#/$defs/{name}"' not in text]
    assert unused == []


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.what.replace(" ", "-"))
def test_wrong_files_get_the_same_verdict(wrong: Wrong) -> None:
    codes = {problem.code for problem in parsed(wrong.control).problems}
    assert wrong.code in codes
    assert bool(errors(wrong.control)) is wrong.by_schema


def test_there_are_enough_wrong_files() -> None:
    assert len(WRONG) >= 60
    assert len({wrong.what for wrong in WRONG}) == len(WRONG)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.version == 1], ids=lambda one: one.name)
def test_the_examples_of_the_documents_are_sound_for_both(example: object) -> None:
    control = example.control  # type: ignore[attr-defined]
    assert parsed(control).problems == ()
    assert errors(control) == []


def test_the_file_that_others_are_made_of_is_sound_for_both() -> None:
    assert parsed(version_1()).problems == ()
    assert errors(version_1()) == []
