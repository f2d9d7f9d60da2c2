"""Every code that a reader can give stands in the documentation, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_CODE = re.compile(
    r'"((?:file|other|unknown|json|record|header|quote|column|group|xml|sheet|zip|reader|row|cell|fill|'
    r'marc)-[a-z-]+|undecodable)"'
)


def test_the_codes_of_the_documentation_are_those_of_the_readers() -> None:
    used = set()
    for path in (*ROOT.glob("worker/readers/*.py"), ROOT / "worker" / "attachments" / "archive.py"):
        used |= set(_CODE.findall(path.read_text(encoding="utf-8")))
    text = (ROOT / "docs" / "readers.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `([a-z-]+)` \| (?:fatal|reject) \|", text, re.MULTILINE))
    assert described == used - {"marc-8"}
