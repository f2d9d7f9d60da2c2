"""Every code that a person may meet is documented, and every documented one exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from worker.codes import CODES
from worker.mapping.codes import CODES as MAPPING_CODES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z][a-z-]+)` \| (.+) \|$", re.MULTILINE)


def rows(section: str) -> dict[str, str]:
    return dict(ROW.findall(PAGE.split(f"## {section}\n")[1].split("\n## ")[0]))


def said() -> Iterator[tuple[str, str]]:
    """The codes in calls of `say`, `Problem`, `Fatal` and their like, with their places."""
    for path in [
        *ROOT.glob("worker/*.py"),
        *ROOT.glob("worker/planning/*.py"),
        *ROOT.glob("worker/applying/*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = {
                "say": 1,
                "Problem": 1,
                "about": 2,
                "Fatal": 0,
                "Reject": 0,
                "refuse": 1,
                "RefusedResult": 1,
            }
            if name in place and len(node.args) > place[name]:
                argument = node.args[place[name]]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_the_page_has_every_code_of_a_run_with_its_meaning() -> None:
    assert rows("What a run says") == {code: f"{level} | {text}" for code, (level, text) in CODES.items()}


def test_the_page_has_every_code_of_mapping_with_its_meaning() -> None:
    assert rows("What mapping finds in a record") == dict(MAPPING_CODES)


def test_the_code_says_nothing_that_the_table_does_not_have() -> None:
    elsewhere = {code for code, _ in ROW.findall(PAGE)}
    assert [(code, where) for code, where in said() if code not in elsewhere] == []
    assert {code for code, _ in said()} & CODES.keys()


def test_the_table_has_nothing_that_the_code_never_says() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("worker/**/*.py") if path.name != "codes.py"
    )
    assert [code for code in CODES if f'"{code}"' not in sources] == []
