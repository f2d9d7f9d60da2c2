"""The data: as many artworks as the Tate has published, and a control file of twelve fields.

The project carries 500 of them (`examples/tate`). The rest are made of those: each further turn through the
500 gives the same records with identifiers, numbers, addresses and titles of their own. The file that
comes of it is as large as the real one, 122 MB, and the same every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.control.model import Control
from service.control.parse import parse_control

EXAMPLE = Path(__file__).parents[1] / "examples" / "tate" / "artworks-500.json"
ALL = 69_202
"""How many artworks the Tate has published."""
SCOPE = "tate"

CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "visibility": "public",
    "sites": [],
    "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": SCOPE}},
    "files": {"data*": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title", "language": "en"},
        {"source": "url", "name": "dcterms:source", "type": "uri", "label": "Tate"},
        {"source": "thumbnailUrl", "name": "dcterms:hasFormat", "type": "uri"},
        {"source": "dateText", "name": "dcterms:date"},
        {"source": "acquisitionYear", "name": "dcterms:dateAccepted", "type": "integer"},
        {"source": "medium", "name": "dcterms:medium", "language": "en"},
        {"source": "dimensions", "name": "dcterms:extent", "filters": ["trim", "collapse-space"]},
        {"source": "classification", "name": "dcterms:type", "language": "en"},
        {"source": "inscription", "name": "dcterms:description", "language": "en"},
        {"source": "creditLine", "name": "dcterms:provenance", "language": "en"},
        {
            "action": "for-each",
            "source": "contributors",
            "instructions": [{"source": "mda", "name": "dcterms:creator", "multivalue": True}],
        },
        {
            "expression": "subjects.children[].children[].children[].name",
            "name": "dcterms:subject",
            "multivalue": True,
            "unique": True,
        },
    ],
}


CLASSIC: dict[str, Any] = {
    **{key: value for key, value in CONTROL.items() if key not in ("sites", "instructions")},
    "model": "omeka-classic",
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {"source": "url", "name": "dcterms:source", "type": "uri", "label": "Tate"},
        {"source": "thumbnailUrl", "name": "dcterms:relation", "type": "uri"},
        {"source": "dateText", "name": "dcterms:date"},
        {"source": "acquisitionYear", "name": "dcterms:coverage"},
        {"source": "medium", "name": "dcterms:format"},
        {
            "source": "dimensions",
            "name": "Item Type Metadata:Physical Dimensions",
            "filters": ["trim", "collapse-space"],
        },
        {"source": "classification", "name": "dcterms:type"},
        {"source": "inscription", "name": "dcterms:description"},
        {"source": "creditLine", "name": "dcterms:rights"},
        *CONTROL["instructions"][-2:],
    ],
}
"""The same twelve fields in the elements that every Omeka Classic has."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of records, as a reader takes it. `size` in bytes."""

    path: Path
    size: int
    records: int


def artworks(count: int) -> Iterator[dict[str, Any]]:
    """The first `count` records; the first 500 are those of the example, unchanged."""
    known = orjson.loads(EXAMPLE.read_bytes())
    for number in range(count):
        turn, place = divmod(number, len(known))
        record = known[place]
        yield record if turn == 0 else _another(record, turn)


def _another(record: dict[str, Any], turn: int) -> dict[str, Any]:
    return record | {
        "acno": f"{record['acno']}-{turn}",
        "id": record["id"] + turn * 1_000_000,
        "title": f"{record['title']} ({turn})",
        "url": f"{record['url']}-{turn}",
    }


def write_artworks(path: Path, count: int) -> DataFile:
    """A JSON array, one record a line."""
    with path.open("wb") as file:
        file.write(b"[\n")
        for number, record in enumerate(artworks(count)):
            file.write(b",\n" if number else b"")
            file.write(orjson.dumps(record))
        file.write(b"\n]\n")
    return DataFile(path, path.stat().st_size, count)


def control(document: Mapping[str, Any] = CONTROL) -> Control:
    """A control file, parsed."""
    parsed = parse_control(json.dumps(document).encode())
    if parsed.control is None:
        raise ValueError("\n".join(str(problem) for problem in parsed.problems))
    return parsed.control
