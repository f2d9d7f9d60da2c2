#!/usr/bin/env python3
"""Compare the items of an Omeka S with the records of `artworks-500.json`, value by value.

    python3 examples/tate/check.py https://omeka.example.org [--json FILE]

Reads the site's public API without a key and needs nothing but Python. What an item should hold is
worked out here a second time, from the records alone, so that a mistake of the import cannot hide
behind itself. Prints one line a difference; exit code 0 only if there is none.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PER_PAGE = 100

Shown = dict[str, list[tuple[str, ...]]]
"""Term → its values in order: (text, language) of a text, (address, label) of a URI."""


def expected(record: dict) -> Shown:
    """What the item of this record should hold, term by term."""
    values: Shown = {
        "dcterms:identifier": [(record["acno"], "")],
        "dcterms:title": [(record["title"], "en")],
        "dcterms:source": [(record["url"], "Tate")],
        "dcterms:date": [(record["dateText"], "")],
        "dcterms:creator": [(contributor["mda"], "") for contributor in record["contributors"]],
        "dcterms:subject": [(name, "") for name in third_level(record.get("subjects") or {})],
    }
    for key, term, language in (
        ("medium", "dcterms:medium", "en"),
        ("dimensions", "dcterms:extent", ""),
        ("creditLine", "dcterms:provenance", "en"),
    ):
        text = (record.get(key) or "").strip()
        values[term] = [(text, language)] if text else []
    return {term: found for term, found in values.items() if found}


def third_level(subjects: dict) -> list[str]:
    """The names of the subjects' grandchildren's children, each once, in the order of the tree."""
    names: list[str] = []
    for first in subjects.get("children", []):
        for second in first.get("children", []):
            for third in second.get("children", []):
                if third["name"] not in names:
                    names.append(third["name"])
    return names


def held(item: dict) -> Shown:
    """What the item holds: every property that Omeka lists, in the same form."""
    values: Shown = {}
    for term, found in item.items():
        if ":" not in term or term.startswith(("o:", "@")) or not isinstance(found, list):
            continue
        values[term] = [
            (value["@id"], value.get("o:label") or "")
            if value["type"] == "uri"
            else (value.get("@value"), value.get("@language") or "")
            for value in found
        ]
    return values


def hidden(item: dict) -> list[str]:
    """The terms with a value that is not public."""
    return [
        term
        for term, found in item.items()
        if isinstance(found, list)
        for value in found
        if isinstance(value, dict) and value.get("is_public") is False
    ]


def items(site: str) -> Iterator[dict]:
    """Every public item of the site."""
    api = site.rstrip("/").removesuffix("/api") + "/api/items"
    if not api.startswith(("http://", "https://")):
        raise ValueError("not a web address")
    page = 1
    while True:
        address = f"{api}?per_page={PER_PAGE}&page={page}&sort_by=id"
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - http or https, see above
            found = json.load(answer)
        yield from found
        if len(found) < PER_PAGE:
            return
        page += 1


def differences(records: list[dict], present: list[dict]) -> Iterator[str]:
    """One line for each thing that is not as it should be."""
    by_number: dict[str, list[dict]] = {}
    for item in present:
        for value in item.get("dcterms:identifier", [{}]):
            by_number.setdefault(value.get("@value", "no identifier"), []).append(item)
    for record in records:
        number = record["acno"]
        mine = by_number.pop(number, [])
        if len(mine) != 1:
            yield f"{number}: {len(mine)} items instead of one"
            continue
        item = mine[0]
        should, has = expected(record), held(item)
        for term in sorted(should.keys() | has.keys()):
            if should.get(term) != has.get(term):
                yield f"{number}: {term} is {has.get(term)}, should be {should.get(term)}"
        if item["o:title"] != record["title"]:
            yield f"{number}: the title shown is {item['o:title']!r}"
        if item["o:is_public"] is not True:
            yield f"{number}: the item is not public"
        for term in hidden(item):
            yield f"{number}: a value of {term} is not public"
        if "dctype:Image" not in item["@type"]:
            yield f"{number}: the class is not dctype:Image but {item['@type']}"
        if item["o:site"]:
            yield f"{number}: the item is in a site"
    for number, rest in by_number.items():
        yield f"{number}: {len(rest)} items that no record asks for"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("site", help="address of the Omeka S")
    parser.add_argument("--json", type=Path, default=HERE / "artworks-500.json", help="the records")
    arguments = parser.parse_args()
    records = json.loads(arguments.json.read_text(encoding="utf-8"))
    try:
        present = list(items(arguments.site))
    except (urllib.error.URLError, ValueError) as error:
        print(f"{arguments.site} cannot be read: {error}", file=sys.stderr)
        return 2
    found = list(differences(records, present))
    for line in found[:50]:
        print(line)
    if found:
        print(f"{len(found)} differences between {len(records)} records and {len(present)} items.")
        return 1
    print(f"All {len(records)} records stand in the target with the right values ({len(present)} items).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
