"""`docs/generators.md` shows what the generator does, and has its codes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.unit.generating.support import given, write
from worker.generating import generate

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")


def test_the_example_is_what_the_generator_makes(tmp_path) -> None:
    table, control = (PAGE.split(f"```{kind}\n")[1].split("```")[0] for kind in ("csv", "json"))
    assert generate(given(write(tmp_path, "register.csv", table)), None, None).text == control


def test_the_page_has_every_code_of_its_own() -> None:
    said = set()
    for path in (ROOT / "worker" / "generating").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = getattr(getattr(node, "func", None), "id", "")
            if called in ("Fatal", "FileUnreadable", "Reject"):
                said.add(node.args[0].value)
    readers = (ROOT / "docs" / "readers.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `([a-z-]+)` \| \w+ \| .+ \|$", re.MULTILINE)
    assert said - set(row.findall(readers)) == set(row.findall(PAGE))
