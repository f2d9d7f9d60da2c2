"""Each sentence of `docs/exactly-once.md` names a test that there is, and that is always run."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "exactly-once.md"
_NAMED = re.compile(r"`([^`]+)`")


def _sections() -> dict[str, list[tuple[str, list[str]]]]:
    """Heading → sentences with the tests that they name."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    heading, within = "", False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading, within = line.lstrip("# "), False
        elif line == "| sentence | test |":
            within = True
        elif within and line.startswith("| ") and not line.startswith("|--"):
            sentence, tests = (part.strip() for part in line.strip("|").rsplit("|", 1))
            found.setdefault(heading, []).append((sentence, _NAMED.findall(tests)))
    return found


SENTENCES = [one for several in _sections().values() for one in several]


@cache
def _tests(file: str) -> dict[str, set[str]]:
    """The tests of a module, and how each is marked."""
    path = ROOT / file
    if not path.is_file():
        return {}
    return {
        node.name: {
            part.attr
            for one in node.decorator_list
            for part in ast.walk(one)
            if isinstance(part, ast.Attribute)
        }
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_law_has_its_sentences() -> None:
    assert list(_sections()) == [
        "The database is the truth, the queue a doorbell",
        "One worker a run",
        "Intent before effect",
        "No duplicate, no loss, no silent change",
        "Files are bytes with a digest",
        "A source is read once",
        "An Omeka Classic, which has no transactions",
    ]
    sentences = [sentence for sentence, _ in SENTENCES]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(("sentence", "tests"), SENTENCES, ids=[sentence for sentence, _ in SENTENCES])
def test_a_sentence_names_a_test_that_there_is(sentence: str, tests: list[str]) -> None:
    assert sentence.endswith(".")
    assert tests, "no test holds it"
    for test in tests:
        file, _, name = test.partition("::")
        assert name in _tests(file), f"there is no test {test}"
        assert not _tests(file)[name] & {"full", "skip", "skipif", "xfail"}, f"{test} is not always run"
