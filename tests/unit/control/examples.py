"""The JSON blocks of the documents, as whole control files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).resolve().parents[3] / "docs"

_AROUND: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "visibility": "public",
    "match": {"item": {"source": "id", "by": "dcterms:identifier"}},
    "files": {"data0": {"read": "json"}},
}


class Example(NamedTuple):
    name: str
    control: dict[str, Any]

    @property
    def version(self) -> int:
        return int(self.control["dataImportControlFileVersion"])


def _whole(block: Any) -> dict[str, Any]:
    """A list is instructions, which an item is made for unless they do; an object is part of a root."""
    if isinstance(block, list):
        makes = any(one.get("action") in ("new", "load") for one in block)
        return {**_AROUND, "instructions": block if makes else [{"action": "new"}, *block]}
    if "dataImportControlFileVersion" in block:
        return dict(block)
    return {**_AROUND, "instructions": [{"action": "new"}], **block}


def _examples() -> list[Example]:
    found = []
    for page in ("control-file.md", "haplo.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"```json\n(.*?)```", text, re.DOTALL), 1):
            found.append(Example(f"{page}-{number}", _whole(json.loads(block))))
    return found


EXAMPLES = _examples()
