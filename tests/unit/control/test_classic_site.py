"""The preset `omeka-classic-site`: its tables are those of the documents, and its instructions read them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.control import classic_site
from service.control.model import Expression, RecordProcessor, SiteReader, Source
from tests.unit.control.examples import DOCS
from tests.unit.control.making import parsed, version_0, version_1

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


# --- into another Omeka Classic -------------------------------------------------------------------


def control(processor: Any = "omeka-classic-site", **root: Any) -> dict[str, Any]:
    return {
        "dataImportControlFileVersion": 1,
        "model": "omeka-classic",
        "visibility": "private",
        "recordProcessor": processor,
        "files": {"old": {"read": "omeka-classic", "from": "old"}},
        **root,
    }


def test_it_goes_into_another_classic_without_a_problem_or_a_warning() -> None:
    made = parsed(control({"name": "omeka-classic-site", "elementSets": "override", "html": "strip"}))
    assert (made.problems, made.warnings) == ((), ())
    assert made.control is not None
    (file,) = made.control.files
    assert isinstance(file.reader, SiteReader)
    assert file.reader.preset is not None
    assert file.reader.preset.model == "omeka-classic"
    assert "element_sets" in file.reader.resources


@pytest.mark.parametrize("key", ["users", "createUsers", "simplePages"])
def test_what_no_classic_takes_is_refused_by_name(key: str) -> None:
    value: Any = {"users": {"a@b.c": "d@e.f"}, "createUsers": "researcher"}.get(key, "main")
    (problem,) = parsed(control({"name": "omeka-classic-site", key: value})).problems
    assert (problem.code, problem.pointer) == ("not-supported", f"/recordProcessor/{key}")


def test_it_must_be_said_into_what_it_goes() -> None:
    (problem,) = parsed(control(model="omeka")).problems[:1]
    assert "omeka-classic" in problem.message


def test_a_match_needs_to_say_only_what_is_other_than_in_the_preset() -> None:
    match = {"item": {"absent": "delete"}, "item-set": {"expression": "id", "by": "dcterms:source"}}
    made = parsed(control(match=match)).control
    assert made is not None
    item, of_set = made.match["item"], made.match["item-set"]
    assert (item.absent, item.scope, item.inputs) == ("delete", "old", (Source("identity"),))
    assert (of_set.inputs, of_set.scope) == ((Expression("id"),), "old")
    assert made.media_absent == "keep"
    removing = parsed(control(match={"media": {"absent": "delete"}})).control
    assert removing is not None
    assert removing.media_absent == "delete"


@pytest.mark.parametrize(
    ("model", "destination", "told"),
    [("omeka-s", "item", 'set "model"'), ("omeka-classic", "item-type", "no element texts")],
)
def test_element_texts_are_of_records_of_a_classic(model: str, destination: str, told: str) -> None:
    made = [
        {"action": "new", "destination": destination},
        {"action": "element-texts", "source": "elements", "destination": destination},
    ]
    problems = parsed(version_1(model=model, instructions=made)).problems
    assert any(told in one.message for one in problems), problems


def test_a_message_from_the_record_is_of_version_1() -> None:
    made = parsed(version_0({"action": "log-error", "message": {"source": "why"}}))
    assert [one.code for one in made.problems] == ["version-1-key"]
