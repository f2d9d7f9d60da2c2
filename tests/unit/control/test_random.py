"""Whatever the file: a compiled control or problems, never an exception, never a hang."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.control.model import Control
from service.control.names_used import names_used
from service.control.parse import parse_control
from service.control.schema import control_schema
from service.control.summary import summary
from tests.unit.control.grammar import control_of

SEEDS = st.integers(0, 2**48)


def check(seed: int) -> bool:
    """Whether the control file of a seed is sound."""
    made = parse_control(json.dumps(control_of(seed)).encode())
    assert (made.control is None) == bool(made.problems)
    for problem in (*made.problems, *made.warnings):
        assert problem.message.isprintable()
        assert problem.message.endswith((".", "?"))
        assert problem.message.startswith(problem.pointer)
    if isinstance(made.control, Control):
        names_used(made.control)
        summary(made.control)
    return made.control is not None


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_any_control_file_is_compiled_or_told_what_is_wrong(seed: int) -> None:
    check(seed)


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_control_files_are_compiled_or_told_what_is_wrong() -> None:
    sound = sum(check(seed) for seed in range(100_000))
    assert sound > 500


def test_some_of_them_are_sound() -> None:
    assert any(check(seed) for seed in range(400))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ \nntfu01-eE.', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert parse_control(data).problems


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_what_the_schema_refuses_the_parser_refuses(seed: int) -> None:
    text = json.dumps(control_of(seed))
    validator = jsonschema.Draft202012Validator(control_schema())
    if json.loads(text).get("dataImportControlFileVersion") != 0 and not validator.is_valid(json.loads(text)):
        assert parse_control(text.encode()).problems
