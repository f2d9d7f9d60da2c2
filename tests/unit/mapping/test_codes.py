"""The table of codes is complete, and names nothing that is not used."""

from __future__ import annotations

import re
from pathlib import Path

import worker.mapping
from worker.mapping.codes import CODES

SOURCES = [path for path in Path(worker.mapping.__file__).parent.glob("*.py") if path.name != "codes.py"]
_LITERAL = re.compile(r'"([a-z]+(?:-[a-z]+)+)"')
_NOT_CODES = frozenset(
    {"item-set", "iiif-presentation", "alt-text", "group-by", "collapse-space", "strip-html", "to-string"}
    | {"fix-up-url", "string-to-ref", "if-exists", "if-value-one-of", "for-each", "field-structured"}
    | {"twenty-first", "utf-8", "person-name", "assign-new-items", "data-types"}
    | {"resource-template", "element-set", "element-texts"}
)


def literals() -> set[str]:
    return {word for path in SOURCES for word in _LITERAL.findall(path.read_text(encoding="utf-8"))}


def test_every_code_that_mapping_uses_is_in_the_table() -> None:
    assert literals() - _NOT_CODES - set(CODES) == set()


def test_every_code_of_the_table_is_used() -> None:
    assert set(CODES) - literals() == set()
