"""The preset `omeka-classic-site`: its tables are those of the documents, and its instructions read them."""

from __future__ import annotations

import re

from service.control import classic_site
from service.control.model import RecordProcessor
from tests.unit.control.examples import DOCS

PAGE = (DOCS / "omeka-api-import.md").read_text(encoding="utf-8")


def rows(section: str) -> dict[str, str]:
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", text, re.MULTILINE))


def test_the_tables_of_the_documents_are_those_of_the_preset() -> None:
    assert rows("Elements") == dict(classic_site.TERMS)
    assert rows("Item types") == dict(classic_site.CLASSES)


def test_every_option_is_described() -> None:
    for name in RecordProcessor.__dataclass_fields__:
        if name not in ("name", "pointer", "model"):
            key = re.sub("_(.)", lambda found: found[1].upper(), name)
            assert f"`{key}`" in PAGE or f'"{key}"' in PAGE, key


def test_terms_that_a_control_file_names_are_written_and_those_that_it_leaves_out_are_not() -> None:
    preset = RecordProcessor(
        "omeka-classic-site",
        geolocation=False,
        element_map={"A:B": "foaf:name", "tags": "", "Dublin Core:Type": ""},
    )
    written = classic_site.written(preset)
    assert "foaf:name" in written
    assert "" not in written
    assert "dcterms:created" in written  # of Dublin Core Extended
    assert classic_site.terms(preset)["tags"] == ""
