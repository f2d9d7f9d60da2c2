"""Importing again what has not changed, at size: a constant number of requests, and flat memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import planning
from benchmarks.measuring import Bench, Effort, Fact


def _facts(effort: Effort, folder: Path) -> dict[str, Fact]:
    folder.mkdir()
    return {row.measured: row for row in planning.measure(Bench(effort, folder)) if isinstance(row, Fact)}


@pytest.mark.full
def test_requests_and_memory_do_not_depend_on_the_number_of_unchanged_records(tmp_path: Path) -> None:
    few, many = _facts("tiny", tmp_path / "few"), _facts("quick", tmp_path / "many")
    requests = "requests to the target"
    assert set(many[requests].ours.values) == set(few[requests].ours.values) == {3.0}
    assert many["growth of the worker meanwhile"].met is True
